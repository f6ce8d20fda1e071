"""Convolutions and transposed convolutions in 1, 2 and 3 dims."""
import math

from frankentorch import ops
from frankentorch.nn import functional as F
from frankentorch.nn import init
from frankentorch.nn.modules.module import Module
from frankentorch.nn.modules.utils import _ntuple, _reverse_repeat_tuple
from frankentorch.nn.parameter import Parameter

__all__ = ["Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"]

_PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


class _ConvNd(Module):
    """What all convolutions share: checked sizes, weights, text."""

    __constants__ = ["stride", "padding", "dilation", "groups", "padding_mode", "output_padding", "in_channels",
                     "out_channels", "kernel_size"]

    def __init__(self, in_channels, out_channels, kernel_size, stride, padding, dilation, transposed, output_padding,
                 groups, bias, padding_mode, device=None, dtype=None):
        super().__init__()
        if groups <= 0:
            raise ValueError("groups must be a positive integer")
        if in_channels % groups != 0:
            raise ValueError("in_channels must be divisible by groups")
        if out_channels % groups != 0:
            raise ValueError("out_channels must be divisible by groups")
        if isinstance(padding, str):
            if padding not in ("same", "valid"):
                raise ValueError(f"Invalid padding string {padding!r}, should be one of {{'same', 'valid'}}")
            if padding == "same" and any(each != 1 for each in stride):
                raise ValueError("padding='same' is not supported for strided convolutions")
        if padding_mode not in _PADDING_MODES:
            raise ValueError(f"padding_mode must be one of {set(_PADDING_MODES)}, but got padding_mode='{padding_mode}'")
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = kernel_size
        self.stride = stride
        self.padding = padding
        self.dilation = dilation
        self.transposed = transposed
        self.output_padding = output_padding
        self.groups = groups
        self.padding_mode = padding_mode
        self._reversed_padding_repeated_twice = self._explicit_padding()
        channels = (in_channels, out_channels // groups) if transposed else (out_channels, in_channels // groups)
        self.weight = Parameter(ops.empty((*channels, *kernel_size), device=device, dtype=dtype))
        if bias:
            self.bias = Parameter(ops.empty(out_channels, device=device, dtype=dtype))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def _explicit_padding(self):
        """The padding in the order of `functional.pad`: for modes other than "zeros"."""
        if not isinstance(self.padding, str):
            return _reverse_repeat_tuple(self.padding, 2)
        sides = []
        for dilation, kernel in zip(reversed(self.dilation), reversed(self.kernel_size)):
            total = dilation * (kernel - 1) if self.padding == "same" else 0
            sides += [total // 2, total - total // 2]
        return sides

    def reset_parameters(self):
        """Draw new initial weights: uniform in +-1 / sqrt(values that feed one output)."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            fan_in, _ = init._calculate_fan_in_and_fan_out(self.weight)
            if fan_in != 0:
                bound = 1 / math.sqrt(fan_in)
                init.uniform_(self.bias, -bound, bound)

    def extra_repr(self):
        ones, zeros = (1,) * len(self.dilation), (0,) * len(self.output_padding)
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        if self.padding != (0,) * len(self.padding):
            text += f", padding={self.padding}"
        if self.dilation != ones:
            text += f", dilation={self.dilation}"
        if self.output_padding != zeros:
            text += f", output_padding={self.output_padding}"
        if self.groups != 1:
            text += f", groups={self.groups}"
        if self.bias is None:
            text += ", bias=False"
        if self.padding_mode != "zeros":
            text += f", padding_mode={self.padding_mode}"
        return text

    def __setstate__(self, state):
        super().__setstate__(state)
        self.__dict__.setdefault("padding_mode", "zeros")

    def _padded(self, input):
        return F.pad(input, self._reversed_padding_repeated_twice, mode=self.padding_mode)


class _Conv(_ConvNd):
    """The arguments of the three forward convolutions; a subclass names its dims."""

    _ndim = None

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1, groups=1, bias=True,
                 padding_mode="zeros", device=None, dtype=None):
        fill = _ntuple(self._ndim)
        super().__init__(in_channels, out_channels, fill(kernel_size), fill(stride),
                         padding if isinstance(padding, str) else fill(padding), fill(dilation), False, fill(0), groups,
                         bias, padding_mode, device, dtype)


class Conv1d(_Conv):
    """Cross-correlation of (N, C, L) or (C, L); see `Conv2d`."""

    _ndim = 1

    def _conv_forward(self, input, weight, bias):
        if self.padding_mode != "zeros":
            return ops.conv1d(self._padded(input), weight, bias, self.stride, 0, self.dilation, self.groups)
        return ops.conv1d(input, weight, bias, self.stride, self.padding, self.dilation, self.groups)

    def forward(self, input):
        return self._conv_forward(input, self.weight, self.bias)


class Conv2d(_Conv):
    """Cross-correlation of (N, C, H, W) or (C, H, W).

    Parameters
    ----------
    in_channels, out_channels : int
        Both divisible by `groups`.
    kernel_size, stride, dilation : int or pair
    padding : int, pair, "valid" (none) or "same" (output as large as the input; stride 1 only)
    groups : int
        Channels fall into this many groups, which do not mix.
    bias : bool
    padding_mode : {"zeros", "reflect", "replicate", "circular"}

    Attributes
    ----------
    weight : Parameter, shape (out_channels, in_channels / groups, *kernel_size)
    bias : Parameter, shape (out_channels,), or None

    Raises
    ------
    ValueError
        Channels not divisible, an unknown padding or padding mode, or "same" with a stride.
    """

    _ndim = 2

    def _conv_forward(self, input, weight, bias):
        if self.padding_mode != "zeros":
            return ops.conv2d(self._padded(input), weight, bias, self.stride, 0, self.dilation, self.groups)
        return ops.conv2d(input, weight, bias, self.stride, self.padding, self.dilation, self.groups)

    def forward(self, input):
        return self._conv_forward(input, self.weight, self.bias)


class Conv3d(_Conv):
    """Cross-correlation of (N, C, D, H, W) or (C, D, H, W); see `Conv2d`."""

    _ndim = 3

    def _conv_forward(self, input, weight, bias):
        if self.padding_mode != "zeros":
            return ops.conv3d(self._padded(input), weight, bias, self.stride, 0, self.dilation, self.groups)
        return ops.conv3d(input, weight, bias, self.stride, self.padding, self.dilation, self.groups)

    def forward(self, input):
        return self._conv_forward(input, self.weight, self.bias)


class _ConvTransposeNd(_ConvNd):
    """The arguments of the three transposed convolutions; a subclass names its dims."""

    _ndim = None

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, output_padding=0, groups=1, bias=True,
                 dilation=1, padding_mode="zeros", device=None, dtype=None):
        if padding_mode != "zeros":
            raise ValueError(f'Only "zeros" padding mode is supported for {type(self).__name__}')
        fill = _ntuple(self._ndim)
        super().__init__(in_channels, out_channels, fill(kernel_size), fill(stride), fill(padding), fill(dilation), True,
                         fill(output_padding), groups, bias, padding_mode, device, dtype)

    def _output_padding(self, input, output_size):
        """`output_padding`, or what makes the output `output_size` large."""
        if output_size is None:
            return list(self.output_padding)
        ndim = self._ndim
        has_batch = input.dim() == ndim + 2
        if len(output_size) == ndim + (2 if has_batch else 1):
            output_size = output_size[-ndim:]
        if len(output_size) != ndim:
            raise ValueError(f"ConvTranspose{ndim}D: for {input.dim()}D input, output_size must have {ndim} or "
                             f"{ndim + (2 if has_batch else 1)} elements (got {len(output_size)})")
        smallest = [(input.size(d - ndim) - 1) * self.stride[d] - 2 * self.padding[d]
                    + self.dilation[d] * (self.kernel_size[d] - 1) + 1 for d in range(ndim)]
        largest = [size + self.stride[d] - 1 for d, size in enumerate(smallest)]
        for size, low, high in zip(output_size, smallest, largest):
            if not low <= size <= high:
                raise ValueError(f"requested an output size of {output_size}, but valid sizes range from {smallest} to "
                                 f"{largest} (for an input of {input.size()[-ndim:]})")
        return [size - low for size, low in zip(output_size, smallest)]

    def forward(self, input, output_size=None):
        op = getattr(ops, f"conv_transpose{self._ndim}d")
        return op(input, self.weight, self.bias, self.stride, self.padding, self._output_padding(input, output_size),
                  self.groups, self.dilation)


class ConvTranspose1d(_ConvTransposeNd):
    """Adjoint of `Conv1d`; see `ConvTranspose2d`."""

    _ndim = 1


class ConvTranspose2d(_ConvTransposeNd):
    """Adjoint of `Conv2d` on (N, C, H, W) or (C, H, W).

    Parameters
    ----------
    output_padding : int or pair
        Added to one side of the output size; or give `output_size` at the call.

    Attributes
    ----------
    weight : Parameter, shape (in_channels, out_channels / groups, *kernel_size)
    bias : Parameter, shape (out_channels,), or None
    """

    _ndim = 2


class ConvTranspose3d(_ConvTransposeNd):
    """Adjoint of `Conv3d`; see `ConvTranspose2d`."""

    _ndim = 3
