"""Transforms by forward mode: `jvp`, `jacfwd`, `linearize`.

Each `jvp` opens a level of forward mode of its own, so they nest in one another and in reverse mode in any order. Arguments and results
are tensors in any nesting of tuples, named tuples, lists and dicts.
"""
import itertools

from frankentorch import ops
from frankentorch._ext.tensor import Tensor
from frankentorch.autograd import forward_ad
from frankentorch.autograd.backward import grad as gradients
from frankentorch.func.vmap import unit_cotangents, vmap

__all__ = ["jvp", "jacfwd", "linearize"]


# ---- trees ----
def _flatten(tree):
    """(leaves in order, structure); structures are equal when a tree of one can be rebuilt as the other."""
    if isinstance(tree, (tuple, list)):
        parts = [_flatten(item) for item in tree]
        return [leaf for leaves, _ in parts for leaf in leaves], (type(tree), tuple(form for _, form in parts))
    if isinstance(tree, dict):
        parts = [_flatten(tree[key]) for key in tree]
        return [leaf for leaves, _ in parts for leaf in leaves], (type(tree), tuple(tree), tuple(form for _, form in parts))
    return [tree], None


def _rebuild(form, leaves):
    """The tree of a structure over an iterator of leaves."""
    if form is None:
        return next(leaves)
    kind, *keys, forms = form
    items = [_rebuild(inner, leaves) for inner in forms]
    if keys:
        return kind(zip(keys[0], items))
    return kind(*items) if hasattr(kind, "_fields") else kind(items)


def _unflatten(form, leaves):
    return _rebuild(form, iter(leaves))


def _words(form):
    """A structure in words: ``(*, {'a': *})``."""
    if form is None:
        return "*"
    kind, *keys, forms = form
    inside = [_words(inner) for inner in forms]
    if keys:
        return "{" + ", ".join(f"{key!r}: {word}" for key, word in zip(keys[0], inside)) + "}"
    return f"{'' if kind is tuple else kind.__name__}({', '.join(inside)})"


def _check_tensors(where, what, leaves):
    if not leaves:
        raise RuntimeError(f"{where}: Expected {what} to contain at least one Tensor.")
    for leaf in leaves:
        if not isinstance(leaf, Tensor):
            raise RuntimeError(f"{where}: Expected {what} to only contain Tensors, got {type(leaf)}")


# ---- jvp ----
def jvp(func, primals, tangents, *, strict=False, has_aux=False):
    """Value of a function and its derivative along a direction.

    Parameters
    ----------
    func : callable of as many arguments as `primals` has
    primals : tuple, tangents : tuple of the same structure and shapes
        Where to differentiate, and along what.
    strict : bool
        Refuse a result that does not depend on the primals, which otherwise has a tangent of zeros.
    has_aux : bool
        func returns ``(output, aux)``; aux is handed through undifferentiated.

    Returns
    -------
    (output, tangent of output), and aux when `has_aux`

    Raises
    ------
    RuntimeError
        Primals or tangents are no tuples of tensors, differ in structure or shape, or func returns something else than tensors.
    """
    where = "jvp(f, primals, tangents)"
    if not isinstance(primals, tuple):
        raise RuntimeError(f"{where}: Expected primals to be a tuple. E.g. it should be valid to call f(*primals).")
    flat, form = _flatten(primals)
    flat_tangents, tangent_form = _flatten(tangents)
    if form != tangent_form:
        raise RuntimeError(f"{where}: Expected primals and tangents to have the same python structure. For example, if primals is a tuple of 3 tensors, tangents also must be. "
                           f"Got primals with structure {_words(form)} and tangents with structure {_words(tangent_form)}")
    _check_tensors(where, "primals", flat)
    _check_tensors(where, "tangents", flat_tangents)
    _check_continuous(flat, "primal")
    _check_continuous(flat_tangents, "tangent")
    with forward_ad._Level() as level:
        duals = [forward_ad._make_dual(primal, tangent, level) for primal, tangent in zip(flat, flat_tangents)]
        found = func(*_unflatten(form, duals))
        output, aux = _with_aux(found, where) if has_aux else (found, None)
        leaves, out_form = _flatten(output)
        for leaf in leaves:
            if not isinstance(leaf, Tensor):
                raise RuntimeError(f"{where}: expected f(*primals) to return only tensors, got unsupported type {type(leaf)}")
        pairs = [forward_ad._unpack(leaf, level) for leaf in leaves]
        if strict and any(tangent is None for _, tangent in pairs):
            raise RuntimeError(f"{where[:-1]}, strict=True): The output of f is independent of the inputs. This is not allowed with strict=True.")
        values = _unflatten(out_form, [primal for primal, _ in pairs])
        slopes = _unflatten(out_form, [ops.zeros_like(primal) if tangent is None else tangent for primal, tangent in pairs])
        return (values, slopes, _released(aux, level)) if has_aux else (values, slopes)


def _check_continuous(leaves, word):
    for leaf in leaves:
        if not (leaf.is_floating_point() or leaf.is_complex()):
            raise ValueError(f"Expected {word} to be floating point or complex, but got: {leaf.dtype}")


def _with_aux(found, where):
    if not isinstance(found, tuple) or len(found) != 2:
        raise RuntimeError(f"{where}: output of function f should be a tuple: (output, aux) if has_aux is True")
    return found


def _released(aux, level):
    """What came along, without its tangents of the level that ends."""
    leaves, form = _flatten(aux)
    for leaf in leaves:
        if not isinstance(leaf, Tensor):
            raise RuntimeError(f"Expected tensors, got unsupported type {type(leaf)}")
    return _unflatten(form, [forward_ad._unpack(leaf, level)[0] for leaf in leaves])


# ---- jacfwd ----
def jacfwd(func, argnums=0, has_aux=False, *, randomness="error"):
    """The Jacobian by forward mode: one `jvp` for each element of the arguments, all at once by `vmap`.

    Parameters
    ----------
    func : callable
        Its result is a tensor or any nesting of tensors.
    argnums : int or tuple of ints
        The arguments to differentiate by.
    has_aux : bool
        func returns ``(output, aux)``.
    randomness : "error", "different" or "same"
        Whether func may draw random numbers, and whether they may differ between columns; see `vmap`.

    Returns
    -------
    callable
        With the arguments of func; gives for each output, in each differentiated argument's place, a tensor of shape
        ``output.shape + argument.shape`` (and aux when `has_aux`).

    Raises
    ------
    RuntimeError
        An argument number that is out of range or repeated; complex arguments or results.
    """
    if randomness not in ("error", "different", "same"):
        raise RuntimeError(f"Only allowed values for randomness are 'error', 'different', or 'same'. Got {randomness}")

    def jacobian(*args, **kwargs):
        numbers = _checked_argnums(argnums, len(args))
        chosen = tuple(args[k] for k in numbers)
        flat, form = _flatten(chosen)
        for position, leaf in enumerate(flat):
            if isinstance(leaf, Tensor) and leaf.is_complex():
                raise RuntimeError(f"jacfwd: Expected all inputs to be real but received complex tensor at flattened input idx: {position}")

        def of_chosen(*chosen):
            given = list(args)
            for k, value in zip(numbers, chosen):
                given[k] = value
            return func(*given, **kwargs)

        _check_tensors("jacfwd", "arguments", flat)

        def push(*tangents):
            nonlocal output, aux, out_form
            output, slope, *rest = jvp(of_chosen, chosen, _unflatten(form, list(tangents)), has_aux=has_aux)
            aux = rest[0] if rest else None
            output, out_form = _flatten(output)
            return tuple(output), tuple(_flatten(slope)[0]), aux
        output = aux = out_form = None
        basis = unit_cotangents(flat, [leaf.numel() for leaf in flat])
        if sum(leaf.numel() for leaf in flat):
            outs, slopes, aux = vmap(push, out_dims=(0, 0, None), randomness=randomness)(*basis)
            outs = [ops.select(out, 0, 0) for out in outs]        # the value is the same in every direction
        else:
            outs, slopes, aux = push(*[ops.zeros_like(leaf) for leaf in flat])
            slopes = [ops.zeros((0, *out.shape), dtype=out.dtype, device=out.device) for out in outs]
        for position, out in enumerate(outs):
            if out.is_complex():
                raise RuntimeError(f"jacfwd: Expected all outputs to be real but received complex tensor at flattened input idx: {position}")
        blocks = []
        for position, out in enumerate(outs):
            starts = itertools.accumulate([leaf.numel() for leaf in flat], initial=0)
            inner = _unflatten(form, [_gathered(ops.narrow(slopes[position], 0, start, leaf.numel()), out, leaf) for start, leaf in zip(starts, flat)])
            blocks.append(inner[0] if isinstance(argnums, int) else inner)
        found = _unflatten(out_form, blocks)
        return (found, aux) if has_aux else found
    return jacobian


def _checked_argnums(argnums, count):
    if not isinstance(argnums, (int, tuple)) or isinstance(argnums, tuple) and not all(isinstance(k, int) for k in argnums):
        raise RuntimeError(f"argnums must be int or Tuple[int, ...], got: {type(argnums)}")
    numbers = (argnums,) if isinstance(argnums, int) else argnums
    if not numbers:
        raise RuntimeError("argnums must be non-empty")
    for k in numbers:
        if not -count <= k < count:
            raise RuntimeError(f"Got argnum={k}, but only {count} positional inputs")
    numbers = tuple(k % count for k in numbers)
    if len(set(numbers)) != len(numbers):
        raise RuntimeError(f"argnums elements must be unique, got {argnums}")
    return numbers


def _gathered(columns, out, leaf):
    """Columns side by side: shape ``out.shape + leaf.shape``."""
    return ops.reshape(ops.movedim(columns, 0, -1), (*out.shape, *leaf.shape))


# ---- linearize ----
def linearize(func, *primals):
    """Value of a function and its derivative as a function of the direction, at one point.

    The function is called once. What it recorded is transposed twice: with ``h(g) = J^T g`` linear in g, the gradient of ``<h(g), t>`` with
    respect to g is ``J t``, and each direction costs one walk of that graph.

    Returns
    -------
    (output, callable)
        The callable takes tangents of the structure, shapes and dtypes of the primals.

    Raises
    ------
    RuntimeError
        By the callable, when the tangents do not fit the primals.
    """
    flat, form = _flatten(primals)
    tensors = [isinstance(leaf, Tensor) and (leaf.is_floating_point() or leaf.is_complex()) for leaf in flat]
    with ops.enable_grad():
        points = [ops.alias(leaf) if is_tensor else leaf for leaf, is_tensor in zip(flat, tensors)]
        for point, is_tensor in zip(points, tensors):
            if is_tensor and not point.requires_grad:
                point.requires_grad_()
        output = func(*_unflatten(form, points))
        leaves, out_form = _flatten(output)
        followed = [leaf for leaf in leaves if isinstance(leaf, Tensor) and leaf.requires_grad]
        weights = [ops.ones_like(leaf).requires_grad_() for leaf in followed]
        by = [point for point, is_tensor in zip(points, tensors) if is_tensor]
        pulled = gradients(followed, by, weights, create_graph=True, allow_unused=True) if followed and by else [None] * len(by)
    values = [_plain(leaf, flat) for leaf in leaves]

    def push(*tangents):
        flat_tangents, tangent_form = _flatten(tangents)
        if tangent_form != form:
            raise RuntimeError(f"Expected the tangents {_words(tangent_form)} to have the same argspec as the primals {_words(form)}")
        for k, (tangent, primal) in enumerate(zip(flat_tangents, flat)):
            for word in ("shape", "dtype", "device"):
                if getattr(tangent, word) != getattr(primal, word):
                    raise RuntimeError(f"tangent:{k} with {word} {getattr(tangent, word)} in flattened pytree doesn't match the {word} {getattr(primal, word)} of the corresponding primal.")
        along = [tangent for tangent, is_tensor in zip(flat_tangents, tensors) if is_tensor]
        pairs = [(h, t) for h, t in zip(pulled, along) if h is not None and h.requires_grad]
        records = ops.is_grad_enabled() and any(t.requires_grad for t in itertools.chain(along, (leaf for leaf in flat if isinstance(leaf, Tensor))))
        found = gradients([h for h, _ in pairs], weights, [t for _, t in pairs], retain_graph=True, create_graph=records, allow_unused=True) if pairs else [None] * len(weights)
        slopes = iter(found)
        results = []
        for leaf in leaves:
            slope = next(slopes) if isinstance(leaf, Tensor) and leaf.requires_grad else None
            results.append(ops.zeros_like(leaf) if slope is None and isinstance(leaf, Tensor) else slope)
        return _unflatten(out_form, results)

    return _unflatten(out_form, values), push


def _plain(leaf, primals):
    """A result as if only what the caller follows had been followed."""
    if not isinstance(leaf, Tensor) or any(isinstance(item, Tensor) and item.requires_grad for item in primals):
        return leaf
    return forward_ad._untaped(leaf)
