"""Convolutions. `convolution` is the one op that computes; the others name its arguments. Its gradients are one op of three results,
which depend on all that it was given: the gradient of the gradient is made of convolutions and of that op again."""
from .family import table

ROWS, op = table()
AXES = "int[] stride, int[] padding, int[] dilation"

op(f"convolution(Tensor input, Tensor weight, Tensor? bias, {AXES}, bool transposed, int[] output_padding, int groups) -> Tensor", forms="function",
   kernel="_ext.conv_ops:convolution",
   jvp="convolution", grad={"input,weight,bias": "convolution_backward(g, input, weight, bias_sizes, stride, padding, dilation, transposed, output_padding, groups, (wants(0), wants(1), wants(2)))"},
   doc="Plain or transposed convolution over 1 to 3 spatial dims.")
op(f"convolution_backward(Tensor grad_output, Tensor input, Tensor weight, int[]? bias_sizes, {AXES}, bool transposed, int[] output_padding, int groups, Any output_mask)"
   " -> (Tensor, Tensor, Tensor)", forms="internal", kernel="ops.conv:convolution_backward", node="ConvolutionBackwardBackward0",
   grad={"grad_output,input,weight": "convolution_twice(g0, g1, g2, grad_output, input, weight, stride, padding, dilation, transposed, output_padding, groups, wants(0), wants(1), wants(2))"})
for n in (1, 2, 3):
    op(f"conv{n}d(Tensor input, Tensor weight, Tensor? bias=None, int[{n}] stride=1, int[{n}] padding=0, int[{n}] dilation=1, int groups=1) -> Tensor", forms="function nn",
       body=f"ops.conv:conv{n}d", doc=f"Convolution over {n} spatial dim{'s' if n > 1 else ''}.")
    op(f"conv{n}d.padding(Tensor input, Tensor weight, Tensor? bias=None, int[{n}] stride=1, str padding='valid', int[{n}] dilation=1, int groups=1) -> Tensor",
       forms="function nn", body=f"ops.conv:conv{n}d_named")
    op(f"conv_transpose{n}d(Tensor input, Tensor weight, Tensor? bias=None, int[{n}] stride=1, int[{n}] padding=0, int[{n}] output_padding=0, int groups=1, int[{n}] dilation=1)"
       " -> Tensor", forms="function nn", body=f"ops.conv:conv_transpose{n}d", doc=f"Transposed convolution over {n} spatial dim{'s' if n > 1 else ''}.")
op("conv_tbc(Tensor self, Tensor weight, Tensor bias, int pad=0) -> Tensor", forms="function nn", body="ops.conv:conv_tbc", doc="conv1d of (time, batch, channels).")
