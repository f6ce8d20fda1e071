"""Slow references of what runs along a dim step by step: extremes, logarithms of sums, the loss of Graves et al. 2006. `exp` and `log1p` are the library's own, in float64."""
import numpy as np


def extremes(x, least):
    """(values, places) so far of a line: the last of equals, and NaN from the first on."""
    best, where, out = x[0], 0, []
    for i, value in enumerate(x):
        if np.isnan(value) or (value <= best if least else value >= best):
            best, where = value, i
        out.append((best, where))
    return [np.array(part, dtype) for part, dtype in zip(zip(*out), (x.dtype, np.int64))]


def add_logs(a, b, exp, log1p):
    """log(e^a + e^b) = max + log1p(e^(min - max)); equal infinities stay."""
    low, high = np.minimum(a, b), np.maximum(a, b)
    equal = (low == high) & np.isinf(high)
    return np.where(equal | (low == -np.inf), high, high + log1p(exp(np.where(equal, 0, low - high))))


def log_sums(x, exp, log1p):
    """Of lines x[lines][n], left to right, each rounded once."""
    total, out = np.full(len(x), -np.inf), []
    for column in x.T.astype(np.float64):
        total = add_logs(total, column, exp, log1p)
        out.append(total.astype(x.dtype))
    return np.array(out, x.dtype).T.reshape(x.shape)


def later(values, first=True):
    """The neighbour before, or after; none is -inf."""
    return np.concatenate([[-np.inf], values[:-1]] if first else [values[1:], [-np.inf]])


def ctc_paths(probs, labels, blank, exp, log1p, backward):
    """Logarithms [time][2 labels + 1] of the probabilities of the ways up to each state, or from it on; the states are blanks and labels in turn."""
    def add(a, b):
        return add_logs(a, b, exp, log1p)

    n = len(labels)
    may_skip = np.array([k > 0 and labels[k] != labels[k - 1] for k in range(n)] + [False])
    even, odd, out = np.full(n + 1, -np.inf), np.full(n + 1, -np.inf), np.full((len(probs), 2 * n + 1), -np.inf)
    for number, t in enumerate(reversed(range(len(probs))) if backward else range(len(probs))):
        of_labels = np.append(probs[t][labels], 0)
        if number == 0 and backward:
            even[n] = 0.0 + probs[t][blank]
            odd[n - 1] = 0.0 + of_labels[n - 1] if n else -np.inf
        elif number == 0:
            even[0] = probs[t][blank]
            odd[0] = of_labels[0] if n else -np.inf
        elif backward:
            skipped = np.where(np.append(may_skip[1:], False), later(odd, False), -np.inf)
            even, odd = add(even, odd) + probs[t][blank], add(add(odd, later(even, False)), skipped) + of_labels
        else:
            skipped = np.where(may_skip, later(odd), -np.inf)
            even, odd = add(even, later(odd)) + probs[t][blank], add(add(odd, even), skipped) + of_labels
        odd[n] = -np.inf
        out[t, ::2], out[t, 1::2] = even, odd[:n]
    return out


def ctc(probs, labels, blank, exp, log1p, scale):
    """(loss, gradient) of one sample, probs[time][classes] in float64: exp(probs) less the share of each symbol, times `scale`."""
    def add(a, b):
        return add_logs(a, b, exp, log1p)

    ahead, behind = (ctc_paths(probs, labels, blank, exp, log1p, backward) for backward in (False, True))
    total = ahead[-1, -1]
    loss = -(add(total, ahead[-1, -2]) if len(labels) else total)
    grad = np.empty_like(probs)
    for t, row in enumerate(probs):
        shares = np.full(len(row), -np.inf)
        for s in range(ahead.shape[1]):
            symbol = labels[s // 2] if s & 1 else blank
            shares[symbol] = add(shares[symbol], ahead[t, s] + behind[t, s])
        grad[t] = (exp(row) - exp(shares + loss - row)) * scale
    return loss, grad
