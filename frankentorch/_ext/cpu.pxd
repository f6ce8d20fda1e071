# CPU level: which of the three builds of each levelled kernel runs in this process. Decided once, at import.
cdef enum:
    LEVEL_BASELINE = 0
    LEVEL_AVX2 = 1              # AVX2, FMA, F16C
    LEVEL_AVX512 = 2            # and AVX-512 F, DQ, BW, VL

cdef int cpu_level() noexcept nogil                  # the level in use
cdef int host_level() noexcept nogil                 # the best level of this host
cdef void clean_float_mode() noexcept nogil          # this thread: denormals kept, round to nearest, no traps
cdef bint float_mode_is_clean() noexcept nogil       # sticky exception flags do not matter
