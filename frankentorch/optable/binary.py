"""Elementwise rows of two operands: arithmetic, powers, bits, extremes."""
from .family import BOOL, COMPLEX, FLOAT, INT, NONE, table

ROWS, op = table()
PLAIN = "function method inplace out"
WRITTEN = "function method out"         # the in-place form is a row of its own: a composite's would write a copy and copy it back

op("add(Tensor self, Operand other, *, Scalar alpha=1) -> Tensor", forms=PLAIN,
   guard="alpha", loop={BOOL: "x | (alpha & y)", INT: "x + alpha * y", FLOAT: "x + y if alpha == 1 else fma(alpha, y, x)", COMPLEX: "add(x, mul(alpha, y))"},
   vectors="fma(y, alpha, x)",
   grad={"self": "g", "other": "scaled(g, alpha)"}, doc="self + alpha * other.", source="IEEE 754 addition")
op("sub(Tensor self, Operand other, *, Scalar alpha=1) -> Tensor", forms=PLAIN, aliases="subtract",
   guard="alpha", loop={INT: "x - alpha * y", FLOAT: "x - y if alpha == 1 else fma(-alpha, y, x)", COMPLEX: "sub(x, mul(alpha, y))"},
   vectors="fnma(y, alpha, x)",
   grad={"self": "g", "other": "scaled(-g, alpha)"}, doc="self - alpha * other; bool is refused (use ^ or logical_xor).")
op("rsub(Tensor self, Operand other, *, Scalar alpha=1) -> Tensor", forms="function",
   guard="alpha", loop={INT: "y - alpha * x", FLOAT: "y - x if alpha == 1 else fma(-alpha, x, y)", COMPLEX: "sub(y, mul(alpha, x))"},
   grad={"self": "scaled(-g, alpha)", "other": "g"}, doc="other - alpha * self.")
op("mul(Tensor self, Operand other) -> Tensor", forms=PLAIN, aliases="multiply", loop={BOOL: "x & y", INT: "x * y", FLOAT: "x * y", COMPLEX: "mul(x, y)"}, vectors="x * y",
   grad={"self": "g * conj(other)", "other": "g * conj(self)"}, doc="self * other.", source="IEEE 754 multiplication")
op("div(Tensor self, Operand other) -> Tensor", forms=PLAIN, aliases="divide true_divide", promote="int_to_float", loop={FLOAT: "x / y", COMPLEX: "div(x, y)"}, vectors="x / y",
   grad={"self": "g / conj(other)", "other": "-g * conj(self / other / other)"}, doc="self / other, as real numbers.", source="IEEE 754 division")
op("div.Tensor_mode(Tensor self, Operand other, *, str? rounding_mode) -> Tensor", forms=PLAIN, out="cast", kernel="ops.elementwise:div_mode",
   jvp="elementwise", grad={"self": "div_mode_backward_self(g, other, rounding_mode)", "other": "div_mode_backward_other(g, self, other, rounding_mode)"})
op("floor_divide(Tensor self, Operand other) -> Tensor", forms=PLAIN, guard="zero", loop={INT: "floordiv(x, y)", FLOAT: "floordiv(x, y)"}, grad=NONE,
   doc="Largest integer not above self / other; integer division by zero is an error.")
op("remainder(Operand self, Operand other) -> Tensor", forms=PLAIN, guard="zero", loop={INT: "remainder(x, y)", FLOAT: "remainder(x, y)"},
   grad={"self": "g", "other": "remainder_backward_other(g, self, other)"}, doc="self - other * floor(self / other): the sign of other.")
op("fmod(Tensor self, Operand other) -> Tensor", forms=PLAIN, guard="zero", loop={INT: "fmod(x, y)", FLOAT: "fmod(x, y)"},
   grad={"self": "g", "other": "-g * self.div(other, rounding_mode='trunc')"}, doc="self - other * trunc(self / other): the sign of self.")
op("pow(Operand self, Operand exponent) -> Tensor", forms=PLAIN, guard="exponent fit", loop={BOOL: "x | (y ^ 1)", INT: "pow(x, y)", FLOAT: "pow(x, y)", COMPLEX: "pow(x, y)"},
   grad={"self": "pow_backward_self(g, self, exponent)", "exponent": "pow_backward_exponent(g, self, exponent, out)"}, doc="self to the power of exponent.")
op("float_power(Operand self, Operand exponent) -> Tensor", forms=WRITTEN, body="ops.elementwise:float_power", doc="pow in float64 (complex128 for complex input).")
op("float_power_(Tensor self, Operand exponent) -> Tensor", forms="method", body="ops.elementwise:float_power_in_place", doc="float_power in place.")
op("atan2(Tensor self, Tensor other) -> Tensor", forms=PLAIN, aliases="arctan2", promote="int_to_float", loop={FLOAT: "atan2(x, y)"},
   grad={"self": "atan2_backward_self(g, self, other)", "other": "atan2_backward_other(g, self, other)"}, doc="Angle of the point (other, self), in (-pi, pi].")
op("hypot(Tensor self, Tensor other) -> Tensor", forms=PLAIN, loop={FLOAT: "hypot(x, y)"},
   grad={"self": "g * (self / out)", "other": "g * (other / out)"}, doc="sqrt(self^2 + other^2) without overflow.")
op("logaddexp(Tensor self, Tensor other) -> Tensor", forms="function method out", loop={FLOAT: "maximum(x, y) if x - y != x - y else maximum(x, y) + log1p(exp(-abs(x - y)))"},
   grad={"self": "g / (1 + (other - self).exp())", "other": "g / (1 + (self - other).exp())"}, doc="log(exp(self) + exp(other)).")
op("logaddexp2(Tensor self, Tensor other) -> Tensor", forms="function method out", loop={FLOAT: "maximum(x, y) if x - y != x - y else fma(log1p(exp2(-abs(x - y))), 1.4426950408889634, maximum(x, y))"},
   grad={"self": "g / (1 + (other - self).exp2())", "other": "g / (1 + (self - other).exp2())"}, doc="log2(2^self + 2^other).")
op("xlogy(Operand self, Operand other) -> Tensor", forms=PLAIN, promote="int_to_float", loop={FLOAT: "y if y != y else (x + x if x != x else (0 if x == 0 else x * log(y)))"},
   grad={"self": "xlogy_backward_self(g, self, other)", "other": "g * self / other"}, doc="self * log(other), 0 where self is 0.")
op("copysign(Tensor self, Operand other) -> Tensor", forms=PLAIN, promote="int_to_float", loop={FLOAT: "copysign(x, y)"}, words="(x & 0x7fff) | (y & 0x8000)",
   grad={"self": "copysign_backward(g, self, out)", "other": "g * 0"}, doc="Magnitude of self with the sign of other.")
op("nextafter(Tensor self, Tensor other) -> Tensor", forms=PLAIN, loop={("f32", "f64"): "nextafter(x, y)"},
   grad={"self": "g * ne(self, other)", "other": "g * 0"}, doc="Next representable value towards other.")
op("heaviside(Tensor self, Tensor values) -> Tensor", forms=PLAIN, out="exact", loop={BOOL: "y if x == 0 else x > 0", INT: "y if x == 0 else (x > 0)", FLOAT: "heaviside(x, y)"}, grad=NONE, doc="0 below zero, values at zero, 1 above.")

op("maximum(Tensor self, Tensor other) -> Tensor", forms="function method out", loop={BOOL: "x | y", INT: "maximum(x, y)", FLOAT: "maximum(x, y)"}, vectors=True,
   grad={"self": "extreme_backward(g, self, other, 'ge')", "other": "extreme_backward(g, other, self, 'ge')"}, doc="Larger of the two; NaN wins.")
op("minimum(Tensor self, Tensor other) -> Tensor", forms="function method out", loop={BOOL: "x & y", INT: "minimum(x, y)", FLOAT: "minimum(x, y)"}, vectors=True,
   grad={"self": "extreme_backward(g, self, other, 'le')", "other": "extreme_backward(g, other, self, 'le')"}, doc="Smaller of the two; NaN wins.")
op("fmax(Tensor self, Tensor other) -> Tensor", forms="function method out", loop={BOOL: "x | y", INT: "maximum(x, y)", FLOAT: "fmax(x, y)"},
   grad={"self": "fextreme_backward(g, self, other, 'ge', True)", "other": "fextreme_backward(g, other, self, 'gt', False)"}, doc="Larger of the two; NaN loses.")
op("fmin(Tensor self, Tensor other) -> Tensor", forms="function method out", loop={BOOL: "x & y", INT: "minimum(x, y)", FLOAT: "fmin(x, y)"},
   grad={"self": "fextreme_backward(g, self, other, 'le', True)", "other": "fextreme_backward(g, other, self, 'lt', False)"}, doc="Smaller of the two; NaN loses.")

op("bitwise_and(Operand self, Operand other) -> Tensor", forms=PLAIN, loop={BOOL: "x & y", INT: "x & y"}, grad=NONE, doc="Bits set in both.")
op("bitwise_or(Operand self, Operand other) -> Tensor", forms=PLAIN, loop={BOOL: "x | y", INT: "x | y"}, grad=NONE, doc="Bits set in either.")
op("bitwise_xor(Operand self, Operand other) -> Tensor", forms=PLAIN, loop={BOOL: "x ^ y", INT: "x ^ y"}, grad=NONE, doc="Bits set in one only.")
op("bitwise_left_shift(Operand self, Operand other) -> Tensor", forms=PLAIN, loop={INT: "lshift(x, y)"}, grad=NONE, doc="self * 2^other on the bits.")
op("bitwise_right_shift(Operand self, Operand other) -> Tensor", forms=PLAIN, loop={INT: "rshift(x, y)"}, grad=NONE, doc="Arithmetic shift right.")
op("gcd(Tensor self, Tensor other) -> Tensor", forms=PLAIN, loop={INT: "gcd(x, y)"}, grad=NONE, doc="Greatest common divisor, not negative.")
op("lcm(Tensor self, Tensor other) -> Tensor", forms=PLAIN, loop={INT: "lcm(x, y)"}, grad=NONE, doc="Least common multiple, not negative.")
op("_truncate_divide(Operand self, Operand other) -> Tensor", forms="internal", guard="zero", loop={INT: "truncdiv(x, y)", FLOAT: "trunc(x / y)"}, grad=NONE)
op("clamp_min(Tensor self, Operand min) -> Tensor", forms=PLAIN, guard="fit", loop={INT: "maximum(x, y)", FLOAT: "maximum(x, y)"}, vectors=True,
   grad={"self": "clamp_one_backward(g, self, min, 'ge')", "min": "clamp_bound_backward(g, self, min, 'lt')"}, doc="self, at least min.")
op("clamp_max(Tensor self, Operand max) -> Tensor", forms=PLAIN, guard="fit", loop={INT: "minimum(x, y)", FLOAT: "minimum(x, y)"}, vectors=True,
   grad={"self": "clamp_one_backward(g, self, max, 'le')", "max": "clamp_bound_backward(g, self, max, 'gt')"}, doc="self, at most max.")
op("clamp(Tensor self, Operand? min=None, Operand? max=None) -> Tensor", forms=WRITTEN, out="cast", aliases="clip", body="ops.elementwise:clamp", doc="self held between min and max.")
op("clamp_(Tensor self, Operand? min=None, Operand? max=None) -> Tensor", forms="function method", aliases="clip_", body="ops.elementwise:clamp_in_place", doc="clamp in place.")
op("where(Tensor condition, Operand self, Operand other) -> Tensor", forms="function out", body="ops.elementwise:where", doc="self where condition, else other.")
op("where.indices(Tensor condition) -> Tensor[]", forms="function", body="ops.elementwise:where_indices")
