"""Nested tuples, lists and dicts as a list of leaves and a spec of how they were nested. What is no registered container is a leaf, None too."""
from collections import OrderedDict, defaultdict, deque, namedtuple

Container = namedtuple("Container", "flatten unflatten")


class TreeSpec:
    """How leaves were nested: the container's type, what it takes to make it again, and the specs of its members. A leaf has type None."""

    __slots__ = ("type", "context", "children_specs", "num_leaves")

    def __init__(self, type=None, context=None, children_specs=()):
        self.type, self.context, self.children_specs = type, context, list(children_specs)
        self.num_leaves = sum(child.num_leaves for child in children_specs) if type is not None else 1

    @property
    def num_children(self):
        return len(self.children_specs)

    def is_leaf(self):
        return self.type is None

    def __eq__(self, other):
        return isinstance(other, TreeSpec) and (self.type, self.context, self.children_specs) == (other.type, other.context, other.children_specs)

    def __hash__(self):
        return hash((self.type, self.num_leaves))

    def __repr__(self):
        if self.type is None:
            return "*"
        inner = ", ".join(map(repr, self.children_specs))
        return f"TreeSpec({self.type.__name__}, {self.context}, [{inner}])"


LeafSpec = TreeSpec
_LEAF = TreeSpec()
CONTAINERS = {
    tuple: Container(lambda t: (list(t), None), lambda values, context: tuple(values)),
    list: Container(lambda t: (list(t), None), lambda values, context: list(values)),
    dict: Container(lambda t: (list(t.values()), list(t)), lambda values, keys: dict(zip(keys, values))),
    OrderedDict: Container(lambda t: (list(t.values()), list(t)), lambda values, keys: OrderedDict(zip(keys, values))),
    defaultdict: Container(lambda t: (list(t.values()), (t.default_factory, list(t))), lambda values, context: defaultdict(context[0], zip(context[1], values))),
    deque: Container(lambda t: (list(t), t.maxlen), lambda values, maxlen: deque(values, maxlen)),
}
_RESULT = Container(lambda t: (list(t), type(t)), lambda values, cls: cls(values))       # of ops with several results
_NAMED = Container(lambda t: (list(t), type(t)), lambda values, cls: cls(*values))


def register_pytree_node(cls, flatten_fn, unflatten_fn, **kept_for_others):
    """Make instances of `cls` containers: ``flatten_fn(x) -> (members, context)``, ``unflatten_fn(members, context) -> x``."""
    CONTAINERS[cls] = Container(flatten_fn, unflatten_fn)


def container_of(value):
    found = CONTAINERS.get(type(value))
    if found is None and isinstance(value, tuple):
        if hasattr(value, "_fields") and all(isinstance(name, str) for name in value._fields):
            return _NAMED
        if type(value).__module__.endswith("return_types"):
            return _RESULT
    return found


def tree_flatten(tree, is_leaf=None):
    """(leaves, spec)."""
    leaves = []
    return leaves, _flatten(tree, leaves, is_leaf)


def _flatten(tree, leaves, is_leaf):
    container = None if is_leaf is not None and is_leaf(tree) else container_of(tree)
    if container is None:
        leaves.append(tree)
        return _LEAF
    members, context = container.flatten(tree)
    return TreeSpec(namedtuple if container is _NAMED else type(tree), context, [_flatten(member, leaves, is_leaf) for member in members])


def tree_unflatten(leaves, treespec):
    """The tree again, of other leaves."""
    leaves = list(leaves)
    if len(leaves) != treespec.num_leaves:
        raise ValueError(f"tree_unflatten: {len(leaves)} leaves for a tree of {treespec.num_leaves}: {treespec}")
    return _unflatten(iter(leaves), treespec)


def _unflatten(leaves, spec):
    if spec.type is None:
        return next(leaves)
    container = _NAMED if spec.type is namedtuple else CONTAINERS.get(spec.type, _RESULT)
    return container.unflatten([_unflatten(leaves, child) for child in spec.children_specs], spec.context)


def tree_leaves(tree, is_leaf=None):
    return tree_flatten(tree, is_leaf)[0]


def tree_structure(tree, is_leaf=None):
    return tree_flatten(tree, is_leaf)[1]


def tree_map(func, tree, *rests, is_leaf=None):
    """The tree of ``func(leaf, leaves at the same place of the other trees)``."""
    leaves, spec = tree_flatten(tree, is_leaf)
    others = [tree_leaves(rest, is_leaf) for rest in rests]
    return tree_unflatten([func(*values) for values in zip(leaves, *others)], spec)


def tree_map_(func, tree, *rests, is_leaf=None):
    """`tree_map` for what `func` does to the leaves; gives the tree itself."""
    tree_map(func, tree, *rests, is_leaf=is_leaf)
    return tree


def tree_map_only(kind, func, tree, is_leaf=None):
    """`tree_map` over leaves of a type (or that a predicate holds of)."""
    wanted = (lambda leaf: isinstance(leaf, kind)) if isinstance(kind, (type, tuple)) else kind
    return tree_map(lambda leaf: func(leaf) if wanted(leaf) else leaf, tree, is_leaf=is_leaf)


def tree_all(predicate, tree, is_leaf=None):
    return all(map(predicate, tree_leaves(tree, is_leaf)))


def tree_any(predicate, tree, is_leaf=None):
    return any(map(predicate, tree_leaves(tree, is_leaf)))


def _broadcast_to_and_flatten(tree, treespec, is_leaf=None):
    """Leaves of `tree` as if it were nested like `treespec`: one of its leaves stands for all below its place. None when it does not fit."""
    if treespec.is_leaf():
        return [tree] if container_of(tree) is None or (is_leaf is not None and is_leaf(tree)) else None
    if container_of(tree) is None or (is_leaf is not None and is_leaf(tree)):
        return [tree] * treespec.num_leaves
    members, context = container_of(tree).flatten(tree)
    kind = namedtuple if container_of(tree) is _NAMED else type(tree)
    if kind is not treespec.type or len(members) != treespec.num_children or (treespec.type is not namedtuple and context != treespec.context):
        return None
    out = []
    for member, child in zip(members, treespec.children_specs):
        part = _broadcast_to_and_flatten(member, child, is_leaf)
        if part is None:
            return None
        out += part
    return out
