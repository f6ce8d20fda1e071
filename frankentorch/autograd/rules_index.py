"""Derivative helpers of indexing along dims and by mask."""
from frankentorch import ops
from frankentorch._ext.tensor import batch_level


def padded(part, sizes):
    """part with zeros after it in every dim, up to sizes."""
    if tuple(part.shape) == tuple(sizes):
        return part
    for d, size in enumerate(sizes):
        missing = size - part.size(d)
        if missing:
            fill = ops.zeros((*part.shape[:d], missing, *part.shape[d + 1:]), dtype=part.dtype, device=part.device)
            part = ops.cat((part, fill), d)
    return part


def gather_to(g, dim, index, sizes):
    """g at the positions of index; source elements that no index used get zero."""
    if index.numel() == 0:
        return ops.zeros(sizes, dtype=g.dtype, device=g.device)
    return padded(ops.gather(g, dim, index), sizes)


def index_write_source(g, dim, index, sizes):
    part = ops.index_select(g, dim, index)
    return part if tuple(part.shape) == tuple(sizes) else part.reshape(sizes)


def index_fill_value(g, dim, index):
    # each slice counts once however often it is named
    if batch_level(index) or batch_level(g):
        n = g.size(dim) if g.dim() else 1
        named = ops.scatter(ops.zeros((n,), dtype=ops.bool), 0, ops.remainder(ops.reshape(index, (-1,)), n), True)
        shape = [1] * max(g.dim(), 1)
        shape[dim] = n
        return ops.sum(ops.where(ops.reshape(named, tuple(shape[:g.dim()])), g, ops.zeros((), dtype=g.dtype)))
    index = ops.where(ops.lt(index, 0), index + (g.size(dim) if g.dim() else 1), index)
    return ops.sum(ops.index_select(g, dim, ops.unique(index)))


def masked_fill_value(g, mask):
    return ops.sum(ops.where(mask, g, ops.zeros_like(g)))


def masked_select_backward(g, sizes, mask):
    n = max(len(sizes), mask.dim())
    a, b = (1,) * (n - len(sizes)) + tuple(sizes), (1,) * (n - mask.dim()) + tuple(mask.shape)
    full = tuple(y if x == 1 else x for x, y in zip(a, b))
    return ops.masked_scatter(ops.zeros(full, dtype=g.dtype, device=g.device), mask, g)


def _scattered_source(g, mask, sizes):
    """The same without a shape that depends on the mask: place k of the source went to the k-th true place."""
    mask, g = ops.broadcast_tensors((mask, g))
    mask = ops.reshape(mask, (-1,))
    order = ops.cumsum(mask.to(ops.int64), 0) - 1
    count = 1
    for size in sizes:
        count *= size
    values = ops.where(mask, ops.reshape(g, (-1,)), ops.zeros((), dtype=g.dtype))
    order = ops.where(mask, order, ops.full_like(order, count))
    return ops.reshape(ops.narrow(ops.scatter_add(ops.zeros((count + 1,), dtype=g.dtype), 0, order, values), 0, 0, count), sizes)


def masked_scatter_source(g, mask, sizes):
    if batch_level(mask):
        return _scattered_source(g, mask, sizes)
    flat = ops.masked_select(g, mask)
    count = 1
    for size in sizes:
        count *= size
    return padded(flat, (count,)).reshape(sizes)


def scatter_reduce_backward(g, self, dim, index, src, reduce, include_self, out):
    if index.numel() == 0:
        return g, ops.zeros_like(src)
    if reduce == "sum":
        grad_self, grad_src = g, ops.gather(g, dim, index)
    elif reduce == "mean":
        counts = ops.ones_like(g) if include_self else ops.zeros_like(g)
        counts = ops.scatter_add(counts, dim, index, ops.ones_like(src))
        counts = ops.where(ops.eq(counts, 0), ops.ones_like(counts), counts)
        share = g / counts
        grad_self, grad_src = share, ops.gather(share, dim, index)
    elif reduce == "prod":
        grad_self = g * ops.scatter_reduce(ops.ones_like(self), dim, index, src, "prod", include_self=True)
        # without division: every product but the element's own, by zeros counted apart
        hole = ops.eq(src, 0)
        zeros = ops.scatter_add(ops.zeros_like(self), dim, index, hole.to(self.dtype))
        start = self if include_self else ops.scatter(self, dim, index, 1)
        rest = ops.scatter_reduce(start, dim, index, ops.where(hole, ops.ones_like(src), src), "prod", include_self=True)
        alone = ops.where(hole, ops.where(ops.eq(ops.gather(zeros, dim, index), 1), ops.gather(rest, dim, index), ops.zeros_like(src)),
                          ops.gather(out, dim, index) / ops.where(hole, ops.ones_like(src), src))
        grad_src = ops.gather(g, dim, index) * alone
    else:
        best = ops.gather(out, dim, index)
        from_self = ops.eq(self, out)
        from_src = ops.eq(src, best)
        ties = ops.scatter_add(from_self.to(g.dtype) if include_self else ops.zeros_like(g), dim, index, from_src.to(g.dtype))
        share = g / ops.where(ops.eq(ties, 0), ops.ones_like(ties), ties)
        grad_self, grad_src = share * from_self, ops.gather(share, dim, index) * from_src
    if not include_self:
        grad_self = ops.scatter(grad_self, dim, index, 0)
    return grad_self, grad_src
