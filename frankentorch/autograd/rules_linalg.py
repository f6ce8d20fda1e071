"""Derivatives of products. With C = A B: dA = g B^H, dB = A^H g; what broadcasting stretched is summed by the engine."""
from frankentorch import ops
from frankentorch._ext.linalg_ops import (folded_right_gradient, left_gradient, linear_bias_gradient, linear_input_gradient,  # noqa: F401
                                          linear_weight_gradient, right_gradient)


def matmul_right_gradient(g, self, other_ndim):
    # one matrix for all batches: their rows are the rows of one product
    return folded_right_gradient(g, self) if other_ndim == 2 and self.dim() > 2 else right_gradient(g, self)


def mv_gradient(g, mat):
    return ops.mv(ops.conj(ops.t(mat)), g)
