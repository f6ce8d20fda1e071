"""Pooling. Backward passes are ops of their own, linear in the gradient: their derivative is the forward pass again (of an average),
or a look-up of the places that won (of a maximum). They take the input too, with a derivative of zero: a gradient depends on it, if only on its size."""
from .family import NONE, table

ROWS, op = table()
EXT = "_ext.pool_ops:"
BOTH = "function nn"

for n in (1, 2, 3):
    dims = f"{n} spatial dim{'s' if n > 1 else ''}"
    windows = f"int[{n}] kernel_size, int[{n}] stride=[], int[{n}] padding=0, int[{n}] dilation=1, bool ceil_mode=False"
    op(f"max_pool{n}d_with_indices(Tensor self, {windows}) -> (Tensor, Tensor)", forms=BOTH if n == 1 else "nn out", kernel=f"{EXT}max_pool{n}d_with_indices",
       grad={"self": f"_max_pool{n}d_backward(g0, self, out1)"}, node=f"MaxPool{n}DWithIndicesBackward0", doc=f"Largest value of each window over {dims}, and its flat place.")
    op(f"max_pool{n}d(Tensor self, {windows}) -> Tensor", forms=BOTH, body=f"ops.pooling:max_pool{n}d", doc=f"Largest value of each window over {dims}.")
    op(f"adaptive_max_pool{n}d(Tensor self, int[{n}] output_size) -> (Tensor, Tensor)", forms=BOTH if n == 1 else "nn out", kernel=f"{EXT}adaptive_max_pool{n}d",
       grad={"self": f"_adaptive_max_pool{n}d_backward(g0, self, out1)"}, node=f"AdaptiveMaxPool{n}DBackward0", doc=f"Largest values of windows that cover {dims}, and their flat places.")
    for name, label in ((f"max_pool{n}d", f"MaxPool{n}DWithIndices"), (f"adaptive_max_pool{n}d", f"AdaptiveMaxPool{n}D")):
        op(f"_{name}_backward(Tensor grad, Tensor self, Tensor indices) -> Tensor", forms="internal", kernel=f"{EXT}max_pool{n}d_backward",
           jvp="linear", grad={"grad": f"max_pool_pick(g, indices, {n})", "self": "zeros_like(g)"}, node=f"{label}BackwardBackward0")
    last = "" if n == 1 else ", int? divisor_override=None"
    given = "kernel_size, stride, padding, ceil_mode, count_include_pad" + last.partition("=")[0].replace("int? ", "")
    windows = f"int[{n}] kernel_size, int[{n}] stride=[], int[{n}] padding=0, bool ceil_mode=False, bool count_include_pad=True{last}"
    op(f"avg_pool{n}d(Tensor self, {windows}) -> Tensor", forms=BOTH if n == 1 else "nn out", kernel=f"{EXT}avg_pool{n}d",
       jvp="linear", grad={"self": f"_avg_pool{n}d_backward(g, self, {given})"}, node=f"AvgPool{n}DBackward0", doc=f"Mean of each window over {dims}.")
    op(f"_avg_pool{n}d_backward(Tensor grad, Tensor self, {windows}) -> Tensor", forms="internal", kernel=f"{EXT}avg_pool{n}d_backward",
       jvp="linear", grad={"grad": f"avg_pool{n}d(g, {given})", "self": "zeros_like(g)"}, node=f"AvgPool{n}DBackwardBackward0")
    op(f"adaptive_avg_pool{n}d(Tensor self, int[{n}] output_size) -> Tensor", forms=BOTH if n == 1 else "nn", body=f"ops.pooling:adaptive_avg_pool{n}d",
       doc=f"Means of windows that cover {dims}.")
    op(f"_adaptive_avg_pool{n}d(Tensor self, int[{n}] output_size) -> Tensor", forms="internal", kernel=f"{EXT}adaptive_avg_pool{n}d",
       jvp="linear", grad={"self": f"_adaptive_avg_pool{n}d_backward(g, self)"}, node=f"AdaptiveAvgPool{n}DBackward0")
    op(f"_adaptive_avg_pool{n}d_backward(Tensor grad, Tensor self) -> Tensor", forms="internal", kernel=f"{EXT}adaptive_avg_pool{n}d_backward",
       jvp="linear", grad={"grad": f"_adaptive_avg_pool{n}d(g, grad_sizes[-{n}:])", "self": "zeros_like(g)"}, node=f"AdaptiveAvgPool{n}DBackwardBackward0")

# ---- resampling of grids ----
op("_resample(Tensor self, Any passes) -> Tensor", forms="internal", kernel="_ext.resample_run:resample", jvp="linear", grad={"self": "_resample_backward(g, passes)"}, node="ResampleBackward0")
op("_resample_backward(Tensor grad, Any passes) -> Tensor", forms="internal", kernel="_ext.resample_run:resample_backward", jvp="linear", grad={"grad": "_resample(g, passes)"})
op("im2col(Tensor self, int[2] kernel_size, int[2] dilation, int[2] padding, int[2] stride) -> Tensor", forms="nn out", kernel="_ext.image_ops:im2col",
   jvp="linear", grad={"self": "col2im(g, self_sizes[-2:], kernel_size, dilation, padding, stride)"}, doc="Patches as columns.")
op("col2im(Tensor self, int[2] output_size, int[2] kernel_size, int[2] dilation, int[2] padding, int[2] stride) -> Tensor", forms="nn out", kernel="_ext.image_ops:col2im",
   jvp="linear", grad={"self": "im2col(g, kernel_size, dilation, padding, stride)"}, doc="Columns of patches added back into an image.")
op("constant_pad_nd(Tensor self, int[] pad, Scalar value=0) -> Tensor", forms="function nn", kernel="ops.image:constant_pad_nd", grad={"self": "constant_pad_gradient(g, pad)"},
   doc="Widened by a value; negative widths cut away.")
op("pad(Tensor self, int[] pad, str mode='constant', float? value=None) -> Tensor", forms="nn", body="ops.image:pad", doc="Widened by a value, by reflection, by the edge or around.")
op("_pad_circular(Tensor self, int[] pad) -> Tensor", forms="internal", body="ops.image:pad_circular")
for n in (1, 2, 3):
    for name in ("reflection", "replication"):
        op(f"{name}_pad{n}d(Tensor self, int[{2 * n}] padding) -> Tensor", forms="nn out", kernel=f"ops.image:{name}_pad{n}d",
           jvp="linear", grad={"self": f"_{name}_pad{n}d_backward(g, self, padding)"}, doc=f"Widened by {name} in the last {n} dims.")
        op(f"_{name}_pad{n}d_backward(Tensor grad, Tensor self, int[{2 * n}] padding) -> Tensor", forms="internal", kernel=f"ops.image:{name}_pad{n}d_backward",
           jvp="linear", grad={"grad": f"{name}_pad{n}d(g, padding)", "self": "zeros_like(g)"}, node=f"{name.title()}Pad{n}DBackwardBackward0")
    scales = {1: "float? scales=None", 2: "float? scales_h=None, float? scales_w=None", 3: "float? scales_d=None, float? scales_h=None, float? scales_w=None"}[n]
    op(f"upsample_nearest{n}d(Tensor self, int[{n}] output_size, {scales}) -> Tensor", forms="nn out", body="ops.image:upsample_nearest", doc="Each place takes the value at or before it.")
    op(f"_upsample_nearest_exact{n}d(Tensor self, int[{n}] output_size, {scales}) -> Tensor", forms="nn out", body="ops.image:upsample_nearest_exact", doc="Each place takes the nearest value.")
    linear = {1: "upsample_linear1d", 2: "upsample_bilinear2d", 3: "upsample_trilinear3d"}[n]
    op(f"{linear}(Tensor self, int[{n}] output_size, bool align_corners, {scales}) -> Tensor", forms="nn out", body="ops.image:upsample_linear", doc="Linear between neighbours, dim by dim.")
    if n == 2:
        op(f"upsample_bicubic2d(Tensor self, int[2] output_size, bool align_corners, {scales}) -> Tensor", forms="nn out", body="ops.image:upsample_bicubic",
           doc="Cubic convolution, a = -3/4.", source="Keys 1981")
        for name in ("bilinear", "bicubic", "lanczos"):
            op(f"_upsample_{name}2d_aa(Tensor self, int[2] output_size, bool align_corners, {scales}) -> Tensor", forms="nn out", body=f"ops.image:upsample_{name}_aa",
               doc="The filter widened by the scale when shrinking.")
op("pixel_shuffle(Tensor self, int upscale_factor) -> Tensor", forms="function nn out", body="ops.image:pixel_shuffle", doc="Channels to sub-pixels.", source="Shi et al. 2016")
op("pixel_unshuffle(Tensor self, int downscale_factor) -> Tensor", forms="function nn out", body="ops.image:pixel_unshuffle", doc="Sub-pixels to channels.")
op("channel_shuffle(Tensor self, int groups) -> Tensor", forms="function nn", aliases="native_channel_shuffle", body="ops.image:channel_shuffle", doc="Channels of the groups interleaved.", source="Zhang et al. 2018")
op("max_unpool2d(Tensor self, Tensor indices, int[2] output_size) -> Tensor", forms="nn out", body="ops.pooling:max_unpool2d", doc="Values put back where max_pool2d found them.")
op("max_unpool3d(Tensor self, Tensor indices, int[3] output_size, int[3] stride, int[3] padding) -> Tensor", forms="nn out", body="ops.pooling:max_unpool3d",
   doc="Values put back where max_pool3d found them.")

# ---- grids of points and random steps ----
op("affine_grid_generator(Tensor theta, int[] size, bool align_corners) -> Tensor", forms="function", body="ops.grid:affine_grid_generator", doc="Points that affine maps send the places of an output to.")
for name in ("grid_sampler", "grid_sampler_2d", "grid_sampler_3d"):
    op(f"{name}(Tensor input, Tensor grid, int interpolation_mode, int padding_mode, bool align_corners) -> Tensor", forms="function", body=f"ops.grid:{name}",
       doc="Values of an input between its places.", source="Jaderberg et al. 2015")
op("_sample_nearest(Tensor x, Tensor grid, int padding, bool align_corners) -> Tensor", forms="internal", kernel="_ext.image_ops:sample_nearest", jvp="linear",
   grad={"x": "_sample_nearest_backward(g, grid, x_sizes[2:], padding, align_corners)", "grid": "zeros_like(grid)"}, node="GridSampler2DBackward0")
op("_sample_nearest_backward(Tensor grad, Tensor grid, int[] sizes, int padding, bool align_corners) -> Tensor", forms="internal", kernel="_ext.image_ops:sample_nearest_backward",
   jvp="linear", grad={"grad": "_sample_nearest(g, grid, padding, align_corners)", "grid": "zeros_like(grid)"}, node="NearestSampleBackwardBackward0")
op("_corner_places(Tensor grid, int[] sizes, int taps, int padding, bool align_corners) -> Tensor", forms="internal", kernel="_ext.image_ops:corner_places", grad=NONE)
op("_gather_corners(Tensor x, Tensor places, Tensor weights) -> Tensor", forms="internal", kernel="_ext.image_ops:gather_corners", jvp="multilinear",
   grad={"x": "_scatter_corners(g, places, weights, x_sizes[2:])", "weights": "_dot_corners(g, x, places)"}, node="GridSampler2DBackward0")
op("_scatter_corners(Tensor grad, Tensor places, Tensor weights, int[] sizes) -> Tensor", forms="internal", kernel="_ext.image_ops:scatter_corners", jvp="multilinear",
   grad={"grad": "_gather_corners(g, places, weights)", "weights": "_dot_corners(grad, g, places)"})
op("_dot_corners(Tensor grad, Tensor x, Tensor places) -> Tensor", forms="internal", kernel="_ext.image_ops:dot_corners", jvp="multilinear",
   grad={"grad": "_gather_corners(x, places, g)", "x": "_scatter_corners(grad, places, g, x_sizes[2:])"})
for n in (2, 3):
    op(f"fractional_max_pool{n}d(Tensor self, int[{n}] kernel_size, int[{n}] output_size, Tensor random_samples) -> (Tensor, Tensor)", forms="internal out",
       kernel=f"ops.grid:fractional_max_pool{n}d", grad={"self": f"_fractional_max_pool{n}d_backward(g0, self, out1)"}, node=f"FractionalMaxPool{n}DBackward0",
       doc="Largest values of windows at random steps, and their flat places.", source="Graham 2014")
    op(f"_fractional_max_pool{n}d_backward(Tensor grad, Tensor self, Tensor indices) -> Tensor", forms="internal", kernel=f"{EXT}max_pool{n}d_backward",
       jvp="linear", grad={"grad": f"max_pool_pick(g, indices, {n})", "self": "zeros_like(g)"}, node=f"FractionalMaxPool{n}DBackwardBackward0")
