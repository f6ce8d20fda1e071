# cython: language_level=3, boundscheck=False, wraparound=False
# cython: cdivision=True, initializedcheck=False
# Kernels of optable/reduce.py and scan.py: dims to a mask, the result's shape, then one call of a driver on the strided input.
from frankentorch._ext.types cimport *
from frankentorch._ext.dtype cimport dtype, ITEMSIZE, to_real_code
from frankentorch._ext.tensor cimport *
from frankentorch._ext.elementwise cimport cast_tensor, contiguous_tensor, scalar_name, copy_into, store_number
from frankentorch._ext.reduce_run cimport *
from frankentorch._ext.scan_run cimport *

cdef enum:
    SMALL = 4096                # elements below which the interpreter lock is kept
ctypedef unsigned long long Mask


cdef int wrap_axis(Py_ssize_t dim, int ndim) except -1:
    cdef int n = ndim if ndim > 0 else 1
    if dim < -n or dim >= n:
        raise IndexError(f"Dimension out of range (expected to be in range of [{-n}, {n - 1}], but got {dim})")
    return <int> (dim + n if dim < 0 else dim)


cdef int mask_of(Tensor self, object dims, Mask* mask) except -1:
    """Bits of the dims given; None and () are all of them."""
    cdef int d
    cdef Mask full = ~(<Mask> 0) if self.rank == 64 else (<Mask> 1 << self.rank) - 1
    mask[0] = 0
    if dims is None:
        mask[0] = full
        return 0
    for dim in <tuple> dims:
        d = wrap_axis(dim, self.rank)
        if mask[0] >> d & 1:
            raise RuntimeError(f"dim {d} appears multiple times in the list of dims")
        mask[0] |= <Mask> 1 << d
    if mask[0] == 0:
        mask[0] = full
    return 0


cdef Tensor result_of(Tensor self, int code, Mask mask, bint keepdim):
    """Contiguous tensor over the kept dims."""
    cdef Py_ssize_t sizes[64]
    cdef int d, n = 0
    for d in range(self.rank):
        if not (mask >> d & 1):
            sizes[n] = self.sizes[d]
            n += 1
        elif keepdim:
            sizes[n] = 1
            n += 1
    return new_tensor(code, is_meta(self), n, sizes)


cdef int reduce_into(str name, int op, Tensor self, Mask mask, Tensor out, Tensor second, double p) except -1:
    cdef Py_ssize_t steps[64]
    cdef int d, status
    cdef char* to
    cdef char* more = NULL
    cdef const char* source
    if is_meta(self):
        return 0
    for d in range(self.rank):
        steps[d] = self.strides[d] * ITEMSIZE[self.code]
    to, source = data_of(out), data_of(self)
    if second is not None:
        more = data_of(second)
    if self.count < SMALL:
        status = reduce_run(op, self.code, out.code, self.rank, self.sizes, steps, mask, source, to, more, p)
    else:
        with nogil:
            status = reduce_run(op, self.code, out.code, self.rank, self.sizes, steps, mask, source, to, more, p)
    if status == RUN_OK:
        return 0
    if status == RUN_DTYPE:
        raise NotImplementedError(f"\"{name}\" not implemented for '{scalar_name(self.code)}'")
    if status == RUN_EMPTY:
        raise IndexError(f"{name}(): Expected reduction dim to have non-zero size: {describe(self)}")
    raise RuntimeError(f"{name}: not enough memory to reduce {describe(self)}")


# ---- sums ----
cdef Tensor fold(str name, int op, Tensor self, Mask mask, bint keepdim, object to):
    """sum, prod, nansum: integers in int64 unless a dtype is named; input is cast to a wider named dtype first."""
    cdef int code = self.code if to is None else (<dtype> to).code, wide
    cdef Tensor out
    if to is None and code <= U64:
        code = I64
    elif code <= U64:
        if self.code != code and (self.code >= F16 or code == BOOL):
            self = cast_tensor(self, code)
    elif self.code != code and not (F16 <= self.code <= F32 and F16 <= code <= F32):
        self = cast_tensor(self, code)
    wide = I64 if code <= U64 else code
    out = result_of(self, wide, mask, keepdim)
    reduce_into(name, op, self, mask, out, None, 0)
    return out if wide == code else cast_tensor(out, code)


def sum_(Tensor self, to):
    """Sum of every element."""
    cdef Mask mask
    mask_of(self, None, &mask)
    return fold("sum", REDUCE_SUM, self, mask, False, to)


def sum_dims(Tensor self, dim, bint keepdim, to):
    """Sum over some dims; None or () are all."""
    cdef Mask mask
    mask_of(self, dim, &mask)
    return fold("sum", REDUCE_SUM, self, mask, keepdim, to)


def prod(Tensor self, to):
    """Product of every element."""
    cdef Mask mask
    mask_of(self, None, &mask)
    return fold("prod", REDUCE_PROD, self, mask, False, to)


def prod_dim(Tensor self, Py_ssize_t dim, bint keepdim, to):
    """Product along one dim."""
    cdef Mask mask
    mask_of(self, (dim,), &mask)
    return fold("prod", REDUCE_PROD, self, mask, keepdim, to)


def nansum(Tensor self, dim, bint keepdim, to):
    """sum with NaN as 0."""
    cdef Mask mask
    if self.code >= C64:
        raise RuntimeError("nansum does not support complex inputs")
    mask_of(self, dim, &mask)
    return fold("nansum", REDUCE_NANSUM if self.code >= F16 and (to is None or (<dtype> to).code >= F16) else REDUCE_SUM, self, mask, keepdim, to)


def mean_dims(Tensor self, dim, bint keepdim, to):
    """Sum over some dims divided by their number of elements."""
    cdef Mask mask
    cdef int code = self.code if to is None else (<dtype> to).code
    cdef Tensor out
    if code <= U64:
        raise RuntimeError(f"mean(): could not infer output dtype. {'Input' if to is None else 'Optional'} dtype must be either a floating point or complex dtype. Got: {scalar_name(code)}")
    mask_of(self, dim, &mask)
    if self.code != code and not (F16 <= self.code <= F32 and F16 <= code <= F32):
        self = cast_tensor(self, code)
    out = result_of(self, code, mask, keepdim)
    reduce_into("mean", REDUCE_MEAN, self, mask, out, None, 0)
    return out


def mean(Tensor self, to):
    """Mean of every element."""
    return mean_dims(self, None, False, to)


# ---- extremes ----
cdef int check_not_empty(str name, Tensor self, object dim, bint whole_is_index) except -1:
    cdef int d
    if self.count:
        return 0
    if dim is None or len(<tuple> dim) == 0:
        text = f"{name}(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with the 'dim' argument."
        if whole_is_index:
            raise IndexError(text)
        raise RuntimeError(text)
    for item in <tuple> dim:
        d = wrap_axis(item, self.rank)
        if self.rank and self.sizes[d] == 0:
            raise IndexError(f"{name}(): Expected reduction dim {d} to have non-zero size.")
    return 0


cdef int check_ordered(str name, str kernel, Tensor self) except -1:
    if U16 <= self.code <= U64 or self.code >= C64:
        raise NotImplementedError(f"\"{kernel}\" not implemented for '{scalar_name(self.code)}'")
    return 0


cdef Tensor extreme(str name, str kernel, int op, Tensor self, object dim, bint keepdim):
    cdef Mask mask
    cdef Tensor out
    check_not_empty(name, self, dim, False)
    check_ordered(name, kernel, self)
    mask_of(self, dim, &mask)
    out = result_of(self, self.code, mask, keepdim)
    reduce_into(name, op, self, mask, out, None, 0)
    return out


def max_(Tensor self):
    """Greatest element; NaN wins."""
    return extreme("max", "max_all", REDUCE_AMAX, self, None, False)


def min_(Tensor self):
    """Least element; NaN wins."""
    return extreme("min", "min_all", REDUCE_AMIN, self, None, False)


def amax(Tensor self, dim, bint keepdim):
    """Greatest over some dims."""
    return extreme("amax", "max_values_cpu", REDUCE_AMAX, self, dim, keepdim)


def amin(Tensor self, dim, bint keepdim):
    """Least over some dims."""
    return extreme("amin", "min_values_cpu", REDUCE_AMIN, self, dim, keepdim)


cdef tuple extreme_dim(str name, int op, Tensor self, Py_ssize_t dim, bint keepdim):
    cdef Mask mask
    cdef Tensor out, at
    if self.code >= C64:
        raise RuntimeError(f"{name}(): does not support complex input")
    check_not_empty(name, self, (dim,), False)
    check_ordered(name, name, self)
    mask_of(self, (dim,), &mask)
    out = result_of(self, self.code, mask, keepdim)
    at = result_of(self, I64, mask, keepdim)
    reduce_into(name, op, self, mask, out, at, 0)
    return out, at


def max_dim(Tensor self, Py_ssize_t dim, bint keepdim):
    """Greatest along one dim and its first position."""
    return extreme_dim("max", REDUCE_MAX, self, dim, keepdim)


def min_dim(Tensor self, Py_ssize_t dim, bint keepdim):
    """Least along one dim and its first position."""
    return extreme_dim("min", REDUCE_MIN, self, dim, keepdim)


cdef Tensor place(str name, int op, Tensor self, object dim, bint keepdim):
    cdef Mask mask
    cdef Tensor out
    cdef object dims = None if dim is None else (dim,)
    if self.code >= C64 or self.code == BOOL:
        raise RuntimeError(f"{name}(): does not support {'bool' if self.code == BOOL else 'complex'} input")
    check_not_empty(name, self, dims, True)
    check_ordered(name, name + "_cpu", self)
    mask_of(self, dims, &mask)
    out = result_of(self, I64, mask, keepdim)
    reduce_into(name, op, self, mask, out, None, 0)
    return out


def argmax(Tensor self, dim, bint keepdim):
    """First position of the greatest, along a dim or in row-major order."""
    return place("argmax", REDUCE_ARGMAX, self, dim, keepdim)


def argmin(Tensor self, dim, bint keepdim):
    """First position of the least."""
    return place("argmin", REDUCE_ARGMIN, self, dim, keepdim)


# ---- truth and counts ----
cdef Tensor truth(str name, int op, Tensor self, object dim, bint keepdim):
    cdef Mask mask
    cdef Tensor out
    mask_of(self, dim, &mask)
    out = result_of(self, U8 if self.code == U8 else BOOL, mask, keepdim)
    reduce_into(name, op, self, mask, out, None, 0)
    return out


def any_(Tensor self):
    """Whether some element is nonzero."""
    return truth("any", REDUCE_ANY, self, None, False)


def any_dim(Tensor self, Py_ssize_t dim, bint keepdim):
    return truth("any", REDUCE_ANY, self, (dim,), keepdim)


cdef Tensor nonzero_mask(Tensor self):
    cdef Tensor out = new_like(self, U8 if self.code == U8 else BOOL)
    copy_into(out, cast_tensor(self, BOOL))
    return out


def any_dims(Tensor self, dim, bint keepdim):
    """() reduces nothing here."""
    return nonzero_mask(self) if dim is not None and len(<tuple> dim) == 0 else truth("any", REDUCE_ANY, self, dim, keepdim)


def all_(Tensor self):
    """Whether every element is nonzero."""
    return truth("all", REDUCE_ALL, self, None, False)


def all_dim(Tensor self, Py_ssize_t dim, bint keepdim):
    return truth("all", REDUCE_ALL, self, (dim,), keepdim)


def all_dims(Tensor self, dim, bint keepdim):
    return nonzero_mask(self) if dim is not None and len(<tuple> dim) == 0 else truth("all", REDUCE_ALL, self, dim, keepdim)


def count_nonzero(Tensor self, dim):
    """Number of nonzero elements over some dims, int64."""
    cdef Mask mask
    cdef Tensor out
    if U16 <= self.code <= U64:
        raise NotImplementedError(f"\"count_nonzero_cpu\" not implemented for '{scalar_name(self.code)}'")
    mask_of(self, dim, &mask)
    out = result_of(self, I64, mask, False)
    reduce_into("count_nonzero", REDUCE_COUNT, self, mask, out, None, 0)
    return out


# ---- spreads and norms ----
def spread(Tensor self, dim, double correction, bint keepdim, bint root):
    """Variance (or its root) of floats over some dims, in the input's dtype."""
    cdef Mask mask
    cdef Tensor out
    mask_of(self, dim, &mask)
    out = result_of(self, self.code, mask, keepdim)
    reduce_into("std" if root else "var", REDUCE_STD if root else REDUCE_VAR, self, mask, out, None, correction)
    return out


def vector_norm(Tensor self, double order, dim, bint keepdim, to):
    """(sum |x|^order)^(1/order) of floats over some dims."""
    cdef Mask mask
    cdef Tensor out
    cdef int code = self.code if to is None else (<dtype> to).code
    if self.code != code and not (F16 <= self.code <= F32 and F16 <= code <= F32):
        self = cast_tensor(self, code)
    mask_of(self, dim, &mask)
    out = result_of(self, code, mask, keepdim)
    reduce_into("linalg.vector_norm", REDUCE_NORM, self, mask, out, None, order)
    return out


def logsumexp(Tensor self, dim, bint keepdim):
    """log(sum(exp(x))) of floats over some dims, without overflow."""
    cdef Mask mask
    cdef Tensor out
    mask_of(self, dim, &mask)
    out = result_of(self, self.code, mask, keepdim)
    reduce_into("logsumexp", REDUCE_LOGSUMEXP, self, mask, out, None, 0)
    return out


# ---- scans ----
cdef object scan(str name, int op, Tensor self, Py_ssize_t dim, int code, bint indices):
    cdef Py_ssize_t steps[64]
    cdef int d, status, axis = wrap_axis(dim, self.rank)
    cdef Tensor out = new_tensor(code, is_meta(self), self.rank, self.sizes), at = None
    cdef long long* more = NULL
    if indices:
        at = new_tensor(I64, is_meta(self), self.rank, self.sizes)
    if is_meta(self) or self.count == 0:
        return (out, at) if indices else out
    if indices:
        more = <long long*> data_of(at)
    if self.rank == 0:
        copy_into(out, self)
        if indices:
            more[0] = 0
        return (out, at) if indices else out
    self = contiguous_tensor(self)          # as the result lies; a scan between two layouts takes longer than the copy
    for d in range(self.rank):
        steps[d] = self.strides[d] * ITEMSIZE[self.code]
    source, to = data_of(self), data_of(out)
    with nogil:
        status = scan_run(op, self.code, code, self.rank, self.sizes, steps, axis, source, to, more)
    if status == RUN_DTYPE:
        raise NotImplementedError(f"\"{name}\" not implemented for '{scalar_name(self.code)}'")
    if status != RUN_OK:
        raise RuntimeError(f"{name}: cannot scan {describe(self)}")
    return (out, at) if indices else out


cdef Tensor running(str name, int op, Tensor self, Py_ssize_t dim, object to):
    cdef int code = (I64 if self.code <= U64 else self.code) if to is None else (<dtype> to).code
    cdef Tensor out
    if self.code != code and not (self.code <= U64 and code == I64):
        self = cast_tensor(self, code)
    out = scan(name, op, self, dim, I64 if code <= U64 else code, False)
    return out if out.code == code else cast_tensor(out, code)


def cumsum(Tensor self, Py_ssize_t dim, to):
    """Running sum along a dim."""
    return running("cumsum_out_cpu", SCAN_CUMSUM, self, dim, to)


def cumprod(Tensor self, Py_ssize_t dim, to):
    """Running product along a dim."""
    return running("cumprod_out_cpu", SCAN_CUMPROD, self, dim, to)


def cummax(Tensor self, Py_ssize_t dim):
    """Greatest so far along a dim and its position."""
    check_ordered("cummax", "cummax_cpu", self)
    return scan("cummax_cpu", SCAN_CUMMAX, self, dim, self.code, True)


def cummin(Tensor self, Py_ssize_t dim):
    """Least so far along a dim and its position."""
    check_ordered("cummin", "cummin_cpu", self)
    return scan("cummin_cpu", SCAN_CUMMIN, self, dim, self.code, True)


def logcumsumexp(Tensor self, Py_ssize_t dim):
    """log of the running sum of exponentials along a dim."""
    return scan("logcumsumexp_out_cpu", SCAN_LOGCUMSUMEXP, self, dim, self.code, False)


# ---- comparing whole tensors ----
cdef enum:
    EQUAL_PIECE = 1 << 16       # elements compared before a look at the result


def equal(Tensor self, Tensor other):
    """Whether shapes and every element are equal."""
    cdef int d
    cdef Tensor same, out
    cdef Py_ssize_t row, rows
    if self.rank != other.rank:
        return False
    for d in range(self.rank):
        if self.sizes[d] != other.sizes[d]:
            return False
    if is_meta(self) or is_meta(other):
        raise NotImplementedError("equal: a meta tensor has no data to compare")
    if self.count > EQUAL_PIECE:            # a difference in front spares the rest
        if self.sizes[0] == 1:
            return equal(self[0], other[0])
        rows = max(EQUAL_PIECE * self.sizes[0] // self.count, 1)
        for row in range(0, self.sizes[0], rows):
            if not equal(self[row:row + rows], other[row:row + rows]):
                return False
        return True
    same = hooks.binary(OP_EQ, self, other)
    out = truth("all", REDUCE_ALL, same, None, False)
    return data_of(out)[0] != 0
