# cython: language_level=3, boundscheck=False, wraparound=False
# cython: cdivision=True, initializedcheck=False
# Kernels of optable/index.py along a dim and by mask. Those that write change their first argument and return it. A 0-d tensor
# counts as 1-d. Bounds are checked before the first write.
from libc.string cimport memcpy
from frankentorch._ext.types cimport *
from frankentorch._ext.dtype cimport dtype_of, ITEMSIZE, PROMOTE, category_of
from frankentorch._ext.tensor cimport *
from frankentorch._ext.elementwise cimport cast_tensor, contiguous_tensor, scalar_name, copy_into, check_fits, store_number, broadcast_sizes, check_no_internal_overlap, number_code
from frankentorch._ext.index cimport *
from frankentorch._ext.reduce_run cimport RUN_OK, RUN_INDEX, RUN_DTYPE
from frankentorch._ext.index_run cimport IndexTensor, IndexFault, index_run
from frankentorch._ext.mask_run cimport count_nonzero, nonzero_run
from frankentorch._ext.mask_run cimport masked_fill as run_masked_fill, masked_select as run_masked_select, masked_scatter as run_masked_scatter
from cpython.ref cimport PyObject

cdef enum:
    SMALL = 4096


cdef int axis_of(Py_ssize_t dim, int ndim) except -1:
    cdef int n = ndim if ndim > 0 else 1
    if dim < -n or dim >= n:
        raise IndexError(f"Dimension out of range (expected to be in range of [{-n}, {n - 1}], but got {dim})")
    return <int> (dim + n if dim < 0 else dim)


cdef int dims_of(Tensor t, Py_ssize_t* sizes, Py_ssize_t* steps) noexcept:
    """Sizes and byte steps, a 0-d tensor as one dim of 1; the number of dims."""
    cdef int d
    if t.rank == 0:
        sizes[0], steps[0] = 1, 0
        return 1
    for d in range(t.rank):
        sizes[d], steps[d] = t.sizes[d], t.strides[d] * ITEMSIZE[t.code]
    return t.rank


cdef list shape_list(Tensor t):
    return list(sizes_tuple(t))


cdef int walk(str name, int op, Tensor self, int ndim, const Py_ssize_t* sizes, const Py_ssize_t* self_steps, char* other,
              const Py_ssize_t* other_steps, IndexTensor* index, int dim, object fault_kind) except -1:
    """One call of the index engine; out of bounds raises fault_kind."""
    cdef IndexFault fault
    cdef int status, code = self.code
    cdef char* start = data_of(self)
    cdef Py_ssize_t total = 1
    cdef int d
    for d in range(ndim):
        total *= sizes[d]
    if total < SMALL:
        status = index_run(op, code, ndim, sizes, start, self_steps, other, other_steps, 1, index, &fault)
    else:
        with nogil:
            status = index_run(op, code, ndim, sizes, start, self_steps, other, other_steps, 1, index, &fault)
    if status == RUN_OK:
        return 0
    if status == RUN_INDEX:
        if name == "index_select":
            raise IndexError(f"index out of range in self: index {fault.value}, dimension {dim} with size {fault.size}")
        if name == "take" or name == "put_":
            raise IndexError(f"out of range: tried to access index {fault.value} on a tensor of {fault.size} elements.")
        raise fault_kind(f"{name + '(): ' if fault_kind is IndexError else ''}index {fault.value} is out of bounds for dimension {dim} with size {fault.size}")
    if status == RUN_DTYPE:
        raise NotImplementedError(f"\"{name}\" not implemented for '{scalar_name(code)}'")
    raise RuntimeError(f"{name}: not enough memory for {describe(self)}")


cdef int check_index_dtype(str name, Tensor index) except -1:
    if index.code != I64 and index.code != I32:
        raise RuntimeError(f"{name}(): Expected dtype int32/int64 for index: int32 or int64, got {scalar_name(index.code)}")
    return 0


# ---- gather and scatter ----
cdef int check_gather(str name, Tensor self, int axis, Tensor index, Tensor source) except -1:
    """index fits self apart from dim, and source in every dim."""
    cdef int d, rank = self.rank if self.rank else 1
    cdef Py_ssize_t own
    if index.count == 0:
        return 0
    if (index.rank if index.rank else 1) != rank:
        raise RuntimeError("Index tensor must have the same number of dimensions as " + ("input tensor" if name == "gather" else "self tensor"))
    if source is not None and (source.rank if source.rank else 1) != rank:
        raise RuntimeError("Index tensor must have the same number of dimensions as src tensor")
    for d in range(index.rank):
        own = self.sizes[d] if self.rank else 1
        if (d != axis and index.sizes[d] > own) or (source is not None and index.sizes[d] > (source.sizes[d] if source.rank else 1)):
            if source is None:
                raise RuntimeError(f"Size does not match at dimension {d} expected index {shape_list(index)} to be no larger than self {shape_list(self)} apart from dimension {axis}")
            raise RuntimeError(f"Expected index {shape_list(index)} to be no larger than self {shape_list(self)} apart from dimension {axis} and to be no larger size than src {shape_list(source)}")
    return 0


cdef int along(str name, int op, Tensor self, int axis, Tensor index, char* other, const Py_ssize_t* other_steps) except -1:
    cdef Py_ssize_t sizes[64]
    cdef Py_ssize_t index_steps[64]
    cdef Py_ssize_t self_sizes[64]
    cdef Py_ssize_t self_steps[64]
    cdef IndexTensor at
    cdef int n = dims_of(index, sizes, index_steps)
    dims_of(self, self_sizes, self_steps)
    at.data, at.code, at.wrap = data_of(index), index.code, False
    at.size, at.step, at.steps = self_sizes[axis], self_steps[axis], index_steps
    self_steps[axis] = 0
    return walk(name, op, self, n, sizes, self_steps, other, other_steps, &at, axis, RuntimeError)


def gather(Tensor self, Py_ssize_t dim, Tensor index, bint sparse_grad):
    """self at the positions of index along dim; index's shape."""
    cdef int axis = axis_of(dim, self.rank)
    cdef Py_ssize_t sizes[64]
    cdef Py_ssize_t steps[64]
    cdef Tensor out
    if index.count:
        check_index_dtype("gather", index)
    check_gather("gather", self, axis, index, None)
    out = new_tensor(self.code, is_meta(self), index.rank, index.sizes)
    if is_meta(self) or out.count == 0:
        return out
    dims_of(out, sizes, steps)
    along("gather", INDEX_READ, self, axis, index, data_of(out), steps)
    return out


def scatter(Tensor self, Py_ssize_t dim, Tensor index, src, int op):
    """self at the positions of index along dim combined with src (a tensor or a number), in place; op as in index.pxd."""
    cdef int axis = axis_of(dim, self.rank)
    cdef Py_ssize_t sizes[64]
    cdef Py_ssize_t steps[64]
    cdef Tensor source = None
    cdef char[16] cell
    cdef int d
    if index.count:
        check_index_dtype("scatter", index)
    if isinstance(src, Tensor):
        source = <Tensor> src
        if source.code != self.code:
            raise RuntimeError(f"scatter(): Expected self.dtype to be equal to src.dtype, got {scalar_name(self.code)} and {scalar_name(source.code)}")
    check_gather("scatter", self, axis, index, source)
    if is_meta(self) or index.count == 0:
        return self
    check_no_internal_overlap(self, "scatter_")
    if source is not None:
        if source.storage is self.storage:
            source = cast_copy(source)
        dims_of(source, sizes, steps)
        along("scatter", op, self, axis, index, data_of(source), steps)
    else:
        check_fits(src, self.code)
        store_number(src, self.code, cell)
        for d in range(64):
            steps[d] = 0
        along("scatter", op, self, axis, index, cell, steps)
    return self


cdef Tensor cast_copy(Tensor t):
    cdef Tensor out = new_tensor(t.code, False, t.rank, t.sizes)
    copy_into(out, t)
    return out


# ---- one index for whole slices ----
cdef int slices(str name, int op, Tensor self, int axis, Tensor index, int ndim, const Py_ssize_t* sizes, char* other,
                const Py_ssize_t* other_steps, bint wrapped, object fault_kind) except -1:
    cdef Py_ssize_t index_steps[64]
    cdef Py_ssize_t self_sizes[64]
    cdef Py_ssize_t self_steps[64]
    cdef IndexTensor at
    cdef int d
    dims_of(self, self_sizes, self_steps)
    for d in range(ndim):
        index_steps[d] = 0
    index_steps[axis] = 0 if index.rank == 0 else index.strides[0] * ITEMSIZE[index.code]
    at.data, at.code, at.wrap = data_of(index), index.code, wrapped
    at.size, at.step, at.steps = self_sizes[axis], self_steps[axis], index_steps
    self_steps[axis] = 0
    return walk(name, op, self, ndim, sizes, self_steps, other, other_steps, &at, axis, fault_kind)


def index_select(Tensor self, Py_ssize_t dim, Tensor index):
    """The slices of self along dim that index names, in its order."""
    cdef int axis = axis_of(dim, self.rank)
    cdef Py_ssize_t sizes[64]
    cdef Py_ssize_t steps[64]
    cdef Tensor out
    if index.rank > 1:
        raise IndexError("index_select(): Index is supposed to be a vector")
    if self.rank == 0 and index.count != 1:
        raise RuntimeError("index_select(): Index to scalar can have only 1 value, got " + str(index.count) + " value(s)")
    if index.code != I64 and index.code != I32:
        raise RuntimeError("index_select(): Expected dtype int32 or int64 for index")
    dims_of(self, sizes, steps)
    if self.rank:
        sizes[axis] = index.count
    out = new_tensor(self.code, is_meta(self), self.rank, sizes)
    if is_meta(self) or out.count == 0:
        return out
    dims_of(out, sizes, steps)
    slices("index_select", INDEX_READ, self, axis, index, out.rank if out.rank else 1, sizes, data_of(out), steps, False, IndexError)
    return out


cdef int check_slices(str name, Tensor self, int axis, Tensor index, Tensor source) except -1:
    cdef int d
    cdef Py_ssize_t length = 1 if source.rank == 0 else 0
    if index.rank > 1:
        raise IndexError(f"{name}(): Index should have dimension 1 or 0 (got {index.rank})")
    if source.code != self.code:
        raise RuntimeError(f"{name}(): self ({scalar_name(self.code)}) and source ({scalar_name(source.code)}) must have the same scalar type")
    if source.rank != self.rank and not (source.rank == 0 or self.rank == 0):
        error = IndexError if name == "index_copy_" else RuntimeError
        raise error(f"{name}(): When source and destination are not scalars, their dimensionality must match. Source dimensionality ({source.rank}), destination dimensionality ({self.rank})")
    if source.rank:
        length = source.sizes[axis if axis < source.rank else 0]
    if length != index.count:
        error = IndexError if name == "index_copy_" else RuntimeError
        raise error(f"{name}(): Number of indices ({index.count}) should be equal to source.size(dim): ({length}), for dim: {axis}")
    if source.rank == self.rank:
        for d in range(self.rank):
            if d != axis and source.sizes[d] != self.sizes[d]:
                raise RuntimeError(f"{name}(): Source/destination tensor must have same slice shapes. Destination slice shape: {shape_list(self)} at dimension {axis} and source slice shape: {shape_list(source)} at dimension {axis}.")
    return 0


def index_write(Tensor self, Py_ssize_t dim, Tensor index, Tensor source, int how):
    """Slices of self along dim replaced by source's, or added to in ascending order; in place."""
    cdef int axis = axis_of(dim, self.rank)
    cdef bint add = how == INDEX_ADD
    cdef str name = "index_add_" if add else "index_copy_"
    cdef Py_ssize_t sizes[64]
    cdef Py_ssize_t steps[64]
    if index.code != I64 and not (add and index.code == I32):
        raise RuntimeError(f"{name}(): Expected a long tensor for index, but got {scalar_name(index.code)}")
    check_slices(name, self, axis, index, source)
    if is_meta(self) or source.count == 0:
        return self
    check_no_internal_overlap(self, name)
    if source.storage is self.storage:
        source = cast_copy(source)
    dims_of(source, sizes, steps)
    slices(name, INDEX_ADD if add else INDEX_WRITE, self, axis, index, source.rank if source.rank else 1, sizes, data_of(source), steps, False,
           RuntimeError if add else IndexError)
    return self


def index_fill(Tensor self, Py_ssize_t dim, Tensor index, value):
    """Slices of self along dim set to one value, in place."""
    cdef int axis = axis_of(dim, self.rank)
    cdef Py_ssize_t sizes[64]
    cdef Py_ssize_t steps[64]
    cdef Tensor one
    cdef char[16] cell
    cdef int d
    if index.code != I64:
        raise IndexError("index_fill_(): Expected dtype int64 for index.")
    if index.rank > 1:
        raise IndexError("Index has to be a vector/scalar")
    fill_cell("index_fill_", self, value, cell)
    if is_meta(self):
        return self
    check_no_internal_overlap(self, "index_fill_")
    dims_of(self, sizes, steps)
    sizes[axis] = index.count
    for d in range(64):
        steps[d] = 0
    for d in range(self.rank):
        if sizes[d] == 0:
            return self
    if index.count == 0:
        return self
    slices("", INDEX_WRITE, self, axis, index, self.rank if self.rank else 1, sizes, cell, steps, True, BoundsError)
    return self


def BoundsError(text):
    return IndexError(text)


cdef int fill_cell(str name, Tensor self, object value, char* cell) except -1:
    """The bytes of one value in self's dtype: a number or a 0-d tensor."""
    cdef Tensor one
    if isinstance(value, Tensor):
        one = <Tensor> value
        if one.rank:
            raise RuntimeError(f"{name} only supports a 0-dimensional value tensor, but got tensor with {one.rank} dimension(s).")
        if one.code >= C64 and self.code < C64:
            raise RuntimeError(f"value cannot be converted to type {'int64_t' if self.code == I64 else scalar_name(self.code)} without overflow: it is complex")
        if is_meta(one) or is_meta(self):
            return 0
        one = cast_tensor(one, self.code)
        memcpy(cell, data_of(one), ITEMSIZE[self.code])
        return 0
    if isinstance(value, complex) and self.code < C64:
        raise RuntimeError(f"value cannot be converted to type {'int64_t' if self.code == I64 else scalar_name(self.code)} without overflow: {value!r}")
    check_fits(value, self.code)
    return store_number(value, self.code, cell)


# ---- one number per element ----
cdef int flat_walk(str name, int op, Tensor self, Tensor index, char* other, const Py_ssize_t* other_steps) except -1:
    """self by row-major element number; self must be contiguous."""
    cdef Py_ssize_t sizes[64]
    cdef Py_ssize_t index_steps[64]
    cdef Py_ssize_t self_steps[64]
    cdef IndexTensor at
    cdef int d, n = dims_of(index, sizes, index_steps)
    for d in range(n):
        self_steps[d] = 0
    at.data, at.code, at.wrap, at.size, at.step, at.steps = data_of(index), index.code, True, self.count, ITEMSIZE[self.code], index_steps
    return walk(name, op, self, n, sizes, self_steps, other, other_steps, &at, 0, IndexError)


def take(Tensor self, Tensor index):
    """Elements by their row-major number; index's shape."""
    cdef Py_ssize_t sizes[64]
    cdef Py_ssize_t steps[64]
    cdef Tensor out
    if index.code != I64:
        raise RuntimeError(f"take(): Expected a long tensor for index, but got {scalar_name(index.code)}")
    if self.count == 0 and index.count:
        raise IndexError("take(): tried to take from an empty tensor")
    out = new_tensor(self.code, is_meta(self), index.rank, index.sizes)
    if is_meta(self) or out.count == 0:
        return out
    self = contiguous_tensor(self)
    dims_of(out, sizes, steps)
    flat_walk("take", INDEX_READ, self, index, data_of(out), steps)
    return out


def put(Tensor self, Tensor index, Tensor source, bint accumulate):
    """Elements by their row-major number written or added to, in place."""
    cdef Py_ssize_t sizes[64]
    cdef Py_ssize_t steps[64]
    cdef Tensor flat, values
    if index.code != I64:
        raise RuntimeError(f"put_(): Expected a long tensor for index, but got {scalar_name(index.code)}")
    if self.code != source.code:
        raise RuntimeError(f"put_(): self and source expected to have the same dtype, but got self.dtype = {scalar_name(self.code)} and source.dtype = {scalar_name(source.code)}")
    if index.count != source.count:
        raise IndexError(f"put_(): Expected source and index to have the same number of elements, but got source.numel() = {source.count}, index.numel() = {index.count}")
    if self.count == 0 and index.count:
        raise IndexError("put_(): tried to put elements into an empty tensor")
    if is_meta(self) or index.count == 0:
        return self
    check_no_internal_overlap(self, "put_")
    flat = self if self.flags & DENSE else cast_copy(self)
    values = new_tensor(source.code, False, source.rank, source.sizes)
    copy_into(values, source)
    index = contiguous_tensor(index)
    steps[0] = ITEMSIZE[source.code]
    sizes[0] = index.count
    index = new_view(index, 1, sizes, steps_one(steps), index.offset)
    steps[0] = ITEMSIZE[source.code]
    flat_walk("put_", INDEX_ADD if accumulate else INDEX_WRITE, flat, index, data_of(values), steps)
    if flat is not self:
        copy_into(self, flat)
    return self


cdef Py_ssize_t* steps_one(Py_ssize_t* steps) noexcept:
    steps[0] = 1
    return steps


# ---- masks ----
cdef int mask_steps_of(str name, Tensor self, Tensor mask, Py_ssize_t* steps) except -1:
    """Byte steps of the mask broadcast over self."""
    cdef int d, shift = self.rank - mask.rank
    if shift < 0:
        raise RuntimeError(f"{name}: mask of shape {shape_list(mask)} does not broadcast to {shape_list(self)}: output with shape {shape_list(self)} doesn't match the broadcast shape")
    for d in range(self.rank):
        if d < shift or mask.sizes[d - shift] == 1:
            steps[d] = 0
        elif mask.sizes[d - shift] == self.sizes[d]:
            steps[d] = mask.strides[d - shift]
        else:
            raise RuntimeError(f"{name}: The size of tensor a ({self.sizes[d]}) must match the size of tensor b ({mask.sizes[d - shift]}) at non-singleton dimension {d}")
    return 0


def masked_fill(Tensor self, Tensor mask, value):
    """self where mask is set = value, in place."""
    cdef Py_ssize_t sizes[64]
    cdef Py_ssize_t steps[64]
    cdef Py_ssize_t mask_steps[64]
    cdef char[16] cell
    if mask.code != BOOL:
        raise RuntimeError(f"masked_fill_ only supports boolean masks, but got mask with dtype {dtype_of(mask.code)}")
    fill_cell("masked_fill_", self, value, cell)
    mask_steps_of("masked_fill_", self, mask, mask_steps)
    if is_meta(self):
        return self
    check_no_internal_overlap(self, "masked_fill_")
    dims_of(self, sizes, steps)
    start, bits = data_of(self), data_of(mask)
    with nogil:
        run_masked_fill(ITEMSIZE[self.code], self.rank, sizes, start, steps, bits, mask_steps, cell)
    return self


cdef Py_ssize_t count_set(Tensor mask, int ndim, const Py_ssize_t* sizes, const Py_ssize_t* steps) noexcept:
    return count_nonzero(mask.code, ndim, sizes, steps, data_of(mask))


def masked_select(Tensor self, Tensor mask):
    """The elements where mask is set, in row-major order, 1-d."""
    cdef Py_ssize_t sizes[64]
    cdef Py_ssize_t steps[64]
    cdef Py_ssize_t mask_steps[64]
    cdef PyObject* both[2]
    cdef Py_ssize_t n
    cdef int rank, d, shift
    cdef Tensor out
    if mask.code != BOOL:
        raise RuntimeError("masked_select: expected BoolTensor for mask")
    if is_meta(self) or is_meta(mask):
        raise NotImplementedError("masked_select: the result's shape depends on data that a meta tensor does not have")
    both[0], both[1] = <PyObject*> self, <PyObject*> mask
    rank = broadcast_sizes(2, both, sizes)
    for d in range(rank):
        shift = d - rank + self.rank
        steps[d] = 0 if shift < 0 or self.sizes[shift] == 1 else self.strides[shift] * ITEMSIZE[self.code]
        shift = d - rank + mask.rank
        mask_steps[d] = 0 if shift < 0 or mask.sizes[shift] == 1 else mask.strides[shift]
    n = count_set(mask, rank, sizes, mask_steps)
    out = new_tensor(self.code, False, 1, &n)
    start, bits, to = data_of(self), data_of(mask), data_of(out)
    with nogil:
        run_masked_select(ITEMSIZE[self.code], rank, sizes, start, steps, bits, mask_steps, to)
    return out


def masked_scatter(Tensor self, Tensor mask, Tensor source):
    """self where mask is set = source's elements in row-major order, in place."""
    cdef Py_ssize_t sizes[64]
    cdef Py_ssize_t steps[64]
    cdef Py_ssize_t mask_steps[64]
    cdef Py_ssize_t n
    if mask.code != BOOL:
        raise RuntimeError("masked_scatter_ only supports boolean masks, but got mask with dtype " + str(dtype_of(mask.code)))
    if self.code != source.code:
        raise RuntimeError(f"masked_scatter: expected self and source to have same dtypes but got {scalar_name(self.code)} and {scalar_name(source.code)}")
    mask_steps_of("masked_scatter_", self, mask, mask_steps)
    if is_meta(self):
        return self
    check_no_internal_overlap(self, "masked_scatter_")
    dims_of(self, sizes, steps)
    n = count_set(mask, self.rank, sizes, mask_steps)
    if n > source.count:
        raise RuntimeError(f"Number of elements of source < number of ones in mask: {source.count} < {n}")
    source = cast_copy(source) if source.storage is self.storage else contiguous_tensor(source)
    start, bits, given = data_of(self), data_of(mask), data_of(source)
    with nogil:
        run_masked_scatter(ITEMSIZE[self.code], self.rank, sizes, start, steps, bits, mask_steps, given)
    return self


def nonzero(Tensor self):
    """Coordinates of the nonzero elements, (n, ndim) int64 in row-major order; columns are contiguous."""
    cdef Py_ssize_t sizes[64]
    cdef Py_ssize_t steps[64]
    cdef Py_ssize_t shape[2]
    cdef Py_ssize_t strides[2]
    cdef Py_ssize_t n
    cdef int rank = self.rank
    cdef Tensor out
    cdef long long* to
    if is_meta(self):
        raise NotImplementedError("nonzero: the result's shape depends on data that a meta tensor does not have")
    dims_of(self, sizes, steps)
    source = data_of(self)
    with nogil:
        n = count_nonzero(self.code, rank, sizes, steps, source)
    shape[0], shape[1] = n, rank
    strides[0], strides[1] = 1, n
    out = new_strided(I64, False, 2, shape, strides)
    if n and rank:
        to = <long long*> data_of(out)
        with nogil:
            nonzero_run(self.code, rank, sizes, steps, source, to, n)
    return out


def triangle_indices(Py_ssize_t rows, Py_ssize_t columns, Py_ssize_t offset, bint upper):
    """Row numbers and column numbers, (2, n) of int64, of the places on and below (above) a diagonal, row by row."""
    cdef Py_ssize_t n = 0, i, j, first, end
    cdef Py_ssize_t sizes[2]
    cdef long long* to
    cdef Tensor out
    for i in range(rows):
        first, end = triangle_row(i, columns, offset, upper)
        n += end - first
    sizes[0], sizes[1] = 2, n
    out = new_tensor(I64, False, 2, sizes)
    to = <long long*> data_of(out)
    for i in range(rows):
        first, end = triangle_row(i, columns, offset, upper)
        for j in range(end - first):
            to[j] = i
        for j in range(end - first):
            to[n + j] = first + j
        to += end - first
    return out


cdef inline (Py_ssize_t, Py_ssize_t) triangle_row(Py_ssize_t i, Py_ssize_t columns, Py_ssize_t offset, bint upper) noexcept:
    """First column of row i inside the triangle, and the one after the last."""
    cdef Py_ssize_t cut = i + offset + (not upper)
    cut = 0 if cut < 0 else columns if cut > columns else cut
    return (cut, columns) if upper else (<Py_ssize_t> 0, cut)


def repeat_indices(Tensor repeats, total):
    """0 repeats[0] times, 1 repeats[1] times, … as int64."""
    cdef Py_ssize_t n = 0, i, j, at = 0
    cdef Tensor wide, out
    if repeats.code != I64 and repeats.code != I32:
        raise RuntimeError("repeats has to be Long or Int tensor")
    if repeats.rank > 1:
        raise RuntimeError("repeat_interleave only accept 1D vector as repeat")
    if is_meta(repeats):
        raise NotImplementedError("repeat_interleave: the result's shape depends on data that a meta tensor does not have")
    wide = contiguous_tensor(cast_tensor(repeats, I64))
    cdef long long* r = <long long*> data_of(wide)
    for i in range(wide.count):
        if r[i] < 0:
            raise RuntimeError("repeats can not be negative")
        n += r[i]
    if total is not None and n != total:
        raise RuntimeError("allocated size does not match required size")
    out = new_tensor(I64, False, 1, &n)
    cdef long long* to = <long long*> data_of(out)
    for i in range(wide.count):
        for j in range(r[i]):
            to[at] = i
            at += 1
    return out
