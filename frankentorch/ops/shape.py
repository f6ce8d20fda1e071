"""Kernels and bodies of optable/shape.py: views, copies and joins."""
from frankentorch import ops
from frankentorch._ext import create, elementwise, views
from frankentorch._ext.dtype import contiguous_format, preserve_format


def wrap_dim(dim, ndim):
    """A dim in [0, ndim); a 0-d tensor counts as 1-d. IndexError outside."""
    n = max(ndim, 1)
    if not -n <= dim < n:
        raise IndexError(f"Dimension out of range (expected to be in range of [{-n}, {n - 1}], but got {dim})")
    return dim % n


def real(self):
    return views.part_of_complex(self, 0) if self.is_complex() else self


def imag(self):
    if not self.is_complex():
        raise RuntimeError("imag is not implemented for tensors with non-complex dtypes.")
    return views.part_of_complex(self, 1)


def narrow(self, dim, start, length):
    if isinstance(start, ops.Tensor):
        if start.dim() or start.is_floating_point() or start.is_complex() or start.dtype is ops.bool:
            raise RuntimeError(f"start must be an 0-dim integral Tensor, not {start.dtype} of shape {list(start.shape)}")
        start = start.item()
    elif isinstance(start, bool) or not hasattr(start, "__index__"):
        raise TypeError(f"narrow(): argument 'start' (position 2) must be int, not {type(start).__name__}")
    elif not -(1 << 63) <= start < 1 << 63:
        raise ValueError(f"Overflow when unpacking long long: {start}")
    if self.dim() == 0:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    if length < 0:
        raise RuntimeError(f"narrow(): length must be non-negative, got {length}")
    dim = wrap_dim(dim, self.dim())
    size = self.size(dim)
    if not -size <= start <= size:
        raise IndexError(f"start out of range (expected to be in range of [{-size}, {size}], but got {start})")
    start += size if start < 0 else 0
    if start > size - length:
        raise RuntimeError(f"start ({start}) + length ({length}) exceeds dimension size ({size}).")
    return ops.slice(self, dim, start, start + length)


def squeeze_all(self):
    return views.squeeze(self, None)


def squeeze_dim(self, dim):
    return views.squeeze(self, (dim,))


def squeeze_dims(self, dim):
    return views.squeeze(self, dim)


def split_with_sizes(self, split_sizes, dim):
    return ops.split(self, split_sizes, dim)


def chunk(self, chunks, dim):
    return chunks_by(ops.split, ops.split, self, chunks, dim)


def chunks_by(split, split_with_sizes, self, chunks, dim):
    if self.dim() == 0:
        raise RuntimeError("chunk expects at least a 1-dimensional tensor")
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    dim = wrap_dim(dim, self.dim())
    size = self.size(dim)
    length = -(-size // chunks)
    if length == 0:
        return split_with_sizes(self, (0,) * chunks, dim)
    return split(self, length, dim)


def tensor_split(self, indices_or_sections, dim):
    if self.dim() == 0:
        raise RuntimeError("tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims")
    dim = wrap_dim(dim, self.dim())
    size = self.size(dim)
    if isinstance(indices_or_sections, ops.Tensor):
        if indices_or_sections.dim() > 1 or indices_or_sections.dtype is not ops.int64:
            raise RuntimeError("tensor_split expected tensor_indices_or_sections to be a zero-dimensional or one-dimensional long tensor")
        indices_or_sections = indices_or_sections.tolist()
    if isinstance(indices_or_sections, int):
        if indices_or_sections <= 0:
            raise RuntimeError(f"number of sections must be larger than 0, got {indices_or_sections}")
        length, extra = divmod(size, indices_or_sections)
        lengths = [length + 1] * extra + [length] * (indices_or_sections - extra)
        places = [sum(lengths[:i]) for i in range(1, len(lengths))]
    else:
        places = list(indices_or_sections)
    bounds = [0, *places, size]
    return tuple(ops.slice(self, dim, start, end) for start, end in zip(bounds[:-1], bounds[1:]))


def reshape(self, shape):
    fits, sizes = views.reshape_alias(self, shape)
    return ops.view(self if fits else ops.clone(self, memory_format=contiguous_format), sizes)


def flatten(self, start_dim, end_dim):
    start, end = wrap_dim(start_dim, self.dim()), wrap_dim(end_dim, self.dim())
    if start > end:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    if self.dim() == 0:
        return reshape(self, (1,))
    if start == end:
        return self
    sizes = self.shape
    joined = 1
    for size in sizes[start:end + 1]:
        joined *= size
    return reshape(self, (*sizes[:start], joined, *sizes[end + 1:]))


def unflatten(self, dim, sizes):
    dim = wrap_dim(dim, self.dim())
    if not sizes:
        raise RuntimeError("unflatten: sizes must be non-empty")
    known = 1
    for size in sizes:
        known *= size if size != -1 else 1
    if (-1 not in sizes and known != self.size(dim)) or (-1 in sizes and (known == 0 or self.size(dim) % known)):
        raise RuntimeError(f"unflatten: Provided sizes {list(sizes)} don't multiply up to the size of dim {dim} ({self.size(dim)}) in the input tensor")
    return ops.view(self, (*self.shape[:dim], *sizes, *self.shape[dim + 1:]))


def movedim(self, source, destination):
    if len(source) != len(destination):
        raise RuntimeError(f"movedim: Invalid source or destination dims: source ({list(source)} dims) should contain the same number of dims as destination ({list(destination)} dims)")
    n = self.dim()
    source, destination = [wrap_dim(d, n) for d in source], [wrap_dim(d, n) for d in destination]
    for name, dims in (("source", source), ("destination", destination)):
        if len(set(dims)) != len(dims):
            raise RuntimeError(f"movedim: repeated dim in `{name}` ({dims})")
    if n == 0:
        return ops.alias(self)
    order = [None] * n
    for s, d in zip(source, destination):
        order[d] = s
    rest = iter(d for d in range(n) if d not in source)
    return ops.permute(self, tuple(next(rest) if d is None else d for d in order))


def ravel(self):
    return reshape(contiguous(self, contiguous_format), (-1,))


def view_as(self, other):
    return ops.view(self, other.shape)


def expand_as(self, other):
    return ops.expand(self, other.shape)


def reshape_as(self, other):
    return reshape(self, tuple(other.shape))


def broadcast_to(self, size):
    return ops.expand(self, size)


def conj(self):
    return ops._conjugate(self) if self.is_complex() else self


def itself(self):
    return self


def adjoint(self):
    if self.dim() < 2:
        raise RuntimeError(f"tensor.adjoint() is only supported on matrices or batches of matrices. Got {self.dim()}-D tensor.")
    return conj(ops.transpose(self, -2, -1))


# ---- the tensor object takes another geometry ----
def transpose_(self, dim0, dim1):
    return views.adopt(self, ops.transpose(self, dim0, dim1))


def t_(self):
    return views.adopt(self, ops.t(self))


def squeeze_(self, dim):
    return views.adopt(self, ops.squeeze(self) if dim is None else ops.squeeze(self, dim))


def unsqueeze_(self, dim):
    return views.adopt(self, ops.unsqueeze(self, dim))


def as_strided_(self, size, stride, storage_offset):
    return views.adopt(self, ops.as_strided(self, size, stride, storage_offset))


# ---- copies ----
def clone(self, memory_format):
    return create.cast_copy(self, None, 0 if memory_format is None else memory_format.tag)


def contiguous(self, memory_format):
    if memory_format is None:
        memory_format = contiguous_format
    if memory_format is preserve_format:
        raise RuntimeError("preserve memory format is unsupported by the contiguous operator")
    if self.is_contiguous(memory_format=memory_format):
        return self
    return ops.clone(self, memory_format=memory_format)


def to_copy(self, dtype, device, memory_format):
    meta = self.is_meta if device is None else device.is_meta
    if self.is_meta and not meta:
        raise NotImplementedError("Cannot copy out of meta tensor; no data! Please use torch.nn.Module.to_empty() instead of torch.nn.Module.to() when moving module from meta to a different device.")
    out = create.empty_like(self, dtype, meta, 0 if memory_format is None else memory_format.tag)
    return out if meta else create.copy(out, self)


def suggested_format(self):
    """The memory format a tensor's strides suggest: a channels_last one, else contiguous."""
    for tag, rank in ((2, 4), (3, 5)):
        if self.dim() == rank and self.is_contiguous(memory_format=FORMATS[tag]) and not self.is_contiguous():
            return FORMATS[tag]
    return contiguous_format


def _to(self, dtype, device, copy, memory_format):
    same = (dtype is None or dtype is self.dtype) and (device is None or device.is_meta == self.is_meta)
    if same and not copy and (memory_format is None or memory_format in (preserve_format, suggested_format(self))):
        return self
    return ops._to_copy(self, dtype=dtype, device=device, memory_format=memory_format)


def to_dtype(self, dtype, non_blocking, copy, memory_format):
    return _to(self, dtype, None, copy, memory_format)


def to_device(self, device, dtype, non_blocking, copy, memory_format):
    return _to(self, dtype, device, copy, memory_format)


def to_other(self, other, non_blocking, copy, memory_format):
    return _to(self, other.dtype, other.device, copy, memory_format)


def copy_(self, src, non_blocking):
    if self.is_meta and src.shape != self.shape:
        ops.expand(src, self.shape)
    return ops._copy_(self, src)


def fill(self, value):
    if isinstance(value, ops.Tensor):
        if value.dim():
            raise RuntimeError(f"fill_ only supports 0-dimension value tensor but got tensor with {value.dim()} dimensions.")
        return create.copy(self, value)
    return create.fill(self, value)


def zero(self):
    return create.fill(self, 0)


def repeat(self, repeats):
    extra = len(repeats) - self.dim()
    if extra < 0:
        raise RuntimeError("Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor")
    if any(r < 0 for r in repeats):
        raise RuntimeError(f"Trying to create tensor with negative dimension: repeat dims {list(repeats)}")
    sizes = (1,) * extra + tuple(self.shape)
    spread = ops.view(contiguous(self, contiguous_format), tuple(v for size in sizes for v in (1, size)))
    spread = ops.expand(spread, tuple(v for size, r in zip(sizes, repeats) for v in (r, size)))
    return ops.view(ops.clone(spread, memory_format=contiguous_format), tuple(size * r for size, r in zip(sizes, repeats)))


def tile(self, dims):
    return repeat(self, (1,) * max(0, self.dim() - len(dims)) + tuple(dims))


def cat(tensors, dim):
    if not tensors:
        raise ValueError("torch.cat(): expected a non-empty list of Tensors")
    to = elementwise.result_type_of(tensors)
    kept = [t for t in tensors if not (t.dim() == 1 and t.size(0) == 0)] or [tensors[0]]
    for i, t in enumerate(tensors):
        if t.dim() == 0:
            raise RuntimeError(f"zero-dimensional tensor (at position {i}) cannot be concatenated")
    first = kept[0]
    dim = wrap_dim(dim, first.dim())
    for i, t in enumerate(kept):
        if t.dim() != first.dim():
            raise RuntimeError(f"Tensors must have same number of dimensions: got {first.dim()} and {t.dim()}")
        for d in range(first.dim()):
            if d != dim and t.size(d) != first.size(d):
                raise RuntimeError(f"Sizes of tensors must match except in dimension {dim}. Expected size {first.size(d)} but got size {t.size(d)} for tensor number {i} in the list.")
    sizes = list(first.shape)
    sizes[dim] = sum(t.size(dim) for t in kept)
    format = 1
    for tag, fits in ((2, first.dim() == 4), (3, first.dim() == 5)):
        if fits and all(t.is_contiguous(memory_format=FORMATS[tag]) and not t.is_contiguous() for t in kept):
            format = tag
    out = create.empty(tuple(sizes), to, first.is_meta, format)
    start = 0
    for t in kept:
        create.copy(views.narrow(out, dim, start, t.size(dim)), t)
        start += t.size(dim)
    return out


FORMATS = {2: ops.channels_last, 3: ops.channels_last_3d}


def stack(tensors, dim):
    if not tensors:
        raise RuntimeError("stack expects a non-empty TensorList")
    first = tensors[0]
    for i, t in enumerate(tensors):
        if t.shape != first.shape:
            raise RuntimeError(f"stack expects each tensor to be equal size, but got {list(first.shape)} at entry 0 and {list(t.shape)} at entry {i}")
    dim = wrap_dim(dim, first.dim() + 1)
    sizes = (*first.shape[:dim], len(tensors), *first.shape[dim:])
    out = create.empty(sizes, elementwise.result_type_of(tensors), first.is_meta, 1)
    for i, t in enumerate(tensors):
        create.copy(views.select(out, dim, i), t)
    return out


def flip(self, dims):
    wrapped = [wrap_dim(d, self.dim()) for d in dims]
    if len(set(wrapped)) != len(wrapped):
        raise RuntimeError(f"dim {wrapped[0]} appears multiple times in the list of dims")
    return views.flipped(self, tuple(wrapped))


def roll(self, shifts, dims):
    if not dims:
        if len(shifts) != 1:
            raise RuntimeError(f"shifts and dimensions must align. shifts: {len(shifts)}, dims:0")
        return ops.view(roll(reshape(self, (-1,)), shifts, (0,)), self.shape)
    if len(shifts) != len(dims):
        raise RuntimeError(f"shifts and dimensions must align. shifts: {len(shifts)}, dims:{len(dims)}")
    out = self
    for shift, dim in zip(shifts, dims):
        if self.dim() == 0:
            raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
        dim = wrap_dim(dim, self.dim())
        if self.size(dim) == 0:
            continue
        out = ops._rolled(out, shift, dim)
    return ops.clone(out) if out is self else out


def rolled(self, shift, dim):
    """roll along one dim of a tensor of any layout, 0 <= shift <= its size."""
    keep = self.size(dim) - shift
    return cat((views.narrow(self, dim, keep, shift), views.narrow(self, dim, 0, keep)), dim)


def tril(self, diagonal):
    return views.triangle(self, diagonal, False)


def triu(self, diagonal):
    return views.triangle(self, diagonal, True)


def broadcast_tensors(tensors):
    sizes = broadcast_shape([t.shape for t in tensors])
    return tuple(ops.expand(t, sizes) for t in tensors)


def broadcast_shape(shapes):
    """Common shape of several; RuntimeError naming the sizes that clash."""
    out = []
    for shape in shapes:
        out = [1] * (len(shape) - len(out)) + out
        for i in range(1, len(shape) + 1):
            if shape[-i] != 1 and out[-i] != 1 and shape[-i] != out[-i]:
                raise RuntimeError(f"The size of tensor a ({out[-i]}) must match the size of tensor b ({shape[-i]}) at non-singleton dimension {len(out) - i}")
            out[-i] = shape[-i] if shape[-i] != 1 else out[-i]
    return tuple(out)


def block_diag(tensors):
    matrices = [reshape(t, (1, -1)) if t.dim() < 2 else t for t in tensors]
    for i, t in enumerate(matrices):
        if t.dim() > 2:
            raise RuntimeError(f"torch.block_diag: Input tensors must have 2 or fewer dimensions. Input {i} has {t.dim()} dimensions")
    width = sum(t.size(1) for t in matrices)
    if matrices and not ops.differentiated(*matrices) and all(t.dtype is matrices[0].dtype and not t.is_meta for t in matrices):
        out, top, left = ops.zeros((sum(t.size(0) for t in matrices), width), dtype=matrices[0].dtype), 0, 0
        for t in matrices:
            if t.numel():
                create.copy(views.narrow(views.narrow(out, 0, top, t.size(0)), 1, left, t.size(1)), t)
            top, left = top + t.size(0), left + t.size(1)
        return out
    rows, left = [], 0
    for t in matrices:
        before, after = ops.zeros((t.size(0), left), dtype=t.dtype), ops.zeros((t.size(0), width - left - t.size(1)), dtype=t.dtype)
        rows.append(ops.cat((before, t, after), 1))
        left += t.size(1)
    return ops.cat(tuple(rows), 0)


def cartesian_prod(tensors):
    if len(tensors) == 1:
        return tensors[0]
    grids = ops.meshgrid(tuple(tensors), indexing="ij")
    return ops.stack(tuple(reshape(g, (-1,)) for g in grids), 1)


def at_least(self, ndim):
    while self.dim() < ndim:
        self = ops.unsqueeze(self, 0 if self.dim() < 2 else -1)
    return self


def atleast_1d(self):
    return at_least(self, 1)


def atleast_2d(self):
    return at_least(self, 2)


def atleast_3d(self):
    return ops.unsqueeze(at_least(self, 2), -1) if self.dim() < 3 else self


def atleast_1d_all(tensors):
    return tuple(atleast_1d(t) for t in tensors)


def atleast_2d_all(tensors):
    return tuple(atleast_2d(t) for t in tensors)


def atleast_3d_all(tensors):
    return tuple(atleast_3d(t) for t in tensors)


def check_any(tensors, name):
    if not tensors:
        raise RuntimeError(f"{name} expects a non-empty TensorList")


def hstack(tensors):
    check_any(tensors, "hstack")
    made = [atleast_1d(t) for t in tensors]
    return ops.cat(tuple(made), 0 if made and made[0].dim() == 1 else 1)


def vstack(tensors):
    check_any(tensors, "vstack")
    return ops.cat(tuple(atleast_2d(t) for t in tensors), 0)


def dstack(tensors):
    check_any(tensors, "dstack")
    return ops.cat(tuple(atleast_3d(t) for t in tensors), 2)
