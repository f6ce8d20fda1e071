"""Elementwise rows of one operand. Rounding and signs first, then exponentials, circular, hyperbolic, special functions."""
from .family import BOOL, BOOL_INT, BOOL_REAL, COMPLEX, FLOAT, INT, NONE, SIGNED, UNSIGNED, table

ROWS, op = table()
PLAIN = "function method inplace out"
WRITTEN = "function method out"         # the in-place form is a row of its own: a composite's would write a copy and copy it back

op("neg(Tensor self) -> Tensor", forms=PLAIN, out="exact", aliases="negative", loop={INT: "0 - x", FLOAT: "-x", COMPLEX: "neg(x)"}, vectors=True, words="x ^ 0x8000",
   grad={"self": "-g"}, doc="Each element with its sign changed.", source="IEEE 754 negate")
op("positive(Tensor self) -> Tensor", forms="function method", body="ops.elementwise:positive", doc="The tensor itself; bool is refused.")
op("abs(Tensor self) -> Tensor", forms=PLAIN, aliases="absolute", result="real", words="x & 0x7fff",
   loop={UNSIGNED: "x", SIGNED: "abs(x)", FLOAT: "abs(x)", COMPLEX: "abs(x)"},
   grad={"self": "g * self.sgn()"}, doc="Absolute value; of a complex number, its modulus.", source="IEEE 754 abs; hypot")
op("sign(Tensor self) -> Tensor", forms=PLAIN, out="exact", loop={BOOL: "x", INT: "sign(x)", FLOAT: "sign(x)"},
   grad={"self": "g * 0"}, doc="-1, 0 or 1 by sign; NaN stays NaN as 0 does.")
op("sgn(Tensor self) -> Tensor", forms=PLAIN, out="exact", loop={BOOL: "x", INT: "sign(x)", FLOAT: "sign(x)", COMPLEX: "sgn(x)"},
   jvp="sgn", grad={"self": "sgn_backward(g, self, out)"}, doc="sign for real tensors; x / |x| for complex ones.")
op("signbit(Tensor self) -> Tensor", forms="function method out", out="exact", result="bool",
   loop={BOOL: "0", UNSIGNED: "0", SIGNED: "x < 0", FLOAT: "signbit(x)"}, grad=NONE, doc="Whether the sign bit is set.")
op("ceil(Tensor self) -> Tensor", forms=PLAIN, out="exact", loop={INT: "x", FLOAT: "ceil(x)"}, grad={"self": "g * 0"}, doc="Smallest integer not below each element.")
op("floor(Tensor self) -> Tensor", forms=PLAIN, out="exact", loop={INT: "x", FLOAT: "floor(x)"}, grad={"self": "g * 0"}, doc="Largest integer not above each element.")
op("trunc(Tensor self) -> Tensor", forms=PLAIN, out="exact", aliases="fix", loop={INT: "x", FLOAT: "trunc(x)"}, grad={"self": "g * 0"}, doc="Integer part, towards zero.")
op("round(Tensor self) -> Tensor", forms=PLAIN, out="exact", loop={INT: "x", FLOAT: "round(x)"}, grad={"self": "g * 0"}, doc="Nearest integer, ties to even.")
op("_round_after(Tensor self, Scalar scale) -> Tensor", forms="internal", loop={FLOAT: "round(x * scale) / scale"}, grad=NONE)
op("_round_before(Tensor self, Scalar scale) -> Tensor", forms="internal", loop={FLOAT: "round(x / scale) * scale"}, grad=NONE)
op("round.decimals(Tensor self, *, int decimals) -> Tensor", forms=PLAIN, kernel="ops.elementwise:round_decimals", jvp="elementwise", grad={"self": "g * 0"})
op("frac(Tensor self) -> Tensor", forms=PLAIN, out="exact", loop={FLOAT: "x - trunc(x)"}, grad={"self": "g"}, doc="Fractional part, with the sign of the element.")
op("isnan(Tensor self) -> Tensor", forms="function method", result="bool", loop={BOOL_INT: "0", FLOAT: "x != x", COMPLEX: "isnan(x)"}, grad=NONE,
   doc="Whether each element is NaN.")
op("isinf(Tensor self) -> Tensor", forms="function method", result="bool", loop={BOOL_INT: "0", FLOAT: "isinf(x)", COMPLEX: "isinf(x)"}, grad=NONE,
   doc="Whether each element is infinite.")
op("isfinite(Tensor self) -> Tensor", forms="function method", result="bool", loop={BOOL_INT: "1", FLOAT: "isfinite(x)", COMPLEX: "isfinite(x)"}, grad=NONE,
   doc="Whether each element is neither infinite nor NaN.")
op("isreal(Tensor self) -> Tensor", forms="function method", result="bool", loop={BOOL_REAL: "1", COMPLEX: "x.im == 0"}, grad=NONE, doc="Whether the imaginary part is zero.")
op("logical_not(Tensor self) -> Tensor", forms=PLAIN, result="bool", loop={BOOL_REAL: "x == 0", COMPLEX: "x.re == 0 and x.im == 0"}, grad=NONE, doc="Whether each element is zero.")
op("bitwise_not(Tensor self) -> Tensor", forms=PLAIN, out="exact", loop={BOOL: "x ^ 1", INT: "~x"}, grad=NONE, doc="Bits inverted; of bool, not.")
op("_conjugate(Tensor self) -> Tensor", forms="internal", loop={COMPLEX: "conj(x)"}, grad={"self": "g.conj()"}, node="ConjPhysicalBackward0")
op("conj_physical(Tensor self) -> Tensor", forms=PLAIN, out="exact", body="ops.shape:conj", doc="Complex conjugate, as new bytes; of a tensor that is not complex itself.")
op("reciprocal(Tensor self) -> Tensor", forms=PLAIN, promote="int_to_float", loop={FLOAT: "<T> 1 / x", COMPLEX: "reciprocal(x)"},
   grad={"self": "-g * conj(out * out)"}, doc="1 / x.")
op("sqrt(Tensor self) -> Tensor", forms=PLAIN, promote="int_to_float", loop={FLOAT: "sqrt(x)", COMPLEX: "sqrt(x)"},
   grad={"self": "g / (2 * conj(out))"}, doc="Square root, correctly rounded for real dtypes.", source="IEEE 754 squareRoot")
op("rsqrt(Tensor self) -> Tensor", forms=PLAIN, promote="int_to_float", loop={FLOAT: "<T> 1 / sqrt(x)", COMPLEX: "rsqrt(x)"},
   grad={"self": "-0.5 * g * conj(out.pow(3))"}, doc="1 / sqrt(x).")
op("_squared(Tensor self) -> Tensor", forms="internal", loop={INT: "x * x", FLOAT: "x * x", COMPLEX: "mul(x, x)"}, vectors=True, grad=NONE)
op("_cubed(Tensor self) -> Tensor", forms="internal", loop={INT: "x * x * x", FLOAT: "x * x * x", COMPLEX: "mul(mul(x, x), x)"}, grad=NONE)
op("_inverse_square(Tensor self) -> Tensor", forms="internal", loop={FLOAT: "<T> 1 / (x * x)", COMPLEX: "reciprocal(mul(x, x))"}, grad=NONE)
op("square(Tensor self) -> Tensor", forms=WRITTEN, out="cast", body="ops.elementwise:square", doc="x * x.")
op("square_(Tensor self) -> Tensor", forms="function method", body="ops.elementwise:square_in_place", doc="square in place.")

op("exp(Tensor self) -> Tensor", forms=PLAIN, promote="int_to_float", loop={FLOAT: "exp(x)", COMPLEX: "exp(x)"}, grad={"self": "g * conj(out)"}, doc="e to each element.")
op("exp2(Tensor self) -> Tensor", forms=PLAIN, promote="int_to_float", loop={FLOAT: "exp2(x)", COMPLEX: "exp2(x)"}, grad={"self": "g * conj(out) * 0.6931471805599453"}, doc="2 to each element.")
op("expm1(Tensor self) -> Tensor", forms=PLAIN, promote="int_to_float", loop={FLOAT: "expm1(x)", COMPLEX: "expm1(x)"}, grad={"self": "g * (conj(out) + 1)"}, doc="exp(x) - 1, exact near 0.")
op("log(Tensor self) -> Tensor", forms=PLAIN, promote="int_to_float", loop={FLOAT: "log(x)", COMPLEX: "log(x)"}, grad={"self": "g / conj(self)"}, doc="Natural logarithm.")
op("log2(Tensor self) -> Tensor", forms=PLAIN, promote="int_to_float", loop={FLOAT: "log2(x)", COMPLEX: "log2(x)"}, grad={"self": "g / (conj(self) * 0.6931471805599453)"}, doc="Logarithm to base 2.")
op("log10(Tensor self) -> Tensor", forms=PLAIN, promote="int_to_float", loop={FLOAT: "log10(x)", COMPLEX: "log10(x)"}, grad={"self": "g / (conj(self) * 2.302585092994046)"}, doc="Logarithm to base 10.")
op("log1p(Tensor self) -> Tensor", forms=PLAIN, promote="int_to_float", loop={FLOAT: "log1p(x)", COMPLEX: "log1p(x)"}, grad={"self": "g / (conj(self) + 1)"}, doc="log(1 + x), exact near 0.")

op("sin(Tensor self) -> Tensor", forms=PLAIN, promote="int_to_float", loop={FLOAT: "sin(x)", COMPLEX: "sin(x)"}, grad={"self": "g * conj(self.cos())"}, doc="Sine of radians.")
op("cos(Tensor self) -> Tensor", forms=PLAIN, promote="int_to_float", loop={FLOAT: "cos(x)", COMPLEX: "cos(x)"}, grad={"self": "g * -conj(self.sin())"}, doc="Cosine of radians.")
op("tan(Tensor self) -> Tensor", forms=PLAIN, promote="int_to_float", loop={FLOAT: "tan(x)", COMPLEX: "tan(x)"}, grad={"self": "g * conj(1 + out * out)"}, doc="Tangent of radians.")
op("asin(Tensor self) -> Tensor", forms=PLAIN, aliases="arcsin", promote="int_to_float", loop={FLOAT: "asin(x)", COMPLEX: "asin(x)"}, grad={"self": "g * conj((1 - self * self).rsqrt())"}, doc="Inverse sine.")
op("acos(Tensor self) -> Tensor", forms=PLAIN, aliases="arccos", promote="int_to_float", loop={FLOAT: "acos(x)", COMPLEX: "acos(x)"}, grad={"self": "-g * conj((1 - self * self).rsqrt())"}, doc="Inverse cosine.")
op("atan(Tensor self) -> Tensor", forms=PLAIN, aliases="arctan", promote="int_to_float", loop={FLOAT: "atan(x)", COMPLEX: "atan(x)"}, grad={"self": "g / conj(self * self + 1)"}, doc="Inverse tangent.")
op("sinh(Tensor self) -> Tensor", forms=PLAIN, promote="int_to_float", loop={FLOAT: "sinh(x)", COMPLEX: "sinh(x)"}, grad={"self": "g * conj(self.cosh())"}, doc="Hyperbolic sine.")
op("cosh(Tensor self) -> Tensor", forms=PLAIN, promote="int_to_float", loop={FLOAT: "cosh(x)", COMPLEX: "cosh(x)"}, grad={"self": "g * conj(self.sinh())"}, doc="Hyperbolic cosine.")
op("tanh(Tensor self) -> Tensor", forms=PLAIN, promote="int_to_float", loop={FLOAT: "tanh(x)", COMPLEX: "tanh(x)"}, grad={"self": "tanh_backward(g, out)"}, doc="Hyperbolic tangent.")
op("_tanh_backward(Tensor grad, Tensor output) -> Tensor", forms="internal", loop={FLOAT: "x * (<T> 1 - y * y)"}, node="TanhBackwardBackward0",
   grad={"grad": "_tanh_backward(g, output)", "output": "g * grad * (output * -2)"})
op("asinh(Tensor self) -> Tensor", forms=PLAIN, aliases="arcsinh", promote="int_to_float", loop={FLOAT: "asinh(x)", COMPLEX: "asinh(x)"}, grad={"self": "g * conj((self * self + 1).rsqrt())"}, doc="Inverse hyperbolic sine.")
op("acosh(Tensor self) -> Tensor", forms=PLAIN, aliases="arccosh", promote="int_to_float", loop={FLOAT: "acosh(x)", COMPLEX: "acosh(x)"},
   grad={"self": "g * conj((self - 1).rsqrt() * (self + 1).rsqrt())"}, doc="Inverse hyperbolic cosine.")
op("atanh(Tensor self) -> Tensor", forms=PLAIN, aliases="arctanh", promote="int_to_float", loop={FLOAT: "atanh(x)", COMPLEX: "atanh(x)"}, grad={"self": "g / conj(1 - self * self)"}, doc="Inverse hyperbolic tangent.")

op("sigmoid(Tensor self) -> Tensor", forms=PLAIN, promote="int_to_float", loop={FLOAT: "sigmoid(x)", COMPLEX: "sigmoid(x)"}, grad={"self": "sigmoid_backward(g, out)"}, doc="1 / (1 + exp(-x)).")
op("_sigmoid_backward(Tensor grad, Tensor output) -> Tensor", forms="internal", loop={FLOAT: "x * (y * (<T> 1 - y))"}, node="SigmoidBackwardBackward0",
   grad={"grad": "_sigmoid_backward(g, output)", "output": "g * grad * (1 - 2 * output)"})
op("erf(Tensor self) -> Tensor", forms=PLAIN, promote="int_to_float", loop={FLOAT: "erf(x)"}, grad={"self": "g * (1.1283791670955126 * (-(self * self)).exp())"}, doc="Error function.")
op("erfc(Tensor self) -> Tensor", forms=PLAIN, promote="int_to_float", loop={FLOAT: "erfc(x)"}, grad={"self": "g * (-1.1283791670955126 * (-(self * self)).exp())"}, doc="1 - erf(x), exact in the tail.")
op("erfinv(Tensor self) -> Tensor", forms=PLAIN, promote="int_to_float", loop={FLOAT: "erfinv(x)"}, grad={"self": "g * (0.886226925452758 * (out * out).exp())"}, doc="Inverse of erf.")
op("lgamma(Tensor self) -> Tensor", forms=PLAIN, promote="int_to_float", loop={FLOAT: "lgamma(x)"}, grad={"self": "g * self.digamma()"}, doc="Logarithm of |gamma(x)|.")
op("digamma(Tensor self) -> Tensor", forms=PLAIN, promote="int_to_float", loop={FLOAT: "digamma(x)"}, grad={"self": "g * _polygamma(self, 1)"}, doc="Derivative of lgamma.")
op("sinc(Tensor self) -> Tensor", forms=PLAIN, promote="int_to_float", loop={FLOAT: "sinc(x)"}, grad={"self": "sinc_backward(g, self)"}, doc="sin(pi x) / (pi x), 1 at 0.")
