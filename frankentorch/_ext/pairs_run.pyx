# cython: language_level=3, boundscheck=False, wraparound=False
# cython: cdivision=True, initializedcheck=False
# Values of pairs: distances of rows, sums of neighbours, choices of places, cross products. These are the ways of callers that record
# nothing; each has a composite of the same bits, for the tape (ops/linalg.py, ops/statistics.py).
from libc.string cimport memcpy, memset
from frankentorch._ext.types cimport *
from frankentorch._ext.dtype cimport ITEMSIZE
from frankentorch._ext.tensor cimport *
from frankentorch._ext.elementwise cimport contiguous_tensor
from frankentorch._ext.alloc cimport ft_alloc, ft_free
from frankentorch._ext.threads cimport parallel_for
from frankentorch._ext.reduce_run cimport sum_columns
from frankentorch._ext.levels cimport fill_pairs
from frankentorch._ext.pairs cimport *

cdef void* table[PAIR_SLOTS]
fill_pairs(table)

cdef enum:
    GRAIN = 32768               # differences worth a thread
    PANEL = 256                 # bytes of features at a time,
    ROWS = 32                   # which so many rows meet

ctypedef fused number:
    ft_f32
    ft_f64
    ft_i32
    ft_i64


cdef struct Distances:
    const char* x               # (batch, rows, features)
    const char* y               # (batch, others, features)
    char* out                   # (batch, rows, others), or the part above the diagonal, row after row
    Py_ssize_t rows, others, features, strips, item
    int kind, wide
    bint above, failed


cdef inline void add_lines(bint wide, void* x, const void* y, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    if wide:
        for i in range(n):
            (<double*> x)[i] += (<const double*> y)[i]
    else:
        for i in range(n):
            (<float*> x)[i] += (<const float*> y)[i]


cdef void distances_of(const Distances* d, const char* x, Py_ssize_t rows, const char* space, Py_ssize_t cols, Py_ssize_t width, char* found) noexcept nogil:
    """A tile of distances to found. Sums of blocks meet in a tree of neighbours: those that wait stand in a row, an odd last one passes up."""
    cdef Py_ssize_t tile = PAIR_ROWS * PAIR_COLS * d.item, block = 0, k, start = 0, n
    cdef char* at = found
    while start < d.features:
        n = d.features - start if d.kind == PAIR_GREATEST else min(d.features - start, FEATURES)
        (<pair_tile> table[d.kind + d.wide])(n, rows, cols, x + start * d.item, d.features, space + start * width * d.item, d.features * width, at)
        k = block
        while k & 1:
            at -= tile
            add_lines(d.wide, at, at + tile, rows * PAIR_COLS)
            k >>= 1
        at += tile
        block += 1
        start += n
    while at > found + tile:
        at -= tile
        add_lines(d.wide, at - tile, at, rows * PAIR_COLS)
    if d.kind == PAIR_SQUARES:
        (<pair_roots> table[PAIR_ROOTS + d.wide])(rows * PAIR_COLS, found)


cdef void distances_body(void* context, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """Strips of PAIR_COLS others, of all batches: their rows are turned into columns once, then met by every row."""
    cdef Distances* d = <Distances*> context
    cdef Py_ssize_t s, i, j, r, first, n, m, rows, width, line = PAIR_COLS * d.item, features = d.features, tiles = 1
    cdef char* space
    cdef char* found
    cdef const char* x
    cdef char* out
    while FEATURES << tiles < 2 * features:
        tiles += 1
    space = <char*> ft_alloc((features + (tiles + 1) * PAIR_ROWS) * line)
    if space == NULL:
        d.failed = True
        return
    found = space + features * line
    memset(found, 0, (tiles + 1) * PAIR_ROWS * line)       # columns that are not there take part in sums
    for s in range(begin, end):
        first = s % d.strips * PAIR_COLS
        n = min(d.others - first, PAIR_COLS)
        x = d.x + s // d.strips * d.rows * features * d.item
        width = (<pair_columns> table[PAIR_COLUMNS + d.wide])(features, n, d.y + (s // d.strips * d.others + first) * features * d.item, space)
        rows = min(d.rows, first + n - 1) if d.above else d.rows
        i = 0
        while i < rows:
            m = min(rows - i, PAIR_ROWS)
            distances_of(d, x + i * features * d.item, m, space, n, width, found)
            for r in range(i, i + m):
                if d.above:
                    j = max(r + 1 - first, 0)
                    out = d.out + (r * d.rows - r * (r + 1) // 2 + first + j - r - 1) * d.item
                else:
                    j = 0
                    out = d.out + ((s // d.strips * d.rows + r) * d.others + first) * d.item
                memcpy(out, found + ((r - i) * PAIR_COLS + j) * d.item, (n - j) * d.item)
            i += m
    ft_free(space, (features + (tiles + 1) * PAIR_ROWS) * line)


def distances(Tensor x, Tensor y, double p, bint above):
    """Norms (p 1, 2 or infinite) of the differences of the rows of x (..., n, features) and y (..., m, features), both float32 or both float64
    and of one leading shape; `above`: of the rows of the matrix x with those after them."""
    cdef Py_ssize_t sizes[64]
    cdef Py_ssize_t batch = 1
    cdef Distances d
    cdef Tensor a = contiguous_tensor(x), b = contiguous_tensor(y), out
    cdef int i
    d.rows, d.others, d.features = x.sizes[x.rank - 2], y.sizes[y.rank - 2], x.sizes[x.rank - 1]
    for i in range(x.rank - 2):
        sizes[i] = x.sizes[i]
        batch *= x.sizes[i]
    sizes[x.rank - 2], sizes[x.rank - 1] = d.rows, d.others
    if above:
        sizes[0] = d.rows * (d.rows - 1) // 2
    out = new_tensor(x.code, False, 1 if above else x.rank, sizes)
    if out.count == 0:
        return out
    d.kind = PAIR_SQUARES if p == 2 else PAIR_SIZES if p == 1 else PAIR_GREATEST
    d.wide, d.above, d.failed, d.item = x.code == F64, above, False, ITEMSIZE[x.code]
    d.strips = (d.others + PAIR_COLS - 1) // PAIR_COLS
    d.x, d.y, d.out = data_of(a), data_of(b), data_of(out)
    with nogil:
        parallel_for(distances_body, &d, batch * d.strips, max(GRAIN // (PAIR_COLS * max(d.rows * d.features, 1)), 1))
    if d.failed:
        raise MemoryError("cdist: no memory for a strip of rows")
    return out


cdef struct Pulls:
    int kind, wide
    const char* weights         # (batch, rows, others)
    const char* far             # the same: distances of greatest differences
    const char* x
    const char* y
    char* out                   # (batch, rows, features)
    Py_ssize_t rows, others, features, item
    bint failed


cdef void pulls_body(void* context, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """Some features of all rows of y, side by side, meet the rows of x in turn."""
    cdef Pulls* p = <Pulls*> context
    cdef Py_ssize_t i = begin, k, stop, first, n, at, line = p.features * p.item, width = PANEL // p.item, shares = p.others * ROWS * p.item
    cdef const char* y
    cdef const char* weights = p.weights
    cdef char* panel = <char*> ft_alloc(p.others * PANEL + shares)
    if panel == NULL:
        p.failed = True
        return
    while i < end:
        stop = min((i // p.rows + 1) * p.rows, end)         # of one matrix,
        y = p.y + i // p.rows * p.others * line
        if p.kind == PAIR_PEAKS:                            # a few rows, whose shares are worked out before
            stop = min(stop, i + ROWS)
            weights = panel + p.others * PANEL - i * p.others * p.item
            for k in range(i, stop):
                at = k * p.others * p.item
                (<pair_shares> table[PAIR_SHARES + p.wide])(p.features, p.others, p.weights + at, p.far + at, p.x + k * line, y, <char*> weights + at)
        first = 0
        while first < p.features:
            n = min(width, p.features - first)
            for k in range(p.others):
                memcpy(panel + k * n * p.item, y + k * line + first * p.item, n * p.item)
            for k in range(i, stop):
                at = k * p.others * p.item
                (<pair_pulls> table[p.kind + p.wide])(n, p.others, weights + at, p.far + at, p.x + k * line + first * p.item, panel, p.out + k * line + first * p.item)
            first += n
        i = stop
    ft_free(panel, p.others * PANEL + shares)


def pulls(Tensor weights, Tensor x, Tensor y, Tensor far, bint signs):
    """Sums over the rows of y (..., m, features) of weights (..., n, m) times the differences, or their signs, of the rows of x (..., n, features) from them. With
    far, the greatest absolute values of the differences (..., n, m): only their signs, and those that are equal share a weight."""
    cdef Tensor w = contiguous_tensor(weights), a = contiguous_tensor(x), b = contiguous_tensor(y), most = w if far is None else contiguous_tensor(far)
    cdef Tensor out = new_tensor(x.code, False, x.rank, x.sizes)
    cdef Pulls p
    if out.count == 0:
        return out
    p.rows, p.others, p.features, p.item = x.sizes[x.rank - 2], y.sizes[y.rank - 2], x.sizes[x.rank - 1], ITEMSIZE[x.code]
    p.kind, p.wide = PAIR_PEAKS if far is not None else PAIR_SIGNS if signs else PAIR_PULLS, x.code == F64
    p.weights, p.far, p.x, p.y, p.out = data_of(w), data_of(most), data_of(a), data_of(b), data_of(out)
    p.failed = False
    with nogil:
        parallel_for(pulls_body, &p, out.count // p.features, max(GRAIN // max(p.others * p.features, 1), ROWS))
    if p.failed:
        raise MemoryError("cdist: no memory for some features of all rows")
    return out


def square(Tensor pairs, Py_ssize_t n):
    """The matrix (n, n) of values of pairs above its diagonal, row after row: itself turned below, 0 on the diagonal. float32 or float64."""
    cdef Py_ssize_t sizes[2]
    cdef Py_ssize_t i, j, at = 0
    cdef Tensor x = contiguous_tensor(pairs), out
    cdef const char* source
    cdef char* to
    sizes[0] = sizes[1] = n
    out = new_tensor(pairs.code, False, 2, sizes)
    source, to = data_of(x), data_of(out)
    memset(to, 0, out.count * ITEMSIZE[pairs.code])
    for i in range(n):
        for j in range(i + 1, n):
            if pairs.code == F64:
                (<double*> to)[i * n + j] = (<double*> to)[j * n + i] = (<const double*> source)[at]
            else:
                (<float*> to)[i * n + j] = (<float*> to)[j * n + i] = (<const float*> source)[at]
            at += 1
    return out


def panel_sums(Tensor y):
    """Sum over i of y[..., i + 1] + y[..., i], for contiguous float32 or float64 of at least two values a line: each pair is rounded, then summed in order."""
    cdef Py_ssize_t n = y.sizes[y.rank - 1], lines = y.count // n, i, item = ITEMSIZE[y.code]
    cdef int wide = y.code == F64
    cdef Tensor out = new_tensor(y.code, False, y.rank - 1, y.sizes)
    cdef const char* source = data_of(y)
    cdef char* to = data_of(out)
    cdef char* line = <char*> ft_alloc(n * item)
    if line == NULL:
        raise MemoryError("trapezoid: no memory for a line")
    with nogil:
        for i in range(lines):
            (<neighbour_sums> table[NEIGHBOUR_SUMS + wide])(n - 1, source + i * n * item, line)
            sum_columns(wide, line, n - 1, 1, 1, to + i * item)
    ft_free(line, n * item)
    return out


def choices(Py_ssize_t n, Py_ssize_t r, bint again, Py_ssize_t count):
    """The `count` choices of r of n places in lexicographic order, each ascending (`again`: places may repeat): one int64 tensor per position."""
    cdef list columns = [new_tensor(I64, False, 1, &count) for _ in range(r)]
    cdef Tensor state = new_tensor(I64, False, 1, &r)
    cdef long long* now = <long long*> data_of(state)
    cdef long long* last
    cdef Py_ssize_t i, k, at = 0, step = 0 if again else 1
    for k in range(r):
        now[k] = k * step
    last = <long long*> data_of(<Tensor> columns[r - 1])
    while at < count:
        i = n - now[r - 1]                          # choices that differ in the last place only
        for k in range(r - 1):
            fill_places(<long long*> data_of(<Tensor> columns[k]) + at, i, now[k], 0)
        fill_places(last + at, i, now[r - 1], 1)
        at += i
        k = r - 2
        while k >= 0 and now[k] == n - 1 - (r - 1 - k) * step:
            k -= 1
        if k < 0:
            break
        now[k] += 1
        for i in range(k + 1, r):
            now[i] = now[i - 1] + step
    return columns


cdef void fill_places(long long* to, Py_ssize_t n, long long first, long long step) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        to[i] = first + i * step


cdef void cross_run(const number* x, const number* y, number* out, Py_ssize_t outer, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t o, i
    for o in range(outer):
        for i in range(n):
            out[i] = x[n + i] * y[2 * n + i] - x[2 * n + i] * y[n + i]
            out[n + i] = x[2 * n + i] * y[i] - x[i] * y[2 * n + i]
            out[2 * n + i] = x[i] * y[n + i] - x[n + i] * y[i]
        x, y, out = x + 3 * n, y + 3 * n, out + 3 * n


def cross(Tensor self, Tensor other, int dim):
    """Cross products of one shape and dtype (float32, float64, int32 or int64) along `dim`, of size 3."""
    cdef Tensor a = contiguous_tensor(self), b = contiguous_tensor(other), out = new_tensor(self.code, False, self.rank, self.sizes)
    cdef Py_ssize_t outer = 1, n = 1
    cdef int d
    for d in range(self.rank):
        if d < dim:
            outer *= self.sizes[d]
        elif d > dim:
            n *= self.sizes[d]
    x, y, to = data_of(a), data_of(b), data_of(out)
    if self.code == F32:
        cross_run(<const ft_f32*> x, <const ft_f32*> y, <ft_f32*> to, outer, n)
    elif self.code == F64:
        cross_run(<const ft_f64*> x, <const ft_f64*> y, <ft_f64*> to, outer, n)
    elif self.code == I32:
        cross_run(<const ft_i32*> x, <const ft_i32*> y, <ft_i32*> to, outer, n)
    else:
        cross_run(<const ft_i64*> x, <const ft_i64*> y, <ft_i64*> to, outer, n)
    return out
