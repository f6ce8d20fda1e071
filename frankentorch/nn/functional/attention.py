"""Multi-head attention (Vaswani et al. 2017) as a function of its weights."""
import math
import warnings

from frankentorch import ops


def _mha_shape_check(query, key, value, key_padding_mask, attn_mask, num_heads):
    """Whether the input has a batch dim; raises when the shapes do not fit."""
    ndim = query.dim()
    if ndim not in (2, 3):
        raise AssertionError(f"query should be unbatched 2D or batched 3D tensor but received {ndim}-D query tensor")
    kind = "batched 3-D" if ndim == 3 else "unbatched 2-D"
    if key.dim() != ndim or value.dim() != ndim:
        raise AssertionError(f"For {kind} `query`, expected `key` and `value` to be {ndim}-D but found {key.dim()}-D and "
                             f"{value.dim()}-D tensors respectively")
    if key_padding_mask is not None and key_padding_mask.dim() != ndim - 1:
        raise AssertionError(f"For {kind} `query`, expected `key_padding_mask` to be `None` or {ndim - 1}-D but found "
                             f"{key_padding_mask.dim()}-D tensor instead")
    if attn_mask is not None:
        if attn_mask.dim() not in (2, 3):
            raise AssertionError(f"For {kind} `query`, expected `attn_mask` to be `None`, 2-D or 3-D but found "
                                 f"{attn_mask.dim()}-D tensor instead")
        if ndim == 2 and attn_mask.dim() == 3:
            wanted = (num_heads, query.shape[0], key.shape[0])
            if tuple(attn_mask.shape) != wanted:
                raise AssertionError(f"Expected `attn_mask` shape to be {wanted} but got {tuple(attn_mask.shape)}")
    return ndim == 3


def _canonical_mask(mask, mask_name, other_type, other_name, target_type, check_other=True):
    """A boolean mask as numbers to add: -inf where it is True."""
    if mask is None:
        return None
    is_float = mask.dtype.is_floating_point
    if mask.dtype != ops.bool and not is_float:
        raise AssertionError(f"only bool and floating types of {mask_name} are supported")
    if check_other and other_type is not None and mask.dtype != other_type:
        warnings.warn(f"Support for mismatched {mask_name} and {other_name} is deprecated. Use same type for both "
                      "instead.", stacklevel=3)
    if is_float:
        return mask
    return ops.zeros_like(mask, dtype=target_type).masked_fill_(mask, float("-inf"))


def _none_or_dtype(input):
    return None if input is None else input.dtype


def _in_projection_packed(q, k, v, w, b=None):
    """Query, key and value from one stacked weight; one product when they are the same tensor."""
    width = q.size(-1)
    if k is v:
        if q is k:
            projected = ops.linear(q, w, b)
            # Three contiguous slices: later views need no copy.
            projected = projected.unflatten(-1, (3, width)).unsqueeze(0).transpose(0, -2).squeeze(-2).contiguous()
            return projected[0], projected[1], projected[2]
        w_q, w_kv = w.split([width, width * 2])
        b_q, b_kv = (None, None) if b is None else b.split([width, width * 2])
        q_projected = ops.linear(q, w_q, b_q)
        projected = ops.linear(k, w_kv, b_kv)
        projected = projected.unflatten(-1, (2, width)).unsqueeze(0).transpose(0, -2).squeeze(-2).contiguous()
        return q_projected, projected[0], projected[1]
    w_q, w_k, w_v = w.chunk(3)
    b_q, b_k, b_v = (None, None, None) if b is None else b.chunk(3)
    return ops.linear(q, w_q, b_q), ops.linear(k, w_k, b_k), ops.linear(v, w_v, b_v)


def _in_projection(q, k, v, w_q, w_k, w_v, b_q=None, b_k=None, b_v=None):
    """Query, key and value from three weights."""
    width, key_width, value_width = q.size(-1), k.size(-1), v.size(-1)
    for name, weight, wanted in (("query", w_q, (width, width)), ("key", w_k, (width, key_width)),
                                 ("value", w_v, (width, value_width))):
        if tuple(weight.shape) != wanted:
            raise AssertionError(f"expecting {name} weights shape of {wanted}, but got {tuple(weight.shape)}")
    for name, bias in (("query", b_q), ("key", b_k), ("value", b_v)):
        if bias is not None and tuple(bias.shape) != (width,):
            raise AssertionError(f"expecting {name} bias shape of {(width,)}, but got {tuple(bias.shape)}")
    return ops.linear(q, w_q, b_q), ops.linear(k, w_k, b_k), ops.linear(v, w_v, b_v)


def _widen_masks(attn_mask, key_padding_mask):
    """Room for one more key that nothing masks."""
    return (None if attn_mask is None else ops.pad(attn_mask, (0, 1)),
            None if key_padding_mask is None else ops.pad(key_padding_mask, (0, 1)))


def multi_head_attention_forward(query, key, value, embed_dim_to_check, num_heads, in_proj_weight, in_proj_bias, bias_k,
                                 bias_v, add_zero_attn, dropout_p, out_proj_weight, out_proj_bias, training=True,
                                 key_padding_mask=None, need_weights=True, attn_mask=None, use_separate_proj_weight=False,
                                 q_proj_weight=None, k_proj_weight=None, v_proj_weight=None, static_k=None, static_v=None,
                                 average_attn_weights=True, is_causal=False):
    """Attention of `num_heads` heads.

    Parameters
    ----------
    query : Tensor, shape (L, N, E) or (L, E)
    key, value : Tensor, shape (S, N, K) and (S, N, V), or without N
    in_proj_weight : Tensor, shape (3 * E, E)
        Or, with `use_separate_proj_weight`, None and three weights of their own.
    bias_k, bias_v : Tensor, shape (1, 1, E), optional
        One more key and value, the same for every sample.
    add_zero_attn : bool
        One more key and value of zeros.
    key_padding_mask : Tensor, shape (N, S), optional
        True (or -inf) for keys to leave out.
    attn_mask : Tensor, shape (L, S) or (N * num_heads, L, S), optional
        True for pairs to leave out, or numbers to add to the scores.
    static_k, static_v : Tensor, shape (N * num_heads, S, E / num_heads), optional
        Used instead of the projected key and value.
    is_causal : bool
        A promise that `attn_mask` is the causal mask; needs one.

    Returns
    -------
    (Tensor, Tensor or None)
        Output of the shape of `query`, and weights of shape (N, L, S), or (N, num_heads, L, S) without
        `average_attn_weights`, or None without `need_weights`.
    """
    is_batched = _mha_shape_check(query, key, value, key_padding_mask, attn_mask, num_heads)
    if not is_batched:
        query, key, value = query.unsqueeze(1), key.unsqueeze(1), value.unsqueeze(1)
        if key_padding_mask is not None:
            key_padding_mask = key_padding_mask.unsqueeze(0)
    length, batch, width = query.shape
    key_length = key.shape[0]
    key_padding_mask = _canonical_mask(
        key_padding_mask, "key_padding_mask", _none_or_dtype(attn_mask), "attn_mask", query.dtype)
    if is_causal and attn_mask is None:
        raise RuntimeError("Need attn_mask if specifying the is_causal hint.")
    if is_causal and key_padding_mask is None and not need_weights:
        attn_mask = None     # the attention op makes the mask itself
    else:
        attn_mask = _canonical_mask(attn_mask, "attn_mask", None, "", query.dtype, check_other=False)
        if key_padding_mask is not None:
            is_causal = False
    if width != embed_dim_to_check:
        raise AssertionError(f"was expecting embedding dimension of {embed_dim_to_check}, but got {width}")
    head_width = width // num_heads
    if head_width * num_heads != width:
        raise AssertionError(f"embed_dim {width} not divisible by num_heads {num_heads}")
    if use_separate_proj_weight:
        if key.shape[:2] != value.shape[:2]:
            raise AssertionError(f"key's sequence and batch dims {key.shape[:2]} do not match value's {value.shape[:2]}")
        for name, weight in (("q", q_proj_weight), ("k", k_proj_weight), ("v", v_proj_weight)):
            if weight is None:
                raise AssertionError(f"use_separate_proj_weight is True but {name}_proj_weight is None")
        biases = (None, None, None) if in_proj_bias is None else in_proj_bias.chunk(3)
        q, k, v = _in_projection(query, key, value, q_proj_weight, k_proj_weight, v_proj_weight, *biases)
    else:
        if key.shape != value.shape:
            raise AssertionError(f"key shape {key.shape} does not match value shape {value.shape}")
        if in_proj_weight is None:
            raise AssertionError("use_separate_proj_weight is False but in_proj_weight is None")
        q, k, v = _in_projection_packed(query, key, value, in_proj_weight, in_proj_bias)
    if attn_mask is not None:
        attn_mask = _check_attn_mask(attn_mask, length, key_length, batch, num_heads)
    if bias_k is not None and bias_v is not None:
        if static_k is not None or static_v is not None:
            raise AssertionError("bias cannot be added to static key and value")
        k = ops.cat([k, bias_k.repeat(1, batch, 1)])
        v = ops.cat([v, bias_v.repeat(1, batch, 1)])
        attn_mask, key_padding_mask = _widen_masks(attn_mask, key_padding_mask)
    elif bias_k is not None or bias_v is not None:
        raise AssertionError("bias_k and bias_v must both be given or both be None")

    rows = batch * num_heads
    q = q.view(length, rows, head_width).transpose(0, 1)
    k = _heads(k, static_k, rows, head_width, "static_k")
    v = _heads(v, static_v, rows, head_width, "static_v")
    if add_zero_attn:
        k = ops.cat([k, ops.zeros((rows, 1, head_width), dtype=k.dtype, device=k.device)], dim=1)
        v = ops.cat([v, ops.zeros((rows, 1, head_width), dtype=v.dtype, device=v.device)], dim=1)
        attn_mask, key_padding_mask = _widen_masks(attn_mask, key_padding_mask)
    key_length = k.size(1)
    if key_padding_mask is not None:
        if tuple(key_padding_mask.shape) != (batch, key_length):
            raise AssertionError(f"expecting key_padding_mask shape of {(batch, key_length)}, but got "
                                 f"{tuple(key_padding_mask.shape)}")
        key_padding_mask = key_padding_mask.view(batch, 1, 1, key_length).expand(-1, num_heads, -1, -1).reshape(
            rows, 1, key_length)
        attn_mask = key_padding_mask if attn_mask is None else attn_mask + key_padding_mask
    if not training:
        dropout_p = 0.0

    if need_weights:
        scaled = q * math.sqrt(1.0 / float(head_width))
        if is_causal and attn_mask is None:
            raise AssertionError("is_causal not implemented for need_weights")
        keys = k.transpose(-2, -1)
        scores = ops.bmm(scaled, keys) if attn_mask is None else ops.baddbmm(attn_mask, scaled, keys)
        weights = ops.softmax(scores, -1)
        if dropout_p > 0.0:
            weights = ops.dropout(weights, dropout_p, True)
        out = ops.bmm(weights, v).transpose(0, 1).contiguous().view(length * batch, width)
        out = ops.linear(out, out_proj_weight, out_proj_bias).view(length, batch, -1)
        weights = weights.view(batch, num_heads, length, key_length)
        if average_attn_weights:
            weights = weights.mean(dim=1)
        return (out, weights) if is_batched else (out.squeeze(1), weights.squeeze(0))

    if attn_mask is not None:
        attn_mask = attn_mask.unsqueeze(0) if attn_mask.size(0) == 1 and attn_mask.dim() == 3 else attn_mask.view(
            batch, num_heads, -1, key_length)
    q = q.view(batch, num_heads, length, head_width)
    k = k.view(batch, num_heads, key_length, head_width)
    v = v.view(batch, num_heads, key_length, head_width)
    out = ops.scaled_dot_product_attention(q, k, v, attn_mask, dropout_p, is_causal)
    out = out.permute(2, 0, 1, 3).contiguous().view(batch * length, width)
    out = ops.linear(out, out_proj_weight, out_proj_bias).view(length, batch, -1)
    return (out if is_batched else out.squeeze(1)), None


def _check_attn_mask(attn_mask, length, key_length, batch, num_heads):
    """The mask with a leading dim."""
    if attn_mask.dim() == 2:
        if tuple(attn_mask.shape) != (length, key_length):
            raise RuntimeError(f"The shape of the 2D attn_mask is {attn_mask.shape}, but should be "
                               f"{(length, key_length)}.")
        return attn_mask.unsqueeze(0)
    wanted = (batch * num_heads, length, key_length)
    if tuple(attn_mask.shape) != wanted:
        raise RuntimeError(f"The shape of the 3D attn_mask is {attn_mask.shape}, but should be {wanted}.")
    return attn_mask


def _heads(projected, static, rows, head_width, name):
    if static is None:
        return projected.view(projected.shape[0], rows, head_width).transpose(0, 1)
    if static.size(0) != rows or static.size(2) != head_width:
        raise AssertionError(f"expecting {name} of shape ({rows}, any, {head_width}), but got {tuple(static.shape)}")
    return static
