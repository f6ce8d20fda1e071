# cython: language_level=3, boundscheck=False, wraparound=False
# cython: cdivision=True, initializedcheck=False
# View kernels: new sizes and strides over the same storage. Derived views (transpose, select, slice …) stay inside their
# source by construction; as_strided is checked against the storage.
from libc.string cimport memcpy, memset
from frankentorch._ext.types cimport *
from frankentorch._ext.dtype cimport dtype, dtype_of, ITEMSIZE, to_real_code, is_complex_code
from frankentorch._ext.tensor cimport *
from frankentorch._ext.elementwise cimport copy_into
from frankentorch._ext.engine cimport bump, check_inplace
from frankentorch._ext.iterate cimport copy_strided
from frankentorch._ext.dispatch cimport Overload
from cpython.ref cimport PyObject


cdef Py_ssize_t wrap(Py_ssize_t dim, int ndim, str name) except -1:
    """A dim in [0, ndim); a 0-d tensor counts as 1-d."""
    cdef int n = ndim if ndim > 0 else 1
    if dim < -n or dim >= n:
        raise IndexError(f"Dimension out of range (expected to be in range of [{-n}, {n - 1}], but got {dim})")
    return dim + n if dim < 0 else dim


cdef int read_sizes(tuple values, Py_ssize_t* into, str name) except -1:
    cdef int i, n = len(values)
    if n > MAX_DIMS:
        raise RuntimeError(f"{name}: only tensors with up to {MAX_DIMS} dims are supported, not {n}")
    for i in range(n):
        try:
            into[i] = values[i]
        except OverflowError:
            raise RuntimeError(f"{name}: size {values[i]} does not fit 64 bits: Overflow when unpacking long") from None
    return n


cdef int infer_sizes(tuple shape, Py_ssize_t numel, Py_ssize_t* sizes, str name) except -1:
    """Read a shape with at most one -1; returns ndim. RuntimeError when the element counts disagree."""
    cdef int n = read_sizes(shape, sizes, name), i, hole = -1
    cdef Py_ssize_t known = 1
    for i in range(n):
        if sizes[i] == -1:
            if hole >= 0:
                raise RuntimeError("only one dimension can be inferred")
            hole = i
        elif sizes[i] < 0:
            raise RuntimeError(f"invalid shape dimension {sizes[i]}: shape '{list(shape)}'")
        else:
            if sizes[i] and known > (<Py_ssize_t> 1 << 62) // sizes[i]:
                raise RuntimeError(f"shape '{list(shape)}' is invalid for input of size {numel}: it overflows")
            known *= sizes[i]
    if hole >= 0:
        if known == 0:
            if numel == 0:
                raise RuntimeError(f"cannot reshape tensor of 0 elements into shape {list(shape)} because the unspecified dimension size -1 can be any value and is ambiguous")
            raise RuntimeError(f"shape '{list(shape)}' is invalid for input of size {numel}")
        if numel % known:
            raise RuntimeError(f"shape '{list(shape)}' is invalid for input of size {numel}")
        sizes[hole] = numel // known
    elif known != numel:
        raise RuntimeError(f"shape '{list(shape)}' is invalid for input of size {numel}")
    return n


cdef bint view_strides(Tensor t, int ndim, const Py_ssize_t* sizes, Py_ssize_t* strides) noexcept:
    """Strides that show `t`'s elements in the new shape without a copy; False when there are none.

    Old dims are taken in runs that are contiguous among themselves; each run must be cut up by whole new dims.
    """
    cdef int old = t.rank - 1, new = ndim - 1
    cdef Py_ssize_t run_numel, base, view_numel
    if t.count == 0:
        contiguous_strides(ndim, sizes, strides)
        if ndim == t.rank:
            for old in range(ndim):
                if sizes[old] != t.sizes[old]:
                    return True
            memcpy(strides, t.strides, ndim * sizeof(Py_ssize_t))
        return True
    if t.rank == 0:
        for new in range(ndim):
            strides[new] = 1
        return True
    base = t.strides[t.rank - 1]
    run_numel = 1
    view_numel = 1
    for old in range(t.rank - 1, -1, -1):
        run_numel *= t.sizes[old]
        if old == 0 or (t.sizes[old - 1] != 1 and t.strides[old - 1] != run_numel * base):
            while new >= 0 and (view_numel < run_numel or sizes[new] == 1):
                strides[new] = view_numel * base
                view_numel *= sizes[new]
                new -= 1
            if view_numel != run_numel:
                return False
            if old > 0:
                base = t.strides[old - 1]
                run_numel = 1
                view_numel = 1
    return new == -1


cpdef object view(Tensor self, tuple size):
    """Alias in another shape; RuntimeError when its strides do not allow it."""
    cdef Py_ssize_t sizes[64]
    cdef Py_ssize_t strides[64]
    cdef int n = infer_sizes(size, self.count, sizes, "view")
    if not view_strides(self, n, sizes, strides):
        raise RuntimeError(f"view size is not compatible with input tensor's size and stride (at least one dimension spans across two contiguous subspaces): "
                           f"{describe(self)} to {list(size)}. Use .reshape(...) instead.")
    return new_view(self, n, sizes, strides, self.offset)


def reshape_alias(Tensor self, tuple shape):
    """(alias, None) when a view will do, else (None, the shape with -1 filled in)."""
    cdef Py_ssize_t sizes[64]
    cdef Py_ssize_t strides[64]
    cdef int n = infer_sizes(shape, self.count, sizes, "reshape")
    cdef int i
    if view_strides(self, n, sizes, strides):
        return True, tuple([sizes[i] for i in range(n)])
    return False, tuple([sizes[i] for i in range(n)])


def view_dtype(Tensor self, dtype to):
    """The same bytes as another dtype; the last dim grows or shrinks with the item size."""
    cdef Py_ssize_t sizes[64]
    cdef Py_ssize_t strides[64]
    cdef int old = ITEMSIZE[self.code], new = ITEMSIZE[to.code], i, last = self.rank - 1
    cdef Tensor out
    cdef Py_ssize_t offset = self.offset, ratio
    memcpy(sizes, self.sizes, self.rank * sizeof(Py_ssize_t))
    memcpy(strides, self.strides, self.rank * sizeof(Py_ssize_t))
    if old != new:
        if self.rank == 0:
            raise RuntimeError(f"self.dim() cannot be 0 to view {dtype_of(self.code).name} as {to.name} (different element sizes)")
        if strides[last] != 1 and sizes[last] != 1:
            raise RuntimeError(f"self.stride(-1) must be 1 to view {dtype_of(self.code).name} as {to.name} (different element sizes), but got {strides[last]}")
        if old > new:
            ratio = old // new
            sizes[last] *= ratio
            offset *= ratio
            for i in range(last):
                strides[i] *= ratio
        else:
            ratio = new // old
            if sizes[last] % ratio:
                raise RuntimeError(f"self.size(-1) must be divisible by {ratio} to view {dtype_of(self.code).name} as {to.name} (different element sizes), but got {sizes[last]}")
            if offset % ratio:
                raise RuntimeError(f"self.storage_offset() must be divisible by {ratio} to view {dtype_of(self.code).name} as {to.name} (different element sizes), but got {offset}")
            for i in range(last):
                if strides[i] % ratio:
                    raise RuntimeError(f"self.stride({i}) must be divisible by {ratio} to view {dtype_of(self.code).name} as {to.name} (different element sizes), but got {strides[i]}")
                strides[i] //= ratio
            sizes[last] //= ratio
            offset //= ratio
        strides[last] = 1
    out = new_view(self, self.rank, sizes, strides, offset)
    out.code = to.code
    return out


def view_as_real(Tensor self):
    """(…, 2) real view of a complex tensor."""
    cdef Py_ssize_t sizes[64]
    cdef Py_ssize_t strides[64]
    cdef int i
    cdef Tensor out
    if not is_complex_code(self.code):
        raise RuntimeError(f"view_as_real is only supported for complex tensors, not {describe(self)}")
    for i in range(self.rank):
        sizes[i] = self.sizes[i]
        strides[i] = 2 * self.strides[i]
    sizes[self.rank] = 2
    strides[self.rank] = 1
    out = new_view(self, self.rank + 1, sizes, strides, 2 * self.offset)
    out.code = to_real_code(self.code)
    return out


def view_as_complex(Tensor self):
    """Complex view of a real (…, 2) tensor."""
    cdef Py_ssize_t strides[64]
    cdef int i
    cdef Tensor out
    if self.code != F32 and self.code != F64:
        raise RuntimeError(f"view_as_complex is only supported for half, float and double tensors, but got a tensor of scalar type: {dtype_of(self.code).name}")
    if self.rank == 0 or self.sizes[self.rank - 1] != 2:
        raise RuntimeError(f"Tensor must have a last dimension of size 2: {describe(self)}")
    if self.strides[self.rank - 1] != 1:
        raise RuntimeError("Tensor must have a last dimension with stride 1")
    for i in range(self.rank - 1):
        if self.strides[i] & 1:
            raise RuntimeError(f"Tensor must have a stride divisible by 2 for all but last dimension: {describe(self)}")
        strides[i] = self.strides[i] // 2
    if self.offset & 1:
        raise RuntimeError("Tensor must have a storage_offset divisible by 2")
    out = new_view(self, self.rank - 1, self.sizes, strides, self.offset // 2)
    out.code = C64 if self.code == F32 else C128
    return out


def part_of_complex(Tensor self, int part):
    """Real (0) or imaginary (1) part as a view."""
    cdef Py_ssize_t strides[64]
    cdef int i
    cdef Tensor out
    for i in range(self.rank):
        strides[i] = 2 * self.strides[i]
    out = new_view(self, self.rank, self.sizes, strides, 2 * self.offset + part)
    out.code = to_real_code(self.code)
    finish(out)
    return out


def as_strided(Tensor self, tuple size, tuple stride, storage_offset):
    """Any view of the storage that fits inside it."""
    cdef Py_ssize_t sizes[64]
    cdef Py_ssize_t strides[64]
    cdef int n = read_sizes(size, sizes, "as_strided"), i
    cdef Py_ssize_t offset = self.offset if storage_offset is None else storage_offset
    if read_sizes(stride, strides, "as_strided") != n:
        raise RuntimeError(f"mismatch in length of strides and shape: {list(stride)} against {list(size)}")
    check_view_fits(self.storage, self.code, n, sizes, strides, offset)
    if special_bits & 8 and overlaps_itself(n, sizes, strides):          # dispatch.BIT_HARDENED
        raise RuntimeError(f"as_strided: sizes {list(size)} and strides {list(stride)} show some elements twice. Hardened mode refuses overlapping views; expand() says openly that it repeats")
    return new_view(self, n, sizes, strides, offset)


cdef bint overlaps_itself(int n, const Py_ssize_t* sizes, const Py_ssize_t* strides) noexcept:
    """Whether some element may be met twice: from the smallest stride up, each must step over all that lies below it."""
    cdef int i, k, best
    cdef Py_ssize_t reach = 0
    cdef unsigned long long done = 0
    for i in range(n):
        if sizes[i] == 0:
            return False
    for k in range(n):
        best = -1
        for i in range(n):
            if not done >> i & 1 and (best < 0 or strides[i] < strides[best]):
                best = i
        done |= <unsigned long long> 1 << best
        if sizes[best] > 1:
            if strides[best] <= reach:
                return True
            reach += (sizes[best] - 1) * strides[best]
    return False


def expand(Tensor self, tuple size, implicit=False):
    """Repeat size-1 dims (and new leading ones) without copying; -1 keeps a size."""
    cdef Py_ssize_t sizes[64]
    cdef Py_ssize_t strides[64]
    cdef int n = read_sizes(size, sizes, "expand"), shift = len(size) - self.rank, d
    if shift < 0:
        raise RuntimeError(f"expand({describe(self)}, size={list(size)}): the number of sizes provided ({n}) must be greater or equal to the number of dimensions in the tensor ({self.rank})")
    for d in range(n):
        if d < shift:
            if sizes[d] < 0:
                raise RuntimeError(f"expand({describe(self)}, size={list(size)}): the expanded size of the tensor ({sizes[d]}) isn't allowed in a leading, non-existing dimension {d}")
            strides[d] = (sizes[d + 1] * 0)
            continue
        if sizes[d] == -1:
            sizes[d] = self.sizes[d - shift]
        if sizes[d] < 0:
            raise RuntimeError(f"expand({describe(self)}, size={list(size)}): negative size {sizes[d]}")
        if self.sizes[d - shift] == sizes[d]:
            strides[d] = self.strides[d - shift]
        elif self.sizes[d - shift] == 1:
            strides[d] = 0
        else:
            raise RuntimeError(f"The expanded size of the tensor ({sizes[d]}) must match the existing size ({self.sizes[d - shift]}) at non-singleton dimension {d}. "
                               f"Target sizes: {list(size)}. Tensor sizes: {list(sizes_tuple(self))}")
    for d in range(shift - 1, -1, -1):       # a new dim of size 1 steps over the rest, as the oracle's strides do
        strides[d] = 0 if sizes[d] != 1 else (sizes[d + 1] * strides[d + 1] if d + 1 < n else 1)
    checked_numel(n, sizes)
    return new_view(self, n, sizes, strides, self.offset)


def permute(Tensor self, tuple dims):
    """Dims in another order."""
    cdef Py_ssize_t sizes[64]
    cdef Py_ssize_t strides[64]
    cdef bint seen[64]
    cdef int i, d
    if len(dims) != self.rank:
        raise RuntimeError(f"permute(sparse_coo): number of dimensions in the tensor input does not match the length of the desired ordering of dimensions i.e. "
                           f"input.dim() = {self.rank} is not equal to len(dims) = {len(dims)}")
    for i in range(self.rank):
        seen[i] = False
    for i in range(self.rank):
        d = wrap(dims[i], self.rank, "permute")
        if seen[d]:
            raise RuntimeError(f"permute(): duplicate dims are not allowed: {list(dims)}")
        seen[d] = True
        sizes[i] = self.sizes[d]
        strides[i] = self.strides[d]
    return new_view(self, self.rank, sizes, strides, self.offset)


cpdef object transpose(Tensor self, Py_ssize_t dim0, Py_ssize_t dim1):
    """Two dims swapped."""
    cdef Tensor out
    cdef Py_ssize_t a = wrap(dim0, self.rank, "transpose"), b = wrap(dim1, self.rank, "transpose")
    cdef Py_ssize_t sizes[64]
    cdef Py_ssize_t strides[64]
    memcpy(sizes, self.sizes, self.rank * sizeof(Py_ssize_t))
    memcpy(strides, self.strides, self.rank * sizeof(Py_ssize_t))
    if self.rank:
        sizes[a], sizes[b] = sizes[b], sizes[a]
        strides[a], strides[b] = strides[b], strides[a]
    return new_view(self, self.rank, sizes, strides, self.offset)


cpdef object t(Tensor self):
    """Transpose of a matrix; vectors and scalars as they are."""
    if self.rank > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {self.rank}D")
    return transpose(self, 0, 0 if self.rank < 2 else 1)


cdef Tensor select_raw(Tensor self, Py_ssize_t dim, Py_ssize_t index):
    """One position of one dim, the dim dropped. Bounds checked by the caller."""
    cdef Tensor out = alloc_tensor(self.rank - 1)
    cdef int i, k = 0
    for i in range(self.rank):
        if i != dim:
            out.sizes[k] = self.sizes[i]
            out.strides[k] = self.strides[i]
            k += 1
    out.code = self.code
    out.storage = self.storage
    out.offset = self.offset + index * self.strides[dim]
    out.flags = self.flags & (META | INFERENCE)
    finish(out)
    return out


cpdef object select(Tensor self, Py_ssize_t dim, Py_ssize_t index):
    """One position of one dim."""
    cdef Py_ssize_t size
    if self.rank == 0:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    dim = wrap(dim, self.rank, "select")
    size = self.sizes[dim]
    if index < -size or index >= size:
        raise IndexError(f"select(): index {index} out of range for tensor of size {list(sizes_tuple(self))} at dimension {dim}")
    return select_raw(self, dim, index + size if index < 0 else index)


cdef Tensor slice_raw(Tensor self, Py_ssize_t dim, Py_ssize_t start, Py_ssize_t stop, Py_ssize_t step):
    """Positions start, start + step, … before stop; bounds are clamped."""
    cdef Tensor out
    cdef Py_ssize_t size = self.sizes[dim], n
    if start < 0:
        start += size
    if stop < 0:
        stop += size
    start = 0 if start < 0 else size if start > size else start
    stop = start if stop < start else size if stop > size else stop
    n = (stop - start + step - 1) // step
    out = new_view(self, self.rank, self.sizes, self.strides, self.offset + start * self.strides[dim])
    out.sizes[dim] = n
    out.strides[dim] = self.strides[dim] * step
    finish(out)
    return out


def slice_(Tensor self, Py_ssize_t dim, start, end, Py_ssize_t step):
    """Python's slice of one dim; step must be positive."""
    if self.rank == 0:
        raise RuntimeError("slice() cannot be applied to a 0-dim tensor.")
    if step <= 0:
        raise RuntimeError("slice step must be positive")
    dim = wrap(dim, self.rank, "slice")
    return slice_raw(self, dim, 0 if start is None else clamp_index(start), (<Py_ssize_t> 1 << 62) if end is None else clamp_index(end), step)


cdef Py_ssize_t clamp_index(object value) except? -1:
    """A Python int of any size as an index: beyond 2^62 all are alike."""
    if value > 1 << 62:
        return <Py_ssize_t> 1 << 62
    if value < -(1 << 62):
        return -(<Py_ssize_t> 1 << 62)
    return value


def narrow(Tensor self, Py_ssize_t dim, Py_ssize_t start, Py_ssize_t length):
    """`length` positions of one dim from `start`."""
    cdef Py_ssize_t size
    if self.rank == 0:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    dim = wrap(dim, self.rank, "narrow")
    size = self.sizes[dim]
    if length < 0:
        raise RuntimeError(f"narrow(): length must be non-negative, got {length}")
    if start < -size or start > size:
        raise IndexError(f"start out of range (expected to be in range of [{-size}, {size}], but got {start})")
    if start < 0:
        start += size
    if start > size - length:
        raise RuntimeError(f"start ({start}) + length ({length}) exceeds dimension size ({size}).")
    return slice_raw(self, dim, start, start + length, 1)


def squeeze(Tensor self, dims):
    """Without dims of size 1: all of them (None), or those of `dims` that have size 1."""
    cdef Py_ssize_t sizes[64]
    cdef Py_ssize_t strides[64]
    cdef bint drop[64]
    cdef int i, k = 0
    for i in range(self.rank):
        drop[i] = dims is None and self.sizes[i] == 1
    if dims is not None:
        seen = set()
        for d in dims:
            i = wrap(d, self.rank, "squeeze")
            if i in seen:
                raise RuntimeError(f"dim {i} appears multiple times in the list of dims")
            seen.add(i)
            if self.rank and self.sizes[i] == 1:
                drop[i] = True
    for i in range(self.rank):
        if not drop[i]:
            sizes[k] = self.sizes[i]
            strides[k] = self.strides[i]
            k += 1
    return new_view(self, k, sizes, strides, self.offset)


cpdef object unsqueeze(Tensor self, Py_ssize_t dim):
    """A dim of size 1 put in before `dim`."""
    cdef Py_ssize_t sizes[66]
    cdef Py_ssize_t strides[66]
    cdef int i, d = wrap(dim, self.rank + 1, "unsqueeze")
    if self.rank == MAX_DIMS:
        raise RuntimeError(f"unsqueeze: only tensors with up to {MAX_DIMS} dims are supported")
    for i in range(d):
        sizes[i] = self.sizes[i]
        strides[i] = self.strides[i]
    sizes[d] = 1
    strides[d] = self.sizes[d] * self.strides[d] if d < self.rank else 1
    for i in range(d, self.rank):
        sizes[i + 1] = self.sizes[i]
        strides[i + 1] = self.strides[i]
    return new_view(self, self.rank + 1, sizes, strides, self.offset)


def diagonal(Tensor self, Py_ssize_t offset, Py_ssize_t dim1, Py_ssize_t dim2):
    """The diagonal of two dims as a last dim."""
    cdef Py_ssize_t sizes[64]
    cdef Py_ssize_t strides[64]
    cdef Py_ssize_t a = wrap(dim1, self.rank, "diagonal"), b = wrap(dim2, self.rank, "diagonal"), n, start = self.offset
    cdef int i, k = 0
    if self.rank < 2 or a == b:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}" if self.rank >= 2 else f"diagonal needs at least 2 dims, got {self.rank}")
    if offset >= 0:
        n = min(self.sizes[a], self.sizes[b] - offset)
    else:
        n = min(self.sizes[a] + offset, self.sizes[b])
    n = n if n > 0 else 0
    if n:
        start += offset * self.strides[b] if offset >= 0 else -offset * self.strides[a]
    for i in range(self.rank):
        if i != a and i != b:
            sizes[k] = self.sizes[i]
            strides[k] = self.strides[i]
            k += 1
    sizes[k] = n
    strides[k] = self.strides[a] + self.strides[b]
    return new_view(self, k + 1, sizes, strides, start)


def unfold(Tensor self, Py_ssize_t dimension, Py_ssize_t size, Py_ssize_t step):
    """Windows of `size` along a dim, `step` apart, as a last dim."""
    cdef Py_ssize_t sizes[66]
    cdef Py_ssize_t strides[66]
    cdef Py_ssize_t dim = wrap(dimension, self.rank, "unfold")
    cdef Py_ssize_t have = self.sizes[dim] if self.rank else 1
    if size < 0 or size > have:
        raise RuntimeError(f"maximum size for tensor at dimension {dim} is {have} but size is {size}")
    if step <= 0:
        raise RuntimeError(f"step is {step} but must be > 0")
    memcpy(sizes, self.sizes, self.rank * sizeof(Py_ssize_t))
    memcpy(strides, self.strides, self.rank * sizeof(Py_ssize_t))
    sizes[self.rank] = size
    strides[self.rank] = self.strides[dim] if self.rank else 1
    if self.rank:
        sizes[dim] = (have - size) // step + 1
        strides[dim] = step * self.strides[dim]
    return new_view(self, self.rank + 1, sizes, strides, self.offset)


def split_sizes(Tensor self, tuple lengths, Py_ssize_t dim):
    """Consecutive pieces of one dim with the given lengths, which must add up to its size."""
    cdef Py_ssize_t start = 0, n
    cdef list out = []
    if self.rank == 0:
        raise RuntimeError("split expects at least a 1-dimensional tensor")
    dim = wrap(dim, self.rank, "split")
    for n in lengths:
        if n < 0:
            raise RuntimeError(f"split_with_sizes expects split_sizes have only non-negative entries, but got split_sizes={list(lengths)}")
        start += n
    if start != self.sizes[dim]:
        raise RuntimeError(f"split_with_sizes expects split_sizes to sum exactly to {self.sizes[dim]} (input tensor's size at dimension {dim}), but got split_sizes={list(lengths)}")
    start = 0
    for n in lengths:
        out.append(slice_raw(self, dim, start, start + n, 1))
        start += n
    return tuple(out)


def split(Tensor self, Py_ssize_t split_size, Py_ssize_t dim):
    """Pieces of `split_size`, the last one shorter."""
    cdef Py_ssize_t size, start
    cdef list lengths = []
    if self.rank == 0:
        raise RuntimeError("split expects at least a 1-dimensional tensor")
    if split_size < 0:
        raise RuntimeError(f"split expects split_size be non-negative, but got split_size={split_size}")
    dim = wrap(dim, self.rank, "split")
    size = self.sizes[dim]
    if split_size == 0 and size:
        raise RuntimeError(f"split_size can only be 0 if dimension size is 0, but got dimension size of {size}")
    if size == 0:
        return split_sizes(self, (0,), dim)
    for start in range(0, size, split_size):
        lengths.append(min(split_size, size - start))
    return split_sizes(self, tuple(lengths), dim)


def unbind(Tensor self, Py_ssize_t dim):
    """Every position of one dim."""
    cdef Py_ssize_t i
    if self.rank == 0:
        raise IndexError("Dimension specified as 0 but tensor has no dimensions")
    dim = wrap(dim, self.rank, "unbind")
    return tuple([select_raw(self, dim, i) for i in range(self.sizes[dim])])


def alias(Tensor self):
    """The same view again."""
    return new_view(self, self.rank, self.sizes, self.strides, self.offset)


def detach(Tensor self):
    """Alias without history."""
    return detached(self)


def adopt(Tensor self, Tensor other):
    """In-place change of geometry: `self` becomes what `other`, a recorded view of it, is."""
    if grad_enabled() and self.flags & REQUIRES_GRAD and self.node is None:
        raise RuntimeError("a leaf Variable that requires grad is being used in an in-place operation.")
    set_dims(self, other.rank)
    memcpy(self.sizes, other.sizes, other.rank * sizeof(Py_ssize_t))
    memcpy(self.strides, other.strides, other.rank * sizeof(Py_ssize_t))
    self.offset = other.offset
    finish(self)
    if self.flags & BATCHED:
        self.extra.value = other.extra.value
    if other.node is not None:
        self.node = other.node
        self.node_output = other.node_output
    if special_bits & 64 and other.extra is not None and other.extra.tangents is not None:      # dispatch.BIT_DUAL
        for level, tangent in other.extra.tangents.items():
            keep_tangent(self, level, tangent)
    bump(self)
    self.view_version = self.storage.version
    return self


# ---- copies that walk a view ----
def flipped(Tensor self, tuple dims):
    """Fresh copy with the order of `dims` reversed."""
    cdef Tensor out = new_like(self, self.code)
    cdef Py_ssize_t steps[64]
    cdef Py_ssize_t out_steps[64]
    cdef Py_ssize_t start = 0
    cdef int d
    if is_meta(self) or self.count == 0:
        return out
    for d in range(self.rank):
        steps[d] = self.strides[d] * ITEMSIZE[self.code]
        out_steps[d] = out.strides[d] * ITEMSIZE[self.code]
        if d in dims:
            start += (self.sizes[d] - 1) * steps[d]
            steps[d] = -steps[d]
    copy_strided(data_of(out), out.code, out_steps, data_of(self) + start, self.code, steps, self.rank, self.sizes)
    return out


def triangle(Tensor self, Py_ssize_t diagonal, bint upper):
    """Copy with zeros below (upper) or above (lower) the diagonal of the last two dims."""
    cdef Tensor out
    cdef Py_ssize_t rows, columns, i, first, last, m, matrices
    cdef char* at
    cdef int size = ITEMSIZE[self.code]
    if self.rank < 2:
        raise RuntimeError(f"{'triu' if upper else 'tril'}: input tensor must have at least 2 dimensions, got {describe(self)}")
    out = new_tensor(self.code, is_meta(self), self.rank, self.sizes)
    copy_into(out, self)
    if is_meta(self) or out.count == 0:
        return out
    rows, columns = self.sizes[self.rank - 2], self.sizes[self.rank - 1]
    matrices = out.count // (rows * columns)
    at = out.storage.data
    for m in range(matrices):
        for i in range(rows):
            if upper:
                first, last = 0, i + diagonal
            else:
                first, last = i + diagonal + 1, columns
            first = 0 if first < 0 else columns if first > columns else first
            last = 0 if last < 0 else columns if last > columns else last
            if last > first:
                memset(at + first * size, 0, (last - first) * size)
            at += columns * size
    return out


# ---- reached without a Python call ----
cdef object direct_view(PyObject** slots):
    return view(<Tensor> <object> slots[0], <tuple> <object> slots[1])


cdef object direct_transpose(PyObject** slots):
    return transpose(<Tensor> <object> slots[0], <object> slots[1], <object> slots[2])


cdef object direct_select(PyObject** slots):
    return select(<Tensor> <object> slots[0], <object> slots[1], <object> slots[2])


cdef object direct_unsqueeze(PyObject** slots):
    return unsqueeze(<Tensor> <object> slots[0], <object> slots[1])


cdef object direct_t(PyObject** slots):
    return t(<Tensor> <object> slots[0])


def install(dict overloads):
    """Give the door the direct form of the hottest views."""
    (<Overload> overloads["view"]).direct = direct_view
    (<Overload> overloads["transpose"]).direct = direct_transpose
    (<Overload> overloads["select"]).direct = direct_select
    (<Overload> overloads["unsqueeze"]).direct = direct_unsqueeze
    (<Overload> overloads["t"]).direct = direct_t
