"""What the functions named in pickles of tensors do: one constructor with its checks, and the forms PyTorch has for it."""

from frankentorch._ext import create
from frankentorch._size import Size
from frankentorch._storage import TypedStorage, UntypedStorage
from frankentorch._tensor import Tensor

from frankentorch import ops
from frankentorch.checkpoint.errors import CheckpointError
from frankentorch.nn.parameter import Parameter

MAX_NDIM = 64
LIMIT = 1 << 63


def bad(rule, message):
    return CheckpointError(rule, message)


def tensor_over(core, dtype, offset, size, stride):
    """A tensor over a storage; sizes, strides and offset are proved to stay inside before anything is made of them.

    Raises
    ------
    CheckpointError
        They are no ints, negative, of different lengths, overflow, or leave the storage.
    """
    geometry = (offset, *size, *stride)
    if any(type(n) is not int for n in geometry) or min(geometry) < 0 or max(geometry) >= LIMIT:
        raise bad("view", f"offset, sizes and strides must be ints of 0 or more, got {offset!r:.60}, {size!r:.200}, {stride!r:.200}")
    if len(size) != len(stride) or len(size) > MAX_NDIM:
        raise bad("view", f"{len(size)} sizes and {len(stride)} strides; they must be as many, at most {MAX_NDIM}")
    numel, extent, last = 1, 1, offset
    for n, step in zip(size, stride):
        numel *= n
        extent *= max(n, 1)
        last += (n - 1) * step
    nbytes = create.storage_facts(core)[1]
    if extent * dtype.itemsize >= LIMIT or offset * dtype.itemsize > nbytes:
        raise bad("view", f"sizes {size!r:.200} or offset {offset} overflow")
    if numel and (last + 1) * dtype.itemsize > nbytes:
        raise bad("view", f"elements up to {last} of {dtype.itemsize} bytes are outside a storage of {nbytes} bytes\n  sizes {size!r:.200}, strides {stride!r:.200}, offset {offset}")
    try:
        return create.from_storage(core, dtype, tuple(size), tuple(stride), offset)
    except (RuntimeError, ValueError, OverflowError) as error:
        raise bad("view", f"no tensor can be made of sizes {size!r:.200}, strides {stride!r:.200}, offset {offset}: {error}") from None


def _core_of(storage, dtype=None):
    if isinstance(storage, TypedStorage):
        return storage.untyped()._core, storage.dtype
    if isinstance(storage, UntypedStorage):
        return storage._core, dtype
    raise bad("rebuild", f"a tensor is made of a {type(storage).__name__}, which is no storage")


def _plain_ints(value, what):
    if not isinstance(value, (tuple, list)):
        raise bad("view", f"{what} must be a tuple, got {type(value).__name__}")
    return tuple(value)


def rebuild_tensor(storage, storage_offset, size, stride):
    """The oldest form: no flags."""
    core, dtype = _core_of(storage, ops.uint8)
    return tensor_over(core, dtype, storage_offset, _plain_ints(size, "size"), _plain_ints(stride, "stride"))


def rebuild_tensor_v2(storage, storage_offset, size, stride, requires_grad, backward_hooks, metadata=None):
    """Today's form. Hooks were never written: something there is no checkpoint's."""
    return _finish(rebuild_tensor(storage, storage_offset, size, stride), requires_grad, backward_hooks, metadata)


def rebuild_tensor_v3(storage, storage_offset, size, stride, requires_grad, backward_hooks, dtype, metadata=None):
    """The form for dtypes without a storage class of their own."""
    if not isinstance(dtype, ops.dtype):
        raise bad("rebuild", f"a dtype is expected, got {type(dtype).__name__}")
    core, _ = _core_of(storage)
    made = tensor_over(core, dtype, storage_offset, _plain_ints(size, "size"), _plain_ints(stride, "stride"))
    return _finish(made, requires_grad, backward_hooks, metadata)


def _finish(tensor, requires_grad, backward_hooks, metadata=None):
    if type(requires_grad) is not bool:
        raise bad("rebuild", f"requires_grad must be a bool, got {type(requires_grad).__name__}")
    if backward_hooks:
        raise bad("rebuild", "the file carries hooks of a tensor, which no saved tensor has")
    if metadata:
        if not isinstance(metadata, dict) or set(metadata) - {"conj", "neg"} or not all(type(value) is bool for value in metadata.values()):
            raise bad("rebuild", f"unknown metadata of a tensor: {metadata!r:.200}")
        # we have no lazy conjugate or negative: the values are made, in memory of their own
        if metadata.get("conj"):
            tensor = ops.conj_physical(tensor)
        if metadata.get("neg"):
            tensor = ops.neg(tensor)
    if requires_grad:
        if not (tensor.dtype.is_floating_point or tensor.dtype.is_complex):
            raise bad("rebuild", f"a tensor of {tensor.dtype} cannot require grad")
        tensor.requires_grad_()
    return tensor


def rebuild_parameter(data, requires_grad, backward_hooks):
    """A Parameter over a tensor."""
    if not isinstance(data, Tensor):
        raise bad("rebuild", f"a Parameter is made of a {type(data).__name__}, which is no tensor")
    _finish(data.detach(), requires_grad, backward_hooks)
    return Parameter(data, requires_grad)


def rebuild_parameter_with_state(data, requires_grad, backward_hooks, state):
    """A Parameter with attributes."""
    return set_attributes(rebuild_parameter(data, requires_grad, backward_hooks), state)


def rebuild_meta(dtype, size, stride, requires_grad):
    """A tensor without data: nothing is allocated, whatever its sizes."""
    size, stride = _plain_ints(size, "size"), _plain_ints(stride, "stride")
    if not isinstance(dtype, ops.dtype) or len(size) != len(stride) or len(size) > MAX_NDIM or any(type(n) is not int or not 0 <= n < LIMIT for n in (*size, *stride)):
        raise bad("view", f"no meta tensor: {dtype!r:.60}, sizes {size!r:.200}, strides {stride!r:.200}")
    numel, last = 1, 0
    for n, step in zip(size, stride):
        numel *= max(n, 1)
        last += max(n - 1, 0) * step
    if max(numel, last + 1) * dtype.itemsize >= LIMIT:
        raise bad("view", f"sizes {size!r:.200}, strides {stride!r:.200} overflow")
    made = ops.empty_strided(size, stride, dtype=dtype, device="meta")
    return _finish(made, requires_grad, None)


def rebuild_from_type(func, new_type, args, state):
    """A tensor with attributes, or of a subclass (which the reader has been told to trust)."""
    if func not in (rebuild_tensor, rebuild_tensor_v2, rebuild_tensor_v3, rebuild_parameter, rebuild_parameter_with_state, rebuild_meta):
        raise bad("rebuild", f"{getattr(func, '__name__', func)!r} makes no tensor")
    if not (isinstance(new_type, type) and issubclass(new_type, Tensor)):
        raise bad("rebuild", f"{new_type!r:.100} is no class of tensors")
    made = func(*args)
    if type(made) is not new_type:
        made = made.as_subclass(new_type)
    if state is None:
        return made
    if new_type.__setstate__ is not Tensor.__setstate__:
        made.__setstate__(state)
        return made
    return set_attributes(made, state)


def set_attributes(thing, state):
    """Attributes of an instance. None may hide what the class has: a file must not replace methods."""
    if isinstance(state, tuple) and len(state) == 2 and not state[1]:
        state = state[0]
    if state is None:
        return thing
    if type(state) is not dict or any(type(name) is not str for name in state):
        raise bad("build", f"the attributes of a {type(thing).__name__} must be a dict of names, got {type(state).__name__}")
    for name in state:
        if hasattr(type(thing), name):
            raise bad("build", f"the attribute {name!r} would hide that of {type(thing).__name__}")
    thing.__dict__.update(state)
    return thing


def encode_latin1(text, encoding="latin1"):
    """How protocol 2 writes bytes."""
    if type(text) is not str or encoding not in ("latin1", "latin-1"):
        raise bad("rebuild", f"bytes are written as latin1, not {encoding!r:.40}")
    return text.encode("latin1")


def get_layout(name):
    """The layout of a name like "torch.strided"."""
    found = getattr(ops, name.removeprefix("torch."), None) if type(name) is str else None
    if not isinstance(found, ops.layout):
        raise bad("rebuild", f"{name!r:.60} is no layout")
    return found


def make_size(*args):
    if len(args) > 1 or args and (not isinstance(args[0], (tuple, list)) or any(type(n) is not int for n in args[0])):
        raise bad("rebuild", "a Size is made of a tuple of ints")
    return Size(*args)


def refuse_sparse(*args):
    raise bad("unsupported", "the file holds a sparse tensor; FrankenTorch has dense tensors only")


def refuse_quantized(*args):
    raise bad("unsupported", "the file holds a quantized tensor, which FrankenTorch does not have")


def refuse_nested(*args):
    raise bad("unsupported", "the file holds a nested tensor, which FrankenTorch does not have")
