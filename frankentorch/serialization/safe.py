"""What a pickle from a file that nobody vouches for may ask for: the policies of `_ext.unpickle`.

A file may name the types and rebuild functions of `names.READABLE` and what the program itself put on its list of safe globals. No
other name is looked up, nothing is imported, and no function of the list does more than build a value from checked parts.
"""

import contextlib
from collections import Counter, OrderedDict

from frankentorch._ext.unpickle import Unpickler
from frankentorch._size import Size
from frankentorch._tensor import Tensor

from frankentorch import ops
from frankentorch.checkpoint.errors import CheckpointError
from frankentorch.nn.parameter import Parameter
from frankentorch.serialization import names, rebuild

_user_globals = []


# ---- the program's own list ----
def add_safe_globals(safe_globals):
    """Let files name these classes and functions when they are loaded with ``weights_only=True``.

    Parameters
    ----------
    safe_globals : list of (class, function, or tuple of one and the full name it has in files)
        They are called with what the file says: trust them with any argument.
    """
    for item in safe_globals:
        _name_and_thing(item)
    _user_globals.extend(item for item in safe_globals if item not in _user_globals)


def get_safe_globals():
    """What the program has added."""
    return list(_user_globals)


def clear_safe_globals():
    """Forget what was added."""
    _user_globals.clear()


class safe_globals(contextlib.ContextDecorator):  # noqa: N801  (the oracle's name)
    """``with safe_globals([Class]):`` — `add_safe_globals` for the length of a block."""

    def __init__(self, safe_globals):
        self.items = list(safe_globals)

    def __enter__(self):
        self.before = get_safe_globals()
        add_safe_globals(self.items)
        return self

    def __exit__(self, *exc):
        _user_globals[:] = self.before


def _name_and_thing(item):
    if isinstance(item, tuple):
        if len(item) != 2 or not callable(item[0]) or not isinstance(item[1], str):
            raise ValueError(f"expected a callable and its full name, got {item!r:.200}")
        module, _, name = item[1].rpartition(".")
        return names.current_name(module, name), item[0]
    if not callable(item):
        raise TypeError(f"add_safe_globals: expected classes or functions, got {item!r:.200}")
    return names.current_name(item.__module__, item.__qualname__), item


class SafePolicy:
    """Decides what a pickle may build.

    Parameters
    ----------
    storage : callable, persistent id → TypedStorage or UntypedStorage
    record : str
        Named in errors.
    """

    def __init__(self, storage, record="data.pkl"):
        self.storage, self.record = storage, record
        self.user = dict(map(_name_and_thing, _user_globals))
        self.user_things = {id(thing) for thing in self.user.values()}
        self.functions = {id(thing) for thing in names.READABLE.values() if type(thing) is type(rebuild.bad)}

    def bad(self, rule, message, offset):
        return CheckpointError("pickle-" + rule, message, record=self.record, offset=offset)

    def find_global(self, module, name, offset):
        module, name = names.current_name(module, name)
        if module.partition(".")[0] in names.BLOCKED_MODULES:
            raise self.bad("global", f"Weights only load failed. Trying to load unsupported GLOBAL {module}.{name} whose module {module} is blocked.", offset)
        found = self.user.get((module, name))
        if found is None:
            found = names.READABLE.get((module, name))
        if found is None:
            absent = module == "torch" and (name in names.ABSENT_DTYPES or name in names.ABSENT_STORAGES)
            raise self.bad("global", f"Weights only load failed. Unsupported global: GLOBAL {module}.{name} was not an allowed global by default.\n  " +
                           ("FrankenTorch has no such dtype" if absent else
                            f"if the file is trusted: torch.serialization.add_safe_globals([{name}]), or load it with weights_only=False, which can run code from the file"), offset)
        return found

    def persistent_load(self, identity, offset):
        try:
            return self.storage(identity)
        except CheckpointError as error:
            raise self.placed(error, offset) from None

    def placed(self, error, offset):
        """An error of a part, with the place in the pickle when it names none."""
        if error.record is None:
            error.record, error.offset = self.record, offset
        return error

    def reduce(self, function, arguments, offset):
        try:
            if id(function) in self.user_things:
                return function(*arguments)
            if id(function) in self.functions:
                if function is rebuild.rebuild_from_type and len(arguments) > 1 and not (arguments[1] in (Tensor, Parameter) or id(arguments[1]) in self.user_things):
                    raise rebuild.bad("global", f"Weights only load failed. {arguments[1]!r:.100} is no allowed class of tensors")
                return function(*arguments)
            return _make_plain(function, arguments)
        except CheckpointError as error:
            raise self.placed(error, offset) from None
        except Exception as error:
            raise self.bad("reduce", f"{getattr(function, '__name__', function)!s:.100}: {type(error).__name__}: {error}", offset) from error

    def new_object(self, cls, arguments, keywords, offset):
        if not isinstance(cls, type) or type(arguments) is not tuple or type(keywords) is not dict:
            raise self.bad("new", "an object is made of something that is no class", offset)
        if id(cls) in self.user_things:
            return cls.__new__(cls, *arguments, **keywords)
        if cls is OrderedDict and not arguments and not keywords:
            return OrderedDict()
        raise self.bad("new", f"Weights only load failed. Trying to make an instance of {cls.__qualname__}, which is not allowed", offset)

    def build(self, thing, state, offset):
        if id(type(thing)) in self.user_things:
            if hasattr(thing, "__setstate__"):
                thing.__setstate__(state)
                return
            plain, slots = state if isinstance(state, tuple) and len(state) == 2 else (state, None)
            thing.__dict__.update(plain or {})
            for name, value in (slots or {}).items():
                setattr(thing, name, value)
            return
        if type(thing) not in (OrderedDict, Counter):
            raise self.bad("build", f"Weights only load failed. State is set on a {type(thing).__qualname__}", offset)
        try:
            rebuild.set_attributes(thing, state)
        except CheckpointError as error:
            raise self.placed(error, offset) from None

    def set_item(self, target, key, value, offset):
        if type(target) not in (OrderedDict, Counter) and id(type(target)) not in self.user_things:
            raise self.bad("target", f"items are set on a {type(target).__name__}", offset)
        target[key] = value

    def extend(self, target, items, offset):
        if id(type(target)) not in self.user_things:
            raise self.bad("target", f"items are appended to a {type(target).__name__}, which is no list", offset)
        for item in items:
            target.append(item)


def _make_plain(function, arguments):
    """Values of built-in types and of ours, from arguments of the only shapes their own pickles have."""
    count = len(arguments)
    if function is Counter and count <= 1 and all(type(item) is dict for item in arguments):
        return Counter(*arguments)
    if function is complex and count <= 2 and all(type(part) in (float, int) for part in arguments):
        return complex(*arguments)
    if function is bytes and not count:
        return b""
    if function is bytearray:
        if not count or count == 1 and type(arguments[0]) is bytes:
            return bytearray(*arguments)
        if count == 2 and type(arguments[0]) is str:
            return bytearray(rebuild.encode_latin1(*arguments))
    if function is Size:
        return rebuild.make_size(*arguments)
    if function is ops.device and 1 <= count <= 2 and type(arguments[0]) is str and all(type(n) is int for n in arguments[1:]):
        return ops.device(*arguments)
    if function is Parameter and 1 <= count <= 2 and isinstance(arguments[0], Tensor) and all(type(flag) is bool for flag in arguments[1:]):
        return Parameter(*arguments)
    raise rebuild.bad("reduce", f"Weights only load failed. {getattr(function, '__name__', type(function).__name__)!s:.100} is called, which is not allowed with these arguments")


# ---- which names are unsafe ----
class Ghost(dict):
    """Stands for whatever a pickle would build; nothing is built."""

    __hash__ = object.__hash__

    def __eq__(self, other):
        return self is other


class Collector:
    """A policy that notes every name and builds nothing."""

    def __init__(self):
        self.found = set()

    bad = SafePolicy.bad
    record = "data.pkl"

    def find_global(self, module, name, offset):
        self.found.add(names.current_name(module, name))
        return Ghost()

    def persistent_load(self, identity, offset):
        return Ghost()

    def reduce(self, function, arguments, offset):
        return Ghost()

    def new_object(self, cls, arguments, keywords, offset):
        return Ghost()

    def build(self, thing, state, offset):
        pass

    def set_item(self, target, key, value, offset):
        pass

    def extend(self, target, items, offset):
        pass


def unsafe_globals(pickled):
    """Sorted full names that a pickle asks for and that are neither known nor on the program's list."""
    collector = Collector()
    Unpickler(pickled, collector).load()
    user = dict(map(_name_and_thing, _user_globals))
    return sorted(f"{module}.{name}" for module, name in collector.found if (module, name) not in names.READABLE and (module, name) not in user)
