"""FrankenTorch: deterministic, drop-in PyTorch for the CPU. ``import frankentorch as torch``."""
from frankentorch import ops as _ops
from frankentorch._size import Size  # noqa: F401
from frankentorch._tensor import Tensor  # noqa: F401
from frankentorch._version import __version__  # noqa: F401
from frankentorch.autograd.grad_mode import enable_grad, inference_mode, no_grad, set_grad_enabled  # noqa: F401
from frankentorch.autograd import is_grad_enabled, is_inference_mode_enabled  # noqa: F401
from frankentorch.ops import (bfloat16, bool, can_cast, cdouble, cfloat, channels_last, channels_last_3d, complex64, complex128, contiguous_format,  # noqa: F401
                              device, double, dtype, float, float16, float32, float64, get_default_dtype, half, int, int8, int16, int32, int64, layout, long,
                              memory_format, preserve_format, promote_types, set_default_dtype, short, sparse_coo, sparse_csr, strided, uint8, uint16, uint32, uint64)
from frankentorch.random import Generator, default_generator, get_rng_state, initial_seed, manual_seed, seed, set_rng_state  # noqa: F401
from frankentorch.ops.registry import namespaces as _namespaces

globals().update(_namespaces["torch"])

# ---- imported at first use ----
_SUBMODULES = ("autograd", "nn", "optim", "utils", "runtime", "checkpoint", "serialization", "special", "linalg", "fft", "testing", "random", "func", "datasets", "cli")


def __getattr__(name):
    if name in _SUBMODULES:
        from importlib import import_module
        return import_module("frankentorch." + name)
    raise AttributeError(f"module 'frankentorch' has no attribute '{name}'")
