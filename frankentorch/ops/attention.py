"""Attention, and activations with a gate or a learned slope."""
import math

from frankentorch import ops


def weights(query, key, mask, scale, causal):
    """Attention weights by separate ops; rows whose every place is masked are 0."""
    scores = ops.matmul(query, ops.transpose(key, -2, -1)) * scale
    forbidden = None
    if causal:
        forbidden = ops.logical_not(ops.tril(ops.ones((query.size(-2), key.size(-2)), dtype=ops.bool, device=query.device)))
    elif mask is not None and mask.dtype is ops.bool:
        forbidden = ops.logical_not(mask)
    elif mask is not None:
        scores = scores + mask
        forbidden = mask == -math.inf
    if forbidden is None:
        return ops.softmax(scores, -1)
    p = ops.softmax(ops.masked_fill(scores, forbidden, -math.inf), -1)
    return p if causal else ops.masked_fill(p, ops.all(forbidden, -1, True), 0.0)


def scaled_dot_product_attention(query, key, value, attn_mask, dropout_p, is_causal, scale, enable_gqa):
    """softmax(scale q k^T + mask) v over the last two dims; a row whose every place is masked by a bool mask gives 0."""
    for name, t in (("query", query), ("key", key), ("value", value)):
        if t.dim() < 2:
            raise RuntimeError(f"scaled_dot_product_attention: Expected query, key, and value to all be  at least 2 dimensional, but got {name} of {t.dim()} dimensions")
        if t.dtype is not query.dtype:
            raise RuntimeError(f"Expected query, key, and value to have the same dtype, but got query.dtype: {query.dtype} and {name}.dtype: {t.dtype} instead.")
    if attn_mask is not None and is_causal:
        raise RuntimeError("_scaled_dot_product_attention: Explicit attn_mask should not be set when is_causal=True")
    if attn_mask is not None and attn_mask.dtype is not ops.bool and attn_mask.dtype is not query.dtype and attn_mask.dtype is not ops.float32:
        raise RuntimeError(f"Expected attn_mask dtype to be bool or float or to match query dtype, but got attn_mask.dtype: {attn_mask.dtype} and  query.dtype: {query.dtype} instead.")
    dtype, grouped, heads = query.dtype, enable_gqa and key.dim() >= 3 and query.size(-3) != key.size(-3), None
    if enable_gqa and key.dim() >= 3:
        heads = (query.size(-3) // max(key.size(-3), 1), query.size(-3) // max(value.size(-3), 1))
    narrow = query.dtype in (ops.float16, ops.bfloat16)
    if narrow:                                         # halves are computed in float32 and rounded once, at the end
        query, key, value = (t.to(ops.float32) for t in (query, key, value))
    if attn_mask is not None and attn_mask.dtype is not ops.bool and attn_mask.dtype is not query.dtype:
        attn_mask = attn_mask.to(query.dtype)
    scale = 1 / math.sqrt(max(query.size(-1), 1)) if scale is None else scale
    if grouped and heads[0] == heads[1] and dropout_p == 0 and attn_mask is None and query.size(-3) == heads[0] * key.size(-3):
        # query heads of a group side by side: the key they share is stretched, not copied
        split = ops.unflatten(query, -3, (key.size(-3), heads[0]))
        shape = split.shape[:-2]
        key, value = (ops.expand(ops.unsqueeze(t, -3), (*shape, *t.shape[-2:])) for t in (key, value))
        if fits(split, key, value, None):
            return ops.flatten(ops._attention(split, key, value, None, scale, is_causal), -4, -3).to(dtype)
        query = split
        return ops.flatten(_composed(query, key, value, None, dropout_p, is_causal, scale), -4, -3).to(dtype)
    if heads is not None:
        key, value = (t if times == 1 else ops.repeat_interleave(t, times, -3) for t, times in zip((key, value), heads))
    if dropout_p == 0 and fits(query, key, value, attn_mask):
        out = ops._attention(query, key, value, attn_mask, scale, is_causal)
    else:
        out = _composed(query, key, value, attn_mask, dropout_p, is_causal, scale)
    return out.to(dtype) if narrow else out


def fits(query, key, value, mask):
    """Whether the operands are what the one-kernel form takes: equal batch dims, a mask without gradient that broadcasts to them."""
    if query.dtype not in (ops.float32, ops.float64):
        return False
    *batch, queries, width = query.shape               # taken apart once: a slice of a shape is a shape, which costs a call
    *key_batch, keys, key_width = key.shape
    *value_batch, values, value_width = value.shape
    if batch != key_batch or batch != value_batch or key_width != width or values != keys:
        return False
    if 0 in batch or 0 in (queries, keys, width, value_width):
        return False
    if mask is None:
        return True
    whole = (*batch, queries, keys)
    return not mask.requires_grad and mask.dim() <= len(whole) and all(m in (1, n) for m, n in zip(reversed(mask.shape), reversed(whole)))


def _composed(query, key, value, mask, dropout_p, causal, scale):
    p = weights(query, key, mask, scale, causal)
    return ops.matmul(ops.dropout(p, dropout_p, True) if dropout_p > 0 else p, value)


def glu(self, dim):
    if self.dim() == 0:
        raise RuntimeError("glu does not support 0-dimensional tensors")
    if self.size(dim) % 2:
        raise RuntimeError(f"Halving dimension must be even, but dimension {dim} is size {self.size(dim)}")
    if self.dtype in (ops.float32, ops.float64):
        return ops._glu_halves(self, dim)
    left, gate = halves(self, dim)
    return left * ops.sigmoid(gate)


def halves(self, dim):
    n = self.size(dim) // 2
    return ops.narrow(self, dim, 0, n), ops.narrow(self, dim, n, n)


def glu_halves(self, dim):
    return ops._glu(*halves(self, dim))


def prelu(self, weight):
    if weight.dim() > 1:
        raise RuntimeError(f"prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = {weight.dim()}")
    if self.dtype is not weight.dtype:
        raise RuntimeError(f"prelu: Type promoting not supported. Got {self.dtype} and {weight.dtype}")
    if weight.numel() != 1:
        channels = self.size(1) if self.dim() > 1 else 1
        if self.dim() == 0:
            raise RuntimeError("Not allow zero-dim input tensor.")
        if weight.numel() != channels:
            raise RuntimeError(f"Mismatch of parameter numbers and input channel size. Found parameter numbers = {weight.numel()} and channel size = {channels}.")
        weight = ops.reshape(weight, (-1, *[1] * (self.dim() - 2)) if self.dim() > 1 else (-1,))
    elif weight.dim():
        weight = ops.reshape(weight, ())
    return ops._prelu_kernel(self, weight)
