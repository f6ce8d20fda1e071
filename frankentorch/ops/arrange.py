"""Bodies of optable/arrange.py: composites of views, joins and indexing."""
import math

from frankentorch import ops
from frankentorch._ext import pairs_run
from frankentorch.ops.shape import chunks_by


def column_stack(tensors):
    if not tensors:
        raise RuntimeError("column_stack expects a non-empty TensorList")
    return ops.cat([t.reshape(t.numel(), 1) if t.dim() <= 1 else t for t in tensors], 1)


def _split(name, self, places, least, dim):
    if self.dim() < least:
        raise RuntimeError(f"torch.{name} requires a tensor with at least {least} dimension, but got a tensor with {self.dim()} dimensions!")
    if isinstance(places, int):
        if places == 0 or self.size(dim) % places:
            raise RuntimeError(f"torch.{name} attempted to split along dimension {dim}, but the size of the dimension {self.size(dim)} is not divisible by the split_size {places}!")
    return ops.tensor_split(self, places, dim)


def hsplit(self, indices_or_sections):
    return _split("hsplit", self, indices_or_sections, 1, 0 if self.dim() == 1 else 1)


def vsplit(self, indices_or_sections):
    return _split("vsplit", self, indices_or_sections, 2, 0)


def dsplit(self, indices_or_sections):
    return _split("dsplit", self, indices_or_sections, 3, 2)


def fliplr(self):
    if self.dim() < 2:
        raise RuntimeError("Input must be >= 2-d.")
    return ops.flip(self, (1,))


def flipud(self):
    if self.dim() < 1:
        raise RuntimeError("Input must be >= 1-d.")
    return ops.flip(self, (0,))


def rot90(self, k, dims):
    if len(dims) != 2:
        raise RuntimeError(f"expected total rotation dims == 2, but got dims = {len(dims)}")
    if self.dim() < 2:
        raise RuntimeError(f"expected total dims >= 2, but got total dims = {self.dim()}")
    for dim in dims:
        if not -self.dim() <= dim < self.dim():
            raise RuntimeError(f"Rotation dim {dim} out of range for a tensor of {self.dim()} dims: Rotation dim0 out of range")
    first, second = (dim % self.dim() for dim in dims)
    if first == second:
        raise RuntimeError(f"expected rotation dims to be different, but got dim0 = {dims[0]} and dim1 = {dims[1]}")
    k %= 4
    if k == 1:
        return ops.flip(self, (second,)).transpose(first, second)
    if k == 2:
        return ops.flip(self, (first, second))
    if k == 3:
        return ops.flip(self, (first,)).transpose(first, second)
    return self.clone(memory_format=ops.contiguous_format)


def combinations(input, r, with_replacement):
    if input.dim() != 1:
        raise RuntimeError(f"Expect a 1D vector, but got shape {list(input.shape)}")
    if r < 0:
        raise RuntimeError(f"Expect a non-negative number, but got {r}")
    if r == 0:
        return input[:0] * 1 if input.is_floating_point() or input.is_complex() else ops.empty(0, dtype=input.dtype, device=input.device)
    n = input.numel()
    count = math.comb(n + r - 1, r) if with_replacement and n else math.comb(n, r)
    if not count:
        return input[:0].reshape(0, 1).expand(0, r).clone()
    return ops.stack([input[places] for places in pairs_run.choices(n, r, with_replacement, count)], 1)


def vander(x, N, increasing):
    if x.dim() != 1:
        raise RuntimeError(f"x must be a one-dimensional tensor, but got {x.dim()} dims")
    n = x.numel() if N is None else N
    if n < 0:
        raise RuntimeError(f"N must be non-negative, but got {n}")
    dtype = ops.promote_types(x.dtype, ops.int64) if not (x.is_floating_point() or x.is_complex()) else x.dtype
    if n > 1 and x.numel() > 1 and not ops.differentiated(x):             # products down columns, which go side by side
        powers = ops.cumprod(x.to(dtype).expand(n - 1, x.numel()), 0)
        out = ops.cat([ops.ones(1, x.numel(), dtype=dtype, device=x.device), powers], 0)
        return (out if increasing else ops.flip(out, (0,))).t().contiguous()
    out = ops.ones(x.numel(), n, dtype=dtype, device=x.device)
    if n > 1:
        powers = ops.cumprod(x.to(dtype).unsqueeze(1).expand(x.numel(), n - 1), 1)
        out = ops.cat([out[:, :1], powers], 1)
    return out if increasing else ops.flip(out, (1,))


def unravel_index(indices, shape):
    if indices.is_floating_point() or indices.is_complex() or indices.dtype is ops.bool:
        raise ValueError(f"expected 'indices' to be integer dtype, but got {indices.dtype}")
    if isinstance(shape, ops.Tensor):
        shape = shape.tolist()
    if isinstance(shape, int):
        shape = (shape,)
    if not isinstance(shape, (list, tuple)) or not all(isinstance(n, int) for n in shape):
        raise TypeError(f"expected 'shape' to be int or sequence of ints, but got {type(shape)}")
    if any(n < 0 for n in shape):
        raise ValueError(f"'shape' cannot have negative values, but got {tuple(shape)}")
    steps, step = [], 1
    for n in reversed(shape):
        steps.insert(0, step)
        step *= n
    if not steps:
        return ()
    steps, sizes = ops.tensor(steps), ops.tensor(list(shape))
    return ops.unbind(ops.remainder(ops.floor_divide(ops.unsqueeze(indices.to(ops.int64), -1), steps), sizes), -1)


def sum_to_size(self, size):
    lead = self.dim() - len(size)
    if lead < 0 or any(want not in (1, have) for want, have in zip(size, self.shape[lead:])):
        raise RuntimeError(f"size {{{list(size)}}} is not expandable to size {{{list(self.shape)}}}.")
    if not size:
        return ops.sum(self)
    dims = [d for d in range(self.dim()) if d < lead or (size[d - lead] == 1 and self.size(d) != 1)]
    out = self.sum(dims, True) if dims else self
    return out.view(size) if lead else out


def as_strided_scatter(self, src, size, stride, storage_offset):
    # a copy of the storage up to self's last element: the offset counts from its begin, as it does for self
    start = self.storage_offset()
    extent = start + (1 + sum((n - 1) * step for n, step in zip(self.shape, self.stride())) if self.numel() else 0)
    whole = ops.clone(ops.as_strided(self, (extent,), (1,), 0))
    out = ops.as_strided(whole, tuple(self.shape), self.stride(), start)
    place = ops.as_strided(whole, size, stride, storage_offset if storage_offset is not None else start)
    if place.shape != src.shape:
        raise RuntimeError(f"expected src to have a size equal to the slice of self. src size = {list(src.shape)}, slice size = {list(place.shape)}")
    place.copy_(src)
    return out


def fill_diagonal_(self, fill_value, wrap):
    if self.dim() < 2:
        raise RuntimeError("dimensions must larger than 1")
    if self.dim() > 2 and len(set(self.shape)) > 1:
        raise RuntimeError("all dimensions of input must be of equal length")
    n, step = min(self.shape), sum(self.stride())
    ops.as_strided(self, (n,), (step,), self.storage_offset()).fill_(fill_value)
    if wrap and self.dim() == 2 and self.size(0) > self.size(1) + 1:
        rows, columns = self.shape
        for top in range(columns + 1, rows, columns + 1):
            self[top:].diagonal().fill_(fill_value)
    return self


def resize_as_(self, the_template, memory_format):
    return self.resize_(the_template.shape, memory_format=None if memory_format is ops.preserve_format else memory_format)


def new_empty_strided(self, size, stride, dtype, layout, device, pin_memory, requires_grad):
    return ops.empty_strided(size, stride, dtype=dtype or self.dtype, device=device or self.device, requires_grad=requires_grad)


def empty_permuted(size, physical_layout, dtype, layout, device, pin_memory, requires_grad):
    if len(physical_layout) != len(size):
        raise RuntimeError(f"Number of dimensions in size does not match the length of the physical_layout; i.e. len(size) = {len(size)} is not equal to len(physical_layout) = {len(physical_layout)}")
    if sorted(physical_layout) != list(range(len(size))):
        bad = [d for d in physical_layout if not 0 <= d < len(size)]
        raise RuntimeError(f"Dimension out of range (expected to be between 0 and {len(size) - 1}, but got {bad[0]})." if bad else "Duplicate dim not allowed")
    strides, step = [0] * len(size), 1
    for dim in reversed(physical_layout):
        strides[dim] = step
        step *= max(size[dim], 1)
    return ops.empty_strided(size, strides, dtype=dtype, device=device, requires_grad=requires_grad)


def nonzero_static(self, size, fill_value):
    if size < 0:
        raise RuntimeError(f"nonzero_static: 'size' must be an non-negative integer, got {size}")
    found = ops.nonzero(self)[:size]
    out = ops.full((size, self.dim()), fill_value, dtype=ops.int64, device=self.device)
    out[:found.size(0)] = found
    return out


# ---- pieces that are no views of each other ----
def unsafe_chunk(self, chunks, dim):
    return chunks_by(ops.unsafe_split, ops.unsafe_split_with_sizes, self, chunks, dim)


# ---- copies ----
def _copied(view):
    """Body of `<view>_copy`: the view's elements in fresh dense tensors."""
    def body(self, *args):
        found = getattr(ops, view)(self, *args)
        if isinstance(found, (tuple, list)):
            return tuple(piece.clone(memory_format=ops.contiguous_format) for piece in found)
        return found.clone(memory_format=ops.contiguous_format)
    return body


(alias_copy, as_strided_copy, detach_copy, diagonal_copy, narrow_copy, permute_copy, select_copy, slice_copy, t_copy, transpose_copy, unfold_copy,
 unsqueeze_copy, view_copy, view_as_complex_copy, view_as_real_copy, split_copy, split_with_sizes_copy, unbind_copy, squeeze_dim_copy) = map(_copied, (
     "alias", "as_strided", "detach", "diagonal", "narrow", "permute", "select", "slice", "t", "transpose", "unfold",
     "unsqueeze", "view", "view_as_complex", "view_as_real", "split", "split_with_sizes", "unbind", "squeeze"))
squeeze_copy, view_dtype_copy = squeeze_dim_copy, view_copy


def expand_copy(self, size, implicit):
    return self.expand(size).clone(memory_format=ops.contiguous_format)
