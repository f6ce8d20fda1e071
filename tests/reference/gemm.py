"""The definition of a matrix product, slowly: what every kernel must equal bit by bit.

Real: an output is the sum of block sums, added in ascending order; a block is 256 consecutive k, and its sum is one chain of
fused multiply-adds over k ascending, started from +0. Half types are widened to float32 and rounded once at the end.
Complex: the real problem of twice the depth, whose steps 2k and 2k+1 hold the real and the imaginary part of a[., k]; so a block
is 128 complex k, re = fma(ar, br) then fma(ai, -bi), im = fma(ar, bi) then fma(ai, br). Integers wrap.
"""
import numpy as np

from .exact_fma import fma_float32, fma_float64

BLOCK = 256


def chain(a, b, fma, dtype):
    """Outputs of one block, a (m, k) and b (k, n)."""
    total = np.zeros((a.shape[0], b.shape[1]), dtype)
    for k in range(a.shape[1]):
        total = fma(a[:, k:k + 1], b[k:k + 1, :], total)
    return total


def matmul_real(a, b):
    """Product of two float32 or two float64 matrices."""
    fma = fma_float32 if a.dtype == np.float32 else fma_float64
    total = np.zeros((a.shape[0], b.shape[1]), a.dtype)
    for start in range(0, a.shape[1], BLOCK):
        part = chain(a[:, start:start + BLOCK], b[start:start + BLOCK], fma, a.dtype)
        total = part if start == 0 else total + part
    return total


def matmul_complex(a, b):
    """Product of two complex64 or two complex128 matrices."""
    real = np.float32 if a.dtype == np.complex64 else np.float64
    left = np.stack([a.real, a.imag], axis=2).reshape(a.shape[0], -1).astype(real)
    right = np.empty((2 * b.shape[0], 2 * b.shape[1]), real)
    right[0::2, 0::2], right[0::2, 1::2] = b.real, b.imag
    right[1::2, 0::2], right[1::2, 1::2] = -b.imag, b.real
    return matmul_real(left, right).view(a.dtype)


def matmul(a, b):
    """Product of two matrices of one dtype: float, complex or integer. float16 rounds once, at the end."""
    if a.dtype == np.float16:
        with np.errstate(over="ignore"):               # a large sum rounds to infinity
            return matmul_real(a.astype(np.float32), b.astype(np.float32)).astype(np.float16)
    if a.dtype.kind == "c":
        return matmul_complex(a, b)
    if a.dtype.kind in "iu":
        wide = np.zeros((a.shape[0], b.shape[1]), np.uint64)
        for k in range(a.shape[1]):
            wide += a[:, k:k + 1].astype(np.uint64) * b[k:k + 1, :].astype(np.uint64)
        return wide.astype(a.dtype)
    return matmul_real(a, b)
