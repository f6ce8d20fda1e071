"""Work on images and signals: padding, pooling, interpolation, sampling, and convolutions of known networks."""
from bench.sweep.case import FLOATS, Input, case

SHAPES = ((4, 16, 64, 64), (8, 32, 28, 28), (1, 3, 224, 224), (1, 8, 8, 8))
LAYOUTS = ("contiguous", "channels_last")
PLANES = {
    **{f"pad {mode}": f"F.pad(x, (1, 1, 1, 1), mode='{mode}')" for mode in ("constant", "reflect", "replicate", "circular")}, "pad width": "F.pad(x, (2, 2))",
    "max_pool2d 2": "F.max_pool2d(x, 2)", "max_pool2d 3 2 1": "F.max_pool2d(x, 3, 2, 1)", "max_pool2d 3 1 1": "F.max_pool2d(x, 3, 1, 1)",
    "max_pool2d indices": "F.max_pool2d(x, 2, return_indices=True)", "avg_pool2d 2": "F.avg_pool2d(x, 2)", "avg_pool2d 3 2 1": "F.avg_pool2d(x, 3, 2, 1)", "lp_pool2d": "F.lp_pool2d(x, 2, 2)",
    **{f"adaptive_{kind}_pool2d {size}": f"F.adaptive_{kind}_pool2d(x, {size})" for kind in ("avg", "max") for size in (1, 4, 7)},
    "fractional_max_pool2d": "F.fractional_max_pool2d(x, 2, output_ratio=(0.7, 0.7))", "max_unpool2d": "F.max_unpool2d(*F.max_pool2d(x, 2, return_indices=True), 2)",
    **{f"interpolate {mode} 2": f"F.interpolate(x, scale_factor=2, mode='{mode}')" for mode in ("nearest", "nearest-exact", "bilinear", "bicubic", "area")},
    **{f"interpolate {mode} 30": f"F.interpolate(x, size=(30, 30), mode='{mode}')" for mode in ("nearest", "bilinear", "bicubic", "area")},
    "interpolate bilinear corners": "F.interpolate(x, size=(30, 30), mode='bilinear', align_corners=True)", "interpolate antialias": "F.interpolate(x, size=(6, 6), mode='bilinear', antialias=True)",
    "unfold 3": "F.unfold(x, 3)", "unfold 2 2": "F.unfold(x, 2, stride=2)", "fold 3": "F.fold(F.unfold(x, 3), x.shape[2:], 3)", "pixel_unshuffle": "F.pixel_unshuffle(x, 2)",
    "pixel_shuffle": "F.pixel_shuffle(x.repeat(1, 4, 1, 1), 2)", "to channels_last": "x.contiguous(memory_format=torch.channels_last)", "to contiguous": "x.contiguous()",
    **{f"grid_sample {mode}": f"F.grid_sample(x, grid, '{mode}', align_corners=False)" for mode in ("bilinear", "nearest", "bicubic")}, "add": "x + x", "mul by channel": "x * x[:1, :, :1, :1]",
    "flip width": "x.flip(3)", "cat channels": "torch.cat([x, x], 1)", "normalize": "(x - x.mean((0, 2, 3), keepdim=True)) / x.std((0, 2, 3), keepdim=True)",
}
LINES = {
    "pad reflect": "F.pad(x, (3, 3), mode='reflect')", "pad constant": "F.pad(x, (3, 3))", "max_pool1d 2": "F.max_pool1d(x, 2)", "max_pool1d 3": "F.max_pool1d(x, 3, 1, 1)", "avg_pool1d 3": "F.avg_pool1d(x, 3)",
    "adaptive_avg_pool1d": "F.adaptive_avg_pool1d(x, 50)", "adaptive_max_pool1d": "F.adaptive_max_pool1d(x, 50)", "interpolate linear": "F.interpolate(x, scale_factor=2, mode='linear')",
    "interpolate nearest 1d": "F.interpolate(x, scale_factor=1.6)",
}
VOLUMES = {"max_pool3d": "F.max_pool3d(x, 2)", "avg_pool3d": "F.avg_pool3d(x, 2)", "adaptive_avg_pool3d": "F.adaptive_avg_pool3d(x, 4)", "interpolate trilinear": "F.interpolate(x, scale_factor=2, mode='trilinear')",
           "interpolate nearest 3d": "F.interpolate(x, scale_factor=2)", "pad 3d": "F.pad(x, (1, 1, 1, 1, 1, 1))"}
CONVOLUTIONS = (             # (label, function, arguments after the weight, shapes of x and the weight)
    ("LeNet 1->6 5x5", "conv2d", "padding=2", (32, 1, 28, 28), (6, 1, 5, 5)), ("LeNet 6->16 5x5", "conv2d", "", (32, 6, 14, 14), (16, 6, 5, 5)),
    ("64 3x3 28", "conv2d", "padding=1", (4, 64, 28, 28), (64, 64, 3, 3)), ("256 3x3 14", "conv2d", "padding=1", (2, 256, 14, 14), (256, 256, 3, 3)),
    ("16 3x3 112", "conv2d", "padding=1", (1, 16, 112, 112), (16, 16, 3, 3)), ("stem 7x7", "conv2d", "stride=2, padding=3", (1, 3, 224, 224), (32, 3, 7, 7)),
    ("stride 2 32->64", "conv2d", "stride=2, padding=1", (4, 32, 32, 32), (64, 32, 3, 3)), ("dilated 32", "conv2d", "padding=2, dilation=2", (4, 32, 32, 32), (32, 32, 3, 3)),
    ("1x1 256->64", "conv2d", "", (4, 256, 28, 28), (64, 256, 1, 1)), ("1x1 64->256 7", "conv2d", "", (4, 64, 7, 7), (256, 64, 1, 1)), ("1x1 stride 2", "conv2d", "stride=2", (4, 64, 28, 28), (128, 64, 1, 1)),
    ("depthwise 3x3", "conv2d", "padding=1, groups=64", (4, 64, 56, 56), (64, 1, 3, 3)), ("depthwise 5x5 stride 2", "conv2d", "padding=2, stride=2, groups=64", (4, 64, 56, 56), (64, 1, 5, 5)),
    ("grouped 4", "conv2d", "padding=1, groups=4", (4, 64, 28, 28), (64, 16, 3, 3)), ("one image 16 3x3", "conv2d", "padding=1", (1, 16, 8, 8), (16, 16, 3, 3)),
    ("patches 16x16", "conv2d", "stride=16", (1, 3, 224, 224), (192, 3, 16, 16)), ("1d 64 k5", "conv1d", "padding=2", (8, 64, 256), (64, 64, 5)), ("1d 1->32 k9", "conv1d", "", (16, 1, 1000), (32, 1, 9)),
    ("1d depthwise k4", "conv1d", "padding=3, groups=256", (4, 256, 256), (256, 1, 4)), ("3d 8 3x3x3", "conv3d", "padding=1", (2, 8, 8, 32, 32), (8, 8, 3, 3, 3)),
    ("transposed 32->16", "conv_transpose2d", "stride=2", (8, 32, 14, 14), (32, 16, 3, 3)), ("transposed 64->32 2x2", "conv_transpose2d", "stride=2", (4, 64, 28, 28), (64, 32, 2, 2)),
    ("transposed 4x4", "conv_transpose2d", "stride=2, padding=1", (4, 64, 16, 16), (64, 32, 4, 4)), ("transposed 1d", "conv_transpose1d", "stride=2", (8, 64, 256), (64, 32, 4)),
)


def images():
    for dtype in (*FLOATS, "uint8"):
        for label, expression in PLANES.items():
            for shape in SHAPES:
                for layout in LAYOUTS:
                    yield case(label, expression, dtype, shape, layout, x=Input(shape, dtype, layout), grid=Input((shape[0], 32, 32, 2), dtype, "contiguous", "unit"))
    for dtype in FLOATS:
        for table, shape in ((LINES, (8, 32, 1024)), (LINES, (2, 4, 200)), (VOLUMES, (2, 8, 16, 16, 16))):
            for label, expression in table.items():
                yield case(label, expression, dtype, shape, x=Input(shape, dtype))


def conv():
    for dtype in FLOATS:
        for label, function, options, shape, weight in CONVOLUTIONS:
            outer = weight[1] if "transpose" in function else weight[0]
            for layout in LAYOUTS if len(shape) == 4 else LAYOUTS[:1]:
                yield case(f"{function} {label}", f"F.{function}(x, weight, bias, {options})", dtype, layout, x=Input(shape, dtype, layout), weight=Input(weight, dtype, layout), bias=Input((outer,), dtype))
