"""NumPy and DLPack both ways, and `asarray`. NumPy is imported only by who hands us an array or asks for one."""
from frankentorch import ops
from frankentorch._ext import create, interchange
from frankentorch._ext.tensor import Tensor, check_has_data

_NUMPY_NAMES = {"bool": ops.bool, "uint8": ops.uint8, "int8": ops.int8, "int16": ops.int16, "int32": ops.int32, "int64": ops.int64, "uint16": ops.uint16,
                "uint32": ops.uint32, "uint64": ops.uint64, "float16": ops.float16, "float32": ops.float32, "float64": ops.float64,
                "complex64": ops.complex64, "complex128": ops.complex128}
_DL_CPU = (1, 0)


def _numpy():
    import numpy
    return numpy


# ---- from NumPy ----
def from_numpy(array):
    """A tensor over the array's memory; both see writes of the other.

    Raises
    ------
    TypeError
        Not an ndarray, or a dtype without counterpart.
    ValueError
        Negative strides, strides that are no multiple of the element size, or foreign byte order.
    """
    numpy = _numpy()
    if not isinstance(array, numpy.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(array).__name__})")
    found = create.shared(array)
    if found is not None:
        return found
    dtype = _dtype_of(array)
    itemsize = array.itemsize
    if not array.dtype.isnative:
        raise ValueError("given numpy array has byte order different from the native byte order. Conversion between byte orders is currently not supported.")
    if any(step % itemsize for step in array.strides):
        raise ValueError("given numpy array strides not a multiple of the element byte size. Copy the numpy array to reallocate the memory.")
    if any(step < 0 for step in array.strides):
        raise ValueError("At least one stride in the given numpy array is negative, and tensors with negative strides are not currently supported. "
                         f"(array.copy() has none; the strides are {array.strides})")
    if not array.flags.writeable:
        import warnings
        warnings.warn("The given NumPy array is not writable, and PyTorch does not support non-writable tensors. Writing to the tensor would write to memory the array protects.",
                      UserWarning, stacklevel=2)
    strides = tuple(step // itemsize for step in array.strides)
    extent = 0 if array.size == 0 else 1 + sum((size - 1) * step for size, step in zip(array.shape, strides))
    # kept writable, as the warning says: the oracle's tensor is too
    return create.from_address(array.__array_interface__["data"][0] if array.size else 0, extent * itemsize, array, dtype, array.shape, strides, 0, False)


def _dtype_of(array):
    found = _NUMPY_NAMES.get(array.dtype.name)
    if found is None:
        raise TypeError(f"can't convert np.ndarray of type {array.dtype.type.__module__}.{array.dtype.type.__name__}. The only supported types are: "
                        + ", ".join(sorted(_NUMPY_NAMES)))
    return found


def from_numpy_any(value):
    """A tensor over whatever has ``__array_interface__`` or ``__array__``, shared when it can be."""
    numpy = _numpy()
    array = numpy.asarray(value)
    _dtype_of(array)
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    if not array.flags.writeable and not isinstance(value, numpy.ndarray):
        array = array.copy()
    return from_numpy(array)


def from_array_copy(value, dtype):
    """A tensor with its own bytes from an array or NumPy number, of the array's dtype unless one is given."""
    numpy = _numpy()
    if isinstance(value, numpy.ndarray):
        out = create.shared(value)
        if out is not None:
            return out.to(dtype, copy=True) if dtype is not None else out.clone()
    array = numpy.array(value, order="C", copy=True)
    _dtype_of(array)
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    out = from_numpy(array)
    return out.to(dtype) if dtype is not None and dtype is not out.dtype else out.clone()


# ---- to NumPy ----
def numpy(self, *, force=False):
    """An ndarray over the same memory (a copy only when `force` needs one)."""
    if force:
        self = self.detach().cpu().resolve_conj().resolve_neg()
    check_has_data(self)
    if self.is_meta:
        raise TypeError("can't convert meta device type tensor to numpy. Use Tensor.cpu() to copy the tensor to host memory first.")
    if self.requires_grad and ops.is_grad_enabled():
        raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")
    if self.dtype is ops.bfloat16:
        raise TypeError("Got unsupported ScalarType BFloat16")
    library = _numpy()
    if self.numel() == 0:
        return library.empty(tuple(self.shape), dtype=self.dtype.name)
    interchange.freeze_storage(interchange.storage_of(self))
    return library.asarray(memoryview(self.detach() if self.requires_grad else self))


def __array__(self, dtype=None, copy=None):
    """What ``numpy.asarray(tensor)`` asks for."""
    array = numpy(self)
    if dtype is not None:
        array = array.astype(dtype, copy=bool(copy))
        return array
    return array.copy() if copy else array


def __array_wrap__(self, array, context=None, return_scalar=False):
    """Results of NumPy functions over tensors come back as tensors."""
    if array.dtype == bool:
        array = array.astype("uint8")
    return from_numpy(_numpy().ascontiguousarray(array) if array.shape else array.copy())


# ---- DLPack ----
def __dlpack__(self, *, stream=-1, max_version=None, dl_device=None, copy=None):
    """A DLPack capsule over the tensor's memory; BufferError when it asks for gradients."""
    if self.requires_grad:
        raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
    if self.is_meta:
        raise BufferError("Can't export a meta tensor: it has no data")
    if stream not in (None, -1):
        raise RuntimeError("stream must be None or -1 on the CPU")
    if dl_device is not None and tuple(dl_device) != _DL_CPU:
        raise BufferError(f"cannot export to device {tuple(dl_device)}: only cpu, {_DL_CPU}, exists")
    source = self.clone() if copy else self.detach()
    return interchange.to_capsule(source, max_version is not None and max_version[0] >= 1, bool(copy))


def __dlpack_device__(self):
    """(device type, device number): cpu is (1, 0)."""
    if self.is_meta:
        raise ValueError("Unknown device type meta for Dlpack")
    return _DL_CPU


def to_dlpack(tensor):
    """A DLPack capsule, to be used once."""
    return __dlpack__(tensor)


def from_dlpack(ext_tensor, *, device=None, copy=None):
    """A tensor over the memory of anything with ``__dlpack__``, or of a capsule."""
    if hasattr(ext_tensor, "__dlpack__"):
        place = ext_tensor.__dlpack_device__()
        if int(place[0]) != 1:
            raise BufferError(f"from_dlpack: the data is on device {tuple(map(int, place))}; only cpu can be read")
        options = {} if copy is None else {"copy": copy}
        try:
            ext_tensor = ext_tensor.__dlpack__(max_version=(1, 0), **options)
        except TypeError:
            ext_tensor = ext_tensor.__dlpack__(**options)
    elif copy is not None or device is not None:
        raise ValueError("device and copy cannot be given with a capsule")
    return interchange.from_capsule(ext_tensor)


# ---- asarray ----
def asarray(obj, *, dtype=None, device=None, copy=None, requires_grad=False):
    """A tensor of anything: tensors, arrays, DLPack objects and buffers are shared unless `copy` is True, the rest is copied.

    Raises
    ------
    ValueError
        ``copy=False`` and a copy is needed.
    """
    if isinstance(obj, Tensor):
        shared = obj
    elif type(obj).__module__ == "numpy" and hasattr(obj, "__array_interface__"):
        shared = from_numpy_any(obj) if hasattr(obj, "flags") and obj.flags.writeable else from_array_copy(obj, None)
    elif type(obj).__name__ == "PyCapsule" or hasattr(obj, "__dlpack__"):
        shared = from_dlpack(obj)
    elif isinstance(obj, (bytes, bytearray, memoryview)) or (hasattr(obj, "typecode") and hasattr(obj, "buffer_info")):
        shared = create.from_buffer(obj, dtype or ops.get_default_dtype(), -1, 0)
    else:
        shared = None
    if shared is None:
        if copy is False:
            raise ValueError("can't alias arbitrary sequence into a tensor.")
        out = create.from_data(obj if hasattr(obj, "__len__") or not hasattr(obj, "__iter__") else list(obj), dtype)
        out = out if device is None else out.to(device)
    else:
        out = shared.to(device=device, dtype=dtype)
        if copy and out is shared:
            out = out.clone()
        elif copy is False and out is not shared:
            raise ValueError(f"can't alias tensor with dtype '{shared.dtype}' into dtype '{dtype}'." if dtype is not None and dtype is not shared.dtype
                             else f"can't alias tensor from device '{shared.device}' to '{device}'.")
        if requires_grad and not out.requires_grad or not requires_grad and out.requires_grad:
            out = out.detach()
    return out.requires_grad_() if requires_grad else out
