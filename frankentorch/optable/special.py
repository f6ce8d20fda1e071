"""Functions of mathematics beyond those of unary.py: the normal distribution, zeta and polygamma, orthogonal polynomials, Bessel functions."""
from .family import FLOAT, FULL, NONE, table

ROWS, op = table()
SPECIAL = {"forms": "function out", "namespace": "special", "promote": "int_to_float"}

# ---- logarithms and the normal distribution ----
op("special_entr(Tensor self) -> Tensor", **SPECIAL, loop={FLOAT: "entr(x)"}, grad={"self": "g * entr_slope(self)"}, doc="-x log x; 0 at 0, -inf below.")
op("special_xlog1py(Operand self, Operand other) -> Tensor", **SPECIAL, loop={FLOAT: "xlog1py(x, y)"}, node="SpecialXlog1PyBackward0",
   grad={"self": "xlog1py_backward_self(g, self, other)", "other": "g * self / (other + 1)"}, doc="self * log1p(other), 0 where self is 0.")
op("special_ndtr(Tensor self) -> Tensor", **SPECIAL, loop={FLOAT: "ndtr(x)"}, grad={"self": "g * normal_density(self)"}, node="MulBackward1", doc="The normal distribution's function.")
op("special_log_ndtr(Tensor self) -> Tensor", **SPECIAL, loop={FULL: "log_ndtr(x)"}, grad={"self": "g * log_ndtr_slope(self)"}, doc="Logarithm of ndtr, exact in the tail.")
op("special_ndtri(Tensor self) -> Tensor", **SPECIAL, loop={FULL: "ndtri(x)"}, grad={"self": "g / normal_density(out)"}, doc="Inverse of ndtr.")
op("special_erfcx(Tensor self) -> Tensor", **SPECIAL, loop={FULL: "erfcx(x)"}, grad={"self": "g * (2 * self * out - 1.1283791670955126)"}, doc="exp(x^2) erfc(x).",
   source="Shepherd & Laframboise 1981")

# ---- gamma functions ----
op("special_zeta(Operand self, Operand other) -> Tensor", **SPECIAL, loop={FULL: "zeta(x, y)"},
   grad={"self": "no_derivative('zeta')", "other": "g * -self * special_zeta(self + 1, other)"}, doc="Hurwitz zeta function: the sum of (other + k)^-self, k >= 0.",
   source="Euler-Maclaurin summation, A & S 23.2.23")
op("_polygamma(Tensor self, float order) -> Tensor", forms="internal", promote="int_to_float", loop={FLOAT: "polygamma(x, order)"}, node="PolygammaBackward0",
   grad={"self": "g * _polygamma(self, order + 1)"}, source="A & S 6.4.10")
op("polygamma(int n, Tensor self) -> Tensor", forms="function out", out="cast", aliases="special_polygamma", body="ops.special:polygamma", doc="n-th derivative of digamma.")
op("mvlgamma(Tensor self, int p) -> Tensor", forms="function method inplace out", out="cast", aliases="special_multigammaln", body="ops.special:mvlgamma",
   doc="Logarithm of the gamma function of p dims.")
for name, sign, what in (("igamma", "", "P"), ("igammac", "-", "Q")):
    op(f"{name}(Tensor self, Tensor other) -> Tensor", forms="function method inplace out", promote="int_to_float", aliases="special_" + name.replace("igamma", "gammainc"),
       loop={FLOAT: name.replace("igamma", "gammainc") + "(x, y)"}, grad={"self": f"no_derivative('{name}: input')", "other": f"{sign}g * gamma_density(self, other)"},
       doc=f"The regularised incomplete gamma function {what}(self, other).", source="A & S 6.5; Temme 1979")

# ---- orthogonal polynomials of x, of degree n cut to a whole number ----
for name, what in (("chebyshev_polynomial_t", "Chebyshev polynomials of the first kind."), ("chebyshev_polynomial_u", "Chebyshev polynomials of the second kind."),
                   ("chebyshev_polynomial_v", "Chebyshev polynomials of the third kind."), ("chebyshev_polynomial_w", "Chebyshev polynomials of the fourth kind."),
                   ("hermite_polynomial_h", "Hermite polynomials of the physicists."), ("hermite_polynomial_he", "Hermite polynomials of the probabilists."),
                   ("laguerre_polynomial_l", "Laguerre polynomials."), ("legendre_polynomial_p", "Legendre polynomials.")):
    op(f"special_{name}(Operand x, Operand n) -> Tensor", **SPECIAL, loop={FULL: name.replace("polynomial_", "") + "(x, y)"}, grad=NONE, doc=what, source="A & S 22.7")
for letter in "tuvw":
    op(f"special_shifted_chebyshev_polynomial_{letter}(Operand x, Operand n) -> Tensor", **SPECIAL, loop={FULL: f"chebyshev_{letter}(x + x - 1, y)"}, grad=NONE,
       doc=f"chebyshev_polynomial_{letter} at 2 x - 1.")

# ---- Bessel functions ----
op("i0(Tensor self) -> Tensor", forms="function method inplace out", promote="int_to_float", aliases="special_i0", loop={FLOAT: "i0(x)"}, grad={"self": "g * special_i1(self)"},
   doc="Modified Bessel function of the first kind, of order 0.")
op("special_i0e(Tensor self) -> Tensor", **SPECIAL, loop={FLOAT: "i0e(x)"}, node="SpecialI0EBackward0", grad={"self": "g * (special_i1e(self) - self.sgn() * out)"}, doc="exp(-|x|) i0(x).")
op("special_i1(Tensor self) -> Tensor", **SPECIAL, loop={FLOAT: "i1(x)"}, grad={"self": "i1_backward(g, self, out)"}, doc="Modified Bessel function of the first kind, of order 1.")
op("special_i1e(Tensor self) -> Tensor", **SPECIAL, loop={FLOAT: "i1e(x)"}, node="SpecialI1EBackward0", grad={"self": "i1e_backward(g, self, out)"}, doc="exp(-|x|) i1(x).")
for name, loop, what in (("modified_bessel_i0", "i0", "Modified Bessel function of the first kind, of order 0."), ("modified_bessel_i1", "i1", "Modified Bessel function of the first kind, of order 1."),
                         ("modified_bessel_k0", "k0", "Modified Bessel function of the second kind, of order 0."), ("modified_bessel_k1", "k1", "Modified Bessel function of the second kind, of order 1."),
                         ("scaled_modified_bessel_k0", "k0e", "exp(x) modified_bessel_k0(x)."), ("scaled_modified_bessel_k1", "k1e", "exp(x) modified_bessel_k1(x)."),
                         ("bessel_j0", "j0", "Bessel function of the first kind, of order 0."), ("bessel_j1", "j1", "Bessel function of the first kind, of order 1."),
                         ("bessel_y0", "y0", "Bessel function of the second kind, of order 0."), ("bessel_y1", "y1", "Bessel function of the second kind, of order 1."),
                         ("spherical_bessel_j0", "spherical_j0", "sin(x) / x.")):
    op(f"special_{name}(Tensor self) -> Tensor", **SPECIAL, loop={FULL: loop + "(x)"}, grad=NONE, doc=what, source="A & S 9")
op("special_airy_ai(Tensor x) -> Tensor", **SPECIAL, loop={FULL: "airy_ai(x)"}, grad=NONE, doc="Airy's function Ai.", source="A & S 10.4")

# ---- mantissa and exponent ----
op("_frexp_mantissa(Tensor self) -> Tensor", forms="internal", loop={FLOAT: "frexp_mantissa(x)"}, grad=NONE)
op("_frexp_exponent(Tensor self) -> Tensor", forms="internal", loop={FLOAT: "frexp_exponent(x)"}, grad=NONE)
op("frexp(Tensor self) -> (Tensor mantissa, Tensor exponent)", forms="function method out", kernel="ops.special:frexp", grad={"self": "frexp_backward(g0, exponent)"},
   doc="self = mantissa * 2^exponent, the mantissa's size in [1/2, 1).")
