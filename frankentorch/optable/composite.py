"""Rows over a linear-algebra library: same bits on one machine, not between machines (`portable=False`)."""
from .family import NONE, table

ROWS, op = table()
KEEP = "bool keepdim=False, *, ScalarType? dtype=None"

op("linalg_qr(Tensor A, str mode='reduced') -> (Tensor Q, Tensor R)", forms="internal out", kernel="ops.decompositions:qr", portable=False,
   grad={"A": "qr_backward(g0, g1, Q, R, mode)"},
   source="Householder QR of LAPACK, through numpy.linalg")
op("_linalg_svd(Tensor A, bool full_matrices=False, bool compute_uv=True) -> (Tensor U, Tensor S, Tensor Vh)", forms="internal", kernel="ops.decompositions:svd", portable=False,
   grad={"A": "svd_backward(g0, g1, g2, U, S, Vh)"}, node="LinalgSvdBackward0", source="LAPACK's gesdd, through numpy.linalg")
op("linalg_svd(Tensor A, bool full_matrices=True, *, str? driver=None) -> (Tensor U, Tensor S, Tensor Vh)", forms="internal out", body="ops.decompositions:linalg_svd",
   doc="Singular values, largest first, and the vectors on both sides.")
op("linalg_svdvals(Tensor A, *, str? driver=None) -> Tensor", forms="internal out", body="ops.decompositions:svdvals", doc="Singular values, largest first.")
op(f"linalg_matrix_norm(Tensor A, Scalar ord, int[] dim=[-2,-1], {KEEP}) -> Tensor", forms="internal out", body="ops.decompositions:matrix_norm", doc="Norms of matrices.")
op(f"linalg_matrix_norm.str_ord(Tensor A, str ord='fro', int[] dim=[-2,-1], {KEEP}) -> Tensor", forms="internal out", body="ops.decompositions:matrix_norm_named")
op(f"linalg_norm(Tensor A, Scalar? ord=None, int[1]? dim=None, {KEEP}) -> Tensor", forms="internal out", body="ops.decompositions:norm", doc="Norm of a vector or a matrix.")
op(f"linalg_norm.ord_str(Tensor A, str ord, int[1]? dim=None, {KEEP}) -> Tensor", forms="internal out", body="ops.decompositions:norm")
op("svd(Tensor self, bool some=True, bool compute_uv=True) -> (Tensor U, Tensor S, Tensor V)", forms="function method out", body="ops.decompositions:svd_old",
   doc="Singular values and vectors; V, not its adjoint. Zeros for the vectors without compute_uv.")

# ---- systems of equations ----
op("linalg_inv(Tensor A) -> Tensor", forms="internal out", kernel="ops.decompositions:inverse", portable=False,
   grad={"A": "inverse_backward(g, out)"}, doc="Inverse of square matrices.", source="LAPACK's gesv, through numpy.linalg")
op("inverse(Tensor self) -> Tensor", forms="function method out", body="ops:linalg_inv", doc="Inverse of square matrices.")
op("_linalg_solve(Tensor A, Tensor B) -> Tensor", forms="internal", kernel="ops.decompositions:solve_matrix", portable=False, node="LinalgSolveExBackward0",
   grad={"A,B": "solve_backward(g, A, out)"}, source="LAPACK's gesv, through numpy.linalg")
op("linalg_solve(Tensor A, Tensor B, *, bool left=True) -> Tensor", forms="internal out", body="ops.decompositions:solve", doc="X of A X = B.")
op("_linalg_cholesky(Tensor A, bool upper) -> Tensor", forms="internal", kernel="ops.decompositions:cholesky_factor", portable=False, node="LinalgCholeskyExBackward0",
   jvp="cholesky", grad={"A": "cholesky_backward(g, out)"}, source="LAPACK's potrf, through numpy.linalg; derivative: Murray 2016")
op("linalg_cholesky(Tensor A, *, bool upper=False) -> Tensor", forms="internal out", body="ops.decompositions:cholesky", doc="Triangular L of A = L L^H.")
op("linalg_det(Tensor A) -> Tensor", forms="internal out", kernel="ops.decompositions:determinant", portable=False, grad={"A": "det_backward(g, A, out)"}, doc="Determinant.")
op("det(Tensor self) -> Tensor", forms="function method", body="ops:linalg_det", doc="Determinant.")
op("linalg_slogdet(Tensor A) -> (Tensor sign, Tensor logabsdet)", forms="internal out", kernel="ops.decompositions:slogdet", portable=False,
   grad={"A": "slogdet_backward(g0, g1, A, sign)"}, doc="Sign and logarithm of the size of the determinant.")
op("slogdet(Tensor self) -> (Tensor sign, Tensor logabsdet)", forms="function method out", body="ops:linalg_slogdet", doc="Sign and logarithm of the size of the determinant.")
