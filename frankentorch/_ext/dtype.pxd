# dtype, device, layout, memory_format: the singletons a call can name, and promotion as a table of codes.
from frankentorch._ext.types cimport *

cdef class dtype:
    cdef readonly int code
    cdef readonly int itemsize
    cdef readonly bint is_floating_point
    cdef readonly bint is_complex
    cdef readonly bint is_signed
    cdef readonly str name
    cdef readonly str code_name
    cdef dict extra

cdef class device:
    cdef readonly str type
    cdef readonly object index
    cdef readonly bint is_meta

cdef class layout:
    cdef readonly str name

cdef class memory_format:
    cdef readonly str name
    cdef readonly int tag

cdef enum Format:
    PRESERVE = 0
    CONTIGUOUS = 1
    CHANNELS_LAST = 2
    CHANNELS_LAST_3D = 3

cdef int ITEMSIZE[15]
cdef signed char PROMOTE[15][15]          # -1: the oracle refuses this pair
cdef dtype dtype_of(int code)
cdef int default_code() noexcept
cdef int default_complex_code() noexcept
cdef device device_of(bint is_meta)
cdef device parse_device(object value)
cpdef bint can_cast_codes(int source, int target)
cdef int to_real_code(int code) noexcept
cdef int to_complex_code(int code) noexcept

cdef inline bint is_float_code(int code) noexcept nogil:
    return F16 <= code <= F64

cdef inline bint is_complex_code(int code) noexcept nogil:
    return code >= C64

cdef inline bint is_integral_code(int code) noexcept nogil:
    return code <= U64

cdef inline int category_of(int code) noexcept nogil:
    # bool 0 < integer 1 < floating 2 < complex 3
    return 0 if code == BOOL else 1 if code <= U64 else 2 if code <= F64 else 3
