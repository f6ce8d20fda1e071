"""Padding layers: `functional.pad` of the last 1, 2 or 3 dims."""
from frankentorch.nn import functional as F
from frankentorch.nn.modules.module import Module
from frankentorch.nn.modules.utils import _ntuple

__all__ = [
    "CircularPad1d", "CircularPad2d", "CircularPad3d", "ConstantPad1d", "ConstantPad2d", "ConstantPad3d",
    "ReflectionPad1d", "ReflectionPad2d", "ReflectionPad3d", "ReplicationPad1d", "ReplicationPad2d", "ReplicationPad3d",
    "ZeroPad1d", "ZeroPad2d", "ZeroPad3d",
]


class _Pad(Module):
    """`padding` is one number for all sides, or (left, right) of the last dim, then of the one before."""

    __constants__ = ["padding"]
    _ndim = None
    _mode = None

    def __init__(self, padding):
        super().__init__()
        self.padding = _ntuple(2 * self._ndim)(padding)

    def forward(self, input):
        return F.pad(input, self.padding, self._mode)

    def extra_repr(self):
        return f"{self.padding}"


class _CircularPadNd(_Pad):
    _mode = "circular"

    def _check_input_dim(self, input):
        ndim = self._ndim
        if input.dim() not in (ndim + 1, ndim + 2):
            raise ValueError(f"expected {ndim + 1}D or {ndim + 2}D input (got {input.dim()}D input)")

    def forward(self, input):
        self._check_input_dim(input)
        return super().forward(input)


class CircularPad1d(_CircularPadNd):
    """Goes on at the other end, in (..., L)."""

    _ndim = 1


class CircularPad2d(_CircularPadNd):
    """Goes on at the other end, in (..., H, W)."""

    _ndim = 2


class CircularPad3d(_CircularPadNd):
    """Goes on at the other end, in (..., D, H, W)."""

    _ndim = 3


class _ConstantPadNd(_Pad):
    __constants__ = ["padding", "value"]
    _mode = "constant"

    def __init__(self, padding, value):
        super().__init__(padding)
        self.value = value

    def forward(self, input):
        return F.pad(input, self.padding, "constant", self.value)

    def extra_repr(self):
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(_ConstantPadNd):
    """Puts `value` around the last dim."""

    _ndim = 1


class ConstantPad2d(_ConstantPadNd):
    """Puts `value` around the last 2 dims."""

    _ndim = 2


class ConstantPad3d(_ConstantPadNd):
    """Puts `value` around the last 3 dims."""

    _ndim = 3


class _ZeroPad:
    def __init__(self, padding):
        super().__init__(padding, 0.0)

    def extra_repr(self):
        return f"{self.padding}"


class ZeroPad1d(_ZeroPad, ConstantPad1d):
    """Puts zeros around the last dim."""


class ZeroPad2d(_ZeroPad, ConstantPad2d):
    """Puts zeros around the last 2 dims."""


class ZeroPad3d(_ZeroPad, ConstantPad3d):
    """Puts zeros around the last 3 dims."""


class _ReflectionPadNd(_Pad):
    _mode = "reflect"


class ReflectionPad1d(_ReflectionPadNd):
    """Mirrors at the border elements of the last dim."""

    _ndim = 1


class ReflectionPad2d(_ReflectionPadNd):
    """Mirrors at the border elements of the last 2 dims."""

    _ndim = 2


class ReflectionPad3d(_ReflectionPadNd):
    """Mirrors at the border elements of the last 3 dims."""

    _ndim = 3


class _ReplicationPadNd(_Pad):
    _mode = "replicate"


class ReplicationPad1d(_ReplicationPadNd):
    """Repeats the border elements of the last dim."""

    _ndim = 1


class ReplicationPad2d(_ReplicationPadNd):
    """Repeats the border elements of the last 2 dims."""

    _ndim = 2


class ReplicationPad3d(_ReplicationPadNd):
    """Repeats the border elements of the last 3 dims."""

    _ndim = 3
