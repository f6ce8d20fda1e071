"""Derivative of attention, o = p v with p = softmax(s) and s = scale q k^T (+ mask):

dv = p^T g,  dp = g v^T,  ds = p (dp - sum(dp p)),  dq = scale ds k,  dk = scale ds^T q.
"""
from frankentorch import ops
from frankentorch._ext import attention_run
from frankentorch.ops import attention


def attention_gradients(g, query, key, value, mask, scale, causal):
    if not ops.differentiated(g, query, key, value, mask):
        return attention_run.backward(g, query, key, value, mask, scale, causal)
    p = attention.weights(query, key, mask, scale, causal)
    dp = ops.matmul(g, ops.transpose(value, -2, -1))
    ds = p * (dp - ops.sum(dp * p, (-1,), True)) * scale
    return ops.matmul(ds, key), ops.matmul(ops.transpose(ds, -2, -1), query), ops.matmul(ops.transpose(p, -2, -1), g)
