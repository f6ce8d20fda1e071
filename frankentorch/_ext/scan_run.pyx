# cython: language_level=3, boundscheck=False, wraparound=False
# cython: cdivision=True, initializedcheck=False
# Scan driver: lines along the dim, taken in tiles of up to TILE_COLS neighbours, or of a few where each lies together; tiles go
# to threads.
from frankentorch._ext.types cimport *
from frankentorch._ext.fold cimport TILE_COLS
from frankentorch._ext.scan cimport *
from frankentorch._ext.reduce_run cimport RUN_OK, RUN_DTYPE, RUN_ARGUMENT, code_size
from frankentorch._ext.threads cimport parallel_for
from frankentorch._ext.cpu cimport cpu_level
from frankentorch._ext.levels cimport fill_scan_at

cdef enum:
    LINES = 4                           # of a tile whose rows lie closer than its columns: as many as a kernel runs at once
    SHORT = 256                         # most rows of which such a tile is wide

cdef void* table[SCAN_SLOTS]

cdef struct Lines:
    scan_kernel kernel
    const char* input
    char* out
    char* second
    int dims                            # others than the scanned one and the column dim
    Py_ssize_t size[64]
    Py_ssize_t step[64]
    Py_ssize_t out_step[64]
    Py_ssize_t rows, row_step, out_row, cols, col_step, out_col, tile, tiles, ratio


cdef int scan_use_level(int level) noexcept nogil:
    fill_scan_at(level, table)
    return 0


cdef void lines_body(void* context, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Lines* s = <Lines*> context
    cdef Py_ssize_t u, q, k, n, off, out_off
    cdef int d
    for u in range(begin, end):
        q, k = u // s.tiles, u % s.tiles
        off, out_off = k * s.tile * s.col_step, k * s.tile * s.out_col
        for d in range(s.dims - 1, -1, -1):
            off += (q % s.size[d]) * s.step[d]
            out_off += (q % s.size[d]) * s.out_step[d]
            q = q // s.size[d]
        n = s.cols - k * s.tile
        s.kernel(s.input + off, s.rows, s.row_step, s.tile if n > s.tile else n, s.col_step, s.out + out_off,
                 s.out_row, s.out_col, s.second + out_off * s.ratio if s.second != NULL else NULL)


cdef int scan_run(int op, int in_code, int out_code, int ndim, const Py_ssize_t* sizes, const Py_ssize_t* steps, int dim,
                  const char* input, char* out, long long* second) noexcept nogil:
    cdef Lines s
    cdef Py_ssize_t stride, lines = 1, grain, away, best = 0
    cdef int d, col = -1
    cdef Py_ssize_t out_steps[64]
    if op < 0 or op > SCAN_LOGCUMSUMEXP or dim < 0 or dim >= ndim or ndim > 64:
        return RUN_ARGUMENT
    if out_code != (I64 if op <= SCAN_CUMPROD and in_code <= U64 else in_code):
        return RUN_DTYPE
    if (op >= SCAN_CUMMAX and in_code >= C64) or (op == SCAN_LOGCUMSUMEXP and in_code < F16):
        return RUN_DTYPE
    stride = code_size(out_code)
    for d in range(ndim - 1, -1, -1):
        out_steps[d] = stride
        stride *= sizes[d]
    if stride == 0:
        return RUN_OK
    if (op == SCAN_CUMMAX or op == SCAN_CUMMIN) and second == NULL:
        return RUN_ARGUMENT
    for d in range(ndim):
        away = steps[d] if steps[d] >= 0 else -steps[d]
        if d != dim and sizes[d] > 1 and (col < 0 or away <= best):
            col, best = d, away
    s.kernel = <scan_kernel> table[16 * op + in_code]
    s.input, s.out, s.second, s.ratio = input, out, <char*> second, 8 // code_size(out_code)
    s.rows, s.row_step, s.out_row = sizes[dim], steps[dim], out_steps[dim]
    s.cols, s.col_step, s.out_col, s.dims = 1, 0, 0, 0
    away = steps[dim] if steps[dim] >= 0 else -steps[dim]
    s.tile = LOG_LINES if op == SCAN_LOGCUMSUMEXP else LINES if away < best and s.rows > SHORT else TILE_COLS
    for d in range(ndim):
        if d == dim or sizes[d] == 1:
            continue
        lines *= sizes[d]
        if d == col:
            s.cols, s.col_step, s.out_col = sizes[d], steps[d], out_steps[d]
            continue
        s.size[s.dims], s.step[s.dims], s.out_step[s.dims] = sizes[d], steps[d], out_steps[d]
        s.dims += 1
    s.tiles = (s.cols + s.tile - 1) // s.tile
    grain = 16384 // (s.rows * (s.tile if s.cols > s.tile else s.cols))
    parallel_for(lines_body, &s, lines // s.cols * s.tiles, grain if grain > 1 else 1)
    return RUN_OK


scan_use_level(cpu_level())
