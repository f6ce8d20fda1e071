# cython: language_level=3, boundscheck=False, wraparound=False
# cython: cdivision=True, initializedcheck=False
# Drivers of group norm and batch norm over planes (batch, channel) of `space` places. Planes of many places are worked one by one, with one
# number of each kind; of few places, rows of channels at a time, with numbers spread over the places.
from libc.stdlib cimport malloc, free
from libc.string cimport memset, memcpy
from libc.math cimport sqrt, sqrtf
from frankentorch._ext.types cimport *
from frankentorch._ext.fold cimport BLOCK
from frankentorch._ext.rows cimport *
from frankentorch._ext.tiles cimport load, store, compute_of, value_at, set_value, loaded, scaled
from frankentorch._ext.reduce cimport IN_F32, IN_F64
from frankentorch._ext.reduce_run cimport RUN_OK, RUN_DTYPE, RUN_ARGUMENT, RUN_MEMORY, REDUCE_SUM, REDUCE_VAR, code_size, reduce_run
from frankentorch._ext.rows_run cimport codes_fit
from frankentorch._ext.threads cimport parallel_for
from frankentorch._ext.levels cimport fill_rows

cdef enum:
    GRAIN = 16384
    PART = 2048                 # values of a row at a time,
    ROWS = 32                   # of so many rows
    LITTLE = 100                # half numbers of a plane that are not worth a conversion of their own
    FEW_IN_SUMS = 24            # as FEW_IN_GROUPS, where but means are spread
    FEW_ROWS = 4                # numbers spread for so few rows cost more than they save
    SPLIT = 8 * BLOCK           # threads share the sums of one group from here on (reduce_run.pyx)

cdef void* table[ROW_SLOTS]
fill_rows(table)


cdef struct PlaneJob:
    int code, compute
    Py_ssize_t batch, channels, space, groups   # groups 0: batch norm, statistics by channel
    const char* input
    const char* grad
    char* out
    const void* mean                            # all in the compute type
    const void* rstd
    const void* weight
    const void* bias
    char* dots                                  # [2][planes]: sums of g, and of g times what x has over the mean
    char* first                                 # backward: q and r of affine_back, by statistic
    char* second
    double eps                                  # forward of a group norm
    bint last                                   # batch norm: as (batch, space, channels)
    int status


cdef inline int kind_of(int code) noexcept nogil:
    """Which of a slot's four kernels."""
    return 0 if code == F32 else 1 if code == F64 else 2 if code == F16 else 3


cdef void planes_body(int mode, PlaneJob* s, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """Planes (batch, channel) of `space` places. mode 0 normalise, 1 dots, 2 gradient."""
    cdef Py_ssize_t n = s.space, plane, channel, each = s.channels // s.groups if s.groups else 1, left, k
    cdef int item = code_size(s.code), width = 8 if s.compute else 4
    cdef double buffers[2048]
    cdef char* room = <char*> buffers
    cdef char* x
    cdef char* g
    cdef char* out
    cdef double a
    cdef double pair[2]
    cdef bint direct = s.code >= F32 or mode != 1 and n > LITTLE       # no conversion, or one on the way
    cdef int kind = kind_of(s.code) if direct else s.compute
    cdef Py_ssize_t some = max(1024 // n, 1), first, step = n * (item if direct else width)
    if not direct and 8 * n * some > <Py_ssize_t> sizeof(buffers):
        room = <char*> malloc(8 * n * some)
        if room == NULL:
            s.status = RUN_MEMORY
            return
    first = begin
    while first < end:                          # a few planes
        some = min(some, end - first)
        x, g, out = <char*> s.input + first * n * item, <char*> s.grad + first * n * item, s.out + first * n * item
        if not direct:
            load(s.code, x, n * some, item, 1, 0, room)
            if mode != 0:
                load(s.code, g, n * some, item, 1, 0, room + 4 * n * some)
            x, g, out = room, room + 4 * n * some, room
        channel = first % s.channels
        k, left = first // each if s.groups else channel, each - first % each
        for plane in range(first, first + some):
            a = value_at(s.compute, s.weight, channel) if s.weight != NULL else 1
            if mode == 0:
                (<affine_kernel> table[SLOT_AFFINE + kind])(
                    x, out, n, value_at(s.compute, s.mean, k), value_at(s.compute, s.rstd, k), a,
                    value_at(s.compute, s.bias, channel) if s.bias != NULL else 0)
            elif mode == 1:
                (<dots_kernel> table[SLOT_DOTS + s.compute])(g, x, n, value_at(s.compute, s.mean, k), pair)
                set_value(s.compute, s.dots, plane, value_at(s.compute, pair, 0))
                set_value(s.compute, s.dots, s.batch * s.channels + plane, value_at(s.compute, pair, 1))
            else:
                (<affine_back> table[SLOT_AFFINE_BACKWARD + kind])(
                    g, x, out, n, value_at(s.compute, s.mean, k), scaled(s.compute, a, value_at(s.compute, s.rstd, k)),
                    value_at(s.compute, s.first, k), value_at(s.compute, s.second, k))
            x, g, out, channel = x + step, g + step, out + step, channel + 1
            left -= 1
            if left == 0:
                k, left = k + 1, each
            if channel == s.channels:
                channel = 0
                k = k if s.groups else 0
        if not direct and mode != 1:
            store(s.code, room, n * some, item, 1, 0, s.out + first * n * item)
        first += some
    if room != <char*> buffers:
        free(room)


cdef void spread(int compute, const void* x, Py_ssize_t each, Py_ssize_t start, Py_ssize_t n, double other, char* out) noexcept nogil:
    """Values start .. of the row in which each number of x stands `each` times; all `other` if there is no x."""
    cdef Py_ssize_t i = 0, j, k = start // each, stop = (k + 1) * each - start
    cdef double* wide = <double*> out
    cdef float* narrow = <float*> out
    cdef double value = other
    if x != NULL and each == 1:
        memcpy(out, <const char*> x + start * (8 if compute == IN_F64 else 4), n * (8 if compute == IN_F64 else 4))
        return
    while i < n:
        stop = n if x == NULL else min(stop, n)
        if x != NULL:
            value = value_at(compute, x, k)
        if compute == IN_F64:
            for j in range(i, stop):
                wide[j] = value
        else:
            for j in range(i, stop):
                narrow[j] = <float> value
        i, k, stop = stop, k + 1, stop + each


cdef void numbers_of_row(int mode, PlaneJob* s, bint fresh, Py_ssize_t row, Py_ssize_t start, Py_ssize_t n, char* out) noexcept nogil:
    """What the kernel of a mode takes of places start .. in a row: arrays of PART values. Those of channels stay as they are unless `fresh`."""
    cdef int width = 8 if s.compute else 4
    cdef Py_ssize_t each = s.channels // s.groups * s.space if s.groups else s.space, stat = row * s.groups * width
    cdef char* second = out + PART * 8
    cdef char* third = out + 2 * PART * 8
    cdef char* fourth = out + 3 * PART * 8
    cdef char* weight = out + 4 * PART * 8
    if not fresh and s.groups == 0:
        return
    spread(s.compute, <const char*> s.mean + stat, each, start, n, 0, out)
    if mode == 1:
        return
    spread(s.compute, <const char*> s.rstd + stat, each, start, n, 0, second)
    if mode == 0:
        if fresh:
            spread(s.compute, s.weight, s.space, start, n, 1, third)
            spread(s.compute, s.bias, s.space, start, n, 0, fourth)
        return
    if fresh:
        spread(s.compute, s.weight, s.space, start, n, 1, weight)
    multiply(s.compute, weight, n, second)
    spread(s.compute, s.first + stat, each, start, n, 0, third)
    spread(s.compute, s.second + stat, each, start, n, 0, fourth)


cdef void sums_of_planes(PlaneJob* s, char* x, Py_ssize_t planes, char* out) noexcept nogil:
    cdef Py_ssize_t sizes[2]
    cdef Py_ssize_t steps[2]
    cdef int code = F32 if s.compute == IN_F32 else F64, width = 4 if s.compute == IN_F32 else 8
    if s.space == 1:            # what adds up comes next, from +0: a sign of zero is nothing
        memcpy(out, x, planes * width)
        return
    sizes[0], sizes[1], steps[0], steps[1] = planes, s.space, s.space * width, width
    reduce_run(REDUCE_SUM, code, code, 2, sizes, steps, 2, x, out, NULL, 0)


cdef Py_ssize_t parts_of(PlaneJob* s, Py_ssize_t* channels) noexcept nogil:
    """How many pieces rows are cut into, of so many channels."""
    channels[0] = min(PART // s.space, s.channels)
    return (s.channels + channels[0] - 1) // channels[0]


cdef void rows_body(int mode, PlaneJob* s, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """planes_body of tasks: ROWS rows of the batch, of one piece each."""
    cdef int item = code_size(s.code), width = 8 if s.compute else 4
    cdef bint direct = mode != 1 or s.code >= F32       # no conversion, or one on the way
    cdef Py_ssize_t per, blocks = (s.batch + ROWS - 1) // ROWS, task, first, row, past, channels, n, at, some, held = 0
    cdef char* numbers = <char*> malloc(8 * PART * 8)
    cdef char* room = numbers + 5 * PART * 8
    cdef char* products = room + 2 * PART * 8
    cdef char* x = NULL
    cdef char* g = NULL
    cdef char* out = NULL
    if numbers == NULL:
        s.status = RUN_MEMORY
        return
    parts_of(s, &per)
    for task in range(begin, end):
        first = task // blocks * per
        channels = min(per, s.channels - first)
        n = channels * s.space
        some = PART // n if channels == s.channels and not direct else 1        # whole rows follow each other: converted together
        past = min((task % blocks + 1) * ROWS, s.batch)
        for row in range(task % blocks * ROWS, past):
            numbers_of_row(mode, s, row == task % blocks * ROWS, row, first * s.space, n, numbers)
            at = (row * s.channels + first) * s.space
            if direct:
                x, out = <char*> s.input + at * item, s.out + at * item
                g = <char*> s.grad + at * item
            elif row % ROWS % some == 0:
                held = min(some, past - row)
                load(s.code, s.input + at * item, n * held, item, 1, 0, room)
                load(s.code, s.grad + at * item, n * held, item, 1, 0, room + PART * 8)
                x, g = room, room + PART * 8
            if mode == 0:
                (<affine_row> table[SLOT_AFFINE_ROW + kind_of(s.code)])(x, out, n, numbers, numbers + PART * 8, numbers + 2 * PART * 8, numbers + 3 * PART * 8)
            elif mode == 1:
                sums_of_planes(s, g, channels, s.dots + (row * s.channels + first) * width)
                (<product_row> table[SLOT_PRODUCT_ROW + s.compute])(g, x, products, n, numbers)
                sums_of_planes(s, products, channels, s.dots + ((s.batch + row) * s.channels + first) * width)
            else:
                (<affine_row_back> table[SLOT_AFFINE_ROW_BACKWARD + kind_of(s.code)])(g, x, out, n, numbers, numbers + PART * 8, numbers + 2 * PART * 8, numbers + 3 * PART * 8)
            x, g = x + n * width, g + n * width         # in the room
    free(numbers)


cdef void dot_images(void* context, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """The sums of planes whose channels lie side by side: tasks are pieces of so many channels of an image."""
    cdef PlaneJob* s = <PlaneJob*> context
    cdef Py_ssize_t sizes[2]
    cdef Py_ssize_t steps[2]
    cdef Py_ssize_t per = piece_of(s), parts = (s.channels + per - 1) // per, task, first, image, n, row, at
    cdef int item = code_size(s.code), width = 8 if s.compute else 4, wide = F64 if s.compute else F32
    cdef bint direct = s.code >= F32
    cdef char* products = <char*> malloc((s.space + 2) * per * width)
    cdef char* room = products + s.space * per * width
    cdef char* x
    cdef char* g
    if products == NULL:
        s.status = RUN_MEMORY
        return
    for task in range(begin, end):
        image, first = task // parts, task % parts * per
        n = min(per, s.channels - first)
        at = image * s.space * s.channels + first
        sizes[0], sizes[1], steps[0], steps[1] = s.space, n, s.channels * item, item
        reduce_run(REDUCE_SUM, s.code, wide, 2, sizes, steps, 1, s.grad + at * item, s.dots + (image * s.channels + first) * width, NULL, 0)
        for row in range(s.space):
            x, g = <char*> s.input + at * item, <char*> s.grad + at * item
            if not direct:
                load(s.code, x, n, item, 1, 0, room)
                load(s.code, g, n, item, 1, 0, room + per * width)
                x, g = room, room + per * width
            (<product_row> table[SLOT_PRODUCT_ROW + s.compute])(g, x, products + row * n * width, n, <const char*> s.mean + first * width)
            at += s.channels
        steps[0], steps[1] = n * width, width
        reduce_run(REDUCE_SUM, wide, wide, 2, sizes, steps, 1, products, s.dots + ((s.batch + image) * s.channels + first) * width, NULL, 0)
    free(products)


cdef inline Py_ssize_t piece_of(const PlaneJob* s) noexcept nogil:
    """Channels of an image in channels_last at a time."""
    return min(max(GRAIN // s.space, 64), s.channels)


cdef void normalise_rows(void* context, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    rows_body(0, <PlaneJob*> context, begin, end)


cdef void dot_rows(void* context, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    rows_body(1, <PlaneJob*> context, begin, end)


cdef void gradient_rows(void* context, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    rows_body(2, <PlaneJob*> context, begin, end)


cdef void normalise_planes(void* context, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    planes_body(0, <PlaneJob*> context, begin, end)


cdef void normalise_groups(void* context, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """Statistics and then the planes of a few groups, while they are in a cache."""
    cdef PlaneJob* s = <PlaneJob*> context
    cdef Py_ssize_t each = s.channels // s.groups, n = each * s.space, few = GRAIN // n if n < GRAIN else 1, i = begin, past
    cdef int item = code_size(s.code), width = 8 if s.compute else 4, status
    while i < end:
        past = i + few if i + few < end else end
        status = group_stats(s.code, past - i, n, s.eps, s.input + i * n * item, <char*> s.mean + i * width, <char*> s.rstd + i * width)
        if status != RUN_OK:
            s.status = status
            return
        planes_body(0, s, i * each, past * each)
        i = past


cdef void dot_planes(void* context, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    planes_body(1, <PlaneJob*> context, begin, end)


cdef void gradient_planes(void* context, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    planes_body(2, <PlaneJob*> context, begin, end)


cdef Py_ssize_t plane_grain(Py_ssize_t space) noexcept nogil:
    return GRAIN // space if space < GRAIN else 1


cdef int group_norm_run(int code, int param_code, int stat_code, Py_ssize_t batch, Py_ssize_t channels, Py_ssize_t space,
                        Py_ssize_t groups, double eps, const char* input, const char* weight, const char* bias, char* out,
                        char* mean, char* rstd) noexcept nogil:
    cdef PlaneJob s
    cdef Py_ssize_t each, stats = batch * groups
    cdef int status
    if groups < 1:
        return RUN_ARGUMENT
    if batch * channels * space == 0:
        return RUN_OK
    status = opened(&s, code, param_code, stat_code, batch, channels, space, groups, NULL, input, NULL, NULL, weight, bias, out)
    s.mean, s.rstd, s.eps = malloc(stats * 8), malloc(stats * 8), eps
    if status == RUN_OK and (s.mean == NULL or s.rstd == NULL):
        status = RUN_MEMORY
    if status == RUN_OK:
        each = channels // groups * space
        if space > FEW_IN_GROUPS and each < SPLIT:
            parallel_for(normalise_groups, &s, stats, GRAIN // each if each < GRAIN else 1)
            status = s.status
        else:                                   # planes of few places, or so many that threads share the sums of one group
            status = group_stats(code, stats, each, eps, input, <char*> s.mean, <char*> s.rstd)
            if status == RUN_OK:
                status = all_planes(&s, few_places(&s), normalise_planes, normalise_rows)
    if status == RUN_OK:
        if mean != NULL:
            store(stat_code, s.mean, 1, 0, stats, code_size(stat_code), mean)
        if rstd != NULL:
            store(stat_code, s.rstd, 1, 0, stats, code_size(stat_code), rstd)
    return closed(&s, status)


cdef int group_stats(int code, Py_ssize_t lines, Py_ssize_t n, double eps, const char* input, char* mean,
                     char* rstd) noexcept nogil:
    """mean and 1 / sqrt(var + eps) of contiguous lines, in the compute type."""
    cdef Py_ssize_t sizes[2]
    cdef Py_ssize_t steps[2]
    cdef Py_ssize_t i
    cdef int status, compute = compute_of(code)
    sizes[0], sizes[1] = lines, n
    steps[0], steps[1] = n * code_size(code), code_size(code)
    status = reduce_run(REDUCE_VAR, code, F32 if compute == IN_F32 else F64, 2, sizes, steps, 2, input, rstd, mean, 0)
    for i in range(lines):
        inverse_root(compute, rstd, i, eps)
    return status


cdef inline void inverse_root(int compute, void* x, Py_ssize_t i, double eps) noexcept nogil:
    if compute == IN_F64:
        (<double*> x)[i] = 1 / sqrt((<double*> x)[i] + eps)
    else:
        (<float*> x)[i] = <float> 1 / sqrtf((<float*> x)[i] + <float> eps)


cdef int sum_over(int compute, char* x, Py_ssize_t rows, Py_ssize_t cols, char* out) noexcept nogil:
    """Canonical sum over rows of x[rows][cols] of the compute type."""
    cdef Py_ssize_t sizes[2]
    cdef Py_ssize_t steps[2]
    cdef int code = F32 if compute == IN_F32 else F64, item = 4 if compute == IN_F32 else 8
    sizes[0], sizes[1], steps[0], steps[1] = rows, cols, cols * item, item
    return reduce_run(REDUCE_SUM, code, code, 2, sizes, steps, 1, x, out, NULL, 0)


cdef int plane_dots(PlaneJob* s) noexcept nogil:
    cdef Py_ssize_t per = piece_of(s)
    s.dots = <char*> malloc(s.batch * s.channels * 16)
    if s.dots == NULL:
        return RUN_MEMORY
    if not s.last:
        return all_planes(s, FEW_IN_SUMS if s.groups else FEW_PLACES, dot_planes, dot_rows)
    s.status = RUN_OK
    parallel_for(dot_images, s, s.batch * ((s.channels + per - 1) // per), plane_grain(per * s.space))
    return s.status


cdef inline Py_ssize_t few_places(const PlaneJob* s) noexcept nogil:
    """Up to which planes rows of numbers are worth being spread over the places."""
    return FEW_IN_GROUPS if s.groups or s.batch < FEW_ROWS and not s.last else FEW_PLACES


cdef int all_planes(PlaneJob* given, Py_ssize_t few, void (*by_planes)(void*, Py_ssize_t, Py_ssize_t) noexcept nogil, void (*by_rows)(void*, Py_ssize_t, Py_ssize_t) noexcept nogil) noexcept nogil:
    cdef Py_ssize_t channels, parts
    cdef PlaneJob one = given[0]
    cdef PlaneJob* s = &one
    s.status = RUN_OK
    if s.last:                                  # a matrix
        s.batch, s.space = s.batch * s.space, 1
    if s.space <= few:
        parts = parts_of(s, &channels)
        parallel_for(by_rows, s, parts * ((s.batch + ROWS - 1) // ROWS), plane_grain(min(s.batch, ROWS) * channels * s.space))
    else:
        parallel_for(by_planes, s, s.batch * s.channels, plane_grain(s.space))
    return s.status


cdef int opened(PlaneJob* s, int code, int param_code, int stat_code, Py_ssize_t batch, Py_ssize_t channels, Py_ssize_t space, Py_ssize_t groups, const char* grad, const char* input,
                const char* mean, const char* rstd, const char* weight, const char* bias, char* out) noexcept nogil:
    """A job, its numbers in the compute type. To be closed, unless there is nothing to do."""
    cdef int status = RUN_OK
    memset(s, 0, sizeof(PlaneJob))
    if not codes_fit(code, param_code, stat_code):
        return RUN_DTYPE
    if groups < 0 or groups and channels % groups:
        return RUN_ARGUMENT
    s.code, s.compute, s.batch, s.channels, s.space, s.groups = code, compute_of(code), batch, channels, space, groups
    s.grad, s.input, s.out = grad, input, out
    s.mean = loaded(stat_code, mean, batch * groups if groups else channels, &status)
    s.rstd = loaded(stat_code, rstd, batch * groups if groups else channels, &status)
    s.weight, s.bias = loaded(param_code, weight, channels, &status), loaded(param_code, bias, channels, &status)
    return status


cdef int closed(PlaneJob* s, int status) noexcept nogil:
    free(<void*> s.mean)
    free(<void*> s.rstd)
    free(<void*> s.weight)
    free(<void*> s.bias)
    free(s.dots)
    return status


cdef int group_norm_backward_run(int code, int param_code, int stat_code, Py_ssize_t batch, Py_ssize_t channels,
                                 Py_ssize_t space, Py_ssize_t groups, const char* grad, const char* input, const char* mean,
                                 const char* rstd, const char* weight, char* grad_input, char* grad_weight,
                                 char* grad_bias) noexcept nogil:
    cdef PlaneJob s
    cdef Py_ssize_t planes = batch * channels, i, each, stats = batch * groups
    cdef char* room
    cdef char* sums
    cdef int status, c = compute_of(code), width = 8 if compute_of(code) else 4
    if groups < 1:
        return RUN_ARGUMENT
    if planes * space == 0:
        return RUN_OK
    status = opened(&s, code, param_code, stat_code, batch, channels, space, groups, grad, input, mean, rstd, weight, NULL, grad_input)
    each = channels // groups
    room = <char*> malloc((planes + 2 * stats + channels) * 8)
    if status == RUN_OK:
        status = RUN_MEMORY if room == NULL else plane_dots(&s)
    if status == RUN_OK and grad_bias != NULL:
        sum_over(c, s.dots, batch, channels, room)
        store(param_code, room, 1, 0, channels, code_size(param_code), grad_bias)
    if status == RUN_OK and grad_weight != NULL:
        spread(c, s.rstd, each, 0, planes, 0, room)
        multiply(c, s.dots + planes * width, planes, room)
        sums = room + planes * 8
        sum_over(c, room, batch, channels, sums)
        store(param_code, sums, 1, 0, channels, code_size(param_code), grad_weight)
    if status == RUN_OK and grad_input != NULL:
        if s.weight != NULL:
            for i in range(2 * batch):          # dots times the channel's weight
                multiply(c, s.weight, channels, s.dots + i * channels * width)
        s.first = room + planes * 8
        s.second = s.first + stats * 8
        sum_groups(c, s.dots, stats, each, s.first, s.second)
        for i in range(stats):
            plane_terms(c, s.first, s.second, s.rstd, i, <double> (each * space))
        status = all_planes(&s, few_places(&s), gradient_planes, gradient_rows)
    free(room)
    return closed(&s, status)


cdef void multiply(int compute, const void* x, Py_ssize_t n, char* y) noexcept nogil:
    """y *= x"""
    cdef Py_ssize_t i
    for i in range(n):
        if compute == IN_F64:
            (<double*> y)[i] *= (<const double*> x)[i]
        else:
            (<float*> y)[i] *= (<const float*> x)[i]


cdef void sum_groups(int compute, char* dots, Py_ssize_t stats, Py_ssize_t each, char* first, char* second) noexcept nogil:
    """dots[2][stats][each] summed over the last."""
    cdef Py_ssize_t sizes[2]
    cdef Py_ssize_t steps[2]
    cdef int code = F32 if compute == IN_F32 else F64, item = 4 if compute == IN_F32 else 8
    sizes[0], sizes[1], steps[0], steps[1] = stats, each, each * item, item
    reduce_run(REDUCE_SUM, code, code, 2, sizes, steps, 2, dots, first, NULL, 0)
    reduce_run(REDUCE_SUM, code, code, 2, sizes, steps, 2, dots + stats * each * item, second, NULL, 0)


cdef inline void plane_terms(int compute, char* first, char* second, const void* rstd, Py_ssize_t i, double n) noexcept nogil:
    """Sums of h and of h * (x - mean) become the q and r of affine_back."""
    cdef double s
    cdef float f
    if compute == IN_F64:
        s = (<const double*> rstd)[i]
        (<double*> first)[i] = s * ((<double*> first)[i] / n)
        (<double*> second)[i] = s * (s * s * ((<double*> second)[i] / n))
        return
    f = (<const float*> rstd)[i]
    (<float*> first)[i] = f * ((<float*> first)[i] / <float> n)
    (<float*> second)[i] = f * (f * f * ((<float*> second)[i] / <float> n))


cdef int batch_norm_apply(int code, int param_code, int stat_code, Py_ssize_t batch, Py_ssize_t channels,
                          Py_ssize_t space, bint last, const char* input, const char* mean, const char* rstd, const char* weight,
                          const char* bias, char* out) noexcept nogil:
    cdef PlaneJob s
    cdef int status
    if batch * channels * space == 0:
        return RUN_OK
    status = opened(&s, code, param_code, stat_code, batch, channels, space, 0, NULL, input, mean, rstd, weight, bias, out)
    s.last = last
    return closed(&s, all_planes(&s, few_places(&s), normalise_planes, normalise_rows) if status == RUN_OK else status)


cdef int batch_norm_backward_run(int code, int param_code, int stat_code, Py_ssize_t batch, Py_ssize_t channels,
                                 Py_ssize_t space, bint last, bint train, const char* grad, const char* input, const char* mean,
                                 const char* rstd, const char* weight, char* grad_input, char* grad_weight,
                                 char* grad_bias) noexcept nogil:
    cdef PlaneJob s
    cdef Py_ssize_t i
    cdef char* room
    cdef char* sums
    cdef int status, c = compute_of(code), width = 8 if compute_of(code) else 4
    if batch * channels * space == 0:
        return RUN_OK
    status = opened(&s, code, param_code, stat_code, batch, channels, space, 0, grad, input, mean, rstd, weight, NULL, grad_input)
    s.last = last
    room = <char*> malloc(channels * 24)
    s.first, s.second, sums = room, room + channels * 8, room + channels * 16
    if status == RUN_OK:
        status = RUN_MEMORY if room == NULL else plane_dots(&s) if train or grad_weight != NULL or grad_bias != NULL else RUN_OK
    if status == RUN_OK and s.dots != NULL:
        sum_over(c, s.dots, batch, channels, s.first)
        sum_over(c, s.dots + batch * channels * width, batch, channels, s.second)
        if grad_bias != NULL:
            store(param_code, s.first, 1, 0, channels, code_size(param_code), grad_bias)
        if grad_weight != NULL:
            memcpy(sums, s.second, channels * width)
            multiply(c, s.rstd, channels, sums)
            store(param_code, sums, 1, 0, channels, code_size(param_code), grad_weight)
    if status == RUN_OK and grad_input != NULL:
        if train:
            if s.weight != NULL:
                multiply(c, s.weight, channels, s.first)
                multiply(c, s.weight, channels, s.second)
            for i in range(channels):
                plane_terms(c, s.first, s.second, s.rstd, i, <double> (batch * space))
        else:
            memset(room, 0, channels * 16)
        status = all_planes(&s, few_places(&s), gradient_planes, gradient_rows)
    free(room)
    return closed(&s, status)
