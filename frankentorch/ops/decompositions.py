"""Decompositions by numpy.linalg, imported when first needed: LAPACK's bits, the same on one machine and not between machines."""
from frankentorch import ops
from frankentorch._ext import create

WHOLE = (ops.float32, ops.float64, ops.complex64, ops.complex128)


class LinAlgError(RuntimeError):
    """A matrix that the decomposition cannot take: singular, not positive definite, not finite."""


def checked(A, name, square=False):
    """A matrix, or a batch of them, of a dtype that LAPACK knows; RuntimeError otherwise."""
    if A.dim() < 2:
        raise RuntimeError(f"linalg.{name}: The input tensor A must have at least 2 dimensions, got {A.dim()}")
    if A.dtype not in WHOLE:
        if A.dtype in (ops.float16, ops.bfloat16):
            raise RuntimeError(f"linalg.{name}: Low precision dtypes not supported. Got {A.dtype}")
        raise RuntimeError(f"linalg.{name}: Expected a floating point or complex tensor as input. Got {A.dtype}")
    if square and A.shape[-1] != A.shape[-2]:
        raise RuntimeError(f"linalg.{name}: A must be batches of square matrices, but they are {A.shape[-2]} by {A.shape[-1]} matrices")
    return A


def array(A):
    return A.detach().resolve_conj().resolve_neg().numpy()


def tensor(values, dtype, columns=False):
    """An array's values in memory of ours; with columns, each matrix lies column by column as LAPACK writes it."""
    import numpy

    kind = {ops.float32: "float32", ops.float64: "float64", ops.complex64: "complex64", ops.complex128: "complex128"}.get(dtype)
    values = numpy.asarray(values, kind) if kind else numpy.asarray(values)
    if columns:
        return ops.transpose(tensor(numpy.swapaxes(values, -1, -2), dtype), -1, -2)
    if not values.size:
        return ops.empty(values.shape, dtype=dtype)
    return create.from_buffer(bytearray(numpy.ascontiguousarray(values).tobytes()), dtype, -1, 0).view(values.shape)


def empty_columns(like, *sizes):
    return ops.transpose(ops.empty((*like.shape[:-2], sizes[1], sizes[0]), dtype=like.dtype, device=like.device), -1, -2)


def qr(A, mode):
    """Q and R of A = QR; mode reduced, complete or r. RuntimeError unless A is a float or complex matrix (or a batch)."""
    import numpy

    if A.dim() < 2:
        raise RuntimeError(f"linalg.qr: The input tensor A must have at least 2 dimensions, got {A.dim()}")
    if A.dtype not in WHOLE:
        raise RuntimeError(f"linalg.qr: Low precision and integer dtypes not supported. Got {A.dtype}")
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(f"qr received unrecognized mode '{mode}' but expected one of 'reduced' (default), 'r', or 'complete'")
    if A.is_meta:
        m, n = A.shape[-2:]
        k = m if mode == "complete" else min(m, n)
        Q = ops.empty((0,), dtype=A.dtype, device=A.device) if mode == "r" else empty_columns(A, m, k)
        return Q, empty_columns(A, k, n)
    found = numpy.linalg.qr(array(A), mode)
    Q, R = (numpy.zeros(0, found.dtype), found) if mode == "r" else found
    return tensor(Q, A.dtype, mode != "r"), tensor(R, A.dtype, True)


def svd(A, full_matrices, compute_uv):
    """U, S, Vh of A = U diag(S) Vh, S descending; empty U and Vh without compute_uv."""
    import numpy

    checked(A, "svd")
    m, n = A.shape[-2:]
    k, real = min(m, n), A.dtype.to_real()
    sides = ((m, m if full_matrices else k), (n if full_matrices else k, n)) if compute_uv else None
    if A.is_meta:
        S = ops.empty((*A.shape[:-2], k), dtype=real, device=A.device)
        return (empty_columns(A, *sides[0]), S, empty_columns(A, *sides[1])) if sides else (ops.empty((0,), dtype=A.dtype, device=A.device), S, ops.empty((0,), dtype=A.dtype, device=A.device))
    values = array(A)
    if not numpy.isfinite(values).all():
        raise LinAlgError("linalg.svd: The algorithm failed to converge because the input matrix contained non-finite values.")
    if not compute_uv:
        S = numpy.linalg.svd(values, compute_uv=False) if values.size else numpy.zeros((*A.shape[:-2], k))
        return ops.empty((0,), dtype=A.dtype), tensor(S, real), ops.empty((0,), dtype=A.dtype)
    if not values.size:                 # NumPy leaves these to us: the unit matrices of what is not empty
        S = numpy.zeros((*A.shape[:-2], k))
        U, Vh = (numpy.broadcast_to(numpy.eye(*side), (*A.shape[:-2], *side)) for side in sides)
    else:
        U, S, Vh = numpy.linalg.svd(values, full_matrices=full_matrices)
    return tensor(U, A.dtype, True), tensor(S, real), tensor(Vh, A.dtype, True)


def linalg_svd(A, full_matrices, driver):
    return ops._linalg_svd(A, full_matrices, True)


def svd_old(self, some, compute_uv):
    checked(self, "svd")
    m, n = self.shape[-2:]
    if not compute_uv:
        lead = tuple(self.shape[:-2])
        return ops.zeros((*lead, m, m), dtype=self.dtype, device=self.device), svdvals(self, None), ops.zeros((*lead, n, n), dtype=self.dtype, device=self.device)
    U, S, Vh = ops._linalg_svd(self, not some, True)
    return U, S, ops.conj(ops.transpose(Vh, -1, -2))


def svdvals(A, driver):
    """Singular values alone; the vectors are found too where a derivative will ask for them."""
    return ops._linalg_svd(checked(A, "svdvals"), False, ops.differentiated(A))[1]


def _at_end(A, dim):
    rank = A.dim()
    dims = tuple(d % rank for d in dim)
    return ops.movedim(A, dims, (-2, -1))


def matrix_norm(A, ord, dim, keepdim, dtype):
    """Norms of the matrices in two dims: fro, nuc, and those induced by the 1-, 2- and inf-norms of vectors (and their smallest)."""
    if A.dim() < 2:
        raise RuntimeError(f"linalg.matrix_norm: The input tensor A must have at least 2 dimensions, got {A.dim()}")
    if not (A.is_floating_point() or A.is_complex()):
        raise RuntimeError(f"linalg.matrix_norm: Expected a floating point or complex tensor as input. Got {A.dtype}")
    rank = A.dim()
    for d in dim:
        if not -rank <= d < rank:
            raise IndexError(f"Dimension out of range (expected to be in range of [{-rank}, {rank - 1}], but got {d})")
    if len(dim) != 2 or dim[0] % rank == dim[1] % rank:
        raise RuntimeError(f"linalg.matrix_norm: dims must be different. Got {tuple(dim)}")
    if dtype is not None and A.dtype is not dtype:
        if dtype.is_complex != A.is_complex() and not dtype.is_complex:
            raise RuntimeError(f"linalg.matrix_norm: dtype should be complex for complex inputs, but got {dtype}")
        A = A.to(dtype)
    if ord == "fro":
        return ops.linalg_vector_norm(A, 2, dim, keepdim)
    if isinstance(ord, str) and ord != "nuc":
        raise RuntimeError(f"linalg.matrix_norm: Order {ord} not supported.")
    if ord in ("nuc", 2, -2):
        values = svdvals(_at_end(A, dim), None)
        out = ops.sum(values, -1) if ord == "nuc" else ops.amax(values, -1) if ord == 2 else ops.amin(values, -1)
        for d in sorted(d % rank for d in dim) if keepdim else ():
            out = ops.unsqueeze(out, d)
        return out
    if abs(ord) not in (1, float("inf")):
        raise RuntimeError(f"linalg.matrix_norm: Order {ord} not supported.")
    added, kept = (d % rank for d in (dim if abs(ord) == 1 else dim[::-1]))
    sums = ops.linalg_vector_norm(A, 1, (added,), keepdim)
    kept -= 0 if keepdim or kept < added else 1
    return ops.amax(sums, kept, keepdim) if ord > 0 else ops.amin(sums, kept, keepdim)


def matrix_norm_named(A, ord, dim, keepdim, dtype):
    return matrix_norm(A, ord, dim, keepdim, dtype)


def norm(A, ord, dim, keepdim, dtype):
    """linalg.norm: of a vector or a matrix as the number of dims says; of all elements without ord and dim."""
    if dim is not None and len(dim) not in (1, 2):
        raise RuntimeError(f"linalg.norm: If dim is specified, it must be of length 1 or 2. Got {list(dim)}")
    if ord is None:
        return ops.linalg_vector_norm(A, 2, dim, keepdim, dtype=dtype)
    if dim is None and A.dim() not in (1, 2):
        raise RuntimeError(f"linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got {A.dim()}D.")
    if len(dim) == 2 if dim is not None else A.dim() == 2:
        return matrix_norm(A, ord, (0, 1) if dim is None else dim, keepdim, dtype)
    if isinstance(ord, str):
        raise RuntimeError(f"linalg.norm: Order {ord} is of matrices, but the input is a vector")
    return ops.linalg_vector_norm(A, ord, (0,) if dim is None else dim, keepdim, dtype=dtype)


# ---- systems of equations ----
def inverse(A):
    """The inverse of square matrices; LinAlgError where one is singular."""
    import numpy

    checked(A, "inv", True)
    if A.is_meta:
        return empty_columns(A, *A.shape[-2:])
    try:
        return tensor(numpy.linalg.inv(array(A)), A.dtype, True)
    except numpy.linalg.LinAlgError:
        raise LinAlgError("linalg.inv: a diagonal element of its triangular factor is zero, the inversion could not be completed because the input matrix is singular.") from None


def solve_matrix(A, B):
    """X of A X = B for matrices B; batches broadcast."""
    import numpy

    if A.is_meta or B.is_meta:
        lead = ops.broadcast_shapes(A.shape[:-2], B.shape[:-2])
        return ops.transpose(ops.empty((*lead, B.shape[-1], B.shape[-2]), dtype=A.dtype, device="meta"), -1, -2)
    try:
        return tensor(numpy.linalg.solve(array(A), array(B)), A.dtype, True)
    except numpy.linalg.LinAlgError:
        raise LinAlgError("torch.linalg.solve: The solver failed because the input matrix is singular.") from None


def solve(A, B, left):
    """X of A X = B, or of X A = B; B is a vector (or a batch of them of A's batch) or a matrix."""
    checked(A, "solve", True)
    if A.dtype is not B.dtype:
        raise RuntimeError(f"linalg.solve: Expected A and B to have the same dtype, but found A of type {A.dtype} and B of type {B.dtype} instead")
    vector = B.dim() == 1 or (B.dim() == A.dim() - 1 and tuple(B.shape) == tuple(A.shape[:-1]))
    if vector and not left:
        raise RuntimeError("linalg.solve: Vector broadcasting of the left hand side is not supported for left=False. In this case linalg.solve is equivalent to B / A.squeeze(-1)")
    rows = ops.unsqueeze(B, -1) if vector else B
    if rows.shape[-2 if left else -1] != A.shape[-1]:
        raise RuntimeError(f"linalg.solve: Incompatible shapes of A and B for the equation {'AX = B' if left else 'XA = B'} ({A.shape[-2]}x{A.shape[-1]} and {rows.shape[-2]}x{rows.shape[-1]})")
    if not left:
        return ops.transpose(ops._linalg_solve(ops.transpose(A, -1, -2), ops.transpose(rows, -1, -2)), -1, -2)
    out = ops._linalg_solve(A, rows)
    if not vector:
        return out
    out = ops.squeeze(out, -1)
    return ops.transpose(ops.contiguous(ops.transpose(out, -1, -2)), -1, -2) if out.dim() > 1 else out


def cholesky_factor(A, upper):
    """Lower L of A = L L^H, read from the lower or the upper triangle; LinAlgError unless A is positive-definite."""
    import numpy

    if A.is_meta:
        return empty_columns(A, *A.shape[-2:])
    try:
        return tensor(numpy.linalg.cholesky(numpy.swapaxes(array(A), -1, -2).conj() if upper else array(A)), A.dtype, True)
    except numpy.linalg.LinAlgError:
        raise LinAlgError("linalg.cholesky: The factorization could not be completed because the input is not positive-definite.") from None


def cholesky(A, upper):
    checked(A, "cholesky", True)
    L = ops._linalg_cholesky(A, upper)
    if not upper:
        return L
    return ops.transpose(ops.contiguous(ops.resolve_conj(ops.conj(L))), -1, -2)


def determinant(A):
    import numpy

    checked(A, "det", True)
    if A.is_meta:
        return ops.empty(A.shape[:-2], dtype=A.dtype, device=A.device)
    return tensor(numpy.linalg.det(array(A)), A.dtype)


def slogdet(A):
    """Sign (of modulus 1) and logarithm of the size of the determinant; 0 and -inf for a singular matrix."""
    import numpy

    checked(A, "slogdet", True)
    real = A.dtype.to_real()
    if A.is_meta:
        return ops.empty(A.shape[:-2], dtype=A.dtype, device=A.device), ops.empty(A.shape[:-2], dtype=real, device=A.device)
    sign, size = numpy.linalg.slogdet(array(A))
    return tensor(sign, A.dtype), tensor(size, real)
