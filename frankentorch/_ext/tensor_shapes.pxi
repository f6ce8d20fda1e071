# Part of tensor.pyx: sizes, strides and extents, checked before any allocation.
# ---- shape arithmetic ----
cdef Py_ssize_t checked_numel(int ndim, const Py_ssize_t* sizes) except -1:
    """Product of sizes; RuntimeError on a negative size or overflow."""
    cdef Py_ssize_t n = 1
    cdef int i
    cdef bint zero = False, over = False
    for i in range(ndim):
        if sizes[i] < 0:
            raise RuntimeError(f"Trying to create tensor with negative dimension {sizes[i]}: {[sizes[j] for j in range(ndim)]}")
        if sizes[i] == 0:
            zero = True
        elif ft_mul_overflow(n, sizes[i], &n):
            over = True
            n = 1
    if zero:
        return 0
    if over:
        raise RuntimeError(f"Storage size calculation overflowed with sizes={[sizes[j] for j in range(ndim)]}")
    return n


cdef Py_ssize_t checked_nbytes(Py_ssize_t numel, int code) except -1:
    cdef Py_ssize_t nbytes
    if ft_mul_overflow(numel, ITEMSIZES[code], &nbytes):
        raise RuntimeError(f"Storage size calculation overflowed: {numel} elements of {ITEMSIZES[code]} bytes")
    return nbytes


cdef int checked_extent(int ndim, const Py_ssize_t* sizes, const Py_ssize_t* strides, Py_ssize_t* low, Py_ssize_t* high) except -1:
    """Lowest and highest element offset a view touches; both 0 for an empty one."""
    cdef Py_ssize_t lo = 0, hi = 0, reach
    cdef int i
    checked_numel(ndim, sizes)
    for i in range(ndim):
        if sizes[i] == 0:
            low[0] = 0
            high[0] = -1
            return 0
    for i in range(ndim):
        if ft_mul_overflow(sizes[i] - 1, strides[i], &reach) or (ft_add_overflow(lo, reach, &lo) if reach < 0 else ft_add_overflow(hi, reach, &hi)):
            raise RuntimeError(f"Storage size calculation overflowed with sizes={[sizes[j] for j in range(ndim)]} and strides={[strides[j] for j in range(ndim)]}")
    low[0] = lo
    high[0] = hi
    return 0


cdef int check_view_fits(Storage storage, int code, int ndim, const Py_ssize_t* sizes, const Py_ssize_t* strides, Py_ssize_t offset) except -1:
    """The one gate for (storage, offset, sizes, strides): RuntimeError unless every element lies inside."""
    cdef Py_ssize_t low, high, first, last, nbytes
    cdef int i
    if offset < 0:
        raise RuntimeError(f"Tensor: invalid storage offset {offset}")
    for i in range(ndim):
        if strides[i] < 0:
            raise RuntimeError(f"as_strided: Negative strides are not supported at the moment, got strides: {[strides[j] for j in range(ndim)]}")
    checked_extent(ndim, sizes, strides, &low, &high)
    if high < 0:
        return 0
    if ft_add_overflow(offset, low, &first) or ft_add_overflow(offset, high, &last) or ft_add_overflow(last, 1, &last) \
            or ft_mul_overflow(last, ITEMSIZES[code], &nbytes) or first < 0 or nbytes > storage.nbytes:
        raise RuntimeError(
            f"setStorage: sizes {[sizes[j] for j in range(ndim)]}, strides {[strides[j] for j in range(ndim)]}, storage offset {offset}, and "
            f"itemsize {ITEMSIZES[code]} requiring a storage size of {(offset + high + 1) * ITEMSIZES[code]} are out of bounds for storage of size {storage.nbytes}")
    return 0


cdef void contiguous_strides(int ndim, const Py_ssize_t* sizes, Py_ssize_t* strides) noexcept nogil:
    cdef Py_ssize_t step = 1
    cdef int i
    for i in range(ndim - 1, -1, -1):
        strides[i] = step
        step *= sizes[i] if sizes[i] > 1 else 1


cdef int format_strides(int format, int ndim, const Py_ssize_t* sizes, Py_ssize_t* strides) except -1:
    """Strides of a memory format: channels move last, spatial dims stay in order."""
    cdef Py_ssize_t step = 1
    cdef int i
    if format == Format.CONTIGUOUS or format == Format.PRESERVE:
        contiguous_strides(ndim, sizes, strides)
        return 0
    if ndim != (4 if format == Format.CHANNELS_LAST else 5):
        raise RuntimeError(f"required rank {4 if format == Format.CHANNELS_LAST else 5} tensor to use channels_last format, got {ndim} dims")
    strides[1] = step
    step *= sizes[1] if sizes[1] > 1 else 1
    for i in range(ndim - 1, 1, -1):
        strides[i] = step
        step *= sizes[i] if sizes[i] > 1 else 1
    strides[0] = step
    return 0


cdef bint strides_dense(int ndim, const Py_ssize_t* sizes, const Py_ssize_t* strides) noexcept nogil:
    cdef Py_ssize_t step = 1
    cdef int i
    for i in range(ndim - 1, -1, -1):
        if sizes[i] != 1:
            if strides[i] != step:
                return False
            step *= sizes[i]
    return True


cdef bint strides_are(Tensor t, int format) noexcept:
    """Whether the tensor is dense in `format`."""
    cdef Py_ssize_t step = 1
    cdef int i, rank = 4 if format == Format.CHANNELS_LAST else 5
    if format <= Format.CONTIGUOUS:
        return (t.flags & DENSE) != 0
    if t.rank != rank:
        return False
    if t.count == 0:
        return True
    if t.sizes[1] != 1 and t.strides[1] != 1:
        return False
    step = t.sizes[1]
    for i in range(rank - 1, 1, -1):
        if t.sizes[i] != 1:
            if t.strides[i] != step:
                return False
            step *= t.sizes[i]
    return t.sizes[0] == 1 or t.strides[0] == step


cdef bint non_overlapping_and_dense(Tensor t) noexcept:
    """Some order of the dims makes the tensor contiguous."""
    cdef int order[64]
    cdef int n = 0, i, j, key
    cdef Py_ssize_t step = 1
    if t.flags & DENSE:
        return True
    for i in range(t.rank):
        if t.sizes[i] == 0:
            return True
        if t.sizes[i] == 1:
            continue
        j = n
        while j > 0 and t.strides[order[j - 1]] > t.strides[i]:
            order[j] = order[j - 1]
            j -= 1
        order[j] = i
        n += 1
    for j in range(n):
        key = order[j]
        if t.strides[key] != step:
            return False
        step *= t.sizes[key]
    return True


cdef void preserved_strides(Tensor t, Py_ssize_t* strides) noexcept:
    """Strides of a fresh tensor in `preserve_format`: the same when dense, else the same order of dims, packed."""
    cdef int order[64]
    cdef int i, j
    cdef Py_ssize_t step = 1
    if t.flags & DENSE:
        if t.count == 0:
            contiguous_strides(t.rank, t.sizes, strides)
        else:
            memcpy(strides, t.strides, t.rank * sizeof(Py_ssize_t))
        return
    if non_overlapping_and_dense(t):
        memcpy(strides, t.strides, t.rank * sizeof(Py_ssize_t))
        return
    # insertion sort, fastest dim first; a zero stride is no evidence, then the later dim is the faster one
    for i in range(t.rank - 1, -1, -1):
        j = t.rank - 1 - i
        while j > 0 and t.strides[i] != 0 and t.strides[order[j - 1]] != 0 and (
                t.strides[order[j - 1]] > t.strides[i] or (t.strides[order[j - 1]] == t.strides[i] and t.sizes[order[j - 1]] > t.sizes[i])):
            order[j] = order[j - 1]
            j -= 1
        order[j] = i
    for j in range(t.rank):
        strides[order[j]] = step
        step *= t.sizes[order[j]] if t.sizes[order[j]] > 1 else 1
