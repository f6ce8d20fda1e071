# cython: language_level=3, boundscheck=False, wraparound=False
# cython: cdivision=True, initializedcheck=False
# cat and stack of tensors of one dtype, and roll: if each is dense, part k of every outer row is one contiguous piece of the result; else
# each is copied to its place. Other joins (casts, other memory formats, meta, errors) are ops/shape.py's.
from frankentorch._ext.types cimport *
from frankentorch._ext.dtype cimport ITEMSIZE, to_complex_code
from frankentorch._ext.elementwise cimport copy_into
from frankentorch._ext.formats cimport channels_last, new_image, place_of
from frankentorch._ext.levels cimport fill_moves
from frankentorch._ext.moves cimport *
from frankentorch._ext.tensor cimport *
from frankentorch._ext.threads cimport parallel_for
from libc.stdlib cimport malloc, free

cdef enum:
    KEEP_LOCK = 4096             # elements
    CHUNK = 131072               # bytes of the result a thread makes at once
    PIECE = 16384                # bytes of the result made row by row before the next part's turn

cdef int[17] LOG_SIZE = [0, 0, 1, 0, 2, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 4]         # of an item of so many bytes
cdef void* planes[MOVE_SLOTS]
fill_moves(planes)

cdef struct Part:
    const char* source
    Py_ssize_t nbytes            # of one row
    Py_ssize_t step              # to its next row

cdef struct Join:
    Part* parts
    Py_ssize_t n
    char* out
    Py_ssize_t row               # bytes

cdef object _general = None


cdef object general(str name, tuple arguments):
    """The Python form, which takes everything and words the errors."""
    global _general
    if _general is None:
        from frankentorch.ops import shape
        _general = shape
    return getattr(_general, name)(*arguments)


cdef void join_rows(void* context, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """Rows [begin, end) of the result, a few at a time so that neighbouring pieces are written together."""
    cdef Join* j = <Join*> context
    cdef Py_ssize_t k, rows = PIECE // j.row if PIECE > j.row else 1
    cdef int log
    cdef char* to
    cdef Part* part
    cdef Py_ssize_t half = j.row // 2
    cdef bint pairs = j.n == 2 and j.parts[0].nbytes == j.parts[1].nbytes == j.parts[0].step == j.parts[1].step and (half == 1 or (half <= 16 and LOG_SIZE[half] > 0))
    pairs = pairs and (<Py_ssize_t> j.out | <Py_ssize_t> j.parts[0].source | <Py_ssize_t> j.parts[1].source) & (half - 1) == 0
    while begin < end:
        if rows > end - begin:
            rows = end - begin
        to = j.out + begin * j.row
        if pairs:
            (<move_pairs> planes[MOVE_PAIRS + LOG_SIZE[half]])(to, j.parts[0].source + begin * half, j.parts[1].source + begin * half, rows)
            begin += rows
            continue
        for k in range(j.n):
            part = &j.parts[k]
            log = LOG_SIZE[part.nbytes] if part.nbytes <= 16 else 0
            if log > 0 and (j.row | <Py_ssize_t> to | <Py_ssize_t> part.source | part.step) & (part.nbytes - 1) == 0:     # one item of a row
                (<move_plane> planes[log])(to, 0, j.row, part.source + begin * part.step, 0, part.step, 1, rows)
            else:
                (<move_plane> planes[0])(to, j.row, 1, part.source + begin * part.step, part.step, 1, rows, part.nbytes)
            to += part.nbytes
        begin += rows


cdef void join_bytes(void* context, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """Bytes [begin, end) of a result of one row."""
    cdef Join* j = <Join*> context
    cdef Py_ssize_t k, start = 0, low, high
    for k in range(j.n):
        low = begin - start if begin > start else 0
        high = end - start if end - start < j.parts[k].nbytes else j.parts[k].nbytes
        if low < high:
            (<move_plane> planes[0])(j.out + start + low, 0, 1, j.parts[k].source + low, 0, 1, 1, high - low)
        start += j.parts[k].nbytes
        if start >= end:
            return


cdef void join_all(Join* j, Py_ssize_t outer, Py_ssize_t count) noexcept:
    if count < KEEP_LOCK:
        join_rows(j, 0, outer)
        return
    with nogil:
        if outer == 1:
            parallel_for(join_bytes, j, j.row, CHUNK)
        else:
            parallel_for(join_rows, j, outer, CHUNK // j.row if CHUNK > j.row else 1)


cdef Tensor join(list tensors, Tensor first, int dim, int ndim, Py_ssize_t* sizes, bint new_dim):
    """The tensors beside each other along `dim` of a result of these sizes (that of `dim` is still to be summed)."""
    cdef Py_ssize_t outer = 1, inner = 1, total = 0
    cdef int d
    cdef Tensor t, out
    cdef Join j
    for d in range(ndim):
        if d < dim:
            outer *= sizes[d]
        elif d > dim:
            inner *= sizes[d]
    for t in tensors:
        total += 1 if new_dim else t.sizes[dim]
    sizes[dim] = total
    out = new_tensor(first.code, False, ndim, sizes)
    if out.count == 0:
        return out
    inner *= ITEMSIZE[first.code]
    j.parts = <Part*> malloc(len(tensors) * sizeof(Part))
    if j.parts == NULL:
        raise MemoryError("cat")
    j.n, j.out, j.row = 0, data_of(out), total * inner
    for t in tensors:
        j.parts[j.n].source = data_of(t)
        j.parts[j.n].nbytes = j.parts[j.n].step = inner if new_dim else t.sizes[dim] * inner
        j.n += 1
    join_all(&j, outer, out.count)
    free(j.parts)
    return out


def cat(tensors, Py_ssize_t dim):
    """Tensors joined along a dim."""
    cdef list parts = list(tensors)
    cdef Py_ssize_t sizes[64]
    cdef Tensor t, first
    cdef int d
    if not parts:
        return general("cat", (tensors, dim))
    first = <Tensor> parts[0]
    if first.rank == 0 or is_meta(first) or not -first.rank <= dim < first.rank:
        return general("cat", (tensors, dim))
    if dim < 0:
        dim += first.rank
    for t in parts:
        if t.code != first.code or t.rank != first.rank or not t.flags & DENSE or is_meta(t):
            return general("cat", (tensors, dim))
        for d in range(first.rank):
            if d != dim and t.sizes[d] != first.sizes[d]:
                return general("cat", (tensors, dim))
    for d in range(first.rank):
        sizes[d] = first.sizes[d]
    return join(parts, first, <int> dim, first.rank, sizes, False)


cdef Tensor pile(list tensors, Tensor first, int dim, Py_ssize_t* sizes):
    """The tensors, with whatever strides, as slices of a result of these sizes along its dim `dim`."""
    cdef Tensor t, out = new_tensor(first.code, False, first.rank + 1, sizes)
    cdef Py_ssize_t strides[64]
    cdef Py_ssize_t k = 0
    cdef int d
    for d in range(first.rank):
        strides[d] = out.strides[d if d < dim else d + 1]
    for t in tensors:
        copy_into(new_view(out, first.rank, first.sizes, strides, out.offset + k * out.strides[dim]), t)
        k += 1
    return out


def stack(tensors, Py_ssize_t dim):
    """Tensors joined along a new dim."""
    cdef list parts = list(tensors)
    cdef Py_ssize_t sizes[64]
    cdef Tensor t, first
    cdef int d
    cdef bint dense = True
    if not parts:
        return general("stack", (tensors, dim))
    first = <Tensor> parts[0]
    if is_meta(first) or first.rank >= MAX_DIMS or not -first.rank - 1 <= dim <= first.rank:
        return general("stack", (tensors, dim))
    if dim < 0:
        dim += first.rank + 1
    for t in parts:
        if t.code != first.code or t.rank != first.rank or is_meta(t):
            return general("stack", (tensors, dim))
        dense = dense and t.flags & DENSE
        for d in range(first.rank):
            if t.sizes[d] != first.sizes[d]:
                return general("stack", (tensors, dim))
    for d in range(first.rank):
        sizes[d if d < dim else d + 1] = first.sizes[d]
    sizes[dim] = len(parts)
    if not dense:
        return pile(parts, first, <int> dim, sizes)
    return join(parts, first, <int> dim, first.rank + 1, sizes, True)


def complex_of(Tensor real, Tensor imag):
    """A complex tensor of its parts, float32 or float64, dense and of one shape."""
    cdef Part parts[2]
    cdef Join j
    cdef int code = to_complex_code(real.code)
    cdef Tensor out = new_tensor(code, False, real.rank, real.sizes)
    if out.count == 0:
        return out
    j.parts, j.n, j.out, j.row = parts, 2, data_of(out), ITEMSIZE[code]
    parts[0].nbytes = parts[0].step = parts[1].nbytes = parts[1].step = ITEMSIZE[real.code]
    parts[0].source, parts[1].source = data_of(real), data_of(imag)
    join_all(&j, out.count, out.count)
    return out


def rolled(Tensor self, Py_ssize_t shift, Py_ssize_t dim):
    """The last `shift` slices along dim first, then the others; any shift."""
    cdef Part parts[2]
    cdef Join j
    cdef Tensor out
    cdef Py_ssize_t outer = 1, inner = 1
    cdef bint last = channels_last(self)
    cdef int d
    dim = self.wrap_dim(dim)
    shift %= max(self.sizes[dim], 1)
    if shift < 0:
        shift += self.sizes[dim]
    if is_meta(self) or not (last or self.flags & DENSE):
        return general("rolled", (self, shift, dim))
    for d in range(self.rank):
        if place_of(d, self.rank, last) < place_of(dim, self.rank, last):
            outer *= self.sizes[d]
        elif d != dim:
            inner *= self.sizes[d]
    out = new_image(self.code, False, self.rank, self.sizes, last)
    if out.count == 0:
        return out
    inner *= ITEMSIZE[self.code]
    j.parts, j.n, j.out, j.row = parts, 2, data_of(out), self.sizes[dim] * inner
    parts[0].nbytes, parts[1].nbytes = shift * inner, j.row - shift * inner
    parts[0].step = parts[1].step = j.row
    parts[0].source, parts[1].source = data_of(self) + parts[1].nbytes, data_of(self)
    join_all(&j, outer, out.count)
    return out
