# cython: language_level=3, boundscheck=False, wraparound=False
# cython: cdivision=True, initializedcheck=False
# Kernels of optable/sort.py: one call of the sort driver on a strided line, and the counting ops on contiguous values.
from libc.string cimport memcpy, memset
from frankentorch._ext.types cimport *
from frankentorch._ext.dtype cimport dtype_of, ITEMSIZE
from frankentorch._ext.tensor cimport *
from frankentorch._ext.elementwise cimport cast_tensor, contiguous_tensor, scalar_name, copy_into
from frankentorch._ext.reduce_run cimport RUN_OK, RUN_DTYPE, RUN_MEMORY
from frankentorch._ext.index_run cimport bincount_run, greatest_run, histc_run, union_run
from frankentorch._ext.search cimport searchsorted_run
from frankentorch._ext.sort cimport *


cdef int axis_of(Py_ssize_t dim, int ndim) except -1:
    cdef int n = ndim if ndim > 0 else 1
    if dim < -n or dim >= n:
        raise IndexError(f"Dimension out of range (expected to be in range of [{-n}, {n - 1}], but got {dim})")
    return <int> (dim + n if dim < 0 else dim)


cdef tuple along(str name, int op, Tensor self, int axis, bint descending, Py_ssize_t k, Py_ssize_t keep, bint keepdim):
    """(values, indices) of one line op; keep is the size of the dim in the result, which is dropped unless keepdim."""
    cdef Py_ssize_t sizes[64]
    cdef Py_ssize_t steps[64]
    cdef int d, n = 0, status, code = self.code
    cdef int rank = self.rank
    cdef Tensor values, indices
    cdef long long* found
    if self.rank == 0:
        values = new_tensor(code, is_meta(self), 0, NULL)
        indices = new_tensor(I64, is_meta(self), 0, NULL)
        if not is_meta(self):
            copy_into(values, self)
            (<long long*> data_of(indices))[0] = 0
        return values, indices
    for d in range(rank):
        if d != axis or keepdim:
            sizes[n] = keep if d == axis else self.sizes[d]
            n += 1
    values = new_tensor(code, is_meta(self), n, sizes)
    indices = new_tensor(I64, is_meta(self), n, sizes)
    if is_meta(self) or values.count == 0:
        return values, indices
    for d in range(rank):
        sizes[d], steps[d] = self.sizes[d], self.strides[d] * ITEMSIZE[code]
    source, to, found = data_of(self), data_of(values), <long long*> data_of(indices)
    with nogil:
        status = sort_run(op, code, rank, sizes, steps, axis, descending, k, True, source, to, found)
    if status == RUN_DTYPE:
        raise NotImplementedError(f"\"{name}\" not implemented for '{scalar_name(code)}'")
    if status == RUN_MEMORY:
        raise RuntimeError(f"{name}: not enough memory to sort {describe(self)}")
    if status != RUN_OK:
        raise RuntimeError(f"{name}: cannot work on {describe(self)}")
    return values, indices


cdef int refuse(str name, Tensor self, bint boolean) except -1:
    if (boolean and self.code == BOOL) or U16 <= self.code <= U64 or self.code >= C64:
        raise NotImplementedError(f"\"{name}\" not implemented for '{scalar_name(self.code)}'")
    return 0


def sort(Tensor self, Py_ssize_t dim, bint descending):
    """Values in stable order along a dim and where they came from; strides follow self."""
    cdef int axis = axis_of(dim, self.rank)
    cdef Tensor values, indices, like
    if self.code >= C64:
        raise RuntimeError("Sort does not support complex dtypes on CPU")
    values, indices = along("sort", SORT_SORT, self, axis, descending, 0, self.sizes[axis] if self.rank else 1, True)
    if self.flags & DENSE or self.rank < 2:
        return values, indices
    like = new_like(self, self.code)
    copy_into(like, values)
    values = like
    like = new_like(self, I64)
    copy_into(like, indices)
    return values, like


def topk(Tensor self, Py_ssize_t k, Py_ssize_t dim, bint largest, bint sorted):
    """The k greatest or least along a dim, in order, and their positions."""
    cdef int axis = axis_of(dim, self.rank)
    if k < 0 or k > (self.sizes[axis] if self.rank else 1):
        raise RuntimeError("selected index k out of range")
    if self.code == BOOL or self.code >= C64:
        raise NotImplementedError(f"\"topk_impl_loop\" not implemented for '{scalar_name(self.code)}'")
    if self.rank == 0 and k == 0:
        return along("topk", SORT_SORT, self, axis, False, 0, 0, True)
    return along("topk", SORT_TOPK, self, axis, largest, k, k, True)


cdef int check_line(str name, Tensor self, int axis) except -1:
    if self.rank and self.sizes[axis] == 0:
        raise IndexError(f"{name}(): Expected reduction dim {axis} to have non-zero size.")
    return 0


def kthvalue(Tensor self, Py_ssize_t k, Py_ssize_t dim, bint keepdim):
    """The k-th least along a dim (from 1) and its position."""
    cdef int axis = axis_of(dim, self.rank)
    check_line("kthvalue", self, axis)
    if k < 1 or k > (self.sizes[axis] if self.rank else 1):
        raise RuntimeError(f"kthvalue(): selected number k out of range for dimension {axis}")
    refuse("kthvalue_cpu", self, True)
    return along("kthvalue_cpu", SORT_KTHVALUE, self, axis, False, k, 1, keepdim)


def median_dim(Tensor self, Py_ssize_t dim, bint keepdim, bint skip_nan):
    """The lower middle value along a dim and its position."""
    cdef int axis = axis_of(dim, self.rank)
    check_line("median", self, axis)
    refuse("median_out", self, True)
    return along("median_out", SORT_NANMEDIAN if skip_nan else SORT_MEDIAN, self, axis, False, 0, 1, keepdim)


def median_all(Tensor self, bint skip_nan):
    """The lower middle of all elements."""
    cdef Tensor out
    cdef Py_ssize_t sizes[1]
    refuse("median_cpu", self, True)
    if self.count == 0:
        out = new_tensor(self.code, is_meta(self), 0, NULL)
        if not is_meta(self):
            if self.code >= F16:
                out = <Tensor> cast_tensor(nan_cell(), self.code)
            else:
                memset(data_of(out), 0, ITEMSIZE[self.code])
                if self.code != U8:
                    data_of(out)[ITEMSIZE[self.code] - 1] = <char> 0x80
        return out
    if is_meta(self):
        return new_tensor(self.code, True, 0, NULL)
    out = contiguous_tensor(self)
    sizes[0] = self.count
    cdef Py_ssize_t one = 1
    return along("median_cpu", SORT_NANMEDIAN if skip_nan else SORT_MEDIAN, new_view(out, 1, sizes, &one, out.offset), 0, False, 0, 1, False)[0]


cdef Tensor nan_cell():
    cdef Tensor t = new_tensor(F64, False, 0, NULL)
    (<double*> data_of(t))[0] = float("nan")
    return t


def mode(Tensor self, Py_ssize_t dim, bint keepdim):
    """The most frequent value along a dim and its last position."""
    cdef int axis = axis_of(dim, self.rank)
    check_line("mode", self, axis)
    refuse("mode_cpu", self, False)
    return along("mode_cpu", SORT_MODE, self, axis, False, 0, 1, keepdim)


# ---- distinct values ----
def unique(Tensor self, bint sort, bint return_inverse, bint return_counts):
    """(values, inverse, counts) over all elements; what is not asked for is empty. sort False: run by run."""
    cdef Tensor flat, values, inverse, counts
    cdef Py_ssize_t n = self.count, groups, none = 0
    cdef long long* inv = NULL
    cdef long long* cnt = NULL
    if self.code >= C64:
        raise NotImplementedError(f"\"unique\" not implemented for '{scalar_name(self.code)}'")
    if is_meta(self):
        raise NotImplementedError("unique: the result's shape depends on data that a meta tensor does not have")
    flat = contiguous_tensor(self)
    source = data_of(flat)
    values = new_tensor(self.code, False, 1, &n)
    inverse = new_tensor(I64, False, self.rank, self.sizes) if return_inverse else new_tensor(I64, False, 1, &none)
    counts = new_tensor(I64, False, 1, &n if return_counts else &none)
    if return_inverse:
        inv = <long long*> data_of(inverse)
    if return_counts:
        cnt = <long long*> data_of(counts)
    to = data_of(values)
    with nogil:
        groups = unique_run(self.code, source, n, sort, to, inv, cnt)
    if groups < 0:
        raise RuntimeError(f"unique: not enough memory for {describe(self)}")
    return shortened(values, groups), inverse, shortened(counts, groups) if return_counts else counts


cdef Tensor shortened(Tensor t, Py_ssize_t n):
    """The first n of a new tensor: in the memory that was taken for more of them, unless most of it would lie idle."""
    cdef Tensor out
    if n == t.count:
        return t
    if 2 * n >= t.count:
        memset(data_of(t) + n * ITEMSIZE[t.code], 0, (t.count - n) * ITEMSIZE[t.code])     # a file of the storage holds no chance bytes
        t.sizes[0] = t.count = n
        return t
    out = new_tensor(t.code, False, 1, &n)
    memcpy(data_of(out), data_of(t), n * ITEMSIZE[t.code])
    return out


def unique_rows(Tensor self, bint sort):
    """(first, inverse, counts) of the rows of a matrix: first[g] is the first row of group g."""
    cdef Tensor flat = contiguous_tensor(self), first, inverse, counts
    cdef Py_ssize_t n = self.sizes[0], width = self.sizes[1], groups
    if self.code >= C64:
        raise NotImplementedError(f"\"unique_dim\" not implemented for '{scalar_name(self.code)}'")
    if is_meta(self):
        raise NotImplementedError("unique: the result's shape depends on data that a meta tensor does not have")
    first, inverse, counts = new_tensor(I64, False, 1, &n), new_tensor(I64, False, 1, &n), new_tensor(I64, False, 1, &n)
    source = data_of(flat)
    a, b, c = <long long*> data_of(first), <long long*> data_of(inverse), <long long*> data_of(counts)
    with nogil:
        groups = unique_rows_run(self.code, source, n, width, sort, a, b, c)
    if groups < 0:
        raise RuntimeError(f"unique: not enough memory for {describe(self)}")
    return shortened(first, groups), inverse, shortened(counts, groups)


# ---- search and counts ----
def search(Tensor sequence, Tensor values, Tensor sorter, bint right, bint narrow):
    """First places in ascending lines; sequence is 1-d (shared) or of values' leading shape. Both of one dtype."""
    cdef Tensor s = contiguous_tensor(sequence), v = contiguous_tensor(values), order = None
    cdef Tensor out = new_tensor(I32 if narrow else I64, is_meta(values), values.rank, values.sizes)
    cdef bint shared = sequence.rank == 1
    cdef Py_ssize_t n = s.sizes[s.rank - 1], m, lines
    cdef long long* places = NULL
    cdef int status, code = s.code, out_code = out.code
    if is_meta(values) or v.count == 0:
        return out
    m = v.count if shared else v.sizes[v.rank - 1]
    lines = v.count // m
    if sorter is not None:
        order = contiguous_tensor(sorter)
        places = <long long*> data_of(order)
    a, b, to = data_of(s), data_of(v), data_of(out)
    with nogil:
        status = searchsorted_run(code, a, places, b, lines, n, m, shared, right, out_code, to)
    if status == RUN_MEMORY:
        raise RuntimeError(f"searchsorted: not enough memory for the keys of {describe(sequence)}")
    if status != RUN_OK:
        raise NotImplementedError(f"\"searchsorted_out_cpu\" not implemented for '{scalar_name(code)}'")
    return out


def bincount(Tensor self, Tensor weights, Py_ssize_t bins):
    """counts[v] += 1, or the weight (float32 or float64), in order; at least `bins` of them. self is 1-d and not empty."""
    cdef Tensor values = contiguous_tensor(self), given = None, out
    cdef int weight_code = F64, code = values.code
    cdef const char* w = NULL
    cdef long long bits, greatest
    cdef Py_ssize_t n = values.count, room
    source = data_of(values)
    with nogil:
        bits = union_run(code, source, n)
    if bits < 0:
        raise RuntimeError("bincount only supports 1-d non-negative integral inputs.")
    if weights is None and bits < n + 1024:      # room for what the bits could be; the greatest is the last that occurs
        room = max(bins, bits + 1)
        out = new_tensor(I64, False, 1, &room)
        to = data_of(out)
        with nogil:
            bincount_run(code, source, n, weight_code, NULL, room, to)
        while room > bins and (<long long*> to)[room - 1] == 0:
            room -= 1
        return shortened(out, room)
    with nogil:
        greatest = greatest_run(code, source, n)
    bins = max(bins, greatest + 1)
    if weights is not None:
        given = contiguous_tensor(weights)
        weight_code = given.code
        w = data_of(given)
    out = new_tensor(I64 if weights is None else weight_code, False, 1, &bins)
    to = data_of(out)
    with nogil:
        bincount_run(code, source, n, weight_code, w, bins, to)
    return out


def histc(Tensor self, Py_ssize_t bins, double low, double high):
    """Counts in equal bins of [low, high], in self's dtype."""
    cdef Tensor values = contiguous_tensor(self), out = new_tensor(self.code, False, 1, &bins)
    cdef int status, code = self.code
    cdef Py_ssize_t n = values.count
    source, to = data_of(values), data_of(out)
    with nogil:
        status = histc_run(code, source, n, bins, low, high, to)
    if status == RUN_DTYPE:
        raise NotImplementedError(f"\"histogram_cpu\" not implemented for '{scalar_name(code)}'")
    if status != RUN_OK:
        raise RuntimeError(f"histc: not enough memory for {bins} bins")
    return out
