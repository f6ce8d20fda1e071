"""Derivatives of the derivatives of convolution.

out = x * w + b is linear in x and in w, so with g the gradient of out: dx = g *T conj(w), dw = the correlation of g with conj(x), db = the sum of g.
"""
from frankentorch import ops


def _sum(parts):
    parts = [part for part in parts if part is not None]
    return sum(parts[1:], parts[0]) if parts else None


def convolution_twice(g_input, g_weight, g_bias, grad, input, weight, stride, padding, dilation, transposed, output_padding, groups, want_grad, want_input, want_weight):
    """Gradients of (dx, dw, db) for g, x and w: their adjoints are convolutions of the incoming gradients with what is left."""
    axes = stride, padding, dilation, transposed, output_padding, groups
    first = second = third = None
    if want_grad:
        first = _sum((None if g_input is None else ops.convolution(g_input, weight, None, *axes),
                      None if g_weight is None else ops.convolution(input, g_weight, None, *axes),
                      None if g_bias is None else ops.expand(ops.view(g_bias, (-1,) + (1,) * (weight.dim() - 2)), grad.shape)))
    if want_input and g_weight is not None:
        second = ops.convolution_backward(grad, input, g_weight, None, *axes, (True, False, False))[0]
    if want_weight and g_input is not None:
        third = ops.convolution_backward(grad, g_input, weight, None, *axes, (False, True, False))[1]
    return first, second, third
