"""Python protocols of Tensor written by hand: construction, copying, pickling, formatting, storages, legacy spellings."""
from frankentorch import ops
from frankentorch._ext import create, interchange
from frankentorch._ext.tensor import Tensor, batch_level, instance_of
from frankentorch._storage import TypedStorage, UntypedStorage

_TYPE_NAMES = {ops.bool: "BoolTensor", ops.uint8: "ByteTensor", ops.int8: "CharTensor", ops.int16: "ShortTensor", ops.int32: "IntTensor", ops.int64: "LongTensor",
               ops.float16: "HalfTensor", ops.bfloat16: "BFloat16Tensor", ops.float32: "FloatTensor", ops.float64: "DoubleTensor",
               ops.complex64: "ComplexFloatTensor", ops.complex128: "ComplexDoubleTensor", ops.uint16: "UInt16Tensor", ops.uint32: "UInt32Tensor", ops.uint64: "UInt64Tensor"}
TYPES = {name: dtype for dtype, name in _TYPE_NAMES.items() if not name.startswith("UInt")}


# ---- construction ----
def legacy(dtype, args, kwargs):
    """What ``Tensor(…)`` means: sizes, nested data, another tensor or a storage."""
    device = kwargs.pop("device", None)
    if "data" in kwargs:
        args = (kwargs.pop("data"), *args)
    if kwargs:
        raise TypeError(f"new() received an invalid combination of arguments - got an unexpected keyword argument '{next(iter(kwargs))}'")
    if not args:
        return ops.empty(0, dtype=dtype, device=device)
    first = args[0]
    if len(args) == 1:
        if isinstance(first, Tensor):
            if first.dtype is not dtype:
                raise TypeError(f"expected {ops_name(dtype)} (got {type_name(first)})")
            return first.detach()
        if isinstance(first, ops_size()):
            return ops.empty(first, dtype=dtype, device=device)
        if isinstance(first, (UntypedStorage, TypedStorage)):
            core = first.untyped()._core
            return create.from_storage(core, dtype, (interchange.storage_nbytes(core) // dtype.itemsize,), (1,), 0)
        if not isinstance(first, int) or isinstance(first, bool):
            if isinstance(first, str):
                raise TypeError("new(): invalid data type 'str'")
            if not hasattr(first, "__len__") or getattr(first, "shape", None) == ():
                raise TypeError(f"new(): data must be a sequence (got {type(first).__name__})")
            return ops.tensor(first, dtype=dtype, device=device)
    if not all(isinstance(size, int) for size in args):
        raise TypeError(f"new() received an invalid combination of arguments - got ({', '.join(type(value).__name__ for value in args)}), but expected sizes, a sequence, a tensor or a storage")
    return ops.empty(tuple(args), dtype=dtype, device=device)


def ops_size():
    from frankentorch._size import Size
    return Size


def ops_name(dtype):
    return f"torch.{_TYPE_NAMES[dtype]}"


def type_name(t):
    return f"torch.{_TYPE_NAMES[t.dtype]}"


def construct(cls, /, *args, **kwargs):
    if len(args) == 1 and isinstance(args[0], Tensor) and not kwargs:
        return args[0].detach() if cls is Tensor else instance_of(cls, args[0])
    made = legacy(ops.get_default_dtype(), args, kwargs)
    return made if cls is Tensor and type(made) is Tensor else instance_of(cls, made)


class _LegacyType(type):
    """``FloatTensor`` and the like: every tensor of that dtype counts as an instance."""

    def __instancecheck__(cls, value):
        return isinstance(value, Tensor) and value.dtype is cls.dtype and not value.is_meta

    def __call__(cls, *args, **kwargs):
        return legacy(cls.dtype, args, kwargs)

    def __repr__(cls):
        return f"<class 'torch.{cls.__name__}'>"


LEGACY_TYPES = {name: _LegacyType(name, (), {"dtype": dtype, "__module__": "torch"}) for name, dtype in TYPES.items()}


def type_(self, dtype=None, non_blocking=False, **kwargs):
    """The legacy type name, or the tensor cast to a dtype, type or type name."""
    if dtype is None:
        return type_name(self)
    if isinstance(dtype, str):
        short = dtype.rpartition(".")[2]
        if short not in TYPES:
            raise ValueError(f"invalid type: '{dtype}'")
        dtype = TYPES[short]
    elif isinstance(dtype, _LegacyType):
        dtype = dtype.dtype
    elif dtype is Tensor:
        dtype = ops.get_default_dtype()
    elif not isinstance(dtype, (ops.dtype, type)):
        raise TypeError("dtype must be a type, str, or dtype object")
    return self.to(dtype)


def type_as(self, other):
    return self.to(other.dtype)


def new(self, *args, **kwargs):
    """A tensor of the same dtype by the legacy constructor's rules."""
    return legacy(self.dtype, args, kwargs)


def as_subclass(self, cls):
    """The same bytes as an instance of a subclass; keeps history."""
    from frankentorch._ext.tensor import hand_over
    return hand_over(instance_of(cls, self), ops.alias(self) if self.requires_grad else self.detach())


def make_subclass(cls, data, require_grad=False, **kwargs):
    return instance_of(cls, data, require_grad)


# ---- storages ----
def untyped_storage(self):
    """The bytes under the tensor, shared."""
    return UntypedStorage._of(interchange.storage_of(self))


def storage(self):
    return TypedStorage(wrap_storage=untyped_storage(self), dtype=self.dtype)


def set_(self, source=None, storage_offset=0, size=None, stride=None):
    """Point the tensor at another tensor's bytes, or at a storage with given sizes and strides."""
    if self.requires_grad and self.is_leaf and ops.is_grad_enabled():
        raise RuntimeError("a leaf Variable that requires grad is being used in an in-place operation.")
    if source is None:
        return interchange.set_(self, interchange.make_storage(0), self.dtype, 0, (0,), (1,))
    if isinstance(source, Tensor):
        if size is None:
            return interchange.set_(self, interchange.storage_of(source), source.dtype, source.storage_offset(), tuple(source.shape), tuple(source.stride()))
        core, dtype = interchange.storage_of(source), source.dtype
    else:
        core, dtype = source.untyped()._core, getattr(source, "dtype", self.dtype)
    if size is None:
        size = (interchange.storage_nbytes(core) // self.dtype.itemsize - storage_offset,)
    size = (size,) if isinstance(size, int) else tuple(size)
    if stride is None:
        stride, step = [], 1
        for n in reversed(size):
            stride.insert(0, step)
            step *= max(n, 1)
    return interchange.set_(self, core, dtype, storage_offset, size, (stride,) if isinstance(stride, int) else tuple(stride))


def resize_(self, *sizes, memory_format=None):
    """Other sizes in place; the storage grows when it must."""
    size = tuple(sizes[0]) if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)) else sizes
    for item in size:
        if isinstance(item, bool) or not hasattr(item, "__index__") or not -(1 << 63) <= item < 1 << 63:
            raise TypeError(f"resize_(): argument 'size' (position 1) must be tuple of ints that fit 64 bits, not {type(item).__name__}")
    if self.requires_grad:
        raise RuntimeError("cannot resize variables that require grad")
    if batch_level(self):
        raise RuntimeError("vmap: resize_ changes the storage that all examples share; use new_empty and copy_")
    return interchange.resize_(self, size, 1 if memory_format is None else memory_format.tag)


def resize_as_(self, the_template, *, memory_format=None):
    return resize_(self, tuple(the_template.shape), memory_format=memory_format)


# ---- element by element ----
def _no_grad_wanted(self, name):
    if self.requires_grad:
        raise RuntimeError(f"Can't call {name}() on Variable that requires grad. Use var.detach().{name}() instead.")


def apply_(self, callable):
    """Each element replaced by ``callable(element)``; slow, in row-major order."""
    _no_grad_wanted(self, "apply_")
    values = [callable(value) for value in self.reshape(-1).tolist()]
    return self.copy_(ops.tensor(values, dtype=self.dtype).reshape(self.shape))


def map_(self, tensor, callable):
    """Each element replaced by ``callable(element, element of tensor)``."""
    _no_grad_wanted(self, "map_")
    other = tensor.expand(self.shape).reshape(-1).tolist()
    values = [callable(a, b) for a, b in zip(self.reshape(-1).tolist(), other)]
    return self.copy_(ops.tensor(values, dtype=self.dtype).reshape(self.shape))


# ---- text and names ----
def format_(self, spec):
    if self.dim() == 0 and not self.is_meta and type(self) is Tensor:
        return self.item().__format__(spec)
    return object.__format__(self, spec)


def dir_(self):
    return sorted({*dir(type(self)), *self.__dict__})


# ---- copies ----
def deepcopy_(self, memo):
    """A leaf with its own bytes; what shared a storage in the source shares one in the copy."""
    from copy import deepcopy
    if not self.is_leaf:
        raise RuntimeError("Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the moment. "
                           f"This one was made by {self.grad_fn.name()}; detach() it first")
    if id(self) in memo:
        return memo[id(self)]
    core = interchange.storage_of(self)
    if id(core) not in memo:
        memo[id(core)] = interchange.copied_storage(core)
        memo.setdefault(id(memo), []).append(core)            # its id must not be taken by another while memo lives
    made = create.from_storage(memo[id(core)], self.dtype, tuple(self.shape), tuple(self.stride()), self.storage_offset())
    if type(self) is not Tensor:
        made = instance_of(type(self), made)
    memo[id(self)] = made
    if self.requires_grad:
        made.requires_grad_()
    if self.grad is not None:
        made.grad = deepcopy(self.grad, memo)
    made.__dict__.update(deepcopy(self.__dict__, memo))
    return made


def _rebuild(core, dtype_name, offset, size, stride, requires_grad):
    made = create.from_storage(core, getattr(ops, dtype_name), size, stride, offset)
    return made.requires_grad_() if requires_grad else made


def _rebuild_subclass(cls, made, state):
    out = instance_of(cls, made, made.requires_grad)
    out.__dict__.update(state)
    return out


def _set_state(self, state):
    self.__dict__.update(state)


def reduce_ex(self, protocol):
    """Pickle: the storage (written once per pickle, so sharing survives), geometry and the leaf flag. History is left behind."""
    parts = (interchange.storage_of(self), self.dtype.name, self.storage_offset(), tuple(self.shape), tuple(self.stride()), self.requires_grad)
    if type(self) is Tensor:
        return (_rebuild, parts, self.__dict__) if self.__dict__ else (_rebuild, parts)
    return _rebuild_subclass, (type(self), _rebuild(*parts), dict(self.__dict__))


def _absent(name):
    def missing(self, *args, **kwargs):
        raise RuntimeError(f"{name}: Cannot access accelerator device when none is available.")
    missing.__name__ = name
    return missing


def cuda(self, device=None, non_blocking=False, memory_format=None):
    raise AssertionError("Torch not compiled with CUDA enabled; available devices: cpu, meta")


def _false(self, *args, **kwargs):
    return False


def dim_order(self):
    """The dims from the outermost in memory to the innermost."""
    return tuple(sorted(range(self.dim()), key=lambda d: -self.stride(d)))


def is_same_size(self, other):
    return self.shape == other.shape


def to_dense(self, dtype=None, *, masked_grad=None):
    """The tensor itself, or a cast of it: every tensor here is dense."""
    return self if dtype is None else self.to(dtype)


METHODS = {
    "is_nonzero": lambda self: bool(self), "is_same_size": is_same_size, "dim_order": dim_order, "to_dense": to_dense,
    "const_data_ptr": lambda self: self.data_ptr(),
    "type": type_, "type_as": type_as, "new": new, "as_subclass": as_subclass, "untyped_storage": untyped_storage, "storage": storage, "_typed_storage": storage,
    "set_": set_, "resize_": resize_, "resize_as_": resize_as_, "is_set_to": interchange.is_set_to, "apply_": apply_, "map_": map_,
    "__format__": format_, "__dir__": dir_, "__deepcopy__": deepcopy_, "__reduce_ex__": reduce_ex, "__setstate__": _set_state, "_make_subclass": staticmethod(make_subclass),
    "pin_memory": _absent("pin_memory"), "is_pinned": _false, "is_shared": _false, "share_memory_": lambda self: self, "is_conj": _false, "is_neg": _false,
    "is_coalesced": _false, "is_distributed": _false, "has_names": _false, "dense_dim": lambda self: self.dim(), "cuda": cuda, "__array_priority__": 1000,
    "_is_zerotensor": _false,
}
METHODS.update({name: property(_false) for name in (
    "is_sparse", "is_sparse_csr", "is_quantized", "is_mkldnn", "is_nested", "is_cuda", "is_mps", "is_xpu", "is_xla", "is_ipu", "is_hpu", "is_mtia", "is_maia",
    "is_vulkan", "is_ort")})
