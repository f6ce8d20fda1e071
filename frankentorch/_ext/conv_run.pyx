# cython: language_level=3, boundscheck=False, wraparound=False
# cython: cdivision=True, initializedcheck=False
# Drivers of convolution. Forward: a task is a block of output positions of one (image, group). Input gradient: a block of input
# channels of one (image, group). Weight gradient: a block of input channels of one group, all images in order.
# No task cuts a chain, so block sizes are free; they keep scratch near the L2 cache.
from libc.stdint cimport uintptr_t
from libc.string cimport memcpy, memset
from frankentorch._ext.types cimport *
from frankentorch._ext.gemm cimport gemm_function, gemm_workspace, GEMM_KC
from frankentorch._ext.conv cimport *
from frankentorch._ext.matmul cimport find_gemm, matmul_use_level
from frankentorch._ext.alloc cimport ft_alloc, ft_free
from frankentorch._ext.threads cimport parallel_for
from frankentorch._ext.cpu cimport cpu_level

cdef extern from *:
    """
    extern void fill_conv_baseline(void **);
    extern void fill_conv_avx2(void **);
    extern void fill_conv_avx512(void **);
    #if !defined(__x86_64__)
    #define fill_conv_avx2 fill_conv_baseline
    #define fill_conv_avx512 fill_conv_baseline
    #endif
    """
    void fill_conv_baseline(void** table) noexcept nogil
    void fill_conv_avx2(void** table) noexcept nogil
    void fill_conv_avx512(void** table) noexcept nogil

cdef enum:
    GRAIN = 1 << 19             # multiply-adds worth a thread
    UNFOLDED = 1 << 17          # values of one unfolded block
    FOLDED = 1 << 19            # column values of one block of input channels

cdef void* table[CONV_SLOTS]
cdef int[NCODES] SIZES = [1, 1, 1, 2, 4, 8, 2, 4, 8, 2, 2, 4, 8, 8, 16]

cdef struct Job:
    const ConvShape* shape
    gemm_function product, product_add
    unfold_function unfold
    fold_function fold
    bias_function bias_add
    int code, item, status
    Py_ssize_t in_group, out_group, taps, depth, volume, positions     # per group; taps: kernel volume; depth: in_group * taps
    Py_ssize_t block, blocks
    bint unfolded                       # 1x1, stride 1, no padding: the image is its own unfolding
    const char* x                       # input, or g
    const char* weight
    const char* bias
    char* out


cdef int conv_use_level(int level) noexcept nogil:
    matmul_use_level(level)
    if level == 0:
        fill_conv_baseline(table)
    elif level == 1:
        fill_conv_avx2(table)
    else:
        fill_conv_avx512(table)
    return 0


cdef int prepare(Job* job, int code, const ConvShape* s) noexcept nogil:
    cdef int d
    if code < 0 or code >= NCODES:
        return CONV_DTYPE
    job.product, job.product_add = find_gemm(code, False), find_gemm(code, True)
    if job.product == NULL:
        return CONV_DTYPE
    job.unfold = <unfold_function> table[CONV_UNFOLD + code]
    job.fold = <fold_function> table[CONV_FOLD + code]
    job.bias_add = <bias_function> table[CONV_BIAS + code]
    job.shape, job.code, job.item, job.status = s, code, SIZES[code], CONV_OK
    job.in_group, job.out_group = s.in_channels / s.groups, s.out_channels / s.groups
    job.taps, job.volume, job.positions, job.unfolded = 1, 1, 1, True
    for d in range(3):
        job.taps *= s.kernel[d]
        job.volume *= s.size[d]
        job.positions *= s.out[d]
        job.unfolded = job.unfolded and s.kernel[d] == 1 and s.stride[d] == 1 and s.padding[d] == 0
    job.depth = job.in_group * job.taps
    return CONV_OK


cdef inline Py_ssize_t up64(Py_ssize_t n) noexcept nogil:
    return (n + 63) & ~<Py_ssize_t> 63


# ---------------------------------------------------------------- forward
cdef void forward_body(void* context, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Job* job = <Job*> context
    cdef const ConvShape* s = job.shape
    cdef Py_ssize_t task, image, group, p, n, scratch, columns_bytes
    cdef const char* x
    cdef const char* w
    cdef char* out
    cdef char* columns
    columns_bytes = 0 if job.unfolded else up64(job.depth * job.block * job.item)
    scratch = columns_bytes + gemm_workspace(job.code, job.out_group, job.block, job.depth)
    columns = <char*> ft_alloc(scratch)
    if columns == NULL:
        job.status = CONV_MEMORY
        return
    for task in range(begin, end):
        p = task % job.blocks * job.block
        group = task / job.blocks % s.groups
        image = task / (job.blocks * s.groups)
        n = min(job.block, job.positions - p)
        x = job.x + (image * s.in_channels + group * job.in_group) * job.volume * job.item
        w = job.weight + group * job.out_group * job.depth * job.item
        out = job.out + ((image * s.out_channels + group * job.out_group) * job.positions + p) * job.item
        if job.unfolded:
            job.product(job.out_group, n, job.depth, w, job.depth, 1, x + p * job.item, job.positions, 1,
                        out, job.positions, 1, columns)
        else:
            job.unfold(s, x, job.in_group, p, p + n, columns, n)
            job.product(job.out_group, n, job.depth, w, job.depth, 1, columns, n, 1,
                        out, job.positions, 1, columns + columns_bytes)
        if job.bias != NULL:
            job.bias_add(job.bias + group * job.out_group * job.item, job.out_group, n, out, job.positions)
    ft_free(columns, scratch)


cdef int conv_forward(int code, const ConvShape* shape, const char* input, const char* weight, const char* bias,
                      char* output) noexcept nogil:
    cdef Job job
    cdef int status = prepare(&job, code, shape)
    if status != CONV_OK:
        return status
    if bias != NULL and job.bias_add == NULL:
        return CONV_DTYPE
    if shape.images * shape.out_channels * job.positions <= 0:
        return CONV_OK
    job.x, job.weight, job.bias, job.out = input, weight, bias, output
    job.block = min(max(UNFOLDED / max(job.depth, 1) / 64 * 64, 64), job.positions)
    job.blocks = (job.positions + job.block - 1) / job.block
    parallel_for(forward_body, &job, shape.images * shape.groups * job.blocks,
                 max(GRAIN / max(job.block * job.depth * job.out_group, 1), 1))
    return job.status


# ---------------------------------------------------------------- gradient of the input
cdef void input_body(void* context, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Job* job = <Job*> context
    cdef const ConvShape* s = job.shape
    cdef Py_ssize_t task, image, group, c, n, scratch, columns_bytes
    cdef const char* g
    cdef const char* w
    cdef char* columns
    columns_bytes = up64(job.block * job.taps * job.positions * job.item)
    scratch = columns_bytes + gemm_workspace(job.code, job.block * job.taps, job.positions, job.out_group)
    columns = <char*> ft_alloc(scratch)
    if columns == NULL:
        job.status = CONV_MEMORY
        return
    for task in range(begin, end):
        c = task % job.blocks * job.block
        group = task / job.blocks % s.groups
        image = task / (job.blocks * s.groups)
        n = min(job.block, job.in_group - c)
        g = job.x + (image * s.out_channels + group * job.out_group) * job.positions * job.item
        w = job.weight + (group * job.out_group * job.depth + c * job.taps) * job.item
        job.product(n * job.taps, job.positions, job.out_group, w, 1, job.depth, g, job.positions, 1,
                    columns, job.positions, 1, columns + columns_bytes)
        job.fold(s, columns, job.positions, n,
                 job.out + (image * s.in_channels + group * job.in_group + c) * job.volume * job.item)
    ft_free(columns, scratch)


cdef int conv_input_gradient(int code, const ConvShape* shape, const char* g, const char* weight, char* out) noexcept nogil:
    cdef Job job
    cdef int status = prepare(&job, code, shape)
    if status != CONV_OK:
        return status
    if job.fold == NULL:
        return CONV_DTYPE
    if shape.images * shape.in_channels * job.volume <= 0:
        return CONV_OK
    job.x, job.weight, job.bias, job.out = g, weight, NULL, out
    job.block = min(max(FOLDED / max(job.taps * job.positions, 1), 1), job.in_group)
    job.blocks = (job.in_group + job.block - 1) / job.block
    parallel_for(input_body, &job, shape.images * shape.groups * job.blocks,
                 max(GRAIN / max(job.block * job.taps * job.positions * job.out_group, 1), 1))
    return job.status


# ---------------------------------------------------------------- gradient of the weight
cdef void weight_body(void* context, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Job* job = <Job*> context
    cdef const ConvShape* s = job.shape
    cdef Py_ssize_t task, group, c, n, start, steps, done, image, p, run, o, rows, scratch, columns_bytes, g_bytes, g_row
    cdef Py_ssize_t total = s.images * job.positions, piece = 4 * GEMM_KC     # whole blocks: pieces add up to the one chain order
    cdef char* columns
    cdef char* gathered
    cdef char* out
    cdef const char* g
    columns_bytes = up64(job.block * job.taps * piece * job.item)
    g_bytes = up64(job.out_group * piece * job.item)
    scratch = columns_bytes + g_bytes + gemm_workspace(job.code, job.out_group, job.block * job.taps, piece)
    columns = <char*> ft_alloc(scratch)
    if columns == NULL:
        job.status = CONV_MEMORY
        return
    gathered = columns + columns_bytes
    for task in range(begin, end):
        c = task % job.blocks * job.block
        group = task / job.blocks
        n = min(job.block, job.in_group - c)
        rows = n * job.taps
        out = job.out + (group * job.out_group * job.depth + c * job.taps) * job.item
        for o in range(job.out_group if total == 0 else 0):
            memset(out + o * job.depth * job.item, 0, rows * job.item)
        start = 0
        while start < total:
            steps = min(piece, total - start)
            done = 0
            while done < steps:
                image, p = (start + done) / job.positions, (start + done) % job.positions
                run = min(steps - done, job.positions - p)
                job.unfold(s, job.weight + (image * s.in_channels + group * job.in_group + c) * job.volume * job.item, n,
                           p, p + run, columns + done * job.item, piece)
                g = job.x + ((image * s.out_channels + group * job.out_group) * job.positions + p) * job.item
                g_row = job.positions
                if run < steps:
                    for o in range(job.out_group):
                        memcpy(gathered + (o * piece + done) * job.item, g + o * job.positions * job.item, run * job.item)
                    g = gathered
                    g_row = piece
                done += run
            (job.product if start == 0 else job.product_add)(
                job.out_group, rows, steps, g, g_row, 1, columns, 1, piece, out, job.depth, 1, gathered + g_bytes)
            start += steps
    ft_free(columns, scratch)


cdef int conv_weight_gradient(int code, const ConvShape* shape, const char* g, const char* input, char* out) noexcept nogil:
    cdef Job job
    cdef int status = prepare(&job, code, shape)
    if status != CONV_OK:
        return status
    if job.product_add == NULL and shape.images * job.positions > 4 * GEMM_KC:
        return CONV_DTYPE
    if shape.out_channels * job.depth <= 0:
        return CONV_OK
    job.x, job.weight, job.bias, job.out = g, input, NULL, out
    job.block = min(max(192 / job.taps, 1), job.in_group)
    job.blocks = (job.in_group + job.block - 1) / job.block
    parallel_for(weight_body, &job, shape.groups * job.blocks,
                 max(GRAIN / max(job.block * job.taps * job.out_group * shape.images * job.positions, 1), 1))
    return job.status


conv_use_level(cpu_level())


def conv_at(str kind, int code, tuple counts, tuple axes, x, weight, bias, out, int level=-1):
    """One convolution pass on raw addresses, for tests and measurements.

    Parameters
    ----------
    kind : {"forward", "input_gradient", "weight_gradient"}
    code : int
        dtype id.
    counts : (images, groups, in_channels, out_channels)
    axes : tuple of three (size, kernel, stride, padding, dilation, out)
    x : int
        Address of the input (forward) or of the output's gradient.
    weight : int
        Address of the weight, or of the input for the weight gradient.
    bias : int
        Address or 0.
    out : int
    level : int
        CPU level of this call and all later ones; -1 keeps the present one.

    Returns
    -------
    int
        0, or a ConvStatus.
    """
    cdef ConvShape s
    cdef int d
    cdef const char* first = <const char*> <uintptr_t> x
    cdef const char* second = <const char*> <uintptr_t> weight
    cdef char* to = <char*> <uintptr_t> out
    if level >= 0:
        conv_use_level(level)
    s.images, s.groups, s.in_channels, s.out_channels = counts
    for d in range(3):
        s.size[d], s.kernel[d], s.stride[d], s.padding[d], s.dilation[d], s.out[d] = axes[d]
    if kind == "forward":
        return conv_forward(code, &s, first, second, <const char*> <uintptr_t> bias, to)
    if kind == "input_gradient":
        return conv_input_gradient(code, &s, first, second, to)
    return conv_weight_gradient(code, &s, first, second, to)
