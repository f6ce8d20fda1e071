"""Derivatives of the transforms between real and complex data."""
from frankentorch import ops


def fft_r2c_backward(g, dim, norm, onesided, sizes):
    """The real part of the inverse transform; the half that was not kept got no gradient."""
    if onesided:
        last = dim[-1]
        missing = list(g.shape)
        missing[last] = sizes[last] - g.size(last)
        g = ops.cat([g, ops.zeros(missing, dtype=g.dtype, device=g.device)], last)
    return ops.real(ops.fft_c2c(g, dim, norm, False))


def fft_c2r_backward(g, dim, norm):
    """The transform of the gradient; every value that stood for itself and its mirror image counts twice."""
    last = dim[-1]
    out = ops.fft_r2c(g, dim, norm, True)
    twice = (g.size(last) + 1) // 2 - 1           # places 1 .. have a mirror image
    if twice <= 0:
        return out
    pieces = [out.narrow(last, 0, 1), out.narrow(last, 1, twice) * 2]
    if out.size(last) > 1 + twice:
        pieces.append(out.narrow(last, 1 + twice, out.size(last) - 1 - twice))
    return ops.cat(pieces, last)
