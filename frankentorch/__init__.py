"""FrankenTorch: deterministic, drop-in PyTorch for the CPU. ``import frankentorch as torch``."""
from frankentorch import ops as _ops
from frankentorch._size import Size  # noqa: F401
from frankentorch._tensor import Tensor  # noqa: F401
from frankentorch._version import __version__  # noqa: F401

# ---- dtypes and the other singletons ----
from frankentorch._limits import finfo, iinfo  # noqa: F401
from frankentorch.ops import (bfloat16, bool, can_cast, cdouble, cfloat, channels_last, channels_last_3d, complex64, complex128,  # noqa: F401
                              contiguous_format, device, double, dtype, float, float16, float32, float64, get_default_dtype, half, int, int8, int16, int32, int64,
                              layout, long, memory_format, preserve_format, promote_types, set_default_dtype, short, sparse_coo, sparse_csr, strided, uint8, uint16,
                              uint32, uint64)

# ---- recording ----
from frankentorch.autograd.anomaly_mode import is_anomaly_check_nan_enabled, is_anomaly_enabled  # noqa: F401
from frankentorch.autograd import is_grad_enabled, is_inference_mode_enabled  # noqa: F401
from frankentorch.autograd.grad_mode import enable_grad, inference_mode, no_grad, set_grad_enabled  # noqa: F401

# ---- ops of the table ----
from frankentorch.ops.registry import namespaces as _namespaces

globals().update(_namespaces["torch"])
from frankentorch.functional import chain_matmul, einsum, tensordot  # noqa: E402, F401

from frankentorch.ops.broadcasting import broadcast_shapes  # noqa: E402, F401
from frankentorch.random import (Generator, default_generator, get_rng_state, initial_seed, manual_seed, seed,  # noqa: E402, F401
                                 set_rng_state)

# ---- exchange, storages, legacy types ----
from frankentorch._protocols import LEGACY_TYPES as _LEGACY_TYPES  # noqa: E402
from frankentorch._storage import TypedStorage, UntypedStorage  # noqa: E402, F401
from frankentorch.ops.interchange import asarray, from_dlpack, from_numpy  # noqa: E402, F401

globals().update(_LEGACY_TYPES)

# ---- facts and settings of the process ----
from frankentorch import return_types  # noqa: E402, F401
from frankentorch._settings import (get_default_device, get_num_interop_threads, get_num_threads, is_complex,  # noqa: E402, F401
                                    is_floating_point, is_inference, is_nonzero, is_storage, is_tensor, is_warn_always_enabled, numel, set_default_device,
                                    set_default_tensor_type, set_num_interop_threads, set_num_threads, set_warn_always, typename, is_conj, is_neg, is_signed, is_same_size,
                                    set_float32_matmul_precision, get_float32_matmul_precision)

# ---- numbers ----
from math import e, inf, nan, pi  # noqa: E402, F401

newaxis = None

# ---- the mode the process starts in ----
from frankentorch.runtime import config as _config  # noqa: E402

if _config.mode() == "hardened":
    from frankentorch.runtime import modes as _modes

    _modes.start()

# ---- imported at first use ----
_SUBMODULES = ("autograd", "nn", "optim", "utils", "runtime", "checkpoint", "serialization", "special", "linalg", "fft", "testing", "random", "func", "functional", "datasets", "cli",
               "overrides", "profiler", "cuda", "mps", "xpu", "cpu", "backends", "version", "storage")
# public names that live in modules too heavy, or too seldom used, for every import
_LATE = {"vmap": ("func.vmap", "vmap"), "install": ("install", "install"), "set_printoptions": ("_tensor_str", "set_printoptions"), "CheckpointError": ("checkpoint.errors", "CheckpointError"), "save": ("serialization", "save"), "load": ("serialization", "load"),
         "use_deterministic_algorithms": ("runtime", "use_deterministic_algorithms"), "are_deterministic_algorithms_enabled": ("runtime", "are_deterministic_algorithms_enabled"),
         "is_deterministic_algorithms_warn_only_enabled": ("runtime", "is_deterministic_algorithms_warn_only_enabled"),
         "set_deterministic_debug_mode": ("runtime", "set_deterministic_debug_mode"), "get_deterministic_debug_mode": ("runtime", "get_deterministic_debug_mode")}


def __getattr__(name):
    from importlib import import_module
    if name in _LATE:
        module, attribute = _LATE[name]
        try:
            found = getattr(import_module("frankentorch." + module), attribute)
        except (ImportError, AttributeError) as error:
            raise AttributeError(f"module 'frankentorch' has no attribute '{name}'") from error
        globals()[name] = found
        return found
    if name in _SUBMODULES:
        try:
            return import_module("frankentorch." + name)
        except ModuleNotFoundError as error:
            if error.name != "frankentorch." + name:
                raise
    raise AttributeError(f"module 'frankentorch' has no attribute '{name}'")


def __dir__():
    return sorted({*globals(), *_SUBMODULES, *_LATE})
