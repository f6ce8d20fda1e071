"""Every op of the table as a function (`ops.matmul`, `ops.nll_loss` …), with dtypes and the other singletons beside them.

Package code above this layer imports `ops`; users see the public part of it as `frankentorch.*`.
"""
from frankentorch._ext import dtype as _dtype
from frankentorch._ext.dtype import (can_cast, channels_last, channels_last_3d, contiguous_format, device, dtype, get_default_dtype, layout,  # noqa: F401
                                     memory_format, preserve_format, promote_types, set_default_dtype, sparse_coo, sparse_csr, strided)
from frankentorch._ext.tensor import Tensor  # noqa: F401
from frankentorch._ext.tensor import differentiated, is_grad_enabled, is_inference_mode_enabled  # noqa: F401
from frankentorch.ops import registry
from frankentorch.ops.grad_mode import enable_grad, inference_mode, no_grad, set_grad_enabled  # noqa: F401

bool, uint8, int8, int16, int32, int64, uint16, uint32, uint64, float16, bfloat16, float32, float64, complex64, complex128 = _dtype.ALL
half, float, double, short, int, long, cfloat, cdouble = float16, float32, float64, int16, int32, int64, complex64, complex128

globals().update(registry.functions)

from frankentorch._ext import dispatch as _dispatch, indexing as _indexing, views as _views  # noqa: E402
import builtins as _builtins  # noqa: E402

_dispatch.set_python_types({_builtins.float: float32, _builtins.int: int64, _builtins.bool: bool, _builtins.complex: complex64})
_indexing.set_ops(registry.functions)
_views.install(registry.overloads)

from frankentorch.ops.broadcasting import broadcast_shapes  # noqa: E402,F401
