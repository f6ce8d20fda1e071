"""Pooling. Backward passes are ops of their own, linear in the gradient: their derivative is the forward pass again (of an average),
or a look-up of the places that won (of a maximum)."""
from .family import table

ROWS, op = table()
EXT = "_ext.pool_ops:"
BOTH = "function nn"

op("_max_pool_backward(Tensor grad, Tensor indices, int[] size, int spatial) -> Tensor", forms="internal", kernel=EXT + "max_pool_backward",
   grad={"grad": "max_pool_pick(g, indices, spatial)"})
op("_avg_pool_backward(Tensor grad, int[] size, int spatial, int[] kernel_size, int[] stride, int[] padding, bool ceil_mode, bool count_include_pad, int? divisor_override) -> Tensor",
   forms="internal", kernel=EXT + "avg_pool_backward",
   grad={"grad": "_avg_pool(g, spatial, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)"})
op("_avg_pool(Tensor self, int spatial, int[] kernel_size, int[] stride, int[] padding, bool ceil_mode, bool count_include_pad, int? divisor_override) -> Tensor",
   forms="internal", kernel=EXT + "avg_pool",
   grad={"self": "_avg_pool_backward(g, self_sizes, spatial, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)"})
op("_adaptive_avg_pool_backward(Tensor grad, int[] size, int spatial) -> Tensor", forms="internal", kernel=EXT + "adaptive_avg_pool_backward",
   grad={"grad": "_adaptive_avg_pool(g, spatial, grad_sizes)"})
op("_adaptive_avg_pool(Tensor self, int spatial, int[] size) -> Tensor", forms="internal", kernel="ops.pooling:adaptive_avg_pool",
   grad={"self": "_adaptive_avg_pool_backward(g, self_sizes, spatial)"})
for n in (1, 2, 3):
    dims = f"{n} spatial dim{'s' if n > 1 else ''}"
    arguments = f"Tensor self, int[{n}] kernel_size, int[{n}] stride=[], int[{n}] padding=0, int[{n}] dilation=1, bool ceil_mode=False"
    op(f"max_pool{n}d_with_indices({arguments}) -> (Tensor, Tensor)", forms=BOTH if n == 1 else "nn", kernel=f"{EXT}max_pool{n}d_with_indices",
       grad={"self": f"_max_pool_backward(g0, out1, self_sizes, {n})"}, node=f"MaxPool{n}DWithIndicesBackward0", doc=f"Largest value of each window over {dims}, and its flat place.")
    op(f"max_pool{n}d({arguments}) -> Tensor", forms=BOTH, body=f"ops.pooling:max_pool{n}d", doc=f"Largest value of each window over {dims}.")
    last = "" if n == 1 else ", int? divisor_override=None"
    op(f"avg_pool{n}d(Tensor self, int[{n}] kernel_size, int[{n}] stride=[], int[{n}] padding=0, bool ceil_mode=False, bool count_include_pad=True{last}) -> Tensor",
       forms=BOTH if n == 1 else "nn", kernel=f"{EXT}avg_pool{n}d",
       grad={"self": f"avg_pool_gradient(g, self_sizes, {n}, kernel_size, stride, padding, ceil_mode, count_include_pad, {'None' if n == 1 else 'divisor_override'})"},
       node=f"AvgPool{n}DBackward0", doc=f"Mean of each window over {dims}.")
    op(f"adaptive_avg_pool{n}d(Tensor self, int[{n}] output_size) -> Tensor", forms=BOTH if n == 1 else "nn", kernel=f"{EXT}adaptive_avg_pool{n}d",
       grad={"self": f"_adaptive_avg_pool_backward(g, self_sizes, {n})"}, node=f"AdaptiveAvgPool{n}DBackward0", doc=f"Means of windows that cover {dims}.")
    op(f"adaptive_max_pool{n}d(Tensor self, int[{n}] output_size) -> (Tensor, Tensor)", forms=BOTH if n == 1 else "nn", kernel=f"{EXT}adaptive_max_pool{n}d",
       grad={"self": f"_max_pool_backward(g0, out1, self_sizes, {n})"}, node=f"AdaptiveMaxPool{n}DBackward0", doc=f"Largest values of windows that cover {dims}, and their flat places.")
