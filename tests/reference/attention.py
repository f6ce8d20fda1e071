"""The definition of attention and its gradients, slowly, for one head (see frankentorch/_ext/attention_run.pyx)."""
import numpy as np

from .gemm import matmul
from .reduce import sum_
from .rows import softmax_backward


def weights(q, k, mask, scale, causal, exp):
    """Softmax of scaled products over the keys each row sees, +0 elsewhere; `exp` is the library's own."""
    scale = q.dtype.type(scale)
    scores = matmul(q, np.ascontiguousarray(k.T)) * scale
    p = np.zeros_like(scores)
    for i, row in enumerate(scores):
        n = min(i + 1, len(row)) if causal else len(row)
        row = row[:n]
        if mask is not None:
            row = np.where(mask[i, :n], row, -np.inf).astype(row.dtype) if mask.dtype == bool else row + mask[i, :n]
        if np.all(row == -np.inf):
            continue
        e = exp(row - row.max())
        p[i, :n] = e * (1 / sum_(e, (0,)))
    return p


def forward(q, k, v, mask, scale, causal, exp):
    return matmul(weights(q, k, mask, scale, causal, exp), v)


def gradients(g, q, k, v, mask, scale, causal, exp):
    """Of query, key and value."""
    p = weights(q, k, mask, scale, causal, exp)
    d = matmul(g, np.ascontiguousarray(v.T))
    for i, row in enumerate(d):
        n = min(i + 1, len(row)) if causal else len(row)
        row[:n] = softmax_backward(row[None, :n], p[i:i + 1, :n])[0] * q.dtype.type(scale)
        row[n:] = 0
    return matmul(d, k), matmul(np.ascontiguousarray(d.T), q), matmul(np.ascontiguousarray(p.T), g)
