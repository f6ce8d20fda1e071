"""Tensors as plain bytes: the neutral form in which a sample travels between two libraries.

`pack` turns any tree of arguments or results into values that belong to no library; `Builder`
makes them again in a given library. A tensor keeps its strides, offset, requires_grad and the
storage it shares with others; `frombuffer` and `as_strided` are all that is asked of a library.
Lazy conjugation and negation are resolved: the carrier holds the numbers that are meant.
"""
import ctypes
from dataclasses import dataclass, field

ITEMSIZE = {
    "bool": 1, "uint8": 1, "int8": 1, "int16": 2, "uint16": 2, "int32": 4, "uint32": 4, "int64": 8, "uint64": 8,
    "float16": 2, "bfloat16": 2, "float32": 4, "float64": 8, "complex64": 8, "complex128": 16,
}
MEMORY_FORMATS = ("contiguous_format", "preserve_format", "channels_last", "channels_last_3d")


class Unsupported(Exception):
    """The value has no neutral form, so no other library can be asked about it."""


@dataclass(eq=False)
class StorageSpec:
    """Bytes that one or more tensors look at."""

    raw: bytes


@dataclass(eq=False)
class TensorSpec:
    """One tensor: a strided window (in elements) on a storage."""

    dtype: str
    sizes: tuple
    strides: tuple
    offset: int
    storage: StorageSpec
    requires_grad: bool = False

    def __repr__(self):
        grad = " requires_grad" if self.requires_grad else ""
        return f"<{self.dtype}{list(self.sizes)} strides {list(self.strides)} offset {self.offset}{grad}>"

    @property
    def numel(self):
        count = 1
        for size in self.sizes:
            count *= size
        return count


def row_major(sizes):
    """Strides, in elements, of a dense tensor whose last dim is the fastest."""
    strides, step = [], 1
    for size in reversed(sizes):
        strides.append(step)
        step *= max(size, 1)
    return tuple(strides[::-1])


@dataclass(frozen=True)
class Named:
    """A library's constant: dtype, device, layout or memory format, by its name."""

    kind: str
    name: str


@dataclass
class Sequence:
    """A list, tuple, Size or named result; `kind` says which."""

    kind: str
    items: list = field(default_factory=list)


def read_bytes(address, nbytes):
    """Copy memory out; no NumPy needed, and the same call serves either library."""
    return ctypes.string_at(address, nbytes) if nbytes else b""


def dtype_name(dtype):
    return str(dtype).rpartition(".")[2]


def resolved(value):
    """The tensor with lazy conjugation and negation carried out; a library may lack either idea."""
    if getattr(value, "is_conj", bool)():
        value = value.resolve_conj()
    return value.resolve_neg() if getattr(value, "is_neg", bool)() else value


class Packer:
    """Library values → neutral values. One packer per call keeps track of shared storages."""

    def __init__(self, lib):
        self.lib = lib
        self.storages = {}

    def pack(self, value):
        lib = self.lib
        if value is None or isinstance(value, (bool, int, float, complex, str)) or value is Ellipsis:
            return value
        if isinstance(value, lib.Tensor):
            return self.tensor(value)
        if isinstance(value, slice):
            return slice(self.pack(value.start), self.pack(value.stop), self.pack(value.step))
        if isinstance(value, lib.Size):
            return Sequence("size", [int(item) for item in value])
        if isinstance(value, tuple):
            return Sequence("tuple", [self.pack(item) for item in value])
        if isinstance(value, (list, range)):
            return Sequence("list", [self.pack(item) for item in value])
        if isinstance(value, dict):
            return {key: self.pack(item) for key, item in value.items()}
        if isinstance(value, lib.dtype):
            return Named("dtype", dtype_name(value))
        if isinstance(value, lib.device):
            return Named("device", str(value))
        for kind in ("layout", "memory_format"):
            if isinstance(value, getattr(lib, kind, ())):
                return Named(kind, str(value).rpartition(".")[2])
        raise Unsupported(type(value).__name__)

    def tensor(self, value):
        if str(value.layout).rpartition(".")[2] != "strided":
            raise Unsupported(f"layout {value.layout}")
        name = dtype_name(value.dtype)
        if name not in ITEMSIZE:
            raise Unsupported(f"dtype {name}")
        requires_grad = value.requires_grad
        value = resolved(value.detach())
        storage = value.untyped_storage()
        key = storage.data_ptr() or object()
        if key not in self.storages:
            self.storages[key] = StorageSpec(read_bytes(storage.data_ptr(), storage.nbytes()))
        return TensorSpec(name, tuple(value.shape), tuple(value.stride()), value.storage_offset(),
                          self.storages[key], requires_grad)


class Builder:
    """Neutral values → values of one library. Keeps what it built, to trace aliases afterwards."""

    def __init__(self, lib):
        self.lib = lib
        self.bases = {}        # id(StorageSpec) -> base tensor over the bytes
        self.tensors = []      # (TensorSpec, tensor) in order of appearance
        self.by_spec = {}      # id(TensorSpec) -> tensor: one spec met twice is one tensor

    def build(self, value):
        lib = self.lib
        if isinstance(value, TensorSpec):
            return self.tensor(value)
        if isinstance(value, Sequence):
            items = [self.build(item) for item in value.items]
            if value.kind == "size":
                return lib.Size(items)
            return items if value.kind == "list" else tuple(items)
        if isinstance(value, dict):
            return {key: self.build(item) for key, item in value.items()}
        if isinstance(value, slice):
            return slice(self.build(value.start), self.build(value.stop), self.build(value.step))
        if isinstance(value, Named):
            return lib.device(value.name) if value.kind == "device" else getattr(lib, value.name)
        return value

    def tensor(self, spec):
        if id(spec) in self.by_spec:
            return self.by_spec[id(spec)]
        lib = self.lib
        dtype = getattr(lib, spec.dtype)
        size = ITEMSIZE[spec.dtype]
        if not spec.storage.raw:
            made = lib.empty_strided(spec.sizes, spec.strides, dtype=dtype)
        else:
            key = (id(spec.storage), spec.dtype)
            if key not in self.bases:
                self.bases[key] = self.base(spec, dtype, size)
            base = self.bases[key]
            made = lib.as_strided(base, spec.sizes, spec.strides, spec.offset).detach()
        if spec.requires_grad:
            made.requires_grad_(True)
        self.by_spec[id(spec)] = made
        self.tensors.append((spec, made))
        return made

    def base(self, spec, dtype, itemsize):
        raw = bytearray(spec.storage.raw)
        for (storage, _), other in self.bases.items():
            if storage == id(spec.storage):          # same bytes under another dtype: share them
                return other.view(dtype)
        usable = len(raw) // itemsize * itemsize
        return self.lib.frombuffer(memoryview(raw)[:usable], dtype=dtype)

    def leaves(self):
        return [tensor for spec, tensor in self.tensors if spec.requires_grad]

    def alias_of(self, address):
        """Which input's storage an address lies in: (position of the storage, byte offset)."""
        seen = []
        for spec, tensor in self.tensors:
            if not spec.storage.raw or id(spec.storage) in seen:
                continue
            seen.append(id(spec.storage))
            start = tensor.data_ptr() - tensor.storage_offset() * ITEMSIZE[spec.dtype]
            if start <= address < start + len(spec.storage.raw):
                return len(seen) - 1, address - start
        return None


def tree_tensors(value):
    """Every TensorSpec of a tree, in order."""
    if isinstance(value, TensorSpec):
        yield value
    elif isinstance(value, Sequence):
        for item in value.items:
            yield from tree_tensors(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from tree_tensors(item)


def rewrite(value, function):
    """The tree with every leaf replaced by function(leaf)."""
    if isinstance(value, Sequence):
        return Sequence(value.kind, [rewrite(item, function) for item in value.items])
    if isinstance(value, dict):
        return {key: rewrite(item, function) for key, item in value.items()}
    return function(value)
