# cython: language_level=3, boundscheck=False, wraparound=False
# cython: cdivision=True, initializedcheck=False
# Drivers of convolution. Forward: a task is a block of output positions of one (image, group), or several small images. Input gradient: a block of input
# channels of one (image, group). Weight gradient: a block of input channels of one group, all images in order.
# No task cuts a chain, so block sizes are free; they keep scratch near the L2 cache.
from libc.stdint cimport uintptr_t
from libc.string cimport memcpy, memset
from frankentorch._ext.types cimport *
from frankentorch._ext.gemm cimport (
    gemm_function, gemm_workspace, band_function, taps_function, least_function, band_workspace, GEMM_KC, GEMM_LEAST, GEMM_LEAST_SUM, GEMM_BAND, GEMM_THIN, GEMM_TAPS, THIN_ROWS,
    BAND_SLACK)
from frankentorch._ext.conv cimport *
from frankentorch._ext.matmul cimport find_gemm, gemm_slot, matmul_use_level
from frankentorch._ext.alloc cimport ft_alloc, ft_free
from frankentorch._ext.threads cimport parallel_for
from frankentorch._ext.cpu cimport cpu_level
from frankentorch._ext.levels cimport fill_conv_at

cdef enum:
    GRAIN = 1 << 19             # multiply-adds worth a thread
    UNFOLDED = 1 << 17          # values of one unfolded block
    FOLDED = 1 << 17            # column values of one block of input channels
    SMALL_COLUMNS = 256         # images of fewer positions share a block
    BAND_COLUMNS = 512          # output positions of a task that reads bands
    SMALL_IMAGE = 128           # images of fewer positions share a task, of SHARED_COLUMNS positions where their bands fit in SHARED_BYTES
    SHARED_COLUMNS = 1152
    SHARED_BYTES = 1 << 18
    FEW_ROWS = 16               # output channels up to which bands are read without gathering panels
    FEW_PAIRED = 7              # the same where pairs of bfloat16 would serve
    LANES = 8                   # channels from which a depthwise weight gradient gives each a lane
    FLIPPED = 8                 # channels of weight turned at a time: more streams than that push one another out of the cache
    FLIP_GRAIN = 1 << 16        # weights worth a thread
    TAPS = 384                  # columns of the weight gradient per task

cdef void* table[CONV_SLOTS]
cdef int[NCODES] SIZES = [1, 1, 1, 2, 4, 8, 2, 4, 8, 2, 2, 4, 8, 8, 16]

cdef struct Job:
    const ConvShape* shape
    gemm_function product, product_add
    unfold_function unfold
    fold_function fold
    bias_function bias_add
    int code, item, status, band_code   # band_code: BF16 where float32 numbers that are bfloat16 meet by pairs
    Py_ssize_t in_group, out_group, taps, depth, volume, positions     # per group; taps: kernel volume; depth: in_group * taps
    Py_ssize_t block, blocks
    ConvBand band
    Py_ssize_t band_item, band_rows, shared             # bytes of one band, its output rows, images of a task
    bint in_place                       # bands are read from the images themselves
    band_function from_band
    taps_function from_taps
    pad_function pad
    const Py_ssize_t* offsets
    bint unfolded                       # 1x1, stride 1, no padding: the image is its own unfolding
    const char* x                       # input, or g
    const char* weight
    const char* turned                  # input gradient: (group, in, taps, out), or NULL
    const char* bias
    char* out


cdef int conv_use_level(int level) noexcept nogil:
    matmul_use_level(level)
    fill_conv_at(level, table)
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
    job.shape, job.code, job.band_code, job.item, job.status = s, code, code, SIZES[code], CONV_OK
    job.in_group, job.out_group = s.in_channels / s.groups, s.out_channels / s.groups
    job.taps, job.volume, job.positions, job.unfolded = 1, 1, 1, True
    for d in range(3):
        job.taps *= s.kernel[d]
        job.volume *= s.size[d]
        job.positions *= s.out[d]
        job.unfolded = job.unfolded and s.kernel[d] == 1 and s.stride[d] == 1 and s.padding[d] == 0
    job.depth = job.in_group * job.taps
    return CONV_OK


cdef int paired_code(const Job* job, Py_ssize_t n, Py_ssize_t m) noexcept nogil:
    """BF16 where the n numbers of x and the m of weight, float32 that are bfloat16, may meet by pairs."""
    cdef least_function least = <least_function> gemm_slot(GEMM_LEAST + BF16)
    return BF16 if least != NULL and least(n, job.x) + least(m, job.weight) >= GEMM_LEAST_SUM else job.code


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


cdef void band_body(void* context, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """Tasks (image block, group, row block): pad, multiply, and spread small images' results."""
    cdef Job* job = <Job*> context
    cdef const ConvShape* s = job.shape
    cdef Py_ssize_t task, image, images, group, row, rows, i, o, r, z, y, h, at, n, scratch, at_starts, at_result, at_panel
    cdef Py_ssize_t band_row = job.band.phases * job.band.width
    cdef Py_ssize_t* starts
    cdef const char* w
    cdef const char* source
    cdef bint from_image
    cdef char* band
    cdef char* c
    cdef char* out
    at_starts = up64(job.shared * job.band_item + BAND_SLACK)
    at_result = at_starts + up64(job.shared * job.band_rows * <Py_ssize_t> sizeof(Py_ssize_t))
    at_panel = at_result + (up64(job.out_group * job.shared * job.positions * job.item) if job.shared > 1 else 0)
    scratch = at_panel + band_workspace(job.band_code, job.out_group, job.depth)
    band = <char*> ft_alloc(scratch)
    if band == NULL:
        job.status = CONV_MEMORY
        return
    starts = <Py_ssize_t*> (band + at_starts)
    for task in range(begin, end):
        row = task % job.blocks * job.band_rows
        group = task / job.blocks % s.groups
        image = task / (job.blocks * s.groups) * job.shared
        images = min(job.shared, s.images - image)
        rows = min(job.band_rows, s.out[0] * s.out[1] - row)
        z, y = row / s.out[1], row % s.out[1]
        from_image = job.in_place and image + images < s.images
        source = band
        if from_image:
            source = job.x + (image * s.in_channels + group * job.in_group) * job.volume * job.item
        for i in range(images):
            at, h = i * job.band_item / job.item, y
            if from_image:
                at = i * s.in_channels * job.volume
            else:
                job.pad(s, &job.band, job.x + ((image + i) * s.in_channels + group * job.in_group) * job.volume * job.item,
                        job.in_group, z * s.stride[0] - s.padding[0], y * s.stride[1] - s.padding[1], band + i * job.band_item)
            for r in range(rows):
                starts[i * rows + r] = at + (h - y) * s.stride[1] * band_row
                h += 1
                if h == s.out[1]:
                    h = 0
                    at += s.stride[0] * job.band.height * band_row
        n = images * rows * s.out[2]
        w = job.weight + group * job.out_group * job.depth * job.item
        out = job.out + ((image * s.out_channels + group * job.out_group) * job.positions + row * s.out[2]) * job.item
        if job.shared == 1:
            job.from_band(job.out_group, job.depth, w, source, job.offsets, starts, rows, s.out[2], out, job.positions, band + at_panel)
            if job.bias != NULL:
                job.bias_add(job.bias + group * job.out_group * job.item, job.out_group, n, out, job.positions)
            continue
        c = band + at_result
        job.from_band(job.out_group, job.depth, w, source, job.offsets, starts, images * rows, s.out[2], c, n, band + at_panel)
        if job.bias != NULL:
            job.bias_add(job.bias + group * job.out_group * job.item, job.out_group, n, c, n)
        for i in range(images):
            for o in range(job.out_group):
                memcpy(out + (i * s.out_channels + o) * job.positions * job.item,
                       c + (o * n + i * job.positions) * job.item, job.positions * job.item)
    ft_free(band, scratch)


cdef void shape_band(Job* job) noexcept nogil:
    """Columns of a band; its depth and height are the caller's."""
    cdef const ConvShape* s = job.shape
    cdef Py_ssize_t w
    job.band.width = s.out[2] + (s.kernel[2] - 1) * s.dilation[2] / s.stride[2]
    job.band.phases = 1
    for w in range(s.kernel[2]):
        job.band.phases = max(job.band.phases, w * s.dilation[2] % s.stride[2] + 1)


cdef void fill_offsets(Job* job, Py_ssize_t channels, Py_ssize_t* offsets) noexcept nogil:
    """Where (channel, kd, kh, kw) lies in a band, from the output's own place on."""
    cdef const ConvShape* s = job.shape
    cdef Py_ssize_t c, d, h, w, step, k = 0, band_row = job.band.phases * job.band.width
    for c in range(channels):
        for d in range(s.kernel[0]):
            for h in range(s.kernel[1]):
                for w in range(s.kernel[2]):
                    step = w * s.dilation[2]
                    offsets[k] = (((c * job.band.depth + d * s.dilation[0]) * job.band.height + h * s.dilation[1]) * band_row
                                  + step % s.stride[2] * job.band.width + step / s.stride[2])
                    k += 1


cdef int forward_from_bands(Job* job, bint halves) noexcept nogil:
    """Forward for float32 and float64: no unfolding; panels are gathered from padded images, or few channels read them as they lie."""
    cdef const ConvShape* s = job.shape
    cdef Py_ssize_t rows = s.out[0] * s.out[1], slices, scratch, band_row, tasks
    cdef int d
    cdef Py_ssize_t* offsets
    cdef bint thin = job.out_group <= THIN_ROWS
    cdef Py_ssize_t vector = <Py_ssize_t> <uintptr_t> table[CONV_WIDTH + job.code]
    cdef bint full = 4 * ((s.out[2] + vector - 1) / vector * vector) <= 5 * s.out[2]         # a fifth of the lanes idle at most
    if halves and not thin and (job.out_group > FEW_PAIRED or not full):
        job.band_code = paired_code(job, s.images * s.in_channels * job.volume, s.out_channels * job.depth)
    job.from_band = <band_function> gemm_slot(GEMM_THIN + job.code if thin else GEMM_BAND + job.band_code)
    if full and not thin and job.out_group <= FEW_ROWS and job.band_code != BF16:
        job.from_band = <band_function> table[CONV_ROWS + job.code]
    job.pad = <pad_function> table[CONV_PAD + job.code]
    job.shared = 1
    if not thin and job.positions < SMALL_IMAGE:
        job.band_rows = rows
    elif s.out[0] > 1:              # whole slices, so that the rows of a slice share one band
        job.band_rows = max(BAND_COLUMNS / (s.out[1] * s.out[2]), 1) * s.out[1]
    else:
        job.band_rows = max(BAND_COLUMNS / s.out[2], 1)
    job.band_rows = min(job.band_rows, rows)
    job.blocks = (rows + job.band_rows - 1) / job.band_rows
    slices = (job.band_rows + s.out[1] - 1) / s.out[1]
    job.band.depth = (slices - 1) * s.stride[0] + (s.kernel[0] - 1) * s.dilation[0] + 1
    job.band.height = (min(job.band_rows, s.out[1]) - 1) * s.stride[1] + (s.kernel[1] - 1) * s.dilation[1] + 1
    shape_band(job)
    band_row = job.band.phases * job.band.width
    job.band_item = job.in_group * job.band.depth * job.band.height * band_row * job.item
    if not thin and job.positions < SMALL_IMAGE:
        job.shared = min(max(2 * SMALL_IMAGE / job.positions,
                             min(SHARED_COLUMNS / job.positions, SHARED_BYTES / job.band_item)), s.images)
    # an image without padding or strides is its own band; not the last, for vectors may read past its end
    job.in_place = job.blocks == 1 and job.band.depth == s.size[0] and job.band.height == s.size[1] and band_row == s.size[2]
    for d in range(3):
        job.in_place = job.in_place and s.stride[d] == 1 and s.padding[d] == 0
    scratch = job.depth * <Py_ssize_t> sizeof(Py_ssize_t)
    offsets = <Py_ssize_t*> ft_alloc(scratch)
    if offsets == NULL:
        return CONV_MEMORY
    fill_offsets(job, job.in_group, offsets)
    job.offsets = offsets
    tasks = (s.images + job.shared - 1) / job.shared * s.groups * job.blocks
    parallel_for(band_body, job, tasks,
                 max(GRAIN / max(job.shared * job.band_rows * s.out[2] * job.depth * job.out_group, 1), 1))
    ft_free(offsets, scratch)
    return job.status


cdef int conv_forward(int code, const ConvShape* shape, const char* input, const char* weight, const char* bias,
                      char* output, bint halves) noexcept nogil:
    cdef Job job
    cdef int status = prepare(&job, code, shape)
    if status != CONV_OK:
        return status
    if bias != NULL and job.bias_add == NULL:
        return CONV_DTYPE
    if shape.images * shape.out_channels * job.positions <= 0:
        return CONV_OK
    job.x, job.weight, job.bias, job.out = input, weight, bias, output
    if (code == F32 or code == F64) and not job.unfolded and job.depth > 0:
        return forward_from_bands(&job, halves)
    job.block = min(max((4 if job.unfolded else 1) * UNFOLDED / max(job.depth, 1) / 48 * 48, 48), job.positions)
    job.blocks = (job.positions + job.block - 1) / job.block
    parallel_for(forward_body, &job, shape.images * shape.groups * job.blocks,
                 max(GRAIN / max(job.block * job.depth * job.out_group, 1), 1))
    return job.status


# ---------------------------------------------------------------- gradient of the input
cdef void input_body(void* context, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """Tasks (image block, group, channel block): column values of some images side by side, then folded image by image."""
    cdef Job* job = <Job*> context
    cdef const ConvShape* s = job.shape
    cdef Py_ssize_t task, image, images, group, c, n, i, o, ld, scratch, columns_bytes, g_bytes, g_row
    cdef const char* g
    cdef const char* w
    cdef char* columns
    cdef char* gathered
    ld = job.shared * job.positions
    columns_bytes = up64(job.block * job.taps * ld * job.item)
    g_bytes = up64(job.out_group * ld * job.item) if job.shared > 1 else 0
    scratch = columns_bytes + g_bytes + gemm_workspace(job.code, job.block * job.taps, ld, job.out_group)
    columns = <char*> ft_alloc(scratch)
    if columns == NULL:
        job.status = CONV_MEMORY
        return
    gathered = columns + columns_bytes
    for task in range(begin, end):
        c = task % job.blocks * job.block
        group = task / job.blocks % s.groups
        image = task / (job.blocks * s.groups) * job.shared
        images = min(job.shared, s.images - image)
        n = min(job.block, job.in_group - c)
        g = job.x + (image * s.out_channels + group * job.out_group) * job.positions * job.item
        g_row = job.positions
        if images > 1:
            for o in range(job.out_group):
                for i in range(images):
                    memcpy(gathered + (o * ld + i * job.positions) * job.item, g + (i * s.out_channels + o) * job.positions * job.item,
                           job.positions * job.item)
            g = gathered
            g_row = ld
        if job.turned != NULL:
            w = job.turned + (group * job.depth + c * job.taps) * job.out_group * job.item
            job.product(n * job.taps, images * job.positions, job.out_group, w, job.out_group, 1, g, g_row, 1, columns, ld, 1, gathered + g_bytes)
        else:
            w = job.weight + (group * job.out_group * job.depth + c * job.taps) * job.item
            job.product(n * job.taps, images * job.positions, job.out_group, w, 1, job.depth, g, g_row, 1, columns, ld, 1, gathered + g_bytes)
        for i in range(images):
            job.fold(s, columns + i * job.positions * job.item, ld, n,
                     job.out + ((image + i) * s.in_channels + group * job.in_group + c) * job.volume * job.item)
    ft_free(columns, scratch)


cdef bint is_turned(const ConvShape* s, ConvShape* turned) noexcept nogil:
    """Whether the input gradient is a convolution of g by the turned weight, and which."""
    cdef int d
    turned[0] = s[0]
    turned.in_channels, turned.out_channels = s.out_channels, s.in_channels
    for d in range(3):
        turned.size[d], turned.out[d] = s.out[d], s.size[d]
        turned.padding[d] = s.dilation[d] * (s.kernel[d] - 1) - s.padding[d]
        if s.stride[d] != 1 or turned.padding[d] < 0:
            return False
    return True


cdef struct Flip:
    const char* weight
    char* out
    Py_ssize_t outs, ins, taps, blocks
    int item
    bint reverse
    flip_function flip


cdef void flip_body(void* context, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """Tasks (group, block of input channels)."""
    cdef Flip* job = <Flip*> context
    cdef Py_ssize_t task, at, c
    for task in range(begin, end):
        at = task / job.blocks * job.outs * job.ins * job.taps * job.item
        c = task % job.blocks * FLIPPED
        job.flip(job.weight + at, job.outs, job.ins, job.taps, job.reverse, c, min(c + FLIPPED, job.ins), job.out + at)


cdef int conv_input_gradient(int code, const ConvShape* shape, const char* g, const char* weight, char* out, bint halves) noexcept nogil:
    cdef Job job
    cdef Flip turn
    cdef ConvShape turned
    cdef Py_ssize_t bytes = 0
    cdef bint forward
    cdef char* copy = NULL
    cdef int status = prepare(&job, code, shape)
    if status != CONV_OK:
        return status
    if job.fold == NULL:
        return CONV_DTYPE
    if shape.images * shape.in_channels * job.volume <= 0:
        return CONV_OK
    if (code == F32 or code == F64) and job.out_group * job.depth > 0:
        forward = is_turned(shape, &turned)
        bytes = job.depth * job.out_group * job.item
        copy = <char*> ft_alloc(shape.groups * bytes)
        if copy == NULL:
            return CONV_MEMORY
        turn.weight, turn.out, turn.outs, turn.ins, turn.taps, turn.item = weight, copy, job.out_group, job.in_group, job.taps, job.item
        turn.blocks, turn.reverse, turn.flip = (job.in_group + FLIPPED - 1) / FLIPPED, forward, <flip_function> table[CONV_FLIP + code]
        parallel_for(flip_body, &turn, shape.groups * turn.blocks, max(FLIP_GRAIN / (FLIPPED * job.taps * job.out_group), 1))
        if forward:
            status = conv_forward(code, &turned, g, copy, NULL, out, halves)
            ft_free(copy, shape.groups * bytes)
            return status
    job.x, job.weight, job.turned, job.bias, job.out = g, weight, copy, NULL, out
    job.shared = min(max(SMALL_COLUMNS / max(job.positions, 1), 1), shape.images)
    job.block = min(max(FOLDED / max(job.taps * job.shared * job.positions, 1), 1), job.in_group)
    job.blocks = (job.in_group + job.block - 1) / job.block
    parallel_for(input_body, &job, (shape.images + job.shared - 1) / job.shared * shape.groups * job.blocks,
                 max(GRAIN / max(job.block * job.taps * job.shared * job.positions * job.out_group, 1), 1))
    if copy != NULL:
        ft_free(copy, shape.groups * bytes)
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


cdef void taps_body(void* context, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """The same for float32 and float64, from padded images; a block of steps may run over several images."""
    cdef Job* job = <Job*> context
    cdef const ConvShape* s = job.shape
    cdef Py_ssize_t task, group, c, n, start, steps, done, built, image, p, run, o, count, scratch, z, y, w, ring, row
    cdef Py_ssize_t total = s.images * job.positions, band_row = job.band.phases * job.band.width
    cdef Py_ssize_t at_offsets, at_runs, at_g, at_work
    cdef Py_ssize_t* offsets
    cdef Py_ssize_t* runs
    cdef char* band
    cdef char* out
    cdef const char* g
    at_offsets = up64(job.shared * job.band_item + BAND_SLACK)
    at_runs = at_offsets + up64(job.block * job.taps * <Py_ssize_t> sizeof(Py_ssize_t))
    at_g = at_runs + 2 * GEMM_KC * <Py_ssize_t> sizeof(Py_ssize_t)
    at_work = at_g + up64(job.out_group * GEMM_KC * job.item)
    scratch = at_work + band_workspace(job.band_code, job.out_group, GEMM_KC)
    band = <char*> ft_alloc(scratch)
    if band == NULL:
        job.status = CONV_MEMORY
        return
    offsets, runs = <Py_ssize_t*> (band + at_offsets), <Py_ssize_t*> (band + at_runs)
    fill_offsets(job, job.block, offsets)
    for task in range(begin, end):
        c = task % job.blocks * job.block
        group = task / job.blocks
        n = min(job.block, job.in_group - c)
        out = job.out + (group * job.out_group * job.depth + c * job.taps) * job.item
        start, built, ring, row, z, y, w = 0, 0, -1, 0, 0, 0, 0
        while start < total:
            steps = min(GEMM_KC, total - start)
            done, count = 0, 0
            while done < steps:                 # the output at (z, y, w) reads the band from (row, w) on
                if z == 0 and y == 0 and w == 0:        # images come in order; the ring holds as many as one block can meet
                    ring = ring + 1 if ring + 1 < job.shared else 0
                    row = ring * (job.band_item / job.item)
                    job.pad(s, &job.band, job.weight + (built * s.in_channels + group * job.in_group + c) * job.volume * job.item,
                            n, -s.padding[0], -s.padding[1], band + ring * job.band_item)
                    built += 1
                run = min(steps - done, s.out[2] - w)
                runs[2 * count], runs[2 * count + 1] = row + w, run
                count += 1
                done += run
                w += run
                if w == s.out[2]:
                    w = 0
                    y += 1
                    row += s.stride[1] * band_row
                    if y == s.out[1]:
                        y = 0
                        z = z + 1 if z + 1 < s.out[0] else 0
                        row += (s.stride[0] * job.band.height - s.out[1] * s.stride[1]) * band_row
            image, p = start / job.positions, start % job.positions
            g = job.x + ((image * s.out_channels + group * job.out_group) * job.positions + p) * job.item
            if p + steps <= job.positions:
                job.from_taps(job.out_group, n * job.taps, steps, g, job.positions, band, offsets, runs, count,
                              out, job.depth, start == 0, band + at_work)
            else:
                done = 0
                while done < steps:
                    image, p = (start + done) / job.positions, (start + done) % job.positions
                    run = min(steps - done, job.positions - p)
                    g = job.x + ((image * s.out_channels + group * job.out_group) * job.positions + p) * job.item
                    for o in range(job.out_group):
                        memcpy(band + at_g + (o * GEMM_KC + done) * job.item, g + o * job.positions * job.item, run * job.item)
                    done += run
                job.from_taps(job.out_group, n * job.taps, steps, band + at_g, GEMM_KC, band, offsets, runs, count,
                              out, job.depth, start == 0, band + at_work)
            start += steps
    ft_free(band, scratch)


cdef inline void close_block(const Job* job, Py_ssize_t n, char* sums, char* totals, bint first) noexcept nogil:
    """totals (+)= sums, sums = 0."""
    cdef Py_ssize_t i
    if job.item == 4:
        for i in range(n):
            (<float*> totals)[i] = (<float*> sums)[i] if first else (<float*> totals)[i] + (<float*> sums)[i]
    else:
        for i in range(n):
            (<double*> totals)[i] = (<double*> sums)[i] if first else (<double*> totals)[i] + (<double*> sums)[i]
    memset(sums, 0, n * job.item)


cdef void depth_body(void* context, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """Depthwise: tasks are blocks of channels, each in a lane of its own; steps are those of taps_body."""
    cdef Job* job = <Job*> context
    cdef const ConvShape* s = job.shape
    cdef Py_ssize_t width = job.block, vector = job.block * job.item, values = job.band_item / job.item, band_row = job.band.phases * job.band.width
    cdef Py_ssize_t task, c, n, image, row, at, w, run, steps, i, t, at_x, at_g, at_sums, at_totals, at_offsets, scratch
    cdef bint first
    cdef Py_ssize_t* offsets
    cdef char* room
    cdef lanes_function lanes = <lanes_function> table[CONV_LANES + job.code]
    cdef depth_function deepen = <depth_function> table[CONV_DEPTH + job.code]
    at_x = up64(width * job.band_item + BAND_SLACK)
    at_g = at_x + up64(values * vector)
    at_sums = at_g + up64(job.positions * vector)
    at_totals = at_sums + up64(job.taps * vector)
    at_offsets = at_totals + up64(job.taps * vector)
    scratch = at_offsets + job.taps * <Py_ssize_t> sizeof(Py_ssize_t)
    room = <char*> ft_alloc(scratch)
    if room == NULL:
        job.status = CONV_MEMORY
        return
    offsets = <Py_ssize_t*> (room + at_offsets)
    fill_offsets(job, 1, offsets)
    memset(room + at_sums, 0, job.taps * vector)
    for task in range(begin, end):
        c = task * width
        n = min(width, s.groups - c)
        first, steps = True, 0
        for image in range(s.images):
            job.pad(s, &job.band, job.weight + (image * s.in_channels + c) * job.volume * job.item, n, -s.padding[0], -s.padding[1], room)
            lanes(n, room, values, room + at_x)
            lanes(n, job.x + (image * s.out_channels + c) * job.positions * job.item, job.positions, room + at_g)
            for row in range(s.out[0] * s.out[1]):
                at = band_row * (row / s.out[1] * s.stride[0] * job.band.height + row % s.out[1] * s.stride[1])
                w = 0
                while w < s.out[2]:
                    run = min(s.out[2] - w, GEMM_KC - steps)
                    deepen(run, room + at_g + (row * s.out[2] + w) * vector, room + at_x + (at + w) * vector, offsets, job.taps, room + at_sums)
                    w += run
                    steps += run
                    if steps == GEMM_KC:
                        close_block(job, job.taps * width, room + at_sums, room + at_totals, first)
                        first, steps = False, 0
        if steps:
            close_block(job, job.taps * width, room + at_sums, room + at_totals, first)
        for i in range(n):
            for t in range(job.taps):
                memcpy(job.out + ((c + i) * job.taps + t) * job.item, room + at_totals + (t * width + i) * job.item, job.item)
    ft_free(room, scratch)


cdef int weight_from_bands(Job* job, bint halves) noexcept nogil:
    cdef const ConvShape* s = job.shape
    cdef Py_ssize_t per_image
    job.pad = <pad_function> table[CONV_PAD + job.code]
    shape_band(job)
    job.band.depth = (s.out[0] - 1) * s.stride[0] + (s.kernel[0] - 1) * s.dilation[0] + 1
    job.band.height = (s.out[1] - 1) * s.stride[1] + (s.kernel[1] - 1) * s.dilation[1] + 1
    if job.in_group == 1 and job.out_group == 1 and s.groups >= LANES:
        job.block = <Py_ssize_t> <uintptr_t> table[CONV_WIDTH + job.code]
        job.band_item = job.band.depth * job.band.height * job.band.phases * job.band.width * job.item
        parallel_for(depth_body, job, (s.groups + job.block - 1) / job.block,
                     max(GRAIN / max(job.block * job.taps * s.images * job.positions, 1), 1))
        return job.status
    if halves:
        job.band_code = paired_code(job, s.images * s.out_channels * job.positions, s.images * s.in_channels * job.volume)
    job.from_taps = <taps_function> gemm_slot(GEMM_TAPS + job.band_code)
    job.block = min(max(TAPS / job.taps, 1), job.in_group)
    job.blocks = (job.in_group + job.block - 1) / job.block
    per_image = job.block * job.band.depth * job.band.height * job.band.phases * job.band.width
    job.band_item = per_image * job.item
    job.shared = min(GEMM_KC / job.positions + 2, s.images)
    parallel_for(taps_body, job, s.groups * job.blocks,
                 max(GRAIN / max(job.block * job.taps * job.out_group * s.images * job.positions, 1), 1))
    return job.status


cdef int conv_weight_gradient(int code, const ConvShape* shape, const char* g, const char* input, char* out, bint halves) noexcept nogil:
    cdef Job job
    cdef int status = prepare(&job, code, shape)
    if status != CONV_OK:
        return status
    if job.product_add == NULL and shape.images * job.positions > 4 * GEMM_KC:
        return CONV_DTYPE
    if shape.out_channels * job.depth <= 0:
        return CONV_OK
    job.x, job.weight, job.bias, job.out = g, input, NULL, out
    if (code == F32 or code == F64) and shape.images * job.positions > 0:
        return weight_from_bands(&job, halves)
    job.block = min(max(192 / job.taps, 1), job.in_group)
    job.blocks = (job.in_group + job.block - 1) / job.block
    parallel_for(weight_body, &job, shape.groups * job.blocks,
                 max(GRAIN / max(job.block * job.taps * job.out_group * shape.images * job.positions, 1), 1))
    return job.status


conv_use_level(cpu_level())


def conv_at(str kind, int code, tuple counts, tuple axes, x, weight, bias, out, int level=-1, bint halves=False):
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
    halves : bool
        float32 numbers that all are bfloat16.

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
        return conv_forward(code, &s, first, second, <const char*> <uintptr_t> bias, to, halves)
    if kind == "input_gradient":
        return conv_input_gradient(code, &s, first, second, to, halves)
    return conv_weight_gradient(code, &s, first, second, to, halves)
