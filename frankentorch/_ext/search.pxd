# Statuses are RunStatus of reduce_run.pxd; no complex.
# For each of m values of each line: the first place in the ascending sequence of n whose element is >= (right: >) the value.
# sequence[lines][n] (or [n] if shared: bucketize), sorter (may be NULL) likewise, values[lines][m], out[lines][m] in out_code
# I64 or I32; all contiguous.
cdef int searchsorted_run(int code, const char* sequence, const long long* sorter, const char* values, Py_ssize_t lines,
                          Py_ssize_t n, Py_ssize_t m, bint shared, bint right, int out_code, char* out) noexcept nogil
