"""Products of vectors and matrices. Gradients: for C = A B, dA = g B^H and dB = A^H g."""
from .family import table

ROWS, op = table()
BOTH = "function method out"
BLEND = "*, Scalar beta=1, Scalar alpha=1"
EXT = "_ext.linalg_ops:"

# ---- two operands ----
op("mm(Tensor self, Tensor mat2) -> Tensor", forms=BOTH, kernel=EXT + "mm", jvp="multilinear", grad={"self": "left_gradient(g, mat2)", "mat2": "right_gradient(g, self)"},
   doc="Product of two matrices.")
op("bmm(Tensor self, Tensor mat2) -> Tensor", forms=BOTH, kernel=EXT + "bmm", jvp="multilinear", grad={"self": "left_gradient(g, mat2)", "mat2": "right_gradient(g, self)"},
   doc="Products of two lists of matrices, pair by pair.")
op("_matmul(Tensor self, Tensor other) -> Tensor", forms="internal", kernel=EXT + "matmul_batches",
   jvp="multilinear", grad={"self": "left_gradient(g, other)", "other": "matmul_right_gradient(g, self, other_ndim)"}, node="UnsafeViewBackward0")
op("matmul(Tensor self, Tensor other) -> Tensor", forms=BOTH, body=EXT + "matmul", doc="Product of vectors, matrices or broadcast batches of matrices.")
op("mv(Tensor self, Tensor vec) -> Tensor", forms=BOTH, kernel=EXT + "mv", jvp="multilinear", grad={"self": "outer(g, conj(vec))", "vec": "mv_gradient(g, self)"}, doc="Matrix times vector.")
op("dot(Tensor self, Tensor tensor) -> Tensor", forms=BOTH, kernel=EXT + "dot", jvp="multilinear", grad={"self": "g * conj(tensor)", "tensor": "g * conj(self)"}, doc="Sum of products of two vectors.")
op("vdot(Tensor self, Tensor other) -> Tensor", forms=BOTH, kernel=EXT + "vdot", jvp="multilinear", grad={"self": "conj(g) * other", "other": "g * self"}, doc="dot with the first vector conjugated.")
op("outer(Tensor self, Tensor vec2) -> Tensor", forms=BOTH, out="cast", aliases="ger", body="ops.linalg:outer", doc="Products of all pairs of elements of two vectors.")

# ---- with an addend ----
op(f"addmm(Tensor self, Tensor mat1, Tensor mat2, {BLEND}) -> Tensor", forms=BOTH + " inplace", kernel=EXT + "addmm",
   jvp="blended", grad={"self": "scaled(g, beta)", "mat1": "scaled(left_gradient(g, mat2), alpha)", "mat2": "scaled(right_gradient(g, mat1), alpha)"}, doc="beta * self + alpha * (mat1 @ mat2).")
op(f"baddbmm(Tensor self, Tensor batch1, Tensor batch2, {BLEND}) -> Tensor", forms=BOTH + " inplace", kernel=EXT + "baddbmm",
   jvp="blended", grad={"self": "scaled(g, beta)", "batch1": "scaled(left_gradient(g, batch2), alpha)", "batch2": "scaled(right_gradient(g, batch1), alpha)"}, doc="beta * self + alpha * bmm(batch1, batch2).")
op(f"addmv(Tensor self, Tensor mat, Tensor vec, {BLEND}) -> Tensor", forms=BOTH + " inplace", kernel=EXT + "addmv",
   jvp="blended", grad={"self": "scaled(g, beta)", "mat": "scaled(outer(g, conj(vec)), alpha)", "vec": "scaled(mv_gradient(g, mat), alpha)"}, doc="beta * self + alpha * (mat @ vec).")

# ---- layers ----
op("linear(Tensor input, Tensor weight, Tensor? bias=None) -> Tensor", forms="nn out", kernel=EXT + "linear",
   jvp="layer", grad={"input": "linear_input_gradient(g, weight)", "weight": "linear_weight_gradient(g, input, weight_ndim)", "bias": "linear_bias_gradient(g)"},
   node="AddmmBackward0", doc="input @ weight.T + bias over the last dim.")

# ---- composites ----
op(f"addbmm(Tensor self, Tensor batch1, Tensor batch2, {BLEND}) -> Tensor", forms=BOTH + " inplace", body="ops.linalg:addbmm", doc="beta * self + alpha * the sum of bmm(batch1, batch2).")
op(f"addr(Tensor self, Tensor vec1, Tensor vec2, {BLEND}) -> Tensor", forms=BOTH + " inplace", out="cast", body="ops.linalg:addr", doc="beta * self + alpha * outer(vec1, vec2).")
op("inner(Tensor self, Tensor other) -> Tensor", forms=BOTH, body="ops.linalg:inner", doc="Sums of products over the last dims.")
op("chain_matmul(Tensor[] matrices) -> Tensor", forms="internal out", body="ops.linalg:chain_matmul", doc="Product of several matrices in the order of fewest multiplications.")
op("linalg_multi_dot(Tensor[] tensors) -> Tensor", forms="internal out", body="ops.linalg:multi_dot", doc="Product of several matrices; the ends may be vectors.")
op("kron(Tensor self, Tensor other) -> Tensor", forms=BOTH, out="cast", body="ops.linalg:kron", doc="Kronecker product.")
op("linalg_cross(Tensor self, Tensor other, *, int dim=-1) -> Tensor", forms="internal out", body="ops.linalg:linalg_cross", doc="Cross product of 3-vectors along a dim.")
op("cross(Tensor self, Tensor other, int? dim=None) -> Tensor", forms=BOTH, body="ops.linalg:cross", doc="Cross product of 3-vectors along a dim, by default the first of size 3.")
op("linalg_vecdot(Tensor x, Tensor y, *, int dim=-1) -> Tensor", forms="internal out", body="ops.linalg:vecdot", doc="Sums of conj(x) * y along a dim.")
op("tensordot(Tensor self, Tensor other, Any dims=2) -> Tensor", forms="function out", body="ops.contraction:tensordot", doc="Sum of products over pairs of dims.")
op("einsum(str equation, Tensor[] tensors, *, int[]? path=None) -> Tensor", forms="internal", body="ops.contraction:einsum", doc="Sum of products as letters say.")
op("bilinear(Tensor input1, Tensor input2, Tensor weight, Tensor? bias=None) -> Tensor", forms="function nn", body="ops.contraction:bilinear", doc="x1 W x2 + bias for each output.")
op("_cdist(Tensor x1, Tensor x2, float p) -> Tensor", forms="internal", kernel="ops.linalg:paired_rows",
   grad={"x1": "cdist_backward(g, x1, x2, p, out)", "x2": "cdist_backward(transpose(g, -1, -2), x2, x1, p, transpose(out, -1, -2))"}, node="CdistBackward0")
op("_pdist(Tensor self, float p) -> Tensor", forms="internal", kernel="ops.linalg:rows_above", grad={"self": "pdist_backward(g, self, p, out)"}, node="PdistBackward0")
op("cdist(Tensor x1, Tensor x2, float p=2.0, Any compute_mode=None) -> Tensor", forms="function", body="ops.linalg:cdist", doc="Distances of all pairs of rows.")
op("pdist(Tensor self, float p=2) -> Tensor", forms="function nn", body="ops.linalg:pdist", doc="Distances of all pairs of rows above the diagonal.")
