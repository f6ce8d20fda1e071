# cython: language_level=3, boundscheck=False, wraparound=False
# cython: cdivision=True, initializedcheck=False
# nll_loss and the gradient of embedding. Targets and indices are checked before anything is written.
from libc.stdlib cimport malloc, free
from libc.string cimport memset
from frankentorch._ext.types cimport *
from frankentorch._ext.tiles cimport load, store, is_float, compute_of, value_at, set_value, loaded, scaled
from frankentorch._ext.reduce cimport IN_F32, IN_F64
from frankentorch._ext.reduce_run cimport RUN_OK, RUN_DTYPE, RUN_MEMORY, RUN_INDEX, code_size, sum_columns
from frankentorch._ext.gather cimport IndexPlane, plane_kernel, PLANE_ROW_ADD, PLANE_SLOTS
from frankentorch._ext.levels cimport fill_gather
from frankentorch._ext.threads cimport parallel_for

cdef void* planes[PLANE_SLOTS]
fill_gather(planes)


cdef int check_targets(const long long* target, Py_ssize_t n, Py_ssize_t classes, long long ignore_index,
                       IndexFault* fault) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        if target[i] != ignore_index and (target[i] < 0 or target[i] >= classes):
            fault.which, fault.value, fault.size = 0, target[i], classes
            return RUN_INDEX
    return RUN_OK


cdef int nll_loss_run(int code, Py_ssize_t batch, Py_ssize_t classes, Py_ssize_t space, const char* input,
                      const long long* target, const char* weight, long long ignore_index, int reduction, char* out,
                      char* total_weight, IndexFault* fault) noexcept nogil:
    cdef Py_ssize_t n = batch * space, i, b
    cdef int c = compute_of(code), item = code_size(code), status = RUN_OK
    cdef const char* row
    cdef char* w
    cdef char* losses
    cdef char* weights
    cdef double x, each, loss[1]
    cdef double total[1]
    cdef long long t
    if not is_float(code):
        return RUN_DTYPE
    status = check_targets(target, n, classes, ignore_index, fault)
    if status != RUN_OK:
        return status
    w = loaded(code, weight, classes, &status)
    losses = <char*> malloc(n * 16 + 16)
    if losses == NULL or status != RUN_OK:
        free(w)
        free(losses)
        return RUN_MEMORY
    weights = losses + n * 8
    for b in range(batch):
        row = input + b * classes * space * item
        for i in range(b * space, b * space + space):
            t = target[i]
            if t == ignore_index:
                set_value(c, losses, i, 0)
                set_value(c, weights, i, 0)
            elif w == NULL and item == 4:
                (<float*> weights)[i] = 1
                (<float*> losses)[i] = -(<const float*> row)[t * space]
            else:
                load(code, row + t * space * item, 1, 0, 1, 0, &x)
                x = value_at(c, &x, 0)
                each = value_at(c, w, t) if w != NULL else 1
                set_value(c, weights, i, each)
                set_value(c, losses, i, -scaled(c, each, x))
            row += item
    if reduction == LOSS_NONE:
        if n > 0:
            store(code, losses, 1, 0, n, item, out)
    else:
        sum_columns(c, losses, n, 1, 1, loss)
        sum_columns(c, weights, n, 1, 1, total)
        if total_weight != NULL:
            store(code, total, 1, 0, 1, item, total_weight)
        if reduction == LOSS_MEAN:
            if c == IN_F64:
                loss[0] = loss[0] / total[0]
            else:
                (<float*> loss)[0] = (<float*> loss)[0] / (<float*> total)[0]
        store(code, loss, 1, 0, 1, item, out)
    free(w)
    free(losses)
    return RUN_OK


cdef int nll_loss_backward_run(int code, Py_ssize_t batch, Py_ssize_t classes, Py_ssize_t space, const char* grad,
                               const long long* target, const char* weight, long long ignore_index, int reduction,
                               const char* total_weight, char* grad_input, IndexFault* fault) noexcept nogil:
    cdef Py_ssize_t n = batch * space, i, b
    cdef int c = compute_of(code), item = code_size(code), status = RUN_OK
    cdef char* w
    cdef char* row
    cdef double g = 0, total = 0, each, v
    cdef long long t
    if not is_float(code):
        return RUN_DTYPE
    status = check_targets(target, n, classes, ignore_index, fault)
    if status != RUN_OK:
        return status
    w = loaded(code, weight, classes, &status)
    if status != RUN_OK:
        return status
    memset(grad_input, 0, batch * classes * space * item)
    if reduction == LOSS_MEAN:
        load(code, total_weight, 1, 0, 1, 0, &total)
        total = value_at(c, &total, 0)
    for b in range(batch):
        row = grad_input + b * (classes - 1) * space * item
        for i in range(b * space, b * space + space):
            t = target[i]
            if t == ignore_index:
                continue
            load(code, grad + (i * item if reduction == LOSS_NONE else 0), 1, 0, 1, 0, &g)
            each = value_at(c, w, t) if w != NULL else 1
            v = -scaled(c, each, value_at(c, &g, 0))
            if reduction == LOSS_MEAN:
                v = v / total if c == IN_F64 else <double> ((<float> v) / (<float> total))
            set_value(c, &each, 0, v)
            store(code, &each, 1, 0, 1, 0, row + (t * space + i) * item)
    free(w)
    return RUN_OK


cdef fused full:
    float
    double


cdef Py_ssize_t labels_of(const long long* target, Py_ssize_t classes, char* own) noexcept nogil:
    """Marks the classes among the labels before the first negative one; how many labels, -1 if one is no class."""
    cdef Py_ssize_t k
    memset(own, 0, classes)
    for k in range(classes):
        if target[k] < 0:
            return k
        if target[k] >= classes:
            return -1
        own[target[k]] = 1
    return classes


cdef void hinges(const full* x, const long long* target, Py_ssize_t labels, Py_ssize_t classes, const char* own, full* out) noexcept nogil:
    """out[k, i] = max(0, 1 - x[label k] + x[i]) for the classes i that are none of the labels, 0 elsewhere; NaN stays."""
    cdef Py_ssize_t k, i
    cdef full base, v, zero = 0, one = 1
    for k in range(labels):
        base = one - x[target[k]]
        for i in range(classes):
            v = base + x[i]
            v = zero if v < zero else v
            out[k * classes + i] = zero if own[i] else v
    memset(out + labels * classes, 0, (classes - labels) * classes * sizeof(full))


cdef int multilabel_terms_run(int code, Py_ssize_t batch, Py_ssize_t classes, const char* input, const long long* target, char* out) noexcept nogil:
    cdef char* own = <char*> malloc(classes + 1)
    cdef Py_ssize_t b, labels
    if own == NULL:
        return RUN_MEMORY
    for b in range(batch):
        labels = labels_of(target + b * classes, classes, own)
        if labels < 0:
            free(own)
            return RUN_INDEX
        if code == F32:
            hinges(<const float*> input + b * classes, target + b * classes, labels, classes, own, <float*> out + b * classes * classes)
        else:
            hinges(<const double*> input + b * classes, target + b * classes, labels, classes, own, <double*> out + b * classes * classes)
    free(own)
    return RUN_OK


cdef struct Embedding:
    int code, index_code
    Py_ssize_t count, width
    long long padding
    const char* grad
    const char* index
    const long long* times
    char* out


cdef inline long long index_of(const char* index, int code, Py_ssize_t i) noexcept nogil:
    return (<const ft_i64*> index)[i] if code == I64 else (<const ft_i32*> index)[i]


cdef void embedding_columns(void* context, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """Columns begin .. end of every row, in the order of the sources."""
    cdef Embedding* s = <Embedding*> context
    cdef plane_kernel add = <plane_kernel> planes[PLANE_ROW_ADD + s.code]
    cdef IndexPlane p                           # of one row, at 0
    cdef ft_i64 nothing = 0
    cdef int item = code_size(s.code), c = compute_of(s.code)
    cdef Py_ssize_t i, j, m, k
    cdef double x[64]
    cdef long long v
    cdef const char* source
    cdef char* row
    p.rows, p.step, p.size = 1, 0, 0
    for i in range(s.count):
        v = index_of(s.index, s.index_code, i)
        if v == s.padding:
            continue
        row = s.out + (v * s.width + begin) * item
        source = s.grad + (i * s.width + begin) * item
        if s.times == NULL or s.times[v] == 1:
            p.n = end - begin
            add(&p, row, <char*> source, <const char*> &nothing)
            continue
        j = 0
        while j < end - begin:
            m = 64 if end - begin - j > 64 else end - begin - j
            load(s.code, source + j * item, m, item, 1, 0, x)
            for k in range(m):
                if c == IN_F64:
                    x[k] = x[k] / <double> s.times[v]
                else:
                    (<float*> x)[k] = (<float*> x)[k] / <float> s.times[v]
            store(s.code, x, m, item, 1, 0, <char*> x)
            p.n = m
            add(&p, row + j * item, <char*> x, <const char*> &nothing)
            j += m


cdef int embedding_backward_run(int code, int index_code, Py_ssize_t count, Py_ssize_t width, Py_ssize_t vocabulary,
                                const char* grad, const char* index, long long padding, bint by_frequency, char* out,
                                IndexFault* fault) noexcept nogil:
    cdef Embedding s
    cdef Py_ssize_t i
    cdef long long v
    cdef long long* times = NULL
    if not is_float(code) or (index_code != I64 and index_code != I32):
        return RUN_DTYPE
    for i in range(count):
        v = index_of(index, index_code, i)
        if v < 0 or v >= vocabulary:
            fault.which, fault.value, fault.size = 0, v, vocabulary
            return RUN_INDEX
    if by_frequency:
        times = <long long*> malloc(vocabulary * 8 + 8)
        if times == NULL:
            return RUN_MEMORY
        memset(times, 0, vocabulary * 8)
        for i in range(count):
            times[index_of(index, index_code, i)] += 1
    memset(out, 0, vocabulary * width * code_size(code))
    s.code, s.index_code, s.count, s.width, s.padding = code, index_code, count, width, padding
    s.grad, s.index, s.times, s.out = grad, index, times, out
    if count > 0 and width > 0:
        parallel_for(embedding_columns, &s, width, 256 if width > 256 else width)
    free(times)
    return RUN_OK
