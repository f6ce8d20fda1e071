# Slots of the scan kernel table (levelled). A kernel walks `rows` along the scanned dim for `cols` <= TILE_COLS lines.
cdef enum ScanSlot:
    SLOT_CUMSUM = 0             # + code
    SLOT_CUMPROD = 16
    SLOT_CUMMAX = 32
    SLOT_CUMMIN = 48
    SLOT_LOGCUMSUMEXP = 64
    SCAN_SLOTS = 80
    LOG_LINES = 8               # that logcumsumexp takes at once

ctypedef void (*scan_kernel)(const char* base, Py_ssize_t rows, Py_ssize_t row_step, Py_ssize_t cols, Py_ssize_t col_step,
                             char* out, Py_ssize_t out_row, Py_ssize_t out_col, char* second) noexcept nogil
