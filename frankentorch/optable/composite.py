"""Rows over a linear-algebra library: same bits on one machine, not between machines (`portable=False`)."""
from .family import NONE, table

ROWS, op = table()
KEEP = "bool keepdim=False, *, ScalarType? dtype=None"

op("linalg_qr(Tensor A, str mode='reduced') -> (Tensor Q, Tensor R)", forms="internal", kernel="ops.decompositions:qr", grad=NONE, portable=False,
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
