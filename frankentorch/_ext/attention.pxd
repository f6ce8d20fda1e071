# Slots of the attention kernel table (levelled, see attention.pyx.in), + 0 float, + 1 double. Orders: attention_run.pyx.
cdef enum AttentionSlot:
    SLOT_WEIGHTS = 0
    SLOT_WEIGHTS_BACKWARD = 2
    ATTENTION_SLOTS = 4

cdef enum MaskKind:
    MASK_NONE
    MASK_ADDED                  # of the compute type, added to the scores
    MASK_ALLOWED                # bool: false forbids

# products x[rows][ld] of queries and keys become weights; row r sees its first min(seen + r * causal, limit) keys, the rest up to `limit`
# is zero
ctypedef void (*weights_kernel)(void* x, Py_ssize_t ld, Py_ssize_t rows, Py_ssize_t limit, Py_ssize_t seen, bint causal, double scale,
                                int kind, const void* mask, Py_ssize_t mask_row, Py_ssize_t mask_col) noexcept nogil
# gradients d[rows][ld] of weights p become those of the products, zero where a row sees nothing
ctypedef void (*weights_back)(const void* p, void* d, Py_ssize_t ld, Py_ssize_t rows, Py_ssize_t limit, Py_ssize_t seen, bint causal,
                              double scale) noexcept nogil
