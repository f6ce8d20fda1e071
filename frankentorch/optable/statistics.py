"""Rows over data as data: angles in degrees, spread and correlation, histograms, integrals and slopes of samples. Composites."""
from .family import FLOAT, FULL, table

ROWS, op = table()
BOTH = "function method"
PLAIN = "function method inplace out"
WRITTEN = "function method out"         # the in-place form is a row of its own: a composite's would write a copy and copy it back
PLACE = "ops.statistics:"
LOGIT_SLOPE = "x / (y / (<T> 1 - y)) / (<T> 1 - y) + x / (y / (<T> 1 - y)) * (y / (<T> 1 - y) / (<T> 1 - y))"

op("_angle(Tensor self) -> Tensor", forms="internal", loop={FLOAT: "x if x != x else (<T> 3.141592653589793 if x < 0 else <T> 0)"}, grad={"self": "zeros_like(g)"}, node="AngleBackward0")
op("angle(Tensor self) -> Tensor", forms="function method out", out="cast", body=PLACE + "angle", doc="Argument of a complex number; 0 or pi for a real one, nan for nan.")
op("deg2rad(Tensor self) -> Tensor", forms=WRITTEN, out="cast", body=PLACE + "deg2rad", doc="Degrees to radians.")
op("deg2rad_(Tensor self) -> Tensor", forms="function method", body=PLACE + "deg2rad_in_place", doc="deg2rad in place.")
op("rad2deg(Tensor self) -> Tensor", forms=WRITTEN, out="cast", body=PLACE + "rad2deg", doc="Radians to degrees.")
op("rad2deg_(Tensor self) -> Tensor", forms="function method", body=PLACE + "rad2deg_in_place", doc="rad2deg in place.")
op("_logit(Tensor self) -> Tensor", forms="internal", loop={FULL: "log(x / (1 - x))"}, grad={"self": "_logit_backward(g, self)"}, node="LogitBackward0")
op("_logit_backward(Tensor grad, Tensor self) -> Tensor", forms="internal", loop={FULL: LOGIT_SLOPE},
   grad={"grad": "_logit_backward(g, self)", "self": "g * grad * (2 * self - 1) / (self * (1 - self)).square()"})
op("logit(Tensor self, float? eps=None) -> Tensor", forms=PLAIN, out="cast", body=PLACE + "logit", doc="log(x / (1 - x)), x held within [eps, 1 - eps].")
op("ldexp(Tensor self, Tensor other) -> Tensor", forms=PLAIN, out="cast", body=PLACE + "ldexp", doc="self * 2 ** other.")
op("isposinf(Tensor self) -> Tensor", forms="function method out", out="mask", body=PLACE + "isposinf", doc="Where self is +inf.")
op("isneginf(Tensor self) -> Tensor", forms="function method out", out="mask", body=PLACE + "isneginf", doc="Where self is -inf.")
op("isin(Operand elements, Operand test_elements, *, bool assume_unique=False, bool invert=False) -> Tensor", forms="function out", out="mask", body=PLACE + "isin",
   doc="Where an element is among the test elements.")
op("dist(Tensor self, Tensor other, Scalar p=2) -> Tensor", forms=BOTH, body=PLACE + "dist", doc="p-norm of the difference.")
op("renorm(Tensor self, Scalar p, int dim, Scalar maxnorm) -> Tensor", forms=PLAIN, body=PLACE + "renorm", doc="Slices of one dim scaled down to a p-norm of at most maxnorm.")
op("cov(Tensor self, *, int correction=1, Tensor? fweights=None, Tensor? aweights=None) -> Tensor", forms=BOTH, body=PLACE + "cov", doc="Covariance of variables in rows, observations in columns.")
op("corrcoef(Tensor self) -> Tensor", forms=BOTH, body=PLACE + "corrcoef", doc="Pearson correlation of variables in rows.")
for _name in ("trapezoid", "trapz"):
    op(f"{_name}(Tensor y, *, Scalar dx=1, int dim=-1) -> Tensor", forms="function", body=PLACE + "trapezoid_dx", doc="Integral of samples by the trapezoid rule.")
    op(f"{_name}.x(Tensor y, Tensor x, *, int dim=-1) -> Tensor", forms="function", body=PLACE + "trapezoid_x")
op("cumulative_trapezoid(Tensor y, *, Scalar dx=1, int dim=-1) -> Tensor", forms="function", body=PLACE + "cumulative_trapezoid_dx", doc="Running integral of samples by the trapezoid rule.")
op("cumulative_trapezoid.x(Tensor y, Tensor x, *, int dim=-1) -> Tensor", forms="function", body=PLACE + "cumulative_trapezoid_x")
op("gradient(Tensor self, *, Any spacing=None, Any dim=None, int edge_order=1) -> Tensor[]", forms="function", body=PLACE + "gradient", doc="Slopes of samples along dims by second-order differences.")
op("histogram(Tensor self, int bins, *, float[]? range=None, Tensor? weight=None, bool density=False) -> (Tensor hist, Tensor bin_edges)", forms=BOTH, body=PLACE + "histogram_count",
   doc="Counts (or weights, or densities) of the elements in bins, the last bin closed.")
op("histogram.bins(Tensor self, Tensor bins, *, Tensor? weight=None, bool density=False) -> (Tensor hist, Tensor bin_edges)", forms=BOTH, body=PLACE + "histogram_edges")
op("histogramdd(Tensor self, Any bins, *, float[]? range=None, Tensor? weight=None, bool density=False) -> (Tensor hist, Tensor[] bin_edges)", forms="function", body=PLACE + "histogramdd",
   doc="Counts of points, one per row, in a grid of bins.")
