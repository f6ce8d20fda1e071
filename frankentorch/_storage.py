"""`UntypedStorage` and `TypedStorage`: the bytes under tensors, as Python objects. They hold the core's Storage; two of them are the same
storage when they hold the same one."""

from frankentorch import ops
from frankentorch._ext import interchange
from frankentorch._ext.create import from_storage


class UntypedStorage:
    """Bytes that tensors share.

    ``UntypedStorage(n)`` makes n zero bytes, ``UntypedStorage([1, 2])`` takes byte values. Indexing reads and writes single bytes.
    """

    __slots__ = ("_core", "__weakref__")
    is_cuda = False
    is_sparse = False
    is_sparse_csr = False

    def __init__(self, size=0, *, device=None):
        if isinstance(size, int):
            self._core = interchange.make_storage(size, device is not None and ops.device(device).type == "meta")
        else:
            data = bytes(size)
            self._core = interchange.make_storage(len(data))
            interchange.storage_write(self._core, 0, data)

    @classmethod
    def _of(cls, core):
        self = object.__new__(cls)
        self._core = core
        return self

    def nbytes(self):
        return interchange.storage_nbytes(self._core)

    size = __len__ = nbytes

    def data_ptr(self):
        return interchange.storage_address(self._core)

    def element_size(self):
        return 1

    @property
    def device(self):
        return ops.device("meta" if interchange.storage_is_meta(self._core) else "cpu")

    def get_device(self):
        return -1

    @property
    def _cdata(self):
        return id(self._core)

    def resize_(self, size):
        interchange.storage_resize(self._core, size)
        return self

    def resizable(self):
        return True

    def tolist(self):
        return list(interchange.storage_contents(self._core))

    def __bytes__(self):
        return interchange.storage_contents(self._core)

    def __iter__(self):
        return iter(self.tolist())

    def clone(self):
        return type(self)._of(interchange.copied_storage(self._core))

    def copy_(self, source, non_blocking=None):
        if source.nbytes() != self.nbytes():
            raise RuntimeError(f"size does not match, self was {self.nbytes()} bytes but src was {source.nbytes()} bytes")
        interchange.storage_write(self._core, 0, bytes(source))
        return self

    def fill_(self, value):
        interchange.storage_write(self._core, 0, bytes([int(value)]) * self.nbytes())
        return self

    def __getitem__(self, index):
        data = interchange.storage_contents(self._core)
        return UntypedStorage(data[index]) if isinstance(index, slice) else data[index]

    def __setitem__(self, index, value):
        size = self.nbytes()
        places = range(size)[index]
        for place in places if isinstance(index, slice) else (places,):
            interchange.storage_write(self._core, place, bytes([int(value)]))

    def cpu(self):
        return self

    def is_pinned(self, device=None):
        return False

    def is_shared(self):
        return False

    def __eq__(self, other):
        return self._core is other._core if isinstance(other, UntypedStorage) else NotImplemented

    def __hash__(self):
        return id(self._core)

    def __copy__(self):
        return self.clone()

    def __deepcopy__(self, memo):
        key = id(self._core)
        if key not in memo:
            memo[key] = interchange.copied_storage(self._core)
        return type(self)._of(memo[key])

    def __reduce__(self):
        return type(self)._of, (self._core,)

    def __repr__(self):
        lines = "" if self.device.type == "meta" else "".join(f" {byte}\n" for byte in self.tolist())
        return f"{lines}[torch.storage.UntypedStorage(device={self.device}) of size {self.nbytes()}]"

    def untyped(self):
        return self


class TypedStorage:
    """A storage read as elements of one dtype (deprecated by PyTorch; `Tensor.untyped_storage` is the way)."""

    def __init__(self, *args, wrap_storage=None, dtype=None, device=None, _internal=False):
        self.dtype = dtype or ops.get_default_dtype()
        if wrap_storage is not None:
            self._untyped_storage = wrap_storage
        elif args and not isinstance(args[0], int):
            self._untyped_storage = ops.tensor(list(args[0]), dtype=self.dtype).untyped_storage()
        else:
            self._untyped_storage = UntypedStorage((args[0] if args else 0) * self.dtype.itemsize, device=device)

    def _flat(self):
        return from_storage(self._untyped_storage._core, self.dtype, (self.size(),), (1,), 0)

    def untyped(self):
        return self._untyped_storage

    @property
    def device(self):
        return self._untyped_storage.device

    def size(self):
        return self._untyped_storage.nbytes() // self.dtype.itemsize

    __len__ = size

    def nbytes(self):
        return self._untyped_storage.nbytes()

    def element_size(self):
        return self.dtype.itemsize

    def data_ptr(self):
        return self._untyped_storage.data_ptr()

    def tolist(self):
        return self._flat().tolist()

    def __iter__(self):
        return iter(self.tolist())

    def __getitem__(self, index):
        if isinstance(index, slice):
            raise RuntimeError("slices are only supported in UntypedStorage.__getitem__")
        return self._flat()[index].item()

    def __setitem__(self, index, value):
        self._flat()[index] = value

    def fill_(self, value):
        self._flat().fill_(value)
        return self

    def clone(self):
        return TypedStorage(wrap_storage=self._untyped_storage.clone(), dtype=self.dtype)

    def resize_(self, size):
        self._untyped_storage.resize_(size * self.dtype.itemsize)
        return self

    def copy_(self, source, non_blocking=None):
        self._flat().copy_(source._flat())
        return self

    def is_shared(self):
        return False

    def __eq__(self, other):
        return self._untyped_storage == other._untyped_storage and self.dtype is other.dtype if isinstance(other, TypedStorage) else NotImplemented

    def __hash__(self):
        return hash(self._untyped_storage)

    def __repr__(self):
        lines = "" if self.device.type == "meta" else "".join(f" {value}\n" for value in self.tolist())
        return f"{lines}[torch.storage.TypedStorage(dtype={self.dtype}, device={self.device}) of size {len(self)}]"


def _core_from_bytes(data):
    core = interchange.make_storage(len(data))
    interchange.storage_write(core, 0, data)
    return core


def _meta_core(nbytes):
    return interchange.make_storage(nbytes, True)


def _reduce_core(core):
    """How pickle writes the core's Storage: once per pickle, whoever shares it."""
    if interchange.storage_is_meta(core):
        return _meta_core, (interchange.storage_nbytes(core),)
    return _core_from_bytes, (interchange.storage_contents(core),)


def _register():
    import copyreg
    copyreg.pickle(interchange.make_storage(0).__class__, _reduce_core)


_register()
