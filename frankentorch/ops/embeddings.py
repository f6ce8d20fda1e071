"""Embedding rows: checks, renormalisation, bags."""
from frankentorch import ops
from frankentorch._ext import rows_ops


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


def bounds_of(offsets, total, include_last_offset):
    starts = offsets.tolist()
    ends = [*starts[1:], total]
    if include_last_offset:
        starts, ends = starts[:-1], starts[1:]
    return starts, ends


def embedding_bag(weight, indices, offsets, scale_grad_by_freq, mode, sparse, per_sample_weights, include_last_offset, padding_idx):
    """(bags, bag of each index, bag sizes, index of each maximum); mode 0 sum, 1 mean, 2 max."""
    if sparse:
        raise NotImplementedError("embedding_bag: sparse gradients are not available (issue: sparse layouts)")
    if weight.dim() != 2 or indices.dim() != 1 or offsets.dim() != 1:
        raise RuntimeError(f"embedding_bag: expected weight 2-D, indices and offsets 1-D; got {weight.dim()}, {indices.dim()}, {offsets.dim()}")
    if per_sample_weights is not None and mode != 0:
        raise RuntimeError("embedding_bag: per_sample_weights only supported with mode='sum'")
    if padding_idx is not None and padding_idx < 0:
        padding_idx += weight.size(0)
    bags = offsets.numel() - (1 if include_last_offset else 0)
    if weight.is_meta:
        extra = ops.empty((bags,), dtype=indices.dtype, device="meta")
        return ops.empty((bags, weight.size(1)), dtype=weight.dtype, device="meta"), ops.empty_like(indices), extra, extra
    starts, ends = bounds_of(offsets, indices.numel(), include_last_offset)
    if starts and starts[0] != 0:
        raise RuntimeError(f"offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start from position 0. However, got {starts[0]}")
    if ends and ends[-1] > indices.numel():
        raise RuntimeError(f"offsets[-1] can not be greater than input's length({indices.numel()}) but got offsets[-1] of {ends[-1]}")
    rows = ops._embedding(weight, indices, -1 if padding_idx is None else padding_idx, scale_grad_by_freq)
    if per_sample_weights is not None:
        if per_sample_weights.shape != indices.shape:
            raise RuntimeError(f"embedding_bag: expected per_sample_weights of the shape of input ({list(indices.shape)}), got {list(per_sample_weights.shape)}")
        rows = rows * ops.unsqueeze(per_sample_weights, 1)
    chosen = indices.tolist()
    places = [[i for i in range(start, end) if chosen[i] != padding_idx] for start, end in zip(starts, ends)]
    parts, maxima = [], []
    for place in places:
        if not place:
            parts.append(ops.zeros((weight.size(1),), dtype=weight.dtype))
            maxima.append(ops.zeros((weight.size(1),), dtype=indices.dtype))
            continue
        part = ops.index(rows, (ops.tensor(place),)) if place != list(range(place[0], place[-1] + 1)) else ops.slice(rows, 0, place[0], place[-1] + 1)
        if mode == 2:
            best, at = ops.max(part, 0)
            parts.append(best)
            maxima.append(ops.index(indices, (ops.tensor(place)[at],)))
        else:
            parts.append(ops.sum(part, (0,)) if mode == 0 else ops.mean(part, (0,)))
    out = ops.stack(parts) if parts else ops.zeros((0, weight.size(1)), dtype=weight.dtype)
    sizes = ops.tensor([len(place) for place in places], dtype=indices.dtype)
    bag_of = [0] * indices.numel()
    for bag, (start, end) in enumerate(zip(starts, ends)):
        bag_of[start:end] = [bag] * (end - start)
    return out, ops.tensor(bag_of, dtype=indices.dtype), sizes, ops.stack(maxima) if mode == 2 and maxima else ops.empty((0,), dtype=indices.dtype)
