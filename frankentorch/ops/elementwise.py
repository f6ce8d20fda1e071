"""Bodies and kernels of elementwise rows that are not one loop."""
from frankentorch import ops
from frankentorch._ext.tensor import Tensor


def positive(self):
    if self.dtype is ops.bool:
        raise RuntimeError("The `+` operator, on a bool tensor is not supported.")
    return self


def square(self):
    return ops.pow(self, 2)


def round_decimals(self, decimals):
    if decimals == 0 or not self.is_floating_point():
        return ops.round(self)
    if decimals > 0:
        return ops.round(self * 10.0 ** decimals) / 10.0 ** decimals
    return ops.round(self / 10.0 ** -decimals) * 10.0 ** -decimals


def div_mode(self, other, rounding_mode):
    if rounding_mode is None:
        return ops.div(self, other)
    if rounding_mode == "floor":
        return ops.floor_divide(self, other)
    if rounding_mode != "trunc":
        raise RuntimeError(f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '{rounding_mode}'")
    return ops._truncate_divide(self, other)


def float_power(self, exponent):
    is_complex = any(isinstance(v, complex) or (isinstance(v, Tensor) and v.is_complex()) for v in (self, exponent))
    to = ops.complex128 if is_complex else ops.float64
    return ops.pow(*(v.to(to) if isinstance(v, Tensor) else (complex(v) if is_complex else float(v)) for v in (self, exponent)))
