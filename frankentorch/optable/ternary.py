"""Elementwise rows of three operands."""
from .family import COMPLEX, FLOAT, INT, table

ROWS, op = table()
PLAIN = "function method inplace out"

op("addcmul(Tensor self, Tensor tensor1, Tensor tensor2, *, Scalar value=1) -> Tensor", forms=PLAIN,
   loop={INT: "x + value * y * z", FLOAT: "x + value * y * z", COMPLEX: "add(x, mul(mul(value, y), z))"},
   grad={"self": "g", "tensor1": "g * conj(tensor2 * value)", "tensor2": "g * conj(tensor1 * value)"}, doc="self + value * tensor1 * tensor2.")
op("addcdiv(Tensor self, Tensor tensor1, Tensor tensor2, *, Scalar value=1) -> Tensor", forms=PLAIN,
   loop={FLOAT: "x + value * y / z", COMPLEX: "add(x, div(mul(value, y), z))"},
   grad={"self": "g", "tensor1": "g * conj(value / tensor2)", "tensor2": "-g * conj(value * tensor1 / (tensor2 * tensor2))"}, doc="self + value * tensor1 / tensor2.")
op("lerp(Tensor self, Tensor end, Operand weight) -> Tensor", forms=PLAIN,
   loop={FLOAT: "x + z * (y - x) if abs(z) * 2 < 1 else y - (y - x) * (1 - z)", COMPLEX: "add(x, mul(z, sub(y, x)))"},
   grad={"self": "g * conj(1 - weight)", "end": "g * conj(weight)", "weight": "g * conj(end - self)"}, doc="self + weight * (end - self).")
