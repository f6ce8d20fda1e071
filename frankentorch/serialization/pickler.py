"""The pickle inside a `.pt` file: Python's own pickler with PyTorch's names, and storages as references to records.

Equal strings are written once and then referred to, whether or not they are one object in memory: the bytes depend on the values.
"""

import codecs
import pickle
from collections import OrderedDict

from frankentorch._ext import interchange
from frankentorch._storage import TypedStorage, UntypedStorage
from frankentorch._tensor import Tensor

from frankentorch import ops
from frankentorch.checkpoint.errors import CheckpointError
from frankentorch.nn.parameter import Parameter
from frankentorch.random import Generator
from frankentorch.serialization import names, rebuild

_PLAIN = frozenset((str, int, float, bool, type(None), list, tuple, dict, bytes, OrderedDict, set, complex, bytearray))

_TUPLES = {1: pickle.TUPLE1, 2: pickle.TUPLE2, 3: pickle.TUPLE3}


class _StorageOf:
    """A tensor's storage on its way into the pickle."""

    __slots__ = ("core", "kind")

    def __init__(self, tensor):
        self.core = interchange.storage_of(tensor)
        self.kind = names.STORAGE_OF_DTYPE.get(tensor.dtype, names.UNTYPED)


class StorageTable:
    """Storages in the order they were met; the number is the record's name."""

    def __init__(self):
        self.numbers = {}   # id of the core storage → (number, kind)
        self.cores = []

    def reference(self, core, kind):
        """The persistent id of a storage."""
        if interchange.storage_is_meta(core):
            raise CheckpointError("storage", "a storage on device meta has no bytes to save")
        if id(core) not in self.numbers:
            self.numbers[id(core)] = len(self.cores), kind
            self.cores.append(core)
        number, first_kind = self.numbers[id(core)]
        if first_kind is not kind:
            raise CheckpointError("storage", "Cannot save multiple tensors or storages that view the same data as different types\n"
                                  f"  first as {first_kind.name}, now as {kind.name}")
        return "storage", kind, str(number), "cpu", interchange.storage_nbytes(core) // kind.itemsize

    def persistent_id(self, thing):
        if type(thing) is _StorageOf:
            return self.reference(thing.core, thing.kind)
        if isinstance(thing, UntypedStorage):
            return self.reference(thing._core, names.UNTYPED)
        if isinstance(thing, TypedStorage):
            return self.reference(thing.untyped()._core, names.STORAGE_OF_DTYPE.get(thing.dtype, names.UNTYPED))
        return None


def reduce_tensor(tensor):
    """(function, arguments) that make a tensor again."""
    if isinstance(tensor, Parameter):
        data = tensor.detach()
        state = tensor.__dict__
        return (rebuild.rebuild_parameter_with_state, (data, tensor.requires_grad, OrderedDict(), dict(state))) if state else \
            (rebuild.rebuild_parameter, (data, tensor.requires_grad, OrderedDict()))
    size, stride = tuple(tensor.shape), tuple(tensor.stride())
    if tensor.is_meta:
        function, arguments = rebuild.rebuild_meta, (tensor.dtype, size, stride, tensor.requires_grad)
    else:
        storage = _StorageOf(tensor)
        arguments = (storage, tensor.storage_offset(), size, stride, tensor.requires_grad, OrderedDict())
        function = rebuild.rebuild_tensor_v2
        if storage.kind is names.UNTYPED:
            function, arguments = rebuild.rebuild_tensor_v3, (*arguments, tensor.dtype)
    if type(tensor) is Tensor and not tensor.__dict__:
        return function, arguments
    getstate = getattr(type(tensor), "__getstate__", None)
    state = tensor.__getstate__() if getstate not in (None, getattr(object, "__getstate__", None)) else (dict(tensor.__dict__) or None)
    return rebuild.rebuild_from_type, (function, type(tensor), arguments, state)


def reduce_special(thing):
    """How things of ours are written that Python's pickler would name by their own modules; NotImplemented for the rest."""
    kind = type(thing)
    if kind in _PLAIN:
        return NotImplemented
    if isinstance(thing, Tensor):
        own = kind.__reduce_ex__
        return reduce_tensor(thing) if own in (Tensor.__reduce_ex__, Parameter.__reduce_ex__) else NotImplemented
    if kind is names.StorageType or isinstance(thing, (ops.dtype, ops.memory_format)):
        return thing.__reduce__()
    if isinstance(thing, ops.layout):
        return rebuild.get_layout, (str(thing),)
    if isinstance(thing, Generator):
        return Generator, (thing.device,), (thing.initial_seed(), None, thing.get_state())
    return NotImplemented


class Pickler(pickle._Pickler):
    """Python's pickler in Python, whose way of writing names can be changed.

    Parameters
    ----------
    file : object with `write`
    protocol : int
    storages : StorageTable
    """

    dispatch = dict(pickle._Pickler.dispatch)

    def __init__(self, file, protocol, storages):
        super().__init__(file, protocol)
        self.storages, self.persistent_id = storages, storages.persistent_id
        self.texts = {}

    reducer_override = staticmethod(reduce_special)

    def save(self, thing, save_persistent_id=True):
        if type(thing) is Tensor and 2 <= self.proto < 4 and id(thing) not in self.memo and not thing.is_meta and not thing.__dict__:
            storage = _StorageOf(thing)
            if storage.kind is not names.UNTYPED:
                return self.save_plain_tensor(thing, storage)
        return pickle._Pickler.save(self, thing, save_persistent_id)

    def save_plain_tensor(self, tensor, storage):
        """The opcodes that `save` would write for `reduce_tensor`, straight: five times faster, and a state has hundreds."""
        write, text, number = self.write, self.save_str, self.save_long
        self.save(rebuild.rebuild_tensor_v2)
        _, kind, key, location, numel, *more = identity = self.storages.reference(storage.core, storage.kind)
        write(pickle.MARK + pickle.MARK)
        text("storage")
        self.save(kind)
        text(key)
        text(location)
        number(numel)
        for item in more:
            self.save(item)
        write(pickle.TUPLE)
        self.memoize(identity)
        write(pickle.BINPERSID)
        number(tensor.storage_offset())
        self.save_numbers(tuple(tensor.shape))
        self.save_numbers(tuple(tensor.stride()))
        write(pickle.NEWTRUE if tensor.requires_grad else pickle.NEWFALSE)
        self.save(OrderedDict)
        write(pickle.EMPTY_TUPLE + pickle.REDUCE)
        self.memoize(OrderedDict())
        write(pickle.TUPLE)
        self.memoize([])  # in place of the tuple of arguments, which is never met again
        write(pickle.REDUCE)
        self.memoize(tensor)

    def save_numbers(self, values):
        """A tuple of ints."""
        if not values:
            self.write(pickle.EMPTY_TUPLE)
            return
        few = len(values) <= 3
        if not few:
            self.write(pickle.MARK)
        for value in values:
            self.save_long(value)
        self.write(_TUPLES[len(values)] if few else pickle.TUPLE)
        self.memoize(values)

    def save_str(self, text):
        known = self.texts.setdefault(text, text)
        place = self.memo.get(id(known))
        if place is not None:
            self.write(self.get(place[0]))
        else:
            pickle._Pickler.save_str(self, known)

    dispatch[str] = save_str

    def save_bytes(self, content):
        """Before protocol 3 no bytes are named by a type that PyTorch's safe reader does not know."""
        if self.proto < 3 and not content:
            self.save_reduce(codecs.encode, ("", "latin1"), obj=content)
        else:
            pickle._Pickler.save_bytes(self, content)

    dispatch[bytes] = save_bytes

    def save_set(self, items):
        """Sorted, as far as that is possible: the order inside a set is not a value."""
        kind = type(items)
        self.save_reduce(kind, (sorted(items, key=lambda item: (type(item).__name__, repr(item))),), obj=items)

    dispatch[set] = dispatch[frozenset] = save_set

    def save_global(self, thing, name=None):
        module, name = names.written_name(thing, name)
        if self.proto >= 4:
            self.save(module)
            self.save(name)
            self.write(pickle.STACK_GLOBAL)
        else:
            if self.proto < 3:
                compat = pickle._compat_pickle
                if (module, name) in compat.REVERSE_NAME_MAPPING:
                    module, name = compat.REVERSE_NAME_MAPPING[(module, name)]
                else:
                    module = compat.REVERSE_IMPORT_MAPPING.get(module, module)
            self.write(pickle.GLOBAL + f"{module}\n{name}\n".encode())
        self.memoize(thing)

    dispatch[type(reduce_special)] = save_global

    def save_type(self, kind):
        if kind in (type(None), type(NotImplemented), type(...)):
            return self.save_reduce(type, ({type(None): None, type(NotImplemented): NotImplemented, type(...): ...}[kind],), obj=kind)
        return self.save_global(kind)

    dispatch[type] = save_type


def pickle_to(file, thing, protocol, storages, pickle_module):
    """Write one pickle of `thing`."""
    if pickle_module is pickle:
        Pickler(file, protocol, storages).dump(thing)
        return
    # Another module's pickler: our storages and tensors are written as always, names of classes as that module writes them.
    pickler = type("Pickler", (pickle_module.Pickler,), {"persistent_id": staticmethod(storages.persistent_id), "reducer_override": staticmethod(_reduce_by_import)})
    pickler(file, protocol).dump(thing)


def _reduce_by_import(thing):
    """As `reduce_special`, for a pickler whose names must be importable here."""
    if type(thing) is names.StorageType:
        return _storage_type, (thing.name,)
    if isinstance(thing, (ops.dtype, ops.memory_format)):
        return _constant, (thing.__reduce__(),)
    return reduce_special(thing)


def _storage_type(name):
    return names.STORAGE_TYPES.get(name, names.UNTYPED)


def _constant(name):
    return getattr(ops, name)
