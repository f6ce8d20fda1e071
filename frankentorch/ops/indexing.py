"""Bodies and kernels of optable/index.py that are not one driver call."""
from frankentorch import ops
from frankentorch._ext import create, index_ops
from frankentorch._ext.dtype import contiguous_format

WRITE, ADD, MULTIPLY, GREATEST, LEAST = 1, 2, 3, 4, 5        # index.pxd
COMBINE = {"sum": ADD, "mean": ADD, "prod": MULTIPLY, "amax": GREATEST, "amin": LEAST, "add": ADD, "multiply": MULTIPLY}


# ---- scatter ----
def scatter_write(self, dim, index, src):
    return index_ops.scatter(self, dim, index, src, WRITE)


def scatter_combine(self, dim, index, src, reduce):
    if reduce not in ("add", "multiply"):
        raise RuntimeError(f"reduce argument must be either add or multiply, got {reduce!r}")
    return index_ops.scatter(self, dim, index, src, COMBINE[reduce])


def scatter_add(self, dim, index, src):
    return index_ops.scatter(self, dim, index, src, ADD)


def scatter_value(self, dim, index, value):
    return ops._scatter_fill(self, dim, index, value)


def scatter_src(self, dim, index, src):
    return ops._scatter(self, dim, index, src)


def scatter_reduced(self, dim, index, src, reduce):
    return ops._scatter_combine(self, dim, index, src, reduce)


def scatter_value_in_place(self, dim, index, value):
    return ops._scatter_fill_(self, dim, index, value)


def scatter_src_in_place(self, dim, index, src):
    return ops._scatter_(self, dim, index, src)


def scatter_reduced_in_place(self, dim, index, src, reduce):
    return ops._scatter_combine_(self, dim, index, src, reduce)


def scatter_reduce(self, dim, index, src, reduce, include_self):
    if reduce not in ("sum", "prod", "mean", "amax", "amin"):
        raise RuntimeError(f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}.")
    if index.numel() == 0:
        return self
    counts = None
    if reduce == "mean":
        counts = ops.ones_like(self) if include_self else ops.zeros_like(self)
        index_ops.scatter(counts, dim, index, ops.ones_like(src), ADD)
    if not include_self:
        index_ops.scatter(self, dim, index, identity(reduce, self.dtype), WRITE)
    index_ops.scatter(self, dim, index, src, COMBINE[reduce])
    if reduce == "mean":
        counts.clamp_(min=1)
        if self.is_floating_point() or self.is_complex():
            self.div_(counts)
        else:
            self.floor_divide_(counts)
    return self


def identity(reduce, dtype):
    if reduce in ("sum", "mean"):
        return 0
    if reduce == "prod":
        return 1
    if dtype is ops.bool:
        return reduce == "amin"
    if dtype.is_floating_point:
        return float("-inf") if reduce == "amax" else float("inf")
    bits, signed = 8 * dtype.itemsize, dtype.is_signed
    if reduce == "amax":
        return -(1 << bits - 1) if signed else 0
    return (1 << bits - signed) - 1


# ---- slices ----
def index_add(self, dim, index, source, alpha):
    return ops._index_write(self, dim, index, source if alpha == 1 else source * alpha, ADD)


def index_copy(self, dim, index, source):
    return ops._index_write(self, dim, index, source, WRITE)


def index_add_in_place(self, dim, index, source, alpha):
    return ops._index_write_(self, dim, index, source if alpha == 1 else source * alpha, ADD)


def index_copy_in_place(self, dim, index, source):
    return ops._index_write_(self, dim, index, source, WRITE)


def index_reduce(self, dim, index, source, reduce, include_self):
    if reduce not in ("prod", "mean", "amax", "amin"):
        raise RuntimeError(f"index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got {reduce}.")
    if index.dim() > 1:
        raise IndexError("index_reduce_(): Index should have dimension 1 or 0")
    if index.numel() != (source.size(dim) if source.dim() else 1):
        raise RuntimeError(f"index_reduce_(): Number of indices ({index.numel()}) should be equal to self.size(dim): ({source.size(dim) if source.dim() else 1}), for dim: {dim}")
    if source.dim():
        shape = [1] * source.dim()
        shape[dim] = index.numel()
        index = ops.reshape(index, shape).expand(source.shape)
    return ops.scatter_reduce(self, dim, index, source, reduce, include_self=include_self)


def take_along_dim(self, indices, dim):
    if dim is None:
        return ops.gather(ops.reshape(self, (-1,)), 0, ops.reshape(indices, (-1,)))
    if self.dim() != indices.dim():
        raise RuntimeError(f"torch.take_along_dim(): input and indices should have the same number of dimensions, but got {self.dim()} dimensions for input, and {indices.dim()} dimensions for indices")
    n = self.dim()
    if not -n <= dim < n:
        raise IndexError(f"Dimension out of range (expected to be in range of [{-n}, {n - 1}], but got {dim})")
    dim %= n
    sizes = [b if d == dim or a == 1 else a for d, (a, b) in enumerate(zip(self.shape, indices.shape))]
    whole = [a if d == dim else s for d, (a, s) in enumerate(zip(self.shape, sizes))]
    if indices.dtype is ops.int64 and not indices.is_meta:
        indices = ops.where(ops.lt(indices, 0), indices + self.size(dim), indices)
    return ops.gather(self.expand(whole), dim, indices.expand(sizes))


# ---- masks ----
def broadcast(self, mask):
    if self.shape == mask.shape:
        return self
    n = max(self.dim(), mask.dim())
    a, b = (1,) * (n - self.dim()) + tuple(self.shape), (1,) * (n - mask.dim()) + tuple(mask.shape)
    if any(x != y and x != 1 and y != 1 for x, y in zip(a, b)):
        d = next(i for i, (x, y) in enumerate(zip(a, b)) if x != y and x != 1 and y != 1)
        raise RuntimeError(f"The size of tensor a ({a[d]}) must match the size of tensor b ({b[d]}) at non-singleton dimension {d}")
    sizes = tuple(y if x == 1 else x for x, y in zip(a, b))
    return self if tuple(self.shape) == sizes else self.expand(sizes).clone(memory_format=contiguous_format)


def masked_fill(self, mask, value):
    return ops._masked_fill(broadcast(self, mask).contiguous(), mask, value)


def masked_fill_in_place(self, mask, value):
    return ops._masked_fill_(self, mask, value)


def masked_scatter(self, mask, source):
    return ops._masked_scatter(broadcast(self, mask).contiguous(), mask, source)


def masked_scatter_in_place(self, mask, source):
    return ops._masked_scatter_(self, mask, source)


def nonzero(self, as_tuple):
    if as_tuple:
        return ops.unbind(ops._nonzero(ops.unsqueeze(self, 0) if self.dim() == 0 else self), 1)
    return ops._nonzero(self)


def argwhere(self):
    return ops._nonzero(self)


# ---- parts written back ----
def fresh(self):
    """A copy with the very strides of self, gaps included, unless elements share a place."""
    if any(stride == 0 and size > 1 for size, stride in zip(self.shape, self.stride())) or self.is_contiguous():
        return create.cast_copy(self, self.dtype, 0)
    return create.copy(create.empty_strided(tuple(self.shape), self.stride(), self.dtype, self.is_meta), self)


def select_scatter(self, src, dim, index):
    out = fresh(self)
    part = ops.select(out, dim, index)
    check_part("select_scatter", part, src)
    part.copy_(src)
    return out


def slice_scatter(self, src, dim, start, end, step):
    out = fresh(self)
    part = ops.slice(out, dim, start, end, step)
    check_part("slice_scatter", part, src)
    part.copy_(src)
    return out


def diagonal_scatter(self, src, offset, dim1, dim2):
    out = fresh(self)
    part = ops.diagonal(out, offset, dim1, dim2)
    check_part("diagonal_scatter", part, src)
    part.copy_(src)
    return out


def check_part(name, part, src):
    if tuple(part.shape) != tuple(src.shape):
        raise RuntimeError(f"{name}: expected src to have a size equal to the slice of self. src size = {list(src.shape)}, slice size = {list(part.shape)}")


def diag_embed(self, offset, dim1, dim2):
    n = self.dim() + 1
    for dim in (dim1, dim2):
        if not -n <= dim < n:
            raise IndexError(f"Dimension out of range (expected to be in range of [{-n}, {n - 1}], but got {dim})")
    first, second = dim1 % n, dim2 % n
    if first == second:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    if self.dim() == 0:
        raise IndexError("diag_embed: Dimension specified as -1 but tensor has no dimensions")
    length = self.size(-1) + abs(offset)
    sizes = list(self.shape[:-1])
    for dim in sorted((first, second)):
        sizes.insert(dim, length)
    out = ops.zeros(tuple(sizes), dtype=self.dtype, device=self.device)
    ops.diagonal(out, offset, first, second).copy_(self)
    return out


def diag(self, diagonal):
    if self.dim() == 1:
        return ops.diag_embed(self, diagonal)
    if self.dim() == 2:
        return ops.clone(ops.diagonal(self, diagonal), memory_format=contiguous_format)
    raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {self.dim()}D")


def diagflat(self, offset):
    return ops.diag_embed(ops.reshape(self, (-1,)), offset)


def trace(self):
    if self.dim() != 2:
        raise RuntimeError(f"trace: expected a matrix, but got tensor with dim {self.dim()}")
    return ops.sum(ops.diagonal(self))


def triangle(row, col, offset, upper, dtype, device):
    if row < 0 or col < 0:
        raise RuntimeError(f"row and col must be non-negative, got row = {row}, col = {col}")
    return index_ops.triangle_indices(row, col, offset, upper).to(device=device, dtype=ops.int64 if dtype is None else dtype)


def tril_indices(row, col, offset, dtype, layout, device, pin_memory):
    return triangle(row, col, offset, False, dtype, device)


def triu_indices(row, col, offset, dtype, layout, device, pin_memory):
    return triangle(row, col, offset, True, dtype, device)


def one_hot(self, num_classes):
    if self.dtype is not ops.int64:
        raise RuntimeError("one_hot is only applicable to index tensor of type LongTensor.")
    if self.numel() == 0:
        if num_classes <= 0:
            raise RuntimeError("Can not infer total number of classes from empty tensor.")
        return ops.zeros((*self.shape, num_classes), dtype=ops.int64, device=self.device)
    if not self.is_meta:
        if int(ops.min(self).item()) < 0:
            raise RuntimeError("Class values must be non-negative.")
        top = int(ops.max(self).item())
        if num_classes == -1:
            num_classes = top + 1
        elif num_classes <= top:
            raise RuntimeError("Class values must be smaller than num_classes.")
    if num_classes < 1:
        raise RuntimeError("num_classes should be positive")
    out = ops.zeros((*self.shape, num_classes), dtype=ops.int64, device=self.device)
    return index_ops.scatter(out, -1, ops.unsqueeze(self, -1), 1, WRITE)


def repeat_indices(repeats, output_size):
    return index_ops.repeat_indices(repeats, output_size)


def repeat_interleave(self, repeats, dim, output_size):
    if dim is None:
        self, dim = ops.reshape(self, (-1,)), 0
    size = self.size(dim) if self.dim() else 1
    if isinstance(repeats, int):
        if repeats < 0:
            raise RuntimeError("Repeats must be non-negative")
        places = ops.reshape(ops.unsqueeze(ops.arange(size, device=self.device), 1).expand((size, repeats)), (-1,))
    else:
        if repeats.numel() == 1 and size != 1:
            repeats = ops.reshape(repeats, (1,)).expand((size,))
        if repeats.dim() == 0:
            repeats = ops.reshape(repeats, (1,))
        if repeats.numel() != size:
            raise RuntimeError(f"repeats must have the same size as input along dim, but got repeats.size(0) = {repeats.numel()} and input.size({dim}) = {size}")
        places = ops.repeat_interleave(repeats, output_size=output_size)
    return ops.index_select(self, dim, places)
