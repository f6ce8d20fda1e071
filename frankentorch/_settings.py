"""Public functions about tensors' types and about the process: default device and dtype, threads, warnings."""
from frankentorch import ops
from frankentorch._ext import interchange, threads
from frankentorch._ext.tensor import Tensor
from frankentorch._overrides import TorchFunctionMode
from frankentorch._protocols import LEGACY_TYPES, type_name
from frankentorch._storage import TypedStorage, UntypedStorage

get_num_threads, set_num_threads = threads.get_num_threads, threads.set_num_threads
get_num_interop_threads, set_num_interop_threads = threads.get_num_interop_threads, threads.set_num_interop_threads


# ---- about tensors ----
def is_tensor(obj, /):
    """Whether `obj` is a Tensor."""
    return isinstance(obj, Tensor)


def is_storage(obj, /):
    return isinstance(obj, (UntypedStorage, TypedStorage))


def _tensor_of(value, name):
    if not isinstance(value, Tensor):
        raise TypeError(f"{name}(): argument 'input' (position 1) must be Tensor, not {type(value).__name__}")
    return value


def numel(input):
    """Number of elements."""
    return _tensor_of(input, "numel").numel()


def is_floating_point(input):
    return _tensor_of(input, "is_floating_point").is_floating_point()


def is_complex(input):
    return _tensor_of(input, "is_complex").is_complex()


def is_signed(input):
    return _tensor_of(input, "is_signed").is_signed()


def is_conj(input):
    """False: conjugates are stored resolved."""
    return _tensor_of(input, "is_conj").is_conj()


def is_neg(input):
    """False: negatives are stored resolved."""
    return _tensor_of(input, "is_neg").is_neg()


def is_inference(input):
    return _tensor_of(input, "is_inference").is_inference()


def is_nonzero(input):
    """Whether a tensor of one element is not zero; RuntimeError for other counts."""
    return bool(_tensor_of(input, "is_nonzero"))


def is_same_size(input, other):
    return _tensor_of(input, "is_same_size").shape == _tensor_of(other, "is_same_size").shape


def is_set_to(self, tensor):
    return interchange.is_set_to(self, tensor)


def typename(obj, /):
    """``torch.FloatTensor`` for a tensor, the qualified class name for anything else."""
    if isinstance(obj, Tensor):
        return type_name(obj)
    module = getattr(obj, "__module__", None) or type(obj).__module__
    name = getattr(obj, "__qualname__", None) or type(obj).__qualname__
    return name if module in ("", "builtins") else f"{module}.{name}"


# ---- defaults ----
_FACTORIES = frozenset("empty zeros ones full tensor arange range linspace logspace eye rand randn randint randperm scalar_tensor empty_strided asarray "
                       "as_tensor tril_indices triu_indices empty_permuted complex hann_window hamming_window bartlett_window blackman_window kaiser_window normal".split())
_WITHOUT_DEVICE = frozenset(["complex", "normal", "range"])


class _DeviceMode(TorchFunctionMode):
    """Gives factories that name no device the default one."""

    def __init__(self, device):
        self.device = device

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if name in _FACTORIES and name not in _WITHOUT_DEVICE and kwargs.get("device") is None:
            kwargs = {**kwargs, "device": self.device}
        return func(*args, **kwargs)


_default_mode = None


def set_default_device(device):
    """Device of tensors that factories make when none is named; None means cpu again."""
    global _default_mode
    if _default_mode is not None:
        _default_mode.__exit__(None, None, None)
        _default_mode = None
    if device is not None:
        _default_mode = _DeviceMode(ops.device(device))
        _default_mode.__enter__()


def get_default_device():
    return ops.device("cpu") if _default_mode is None else _default_mode.device


def set_default_tensor_type(t, /):
    """Set the default dtype by a legacy type or its name."""
    if isinstance(t, str):
        short = t.rpartition(".")[2]
        if short not in LEGACY_TYPES:
            raise TypeError(f"invalid type: '{t}'")
        t = LEGACY_TYPES[short]
    if t not in LEGACY_TYPES.values():
        raise TypeError("invalid type object")
    ops.set_default_dtype(t.dtype)


class _Flags:
    warn_always = False
    matmul_precision = "highest"


def set_warn_always(b, /):
    """Kept as a fact for who asks; this package leaves repetition of warnings to Python's filters."""
    _Flags.warn_always = bool(b)


def is_warn_always_enabled():
    return _Flags.warn_always


def set_float32_matmul_precision(precision):
    """Accepts "highest", "high" and "medium"; products are computed in full float32 whichever is set."""
    if precision not in ("highest", "high", "medium"):
        import warnings
        warnings.warn(f"{precision} is not one of 'highest', 'high', or 'medium'; the current setFloat32MatmulPrecision call has no effect.", UserWarning, stacklevel=2)
        return
    _Flags.matmul_precision = precision


def get_float32_matmul_precision():
    return _Flags.matmul_precision
