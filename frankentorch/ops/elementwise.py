"""Bodies and kernels of elementwise rows that are not one loop."""
from frankentorch import ops
from frankentorch._ext.tensor import Tensor


def positive(self):
    if self.dtype is ops.bool:
        raise RuntimeError("The `+` operator, on a bool tensor is not supported.")
    return self


def square(self):
    return ops.pow(self, 2)


def square_in_place(self):
    return self.pow_(2)


def round_decimals(self, decimals):
    if decimals == 0 or not self.is_floating_point():
        return ops.round(self)
    scale = 10.0 ** abs(decimals) if abs(decimals) <= 308 else float("inf")
    if self.dtype not in (ops.float32, ops.float64) or abs(decimals) > 38:        # halves round after each step; no float32 is as large as that
        return ops.round(self * scale) / scale if decimals > 0 else ops.round(self / scale) * scale
    return ops._round_after(self, scale) if decimals > 0 else ops._round_before(self, scale)


def div_mode(self, other, rounding_mode):
    if rounding_mode is None:
        return ops.div(self, other)
    if rounding_mode == "floor":
        return ops.floor_divide(self, other)
    if rounding_mode != "trunc":
        raise RuntimeError(f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '{rounding_mode}'")
    return ops._truncate_divide(self, other)


def _widest(*values):
    return ops.complex128 if any(isinstance(v, complex) or (isinstance(v, Tensor) and v.is_complex()) for v in values) else ops.float64


def _widened(value, dtype):
    return value.to(dtype) if isinstance(value, Tensor) else complex(value) if dtype is ops.complex128 else float(value)


def float_power(self, exponent):
    dtype = _widest(self, exponent)
    return ops.pow(_widened(self, dtype), _widened(exponent, dtype))


def float_power_in_place(self, exponent):
    dtype = _widest(self, exponent)
    if self.dtype is not dtype:
        raise RuntimeError(f"float_power_: the base given to float_power_ has dtype {self.dtype} but the operation's result requires dtype {dtype}")
    return self.pow_(_widened(exponent, dtype))


def clamp(self, min, max):
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    if max is None:
        return ops.clamp_min(self, min)
    if min is None:
        return ops.clamp_max(self, max)
    return ops._clamp(self, min, max)


def clamp_in_place(self, min, max):
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    if max is None:
        return self.clamp_min_(min)
    if min is None:
        return self.clamp_max_(max)
    return ops._clamp_(self, min, max)


def where(condition, self, other):
    if condition.dtype not in (ops.bool, ops.uint8):
        raise RuntimeError(f"where expected condition to be a boolean tensor, but got a tensor with dtype {condition.dtype}")
    return ops._where(condition, self, other)


def where_indices(condition):
    return ops.nonzero(condition).unbind(1)


# bits of the fraction and greatest exponent (IEEE 754; bfloat16 has float32's exponent)
SIGNIFICANDS = {ops.float16: (10, 15), ops.bfloat16: (7, 127), ops.float32: (23, 127), ops.float64: (52, 1023)}


def _stand_ins(dtype, nan, posinf, neginf):
    """The three numbers, in the range of a dtype."""
    fraction_bits, top = SIGNIFICANDS[dtype]
    largest = (2 - 2.0 ** -fraction_bits) * 2.0 ** top
    numbers = (0.0 if nan is None else nan, largest if posinf is None else posinf, -largest if neginf is None else neginf)
    return (v if abs(v) <= largest else ops.tensor(v, dtype=dtype).item() for v in numbers)


def nan_to_num(self, nan, posinf, neginf):
    if not self.is_floating_point() and not self.is_complex():
        return ops.clone(self)
    if self.is_complex():
        parts = (nan_to_num(ops.real(self), nan, posinf, neginf), nan_to_num(ops.imag(self), nan, posinf, neginf))
        return ops.complex(*parts)
    return ops._nan_to_num(self, *_stand_ins(self.dtype, nan, posinf, neginf))


def nan_to_num_in_place(self, nan, posinf, neginf):
    if self.is_complex():
        return self.copy_(nan_to_num(self.clone(), nan, posinf, neginf))
    if self.is_floating_point():
        return ops._nan_to_num_(self, *_stand_ins(self.dtype, nan, posinf, neginf))
    self.unsqueeze(-1)[..., :0].zero_()          # a write that changes nothing
    return self
