# Slots of the recurrent kernel table (levelled, see recurrent.pyx.in), + 0 float, + 1 double. Orders: recurrent_run.pyx.
cdef enum RecurrentSlot:
    SLOT_LSTM = 0
    SLOT_LSTM_BACKWARD = 2
    RECURRENT_SLOTS = 4

# `rows` rows of one step, all dense. gates, product: 4n wide; bias 4n or NULL; kept: 5n (gates after their functions, tanh of the
# cell); before, cell, hidden: n
ctypedef void (*lstm_kernel)(Py_ssize_t rows, Py_ssize_t n, const void* gates, const void* product, const void* bias, const void* before,
                             void* kept, void* cell, void* hidden) noexcept nogil
# to_output: gradient of hidden from outside, or NULL: to_hidden becomes to_output + to_hidden; to_cell: of cell, becomes that of the
# cell before; to_gates 4n wide
ctypedef void (*lstm_back)(Py_ssize_t rows, Py_ssize_t n, const void* kept, const void* before, const void* to_output, void* to_hidden,
                           void* to_cell, void* to_gates) noexcept nogil
