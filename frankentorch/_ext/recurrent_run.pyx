# cython: language_level=3, boundscheck=False, wraparound=False
# cython: cdivision=True, initializedcheck=False
# A layer of LSTM over all steps in one call. Sums are products of gemm.pxd: of a step's state with the weight, and backward
#     of a step's gate gradients with the weight, over the gates;
#     of the weight: one chain over (step, row) ascending, gate gradients times the state each step began with.
# The gradient of a state is that of its output first, plus the one from the step after it.
from libc.string cimport memcpy, memset
from frankentorch._ext.types cimport *
from frankentorch._ext.tensor cimport *
from frankentorch._ext.elementwise cimport contiguous_tensor
from frankentorch._ext.matmul cimport matmul_run, MATMUL_OK
from frankentorch._ext.recurrent cimport *
from frankentorch._ext.cpu cimport cpu_level
from frankentorch._ext.threads cimport parallel_for
from frankentorch._ext.levels cimport fill_recurrent_at

cdef enum:
    GRAIN = 4096                # gate values worth a thread

cdef void* table[RECURRENT_SLOTS]

cdef struct Step:
    Py_ssize_t n
    int item, slot
    const char* gates
    const char* product
    const char* bias
    const char* before
    char* kept
    char* cell
    char* hidden
    const char* to_output               # NULL: no gradient
    char* to_hidden
    char* to_cell
    char* to_gates


def use_level(int level):
    """CPU level of the steps in this and all later calls, for tests."""
    fill_recurrent_at(level, table)


cdef void step_body(void* context, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Step* s = <Step*> context
    cdef Py_ssize_t wide = s.n * s.item, at = begin * wide
    (<lstm_kernel> table[SLOT_LSTM + s.slot])(end - begin, s.n, s.gates + 4 * at, s.product + 4 * at, s.bias, s.before + at, s.kept + 5 * at,
                                              s.cell + at, s.hidden + at)


cdef void back_body(void* context, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Step* s = <Step*> context
    cdef Py_ssize_t wide = s.n * s.item, at = begin * wide
    (<lstm_back> table[SLOT_LSTM_BACKWARD + s.slot])(end - begin, s.n, s.kept + 5 * at, s.before + at, NULL if s.to_output == NULL else s.to_output + at,
                                                     s.to_hidden + at, s.to_cell + at, s.to_gates + 4 * at)


cdef Tensor block(Tensor like, tuple sizes):
    cdef Py_ssize_t shape[3]
    cdef int d
    for d in range(len(sizes)):
        shape[d] = sizes[d]
    return new_tensor(like.code, False, len(sizes), shape)


def lstm_scan(Tensor gates, Tensor hidden, Tensor cell, Tensor weight, Tensor bias, bint reverse):
    """Steps of an LSTM layer.

    Parameters
    ----------
    gates : Tensor, shape (steps, rows, 4n)
        The input's share of the gates, float32 or float64.
    hidden, cell : Tensor, shape (rows, n)
    weight : Tensor, shape (4n, n)
    bias : Tensor, shape (4n,), or None
    reverse : bool
        From the last step to the first.

    Returns
    -------
    output (steps, rows, n), last cell (rows, n), kept (steps, rows, 5n), cells (steps, rows, n)
    """
    from frankentorch import ops
    cdef Py_ssize_t steps = gates.sizes[0], rows = gates.sizes[1], n = weight.sizes[1], t, i, wide
    cdef int status = MATMUL_OK, code = gates.code
    cdef Tensor turned = contiguous_tensor(ops.t(weight)), output, kept, cells, product, last
    cdef Step s
    cdef const char* w
    cdef const char* h
    cdef const char* gates_data
    cdef char* kept_data
    cdef char* cells_data
    cdef char* output_data
    cdef char* last_data
    gates, hidden, cell = contiguous_tensor(gates), contiguous_tensor(hidden), contiguous_tensor(cell)
    output, kept, cells = block(gates, (steps, rows, n)), block(gates, (steps, rows, 5 * n)), block(gates, (steps, rows, n))
    product, last = block(gates, (rows, 4 * n)), block(gates, (rows, n))
    if bias is not None:
        bias = contiguous_tensor(bias)
    s.n, s.item, s.slot = n, 4 if code == F32 else 8, 0 if code == F32 else 1
    s.product, s.bias, w, h, s.before = data_of(product), NULL if bias is None else data_of(bias), data_of(turned), data_of(hidden), data_of(cell)
    wide = rows * n * s.item
    gates_data, kept_data, cells_data, output_data, last_data = data_of(gates), data_of(kept), data_of(cells), data_of(output), data_of(last)
    with nogil:
        for i in range(steps):
            t = steps - 1 - i if reverse else i
            status = matmul_run(code, 0, NULL, NULL, NULL, NULL, rows, 4 * n, n, h, n, 1, w, 4 * n, 1, <char*> s.product, 4 * n, 1)
            if status != MATMUL_OK:
                break
            s.gates, s.kept = gates_data + 4 * t * wide, kept_data + 5 * t * wide
            s.cell, s.hidden = cells_data + t * wide, output_data + t * wide
            parallel_for(step_body, &s, rows, max(GRAIN / max(4 * n, 1), 1))
            s.before, h = s.cell, s.hidden
        if status == MATMUL_OK:
            memcpy(last_data, s.before, wide)
    if status != MATMUL_OK:
        raise MemoryError("lstm: no memory for scratch")
    return output, last, kept, cells


def lstm_scan_backward(Tensor g, Tensor g_cell, Tensor hidden, Tensor cell, Tensor weight, Tensor output, Tensor kept, Tensor cells, bint reverse):
    """Gradients of gates, hidden, cell and weight from those of the output and of the last cell (None: zero)."""
    cdef Py_ssize_t steps = kept.sizes[0], rows = kept.sizes[1], n = weight.sizes[1], t, i, wide, at
    cdef int status = MATMUL_OK, code = kept.code
    cdef Tensor to_gates = block(kept, (steps, rows, 4 * n)), to_hidden = block(kept, (rows, n)), to_cell = block(kept, (rows, n))
    cdef Tensor to_weight = block(kept, (4 * n, n)), began = block(kept, (steps, rows, n))
    cdef Step s
    cdef const char* w
    cdef const char* first
    cdef const char* began_first
    cdef const char* kept_data
    cdef const char* cells_data
    cdef const char* output_data
    cdef const char* g_data = NULL
    cdef char* gates_data
    cdef char* began_data
    cdef char* weight_data
    hidden, cell, weight, output = contiguous_tensor(hidden), contiguous_tensor(cell), contiguous_tensor(weight), contiguous_tensor(output)
    kept, cells = contiguous_tensor(kept), contiguous_tensor(cells)
    if g is not None:
        g = contiguous_tensor(g)
    if g_cell is not None:
        g_cell = contiguous_tensor(g_cell)
    s.n, s.item, s.slot = n, 4 if code == F32 else 8, 0 if code == F32 else 1
    wide = rows * n * s.item
    began_first, kept_data, cells_data, output_data = data_of(hidden), data_of(kept), data_of(cells), data_of(output)
    gates_data, began_data, weight_data = data_of(to_gates), data_of(began), data_of(to_weight)
    if g is not None:
        g_data = data_of(g)
    s.to_hidden, s.to_cell, s.to_output, w, first = data_of(to_hidden), data_of(to_cell), NULL, data_of(weight), data_of(cell)
    memset(s.to_hidden, 0, wide)
    if g_cell is None:
        memset(s.to_cell, 0, wide)
    else:
        memcpy(s.to_cell, data_of(g_cell), wide)
    with nogil:
        for i in range(steps):
            t = i if reverse else steps - 1 - i
            if g_data != NULL:
                s.to_output = g_data + t * wide
            s.kept, s.to_gates = kept_data + 5 * t * wide, gates_data + 4 * t * wide
            if i == steps - 1:
                s.before = first
                memcpy(began_data + t * wide, began_first, wide)
            else:
                at = (t + 1 if reverse else t - 1) * wide
                s.before = cells_data + at
                memcpy(began_data + t * wide, output_data + at, wide)
            parallel_for(back_body, &s, rows, max(GRAIN / max(4 * n, 1), 1))
            status = matmul_run(code, 0, NULL, NULL, NULL, NULL, rows, n, 4 * n, s.to_gates, 4 * n, 1, w, n, 1, s.to_hidden, n, 1)
            if status != MATMUL_OK:
                break
        if status == MATMUL_OK:
            status = matmul_run(code, 0, NULL, NULL, NULL, NULL, 4 * n, n, steps * rows, gates_data, 1, 4 * n, began_data, n, 1, weight_data, n, 1)
    if status != MATMUL_OK:
        raise MemoryError("lstm: no memory for scratch")
    return to_gates, to_hidden, to_cell, to_weight


use_level(cpu_level())
