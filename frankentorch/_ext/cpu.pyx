# cython: language_level=3, boundscheck=False, wraparound=False
# cython: cdivision=True, initializedcheck=False
# Choice of the CPU level: the host's best, or the one FRANKENTORCH_CPU names. A level the host lacks is refused here,
# at import: lowering it silently would hide that a machine differs. On other processors than x86-64 only the baseline exists.
# Denormals: flush modes live in each thread's MXCSR, and a library built with -ffast-math may set them behind our back.
from frankentorch.runtime import config

cdef extern from *:
    """
    #if defined(__x86_64__)
    #include <cpuid.h>
    #include <xmmintrin.h>
    static int ft_host_level(void) {
        unsigned a, b, c = 0, d;
        __builtin_cpu_init();
        /* F16C by cpuid: older clang does not know its name. avx2 also tells that the system saves the ymm state. */
        if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & (1u << 29))) return 0;
        if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return 0;
        if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512dq") ||
            !__builtin_cpu_supports("avx512bw") || !__builtin_cpu_supports("avx512vl")) return 1;
        return 2;
    }
    #define FT_MXCSR_DEFAULT 0x1F80u                 /* all exceptions masked, nearest, no FTZ (bit 15), no DAZ (bit 6) */
    static void ft_clean_mode(void) { _mm_setcsr(FT_MXCSR_DEFAULT); }
    static int ft_mode_is_clean(void) { return (_mm_getcsr() & ~0x3Fu) == FT_MXCSR_DEFAULT; }
    static int ft_flushes(void) { return (_mm_getcsr() & 0x8040u) != 0; }
    #else
    static int ft_host_level(void) { return 0; }
    static void ft_clean_mode(void) { }
    static int ft_mode_is_clean(void) { return 1; }
    static int ft_flushes(void) { return 0; }
    #endif
    """
    int ft_host_level() noexcept nogil
    void ft_clean_mode() noexcept nogil
    bint ft_mode_is_clean() noexcept nogil
    bint ft_flushes() noexcept nogil

cdef int level_in_use = LEVEL_BASELINE


cdef int cpu_level() noexcept nogil:
    return level_in_use


cdef int host_level() noexcept nogil:
    return ft_host_level()


cdef void clean_float_mode() noexcept nogil:
    ft_clean_mode()


cdef bint float_mode_is_clean() noexcept nogil:
    return ft_mode_is_clean()


def cpu_capability():
    """Instruction set of the kernels by PyTorch's names: ``"DEFAULT"``, ``"AVX2"`` or ``"AVX512"``."""
    return ("DEFAULT", "AVX2", "AVX512")[level_in_use]


def level_name():
    """Instruction set of the kernels by the names FRANKENTORCH_CPU takes."""
    return config.CPU_LEVELS[level_in_use]


def host_level_name():
    """The best level this host can run."""
    return config.CPU_LEVELS[ft_host_level()]


def flushes_denormals():
    """True if the calling thread treats denormal numbers as zero (FTZ or DAZ set); always False off x86-64."""
    return ft_flushes()


def _choose():
    """The level to use: the one asked for, if the host has it.

    Raises
    ------
    ValueError
        FRANKENTORCH_CPU names no level.
    RuntimeError
        It names one the host lacks, or the importing thread flushes denormals or does not round to nearest.
    """
    wanted = config.cpu_level()
    host = ft_host_level()
    if not ft_mode_is_clean():
        raise RuntimeError("the thread that imports frankentorch has a changed floating-point mode: denormals are flushed "
                           "(FTZ or DAZ),\n  rounding is not to nearest, or traps are on. Results would differ from other "
                           "runs. A library built with -ffast-math\n  or a call to set_flush_denormal did this; import "
                           "frankentorch before it, or undo it")
    level = host if wanted is None else config.CPU_LEVELS.index(wanted)
    if level > host:
        raise RuntimeError(f"{config.CPU.variable}={wanted!r}: this host cannot run it, its best level is "
                           f"{config.CPU_LEVELS[host]!r}\n  {config.CPU.allowed}; unset it to use the best one")
    return level


level_in_use = _choose()
