# cython: language_level=3, boundscheck=False, wraparound=False
# cython: cdivision=True, initializedcheck=False
# Engine and fills: PyTorch's CPU stream, found by experiment on PyTorch 2.13 (tests/reference/random.py states it in plain
# Python). The engine is MT19937; one value takes one or two 32-bit words, in order, and nothing is drawn ahead, so a state
# can be exchanged with PyTorch at any point. Words are drawn in chunks into the stack and transformed by kernels of the
# CPU level in use; drawing is serial by nature, and the numbers depend on neither threads nor level.
#
# uniform            f32, f16, bf16: 24 bits of one word; f64: 53 bits of two; low + u (high - low) in one fused step,
#                    and `low` where that rounds up to `high`.
# normal             n >= 16 in blocks of 16 (one word each, f64 two); a rest takes 16 fresh values for the last 16 places.
#                    n < 16, or not row-major: pairs in double from four words; the second of a pair waits in the engine.
# integers           word mod count; two words (high first) from count 2^28 on.
# bernoulli          53-bit uniform < p; with a tensor of p: 24 bits for p in f32 and the halves, 53 for f64.
# the others         53-bit uniforms through -log(1 - u) / rate, tan(pi (u - 1/2)), ceil(log u / log(1 - p)), exp(normal).
from frankentorch._ext.types cimport *
from frankentorch._ext.half cimport load_f16, load_bf16, store_f16, store_bf16
from frankentorch._ext.cpu cimport cpu_level, host_level
from frankentorch._ext.randfill cimport *
from frankentorch._ext.levels cimport fill_randfill_at

cdef extern from *:
    """
    #include <pthread.h>
    #include <sched.h>
    #if defined(__x86_64__)
    #define ft_relax() __builtin_ia32_pause()
    #else
    #define ft_relax() ((void) 0)
    #endif
    /* A lock holds the generation of the process that took it. In a forked child one taken by a thread of the parent is of
       an older generation, and counts as free. */
    static int ft_generation = 1;
    static void ft_next_generation(void) { ft_generation++; }
    static void ft_watch_forks(void) { pthread_atfork(NULL, NULL, ft_next_generation); }
    static void ft_engine_lock(int *lock) {
        int tries = 0, seen = 0;
        while (!__atomic_compare_exchange_n(lock, &seen, ft_generation, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
            while ((seen = __atomic_load_n(lock, __ATOMIC_RELAXED)) == ft_generation) {
                ft_relax();
                if (++tries >= 64) { tries = 0; sched_yield(); }
            }
    }
    static void ft_engine_unlock(int *lock) { __atomic_store_n(lock, 0, __ATOMIC_RELEASE); }
    """
    void lock_engine "ft_engine_lock"(int* lock) noexcept nogil
    void unlock_engine "ft_engine_unlock"(int* lock) noexcept nogil
    void watch_forks "ft_watch_forks"() noexcept nogil

watch_forks()

ctypedef void (*twist_kernel)(unsigned int* state) noexcept nogil
ctypedef void (*temper_kernel)(const unsigned int* state, unsigned int* words, Py_ssize_t n) noexcept nogil
ctypedef void (*kernel)(const unsigned int* words, void* out, Py_ssize_t n, double a, double b) noexcept nogil
ctypedef void (*half_kernel)(const float* values, unsigned short* out, Py_ssize_t n, double first, double last) noexcept nogil
ctypedef void (*chooser)(const double* uniforms, long long* out, Py_ssize_t n, const void* shares, Py_ssize_t categories) noexcept nogil
ctypedef void (*store_real)(const double* values, void* out, Py_ssize_t at, Py_ssize_t n) noexcept nogil
ctypedef void (*store_whole)(const long long* values, void* out, Py_ssize_t at, Py_ssize_t n) noexcept nogil

cdef enum:
    WORDS = 624
    NO_HALF = 0x7fff              # a NaN no rounding yields
    CHUNK = 512                   # values per pass: they stay in the first-level cache. A range() step must be the literal
cdef unsigned long long TWO_WORDS = 1 << 28                # ranges from here on take two words

cdef void* table[RAND_SLOTS]
cdef store_real stores[NCODES]
cdef store_whole whole_stores[NCODES]
cdef int digits[NCODES]           # bits of the significand of a floating dtype, 0 for others
cdef int widths[NCODES]           # bytes of one element

ctypedef fused any_real:
    unsigned char
    signed char
    short
    int
    long long
    unsigned short
    unsigned int
    unsigned long long
    float
    double

ctypedef fused any_word:
    unsigned char
    unsigned short
    unsigned int
    unsigned long long


cdef void store_as(any_real* out, const double* values, Py_ssize_t at, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        out[at + i] = <any_real> values[i]


cdef void store_whole_as(any_real* out, const long long* values, Py_ssize_t at, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        out[at + i] = <any_real> values[i]


# One line per dtype: the conversions PyTorch makes, C casts but for bool and the halves.
cdef void real_bool(const double* v, void* out, Py_ssize_t at, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        (<unsigned char*> out)[at + i] = v[i] != 0
cdef void real_f16(const double* v, void* out, Py_ssize_t at, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        (<unsigned short*> out)[at + i] = store_f16(<float> v[i])
cdef void real_bf16(const double* v, void* out, Py_ssize_t at, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        (<unsigned short*> out)[at + i] = store_bf16(<float> v[i])
cdef void real_u8(const double* v, void* out, Py_ssize_t at, Py_ssize_t n) noexcept nogil: store_as(<unsigned char*> out, v, at, n)
cdef void real_i8(const double* v, void* out, Py_ssize_t at, Py_ssize_t n) noexcept nogil: store_as(<signed char*> out, v, at, n)
cdef void real_i16(const double* v, void* out, Py_ssize_t at, Py_ssize_t n) noexcept nogil: store_as(<short*> out, v, at, n)
cdef void real_i32(const double* v, void* out, Py_ssize_t at, Py_ssize_t n) noexcept nogil: store_as(<int*> out, v, at, n)
cdef void real_i64(const double* v, void* out, Py_ssize_t at, Py_ssize_t n) noexcept nogil: store_as(<long long*> out, v, at, n)
cdef void real_u16(const double* v, void* out, Py_ssize_t at, Py_ssize_t n) noexcept nogil: store_as(<unsigned short*> out, v, at, n)
cdef void real_u32(const double* v, void* out, Py_ssize_t at, Py_ssize_t n) noexcept nogil: store_as(<unsigned int*> out, v, at, n)
cdef void real_u64(const double* v, void* out, Py_ssize_t at, Py_ssize_t n) noexcept nogil: store_as(<unsigned long long*> out, v, at, n)
cdef void real_f32(const double* v, void* out, Py_ssize_t at, Py_ssize_t n) noexcept nogil: store_as(<float*> out, v, at, n)
cdef void real_f64(const double* v, void* out, Py_ssize_t at, Py_ssize_t n) noexcept nogil: store_as(<double*> out, v, at, n)

cdef void whole_bool(const long long* v, void* out, Py_ssize_t at, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        (<unsigned char*> out)[at + i] = v[i] != 0
cdef void whole_f16(const long long* v, void* out, Py_ssize_t at, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        (<unsigned short*> out)[at + i] = store_f16(<float> v[i])
cdef void whole_bf16(const long long* v, void* out, Py_ssize_t at, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        (<unsigned short*> out)[at + i] = store_bf16(<float> v[i])
cdef void whole_u8(const long long* v, void* out, Py_ssize_t at, Py_ssize_t n) noexcept nogil: store_whole_as(<unsigned char*> out, v, at, n)
cdef void whole_i8(const long long* v, void* out, Py_ssize_t at, Py_ssize_t n) noexcept nogil: store_whole_as(<signed char*> out, v, at, n)
cdef void whole_i16(const long long* v, void* out, Py_ssize_t at, Py_ssize_t n) noexcept nogil: store_whole_as(<short*> out, v, at, n)
cdef void whole_i32(const long long* v, void* out, Py_ssize_t at, Py_ssize_t n) noexcept nogil: store_whole_as(<int*> out, v, at, n)
cdef void whole_i64(const long long* v, void* out, Py_ssize_t at, Py_ssize_t n) noexcept nogil: store_whole_as(<long long*> out, v, at, n)
cdef void whole_u16(const long long* v, void* out, Py_ssize_t at, Py_ssize_t n) noexcept nogil: store_whole_as(<unsigned short*> out, v, at, n)
cdef void whole_u32(const long long* v, void* out, Py_ssize_t at, Py_ssize_t n) noexcept nogil: store_whole_as(<unsigned int*> out, v, at, n)
cdef void whole_u64(const long long* v, void* out, Py_ssize_t at, Py_ssize_t n) noexcept nogil: store_whole_as(<unsigned long long*> out, v, at, n)
cdef void whole_f32(const long long* v, void* out, Py_ssize_t at, Py_ssize_t n) noexcept nogil: store_whole_as(<float*> out, v, at, n)
cdef void whole_f64(const long long* v, void* out, Py_ssize_t at, Py_ssize_t n) noexcept nogil: store_whole_as(<double*> out, v, at, n)


cdef void seed_engine(Engine* rng, unsigned long long seed) noexcept nogil:
    """State from the low 32 bits of the seed, by the generator's authors' recurrence of 2002."""
    cdef int i
    cdef unsigned int x = <unsigned int> seed
    rng.seed = seed
    rng.state[0] = x
    for i in range(1, WORDS):
        x = 1812433253U * (x ^ (x >> 30)) + <unsigned int> i
        rng.state[i] = x
    rng.left = 1
    rng.next = 0
    rng.cached = 0.0
    rng.has_cached = 0


cdef void draw_words(Engine* rng, unsigned int* words, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t count
    while n > 0:
        if rng.left <= 1 or rng.next >= WORDS:
            (<twist_kernel> table[RAND_TWIST])(rng.state)
            rng.left = WORDS + 1
            rng.next = 0
        count = min(n, <Py_ssize_t> min(rng.left - 1, WORDS - <int> rng.next))
        (<temper_kernel> table[RAND_TEMPER])(rng.state + rng.next, words, count)
        rng.left -= <int> count
        rng.next += <unsigned int> count
        words += count
        n -= count


cdef void draw_reals(Engine* rng, int slot, double* out, Py_ssize_t n, double a, double b) noexcept nogil:
    """n <= CHUNK doubles of a kernel which takes two words each."""
    cdef unsigned int words[2 * CHUNK]
    draw_words(rng, words, 2 * n)
    (<kernel> table[slot])(words, out, n, a, b)


cdef int fill_by(Engine* rng, int slot, int code, void* out, Py_ssize_t n, double a, double b) noexcept nogil:
    """Two words per value, computed in double, cast to the dtype."""
    cdef double values[CHUNK]
    cdef Py_ssize_t at, count
    if code < 0 or code >= NCODES or stores[code] == NULL:
        return -1
    lock_engine(&rng.lock)
    for at in range(0, n, 512):
        count = min(n - at, <Py_ssize_t> CHUNK)
        draw_reals(rng, slot, values, count, a, b)
        stores[code](values, out, at, count)
    unlock_engine(&rng.lock)
    return 0


cdef void round_halves(int code, const float* values, unsigned short* out, Py_ssize_t n, int first, int last) noexcept nogil:
    (<half_kernel> table[RAND_STORE_F16 if code == F16 else RAND_STORE_BF16])(values, out, n, first, last)


cdef int fill_uniform(Engine* rng, int code, void* out, Py_ssize_t n, double low, double high) noexcept nogil:
    cdef unsigned int words[CHUNK]
    cdef float values[CHUNK]
    cdef Py_ssize_t at, count
    cdef unsigned short* halves = <unsigned short*> out
    cdef unsigned short first, last
    if code == C64:
        return fill_uniform(rng, F32, out, 2 * n, low, high)
    if code == C128:
        return fill_uniform(rng, F64, out, 2 * n, low, high)
    if code == F64:
        return fill_by(rng, RAND_UNIFORM_F64, code, out, n, low, high)
    if code != F32 and code != F16 and code != BF16:
        return -1
    # As in the kernels, what rounds up to `high` becomes `low`: with 8 bits one value in 512 does.
    first = store_f16(<float> low) if code == F16 else store_bf16(<float> low)
    last = store_f16(<float> high) if code == F16 else store_bf16(<float> high)
    lock_engine(&rng.lock)
    for at in range(0, n, 512):
        count = min(n - at, <Py_ssize_t> CHUNK)
        draw_words(rng, words, count)
        if code == F32:
            (<kernel> table[RAND_UNIFORM_F32])(words, <float*> out + at, count, low, high)
            continue
        (<kernel> table[RAND_UNIFORM_F32])(words, values, count, low, high)
        round_halves(code, values, halves + at, count, first, last)
    unlock_engine(&rng.lock)
    return 0


cdef void draw_normals(Engine* rng, double* out, Py_ssize_t n) noexcept nogil:
    """n <= CHUNK standard normals one after the other; the unused half of the last pair is kept."""
    cdef Py_ssize_t at = 0
    cdef double pair[2]
    if n > 0 and rng.has_cached:
        out[0] = rng.cached
        rng.cached = 0.0
        rng.has_cached = 0
        at = 1
    draw_reals(rng, RAND_POLAR, out + at, (n - at) & ~1, 0.0, 0.0)
    if (n - at) & 1:
        draw_reals(rng, RAND_POLAR, pair, 2, 0.0, 0.0)
        out[n - 1] = pair[0]
        rng.cached = pair[1]
        rng.has_cached = 1


cdef int fill_normals_singly(Engine* rng, int code, void* out, Py_ssize_t n, double mean, double std, bint exponent) noexcept nogil:
    cdef double values[CHUNK]
    cdef Py_ssize_t at, count
    lock_engine(&rng.lock)
    for at in range(0, n, 512):
        count = min(n - at, <Py_ssize_t> CHUNK)
        draw_normals(rng, values, count)
        (<kernel> table[RAND_SCALE])(NULL, values, count, mean, std)
        if exponent:
            (<kernel> table[RAND_EXP])(NULL, values, count, 0.0, 0.0)
        stores[code](values, out, at, count)
    unlock_engine(&rng.lock)
    return 0


cdef void normal_blocks(Engine* rng, int code, void* out, Py_ssize_t at, Py_ssize_t n, double mean, double std) noexcept nogil:
    """Blocks of 16 from place `at` on; n is a multiple of 16, at most CHUNK."""
    cdef unsigned int words[2 * CHUNK]
    cdef float values[CHUNK]
    draw_words(rng, words, 2 * n if code == F64 else n)
    if code == F64:
        (<kernel> table[RAND_NORMAL_F64])(words, <double*> out + at, n, mean, std)
    elif code == F32:
        (<kernel> table[RAND_NORMAL_F32])(words, <float*> out + at, n, mean, std)
    else:
        (<kernel> table[RAND_NORMAL_F32])(words, values, n, mean, std)
        round_halves(code, values, <unsigned short*> out + at, n, NO_HALF, NO_HALF)


cdef int fill_normal(Engine* rng, int code, void* out, Py_ssize_t n, double mean, double std, bint blocks) noexcept nogil:
    cdef unsigned int skipped[32]
    cdef Py_ssize_t at = 0, count, whole = n & ~<Py_ssize_t> 15
    if code == C64:
        return fill_normal(rng, F32, out, 2 * n, mean, std, blocks)
    if code == C128:
        return fill_normal(rng, F64, out, 2 * n, mean, std, blocks)
    if code != F64 and code != F32 and code != F16 and code != BF16:
        return -1
    if n < 16 or not blocks:
        return fill_normals_singly(rng, code, out, n, mean, std, False)
    lock_engine(&rng.lock)
    while at < whole:
        count = min(whole - at, <Py_ssize_t> CHUNK)
        normal_blocks(rng, code, out, at, count, mean, std)
        at += count
    if n > whole:
        # The float and double fills of PyTorch draw a uniform for each place first, so those of the rest are lost; the half
        # fills draw block by block and lose none.
        if code == F64 or code == F32:
            draw_words(rng, skipped, (n - whole) * (2 if code == F64 else 1))
        normal_blocks(rng, code, out, n - 16, 16, mean, std)
    unlock_engine(&rng.lock)
    return 0


cdef void draw_integers(Engine* rng, long long* out, Py_ssize_t n, long long low, unsigned long long count) noexcept nogil:
    """n <= CHUNK values low + word mod count; count 0 is 2^64."""
    cdef unsigned int words[2 * CHUNK]
    cdef unsigned long long both
    cdef unsigned int narrow = <unsigned int> count
    cdef Py_ssize_t i
    if 0 < count < TWO_WORDS:
        draw_words(rng, words, n)
        for i in range(n):
            out[i] = <long long> (<unsigned long long> (words[i] % narrow) + <unsigned long long> low)
        return
    draw_words(rng, words, 2 * n)
    for i in range(n):
        both = (<unsigned long long> words[2 * i] << 32) | words[2 * i + 1]
        if count != 0:
            both %= count
        out[i] = <long long> (both + <unsigned long long> low)


cdef int fill_integers(Engine* rng, int code, void* out, Py_ssize_t n, long long low, unsigned long long count) noexcept nogil:
    cdef long long values[CHUNK]
    cdef Py_ssize_t at, taken
    if code < 0 or code >= NCODES or whole_stores[code] == NULL:
        return -1
    lock_engine(&rng.lock)
    for at in range(0, n, 512):
        taken = min(n - at, <Py_ssize_t> CHUNK)
        draw_integers(rng, values, taken, low, count)
        whole_stores[code](values, out, at, taken)
    unlock_engine(&rng.lock)
    return 0


cdef int fill_random(Engine* rng, int code, void* out, Py_ssize_t n) noexcept nogil:
    """random_(): integers from 0 to the largest value, floats from 0 to 2^digits, both included."""
    if code == BOOL:
        return fill_integers(rng, code, out, n, 0, 2)
    if code == U8 or code == I8 or code == I16:
        return fill_narrow(rng, code, out, n, 256 if code == U8 else 128 if code == I8 else 32768)
    if code == I32:
        return fill_narrow(rng, code, out, n, 1ULL << 31)
    if code == I64:
        return fill_integers(rng, code, out, n, 0, 1ULL << 63)
    if code == F16 or code == BF16 or code == F32:
        return fill_narrow(rng, code, out, n, (1ULL << digits[code]) + 1)
    if code == F64:
        return fill_integers(rng, code, out, n, 0, (1ULL << 53) + 1)
    return -1


cdef int fill_narrow(Engine* rng, int code, void* out, Py_ssize_t n, unsigned long long count) noexcept nogil:
    """One word each, though the range may reach 2^28: so it is in random_() without bounds."""
    cdef unsigned int words[CHUNK]
    cdef long long values[CHUNK]
    cdef Py_ssize_t at, taken, i
    cdef unsigned int narrow = <unsigned int> count
    lock_engine(&rng.lock)
    for at in range(0, n, 512):
        taken = min(n - at, <Py_ssize_t> CHUNK)
        draw_words(rng, words, taken)
        for i in range(taken):
            values[i] = words[i] % narrow
        whole_stores[code](values, out, at, taken)
    unlock_engine(&rng.lock)
    return 0


cdef int fill_mask(Engine* rng, unsigned char* out, Py_ssize_t n, double p) noexcept nogil:
    cdef unsigned int words[2 * CHUNK]
    cdef Py_ssize_t at, count
    lock_engine(&rng.lock)
    for at in range(0, n, 512):
        count = min(n - at, <Py_ssize_t> CHUNK)
        draw_words(rng, words, 2 * count)
        (<kernel> table[RAND_BELOW])(words, out + at, count, p, 0.0)
    unlock_engine(&rng.lock)
    return 0


cdef int fill_bernoulli(Engine* rng, int code, void* out, Py_ssize_t n, double p) noexcept nogil:
    cdef unsigned char mask[CHUNK]
    cdef double values[CHUNK]
    cdef Py_ssize_t at, count, i
    if code == BOOL or code == U8:
        return fill_mask(rng, <unsigned char*> out, n, p)
    if code < 0 or code >= NCODES or stores[code] == NULL:
        return -1
    for at in range(0, n, 512):
        count = min(n - at, <Py_ssize_t> CHUNK)
        fill_mask(rng, mask, count, p)
        if code == F32:
            for i in range(count):
                (<float*> out)[at + i] = <float> mask[i]
            continue
        for i in range(count):
            values[i] = mask[i]
        stores[code](values, out, at, count)
    return 0


cdef int fill_bernoulli_each(Engine* rng, int code, void* out, Py_ssize_t n, int p_code, const void* p) noexcept nogil:
    cdef unsigned int words[2 * CHUNK]
    cdef double values[CHUNK]
    cdef float singles[CHUNK]
    cdef Py_ssize_t at, count, i
    if code < 0 or code >= NCODES or stores[code] == NULL or digits[p_code] == 0:
        return -1
    lock_engine(&rng.lock)
    for at in range(0, n, 512):
        count = min(n - at, <Py_ssize_t> CHUNK)
        if p_code == F64:
            draw_reals(rng, RAND_UNIFORM_F64, values, count, 0.0, 1.0)
            for i in range(count):
                values[i] = values[i] < (<const double*> p)[at + i]
        else:
            draw_words(rng, words, count)
            (<kernel> table[RAND_UNIFORM_F32])(words, singles, count, 0.0, 1.0)
            for i in range(count):
                values[i] = singles[i] < load_single(p_code, p, at + i)
        stores[code](values, out, at, count)
    unlock_engine(&rng.lock)
    return 0


cdef float load_single(int code, const void* values, Py_ssize_t i) noexcept nogil:
    if code == F32:
        return (<const float*> values)[i]
    if code == F16:
        return load_f16((<const unsigned short*> values)[i])
    return load_bf16((<const unsigned short*> values)[i])


cdef int fill_exponential(Engine* rng, int code, void* out, Py_ssize_t n, double rate) noexcept nogil:
    if digits[code] == 0:
        return -1
    return fill_by(rng, RAND_EXPONENTIAL, code, out, n, -1.0 / rate, 0.0)


cdef int fill_cauchy(Engine* rng, int code, void* out, Py_ssize_t n, double median, double sigma) noexcept nogil:
    if digits[code] == 0:
        return -1
    return fill_by(rng, RAND_CAUCHY, code, out, n, median, sigma)


cdef int fill_geometric(Engine* rng, int code, void* out, Py_ssize_t n, double p) noexcept nogil:
    if code == BOOL:
        return -1
    return fill_by(rng, RAND_GEOMETRIC, code, out, n, p, 0.0)


cdef int fill_log_normal(Engine* rng, int code, void* out, Py_ssize_t n, double mean, double std) noexcept nogil:
    if digits[code] == 0:
        return -1
    return fill_normals_singly(rng, code, out, n, mean, std, True)


cdef void shuffle(any_word* values, Engine* rng, Py_ssize_t n) noexcept nogil:
    """Exchange place i with place i + word mod (n - i), i ascending (R. Durstenfeld, CACM 7, 1964, from the front)."""
    cdef unsigned int words[CHUNK]
    cdef Py_ssize_t at, count, i, other
    cdef any_word kept
    for at in range(0, n - 1, 512):
        count = min(n - 1 - at, <Py_ssize_t> CHUNK)
        draw_words(rng, words, count)
        for i in range(count):
            other = at + i + <Py_ssize_t> (words[i] % <unsigned long long> (n - at - i))
            kept = values[at + i]
            values[at + i] = values[other]
            values[other] = kept


cdef int fill_permutation(Engine* rng, int code, void* out, Py_ssize_t n) noexcept nogil:
    cdef long long values[CHUNK]
    cdef Py_ssize_t at, count, i
    if code < 0 or code >= NCODES or whole_stores[code] == NULL:
        return -1
    for at in range(0, n, 512):
        count = min(n - at, <Py_ssize_t> CHUNK)
        for i in range(count):
            values[i] = at + i
        whole_stores[code](values, out, at, count)
    lock_engine(&rng.lock)
    if widths[code] == 1:
        shuffle(<unsigned char*> out, rng, n)
    elif widths[code] == 2:
        shuffle(<unsigned short*> out, rng, n)
    elif widths[code] == 4:
        shuffle(<unsigned int*> out, rng, n)
    else:
        shuffle(<unsigned long long*> out, rng, n)
    unlock_engine(&rng.lock)
    return 0


cdef int fill_choices(Engine* rng, int code, const void* weights, Py_ssize_t categories,
                      long long* out, Py_ssize_t n, void* scratch) noexcept nogil:
    """n indices of one row of weights, with replacement: the first place whose running share reaches a 53-bit uniform.

    Running sums go left to right in the dtype (float for the halves). `scratch` has room for `categories` doubles.
    Returns -1 for a dtype without fill, -2 for a weight that is negative, infinite or NaN, -3 for weights all zero.
    """
    cdef double* shares = <double*> scratch
    cdef float* singles = <float*> scratch
    cdef const float* given = <const float*> weights
    cdef double uniforms[CHUNK]
    cdef double total = 0.0, w
    cdef float single = 0.0, x
    cdef Py_ssize_t i, at, count
    cdef int wide = code == F64, bad = 0
    if digits[code] == 0:
        return -1
    if wide:
        for i in range(categories):
            w = (<const double*> weights)[i]
            bad |= (not w >= 0.0) | (w - w != 0.0)
            total += w
            shares[i] = total
    else:
        if code != F32:
            for i in range(categories):
                singles[categories + i] = load_single(code, weights, i)
            given = singles + categories
        for i in range(categories):
            x = given[i]
            bad |= (not x >= <float> 0.0) | (x - x != <float> 0.0)
            single += x
            singles[i] = single
        total = single
    if bad:
        return -2
    if not total > 0.0:
        return -3
    (<kernel> table[RAND_SHARES_F32 + wide])(NULL, scratch, categories, total, 0.0)
    lock_engine(&rng.lock)
    for at in range(0, n, 512):
        count = min(n - at, <Py_ssize_t> CHUNK)
        draw_reals(rng, RAND_UNIFORM_F64, uniforms, count, 0.0, 1.0)
        (<chooser> table[RAND_CHOOSE_F32 + wide])(uniforms, out + at, count, scratch, categories)
    unlock_engine(&rng.lock)
    return 0


cdef int significand_bits(int code) noexcept nogil:
    return digits[code]


cdef int item_bytes(int code) noexcept nogil:
    return widths[code]


cdef void hold_engine(Engine* rng) noexcept nogil:
    lock_engine(&rng.lock)


cdef void release_engine(Engine* rng) noexcept nogil:
    unlock_engine(&rng.lock)


cdef void fill_tables() noexcept:
    """Tables by dtype code; int codes, since Cython takes no named enum as an index."""
    cdef int i
    cdef int* sizes = [1, 1, 1, 2, 4, 8, 2, 4, 8, 2, 2, 4, 8, 8, 16]
    cdef int* bits = [0, 0, 0, 0, 0, 0, 0, 0, 0, 11, 8, 24, 53, 0, 0]
    cdef store_real* reals = [real_bool, real_u8, real_i8, real_i16, real_i32, real_i64, real_u16, real_u32, real_u64,
                              real_f16, real_bf16, real_f32, real_f64, NULL, NULL]
    cdef store_whole* wholes = [whole_bool, whole_u8, whole_i8, whole_i16, whole_i32, whole_i64, whole_u16, whole_u32,
                                whole_u64, whole_f16, whole_bf16, whole_f32, whole_f64, NULL, NULL]
    fill_randfill_at(cpu_level(), table)
    for i in range(NCODES):
        widths[i] = sizes[i]
        digits[i] = bits[i]
        stores[i] = reals[i]
        whole_stores[i] = wholes[i]


def use_level(int level=-1):
    """Take the kernels of one CPU level (0 baseline, 1 AVX2, 2 AVX-512; -1 the process's own): for tests and benchmarks."""
    if not -1 <= level <= host_level():
        raise RuntimeError(f"use_level: expected -1 to {host_level()}, the best of this host, got {level}")
    fill_randfill_at(cpu_level() if level < 0 else level, table)


fill_tables()
