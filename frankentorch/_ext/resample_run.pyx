# cython: language_level=3, boundscheck=False, wraparound=False
# cython: cdivision=True, initializedcheck=False
# Resampling of grids. Interpolation, and padding that repeats values, are sums of a few weighted input places per output place, dim by dim:
# `Taps` lists them, one loop reads them, and adds back by the lists turned round. Outputs ascend and taps ascend, so the order of every sum
# is fixed. A few planes at a time go through all dims, while they are in a cache. Halves work in float32 and round once; complex numbers
# are pairs of reals; images in channels_last are (images, places, channels), worked where they are.
from libc.stdlib cimport calloc, malloc, free
from libc.string cimport memcpy
from frankentorch._ext.types cimport *
from frankentorch._ext.dtype cimport ITEMSIZE, is_complex_code
from frankentorch._ext.tensor cimport *
from frankentorch._ext.elementwise cimport cast_tensor, contiguous_tensor
from frankentorch._ext.formats cimport channels_last, new_image, place_of, working_code
from frankentorch._ext.levels cimport fill_moves, fill_resample
from frankentorch._ext.alloc cimport ft_alloc, ft_free
from frankentorch._ext.moves cimport *
from frankentorch._ext.resample cimport *
from frankentorch._ext.threads cimport parallel_for
from frankentorch._ext.tiles cimport load, store

cdef void* table[RESAMPLE_SLOTS]
fill_resample(table)
cdef void* moves[MOVE_SLOTS]
fill_moves(moves)


cdef class Taps:
    """Where each of `n_out` places reads among `n_in`: `width` indices each, with weights unless a place is a plain copy."""
    cdef readonly Py_ssize_t n_in, n_out, width, runs
    cdef readonly bint weighted
    cdef Py_ssize_t* index
    cdef double* weight
    cdef Py_ssize_t* lengths                # plain copies: so many places, run after run, read places side by side
    cdef Spread[2] spreads                  # what each place reads, and what reads each place; made when first asked for

    def __cinit__(self, Py_ssize_t n_in, list index, list weight=None):
        cdef Py_ssize_t o, t
        self.n_in, self.n_out = n_in, len(index)
        self.width = 1 if weight is None else max([len(row) for row in weight]) if weight else 1
        self.weighted = weight is not None
        self.index = <Py_ssize_t*> malloc((self.n_out * self.width + 1) * sizeof(Py_ssize_t))
        self.weight = <double*> malloc((self.n_out * self.width + 1) * sizeof(double))
        self.lengths = <Py_ssize_t*> malloc((self.n_out + 1) * sizeof(Py_ssize_t))
        if self.index == NULL or self.weight == NULL or self.lengths == NULL:
            raise MemoryError()
        for o in range(self.n_out):
            if weight is None:
                self.index[o], self.weight[o] = index[o], 1
                continue
            for t in range(self.width):
                if t < len(weight[o]):
                    self.index[o * self.width + t], self.weight[o * self.width + t] = index[o][t], weight[o][t]
                else:                       # a short row ends in weights of 0 at a place it reads anyway
                    self.index[o * self.width + t], self.weight[o * self.width + t] = index[o][0], 0
        for o in range(self.n_out * self.width):
            if self.index[o] < 0 or self.index[o] >= n_in:
                raise IndexError(f"tap {self.index[o]} is outside of {n_in} places")
        for o in range(self.n_out if weight is None else 0):
            if o == 0 or self.index[o] != self.index[o - 1] + 1:
                self.lengths[self.runs] = 0
                self.runs += 1
            self.lengths[self.runs - 1] += 1

    def __dealloc__(self):
        free(self.index)
        free(self.weight)
        free(self.lengths)
        free(self.spreads[0].start)
        free(self.spreads[1].start)

    cdef Spread* spread(self, bint adjoint) except NULL:
        """Terms by place: taps ascending but for those of weight 0 after the first; of the adjoint, readers ascending."""
        cdef Spread* s = &self.spreads[adjoint]
        cdef Py_ssize_t o, t, at, tap, count = self.n_out * self.width
        if s.start != NULL:
            return s
        s.n_in, s.n = (self.n_out, self.n_in) if adjoint else (self.n_in, self.n_out)
        s.start = <Py_ssize_t*> calloc((s.n + 2) * 8 + count * 20, 1)
        if s.start == NULL:
            raise MemoryError("resample: no memory for the weights")
        s.wide = <double*> (s.start + s.n + 2)
        s.index, s.narrow = <int*> (s.wide + count), <float*> (s.wide + count) + count
        for tap in range(count):                # counts, two places on
            if self.weight[tap] != 0 or not adjoint and tap % self.width == 0:
                s.start[2 + (self.index[tap] if adjoint else tap // self.width)] += 1
        for o in range(s.n):
            s.start[o + 2] += s.start[o + 1]
        for tap in range(count):
            if self.weight[tap] != 0 or not adjoint and tap % self.width == 0:
                o, t = tap // self.width, self.index[tap]
                if adjoint:
                    o, t = t, o
                at = s.start[o + 1]
                s.start[o + 1] += 1
                s.index[at], s.wide[at], s.narrow[at] = <int> t, self.weight[tap], <float> self.weight[tap]
        return s


def nearest_places(Py_ssize_t n_in, Py_ssize_t n_out, scale, bint exact):
    """floor(o * scale), or floor((o + 1/2) * scale): in float32, as callers' sizes were rounded with it."""
    cdef float step = <float> (1.0 / <double> scale) if scale is not None and scale > 0 else <float> n_in / <float> n_out
    cdef Py_ssize_t o
    cdef list out = []
    for o in range(n_out):
        out.append(min(<Py_ssize_t> ((<float> o + <float> 0.5) * step if exact else <float> o * step), n_in - 1))
    return out


cdef int fixed_weights(Taps taps, Py_ssize_t* index, long long* weight) noexcept nogil:
    """Weights as whole numbers of 2^-p, p the most that keeps the largest in 16 bits; taps at one place are one. Returns p."""
    cdef Py_ssize_t o, t, k, n = taps.width
    cdef double largest = 0, w
    cdef int p = 0
    for o in range(taps.n_out):
        for t in range(n):
            w = 0
            for k in range(n):
                if taps.index[o * n + k] == taps.index[o * n + t]:
                    w += taps.weight[o * n + k]
            largest = w if w > largest else largest
    while p < 22 and <long long> (0.5 + largest * <double> (1 << (p + 1))) < 32768:
        p += 1
    for o in range(taps.n_out):
        for t in range(n):
            index[o * n + t] = taps.index[o * n + t]
            w = 0
            for k in range(n):
                if taps.index[o * n + k] == taps.index[o * n + t]:
                    if k < t:                   # counted where the place was met first
                        w = 0
                        break
                    w += taps.weight[o * n + k]
            weight[o * n + t] = <long long> (w * <double> (1 << p) - 0.5) if w < 0 else <long long> (w * <double> (1 << p) + 0.5)
            if w == 0:
                weight[o * n + t] = 0
    return p


cdef void bytes_pass(Taps taps, const Py_ssize_t* index, const long long* weight, int p, const unsigned char* x, unsigned char* out, Py_ssize_t outer, Py_ssize_t inner) noexcept nogil:
    cdef Py_ssize_t b, o, t, i
    cdef long long total
    for b in range(outer):
        for o in range(taps.n_out):
            for i in range(inner):
                total = (1 << p) >> 1
                for t in range(taps.width):
                    total += weight[o * taps.width + t] * x[index[o * taps.width + t] * inner + i]
                total >>= p
                out[i] = <unsigned char> (0 if total < 0 else 255 if total > 255 else total)
            out += inner
        x += taps.n_in * inner


cdef int split(Tensor t, Py_ssize_t dim, Py_ssize_t* outer, Py_ssize_t* inner) except -1:
    cdef int d
    outer[0] = inner[0] = 1
    for d in range(t.rank):
        if d < dim:
            outer[0] *= t.sizes[d]
        elif d > dim:
            inner[0] *= t.sizes[d]
    return 0


cdef Tensor resized(Tensor t, int code, Py_ssize_t dim, Py_ssize_t n):
    cdef Py_ssize_t sizes[64]
    cdef int d
    for d in range(t.rank):
        sizes[d] = n if d == dim else t.sizes[d]
    return new_tensor(code, is_meta(t), t.rank, sizes)


cdef enum:
    LONG = 8                    # places of a run that make one worth following from row to row
    PASSES = 8                  # dims at most
    BLOCK = 16384               # values of the planes at a time


cdef struct Level:
    const Py_ssize_t* index             # NULL: every place where it is
    const Py_ssize_t* lengths
    Py_ssize_t n_in, n_out, runs
    Py_ssize_t pitch, chunk             # bytes of a place, of the source and of the result


ctypedef fused place:
    unsigned char
    unsigned short
    unsigned int
    unsigned long long


cdef inline void copy_places(const Level* level, const place* source, place* to) noexcept nogil:
    cdef Py_ssize_t o
    for o in range(level.n_out):
        to[o] = source[level.index[o]]


cdef inline void copy_line(const Level* level, const char* source, char* to) noexcept nogil:
    """The last of the dims: run after run, or place after place."""
    cdef Py_ssize_t o = 0, k
    if level.runs * LONG > level.n_out and level.pitch <= 8 and level.pitch & (level.pitch - 1) == 0:
        if level.pitch == 4:
            copy_places(level, <const unsigned int*> source, <unsigned int*> to)
        elif level.pitch == 2:
            copy_places(level, <const unsigned short*> source, <unsigned short*> to)
        elif level.pitch == 8:
            copy_places(level, <const unsigned long long*> source, <unsigned long long*> to)
        else:
            copy_places(level, <const unsigned char*> source, <unsigned char*> to)
        return
    for k in range(level.runs):
        memcpy(to, source + level.index[o] * level.pitch, level.lengths[k] * level.pitch)
        to += level.lengths[k] * level.pitch
        o += level.lengths[k]


cdef bint few_runs(const Level* level) noexcept nogil:
    return level.runs * LONG <= level.n_out


cdef void copy_rows(const Level* level, Py_ssize_t rows, const char* source, char* to) noexcept nogil:
    """Rows that follow each other: each run of the last dim, from all of them."""
    cdef const Level* line = level + 1
    cdef Py_ssize_t k, o = 0, nbytes
    cdef int log = 0 if line.pitch == 1 else 1 if line.pitch == 2 else 2 if line.pitch == 4 else 3 if line.pitch == 8 else 4
    for k in range(line.runs):
        nbytes = line.lengths[k] * line.pitch
        if line.lengths[k] == 1 and line.pitch == 1 << log:
            (<move_plane> moves[MOVE_PLANE + log])(to, 0, level.chunk, source + line.index[o] * line.pitch, 0, level.pitch, 1, rows)
        else:
            (<move_plane> moves[MOVE_PLANE])(to, level.chunk, 1, source + line.index[o] * line.pitch, level.pitch, 1, rows, nbytes)
        to += nbytes
        o += line.lengths[k]


cdef void copy_plane(const Level* level, const char* source, char* to) noexcept nogil:
    """The last two dims, of few runs each: the longest run of rows, then those that repeat one of them."""
    cdef Py_ssize_t k, o = 0, at = 0, longest = 0, twin
    if level.index == NULL:
        copy_rows(level, level.n_out, source, to)
        return
    for k in range(level.runs):
        if level.lengths[k] > longest:
            longest, at = level.lengths[k], o
        o += level.lengths[k]
    copy_rows(level, longest, source + level.index[at] * level.pitch, to + at * level.chunk)
    o = 0
    for k in range(level.runs):
        if o != at:
            for twin in range(level.index[o] - level.index[at], level.index[o] - level.index[at] + level.lengths[k]):
                if 0 <= twin < longest:
                    memcpy(to + o * level.chunk, to + (at + twin) * level.chunk, level.chunk)
                else:
                    copy_rows(level, 1, source + (level.index[at] + twin) * level.pitch, to + o * level.chunk)
                o += 1
        else:
            o += longest


cdef void copy_level(const Level* level, int more, const char* source, char* to) noexcept nogil:
    """One dim and `more` dims inside of it. What repeats the place before is copied from there."""
    cdef Py_ssize_t o, at
    if more == 0:
        copy_line(level, source, to)
        return
    if more == 1 and few_runs(level + 1) and (level.index == NULL or few_runs(level)):
        copy_plane(level, source, to)
        return
    for o in range(level.n_out):
        at = o if level.index == NULL else level.index[o]
        if level.index != NULL and o > 0 and at == level.index[o - 1]:
            memcpy(to, to - level.chunk, level.chunk)
        elif more == 1:
            copy_line(level + 1, source + at * level.pitch, to)
        else:
            copy_level(level + 1, more - 1, source + at * level.pitch, to)
        to += level.chunk


cdef Tensor copy_passes(Tensor self, tuple passes):
    """Taps without weights move bytes, whatever they are: all dims at once."""
    cdef Level levels[64]
    cdef Py_ssize_t sizes[64]
    cdef int d, at, first = self.rank, final = 0
    cdef Py_ssize_t outer = 1, b, pitch = ITEMSIZE[self.code], chunk = pitch
    cdef bint last = channels_last(self)
    cdef Tensor x, out
    cdef Taps taps
    cdef Level* level
    cdef const char* source
    cdef char* to
    for d in range(self.rank):
        level = levels + place_of(d, self.rank, last)
        level.n_out = level.n_in = sizes[d] = self.sizes[d]
        level.index = level.lengths = NULL
        level.runs = 0
    for dim, one in passes:
        taps, d = <Taps> one, self.wrap_dim(dim)
        at = place_of(d, self.rank, last)
        sizes[d] = levels[at].n_out = taps.n_out
        levels[at].index, levels[at].lengths, levels[at].runs = taps.index, taps.lengths, taps.runs
        first, final = min(first, at), max(final, at)
    out = new_image(self.code, is_meta(self), self.rank, sizes, last)
    if is_meta(out) or out.count == 0:
        return out
    x = self if last else contiguous_tensor(self)
    for d in range(self.rank - 1, first - 1, -1):
        levels[d].pitch, levels[d].chunk = pitch, chunk
        pitch *= levels[d].n_in
        chunk *= levels[d].n_out
    for d in range(first):
        outer *= levels[d].n_out
    source, to = data_of(x), data_of(out)
    with nogil:
        for b in range(outer):
            copy_level(levels + first, final - first, source + b * pitch, to + b * chunk)
    return out


# ---- sums ----
cdef struct Pass:
    const Spread* spread
    Py_ssize_t before, inner    # lines of a plane, and values side by side


cdef struct Chain:
    Pass passes[PASSES]
    int count, code, slot
    bint adjoint, failed
    Py_ssize_t planes, in_size, out_size, widest, scratch       # values of a plane: read, written, the most of all; those the loop works in
    Py_ssize_t per                                      # planes at a time
    const char* x
    char* out


cdef void chain_body(void* context, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Chain* c = <Chain*> context
    cdef Pass* one
    cdef bint half = c.code == F16 or c.code == BF16
    cdef Py_ssize_t item = ITEMSIZE[c.code] if half else 4 if c.slot == RESAMPLE_F32 else 8, real = 4 if c.slot == RESAMPLE_F32 else 8
    cdef Py_ssize_t b, m, p, first, nbytes = c.per * c.widest * real
    cdef char* room = <char*> ft_alloc(2 * nbytes + c.scratch * real)
    cdef char* source
    cdef char* to
    if room == NULL:
        c.failed = True
        return
    for b in range(begin, end):
        first = b * c.per
        m = min(c.per, c.planes - first)
        source = <char*> c.x + first * c.in_size * item
        if half:
            load(c.code, source, m * c.in_size, item, 1, 0, room + nbytes)
            source = room + nbytes
        for p in range(c.count):
            one = c.passes + p
            to = room + (p & 1) * nbytes
            if p == c.count - 1 and not half:
                to = c.out + first * c.out_size * item
            (<resample_function> table[RESAMPLE_SUMS + c.slot])(one.spread, c.adjoint, m * one.before, one.inner, source, to, room + 2 * nbytes)
            source = to
        if half:
            store(c.code, source, m * c.out_size, item, 1, 0, c.out + first * c.out_size * item)
    ft_free(room, 2 * nbytes + c.scratch * real)


cdef Tensor sum_passes(Tensor self, tuple passes, bint adjoint):
    """Weighted sums of floating-point values, dim by dim, or their adjoint."""
    cdef Chain c
    cdef Pass* one
    cdef Py_ssize_t memory[64]
    cdef Py_ssize_t sizes[64]
    cdef int d, at, first = self.rank, final = 0
    cdef Py_ssize_t size, inner = 2 if is_complex_code(self.code) else 1
    cdef bint last = channels_last(self)
    cdef Tensor x, out
    cdef Taps taps
    if len(passes) > PASSES:
        raise NotImplementedError(f"resample: more than {PASSES} dims")
    for d in range(self.rank):
        sizes[d] = memory[place_of(d, self.rank, last)] = self.sizes[d]
    for dim, _ in passes:
        at = place_of(self.wrap_dim(dim), self.rank, last)
        first, final = min(first, at), max(final, at)
    c.planes = 1
    for d in range(self.rank):
        if d < first:
            c.planes *= memory[d]
        elif d > final:
            inner *= memory[d]
    c.in_size = inner
    for d in range(first, final + 1):
        c.in_size *= memory[d]
    c.widest = size = c.in_size
    c.count = c.scratch = 0
    for dim, taps in (reversed(passes) if adjoint else passes):
        d = self.wrap_dim(dim)
        at = place_of(d, self.rank, last)
        if (taps.n_out if adjoint else taps.n_in) != memory[at]:
            raise RuntimeError(f"resample: taps of {taps.n_out if adjoint else taps.n_in} places along dim {d} of {describe(self)}")
        if not adjoint and not taps.weighted and taps.runs == 1 and taps.n_in == taps.n_out:
            continue                            # every place is itself
        one = c.passes + c.count
        c.count += 1
        one.spread, one.before, one.inner = taps.spread(adjoint), 1, inner
        size = size // max(memory[at], 1) * one.spread.n
        sizes[d] = memory[at] = one.spread.n
        for d in range(first, final + 1):
            if d < at:
                one.before *= memory[d]
            elif d > at:
                one.inner *= memory[d]
        c.widest = max(c.widest, size)
        if one.inner == 1:
            c.scratch = max(c.scratch, (one.spread.n_in + one.spread.n + 2) * GROUP)
    c.out_size = size
    out = new_image(self.code, is_meta(self), self.rank, sizes, last)
    if is_meta(out) or out.count == 0:
        return out
    x = self if last else contiguous_tensor(self)
    c.code, c.slot, c.adjoint, c.failed = self.code, RESAMPLE_F64 if self.code == F64 or self.code == C128 else RESAMPLE_F32, adjoint, False
    c.per = min(max(BLOCK // max(c.widest, 1), 1), c.planes)
    c.x, c.out = data_of(x), data_of(out)
    with nogil:
        parallel_for(chain_body, &c, (c.planes + c.per - 1) // c.per, 1)
    if c.failed:
        raise MemoryError("resample: no memory for a few planes")
    return out


def resample_bytes(Tensor self, tuple passes):
    """Images of bytes: weights in fixed point, rounded to a byte after each dim."""
    cdef Tensor x, out = self
    cdef Taps taps
    cdef Py_ssize_t outer, inner, at
    cdef Py_ssize_t* index
    cdef long long* weight
    cdef const unsigned char* source
    cdef unsigned char* to
    for dim, one in passes:
        taps, at = <Taps> one, self.wrap_dim(dim)
        x = contiguous_tensor(out)
        if not taps.weighted:
            out = copy_passes(x, ((at, taps),))
            continue
        out = resized(x, U8, at, taps.n_out)
        if is_meta(out) or out.count == 0:
            continue
        split(x, at, &outer, &inner)
        index = <Py_ssize_t*> malloc((taps.n_out * taps.width + 1) * sizeof(Py_ssize_t))
        weight = <long long*> malloc((taps.n_out * taps.width + 1) * sizeof(long long))
        if index == NULL or weight == NULL:
            free(index)
            free(weight)
            raise MemoryError("upsample: no memory for the weights")
        source, to = <const unsigned char*> data_of(x), <unsigned char*> data_of(out)
        with nogil:
            bytes_pass(taps, index, weight, fixed_weights(taps, index, weight), source, to, outer, inner)
        free(index)
        free(weight)
    return out


def resample(Tensor self, tuple passes):
    """For each (dim, taps) in turn: out[.., o, ..] = sum of weight * self[.., index, ..] over the taps of o. Halves are rounded once, at the end."""
    if not any([(<Taps> one[1]).weighted for one in passes]):
        return copy_passes(self, passes) if passes else self
    if self.code == U8:
        return cast_tensor(sum_passes(cast_tensor(self, F32), passes, False), U8)
    working_code(self, "upsample")
    return sum_passes(self, passes, False)


def resample_backward(Tensor g, tuple passes):
    """The adjoint: every output place gives its gradient back to the places it read."""
    working_code(g, "upsample_backward")
    return sum_passes(g, passes, True)
