# cython: language_level=3, boundscheck=False, wraparound=False
# cython: cdivision=True, initializedcheck=False
# Driver of matrix products. C is cut into tiles of at most TILE_ROWS x TILE_COLUMNS, smaller ones where they would not keep all
# threads busy, over all matrices of the batch; a chunk of tiles goes to a thread with its own scratch. Tiles never show in the bits, for
# an output's chain does not know its neighbours.
from libc.stdint cimport uintptr_t
from frankentorch._ext.types cimport *
from frankentorch._ext.gemm cimport gemm_function, dots_function, gemm_workspace, GEMM_DOTS, GEMM_SLOTS, GEMM_ADD, GEMM_WIDE
from frankentorch._ext.alloc cimport ft_alloc, ft_free
from frankentorch._ext.threads cimport parallel_for, num_threads
from frankentorch._ext.cpu cimport cpu_level
from frankentorch._ext.levels cimport fill_gemm_at, fill_row_add_at

cdef enum:
    MAX_DIMS = 64
    TILE_ROWS = 384
    TILE_COLUMNS = 1056
    GRAIN = 1 << 19             # multiply-adds worth a thread
    STEP = 16                   # tiles are whole vectors wide
    WIDE = 96                   # columns that are worth a tile of many rows
    MANY = 8                    # tiles for each thread are even enough as they are
    DOTS = 8                    # of so many products side by side
    STACK = 16384               # bytes of scratch that need no allocation

cdef void* table[GEMM_SLOTS]
cdef int[NCODES] SIZES = [1, 1, 1, 2, 4, 8, 2, 4, 8, 2, 2, 4, 8, 8, 16]

cdef struct Job:
    gemm_function product
    int code, item, c_item, ndim, status
    Py_ssize_t sizes[MAX_DIMS]
    Py_ssize_t a_batch[MAX_DIMS]
    Py_ssize_t b_batch[MAX_DIMS]
    Py_ssize_t c_batch[MAX_DIMS]
    Py_ssize_t m, n, k, a_row, a_col, b_row, b_col, c_row, c_col, row_tiles, column_tiles, tile_rows, tile_columns
    const char* a
    const char* b
    char* c


cdef int matmul_use_level(int level) noexcept nogil:
    fill_gemm_at(level, table)
    fill_row_add_at(level, table)
    return 0


cdef gemm_function find_gemm(int code, bint add) noexcept nogil:
    if code < 0 or code >= NCODES:
        return NULL
    return <gemm_function> table[code + (GEMM_ADD if add else 0)]


cdef void* gemm_slot(int slot) noexcept nogil:
    return table[slot]


cdef void tiles_body(void* context, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Job* job = <Job*> context
    cdef Py_ssize_t tile, rest, count, i, j, m, n, at_a, at_b, at_c, scratch
    cdef char stack[STACK]
    cdef char* workspace = stack
    cdef int d
    scratch = gemm_workspace(job.code, job.m, min(job.n, job.tile_columns), job.k)
    if scratch > STACK:
        workspace = <char*> ft_alloc(scratch)
        if workspace == NULL:
            job.status = MATMUL_MEMORY
            return
    tile = begin
    while tile < end:
        # tiles of one column lie one after the other: those of this chunk are one product, which packs the column once
        i = tile % job.row_tiles
        rest = tile / job.row_tiles
        count = min(job.row_tiles - i, end - tile)
        tile += count
        i = i * job.tile_rows
        j = rest % job.column_tiles * job.tile_columns
        rest = rest / job.column_tiles
        m, n = min(job.m - i, count * job.tile_rows), min(job.n - j, job.tile_columns)
        at_a, at_b, at_c = i * job.a_row, j * job.b_col, i * job.c_row + j * job.c_col
        for d in range(job.ndim - 1, -1, -1):
            at_a += rest % job.sizes[d] * job.a_batch[d]
            at_b += rest % job.sizes[d] * job.b_batch[d]
            at_c += rest % job.sizes[d] * job.c_batch[d]
            rest = rest / job.sizes[d]
        job.product(m, n, job.k, job.a + at_a * job.item, job.a_row, job.a_col, job.b + at_b * job.item, job.b_row, job.b_col,
                    job.c + at_c * job.c_item, job.c_row, job.c_col, workspace)
    if scratch > STACK:
        ft_free(workspace, scratch)


cdef void dots_body(void* context, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """Chunks of products of one row by one column, in a batch of one dim."""
    cdef Job* job = <Job*> context
    (<dots_function> table[GEMM_DOTS + job.code])(end - begin, job.k, job.a + begin * job.a_batch[0] * job.item, job.a_batch[0],
                                                  job.b + begin * job.b_batch[0] * job.item, job.b_batch[0], job.c + begin * job.c_batch[0] * job.item, job.c_batch[0])


cdef Py_ssize_t share(Py_ssize_t size, Py_ssize_t parts, Py_ssize_t unit) noexcept nogil:
    """Size of each of `parts` parts, in whole units."""
    cdef Py_ssize_t part = (size + parts - 1) / parts
    return (part + unit - 1) / unit * unit


cdef void cut(Job* job, Py_ssize_t batch, int threads) noexcept nogil:
    """Choose the tiles. Columns are shared out first where there are enough of them: each is packed by one thread only."""
    cdef Py_ssize_t parts = min(<Py_ssize_t> threads, batch * job.m * job.n * max(job.k, 1) / GRAIN), across = 1
    job.tile_rows, job.tile_columns = TILE_ROWS, TILE_COLUMNS
    if job.m == 1 and parts <= 1:       # nothing is packed: the kernel sees how much it will read
        job.tile_columns = job.n
    parts = (parts + batch - 1) / batch
    if parts > 1 and (job.m + TILE_ROWS - 1) / TILE_ROWS * ((job.n + TILE_COLUMNS - 1) / TILE_COLUMNS) < MANY * parts:
        if job.n >= job.m or job.n >= parts * WIDE:
            across = min(parts, (job.n + STEP - 1) / STEP)
            job.tile_columns = share(job.n, across, STEP)
        job.tile_rows = share(job.m, (parts + across - 1) / across, 1 if job.m < parts * WIDE else STEP)
    job.row_tiles = (job.m + job.tile_rows - 1) / job.tile_rows
    job.column_tiles = (job.n + job.tile_columns - 1) / job.tile_columns


cdef int matmul_run(int code, int batch_ndim, const Py_ssize_t* batch_sizes, const Py_ssize_t* a_batch,
                    const Py_ssize_t* b_batch, const Py_ssize_t* c_batch, Py_ssize_t m, Py_ssize_t n, Py_ssize_t k,
                    const char* a, Py_ssize_t a_row, Py_ssize_t a_col, const char* b, Py_ssize_t b_row, Py_ssize_t b_col,
                    char* c, Py_ssize_t c_row, Py_ssize_t c_col) noexcept nogil:
    cdef Job job
    cdef Py_ssize_t batch = 1, tiles, work
    cdef int d, threads
    cdef bint wide = code & MATMUL_WIDE
    code &= MATMUL_WIDE - 1
    job.product = <gemm_function> table[GEMM_WIDE + code] if wide else find_gemm(code, False)
    if job.product == NULL:
        return MATMUL_DTYPE
    if batch_ndim > MAX_DIMS:
        return MATMUL_DIMS
    # a batch that only lengthens A is one product: the rows of every matrix meet the same B
    d = batch_ndim
    while d > 0 and (batch_sizes[d - 1] == 1 or (b_batch[d - 1] == 0 and a_batch[d - 1] == m * a_row
                                                 and c_batch[d - 1] == m * c_row)):
        m *= batch_sizes[d - 1]
        d -= 1
    job.ndim = d
    for d in range(job.ndim):
        job.sizes[d], job.a_batch[d], job.b_batch[d], job.c_batch[d] = batch_sizes[d], a_batch[d], b_batch[d], c_batch[d]
        batch *= batch_sizes[d]
    if batch <= 0 or m <= 0 or n <= 0:
        return MATMUL_OK
    job.code, job.item, job.status = code, SIZES[code], MATMUL_OK
    job.c_item = 4 if wide else job.item
    job.m, job.n, job.k = m, n, k
    job.a, job.a_row, job.a_col = a, a_row, a_col
    job.b, job.b_row, job.b_col = b, b_row, b_col
    job.c, job.c_row, job.c_col = c, c_row, c_col
    if m == 1 and n == 1 and job.ndim == 1 and batch >= DOTS and k > 0 and a_col == 1 and b_row == 1 and not wide and table[GEMM_DOTS + code] != NULL:
        parallel_for(dots_body, &job, batch, max(GRAIN / k, 1))
        return job.status
    threads = num_threads()
    cut(&job, batch, threads)
    tiles = batch * job.row_tiles * job.column_tiles
    work = min(m, job.tile_rows) * min(n, job.tile_columns) * max(k, 1)
    parallel_for(tiles_body, &job, tiles, tiles if threads == 1 else max(GRAIN / work, 1))
    return job.status


matmul_use_level(cpu_level())


def matmul_at(int code, tuple batch, tuple shape, tuple a, tuple b, tuple c, int level=-1):
    """One product on raw addresses, for tests and measurements.

    Parameters
    ----------
    code : int
        dtype id.
    batch : tuple of int
        Sizes of the batch dims.
    shape : (m, n, k)
    a, b, c : (address, batch strides, row stride, column stride)
        Strides in elements.
    level : int
        CPU level of this call and all later ones; -1 keeps the present one.

    Returns
    -------
    int
        0, or a MatmulStatus.
    """
    cdef Py_ssize_t sizes[MAX_DIMS]
    cdef Py_ssize_t strides[3][MAX_DIMS]
    cdef Py_ssize_t m, n, k
    cdef int d, q
    if level >= 0:
        matmul_use_level(level)
    m, n, k = shape
    for d in range(len(batch)):
        sizes[d] = batch[d]
        for q in range(3):
            strides[q][d] = (a, b, c)[q][1][d]
    return matmul_run(code, len(batch), sizes, strides[0], strides[1], strides[2], m, n, k,
                      <const char*> <uintptr_t> a[0], a[2], a[3], <const char*> <uintptr_t> b[0], b[2], b[3],
                      <char*> <uintptr_t> c[0], c[2], c[3])
