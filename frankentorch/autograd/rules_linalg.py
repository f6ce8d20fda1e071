"""Derivatives of products. With C = A B: dA = g B^H, dB = A^H g; what broadcasting stretched is summed by the engine."""
import math

from frankentorch import ops
from frankentorch._ext import pairs_run
from frankentorch._ext.tensor import batch_level
from frankentorch._ext.linalg_ops import (folded_right_gradient, left_gradient, linear_bias_gradient, linear_input_gradient,  # noqa: F401
                                          linear_weight_gradient, right_gradient)
from frankentorch.autograd.rules_reduce import extreme_dims_backward


def matmul_right_gradient(g, self, other_ndim):
    # one matrix for all batches: their rows are the rows of one product
    return folded_right_gradient(g, self) if other_ndim == 2 and self.dim() > 2 else right_gradient(g, self)


def mv_gradient(g, mat):
    return ops.mv(ops.conj(ops.t(mat)), g)


def cdist_backward(g, x, y, p, out):
    """Of the distances to the rows of y, by x: sums of weights times differences, or times their signs. Rows that lie on each other pull nothing;
    differences that are equally great share a weight."""
    weights = g
    if p == 2:
        apart = out != 0
        weights = ops.where(apart, g / ops.where(apart, out, 1), 0)
    if not ops.differentiated(weights, x, y):
        return pairs_run.pulls(weights, x, y, out if p == math.inf else None, p == 1)
    differences = ops.unsqueeze(x, -2) - ops.unsqueeze(y, -3)
    weights = ops.unsqueeze(weights, -1)
    if p == math.inf:
        weights = extreme_dims_backward(ops.squeeze(weights, -1), ops.abs(differences), out, (-1,), False)
    signs = differences if p == 2 else ops.where(differences == differences, ops.sign(differences), differences)       # no number keeps none
    return (weights * signs).sum(-2)


def pdist_backward(g, self, p, out):
    """Each row's distances to all rows, those to itself without weight."""
    n = self.shape[0]
    if ops.differentiated(g, self):
        places = tuple(ops.triu_indices(n, n, 1))
        zeros = ops.zeros((n, n), dtype=g.dtype, device=g.device)
        g, out = (full + ops.t(full) for full in (ops.index_put(zeros, places, g), ops.index_put(zeros, places, out)))
    else:
        g, out = pairs_run.square(g, n), pairs_run.square(out, n)
    return cdist_backward(g, self, self, p, out)


def svd_backward(g_u, g_s, g_vh, U, S, Vh):
    """A = U S V^H: dA = U [(skew(U^H gU) / E) S + S (skew(V^H gV) / E) + diag(gS)] V^H + what lies outside of U and of V.

    E_ij = s_j^2 - s_i^2 off the diagonal, skew(X) = X - X^H (Townsend 2016; for complex A, Wan and Zhang 2019, with the phase
    of each pair of vectors turned half on either side). The vectors' gradients may not depend on that phase.
    """
    k = S.shape[-1]
    if U.shape[-1] != k or Vh.shape[-2] != k:
        if g_u is not None or g_vh is not None:
            U, Vh = ops.narrow(U, -1, 0, k), ops.narrow(Vh, -2, 0, k)
            g_u = None if g_u is None else ops.narrow(g_u, -1, 0, k)
            g_vh = None if g_vh is None else ops.narrow(g_vh, -2, 0, k)
        else:
            U, Vh = ops.narrow(U, -1, 0, k), ops.narrow(Vh, -2, 0, k)
    adjoint = lambda x: ops.conj(ops.transpose(x, -1, -2))  # noqa: E731
    if g_u is None and g_vh is None:
        return None if g_s is None else ops.matmul(U * ops.unsqueeze(g_s, -2).to(U.dtype), Vh)
    squares = S * S
    gaps = ops.unsqueeze(squares, -2) - ops.unsqueeze(squares, -1)
    apart = ops.logical_not(ops.eye(k, dtype=ops.bool, device=S.device))
    gaps = ops.where(apart, gaps, ops.ones_like(gaps))
    rows, columns = ops.unsqueeze(S, -1), ops.unsqueeze(S, -2)
    inner = outside = None
    add = lambda x, y: y if x is None else x + y  # noqa: E731
    phase = None
    if g_u is not None:
        turned = ops.matmul(adjoint(U), g_u)
        skew = ops.where(apart, (turned - adjoint(turned)) / gaps, ops.zeros((), dtype=U.dtype, device=U.device))
        inner = add(inner, skew * columns)
        phase = ops.imag(ops.diagonal(turned, 0, -2, -1)) if U.is_complex() else None
        if U.shape[-2] > k:
            outside = add(outside, ops.matmul((g_u - ops.matmul(U, turned)) / columns, Vh))
    if g_vh is not None:
        g_v = adjoint(g_vh)
        turned = ops.matmul(Vh, g_v)
        skew = ops.where(apart, (turned - adjoint(turned)) / gaps, ops.zeros((), dtype=U.dtype, device=U.device))
        inner = add(inner, rows * skew)
        if U.is_complex():
            part = ops.imag(ops.diagonal(turned, 0, -2, -1))
            phase = -part if phase is None else phase - part
        if Vh.shape[-1] > k:
            rest = g_vh - ops.matmul(adjoint(turned), Vh)
            outside = add(outside, ops.matmul(U / columns, rest))
    if phase is not None:
        inner = inner + ops.diag_embed(ops.complex(ops.zeros_like(phase), phase / (2 * S)))
    if g_s is not None:
        inner = inner + ops.diag_embed(g_s.to(inner.dtype))
    out = ops.matmul(U, ops.matmul(inner, Vh))
    return out if outside is None else out + outside


def _adjoint(x):
    return ops.conj(ops.transpose(x, -1, -2))


def inverse_backward(g, out):
    # d A^-1 = -A^-1 dA A^-1
    return -ops.matmul(_adjoint(out), ops.matmul(g, _adjoint(out)))


def solve_backward(g, A, X):
    # A X = B: gB = A^-H g, gA = -gB X^H
    g_b = ops._linalg_solve(_adjoint(A), g)
    return -ops.matmul(g_b, _adjoint(X)), g_b


def cholesky_backward(g, L):
    # A = L L^H: gA = L^-H P(T) L^-1, T the lower triangle of L^H g, P(T) = (T + T^H - diag T^H) / 2 (Murray 2016)
    lower = ops.tril(ops.matmul(_adjoint(L), g))
    lower = (lower + _adjoint(lower) - ops.diag_embed(ops.conj(ops.diagonal(lower, 0, -2, -1)))) / 2
    half = ops._linalg_solve(_adjoint(L), lower)
    return _adjoint(ops._linalg_solve(_adjoint(L), _adjoint(half)))


def qr_backward(g_q, g_r, Q, R, mode):
    """With A = Q R, R square: gA = (gQ + Q S) R^-H, where S is Hermitian and has the upper triangle of gR R^H - Q^H gQ, the real part of it on the diagonal
    (Walter and Lehmann 2012). Columns right of the square ones are Q V: they give Q gV, and V gV^H to Q.
    """
    m, n = Q.shape[-2] if mode != "r" else 0, R.shape[-1]
    if mode == "r":
        raise RuntimeError("The derivative of linalg.qr depends on Q, which is not computed when mode='r'. Please use linalg.qr(A, mode='reduced') if you are going to require gradients")
    k = R.shape[-2]
    if k > n:
        raise RuntimeError("The QR decomposition is not differentiable when mode='complete' and nrows > ncols")
    square, right = R, None
    if n > m:
        square = ops.narrow(R, -1, 0, m)
        if g_r is not None:
            g_right = ops.narrow(g_r, -1, m, n - m)
            right = ops.matmul(Q, g_right)
            along = ops.matmul(Q, ops.matmul(ops.narrow(R, -1, m, n - m), _adjoint(g_right)))
            g_q = along if g_q is None else g_q + along
            g_r = ops.narrow(g_r, -1, 0, m)
    inner = None
    if g_r is not None:
        inner = ops.matmul(g_r, _adjoint(square))
    if g_q is not None:
        part = ops.matmul(_adjoint(Q), g_q)
        inner = -part if inner is None else inner - part
    if inner is None:
        return None
    above = ops.triu(inner, 1)
    diagonal = ops.diagonal(inner, 0, -2, -1)
    diagonal = ops.real(diagonal).to(inner.dtype) if inner.is_complex() else diagonal
    out = ops.matmul(Q, above + _adjoint(above) + ops.diag_embed(diagonal))
    out = out if g_q is None else g_q + out
    out = _adjoint(ops._linalg_solve(square, _adjoint(out)))
    if n > m:
        out = ops.cat((out, ops.zeros_like(ops.matmul(Q, ops.narrow(R, -1, m, n - m))) if right is None else right), -1)
    return out


def det_backward(g, A, out):
    # d det A = tr(adj(A) dA); adj by the inverse, and by singular values where there is none
    scale = ops.unsqueeze(ops.unsqueeze(g, -1), -1)
    if A.shape[-1] == 1:
        return scale
    if A.numel() and (batch_level(out) or ops.any(out == 0).item()):
        U, S, Vh = ops._linalg_svd(A, False, True)
        k = S.shape[-1]
        others = ops.where(ops.eye(k, dtype=ops.bool, device=S.device), ops.ones((), dtype=S.dtype, device=S.device), ops.unsqueeze(S, -2))
        minors = ops.prod(others, -1).to(A.dtype)
        turn = ops.unsqueeze(ops.linalg_det(U) * ops.linalg_det(Vh), -1)
        return scale * ops.matmul(U * ops.unsqueeze(ops.conj(turn) * minors, -2), Vh)
    return scale * ops.unsqueeze(ops.unsqueeze(ops.conj(out), -1), -1) * _adjoint(ops.linalg_inv(A))


def slogdet_backward(g_sign, g_size, A, sign):
    # d log det A = tr(A^-1 dA): its real part is the size's, i sign times its imaginary part the sign's
    weight = None if g_size is None else g_size.to(A.dtype)
    if g_sign is not None and A.is_complex():
        turn = ops.imag(ops.conj(sign) * g_sign)
        turn = ops.complex(ops.zeros_like(turn), turn)
        weight = turn if weight is None else weight + turn
    if weight is None:
        return ops.zeros_like(A)
    return ops.unsqueeze(ops.unsqueeze(weight, -1), -1) * _adjoint(ops.linalg_inv(A))
