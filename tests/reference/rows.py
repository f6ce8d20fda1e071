"""Slow references of the row kernels whose arithmetic is exact step by step (no exp or log).

Sums are those of reference/reduce.py; the rest is written once per element, in the order the kernels' heads give.
"""
import numpy as np

from .reduce import fold


def layer_norm(x, weight, bias, eps):
    """(out, mean, rstd) of x[rows][n]; weight and bias may be None."""
    kind = x.dtype.type
    n = x.shape[1]
    out, means, rstds = np.empty_like(x), np.empty(len(x), x.dtype), np.empty(len(x), x.dtype)
    for r, row in enumerate(x):
        m = fold(row, kind) / kind(n)
        v = fold(((a - m) * (a - m) for a in row), kind) / kind(n)
        s = kind(1) / np.sqrt(v + kind(eps))
        y = (row - m) * s
        y = y if weight is None else y * weight
        out[r] = y if bias is None else y + bias
        means[r], rstds[r] = m, s
    return out, means, rstds


def layer_norm_backward(g, x, mean, rstd, weight):
    """(grad_input, grad_weight, grad_bias)."""
    kind = x.dtype.type
    rows, n = x.shape
    grad = np.empty_like(x)
    for r in range(rows):
        h = g[r] if weight is None else g[r] * weight
        z = (x[r] - mean[r]) * rstd[r]
        a = fold(h, kind) / kind(n)
        b = fold(h * z, kind) / kind(n)
        grad[r] = rstd[r] * (h - a - z * b)
    terms = g * ((x - mean[:, None]) * rstd[:, None])
    grad_weight = np.array([fold(terms[:, j], kind) for j in range(n)], x.dtype)
    grad_bias = np.array([fold(g[:, j], kind) for j in range(n)], x.dtype)
    return grad, grad_weight, grad_bias


def softmax_backward(g, y):
    """y * (g - sum(g * y)) for each row."""
    kind = y.dtype.type
    return np.array([b * (a - fold(a * b, kind)) for a, b in zip(g, y)], y.dtype)


def batch_norm_apply(x, mean, rstd, weight, bias):
    """(x - mean) * rstd * weight + bias over x[batch][channels][space]."""
    def channel(v):
        return v[None, :, None]
    return (x - channel(mean)) * channel(rstd) * channel(weight) + channel(bias)


def batch_norm_root(var, eps):
    """1 / sqrt(var + eps) of running variances: in float64, rounded once."""
    return (1 / np.sqrt(var.astype(np.float64) + eps)).astype(var.dtype)


def plane_dots(g, x, mean):
    """Sums over space of g and of g * (x - mean), each [batch][channels]; mean is [batch][channels]."""
    kind = x.dtype.type
    first, second = np.empty(x.shape[:2], x.dtype), np.empty(x.shape[:2], x.dtype)
    for b, c in np.ndindex(*x.shape[:2]):
        first[b, c] = fold(g[b, c], kind)
        second[b, c] = fold(g[b, c] * (x[b, c] - mean[b, c]), kind)
    return first, second


def batch_norm_backward(g, x, mean, rstd, weight):
    """Training-mode (grad_input, grad_weight, grad_bias): sums over space, then over batch."""
    kind = x.dtype.type
    batch, channels, space = x.shape
    first, second = plane_dots(g, x, np.broadcast_to(mean, (batch, channels)))
    grad = np.empty_like(x)
    grad_weight, grad_bias = np.empty(channels, x.dtype), np.empty(channels, x.dtype)
    n = kind(batch * space)
    for c in range(channels):
        a, b, s = fold(first[:, c], kind), fold(second[:, c], kind), rstd[c]
        grad_bias[c], grad_weight[c] = a, b * s
        q = s * ((a * weight[c]) / n)
        r = s * (s * s * ((b * weight[c]) / n))
        grad[:, c] = weight[c] * s * g[:, c] - q - (x[:, c] - mean[c]) * r
    return grad, grad_weight, grad_bias


def group_norm_backward(g, x, mean, rstd, weight, groups):
    """(grad_input, grad_weight, grad_bias): sums over space, then over batch (weights) or over the channels of a group; mean and rstd are [batch][groups]."""
    kind = x.dtype.type
    batch, channels, space = x.shape
    each = channels // groups
    centre, root = np.repeat(mean, each, 1), np.repeat(rstd, each, 1)
    first, second = plane_dots(g, x, centre)
    grad_bias = np.array([fold(first[:, c], kind) for c in range(channels)], x.dtype)
    grad_weight = np.array([fold(second[:, c] * root[:, c], kind) for c in range(channels)], x.dtype)
    grad = np.empty_like(x)
    n = kind(each * space)
    for b, k in np.ndindex(batch, groups):
        inside, s = slice(k * each, (k + 1) * each), rstd[b, k]
        q = s * (fold(first[b, inside] * weight[inside], kind) / n)
        r = s * (s * s * (fold(second[b, inside] * weight[inside], kind) / n))
        for c in range(k * each, (k + 1) * each):
            grad[b, c] = weight[c] * s * g[b, c] - q - (x[b, c] - mean[b, k]) * r
    return grad, grad_weight, grad_bias


def nll_loss(x, target, weight, ignore_index):
    """Mean of -weight[t] * x[t] over (batch, space), and the total weight; x is [batch][classes][space]."""
    kind = x.dtype.type
    losses, weights = [], []
    for b, s in np.ndindex(*target.shape):
        t = target[b, s]
        w = kind(0) if t == ignore_index else kind(1) if weight is None else weight[t]
        losses.append(kind(0) if t == ignore_index else -(w * x[b, t, s]))
        weights.append(w)
    total = fold(weights, kind)
    return fold(losses, kind) / total, total


def nll_loss_backward(g, x, target, weight, ignore_index, total):
    """Of the mean: -(weight[t] * g) / total at the class t of each place, else 0."""
    kind = x.dtype.type
    grad = np.zeros_like(x)
    for b, s in np.ndindex(*target.shape):
        t = target[b, s]
        if t != ignore_index:
            grad[b, t, s] = -((kind(1) if weight is None else weight[t]) * kind(g)) / total
    return grad


def softmax(x, exp):
    """e * (1 / sum(e)) with e = exp(x - max) of each row; exp and log are the library's own, here and below."""
    kind, out = x.dtype.type, np.empty_like(x)
    for r, row in enumerate(x):
        e = exp(row - row.max())
        out[r] = e * (kind(1) / fold(e, kind))
    return out


def log_softmax(x, exp, log):
    """(x - max) - log(sum(exp(x - max)))."""
    out = np.empty_like(x)
    for r, row in enumerate(x):
        low = row - row.max()
        out[r] = low - log(np.array([fold(exp(low), x.dtype.type)], x.dtype))
    return out


def log_softmax_backward(g, y, exp):
    """g - exp(y) * sum(g)."""
    return np.array([a - exp(b) * fold(a, y.dtype.type) for a, b in zip(g, y)], y.dtype)


def logsumexp(x, exp, log):
    """max + log(sum(exp(x - max))), 0 for an infinite max."""
    out = np.empty(len(x), x.dtype)
    for r, row in enumerate(x):
        top = row.max()
        top = x.dtype.type(0) if np.isinf(top) else top
        out[r] = top + log(np.array([fold(exp(row - top), x.dtype.type)], x.dtype))[0]
    return out


def group_norm(x, groups, weight, bias, eps):
    """x[batch][channels][space]: mean and rstd as layer_norm's over a group's channels and space, then one expression."""
    batch, channels, space = x.shape
    _, mean, rstd = layer_norm(x.reshape(batch * groups, -1), None, None, eps)
    mean, rstd = (np.repeat(v.reshape(batch, groups), channels // groups, 1)[:, :, None] for v in (mean, rstd))
    return (x - mean) * rstd * weight[:, None] + bias[:, None]


def root_of_squares(x, eps):
    kind = x.dtype.type
    return np.array([kind(1) / np.sqrt(fold(row * row, kind) / kind(len(row)) + kind(eps)) for row in x], x.dtype)[:, None]


def rms_norm(x, weight, eps):
    """x * (1 / sqrt(mean(x * x) + eps)) * weight."""
    return x * root_of_squares(x, eps) * weight


def rms_norm_backward(g, x, weight, eps):
    """(grad_input, grad_weight): what x gives as a factor of the result, then twice what it gives as a factor of its square."""
    kind, root = x.dtype.type, root_of_squares(x, eps)
    h = g * weight
    to_root = np.array([fold(row, kind) for row in h * x], x.dtype)[:, None]
    to_square = kind(-0.5) * to_root * (root * root * root) / kind(x.shape[1])
    terms = g * (x * root)
    return h * root + to_square * x + to_square * x, np.array([fold(terms[:, j], kind) for j in range(x.shape[1])], x.dtype)
