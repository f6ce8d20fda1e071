# Slots of the recurrent kernel table (levelled, see recurrent.pyx.in), + 0 float, + 1 double. Orders: recurrent_run.pyx.
cdef enum RecurrentSlot:
    SLOT_LSTM = 0
    SLOT_LSTM_BACKWARD = 2
    SLOT_SCAN = 4               # + 2 * ScanMode
    SLOT_SCAN_BACKWARD = 10
    RECURRENT_SLOTS = 16

cdef enum ScanMode:
    SCAN_TANH = 0
    SCAN_RELU = 1
    SCAN_GRU = 2

# `rows` rows of one step, all dense. gates, product: 4n wide; bias 4n or NULL; kept: 5n (gates after their functions, tanh of the
# cell); before, cell, hidden: n
ctypedef void (*lstm_kernel)(Py_ssize_t rows, Py_ssize_t n, const void* gates, const void* product, const void* bias, const void* before,
                             void* kept, void* cell, void* hidden) noexcept nogil
# to_output: gradient of hidden from outside, or NULL: to_hidden becomes to_output + to_hidden; to_cell: of cell, becomes that of the
# cell before; to_gates 4n wide
ctypedef void (*lstm_back)(Py_ssize_t rows, Py_ssize_t n, const void* kept, const void* before, const void* to_output, void* to_hidden,
                           void* to_cell, void* to_gates) noexcept nogil

# Plain recurrences (one gate) and the GRU (gates reset, update, new: w = 3n wide, else w = n). kept, of the GRU: 4n wide (the gates
# after their functions, the state's share of the new one), else unused.
ctypedef void (*scan_kernel)(Py_ssize_t rows, Py_ssize_t n, const void* gates, const void* product, const void* bias, const void* before,
                             void* kept, void* hidden) noexcept nogil
# to_hidden: gradient of `hidden` by way of the product of the step after; the whole one is to_output (or NULL) + (carry + to_hidden), without
# `carry` where there is one gate. to_gates: of the input's share; to_state, carry, of the GRU: of the state's share, and of `before`
# past the product
ctypedef void (*scan_back)(Py_ssize_t rows, Py_ssize_t n, const void* kept, const void* before, const void* hidden, const void* to_output,
                           const void* to_hidden, void* carry, void* to_gates, void* to_state) noexcept nogil
