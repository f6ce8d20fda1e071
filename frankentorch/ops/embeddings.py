"""Embedding rows: checks, renormalisation, bags."""
from frankentorch import ops
from frankentorch._ext import bag_ops, rows_ops


def gather_rows(weight, indices, padding_idx, scale_grad_by_freq):
    return rows_ops.embedding(weight, indices)


def embedding(weight, indices, padding_idx, scale_grad_by_freq, sparse):
    if sparse:
        raise NotImplementedError("embedding: sparse gradients are not available (issue: sparse layouts)")
    return ops._embedding(weight, indices, padding_idx, scale_grad_by_freq)


def embedding_renorm(self, indices, max_norm, norm_type):
    """Each row that occurs is scaled by max_norm / (norm + 1e-7) once, where its norm is above max_norm."""
    if self.dim() != 2:
        raise RuntimeError(f"self must be 2-D: embedding_renorm_ got {self.dim()}-D")
    if self.is_meta:
        return self
    for row in sorted(set(ops.reshape(indices, (-1,)).tolist())):
        if not 0 <= row < self.size(0):
            raise IndexError(f"index out of range in self: embedding index {row} with {self.size(0)} rows")
        values = ops.select(self, 0, row)
        norm = ops.norm(values, norm_type).item()
        if norm > max_norm:
            values.mul_(max_norm / (norm + 1e-7))
    return self


def bag_parts(weight, indices, offsets, scale_grad_by_freq, mode, sparse, per_sample_weights, include_last_offset, padding_idx):
    """(bags, index of each maximum, where each bag starts, indices as int64, padding row); of a meta tensor bags alone."""
    if sparse:
        raise NotImplementedError("embedding_bag: sparse gradients are not available (issue: sparse layouts)")
    if weight.dim() != 2 or indices.dim() != 1 or offsets.dim() != 1:
        raise RuntimeError(f"embedding_bag: expected weight 2-D, indices and offsets 1-D; got {weight.dim()}, {indices.dim()}, {offsets.dim()}")
    if per_sample_weights is not None and mode != 0:
        raise RuntimeError("embedding_bag: per_sample_weights only supported with mode='sum'")
    if per_sample_weights is not None and per_sample_weights.shape != indices.shape:
        raise RuntimeError(f"embedding_bag: expected per_sample_weights of the shape of input ({list(indices.shape)}), got {list(per_sample_weights.shape)}")
    if per_sample_weights is not None and per_sample_weights.dtype != weight.dtype:
        raise RuntimeError(f"expected weight and per_sample_weights to have the same dtype, but got {weight.dtype} and {per_sample_weights.dtype}")
    padding = -1 if padding_idx is None else padding_idx + weight.size(0) if padding_idx < 0 else padding_idx
    if weight.is_meta:
        bags = offsets.numel() - (1 if include_last_offset else 0)
        return ops.empty((bags, weight.size(1)), dtype=weight.dtype, device="meta"), None, None, None, padding
    starts = ops._bag_bounds(offsets, indices.numel(), include_last_offset)
    wide = ops.contiguous(indices if indices.dtype is ops.int64 else indices.to(ops.int64))
    return *ops._bags(weight, wide, starts, per_sample_weights, mode, padding, scale_grad_by_freq), starts, wide, padding


def bag_values(*arguments):
    return bag_parts(*arguments)[0]


def embedding_bag(weight, indices, offsets, scale_grad_by_freq, mode, *more):
    """(bags, bag of each index, bag sizes, index of each maximum); mode 0 sum, 1 mean, 2 max."""
    out, chosen, starts, wide, padding = bag_parts(weight, indices, offsets, scale_grad_by_freq, mode, *more)
    to = indices.dtype
    if weight.is_meta:
        extra = ops.empty((out.size(0),), dtype=to, device="meta")
        return out, ops.empty_like(indices), extra, extra
    owner, sizes = ops._bag_of_each(starts, wide, padding)
    return out, owner.to(to), sizes.to(to), chosen.to(to) if mode == 2 else ops.empty((0,), dtype=to)


def gather_bags(weight, indices, starts, per_sample_weights, mode, padding_idx, scale_grad_by_freq):
    return bag_ops.bags(weight, indices, starts, per_sample_weights, mode, padding_idx)
