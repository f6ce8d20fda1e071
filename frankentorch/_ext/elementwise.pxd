# From operands (tensors and Python numbers) to one walk: promotion, broadcasting, output, loop.
from frankentorch._ext.tensor cimport Tensor
from cpython.ref cimport PyObject

cdef enum Promote:
    PROMOTE_SAME = 0
    PROMOTE_INT_TO_FLOAT = 1
    PROMOTE_NONE = 2
    PROMOTE_SKIP_FIRST = 3

cdef enum Result:
    RESULT_SAME = 0
    RESULT_BOOL = 1
    RESULT_REAL = 2
    RESULT_I64 = 3

cdef enum Guard:             # what is looked at before a loop over integers
    GUARD_ZERO = 1           # no zero among the divisors
    GUARD_EXPONENT = 2       # no negative number as the exponent
    GUARD_FIT = 4            # numbers among the operands fit the dtype
    GUARD_ALPHA = 8          # the kind of a multiplier

cdef struct LoopSpec:
    int number               # row of LOOPS
    int promote
    int result
    int n_operands
    int n_params
    int guard
    bint exact_out           # an out= tensor must have the result's own dtype

cdef struct Kinds:
    int dim                  # -1: none seen
    int zero
    int wrapped

cdef void kinds_start(Kinds* k) noexcept
cdef int kinds_add(Kinds* k, object operand) except -1
cdef int kinds_result(Kinds* k) except -2

cdef Tensor run_loop(str name, const LoopSpec* spec, PyObject** operands, PyObject** params, Tensor target, bint resize_target)
cdef int store_number(object value, int code, char* cell) except -1
cdef int check_fits(object value, int code) except -1
cdef int check_64_bits(object value) except -1
cdef object plain_number(object value)
cdef object load_number(const char* cell, int code)
cdef bint is_number(object value)
cdef int number_code(object value) except -1
cdef str scalar_name(int code)
cdef int broadcast_sizes(int n, PyObject** tensors, Py_ssize_t* sizes) except -1
cdef int check_no_internal_overlap(Tensor t, str name) except -1
cdef int overlap_of(Tensor a, Tensor b) noexcept
cdef int copy_into(Tensor target, Tensor source) except -1
cdef Tensor cast_tensor(Tensor t, int code)
cdef Tensor contiguous_tensor(Tensor t)
cdef int resize_storage(Tensor t, int ndim, const Py_ssize_t* sizes) except -1
cdef enum Overlap:
    OVERLAP_NONE = 0
    OVERLAP_FULL = 1
    OVERLAP_PARTIAL = 2
    OVERLAP_UNKNOWN = 3
