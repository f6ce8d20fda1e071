# cython: language_level=3, boundscheck=False, wraparound=False
# cython: cdivision=True, initializedcheck=False
# The inner loop of tensor digests, in the manner of XXH3's accumulation (Y. Collet, xxHash specification, 2019): a word is
# added to its neighbour lane as it is, and the product of its keyed halves to its own; a lane is scrambled after each block.
# Integer arithmetic only: same bits at every level. A change of one word always shows: each step is a bijection in it.
# And the sum of squares that a gradient is told with, whose lanes are by position.
from frankentorch._ext.types cimport *
from frankentorch._ext.foldhash cimport *

cdef extern from *:
    """
    #define FT_FILL_FOLDHASH FT_SYMBOL(fill_foldhash)
    /* One body over vectors of 64-bit words. MUL multiplies the low halves; compilers do not find that instruction by themselves. */
    #if defined(__AVX512F__)
      #include <immintrin.h>
      typedef __m512i ft_words;
      #define FT_LOAD(p) _mm512_loadu_si512((const void*) (p))
      #define FT_STORE(p, v) _mm512_storeu_si512((void*) (p), v)
      #define FT_MUL _mm512_mul_epu32
      #define FT_ADD _mm512_add_epi64
      #define FT_XOR _mm512_xor_si512
      #define FT_AND _mm512_and_si512
      #define FT_OR _mm512_or_si512
      #define FT_RIGHT _mm512_srli_epi64
      #define FT_LEFT _mm512_slli_epi64
      #define FT_SWAP(v) _mm512_shuffle_epi32(v, (_MM_PERM_ENUM) 0x4E)
      #define FT_ALL(x) _mm512_set1_epi64((long long) (x))
    #elif defined(__AVX2__)
      #include <immintrin.h>
      typedef __m256i ft_words;
      #define FT_LOAD(p) _mm256_loadu_si256((const __m256i*) (p))
      #define FT_STORE(p, v) _mm256_storeu_si256((__m256i*) (p), v)
      #define FT_MUL _mm256_mul_epu32
      #define FT_ADD _mm256_add_epi64
      #define FT_XOR _mm256_xor_si256
      #define FT_AND _mm256_and_si256
      #define FT_OR _mm256_or_si256
      #define FT_RIGHT _mm256_srli_epi64
      #define FT_LEFT _mm256_slli_epi64
      #define FT_SWAP(v) _mm256_shuffle_epi32(v, 0x4E)
      #define FT_ALL(x) _mm256_set1_epi64x((long long) (x))
    #elif defined(__SSE2__)
      #include <emmintrin.h>
      typedef __m128i ft_words;
      #define FT_LOAD(p) _mm_loadu_si128((const __m128i*) (p))
      #define FT_STORE(p, v) _mm_storeu_si128((__m128i*) (p), v)
      #define FT_MUL _mm_mul_epu32
      #define FT_ADD _mm_add_epi64
      #define FT_XOR _mm_xor_si128
      #define FT_AND _mm_and_si128
      #define FT_OR _mm_or_si128
      #define FT_RIGHT _mm_srli_epi64
      #define FT_LEFT _mm_slli_epi64
      #define FT_SWAP(v) _mm_shuffle_epi32(v, 0x4E)
      #define FT_ALL(x) _mm_set1_epi64x((long long) (x))
    #else
      typedef struct { unsigned long long a, b; } ft_words;
      static inline ft_words ft_pair(unsigned long long a, unsigned long long b) { ft_words v = {a, b}; return v; }
      static inline ft_words FT_LOAD(const void* p) { ft_words v; __builtin_memcpy(&v, p, 16); return v; }
      #define FT_STORE(p, v) __builtin_memcpy(p, &(v), 16)
      #define FT_MUL(x, y) ft_pair(((x).a & 0xffffffffu) * ((y).a & 0xffffffffu), ((x).b & 0xffffffffu) * ((y).b & 0xffffffffu))
      #define FT_ADD(x, y) ft_pair((x).a + (y).a, (x).b + (y).b)
      #define FT_XOR(x, y) ft_pair((x).a ^ (y).a, (x).b ^ (y).b)
      #define FT_AND(x, y) ft_pair((x).a & (y).a, (x).b & (y).b)
      #define FT_OR(x, y) ft_pair((x).a | (y).a, (x).b | (y).b)
      #define FT_RIGHT(x, n) ft_pair((x).a >> (n), (x).b >> (n))
      #define FT_LEFT(x, n) ft_pair((x).a << (n), (x).b << (n))
      #define FT_SWAP(x) ft_pair((x).b, (x).a)
      #define FT_ALL(x) ft_pair(x, x)
    #endif
    #define FT_AHEAD 2048       /* bytes: what lies in the outer caches comes in time */
    #define FT_VECTORS ((int) (128 / sizeof(ft_words)))
    static int ft_fold(unsigned long long* lanes, const unsigned long long* keys, const char* data, Py_ssize_t blocks,
                       unsigned long long mask_word, unsigned long long add_word, unsigned long long top_word) {
        ft_words acc[FT_VECTORS], found = FT_ALL(0ull), mask = FT_ALL(mask_word), add = FT_ALL(add_word), prime = FT_ALL(0x9E3779B1ull);
        unsigned long long parts[sizeof(ft_words) / 8], any = 0;
        int k, r;
        for (k = 0; k < FT_VECTORS; k++) acc[k] = FT_LOAD(lanes + k * (sizeof(ft_words) / 8));
        for (; blocks > 0; blocks--) {
            for (r = 0; r < 8; r++) {
                __builtin_prefetch(data + FT_AHEAD);
                __builtin_prefetch(data + FT_AHEAD + 64);
                for (k = 0; k < FT_VECTORS; k++) {
                    ft_words x = FT_LOAD(data), w = FT_XOR(x, FT_LOAD(keys + r * 16 + k * (sizeof(ft_words) / 8)));
                    data += sizeof(ft_words);
                    acc[k] = FT_ADD(acc[k], FT_ADD(FT_MUL(w, FT_RIGHT(w, 32)), FT_SWAP(x)));
                    found = FT_OR(found, FT_ADD(FT_AND(x, mask), add));
                }
            }
            for (k = 0; k < FT_VECTORS; k++) {
                ft_words w = FT_XOR(FT_XOR(acc[k], FT_RIGHT(acc[k], 47)), FT_LOAD(keys + 128 + k * (sizeof(ft_words) / 8)));
                acc[k] = FT_ADD(FT_MUL(w, prime), FT_LEFT(FT_MUL(FT_RIGHT(w, 32), prime), 32));
            }
        }
        for (k = 0; k < FT_VECTORS; k++) FT_STORE(lanes + k * (sizeof(ft_words) / 8), acc[k]);
        FT_STORE(parts, found);
        for (k = 0; k < (int) (sizeof(ft_words) / 8); k++) any |= parts[k];
        return (any & top_word) != 0;
    }
    """
    int ft_fold(unsigned long long* lanes, const unsigned long long* keys, const char* data, Py_ssize_t blocks,
                unsigned long long mask, unsigned long long add, unsigned long long top) noexcept nogil


cdef bint fold(unsigned long long* lanes, const unsigned long long* keys, const char* data, Py_ssize_t blocks, const NanRule* rule) noexcept nogil:
    return ft_fold(lanes, keys, data, blocks, rule.mask, rule.add, rule.top)


cdef void squares(double* sums, const float* data, Py_ssize_t n) noexcept nogil:
    cdef double lanes[8]
    cdef double x
    cdef Py_ssize_t i = 0
    cdef int k
    for k in range(8):
        lanes[k] = sums[k]
    while i + 8 <= n:
        for k in range(8):
            x = data[i + k]
            lanes[k] += x * x
        i += 8
    for k in range(n - i):
        x = data[i + k]
        lanes[k] += x * x
    for k in range(8):
        sums[k] = lanes[k]


cdef public void fill_foldhash "FT_FILL_FOLDHASH" (void** table) noexcept nogil:
    table[FOLD_SLOT] = <void*> fold
    table[SQUARES_SLOT] = <void*> squares
