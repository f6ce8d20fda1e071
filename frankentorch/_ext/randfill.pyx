# cython: language_level=3, boundscheck=False, wraparound=False
# cython: cdivision=True, initializedcheck=False
# Levelled kernels of the random fills: the twist and tempering of the Mersenne Twister (M. Matsumoto, T. Nishimura,
# "Mersenne Twister", ACM TOMACS 8, 1998) and the transforms of its words. Outputs depend on the words alone.
# Normals: Box and Muller, Ann. Math. Stat. 29, 1958. Blocks of 16 pair value j with value j + 8.
from frankentorch._ext.bitmath cimport fma_f32, fma_f64, sqrt_f32, sqrt_f64, ceil_f64, INF_F64
from frankentorch._ext.half cimport store_f16, store_bf16
from frankentorch._ext.randmath cimport choose, log_unit, sin_angle, cos_angle, tan_angle, exp_wide, log_cephes, turn_cephes
from frankentorch._ext.types cimport ft_u32

cdef extern from *:
    """
    #define FT_FILL_RANDFILL FT_SYMBOL(fill_randfill)
    """

ctypedef const unsigned int* words_in

cdef enum:
    N = 624
    M = 397


cdef inline unsigned int twisted(unsigned int high, unsigned int low) noexcept nogil:
    cdef unsigned int y = (high & 0x80000000U) | (low & 0x7fffffffU)
    return (y >> 1) ^ ((0U - (low & 1U)) & 0x9908b0dfU)


cdef void twist(unsigned int* state) noexcept nogil:
    cdef int i
    for i in range(N - M):
        state[i] = state[i + M] ^ twisted(state[i], state[i + 1])
    for i in range(N - M, N - 1):                           # reads what was written N - M = 227 places before
        state[i] = state[i + M - N] ^ twisted(state[i], state[i + 1])
    state[N - 1] = state[M - 1] ^ twisted(state[N - 1], state[0])


cdef void temper(words_in state, unsigned int* words, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef unsigned int y
    for i in range(n):
        y = state[i]
        y ^= y >> 11
        y ^= (y << 7) & 0x9d2c5680U
        y ^= (y << 15) & 0xefc60000U
        words[i] = y ^ (y >> 18)


cdef inline float unit_f32(unsigned int word) noexcept nogil:
    return <float> <int> (word & 0xffffffU) * <float> 5.9604644775390625e-08           # 24 bits


cdef inline double unit_f64(words_in pair) noexcept nogil:
    """53 bits: 21 of the first word, all of the second. The two halves are exact doubles, and so is their sum."""
    cdef double high = <double> <int> (pair[0] & 0x1fffffU)
    cdef double low = <double> <int> (pair[1] >> 1) * 2.0 + <double> <int> (pair[1] & 1U)
    return (high * 4294967296.0 + low) * 1.1102230246251565e-16


cdef void uniform_f32(words_in words, float* out, Py_ssize_t n, double low, double high) noexcept nogil:
    """A value that rounds up to `high`, which is outside the range, becomes `low`."""
    cdef Py_ssize_t i
    cdef float a = <float> low
    cdef float b = <float> high
    cdef float span = b - a
    cdef float x
    for i in range(n):
        x = fma_f32(unit_f32(words[i]), span, a)
        out[i] = a if x == b else x


cdef void uniform_f64(words_in words, double* out, Py_ssize_t n, double low, double high) noexcept nogil:
    cdef Py_ssize_t i
    cdef double span = high - low
    cdef double x
    for i in range(n):
        x = fma_f64(unit_f64(words + 2 * i), span, low)
        out[i] = low if x == high else x


cdef void below(words_in words, unsigned char* out, Py_ssize_t n, double p, double unused) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        out[i] = unit_f64(words + 2 * i) < p


cdef void exponential(words_in words, double* out, Py_ssize_t n, double scale, double unused) noexcept nogil:
    """scale is -1 / lambda; 1 - u is exact. Adding zero turns the -0 of u = 0 into +0."""
    cdef Py_ssize_t i
    for i in range(n):
        out[i] = scale * log_unit(1.0 - unit_f64(words + 2 * i)) + 0.0


cdef void cauchy(words_in words, double* out, Py_ssize_t n, double median, double sigma) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        out[i] = fma_f64(sigma, tan_angle(3.141592653589793 * (unit_f64(words + 2 * i) - 0.5)), median)


cdef void geometric(words_in words, double* out, Py_ssize_t n, double p, double unused) noexcept nogil:
    """u = 0 gives infinity."""
    cdef Py_ssize_t i
    cdef double base = log_unit(1.0 - p)
    cdef double u
    for i in range(n):
        u = unit_f64(words + 2 * i)
        out[i] = choose(u == 0.0, INF_F64, ceil_f64(log_unit(u) / base))


cdef void polar(words_in words, double* out, Py_ssize_t n, double unused, double unused_too) noexcept nogil:
    """Normals in pairs: angle from the first uniform, radius from the second."""
    cdef Py_ssize_t i
    cdef double angle, radius
    for i in range(n / 2):
        angle = 6.283185307179586 * unit_f64(words + 4 * i)
        radius = sqrt_f64(-2.0 * log_unit(1.0 - unit_f64(words + 4 * i + 2)))
        out[2 * i] = radius * cos_angle(angle)
        out[2 * i + 1] = radius * sin_angle(angle)


cdef void scale_normals(words_in unused, double* out, Py_ssize_t n, double mean, double std) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        out[i] = fma_f64(out[i], std, mean)


cdef void exp_all(words_in unused, double* out, Py_ssize_t n, double unused_too, double unused_three) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        out[i] = exp_wide(out[i])


cdef void normal_f32(words_in words, float* out, Py_ssize_t n, double mean, double std) noexcept nogil:
    cdef Py_ssize_t block
    cdef int j
    cdef float radius, sine, cosine
    cdef float m = <float> mean
    cdef float s = <float> std
    cdef float* values
    cdef words_in drawn
    for block in range(0, n, 16):
        values = out + block
        drawn = words + block
        for j in range(8):
            radius = sqrt_f32(<float> -2.0 * log_cephes(<float> 1.0 - unit_f32(drawn[j])))
            turn_cephes(<float> 6.2831853071795864 * unit_f32(drawn[j + 8]), &sine, &cosine)
            values[j] = fma_f32(radius * cosine, s, m)
            values[j + 8] = fma_f32(radius * sine, s, m)


cdef void normal_f64(words_in words, double* out, Py_ssize_t n, double mean, double std) noexcept nogil:
    cdef Py_ssize_t block
    cdef int j
    cdef double radius, angle
    cdef double* values
    cdef words_in drawn
    for block in range(0, n, 16):
        values = out + block
        drawn = words + 2 * block
        for j in range(8):
            radius = sqrt_f64(-2.0 * log_unit(1.0 - unit_f64(drawn + 2 * j)))
            angle = 6.283185307179586 * unit_f64(drawn + 2 * j + 16)
            values[j] = fma_f64(radius * cos_angle(angle), std, mean)
            values[j + 8] = fma_f64(radius * sin_angle(angle), std, mean)


cdef void store_halves(const float* values, unsigned short* out, Py_ssize_t n, double first, double last) noexcept nogil:
    cdef Py_ssize_t i
    cdef unsigned short a = <unsigned short> <int> first
    cdef unsigned short b = <unsigned short> <int> last
    cdef unsigned short h
    for i in range(n):
        h = store_f16(values[i])
        out[i] = a if h == b else h


cdef void store_brains(const float* values, unsigned short* out, Py_ssize_t n, double first, double last) noexcept nogil:
    cdef Py_ssize_t i
    cdef unsigned short a = <unsigned short> <int> first
    cdef unsigned short b = <unsigned short> <int> last
    cdef unsigned short h
    for i in range(n):
        h = store_bf16(values[i])
        out[i] = a if h == b else h


cdef void shares_f32(words_in unused, float* sums, Py_ssize_t n, double total, double unused_too) noexcept nogil:
    cdef float divisor = <float> total
    cdef Py_ssize_t i
    for i in range(n):
        sums[i] = sums[i] / divisor


cdef void shares_f64(words_in unused, double* sums, Py_ssize_t n, double total, double unused_too) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        sums[i] = sums[i] / total


ctypedef fused share_t:
    float
    double


cdef inline void choose_places(const double* uniforms, long long* out, Py_ssize_t n, const share_t* shares, Py_ssize_t categories) noexcept nogil:
    """Halving without branches, eight side by side, for each step of one waits on the one before."""
    cdef double u[8]
    cdef Py_ssize_t low[8]
    cdef Py_ssize_t i = 0, j, left, half, few
    while i < n:
        few = 8 if n - i > 8 else n - i
        for j in range(8):
            u[j] = uniforms[i + (j if j < few else 0)]
            low[j] = 0
        left = categories
        while left > 1:
            half = left >> 1
            for j in range(8):
                low[j] += half & -<Py_ssize_t> (<double> shares[low[j] + half - 1] < u[j])
            left -= half
        for j in range(few):
            out[i + j] = low[j]
        i += few


cdef void choose_f32(const double* uniforms, long long* out, Py_ssize_t n, const float* shares, Py_ssize_t categories) noexcept nogil:
    choose_places(uniforms, out, n, shares, categories)


cdef void choose_f64(const double* uniforms, long long* out, Py_ssize_t n, const double* shares, Py_ssize_t categories) noexcept nogil:
    choose_places(uniforms, out, n, shares, categories)


cdef public void fill_randfill "FT_FILL_RANDFILL" (void** table) noexcept nogil:
    table[RAND_TWIST] = <void*> twist
    table[RAND_TEMPER] = <void*> temper
    table[RAND_UNIFORM_F32] = <void*> uniform_f32
    table[RAND_UNIFORM_F64] = <void*> uniform_f64
    table[RAND_BELOW] = <void*> below
    table[RAND_EXPONENTIAL] = <void*> exponential
    table[RAND_CAUCHY] = <void*> cauchy
    table[RAND_GEOMETRIC] = <void*> geometric
    table[RAND_POLAR] = <void*> polar
    table[RAND_SCALE] = <void*> scale_normals
    table[RAND_EXP] = <void*> exp_all
    table[RAND_NORMAL_F32] = <void*> normal_f32
    table[RAND_NORMAL_F64] = <void*> normal_f64
    table[RAND_STORE_F16] = <void*> store_halves
    table[RAND_STORE_BF16] = <void*> store_brains
    table[RAND_SHARES_F32] = <void*> shares_f32
    table[RAND_SHARES_F64] = <void*> shares_f64
    table[RAND_CHOOSE_F32] = <void*> choose_f32
    table[RAND_CHOOSE_F64] = <void*> choose_f64
