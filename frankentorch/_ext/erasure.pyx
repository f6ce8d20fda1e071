# cython: language_level=3, boundscheck=False, wraparound=False
# cython: cdivision=True, initializedcheck=False
# Multiply bytes by constants of GF(256) and add: a product is the sum of two looked up by half bytes, 32 or 64 of them in one instruction
# (Plank, Greenan, Miller: Screaming fast Galois field arithmetic using Intel SIMD instructions, FAST 2013). gcc makes no shuffle of bytes
# out of a plain loop, so these are intrinsics. Two rows go together, since splitting the source into half bytes is half of the work.
from frankentorch._ext.types cimport *
from frankentorch._ext.erasure cimport *

cdef extern from *:
    """
    #define FT_FILL_ERASURE FT_SYMBOL(fill_erasure)
    #if defined(__AVX512BW__) || defined(__AVX2__)
    #include <immintrin.h>
    #define FT_HAS_ERASURE 1
    #if defined(__AVX512BW__)
    typedef __m512i ft_bytes;
    #define ft_load(at) _mm512_loadu_si512((const void*) (at))
    #define ft_store(at, x) _mm512_storeu_si512((void*) (at), x)
    #define ft_table(at) _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i*) (at)))
    #define ft_all(x) _mm512_set1_epi8(x)
    #define ft_and(a, b) _mm512_and_si512(a, b)
    #define ft_high(x) _mm512_srli_epi16(x, 4)
    #define ft_xor3(a, b, c) _mm512_ternarylogic_epi32(a, b, c, 0x96)
    #define ft_look(table, x) _mm512_shuffle_epi8(table, x)
    #else
    typedef __m256i ft_bytes;
    #define ft_load(at) _mm256_loadu_si256((const __m256i*) (at))
    #define ft_store(at, x) _mm256_storeu_si256((__m256i*) (at), x)
    #define ft_table(at) _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i*) (at)))
    #define ft_all(x) _mm256_set1_epi8(x)
    #define ft_and(a, b) _mm256_and_si256(a, b)
    #define ft_high(x) _mm256_srli_epi16(x, 4)
    #define ft_xor3(a, b, c) _mm256_xor_si256(a, _mm256_xor_si256(b, c))
    #define ft_look(table, x) _mm256_shuffle_epi8(table, x)
    #endif
    static void ft_multiply_add(const unsigned char* source, Py_ssize_t n, unsigned char* out, const unsigned char* coefficients, Py_ssize_t step, Py_ssize_t rows,
                                const unsigned char* tables) {
        const ft_bytes half = ft_all(15);
        Py_ssize_t row = 0, k, whole = n / (Py_ssize_t) sizeof(ft_bytes) * sizeof(ft_bytes);
        for (; row + 2 <= rows; row += 2) {
            const unsigned char *t = tables + 32 * coefficients[row * step], *u = tables + 32 * coefficients[(row + 1) * step];
            unsigned char *a = out + row * 1024, *b = a + 1024;
            const ft_bytes t_low = ft_table(t), t_high = ft_table(t + 16), u_low = ft_table(u), u_high = ft_table(u + 16);
            for (k = 0; k < whole; k += sizeof(ft_bytes)) {
                ft_bytes x = ft_load(source + k), low = ft_and(x, half), high = ft_and(ft_high(x), half);
                ft_store(a + k, ft_xor3(ft_load(a + k), ft_look(t_low, low), ft_look(t_high, high)));
                ft_store(b + k, ft_xor3(ft_load(b + k), ft_look(u_low, low), ft_look(u_high, high)));
            }
            for (; k < n; k++) {
                a[k] ^= t[source[k] & 15] ^ t[16 + (source[k] >> 4)];
                b[k] ^= u[source[k] & 15] ^ u[16 + (source[k] >> 4)];
            }
        }
        if (row < rows) {
            const unsigned char *t = tables + 32 * coefficients[row * step];
            unsigned char *a = out + row * 1024;
            const ft_bytes t_low = ft_table(t), t_high = ft_table(t + 16);
            for (k = 0; k < whole; k += sizeof(ft_bytes)) {
                ft_bytes x = ft_load(source + k);
                ft_store(a + k, ft_xor3(ft_load(a + k), ft_look(t_low, ft_and(x, half)), ft_look(t_high, ft_and(ft_high(x), half))));
            }
            for (; k < n; k++) a[k] ^= t[source[k] & 15] ^ t[16 + (source[k] >> 4)];
        }
    }
    #else
    #define FT_HAS_ERASURE 0
    static void ft_multiply_add(const unsigned char* source, Py_ssize_t n, unsigned char* out, const unsigned char* coefficients, Py_ssize_t step, Py_ssize_t rows,
                                const unsigned char* tables) {}
    #endif
    """
    const bint FT_HAS_ERASURE
    void ft_multiply_add(const unsigned char* source, Py_ssize_t n, unsigned char* out, const unsigned char* coefficients, Py_ssize_t step, Py_ssize_t rows,
                         const unsigned char* tables) noexcept nogil


cdef public void fill_erasure "FT_FILL_ERASURE" (void** table) noexcept nogil:
    table[0] = <void*> ft_multiply_add if FT_HAS_ERASURE else NULL
