"""Rows that make tensors."""
from .family import table

ROWS, op = table()
FACTORY = "*, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=False, bool requires_grad=False"
FORMAT = "MemoryFormat? memory_format=None"

op("tensor(Any data, *, ScalarType? dtype=None, Device? device=None, bool requires_grad=False, bool pin_memory=False) -> Tensor", forms="function", body="ops.creation:tensor", doc="A fresh tensor of nested numbers.")
op("as_tensor(Any data, ScalarType? dtype=None, Device? device=None) -> Tensor", forms="function", body="ops.creation:as_tensor", doc="A tensor of the data, sharing its bytes where that is possible.")
op("scalar_tensor(Scalar s, " + FACTORY + ") -> Tensor", forms="function", body="ops.creation:scalar_tensor", doc="0-d tensor of a number.")
op(f"empty(int[] size, {FACTORY}, {FORMAT}) -> Tensor", forms="function out", out="fill", body="ops.creation:empty", doc="Uninitialised tensor.")
op(f"empty_strided(int[] size, int[] stride, {FACTORY}) -> Tensor", forms="function", body="ops.creation:empty_strided", doc="Uninitialised tensor of given strides.")
op(f"zeros(int[] size, {FACTORY}) -> Tensor", forms="function out", out="fill", body="ops.creation:zeros", doc="Tensor of zeros.")
op(f"ones(int[] size, {FACTORY}) -> Tensor", forms="function out", out="fill", body="ops.creation:ones", doc="Tensor of ones.")
op(f"full(int[] size, Operand fill_value, {FACTORY}) -> Tensor", forms="function out", out="fill", body="ops.creation:full", doc="Tensor of one value.")
for name in ("empty", "zeros", "ones"):
    op(f"{name}_like(Tensor self, {FACTORY}, {FORMAT}) -> Tensor", forms="function", body=f"ops.creation:{name}_like", doc=f"{name} in the shape of self.")
op(f"full_like(Tensor self, Operand fill_value, {FACTORY}, {FORMAT}) -> Tensor", forms="function", body="ops.creation:full_like", doc="full in the shape of self.")
for name in ("empty", "zeros", "ones"):
    op(f"new_{name}(Tensor self, int[] size, {FACTORY}) -> Tensor", forms="method", body=f"ops.creation:new_{name}", doc=f"{name} with the dtype and device of self.")
op(f"new_full(Tensor self, int[] size, Operand fill_value, {FACTORY}) -> Tensor", forms="method", body="ops.creation:new_full", doc="full with the dtype and device of self.")
op("new_tensor(Tensor self, Any data, *, ScalarType? dtype=None, Device? device=None, bool requires_grad=False) -> Tensor", forms="method", body="ops.creation:new_tensor", doc="tensor with the dtype and device of self.")
op(f"arange(Scalar end, {FACTORY}) -> Tensor", forms="function out", out="follow", body="ops.creation:arange_end", doc="Numbers from start up to end, end excluded.")
op(f"arange.start(Scalar start, Scalar end, Scalar step=1, {FACTORY}) -> Tensor", forms="function out", out="follow", body="ops.creation:arange")
op(f"range(Scalar start, Scalar end, Scalar step=1, {FACTORY}) -> Tensor", forms="function", body="ops.creation:range_", doc="Numbers from start to end, end included (deprecated).")
op(f"linspace(Operand start, Operand end, int steps, {FACTORY}) -> Tensor", forms="function out", out="fill", body="ops.creation:linspace", doc="Evenly spaced numbers, both ends included.")
op(f"logspace(Operand start, Operand end, int steps, float base=10.0, {FACTORY}) -> Tensor", forms="function out", out="fill", body="ops.creation:logspace", doc="Powers of base, exponents evenly spaced.")
op(f"eye(int n, int? m=None, {FACTORY}) -> Tensor", forms="function out", out="fill", body="ops.creation:eye", doc="Ones on the diagonal, zeros elsewhere.")
op("meshgrid(Tensor[] tensors, *, str? indexing=None) -> Tensor[]", forms="function variadic", body="ops.creation:meshgrid", doc="Grids of coordinates of several 1-d tensors.")
op("result_type(Operand tensor1, Operand tensor2) -> ScalarType", forms="function", body="ops.creation:result_type", doc="dtype that an op over both would compute in.")
op("complex(Tensor real, Tensor imag) -> Tensor", forms="function out", kernel="ops.creation:complex_", jvp="linear", grad={"real": "g.real", "imag": "g.imag"}, doc="Complex tensor of two real ones.")
op("polar(Tensor abs, Tensor angle) -> Tensor", forms="function out", body="ops.creation:polar", doc="Complex tensor of modulus and angle.")
op("frombuffer(Any buffer, *, ScalarType dtype, int count=-1, int offset=0, bool requires_grad=False) -> Tensor", forms="function", body="ops.creation:frombuffer", doc="1-d tensor over a Python buffer.")
