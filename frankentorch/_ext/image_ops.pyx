# cython: language_level=3, boundscheck=False, wraparound=False
# cython: cdivision=True, initializedcheck=False
# Values between the places of images, and patches as columns.
from libc.stdlib cimport malloc, free
from libc.stdint cimport uintptr_t
from libc.string cimport memcpy, memset
from frankentorch._ext.types cimport *
from frankentorch._ext.dtype cimport ITEMSIZE, is_complex_code
from frankentorch._ext.tensor cimport *
from frankentorch._ext.elementwise cimport cast_tensor, contiguous_tensor
from frankentorch._ext.formats cimport working_code
from frankentorch._ext.levels cimport fill_moves, fill_resample
from frankentorch._ext.moves cimport *
from frankentorch._ext.resample cimport *
from frankentorch._ext.reduce_run cimport sum_columns
from frankentorch._ext.alloc cimport ft_alloc, ft_free
from frankentorch._ext.threads cimport parallel_for

cdef void* table[RESAMPLE_SLOTS]
fill_resample(table)
cdef void* moves[MOVE_SLOTS]
fill_moves(moves)

ctypedef fused real:
    ft_f32
    ft_f64


# ---- values between places ----
# Several channels lie side by side in a turned copy of the image, so that one address serves them all. Few channels are read
# where they are, without gather instructions of the processor: single loads are faster.
cdef enum:
    FEW = 4                     # channels not worth turning
    SPAN_GRAIN = 4              # spans of POINTS points worth a thread
    COLUMNS = 64                # points whose sums over channels are made at once


cdef inline real value_at(const real* x, int at) noexcept nogil:
    return x[at] if at >= 0 else 0


cdef struct Image:
    const Samples* samples
    const char* x                       # its planes
    const char* turned                  # the first channels of them, by groups; NULL for none
    char* out
    Py_ssize_t number, size, channels   # size: places of a plane; channels: those that are turned
    int slot


cdef void turn_groups(void* context, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Image* s = <Image*> context
    cdef Py_ssize_t g, item = 4 if s.slot == RESAMPLE_F32 else 8
    for g in range(begin, end):
        (<turn_function> table[RESAMPLE_TURN + s.slot])(s.size, min(s.channels - g * GROUP, <Py_ssize_t> GROUP), s.x + g * GROUP * s.size * item,
                                                        <char*> s.turned + g * GROUP * (s.size + 1) * item)


cdef void gather_spans(Image* image, Py_ssize_t begin, Py_ssize_t end, real* weight) noexcept nogil:
    cdef int index[CORNERS * POINTS]
    cdef const Samples* s = image.samples
    cdef const int* a0 = index
    cdef const int* a1 = a0 + POINTS
    cdef const int* a2 = a1 + POINTS
    cdef const int* a3 = a2 + POINTS
    cdef const real* w0 = weight
    cdef const real* w1 = w0 + POINTS
    cdef const real* w2 = w1 + POINTS
    cdef const real* w3 = w2 + POINTS
    cdef const real* plane
    cdef real* to
    cdef Py_ssize_t span, c, i, t, n, first
    cdef real total
    for span in range(begin, end):
        first = span * POINTS
        n = min(s.points - first, <Py_ssize_t> POINTS)
        (<places_function> table[RESAMPLE_PLACES + image.slot])(s, image.number, first, n, index, weight)
        c = 0
        while c < image.channels:
            (<corners_function> table[RESAMPLE_CORNERS + image.slot])(n, s.corners, index, weight, image.size, image.turned + c * (image.size + 1) * sizeof(real),
                                                                      min(image.channels - c, <Py_ssize_t> GROUP), <real*> image.out + c * s.points + first, s.points)
            c += GROUP
        for c in range(image.channels, s.channels):
            plane, to = <const real*> image.x + c * image.size, <real*> image.out + c * s.points + first
            if s.corners == 1 and s.taps == 1:
                for i in range(n):
                    to[i] = value_at(plane, index[i])
            elif s.corners == 4:
                for i in range(n):
                    if (a0[i] | a1[i] | a2[i] | a3[i]) >= 0:
                        total = w0[i] * plane[a0[i]] + w1[i] * plane[a1[i]]
                        total = total + w2[i] * plane[a2[i]]
                        to[i] = total + w3[i] * plane[a3[i]]
                    else:
                        total = w0[i] * value_at(plane, a0[i]) + w1[i] * value_at(plane, a1[i])
                        total = total + w2[i] * value_at(plane, a2[i])
                        to[i] = total + w3[i] * value_at(plane, a3[i])
            else:
                for i in range(n):
                    total = weight[i] * value_at(plane, index[i])
                    for t in range(1, s.corners):
                        total = total + weight[t * POINTS + i] * value_at(plane, index[t * POINTS + i])
                    to[i] = total


cdef void spans_body(void* context, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef double weight[CORNERS * POINTS]
    if (<Image*> context).slot == RESAMPLE_F32:
        gather_spans(<Image*> context, begin, end, <ft_f32*> weight)
    else:
        gather_spans(<Image*> context, begin, end, <ft_f64*> weight)


cdef bint gather_run(const Samples* s, int slot, const char* x, char* out) noexcept nogil:
    """False: no memory."""
    cdef Image image
    cdef Py_ssize_t i, groups, item = 4 if slot == RESAMPLE_F32 else 8
    cdef char* room = NULL
    image.samples, image.slot, image.size, image.turned = s, slot, 1, NULL
    for i in range(s.dims):
        image.size *= s.sizes[i]
    image.channels = s.channels if s.corners > 1 and 4 * s.points >= image.size else 0        # a place read seldom is not worth turning
    if image.channels % GROUP < FEW:
        image.channels -= image.channels % GROUP
    groups = (image.channels + GROUP - 1) // GROUP
    if groups:
        room = <char*> malloc(groups * GROUP * (image.size + 1) * item + 64)
        if room == NULL:
            return False
        image.turned = <const char*> ((<uintptr_t> room + 63) & ~<uintptr_t> 63)
    for i in range(s.images):
        image.number, image.x, image.out = i, x + i * s.channels * image.size * item, out + i * s.channels * s.points * item
        if groups:
            parallel_for(turn_groups, &image, groups, 1)
        parallel_for(spans_body, &image, (s.points + POINTS - 1) // POINTS, SPAN_GRAIN)
    free(room)
    return True


cdef struct Spans:
    const Samples* samples
    const char* g                       # (images, channels, points)
    const char* x
    char* out
    Py_ssize_t size
    int slot
    bint failed


cdef void add_places(Py_ssize_t n, const int* index, Py_ssize_t channels, const real* weight, const real* g, Py_ssize_t g_row, real* out, Py_ssize_t size) noexcept nogil:
    """What scatter_function does for one corner, in planes: seldom met places are not worth turning."""
    cdef Py_ssize_t i, k
    while channels > 0:                         # a few planes: those whole pages apart share cache sets
        for i in range(n):
            if index[i] >= 0:
                for k in range(min(channels, FEW)):
                    out[k * size + index[i]] = out[k * size + index[i]] + weight[i] * g[k * g_row + i]
        channels, g, out = channels - FEW, g + FEW * g_row, out + FEW * size


cdef void scatter_groups(void* context, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """Some channels of an image, side by side: points ascending, in each corners ascending."""
    cdef double weight[CORNERS * POINTS]
    cdef int index[CORNERS * POINTS]
    cdef Spans* spans = <Spans*> context
    cdef const Samples* s = spans.samples
    cdef bint turned
    cdef Py_ssize_t groups = (s.channels + GROUP - 1) // GROUP, task, image, channel, some, first, n, item = 4 if spans.slot == RESAMPLE_F32 else 8
    cdef Py_ssize_t nbytes = (spans.size + s.points + 2) * GROUP * item
    cdef char* sums = <char*> ft_alloc(nbytes)
    cdef char* g = sums + (spans.size + 1) * GROUP * item
    if sums == NULL:
        spans.failed = True
        return
    for task in range(begin, end):
        image, channel = task // groups, task % groups * GROUP
        some = min(s.channels - channel, <Py_ssize_t> GROUP)
        channel += image * s.channels
        turned = s.corners > 1 or s.points > spans.size
        if turned:
            (<turn_function> table[RESAMPLE_TURN + spans.slot])(s.points, some, spans.g + channel * s.points * item, g)
        memset(sums if turned else spans.out + channel * spans.size * item, 0, spans.size * (GROUP if turned else some) * item)
        first = 0
        while first < s.points:
            n = min(s.points - first, <Py_ssize_t> POINTS)
            (<places_function> table[RESAMPLE_PLACES + spans.slot])(s, image, first, n, index, weight)
            if turned:
                (<scatter_function> table[RESAMPLE_SCATTER + spans.slot])(n, s.corners, index, weight, spans.size, g + first * GROUP * item, sums)
            elif spans.slot == RESAMPLE_F32:
                add_places(n, index, some, <const ft_f32*> weight, <const ft_f32*> spans.g + channel * s.points + first, s.points, <ft_f32*> spans.out + channel * spans.size, spans.size)
            else:
                add_places(n, index, some, weight, <const ft_f64*> spans.g + channel * s.points + first, s.points, <ft_f64*> spans.out + channel * spans.size, spans.size)
            first += n
        if turned:
            (<back_function> table[RESAMPLE_BACK + spans.slot])(spans.size, some, sums, spans.out + channel * spans.size * item, spans.size)
    ft_free(sums, nbytes)


cdef void dot_spans(void* context, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """Some points of an image: canonical sums over its channels."""
    cdef double weight[CORNERS * POINTS]
    cdef int index[CORNERS * POINTS]
    cdef Spans* spans = <Spans*> context
    cdef const Samples* s = spans.samples
    cdef Py_ssize_t parts = (s.points + COLUMNS - 1) // COLUMNS, task, image, first, n, c, item = 4 if spans.slot == RESAMPLE_F32 else 8
    cdef char* products = <char*> ft_alloc(s.channels * POINTS * item)
    if products == NULL:
        spans.failed = True
        return
    for task in range(begin, end):
        image, first = task // parts, task % parts * COLUMNS
        n = min(s.points - first, <Py_ssize_t> COLUMNS)
        (<places_function> table[RESAMPLE_PLACES + spans.slot])(s, image, first, n, index, weight)
        for c in range(s.corners):
            (<products_function> table[RESAMPLE_PRODUCTS + spans.slot])(n, index + c * POINTS, s.channels, spans.g + (image * s.channels * s.points + first) * item, s.points,
                                                                        spans.x + image * s.channels * spans.size * item, spans.size, products)
            sum_columns(spans.slot, products, s.channels, POINTS, n, spans.out + ((image * s.corners + c) * s.points + first) * item)
    ft_free(products, s.channels * POINTS * item)


cdef int samples_at(Samples* s, Tensor places, Tensor weights) except -1:
    """Corners that are told: places (N, corners, points), int32, and their weights if those are read, both contiguous."""
    s.grid, s.places, s.weights = NULL, <const int*> data_of(places), NULL if weights is None else data_of(weights)
    s.images, s.corners, s.points, s.taps = places.sizes[0], places.sizes[1], places.sizes[2], 0
    return 0


cdef int sizes_of(Samples* s, Tensor x) except -1:
    """What is known of an input (N, C, *sizes)."""
    cdef int d
    s.channels, s.dims = x.sizes[1], x.rank - 2
    for d in range(s.dims):
        s.sizes[d] = x.sizes[2 + d]
    return 0


cdef int samples_of(Samples* s, Tensor grid, tuple sizes, Py_ssize_t taps, int padding, bint align) except -1:
    """Corners of the points of a contiguous grid (N, points, dims)."""
    cdef Py_ssize_t d
    s.grid, s.places, s.weights = data_of(grid), NULL, NULL
    s.images, s.points, s.dims, s.taps, s.corners, s.padding, s.align = grid.sizes[0], grid.sizes[1], len(sizes), taps, 1, padding, align
    for d in range(s.dims):
        s.corners *= taps
        s.sizes[d] = sizes[d]
    return 0


cdef Tensor gathered(Samples* s, Tensor x):
    cdef Py_ssize_t sizes[3]
    cdef bint done
    cdef const char* start
    cdef char* to
    cdef Tensor out, source = contiguous_tensor(x)
    sizes_of(s, x)
    sizes[0], sizes[1], sizes[2] = s.images, s.channels, s.points
    out = new_tensor(x.code, False, 3, sizes)
    if out.count == 0:
        return out
    start, to = data_of(source), data_of(out)
    with nogil:
        done = gather_run(s, RESAMPLE_F32 if x.code == F32 else RESAMPLE_F64, start, to)
    if not done:
        raise MemoryError("grid_sample: no memory for the turned image")
    return out


def gather_sum(Tensor x, Tensor grid, Py_ssize_t taps, int padding, bint align):
    """Values of x (N, C, *sizes), float32 or float64, at the points of grid (N, points, dims): (N, C, points). taps: see Samples."""
    cdef Samples s
    cdef Tensor points = contiguous_tensor(grid)
    samples_of(&s, points, sizes_tuple(x)[2:], taps, padding, align)
    return gathered(&s, x)


def corner_places(Tensor grid, tuple sizes, Py_ssize_t taps, int padding, bint align):
    """Flat places of the corners of points: (N, corners, points), int32, -1 outside."""
    cdef Samples s
    cdef Py_ssize_t shape[3]
    cdef Py_ssize_t image, first, n, c
    cdef double weight[CORNERS * POINTS]
    cdef int index[CORNERS * POINTS]
    cdef int* to
    cdef Tensor points = contiguous_tensor(grid), out
    samples_of(&s, points, sizes, taps, padding, align)
    shape[0], shape[1], shape[2] = s.images, s.corners, s.points
    out = new_tensor(I32, False, 3, shape)
    if out.count == 0:
        return out
    for image in range(s.images):
        first = 0
        while first < s.points:
            n = min(s.points - first, <Py_ssize_t> POINTS)
            (<places_function> table[RESAMPLE_PLACES + (RESAMPLE_F32 if grid.code == F32 else RESAMPLE_F64)])(&s, image, first, n, index, weight)
            for c in range(s.corners):
                to = <int*> data_of(out) + (image * s.corners + c) * s.points + first
                memcpy(to, index + c * POINTS, n * sizeof(int))
            first += n
    return out


def gather_corners(Tensor x, Tensor places, Tensor weights):
    """Sums over the corners (N, corners, points), ascending, of weights times values of x (N, C, *sizes); those outside are 0: (N, C, points)."""
    cdef Samples s
    cdef Tensor at = contiguous_tensor(places), factors = contiguous_tensor(weights)
    samples_at(&s, at, factors)
    return gathered(&s, x)


cdef Tensor spread_out(Samples* s, Tensor g, Tensor x, tuple sizes):
    """Gradients of an image of `sizes`, or of the corners' weights if x is its values."""
    cdef Spans spans
    cdef Py_ssize_t shape[5]
    cdef Py_ssize_t d
    cdef Tensor grad = contiguous_tensor(g), image = None if x is None else contiguous_tensor(x), out
    s.channels, s.dims, spans.size = g.sizes[1], len(sizes), 1
    shape[0], shape[1], shape[2] = s.images, s.corners, s.points
    for d in range(s.dims):
        spans.size *= sizes[d]
    if x is None:
        shape[1] = s.channels
        for d in range(s.dims):
            shape[2 + d] = sizes[d]
    out = new_tensor(g.code, False, 2 + <int> s.dims if x is None else 3, shape)
    if out.count == 0:
        return out
    spans.samples, spans.g, spans.x, spans.out, spans.failed = s, data_of(grad), NULL if image is None else data_of(image), data_of(out), False
    spans.slot = RESAMPLE_F32 if g.code == F32 else RESAMPLE_F64
    with nogil:
        if spans.x == NULL:
            parallel_for(scatter_groups, &spans, s.images * ((s.channels + GROUP - 1) // GROUP), 1)
        else:
            parallel_for(dot_spans, &spans, s.images * ((s.points + COLUMNS - 1) // COLUMNS), SPAN_GRAIN)
    if spans.failed:
        raise MemoryError("grid_sample: no memory for the gradient")
    return out


def scatter_corners(Tensor grad, Tensor places, Tensor weights, sizes):
    """The adjoint of gather_corners: grad (N, C, points) times weights added to the places of an image of `sizes`, points ascending, in each corners ascending."""
    cdef Samples s
    cdef Tensor at = contiguous_tensor(places), factors = contiguous_tensor(weights)
    samples_at(&s, at, factors)
    return spread_out(&s, grad, None, tuple(sizes))


def dot_corners(Tensor grad, Tensor x, Tensor places):
    """Canonical sums over the channels of grad (N, C, points) times values of x (N, C, *sizes) at places: (N, corners, points)."""
    cdef Samples s
    cdef Tensor at = contiguous_tensor(places)
    samples_at(&s, at, None)
    return spread_out(&s, grad, x, sizes_tuple(x)[2:])


def sample_nearest(Tensor x, Tensor grid, int padding, bint align_corners):
    return gather_sum(x, grid, 1, padding, align_corners)


def sample_nearest_backward(Tensor grad, Tensor grid, sizes, int padding, bint align_corners):
    """grad (N, C, points) added to the places of an image of `sizes` that are nearest to the points of grid (N, points, dims)."""
    cdef Samples s
    cdef Tensor points = contiguous_tensor(grid)
    samples_of(&s, points, tuple(sizes), 1, padding, align_corners)
    return spread_out(&s, grad, None, tuple(sizes))


# ---- patches ----
cdef struct Patches:
    Py_ssize_t images, channels, height, width, kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w, rows, cols


cdef int patches_of(Patches* p, Py_ssize_t height, Py_ssize_t width, tuple kernel, tuple dilation, tuple padding, tuple stride, str name) except -1:
    p.kernel_h, p.kernel_w = kernel
    p.dilation_h, p.dilation_w = dilation
    p.pad_h, p.pad_w = padding
    p.stride_h, p.stride_w = stride
    p.height, p.width = height, width
    if p.kernel_h <= 0 or p.kernel_w <= 0:
        raise RuntimeError(f"{name}: kernel size should be greater than zero, but got kernel_height: {p.kernel_h} kernel_width: {p.kernel_w}")
    if p.dilation_h <= 0 or p.dilation_w <= 0:
        raise RuntimeError(f"{name}: dilation should be greater than zero, but got dilation_height: {p.dilation_h} dilation_width: {p.dilation_w}")
    if p.pad_h < 0 or p.pad_w < 0:
        raise RuntimeError(f"{name}: padding should be non-negative, but got pad_height: {p.pad_h} pad_width: {p.pad_w}")
    if p.stride_h <= 0 or p.stride_w <= 0:
        raise RuntimeError(f"{name}: stride should be greater than zero, but got stride_height: {p.stride_h} stride_width: {p.stride_w}")
    p.rows = (height + 2 * p.pad_h - p.dilation_h * (p.kernel_h - 1) - 1) // p.stride_h + 1
    p.cols = (width + 2 * p.pad_w - p.dilation_w * (p.kernel_w - 1) - 1) // p.stride_w + 1
    if height + 2 * p.pad_h < p.dilation_h * (p.kernel_h - 1) + 1 or width + 2 * p.pad_w < p.dilation_w * (p.kernel_w - 1) + 1:
        raise RuntimeError(f"{name}: Given input of spatial size ({height}, {width}), kernel_size={kernel}, dilation={dilation}, padding={padding}, calculated shape of the array "
                           f"of sliding blocks as ({p.rows}, {p.cols}), but its components must be at least one.")
    return 0


cdef inline void columns_inside(const Patches* p, Py_ssize_t j, Py_ssize_t* first, Py_ssize_t* past) noexcept nogil:
    """The output columns [first, past) whose pixel under kernel column j is no padding."""
    cdef Py_ssize_t start = j * p.dilation_w - p.pad_w          # the pixel under column 0
    first[0] = min(0 if start >= 0 else (-start + p.stride_w - 1) // p.stride_w, p.cols)
    past[0] = max(0 if start >= p.width else min((p.width - 1 - start) // p.stride_w + 1, p.cols), first[0])


def im2col(Tensor self, tuple kernel_size, tuple dilation, tuple padding, tuple stride):
    """(N, C, H, W) to (N, C * kernel, positions)."""
    cdef Patches p
    cdef Py_ssize_t sizes[3]
    cdef Py_ssize_t item = ITEMSIZE[self.code], plane, i, j, row, y, first, past
    cdef int lead = self.rank - 3
    cdef move_plane move = <move_plane> moves[MOVE_PLANE + (0 if item == 1 else 1 if item == 2 else 2 if item == 4 else 3 if item == 8 else 4)]
    cdef Tensor out, source
    cdef const char* image
    cdef char* to
    if lead not in (0, 1) or any([self.sizes[d] == 0 for d in range(lead, self.rank)]):
        raise RuntimeError(f"im2col: Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero dimensions for input, but got: {list(sizes_tuple(self))}")
    patches_of(&p, self.sizes[self.rank - 2], self.sizes[self.rank - 1], kernel_size, dilation, padding, stride, "im2col")
    p.images, p.channels = (self.sizes[0] if lead else 1), self.sizes[lead]
    sizes[0], sizes[lead], sizes[lead + 1] = p.images, p.channels * p.kernel_h * p.kernel_w, p.rows * p.cols
    out = new_tensor(self.code, is_meta(self), lead + 2, sizes)
    if is_meta(out):
        return out
    source = contiguous_tensor(self)
    image, to = data_of(source), data_of(out)
    with nogil:
        for plane in range(p.images * p.channels):
            for i in range(p.kernel_h):
                for j in range(p.kernel_w):
                    columns_inside(&p, j, &first, &past)
                    for row in range(p.rows):
                        y = row * p.stride_h - p.pad_h + i * p.dilation_h
                        if y < 0 or y >= p.height:
                            memset(to, 0, p.cols * item)
                            to += p.cols * item
                            continue
                        if first > 0:
                            memset(to, 0, first * item)
                        move(to + first * item, 0, item, image + (y * p.width + first * p.stride_w - p.pad_w + j * p.dilation_w) * item, 0, p.stride_w * item, 1, past - first)
                        if past < p.cols:
                            memset(to + past * item, 0, (p.cols - past) * item)
                        to += p.cols * item
            image += p.height * p.width * item
    return out


cdef void add_patches(const Patches* p, int slot, const char* columns, char* out, Py_ssize_t item, int lanes) noexcept nogil:
    cdef Py_ssize_t plane, i, j, row, y, first, past
    for plane in range(p.images * p.channels):
        for i in range(p.kernel_h):
            for j in range(p.kernel_w):
                columns_inside(p, j, &first, &past)
                for row in range(p.rows):
                    y = row * p.stride_h - p.pad_h + i * p.dilation_h
                    if 0 <= y < p.height and first < past:
                        (<add_function> table[RESAMPLE_ADD + slot])(past - first, lanes, p.stride_w, columns + first * item,
                                                                    out + (y * p.width + first * p.stride_w - p.pad_w + j * p.dilation_w) * item)
                    columns += p.cols * item
        out += p.height * p.width * item


def col2im(Tensor self, tuple output_size, tuple kernel_size, tuple dilation, tuple padding, tuple stride):
    """(N, C * kernel, positions) added back into (N, C, H, W)."""
    cdef Patches p
    cdef Py_ssize_t sizes[4]
    cdef int lead = self.rank - 2, code, lanes
    cdef Tensor out, source
    cdef const char* columns
    cdef char* to
    if lead not in (0, 1) or self.sizes[lead] == 0 or self.sizes[lead + 1] == 0:
        raise RuntimeError(f"col2im: Expected 2D or 3D (batch mode) tensor for input with possibly 0 batch size and non-zero dimensions for input, but got: {list(sizes_tuple(self))}")
    patches_of(&p, output_size[0], output_size[1], kernel_size, dilation, padding, stride, "col2im")
    if self.sizes[lead] % (p.kernel_h * p.kernel_w):
        raise RuntimeError(f"col2im: Expected size of input's dimension {lead} to be divisible by the product of kernel_size, but got input.size({lead})={self.sizes[lead]} and kernel_size={kernel_size}.")
    if self.sizes[lead + 1] != p.rows * p.cols:
        raise RuntimeError(f"col2im: Given output_size={output_size}, kernel_size={kernel_size}, dilation={dilation}, padding={padding}, stride={stride}, expected size of input's dimension "
                           f"{lead + 1} to match the calculated number of sliding blocks {p.rows} * {p.cols} = {p.rows * p.cols}, but got input.size({lead + 1})={self.sizes[lead + 1]}.")
    code = self.code if self.code == BOOL and is_meta(self) else working_code(self, "col2im")
    p.images, p.channels = (self.sizes[0] if lead else 1), self.sizes[lead] // (p.kernel_h * p.kernel_w)
    sizes[0], sizes[lead], sizes[lead + 1], sizes[lead + 2] = p.images, p.channels, p.height, p.width
    if is_meta(self):
        return new_tensor(self.code, True, lead + 3, sizes)
    out = new_tensor(code, False, lead + 3, sizes)
    lanes = 2 if is_complex_code(code) else 1
    source = contiguous_tensor(cast_tensor(self, code))
    columns, to = data_of(source), data_of(out)
    with nogil:
        memset(to, 0, out.count * ITEMSIZE[code])
        add_patches(&p, RESAMPLE_F32 if code == F32 or code == C64 else RESAMPLE_F64, columns, to, ITEMSIZE[code], lanes)
    return cast_tensor(out, self.code)
