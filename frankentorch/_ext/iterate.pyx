# cython: language_level=3, boundscheck=False, wraparound=False
# cython: cdivision=True, initializedcheck=False
# The walk over elementwise operands. A loop sees dense blocks only: an operand that is strided, broadcast or of another dtype
# is gathered and cast into a block of BLOCK elements on the stack, so an op needs one loop and no temporaries. Which elements
# meet in a loop never depends on threads or layout, and an elementwise result does not depend on its neighbours.
from libc.string cimport memcpy
from frankentorch._ext.types cimport *
from frankentorch._ext.dtype cimport ITEMSIZE
from frankentorch._ext.threads cimport parallel_for
from frankentorch._ext.levels cimport fill_cast, fill_moves
from frankentorch._ext.moves cimport *

cdef enum:
    ROOM = BLOCK * 16               # bytes of a block: BLOCK elements of the widest dtype
    SHORT = 64                      # rows up to here are gathered many at a time,
    SHORTEST = 12                   # these too if a loop could take them where they are,
    SAME_ROWS = 256                 # and these if it could and some are the same in all rows, the others one after another
    TURNED = 16                     # rows at a time where an operand has its neighbours in the other rows: a cache line of them
    TILE_COLUMNS = 128              # and columns, fewer where
    TILE_ROOM = 16384               # bytes of a tile are too few

cdef void* CASTS[225]
fill_cast(CASTS)
cdef void* PLANES[MOVE_SLOTS]
fill_moves(PLANES)
cdef int[17] LOG_SIZE = [0, 0, 1, 0, 2, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 4]         # of an item of so many bytes


cdef cast_fn cast_of(int source, int target) noexcept nogil:
    return <cast_fn> CASTS[source * NCODES + target]


cdef void cast_one(void* out, int out_code, const void* source, int code) noexcept nogil:
    cast_of(code, out_code)(<char*> out, <const char*> source, 1)


cdef inline void repeat(char* out, const char* source, Py_ssize_t n, int itemsize) noexcept nogil:
    """n copies of one item."""
    (<move_plane> PLANES[MOVE_PLANE + LOG_SIZE[itemsize]])(out, 0, itemsize, source, 0, 0, 1, n)


cdef inline void gather(char* out, const char* source, Py_ssize_t step, Py_ssize_t n, int itemsize) noexcept nogil:
    """n items, `step` bytes apart, into a dense block."""
    cdef Py_ssize_t i
    if step == 0:
        repeat(out, source, n, itemsize)
    elif step == 2 * itemsize or step == -itemsize:         # on vectors
        (<move_plane> PLANES[MOVE_PLANE + LOG_SIZE[itemsize]])(out, 0, itemsize, source, 0, step, 1, n)
    elif itemsize == 4:
        for i in range(n):
            (<ft_u32*> out)[i] = (<const ft_u32*> (source + i * step))[0]
    elif itemsize == 8:
        for i in range(n):
            (<ft_u64*> out)[i] = (<const ft_u64*> (source + i * step))[0]
    elif itemsize == 1:
        for i in range(n):
            out[i] = source[i * step]
    elif itemsize == 2:
        for i in range(n):
            (<ft_u16*> out)[i] = (<const ft_u16*> (source + i * step))[0]
    else:
        for i in range(n):
            (<ft_c128*> out)[i] = (<const ft_c128*> (source + i * step))[0]


cdef inline void scatter(char* out, Py_ssize_t step, const char* source, Py_ssize_t n, int itemsize) noexcept nogil:
    """A dense block to n places, `step` bytes apart, in order."""
    cdef Py_ssize_t i
    if itemsize == 4:
        for i in range(n):
            (<ft_u32*> (out + i * step))[0] = (<const ft_u32*> source)[i]
    elif itemsize == 8:
        for i in range(n):
            (<ft_u64*> (out + i * step))[0] = (<const ft_u64*> source)[i]
    elif itemsize == 1:
        for i in range(n):
            out[i * step] = source[i]
    elif itemsize == 2:
        for i in range(n):
            (<ft_u16*> (out + i * step))[0] = (<const ft_u16*> source)[i]
    else:
        for i in range(n):
            (<ft_c128*> (out + i * step))[0] = (<const ft_c128*> source)[i]


cdef void coalesce(Walk* walk) noexcept nogil:
    """Order dims so that the last is the fastest of the output, drop dims of size 1, merge dims that continue one another."""
    cdef int order[64]
    cdef int i, j, k, n = 0, kept
    cdef bint merge
    cdef Py_ssize_t size
    cdef Walk* w = walk
    cdef Py_ssize_t sizes[64]
    cdef Py_ssize_t steps[4][64]
    # insertion sort by the output's steps (slowest first); equal steps keep their order
    for i in range(w.ndim):
        if w.sizes[i] == 1:
            continue
        j = n
        while j > 0 and slower(w, i, order[j - 1]):
            order[j] = order[j - 1]
            j -= 1
        order[j] = i
        n += 1
    kept = 0
    for j in range(n):
        i = order[j]
        merge = kept > 0
        if merge:
            for k in range(w.n_operands):
                if steps[k][kept - 1] != w.operands[k].steps[i] * w.sizes[i]:
                    merge = False
                    break
        if merge:
            sizes[kept - 1] *= w.sizes[i]
            for k in range(w.n_operands):
                steps[k][kept - 1] = w.operands[k].steps[i]
        else:
            sizes[kept] = w.sizes[i]
            for k in range(w.n_operands):
                steps[k][kept] = w.operands[k].steps[i]
            kept += 1
    w.ndim = kept
    for j in range(kept):
        w.sizes[j] = sizes[j]
        for k in range(w.n_operands):
            w.operands[k].steps[j] = steps[k][j]


cdef inline bint slower(Walk* w, int a, int b) noexcept nogil:
    """Dim a moves slower than dim b: by the first operand whose steps differ and are not zero."""
    cdef int k
    cdef Py_ssize_t sa, sb
    for k in range(w.n_operands):
        sa = w.operands[k].steps[a]
        sb = w.operands[k].steps[b]
        if sa < 0:
            sa = -sa
        if sb < 0:
            sb = -sb
        if sa != sb and sa != 0 and sb != 0:
            return sa > sb
    return False


cdef void walk_row(Walk* w, char** pointers, Py_ssize_t n) noexcept nogil:
    """n elements along the last dim from `pointers`, block by block where an operand is not dense or not of the loop's dtype."""
    cdef char space[5 * ROOM + 64]
    cdef char* blocks = <char*> (<size_t> (space + 63) & ~<size_t> 63)      # of operand k: ROOM bytes at k * ROOM
    cdef char* wide = blocks + 4 * ROOM                                     # a gathered block before its cast
    cdef const char* at[4]
    cdef bint dense[4]
    cdef Py_ssize_t filled[4]           # elements of a repeated one that its block holds
    cdef bint all_dense = True
    cdef bint plain = True              # nothing but dense operands and repeated ones, which take the whole of their block
    cdef int k, widest = 1, last = w.ndim - 1
    cdef Py_ssize_t step, done = 0, m, itemsize, limit
    cdef Operand* o
    at[1] = at[2] = at[3] = NULL
    for k in range(w.n_operands):
        o = &w.operands[k]
        step = o.steps[last] if w.ndim else 0
        dense[k] = o.code == o.loop_code and (step == ITEMSIZE[o.code] or n == 1)
        filled[k] = 0
        all_dense = all_dense and dense[k]
        plain = plain and (dense[k] or (k > 0 and step == 0 and o.code == o.loop_code))
        if ITEMSIZE[o.code] > widest:
            widest = ITEMSIZE[o.code]
    if all_dense:
        w.loop(pointers[0], pointers[1], pointers[2], pointers[3], n, w.params)
        return
    if w.cast != NULL and w.ndim and dense[0] and w.operands[1].steps[last] == ITEMSIZE[w.operands[1].code]:
        w.cast(pointers[0], pointers[1], n)
        return
    if w.repeated != NULL and plain and dense[0] and dense[1] and not dense[2] and (w.n_operands == 3 or not dense[3]):
        w.repeated(pointers[0], pointers[1], pointers[2], pointers[3], n, w.params)
        return
    if w.led != NULL and plain and dense[0] and dense[2]:
        w.led(pointers[0], pointers[1], pointers[2], NULL, n, w.params)
        return
    if w.ended != NULL and plain and dense[0] and dense[1] and dense[2]:
        w.ended(pointers[0], pointers[1], pointers[2], pointers[3], n, w.params)
        return
    limit = ROOM // widest if plain else BLOCK
    while done < n:
        m = n - done if n - done < limit else limit
        for k in range(1, w.n_operands):
            o = &w.operands[k]
            step = o.steps[last] if w.ndim else 0
            itemsize = ITEMSIZE[o.code]
            if dense[k]:
                at[k] = pointers[k] + done * itemsize
                continue
            at[k] = blocks + k * ROOM
            if filled[k] >= m:
                continue
            filled[k] = m if step == 0 else 0
            if o.code == o.loop_code:
                gather(blocks + k * ROOM, pointers[k] + done * step, step, m, itemsize)
            elif step == itemsize:
                cast_of(o.code, o.loop_code)(blocks + k * ROOM, pointers[k] + done * step, m)
            else:
                gather(wide, pointers[k] + done * step, step, m, itemsize)
                cast_of(o.code, o.loop_code)(blocks + k * ROOM, wide, m)
        o = &w.operands[0]
        step = o.steps[last] if w.ndim else 0
        itemsize = ITEMSIZE[o.code]
        if dense[0]:
            w.loop(pointers[0] + done * itemsize, at[1], at[2], at[3], m, w.params)
        else:
            w.loop(blocks, at[1], at[2], at[3], m, w.params)
            if o.code == o.loop_code:
                scatter(pointers[0] + done * step, step, blocks, m, itemsize)
            elif step == itemsize:
                cast_of(o.loop_code, o.code)(pointers[0] + done * step, blocks, m)
            else:
                cast_of(o.loop_code, o.code)(wide, blocks, m)
                scatter(pointers[0] + done * step, step, wide, m, itemsize)
        done += m


cdef void move_short(char* out, Py_ssize_t out_row, Py_ssize_t out_step, const char* source, Py_ssize_t row, Py_ssize_t step,
                            Py_ssize_t rows, Py_ssize_t n, int itemsize) noexcept nogil:
    (<move_plane> PLANES[MOVE_PLANE + LOG_SIZE[itemsize]])(out, out_row, out_step, source, row, step, rows, n)


cdef inline void gather_rows(char* block, const char* start, Py_ssize_t row, Py_ssize_t step, Py_ssize_t rows, Py_ssize_t n, int itemsize) noexcept nogil:
    """rows x n items into a block."""
    cdef Py_ssize_t done, total
    if row == 0 and rows > 1:                       # the same in all rows: one of them, then twice as many at a time
        done, total = n * itemsize, rows * n * itemsize
        move_short(block, 0, itemsize, start, 0, step, 1, n, itemsize)
        while done < total:
            memcpy(block + done, block, min(done, total - done))
            done *= 2
    elif step == 0 and rows * n + SPREAD <= BLOCK:
        (<move_spread> PLANES[MOVE_SPREAD + LOG_SIZE[itemsize]])(block, start, row, rows, n)
    else:
        move_short(block, n * itemsize, itemsize, start, row, step, rows, n, itemsize)


cdef void walk_rows(Walk* w, char** pointers, Py_ssize_t rows) noexcept nogil:
    """`rows` whole rows of the last dim, which is short: as many to a block as there is room for."""
    cdef char space[5 * ROOM + 64]
    cdef char* blocks = <char*> (<size_t> (space + 63) & ~<size_t> 63)
    cdef char* wide = blocks + 4 * ROOM
    cdef const char* at[4]
    cdef bint dense[4]
    cdef Py_ssize_t filled[4]           # rows of one that is the same in all rows that its block holds
    cdef int k, itemsize, last = w.ndim - 1
    cdef Py_ssize_t n = w.sizes[last], per = (BLOCK - SPREAD) // n, done = 0, m, row, step
    cdef const char* start
    cdef char* to
    cdef Operand* o
    at[1] = at[2] = at[3] = NULL
    for k in range(w.n_operands):
        o = &w.operands[k]
        dense[k] = o.code == o.loop_code and o.steps[last] == ITEMSIZE[o.code] and o.steps[last - 1] == n * o.steps[last]
        filled[k] = 0
    while done < rows:
        m = rows - done if rows - done < per else per
        for k in range(1, w.n_operands):
            o = &w.operands[k]
            step, row, itemsize = o.steps[last], o.steps[last - 1], ITEMSIZE[o.code]
            start = pointers[k] + done * row
            if dense[k]:
                at[k] = start
                continue
            at[k] = blocks + k * ROOM
            if filled[k] >= m:
                continue
            filled[k] = m if row == 0 else 0
            if o.code == o.loop_code:
                gather_rows(blocks + k * ROOM, start, row, step, m, n, itemsize)
            else:
                gather_rows(wide, start, row, step, m, n, itemsize)
                cast_of(o.code, o.loop_code)(blocks + k * ROOM, wide, m * n)
        o = &w.operands[0]
        step, row, itemsize = o.steps[last], o.steps[last - 1], ITEMSIZE[o.code]
        to = pointers[0] + done * row
        if dense[0]:
            w.loop(to, at[1], at[2], at[3], m * n, w.params)
        else:
            w.loop(blocks, at[1], at[2], at[3], m * n, w.params)
            if o.code == o.loop_code:
                move_short(to, row, step, blocks, n * itemsize, itemsize, m, n, itemsize)
            else:
                cast_of(o.loop_code, o.code)(wide, blocks, m * n)
                move_short(to, row, step, wide, n * itemsize, itemsize, m, n, itemsize)
        done += m


cdef bint is_turned(Walk* w) noexcept nogil:
    """Whether an input has its neighbours in the other rows, and there are enough of both."""
    cdef int k, last = w.ndim - 1
    cdef Py_ssize_t itemsize
    if last < 1 or w.sizes[last] <= SHORT or w.sizes[last - 1] < 4:
        return False
    for k in range(1, w.n_operands):
        itemsize = ITEMSIZE[w.operands[k].code]
        if w.operands[k].steps[last - 1] == itemsize and w.operands[k].steps[last] > itemsize:
            return True
    return False


cdef bint is_repeated(Walk* w) noexcept nogil:
    """Whether inputs are the same in all rows, and all else lies row after row."""
    cdef int k, last = w.ndim - 1
    cdef bint found = False
    for k in range(w.n_operands if last > 0 else 0):
        if k > 0 and w.operands[k].steps[last - 1] == 0:
            found = True
        elif w.operands[k].steps[last - 1] != w.sizes[last] * w.operands[k].steps[last]:
            return False
    return found


cdef void walk_tiles(Walk* w, char** pointers, Py_ssize_t rows) noexcept nogil:
    """`rows` whole rows of the last dim, by tiles of TURNED rows. What is dense and of the loop's dtype serves where it is, the rest is gathered."""
    cdef char space[5 * TILE_ROOM + 64]
    cdef char* tiles = <char*> (<size_t> (space + 63) & ~<size_t> 63)       # of operand k: TILE_ROOM bytes at k * TILE_ROOM
    cdef char* wide = tiles + 4 * TILE_ROOM                                 # a gathered tile before its cast
    cdef char* at[4]
    cdef Py_ssize_t row[4]
    cdef bint dense[4]
    cdef Py_ssize_t r0, c0, r, m, n, columns, step, across
    cdef int k, itemsize, widest = 1, last = w.ndim - 1
    cdef Operand* o
    at[1] = at[2] = at[3] = NULL
    row[1] = row[2] = row[3] = 0
    for k in range(w.n_operands):
        o = &w.operands[k]
        dense[k] = o.code == o.loop_code and o.steps[last] == ITEMSIZE[o.code]
        widest = max(widest, ITEMSIZE[o.code], ITEMSIZE[o.loop_code])
    columns = min(TILE_ROOM // (TURNED * widest), TILE_COLUMNS)
    for r0 in range(0, rows, 16):
        m = min(rows - r0, <Py_ssize_t> TURNED)
        c0 = 0
        while c0 < w.sizes[last]:
            n = min(w.sizes[last] - c0, columns)
            for k in range(w.n_operands):
                o = &w.operands[k]
                step, across, itemsize = o.steps[last], o.steps[last - 1], ITEMSIZE[o.code]
                at[k], row[k] = pointers[k] + r0 * across + c0 * step, across
                if dense[k]:
                    continue
                if k > 0 and o.code == o.loop_code:
                    move_short(tiles + k * TILE_ROOM, n * itemsize, itemsize, at[k], across, step, m, n, itemsize)
                elif k > 0:
                    move_short(wide, n * itemsize, itemsize, at[k], across, step, m, n, itemsize)
                    cast_of(o.code, o.loop_code)(tiles + k * TILE_ROOM, wide, m * n)
                at[k], row[k] = tiles + k * TILE_ROOM, n * ITEMSIZE[o.loop_code]
            for r in range(m):
                w.loop(at[0], at[1], at[2], at[3], n, w.params)
                for k in range(w.n_operands):
                    at[k] += row[k]
            o = &w.operands[0]
            step, across, itemsize = o.steps[last], o.steps[last - 1], ITEMSIZE[o.code]
            if not dense[0] and o.code == o.loop_code:
                move_short(pointers[0] + r0 * across + c0 * step, across, step, tiles, n * itemsize, itemsize, m, n, itemsize)
            elif not dense[0]:
                cast_of(o.loop_code, o.code)(wide, tiles, m * n)
                move_short(pointers[0] + r0 * across + c0 * step, across, step, wide, n * itemsize, itemsize, m, n, itemsize)
            c0 += n


cdef void walk_range(void* context, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """Elements [begin, end) of the walk in row-major order of its coalesced dims."""
    cdef Walk* w = <Walk*> context
    cdef Py_ssize_t index[64]
    cdef char* pointers[4]
    cdef Py_ssize_t rest = begin, n, inner, rows, short = SHORTEST
    cdef int d, k, last = w.ndim - 1
    cdef bint turned = is_turned(w)
    pointers[1] = pointers[2] = pointers[3] = NULL
    for k in range(w.n_operands):
        pointers[k] = w.operands[k].data
    if w.ndim == 0:
        walk_row(w, pointers, 1)
        return
    for d in range(last, -1, -1):
        index[d] = rest % w.sizes[d]
        rest //= w.sizes[d]
        for k in range(w.n_operands):
            pointers[k] += index[d] * w.operands[k].steps[d]
    for k in range(w.n_operands):
        if w.operands[k].code != w.operands[k].loop_code or w.operands[k].steps[last] != ITEMSIZE[w.operands[k].code]:
            short = SHORT
    inner = w.sizes[last]
    if short == SHORTEST and is_repeated(w):
        short = SAME_ROWS
    while begin < end:
        rows = 1
        if (turned or inner <= short) and index[last] == 0 and last > 0:
            rows = min(w.sizes[last - 1] - index[last - 1], (end - begin) // inner)
        if rows > 1:
            if turned:
                walk_tiles(w, pointers, rows)
            else:
                walk_rows(w, pointers, rows)
            begin += rows * inner
            index[last - 1] += rows - 1                 # the step below is of one row more
            for k in range(w.n_operands):
                pointers[k] += (rows - 1) * w.operands[k].steps[last - 1]
        else:
            n = inner - index[last]
            if n > end - begin:
                n = end - begin
            walk_row(w, pointers, n)
            begin += n
        if begin >= end:
            return
        for k in range(w.n_operands):
            pointers[k] -= index[last] * w.operands[k].steps[last]
        index[last] = 0
        d = last - 1
        while d >= 0:
            index[d] += 1
            for k in range(w.n_operands):
                pointers[k] += w.operands[k].steps[d]
            if index[d] < w.sizes[d]:
                break
            for k in range(w.n_operands):
                pointers[k] -= index[d] * w.operands[k].steps[d]
            index[d] = 0
            d -= 1


cdef int run_walk(Walk* walk) noexcept nogil:
    """Run a filled walk; `sizes` and `steps` are coalesced here."""
    if walk.count == 0:
        return 0
    coalesce(walk)
    if walk.count <= walk.grain:
        walk_range(walk, 0, walk.count)
        return 0
    return parallel_for(walk_range, walk, walk.count, walk.grain)


cdef struct Dense:
    loop_fn loop
    char* at[4]
    int itemsizes[4]
    const char* params


cdef void dense_range(void* context, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Dense* d = <Dense*> context
    d.loop(d.at[0] + begin * d.itemsizes[0], d.at[1] + begin * d.itemsizes[1], d.at[2] + begin * d.itemsizes[2],
           d.at[3] + begin * d.itemsizes[3], end - begin, d.params)


cdef int run_dense(loop_fn loop, char* out, const char* a, const char* b, const char* c, Py_ssize_t n, const char* params,
                   int out_size, int a_size, int b_size, int c_size) noexcept nogil:
    """All operands dense, same shape, of the loop's dtypes."""
    cdef Dense d
    if n <= GRAIN:
        loop(out, a, b, c, n, params)
        return 0
    d.loop = loop
    d.params = params
    d.at[0] = out
    d.at[1] = <char*> a
    d.at[2] = <char*> b
    d.at[3] = <char*> c
    d.itemsizes[0] = out_size
    d.itemsizes[1] = a_size
    d.itemsizes[2] = b_size
    d.itemsizes[3] = c_size
    return parallel_for(dense_range, &d, n, GRAIN)


cdef void move_1(bytes_out out, bytes_in a, bytes_in b, bytes_in c, Py_ssize_t n, bytes_in params) noexcept nogil:
    memcpy(out, a, n)


cdef void move_2(bytes_out out, bytes_in a, bytes_in b, bytes_in c, Py_ssize_t n, bytes_in params) noexcept nogil:
    memcpy(out, a, 2 * n)


cdef void move_4(bytes_out out, bytes_in a, bytes_in b, bytes_in c, Py_ssize_t n, bytes_in params) noexcept nogil:
    memcpy(out, a, 4 * n)


cdef void move_8(bytes_out out, bytes_in a, bytes_in b, bytes_in c, Py_ssize_t n, bytes_in params) noexcept nogil:
    memcpy(out, a, 8 * n)


cdef void move_16(bytes_out out, bytes_in a, bytes_in b, bytes_in c, Py_ssize_t n, bytes_in params) noexcept nogil:
    memcpy(out, a, 16 * n)


cdef struct Move:
    Walk* walk
    move_plane kernel
    Py_ssize_t item
    bint by_items                # one row: cut among threads by items, not by rows


cdef void move_range(void* context, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """Rows [begin, end) of the walk (all dims but the last), as many of the innermost plane at a time as there are."""
    cdef Move* m = <Move*> context
    cdef Walk* w = m.walk
    cdef Py_ssize_t* to = w.operands[0].steps
    cdef Py_ssize_t* steps = w.operands[1].steps
    cdef Py_ssize_t index[64]
    cdef Py_ssize_t rest = begin, rows
    cdef char* out = w.operands[0].data
    cdef const char* source = w.operands[1].data
    cdef int d, last = w.ndim - 1
    if m.by_items:
        m.kernel(out + begin * to[last], 0, to[last], source + begin * steps[last], 0, steps[last], 1, end - begin)
        return
    for d in range(last - 1, -1, -1):
        index[d] = rest % w.sizes[d]
        rest //= w.sizes[d]
        out += index[d] * to[d]
        source += index[d] * steps[d]
    while begin < end:
        rows = w.sizes[last - 1] - index[last - 1]
        if rows > end - begin:
            rows = end - begin
        m.kernel(out, to[last - 1], to[last], source, steps[last - 1], steps[last], rows, w.sizes[last])
        begin += rows
        if begin >= end:
            return
        out -= index[last - 1] * to[last - 1]
        source -= index[last - 1] * steps[last - 1]
        index[last - 1] = 0
        d = last - 2
        while d >= 0:
            index[d] += 1
            out += to[d]
            source += steps[d]
            if index[d] < w.sizes[d]:
                break
            out -= index[d] * to[d]
            source -= index[d] * steps[d]
            index[d] = 0
            d -= 1


cdef int run_moves(Walk* walk, int item) noexcept nogil:
    """A copy without cast. Where the source's fastest dim is not the output's, it becomes the second fastest: a transpose."""
    cdef Move m
    cdef Py_ssize_t n, grain
    cdef int d, log = 0
    if walk.count == 0:
        return 0
    coalesce(walk)
    while item > 1 << log:
        log += 1
    m.walk, m.item, m.kernel, m.by_items = walk, item, <move_plane> PLANES[MOVE_PLANE + log], walk.ndim <= 1
    if walk.ndim == 0:
        m.kernel(walk.operands[0].data, 0, item, walk.operands[1].data, 0, item, 1, 1)
        return 0
    n = walk.sizes[walk.ndim - 1]
    if m.by_items:
        return parallel_for(move_range, &m, n, GRAIN)
    if walk.operands[1].steps[walk.ndim - 1] != item:
        for d in range(walk.ndim - 2):
            if walk.operands[1].steps[d] == item:
                swap_dims(walk, d, walk.ndim - 2)
                break
    grain = GRAIN // n if n < GRAIN else 1
    if walk.operands[1].steps[walk.ndim - 1] != item and walk.operands[1].steps[walk.ndim - 2] == item:
        grain = 64 if grain < 64 else grain - grain % 64          # whole squares of a transpose
    return parallel_for(move_range, &m, walk.count // n, grain)


cdef void swap_dims(Walk* w, int a, int b) noexcept nogil:
    cdef int k
    w.sizes[a], w.sizes[b] = w.sizes[b], w.sizes[a]
    for k in range(w.n_operands):
        w.operands[k].steps[a], w.operands[k].steps[b] = w.operands[k].steps[b], w.operands[k].steps[a]


cdef int copy_strided(char* out, int out_code, const Py_ssize_t* out_steps, const char* source, int code, const Py_ssize_t* steps,
                      int ndim, const Py_ssize_t* sizes) noexcept nogil:
    """Copy with cast between any two layouts of the same sizes; steps in bytes. The regions must not overlap."""
    cdef Walk w
    cdef int d, itemsize = ITEMSIZE[out_code]
    w.loop = move_1 if itemsize == 1 else move_2 if itemsize == 2 else move_4 if itemsize == 4 else move_8 if itemsize == 8 else move_16
    w.repeated = w.led = w.ended = NULL
    w.cast = cast_of(code, out_code)
    w.ndim = ndim
    w.n_operands = 2
    w.grain = GRAIN
    w.count = 1
    for d in range(ndim):
        w.sizes[d] = sizes[d]
        w.count *= sizes[d]
        w.operands[0].steps[d] = out_steps[d]
        w.operands[1].steps[d] = steps[d]
    w.operands[0].data = out
    w.operands[0].code = w.operands[0].loop_code = out_code
    w.operands[1].data = <char*> source
    w.operands[1].code = code
    w.operands[1].loop_code = out_code
    if code == out_code:
        return run_moves(&w, itemsize)
    return run_walk(&w)
