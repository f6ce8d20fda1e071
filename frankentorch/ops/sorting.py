"""Bodies and kernels of optable/sort.py that are not one driver call."""
from frankentorch import ops
from frankentorch._ext import sort_ops
from frankentorch._ext.tensor import Tensor, batch_level


def sort_stable(self, stable, dim, descending):
    return ops._sort_stable(self, dim, descending)


def argsort(self, dim, descending, stable):
    return ops.sort(self, dim, descending)[1]


def msort(self):
    return ops.sort(self, 0)[0]


def median(self):
    return sort_ops.median_all(self, False)


def nanmedian(self):
    return sort_ops.median_all(self, True)


def median_dim(self, dim, keepdim):
    return sort_ops.median_dim(self, dim, keepdim, False)


def nanmedian_dim(self, dim, keepdim):
    return sort_ops.median_dim(self, dim, keepdim, True)


# ---- distinct values ----
def unique(self, sorted, return_inverse, return_counts, dim):
    return distinct(self, True, return_inverse, return_counts, dim)


def unique_consecutive(self, return_inverse, return_counts, dim):
    return distinct(self, False, return_inverse, return_counts, dim)


def distinct(self, sort, return_inverse, return_counts, dim):
    if dim is None:
        values, inverse, counts = sort_ops.unique(self.detach(), sort, return_inverse, return_counts)
    else:
        values, inverse, counts = distinct_slices(self.detach(), sort, dim)
    wanted = (values,) + ((inverse,) if return_inverse else ()) + ((counts,) if return_counts else ())
    return wanted if len(wanted) > 1 else values


def distinct_slices(self, sort, dim):
    n = max(self.dim(), 1)
    if not -n <= dim < n:
        raise IndexError(f"Dimension out of range (expected to be in range of [{-n}, {n - 1}], but got {dim})")
    dim %= n
    if self.dim() == 0:
        return sort_ops.unique(self, sort, True, True)
    if self.numel() == 0:
        if self.size(dim) or sum(size == 0 for size in self.shape) != 1:
            raise RuntimeError("There are 0 sized dimensions, and they aren't selected, so unique cannot be applied")
        empty = ops.empty((0,), dtype=ops.int64)
        return self.clone(), empty, empty.clone()
    moved = ops.movedim(self, (dim,), (0,)).contiguous()
    rows = ops.reshape(moved, (moved.size(0), -1))
    first, inverse, counts = sort_ops.unique_rows(rows, sort)
    return ops.movedim(ops.index_select(moved, 0, first), (0,), (dim,)), inverse, counts


# ---- search ----
def searchsorted(sorted_sequence, self, out_int32, right, side, sorter):
    if side is not None:
        if side not in ("left", "right"):
            raise RuntimeError(f"searchsorted(): side can only be 'left' or 'right' but got {side}")
        if side == "left" and right:
            raise RuntimeError("searchsorted(): side and right can't be set to opposites, got side of left while right was True")
        right = side == "right"
    if not isinstance(self, Tensor):
        if sorted_sequence.dim() != 1:
            raise RuntimeError(f"searchsorted(): input value can be a scalar only when boundaries tensor dimension is 1, but we got boundaries tensor dim({sorted_sequence.dim()})")
        self = ops.tensor(self, device=sorted_sequence.device)
    if sorted_sequence.dim() == 0:
        raise RuntimeError("searchsorted(): boundaries tensor should have positive dimension, but got 0 dimension")
    if sorted_sequence.dim() != 1 and (self.dim() != sorted_sequence.dim() or tuple(self.shape[:-1]) != tuple(sorted_sequence.shape[:-1])):
        raise RuntimeError("searchsorted(): boundaries tensor should be 1 dimension or the first N-1 dimensions of boundaries tensor and input value tensor must match, "
                           f"but we got boundaries tensor {list(sorted_sequence.shape)} and input value tensor {list(self.shape)}")
    if sorter is not None:
        if sorter.dtype is not ops.int64:
            raise RuntimeError(f"searchsorted(): sorter must be a tensor of long dtype but got dtype {sorter.dtype}")
        if tuple(sorter.shape) != tuple(sorted_sequence.shape):
            raise RuntimeError(f"searchsorted(): boundary and sorter must have the same size, but got boundary tensor {list(sorted_sequence.shape)}and got sorter tensor {list(sorter.shape)}")
        if sorter.numel() and (int(sorter.min().item()) < 0 or int(sorter.max().item()) >= sorter.size(-1)):
            raise RuntimeError("searchsorted(): sorter index out of range")
    sequence, values = sorted_sequence.detach(), self.detach()
    common = ops.result_type(sequence, values) if values.dim() else sequence.dtype
    if values.dtype is not sequence.dtype:
        common = ops.promote_types(sequence.dtype, values.dtype) if values.dim() == 0 else common
        sequence, values = sequence.to(common), values.to(common)
    return sort_ops.search(sequence, values, sorter, right, out_int32)


def bucketize(self, boundaries, out_int32, right):
    if boundaries.dim() != 1:
        raise RuntimeError(f"bucketize(): boundaries tensor must be 1 dimension, but got dim({boundaries.dim()})")
    return searchsorted(boundaries, self, out_int32, right, None, None)


# ---- counts ----
def bincount(self, weights, minlength):
    if minlength < 0:
        raise RuntimeError("minlength should be >= 0")
    if self.is_floating_point() or self.is_complex() or self.dtype is ops.bool:
        raise NotImplementedError(f"\"bincount_cpu\" not implemented for {self.dtype}")
    if self.dim() == 1 and self.numel() == 0:
        return ops.zeros((minlength,), dtype=ops.int64)
    if self.dim() != 1:
        raise RuntimeError("bincount only supports 1-d non-negative integral inputs.")
    if weights is not None and (weights.dim() != 1 or weights.numel() != self.numel()):
        raise RuntimeError("weights should be 1-d and have the same length as input")
    if weights is not None and weights.dtype not in (ops.float32, ops.float64):
        weights = weights.to(ops.float64)
    return sort_ops.bincount(self, weights, minlength)


def histc(self, bins, min, max):
    if not self.is_floating_point():
        raise NotImplementedError(f"\"histogram_cpu\" not implemented for {self.dtype}")
    if bins <= 0:
        raise RuntimeError("bins must be > 0")
    low, high = float(min), float(max)
    if low == high and self.numel():
        low, high = float(self.min().item()), float(self.max().item())
    if low == high:
        low, high = low - 1, high + 1
    if not (abs(low) < float("inf") and abs(high) < float("inf")):
        raise RuntimeError(f"range of [{low}, {high}] is not finite")
    if low > high:
        raise RuntimeError("max must be larger than min")
    return sort_ops.histc(self, bins, low, high)


# ---- quantiles ----
def quantile(self, q, dim, keepdim, interpolation):
    return fraction(self, q, dim, keepdim, interpolation, False, "quantile")


def nanquantile(self, q, dim, keepdim, interpolation):
    return fraction(self, q, dim, keepdim, interpolation, True, "nanquantile")


def fraction(self, q, dim, keepdim, interpolation, skip_nan, name):
    """Linear (or other) interpolation between the two sorted values around q (n - 1)."""
    if self.numel() == 0:
        raise RuntimeError(f"{name}() input tensor must be non-empty")
    if self.dtype not in (ops.float32, ops.float64):
        raise RuntimeError(f"{name}() input tensor must be either float or double dtype")
    if interpolation not in ("linear", "lower", "higher", "midpoint", "nearest"):
        raise RuntimeError(f"{name}() interpolation must be one of linear, lower, higher, midpoint or nearest, but got {interpolation}")
    if not isinstance(q, Tensor):
        if not 0 <= q <= 1:
            raise RuntimeError(f"{name}() q must be in the range [0, 1] but got {q}")
        q = ops.tensor(q, dtype=self.dtype)
    if q.dim() > 1:
        raise RuntimeError(f"{name}() q must be a scalar or 1D tensor")
    if q.dtype is not self.dtype:
        raise RuntimeError(f"{name}() q tensor must be same dtype as the input tensor")
    if not batch_level(q) and not bool(ops.logical_and(q >= 0, q <= 1).all().item()):
        raise RuntimeError(f"{name}() q values must be in the range [0, 1]")
    rank = self.dim()
    if dim is None:
        line, axis = ops.reshape(self, (-1,)), 0
    else:
        line, axis = self, dim % max(rank, 1) if -max(rank, 1) <= dim < max(rank, 1) else None
        if axis is None:
            raise IndexError(f"Dimension out of range (expected to be in range of [{-max(rank, 1)}, {max(rank, 1) - 1}], but got {dim})")
        line = ops.reshape(line, (1,)) if rank == 0 else line
    line = ops.sort(ops.movedim(line, axis, -1), -1)[0]
    n = line.size(-1)
    many = q.dim() == 1
    q = ops.reshape(q, (-1,))
    if skip_nan:
        held = ops.sum(ops.logical_not(ops.isnan(line)), -1, True)
        rank_of = q * ops.clamp(held - 1, min=0)
    else:
        rank_of = (q * (n - 1)).expand((*line.shape[:-1], q.numel()))
        bad = ops.isnan(line).any(-1, True)
        rank_of = ops.where(bad, ops.full((), n - 1, dtype=rank_of.dtype), rank_of)
    if interpolation == "lower":
        rank_of = ops.floor(rank_of)
    elif interpolation == "higher":
        rank_of = ops.ceil(rank_of)
    elif interpolation == "nearest":
        rank_of = ops.round(rank_of)
    below = rank_of.to(ops.int64)
    out = ops.gather(line, -1, below)
    if interpolation in ("linear", "midpoint"):
        weight = ops.full_like(rank_of, 0.5) if interpolation == "midpoint" else rank_of - below
        above = ops.gather(line, -1, ops.ceil(rank_of).to(ops.int64))
        out = ops.lerp(out, above, weight)
    out = ops.movedim(out, -1, 0)
    if keepdim:
        shape = [1] * rank if dim is None else [1 if d == axis else size for d, size in enumerate(self.shape)]
        out = ops.reshape(out, (q.numel(), *shape))
    elif rank == 0:
        out = ops.reshape(out, (q.numel(),))
    return out if many else ops.squeeze(out, 0)
