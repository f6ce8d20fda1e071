"""From tensors to the byte ranges a file holds, and back: which storages there are, and where each tensor lies in one.

Tensors over one storage stay tied: the file holds the *hull* of their bytes once (from the first byte one of them uses to
the last), and each keeps its sizes and strides. Bytes of a hull that no tensor uses are written as zero, so that a file
depends on nothing but the state; a tensor that is alone in its storage and leaves gaps is made contiguous.
"""

from typing import NamedTuple

from frankentorch._ext import create

from frankentorch import ops
from frankentorch.checkpoint.errors import CheckpointError
from frankentorch.checkpoint.values import DTYPES, dtype_name

REQUIRES_GRAD, PARAMETER = 1, 2
NO_STORAGE = 0xFFFFFFFF
_DTYPES = [getattr(ops, name) for name in DTYPES]


class Record(NamedTuple):
    """One tensor: where it lies. Offset and strides are in elements."""

    name: str
    dtype: int
    flags: int
    storage: int
    offset: int
    sizes: tuple
    strides: tuple


class Buffer:
    """Bytes of memory as a memoryview, and what keeps them alive. The core's own buffers forbid a later resize."""

    def __init__(self, storage, start, nbytes):
        import ctypes

        self.storage = storage
        address = create.storage_facts(storage)[0]
        self.view = memoryview((ctypes.c_ubyte * nbytes).from_address(address + start)).cast("B") if nbytes else memoryview(b"")


def gather(tensors):
    """Records and buffers of named tensors.

    Parameters
    ----------
    tensors : list of (str, Tensor)
        Sorted by name. Storages are numbered in the order in which the records first use them.

    Returns
    -------
    list of Record, list of Buffer
    """
    from frankentorch.nn.parameter import Parameter

    groups, places = {}, []
    for name, tensor in tensors:
        check_tensor(name, tensor)
        if not tensor.numel():
            places.append(None)
            continue
        storage = create.storage_of(tensor.detach())
        facts = create.storage_facts(storage)
        group = groups.setdefault(facts[:2], _Group(storage))
        places.append((group, len(group.members)))
        group.add(name, tensor)
    for at, group in enumerate(groups.values()):
        group.settle(at)
    records = []
    for (name, tensor), place in zip(tensors, places):
        flags = (REQUIRES_GRAD if tensor.requires_grad else 0) | (PARAMETER if isinstance(tensor, Parameter) else 0)
        dtype, sizes = DTYPES.index(dtype_name(tensor.dtype, name)), tuple(tensor.shape)
        if place is None:
            records.append(Record(name, dtype, flags, NO_STORAGE, 0, sizes, tuple(tensor.stride())))
        else:
            group, member = place
            offset, strides = group.members[member]
            records.append(Record(name, dtype, flags, group.number, offset, sizes, strides))
    return records, [group.buffer for group in groups.values()]


def check_tensor(name, tensor):
    if tensor.device.type != "cpu":
        raise CheckpointError("type", f"cannot save a tensor on device {tensor.device}", record=name)
    if getattr(tensor, "is_sparse", False) or str(getattr(tensor, "layout", "strided")).rpartition(".")[2] != "strided":
        raise CheckpointError("type", "cannot save a sparse tensor", record=name)


class _Group:
    """Tensors over one storage."""

    def __init__(self, storage):
        self.storage, self.members, self.tensors = storage, [], []

    def add(self, name, tensor):
        if self.tensors and self.tensors[0].dtype != tensor.dtype:
            raise CheckpointError("alias", f"the same bytes are saved as {self.tensors[0].dtype} and as {tensor.dtype}; save one of them, or a clone", record=name)
        self.tensors.append(tensor.detach())
        self.members.append((tensor.storage_offset(), tuple(tensor.stride())))

    def settle(self, number):
        """Decide the bytes to write and each member's place in them."""
        self.number = number
        itemsize = self.tensors[0].dtype.itemsize
        spans = [(offset, offset + reach(tensor.shape, strides)) for tensor, (offset, strides) in zip(self.tensors, self.members)]
        low, high = min(first for first, _ in spans), max(last for _, last in spans) + 1
        unique = {(offset, strides, tuple(tensor.shape)): tensor for tensor, (offset, strides) in zip(self.tensors, self.members)}
        if any(fills(tensor, high - low) for tensor in self.tensors):
            self.buffer = Buffer(self.storage, low * itemsize, (high - low) * itemsize)
        elif len(unique) == 1:
            whole = self.tensors[0].contiguous()
            self.members, low = [(0, tuple(whole.stride()))] * len(self.members), 0
            self.buffer = Buffer(create.storage_of(whole), 0, whole.numel() * itemsize)
        else:
            self.buffer = self.without_gaps(unique, low, high, itemsize)
        self.members = [(offset - low, strides) for offset, strides in self.members]

    def without_gaps(self, unique, low, high, itemsize):
        """A copy of the hull with zeros where no tensor lies."""
        copy = ops.zeros(high - low, dtype=self.tensors[0].dtype)
        for offset, strides, sizes in unique:
            step = [stride if stride else 1 for stride in strides]
            shape = [size if stride else 1 for size, stride in zip(sizes, strides)]
            source = create.from_storage(self.storage, self.tensors[0].dtype, tuple(shape), tuple(step), offset)
            target = create.from_storage(create.storage_of(copy), copy.dtype, tuple(shape), tuple(step), offset - low)
            create.copy(target, source.clone())
        return Buffer(create.storage_of(copy), 0, (high - low) * itemsize)


def reach(sizes, strides):
    """Distance from the first to the last element, in elements."""
    return sum((size - 1) * stride for size, stride in zip(sizes, strides))


def fills(tensor, extent):
    """Whether one tensor uses every element of a hull of `extent` elements: expanded dims left out, its strides nest without gaps."""
    expected = 1
    for size, stride in sorted(((size, stride) for size, stride in zip(tensor.shape, tensor.stride()) if size > 1 and stride), key=lambda pair: pair[1]):
        if stride != expected:
            return False
        expected *= size
    return expected == extent


def check_no_overlap(record):
    """Refuse views with two elements at one place, and those larger than what they show (hardened mode)."""
    expected = 1
    for size, stride in sorted(((size, stride) for size, stride in zip(record.sizes, record.strides) if size > 1), key=lambda pair: pair[1]):
        if stride < expected:
            raise CheckpointError("overlap", f"sizes {list(record.sizes)}, strides {list(record.strides)}: elements overlap, which hardened mode refuses", record=record.name)
        expected = stride * (size - 1) + expected


def build(record, storage):
    """The tensor of a checked record over its loaded storage."""
    dtype = _DTYPES[record.dtype]
    if storage is None:
        tensor = ops.empty_strided(record.sizes, record.strides, dtype=dtype)
    else:
        tensor = create.from_storage(storage, dtype, record.sizes, record.strides, record.offset)
    if record.flags & PARAMETER:
        from frankentorch.nn.parameter import Parameter

        return Parameter(tensor, requires_grad=bool(record.flags & REQUIRES_GRAD))
    return tensor.requires_grad_() if record.flags & REQUIRES_GRAD else tensor
