"""Attention, and activations with a gate or a learned slope."""
import math

from frankentorch import ops
from frankentorch.ops.loss import masked


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
    dtype = query.dtype
    if enable_gqa and key.dim() >= 3:
        key = ops.repeat_interleave(key, query.size(-3) // key.size(-3), -3)
        value = ops.repeat_interleave(value, query.size(-3) // value.size(-3), -3)
    narrow = query.dtype in (ops.float16, ops.bfloat16)
    if narrow:                                         # halves are computed in float32 and rounded once, at the end
        query, key, value = (t.to(ops.float32) for t in (query, key, value))
        attn_mask = attn_mask if attn_mask is None or attn_mask.dtype is ops.bool else attn_mask.to(ops.float32)
    scale = 1 / math.sqrt(max(query.size(-1), 1)) if scale is None else scale
    scores = ops.matmul(query, ops.transpose(key, -2, -1)) * scale
    forbidden = None
    if is_causal:
        forbidden = ops.logical_not(ops.tril(ops.ones((query.size(-2), key.size(-2)), dtype=ops.bool, device=query.device)))
    elif attn_mask is not None and attn_mask.dtype is ops.bool:
        forbidden = ops.logical_not(attn_mask)
    elif attn_mask is not None:
        scores = scores + attn_mask
    if forbidden is None:
        weights = ops.softmax(scores, -1)
    else:
        weights = ops.softmax(masked(scores, forbidden, -math.inf), -1)
        if attn_mask is not None:                      # rows without any place would be NaN
            weights = masked(weights, ops.all(forbidden, -1, True), 0.0)
    if dropout_p > 0:
        weights = ops.dropout(weights, dropout_p, True)
    out = ops.matmul(weights, value)
    return out.to(dtype) if narrow else out


def glu(self, dim):
    if self.dim() == 0:
        raise RuntimeError("glu does not support 0-dimensional tensors")
    if self.size(dim) % 2:
        raise RuntimeError(f"Halving dimension must be even, but dimension {dim} is size {self.size(dim)}")
    half = self.size(dim) // 2
    return ops.narrow(self, dim, 0, half) * ops.sigmoid(ops.narrow(self, dim, half, half))


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
    return ops.where(self > 0, self, weight * self)
