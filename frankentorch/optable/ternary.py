"""Elementwise rows of three operands."""
from .family import BOOL_REAL, COMPLEX, FLOAT, INT, table

ROWS, op = table()
PLAIN = "function method inplace out"
WRITTEN = "function method out"         # the in-place form is a row of its own: a composite's would write a copy and copy it back

op("addcmul(Tensor self, Tensor tensor1, Tensor tensor2, *, Scalar value=1) -> Tensor", forms=PLAIN,
   loop={INT: "x + value * y * z", FLOAT: "fma(value * y, z, x)", COMPLEX: "add(x, mul(mul(value, y), z))"}, vectors=True,
   grad={"self": "g", "tensor1": "g * conj(tensor2 * value)", "tensor2": "g * conj(tensor1 * value)"}, doc="self + value * tensor1 * tensor2.")
op("addcdiv(Tensor self, Tensor tensor1, Tensor tensor2, *, Scalar value=1) -> Tensor", forms=PLAIN,
   loop={FLOAT: "x + value * y / z", COMPLEX: "add(x, div(mul(value, y), z))"}, vectors=True,
   grad={"self": "g", "tensor1": "g * conj(value / tensor2)", "tensor2": "-g * conj(value * tensor1 / (tensor2 * tensor2))"}, doc="self + value * tensor1 / tensor2.")
op("lerp(Tensor self, Tensor end, Operand weight) -> Tensor", forms=PLAIN,
   loop={FLOAT: "fma(z, y - x, x) if abs(z) * 2 < 1 else fma(z - 1, y - x, y)", COMPLEX: "add(x, mul(z, sub(y, x)))"}, vectors=True,
   grad={"self": "g * conj(1 - weight)", "end": "g * conj(weight)", "weight": "g * conj(end - self)"}, doc="self + weight * (end - self).")
op("_where(Tensor condition, Operand self, Operand other) -> Tensor", forms="internal", promote="skip_first", guard="fit", loop={BOOL_REAL: "y if x != 0 else z", COMPLEX: "y if x.re != 0 else z"},
   grad={"self": "where_part(g, condition, True)", "other": "where_part(g, condition, False)"}, node="WhereBackward0")
op("_clamp(Tensor self, Operand min, Operand max) -> Tensor", forms="internal inplace", guard="fit", loop={INT: "minimum(maximum(x, y), z)", FLOAT: "minimum(maximum(x, y), z)"}, vectors=True,
   grad={"self": "clamp_backward(g, self, min, max)", "min": "clamp_backward_min(g, self, min, max)", "max": "clamp_backward_max(g, self, min, max)"}, node="ClampBackward1")
op("_nan_to_num(Tensor self, Scalar nan, Scalar posinf, Scalar neginf) -> Tensor", forms="internal inplace", loop={FLOAT: "nan_to_num(x, nan, posinf, neginf)"},
   grad={"self": "where_part(g, isfinite(self), True)"}, node="NanToNumBackward0")
op("nan_to_num(Tensor self, float? nan=None, float? posinf=None, float? neginf=None) -> Tensor", forms=WRITTEN, body="ops.elementwise:nan_to_num", doc="NaN and infinities replaced by numbers.")
op("nan_to_num_(Tensor self, float? nan=None, float? posinf=None, float? neginf=None) -> Tensor", forms="function method", body="ops.elementwise:nan_to_num_in_place",
   doc="nan_to_num in place.")
