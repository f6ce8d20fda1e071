# cython: language_level=3, boundscheck=False, wraparound=False
# cython: cdivision=True, initializedcheck=False
# A layer of a GRU or of a plain recurrence over all steps in one call. Sums are products of gemm.pxd, as those of recurrent_run.pyx: of a
# step's state with the weight; backward of a step's gate gradients with the weight, over the gates; of the weight one chain over
# (step, row) ascending, gate gradients times the state each step began with.
from libc.string cimport memcpy, memset
from frankentorch._ext.types cimport *
from frankentorch._ext.tensor cimport *
from frankentorch._ext.elementwise cimport contiguous_tensor
from frankentorch._ext.matmul cimport matmul_run, MATMUL_OK
from frankentorch._ext.recurrent cimport *
from frankentorch._ext.levels cimport fill_recurrent, fill_recurrent_at
from frankentorch._ext.threads cimport parallel_for

cdef enum:
    GRAIN = 4096                # gate values worth a thread

cdef void* table[RECURRENT_SLOTS]
fill_recurrent(table)

cdef struct Step:
    Py_ssize_t n, wide          # bytes of a row: of the state, and of the gates
    Py_ssize_t state, gate, kept_row
    int slot
    const char* gates
    const char* product
    const char* bias
    const char* before
    char* kept
    char* hidden
    const char* to_output               # NULL: no gradient
    char* to_hidden
    char* carry
    char* to_gates
    char* to_state


def use_level(int level):
    """CPU level of the steps in this and all later calls, for tests."""
    fill_recurrent_at(level, table)


cdef void step_body(void* context, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Step* s = <Step*> context
    (<scan_kernel> table[SLOT_SCAN + s.slot])(end - begin, s.n, s.gates + begin * s.gate, s.product + begin * s.gate, s.bias, s.before + begin * s.state,
                                              s.kept + begin * s.kept_row, s.hidden + begin * s.state)


cdef void back_body(void* context, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Step* s = <Step*> context
    (<scan_back> table[SLOT_SCAN_BACKWARD + s.slot])(
        end - begin, s.n, s.kept + begin * s.kept_row, s.before + begin * s.state, s.hidden + begin * s.state,
        NULL if s.to_output == NULL else s.to_output + begin * s.state, s.to_hidden + begin * s.state, s.carry + begin * s.state,
        s.to_gates + begin * s.gate, s.to_state + begin * s.gate)


cdef Tensor block(Tensor like, tuple sizes):
    cdef Py_ssize_t shape[3]
    cdef int d
    for d in range(len(sizes)):
        shape[d] = sizes[d]
    return new_tensor(like.code, False, len(sizes), shape)


cdef void shape_step(Step* s, int code, Py_ssize_t n, int mode) noexcept:
    cdef Py_ssize_t item = 4 if code == F32 else 8
    s.n, s.slot = n, 2 * mode + (0 if code == F32 else 1)
    s.wide = (3 if mode == SCAN_GRU else 1) * n
    s.state, s.gate, s.kept_row = n * item, s.wide * item, 4 * n * item if mode == SCAN_GRU else 0


def scan(Tensor gates, Tensor hidden, Tensor weight, Tensor bias, int mode, bint reverse):
    """Steps of a layer.

    Parameters
    ----------
    gates : Tensor, shape (steps, rows, w)
        The input's share of the gates, float32 or float64; w is 3n for the GRU, else n.
    hidden : Tensor, shape (rows, n)
    weight : Tensor, shape (w, n)
    bias : Tensor, shape (w,), or None
    mode : {0, 1, 2}
        tanh, relu, GRU.
    reverse : bool
        From the last step to the first.

    Returns
    -------
    output (steps, rows, n), kept (steps, rows, 4n; empty but for the GRU)
    """
    from frankentorch import ops
    cdef Py_ssize_t steps = gates.sizes[0], rows = gates.sizes[1], n = weight.sizes[1], t, i
    cdef int status = MATMUL_OK, code = gates.code
    cdef Tensor turned = contiguous_tensor(ops.t(weight)), output = block(gates, (steps, rows, n)), kept, product
    cdef Step s
    cdef const char* w
    cdef const char* gates_data
    cdef char* kept_data
    cdef char* output_data
    shape_step(&s, code, n, mode)
    gates, hidden = contiguous_tensor(gates), contiguous_tensor(hidden)
    kept, product = block(gates, (steps, rows, 4 * n if mode == SCAN_GRU else 0)), block(gates, (rows, s.wide))
    if bias is not None:
        bias = contiguous_tensor(bias)
    s.product, s.bias, w, s.before = data_of(product), NULL if bias is None else data_of(bias), data_of(turned), data_of(hidden)
    gates_data, kept_data, output_data = data_of(gates), data_of(kept), data_of(output)
    with nogil:
        for i in range(steps):
            t = steps - 1 - i if reverse else i
            status = matmul_run(code, 0, NULL, NULL, NULL, NULL, rows, s.wide, n, s.before, n, 1, w, s.wide, 1, <char*> s.product, s.wide, 1)
            if status != MATMUL_OK:
                break
            s.gates, s.kept, s.hidden = gates_data + t * rows * s.gate, kept_data + t * rows * s.kept_row, output_data + t * rows * s.state
            parallel_for(step_body, &s, rows, max(GRAIN / max(s.wide, 1), 1))
            s.before = s.hidden
    if status != MATMUL_OK:
        raise MemoryError("recurrence: no memory for scratch")
    return output, kept


def scan_backward(Tensor g, Tensor hidden, Tensor weight, Tensor output, Tensor kept, int mode, bint reverse):
    """Gradients of the gates' two shares, of hidden and of weight from that of the output. A plain recurrence has one share."""
    from frankentorch import ops
    cdef Py_ssize_t steps = output.sizes[0], rows = output.sizes[1], n = weight.sizes[1], t, i, at
    cdef int status = MATMUL_OK, code = output.code
    cdef Tensor to_gates, to_state, to_hidden = block(output, (rows, n)), carry = block(output, (rows, n))
    cdef Tensor to_weight, began = block(output, (steps, rows, n))
    cdef Step s
    cdef const char* w
    cdef const char* first
    cdef const char* kept_data
    cdef const char* output_data
    cdef const char* g_data
    cdef char* gates_data
    cdef char* state_data
    cdef char* began_data
    cdef char* weight_data
    shape_step(&s, code, n, mode)
    to_gates, to_weight = block(output, (steps, rows, s.wide)), block(output, (s.wide, n))
    to_state = block(output, (steps, rows, s.wide)) if mode == SCAN_GRU else to_gates
    g, hidden, weight, output, kept = contiguous_tensor(g), contiguous_tensor(hidden), contiguous_tensor(weight), contiguous_tensor(output), contiguous_tensor(kept)
    first, w, output_data, kept_data, g_data = data_of(hidden), data_of(weight), data_of(output), data_of(kept), data_of(g)
    gates_data, state_data, began_data, weight_data = data_of(to_gates), data_of(to_state), data_of(began), data_of(to_weight)
    s.to_hidden, s.carry = data_of(to_hidden), data_of(carry)
    memset(s.to_hidden, 0, rows * s.state)
    memset(s.carry, 0, rows * s.state)
    with nogil:
        for i in range(steps):
            t = i if reverse else steps - 1 - i
            at = t * rows * s.state
            s.kept, s.hidden, s.to_output = <char*> kept_data + t * rows * s.kept_row, <char*> output_data + at, g_data + at
            s.to_gates, s.to_state = gates_data + t * rows * s.gate, state_data + t * rows * s.gate
            s.before = first if i == steps - 1 else output_data + (t + 1 if reverse else t - 1) * rows * s.state
            memcpy(began_data + at, s.before, rows * s.state)
            parallel_for(back_body, &s, rows, max(GRAIN / max(s.wide, 1), 1))
            status = matmul_run(code, 0, NULL, NULL, NULL, NULL, rows, n, s.wide, s.to_state, s.wide, 1, w, n, 1, s.to_hidden, n, 1)
            if status != MATMUL_OK:
                break
        if status == MATMUL_OK:
            status = matmul_run(code, 0, NULL, NULL, NULL, NULL, s.wide, n, steps * rows, state_data, 1, s.wide, began_data, n, 1, weight_data, n, 1)
    if status != MATMUL_OK:
        raise MemoryError("recurrence: no memory for scratch")
    return to_gates, to_state, ops.add(carry, to_hidden) if mode == SCAN_GRU else to_hidden, to_weight
