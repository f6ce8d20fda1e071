# Vectors for the product kernels, one width per CPU level: 64 bytes (avx512), 32 (avx2), else scalars for floats and 16 bytes
# for integers. madd is the fused multiply-add for floats (the only rounding step a product may take) and wrapping a*b+c for
# integers. WIDE_r: vectors of a tile of r rows that reads unpacked factors. load_<code>/store_<code> convert half types on the way. MR x (PV*VL) is the register tile of each level.
# transpose_<type>: VL vectors in place. Everything here is a C macro world because gcc's vector types have no Cython spelling.
from frankentorch._ext.types cimport *

cdef extern from *:
    """
    #ifndef FT_GEMM_VEC
    #define FT_GEMM_VEC
    #include <string.h>
    #if defined(__AVX512F__) || defined(__AVX2__)
    #include <immintrin.h>
    #endif
    #define FT_FORCE static inline __attribute__((always_inline))
    #define ft_prefetch(p) __builtin_prefetch((const void *)(p), 0, 3)
    #define ft_prefetch_far(p) __builtin_prefetch((const void *)(p), 0, 2)      /* into the L2 cache only */
    #if defined(__AVX2__)
    #define ft_prefetch_write(p) __asm__ volatile("prefetchw %0" : : "m"(*(const char *)(p)))
    #else
    #define ft_prefetch_write(p) __builtin_prefetch((const void *)(p), 1, 3)
    #endif
    #define ft_apart __attribute__((noinline)) void            /* and of those that must not be */
    #define ft_inlined __attribute__((always_inline)) void     /* return type of the Cython helpers that must be inlined */

    #if defined(__AVX512F__)
    #define FT_VB 64
    #define FT_MR 8
    #define FT_PV 3
    #define FT_WIDE 2, 3, 4, 4, 8, 8
    #elif defined(__AVX2__) && defined(__FMA__)
    #define FT_VB 32
    #define FT_MR 6
    #define FT_PV 2
    #define FT_WIDE 2, 2, 2, 3, 4, 8
    #else
    #define FT_VB 16
    #define FT_MR 4
    #define FT_PV 2
    #define FT_WIDE 2, 2, 4, 4, 8, 8
    #endif
    #define FT_IMR 4
    #define FT_NC_BYTES (FT_VB == 64 ? 2112 : 768)
    #define FT_UNPACKED_BYTES (FT_VB == 64 ? 768 : 384)
    #define FT_PICK(a, b, c, d, e, f, i) (i == 12 ? a : i == 8 ? b : i == 6 ? c : i == 4 ? d : i == 2 ? e : f)
    #define FT_PICKED(list, i) FT_PICK(list, i)
    #define FT_WIDE_12 FT_PICKED(FT_WIDE, 12)
    #define FT_WIDE_8 FT_PICKED(FT_WIDE, 8)
    #define FT_WIDE_6 FT_PICKED(FT_WIDE, 6)
    #define FT_WIDE_4 FT_PICKED(FT_WIDE, 4)
    #define FT_WIDE_2 FT_PICKED(FT_WIDE, 2)
    #define FT_WIDE_1 FT_PICKED(FT_WIDE, 1)

    #define FT_VECTOR(t, c, n)                                                                                        \\
        typedef c ft_vec_##t __attribute__((vector_size(n), may_alias));                                              \\
        typedef c ft_vecu_##t __attribute__((vector_size(n), may_alias, aligned(1)));                                 \\
        enum { ft_vl_##t = n / sizeof(c) };                                                                           \\
        FT_FORCE ft_vec_##t ft_load_##t(const c *p) { return *(const ft_vecu_##t *)p; }                               \\
        FT_FORCE void ft_put_##t(c *p, ft_vec_##t v) { *(ft_vecu_##t *)p = v; }                                       \\
        FT_FORCE ft_vec_##t ft_splat_##t(c x) { return x - (ft_vec_##t){0}; }                                         \\
        FT_FORCE ft_vec_##t ft_plus_##t(ft_vec_##t a, ft_vec_##t b) { return a + b; }
    #define FT_PARTIAL(t, c)                                                                                          \\
        FT_FORCE ft_vec_##t ft_loadp_##t(const c *p, long n) { ft_vec_##t v = {0}; memcpy(&v, p, n * sizeof(c)); return v; } \\
        FT_FORCE void ft_putp_##t(c *p, ft_vec_##t v, long n) { memcpy(p, &v, n * sizeof(c)); }
    #define FT_NO_TRANSPOSE(t, c)                                                                                     \\
        static inline void ft_transpose_##t(ft_vec_##t *v) {                                                          \\
            c *x = (c *)v, y; int n = ft_vl_##t;                                                                      \\
            for (int i = 0; i < n; i++) for (int j = 0; j < i; j++) {                                                 \\
                y = x[i * n + j]; x[i * n + j] = x[j * n + i]; x[j * n + i] = y; } }
    #define FT_INTEGER(t)                                                                                             \\
        FT_VECTOR(t, ft_##t, FT_VB) FT_PARTIAL(t, ft_##t) FT_NO_TRANSPOSE(t, ft_##t)                                  \\
        FT_FORCE ft_vec_##t ft_madd_##t(ft_vec_##t a, ft_vec_##t b, ft_vec_##t c) { return a * b + c; }
    FT_INTEGER(u8) FT_INTEGER(u16) FT_INTEGER(u32) FT_INTEGER(u64)

    static inline float ft_half_up(ft_f16 h) {
        uint32_t s = (uint32_t)(h & 0x8000) << 16, e = (h >> 10) & 31, m = h & 1023, u; float f;
        if (e == 0) { f = (float)m * 0x1p-24f; memcpy(&u, &f, 4); u |= s; }
        else u = s | (e == 31 ? 0x7f800000u : (e + 112) << 23) | m << 13;
        memcpy(&f, &u, 4); return f;
    }
    static inline ft_f16 ft_half_down(float f) {     /* to nearest, ties to even */
        uint32_t u, s; memcpy(&u, &f, 4); s = (u >> 16) & 0x8000; u &= 0x7fffffff;
        if (u > 0x7f800000u) return s | 0x7e00;
        if (u >= 0x477ff000u) return s | 0x7c00;
        if (u < 0x38800000u) { memcpy(&f, &u, 4); f += 0.5f; memcpy(&u, &f, 4); return s | (u - 0x3f000000u); }
        return s | ((u - 0x38000000u + 0xfff + ((u >> 13) & 1)) >> 13);
    }
    static inline float ft_bhalf_up(ft_bf16 h) { uint32_t u = (uint32_t)h << 16; float f; memcpy(&f, &u, 4); return f; }
    static inline ft_bf16 ft_bhalf_down(float f) {
        uint32_t u; memcpy(&u, &f, 4);
        if ((u & 0x7fffffff) > 0x7f800000u) return (u >> 16) | 0x40;
        return (u + 0x7fff + ((u >> 16) & 1)) >> 16;
    }

    #if FT_VB > 16
    FT_VECTOR(f32, float, FT_VB)
    FT_VECTOR(f64, double, FT_VB)
    #endif
    #if FT_VB < 64
    #define FT_MERGES 0
    #define ft_merge_f32(v, from, p) (v)
    #define ft_merge_f64(v, from, p) (v)
    #endif

    #if FT_VB == 64
    FT_FORCE ft_vec_f32 ft_madd_f32(ft_vec_f32 a, ft_vec_f32 b, ft_vec_f32 c) { return (ft_vec_f32)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c); }
    FT_FORCE ft_vec_f64 ft_madd_f64(ft_vec_f64 a, ft_vec_f64 b, ft_vec_f64 c) { return (ft_vec_f64)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c); }
    FT_FORCE ft_vec_f32 ft_loadp_f32(const float *p, long n) { return (ft_vec_f32)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p); }
    FT_FORCE ft_vec_f64 ft_loadp_f64(const double *p, long n) { return (ft_vec_f64)_mm512_maskz_loadu_pd((__mmask8)((1u << n) - 1), p); }
    FT_FORCE void ft_putp_f32(float *p, ft_vec_f32 v, long n) { _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), (__m512)v); }
    FT_FORCE ft_vec_f32 ft_merge_f32(ft_vec_f32 v, long from, const float *p) { return (ft_vec_f32)_mm512_mask_loadu_ps((__m512)v, (__mmask16)(0xffffu << from), p); }
    FT_FORCE ft_vec_f64 ft_merge_f64(ft_vec_f64 v, long from, const double *p) { return (ft_vec_f64)_mm512_mask_loadu_pd((__m512d)v, (__mmask8)(0xffu << from), p); }
    #define FT_MERGES 1
    FT_FORCE void ft_putp_f64(double *p, ft_vec_f64 v, long n) { _mm512_mask_storeu_pd(p, (__mmask8)((1u << n) - 1), (__m512d)v); }
    FT_FORCE ft_vec_f32 ft_quarter_f32(ft_vec_f32 v) { return (ft_vec_f32)_mm512_xor_ps(_mm512_permute_ps((__m512)v, 0xb1), (__m512)_mm512_set1_epi64(1LL << 31)); }
    FT_FORCE ft_vec_f32 ft_real_f32(ft_vec_f32 v) { return (ft_vec_f32)_mm512_moveldup_ps((__m512)v); }
    FT_FORCE ft_vec_f32 ft_imag_f32(ft_vec_f32 v) { return (ft_vec_f32)_mm512_movehdup_ps((__m512)v); }
    FT_FORCE ft_vec_f32 ft_pair_f32(const float *p) { double d; memcpy(&d, p, 8); return (ft_vec_f32)_mm512_set1_pd(d); }
    FT_FORCE ft_vec_f64 ft_quarter_f64(ft_vec_f64 v) { return (ft_vec_f64)_mm512_xor_pd(_mm512_permute_pd((__m512d)v, 0x55), (__m512d)_mm512_set4_epi64(0, 1LL << 63, 0, 1LL << 63)); }
    FT_FORCE ft_vec_f64 ft_real_f64(ft_vec_f64 v) { return (ft_vec_f64)_mm512_movedup_pd((__m512d)v); }
    FT_FORCE ft_vec_f64 ft_imag_f64(ft_vec_f64 v) { return (ft_vec_f64)_mm512_permute_pd((__m512d)v, 0xff); }
    FT_FORCE ft_vec_f64 ft_pair_f64(const double *p) { return (ft_vec_f64)_mm512_broadcast_f64x2(_mm_loadu_pd(p)); }
    FT_FORCE ft_vec_f32 ft_four_f32(const float *p) { return (ft_vec_f32)_mm512_broadcast_f32x4(_mm_loadu_ps(p)); }
    FT_FORCE ft_vec_f32 ft_load_f16(const ft_f16 *p) { return (ft_vec_f32)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p)); }
    FT_FORCE ft_vec_f32 ft_load_bf16(const ft_bf16 *p) {
        return (ft_vec_f32)_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)p)), 16); }
    FT_FORCE void ft_transpose_f64(ft_vec_f64 *v) {
        __m512d a[8], b[8];
        #pragma GCC unroll 8
        for (int i = 0; i < 8; i += 2) {
            a[i] = _mm512_unpacklo_pd((__m512d)v[i], (__m512d)v[i + 1]);
            a[i + 1] = _mm512_unpackhi_pd((__m512d)v[i], (__m512d)v[i + 1]);
        }
        #pragma GCC unroll 4
        for (int i = 0; i < 2; i++) {           /* 128-bit lanes: 4x4 transpose of pairs */
            b[i] = _mm512_shuffle_f64x2(a[i], a[2 + i], 0x88);     b[2 + i] = _mm512_shuffle_f64x2(a[i], a[2 + i], 0xdd);
            b[4 + i] = _mm512_shuffle_f64x2(a[4 + i], a[6 + i], 0x88); b[6 + i] = _mm512_shuffle_f64x2(a[4 + i], a[6 + i], 0xdd);
        }
        #pragma GCC unroll 4
        for (int i = 0; i < 2; i++) {
            v[i] = (ft_vec_f64)_mm512_shuffle_f64x2(b[i], b[4 + i], 0x88);         v[4 + i] = (ft_vec_f64)_mm512_shuffle_f64x2(b[i], b[4 + i], 0xdd);
            v[2 + i] = (ft_vec_f64)_mm512_shuffle_f64x2(b[2 + i], b[6 + i], 0x88); v[6 + i] = (ft_vec_f64)_mm512_shuffle_f64x2(b[2 + i], b[6 + i], 0xdd);
        }
    }
    FT_FORCE void ft_transpose_f32(ft_vec_f32 *v) {
        __m512 a[16], b[16];
        #pragma GCC unroll 16
        for (int i = 0; i < 16; i += 2) {
            a[i] = _mm512_unpacklo_ps((__m512)v[i], (__m512)v[i + 1]); a[i + 1] = _mm512_unpackhi_ps((__m512)v[i], (__m512)v[i + 1]);
        }
        #pragma GCC unroll 16
        for (int i = 0; i < 16; i += 4) {       /* b[i+j], lane q: column 4q+j of rows i..i+3 */
            b[i]     = (__m512)_mm512_unpacklo_pd((__m512d)a[i], (__m512d)a[i + 2]);
            b[i + 1] = (__m512)_mm512_unpackhi_pd((__m512d)a[i], (__m512d)a[i + 2]);
            b[i + 2] = (__m512)_mm512_unpacklo_pd((__m512d)a[i + 1], (__m512d)a[i + 3]);
            b[i + 3] = (__m512)_mm512_unpackhi_pd((__m512d)a[i + 1], (__m512d)a[i + 3]);
        }
        #pragma GCC unroll 16
        for (int j = 0; j < 4; j++) {
            __m512 p = _mm512_shuffle_f32x4(b[j], b[4 + j], 0x88), q = _mm512_shuffle_f32x4(b[j], b[4 + j], 0xdd);
            __m512 r = _mm512_shuffle_f32x4(b[8 + j], b[12 + j], 0x88), s = _mm512_shuffle_f32x4(b[8 + j], b[12 + j], 0xdd);
            v[j] = (ft_vec_f32)_mm512_shuffle_f32x4(p, r, 0x88);      v[8 + j] = (ft_vec_f32)_mm512_shuffle_f32x4(p, r, 0xdd);
            v[4 + j] = (ft_vec_f32)_mm512_shuffle_f32x4(q, s, 0x88);  v[12 + j] = (ft_vec_f32)_mm512_shuffle_f32x4(q, s, 0xdd);
        }
    }
    #elif FT_VB == 32
    static const int32_t ft_mask_words[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};
    #define FT_MASK_F32(n) _mm256_loadu_si256((const __m256i *)(ft_mask_words + 8 - (n)))
    #define FT_MASK_F64(n) _mm256_loadu_si256((const __m256i *)(ft_mask_words + 8 - 2 * (n)))
    FT_FORCE ft_vec_f32 ft_quarter_f32(ft_vec_f32 v) { return (ft_vec_f32)_mm256_xor_ps(_mm256_permute_ps((__m256)v, 0xb1), (__m256)_mm256_set1_epi64x(1LL << 31)); }
    FT_FORCE ft_vec_f32 ft_real_f32(ft_vec_f32 v) { return (ft_vec_f32)_mm256_moveldup_ps((__m256)v); }
    FT_FORCE ft_vec_f32 ft_imag_f32(ft_vec_f32 v) { return (ft_vec_f32)_mm256_movehdup_ps((__m256)v); }
    FT_FORCE ft_vec_f32 ft_pair_f32(const float *p) { double d; memcpy(&d, p, 8); return (ft_vec_f32)_mm256_set1_pd(d); }
    FT_FORCE ft_vec_f64 ft_quarter_f64(ft_vec_f64 v) { return (ft_vec_f64)_mm256_xor_pd(_mm256_permute_pd((__m256d)v, 5), (__m256d)_mm256_set_epi64x(0, 1LL << 63, 0, 1LL << 63)); }
    FT_FORCE ft_vec_f64 ft_real_f64(ft_vec_f64 v) { return (ft_vec_f64)_mm256_movedup_pd((__m256d)v); }
    FT_FORCE ft_vec_f64 ft_imag_f64(ft_vec_f64 v) { return (ft_vec_f64)_mm256_permute_pd((__m256d)v, 15); }
    FT_FORCE ft_vec_f64 ft_pair_f64(const double *p) { return (ft_vec_f64)_mm256_broadcast_pd((const __m128d *)p); }
    FT_FORCE ft_vec_f32 ft_madd_f32(ft_vec_f32 a, ft_vec_f32 b, ft_vec_f32 c) { return (ft_vec_f32)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c); }
    FT_FORCE ft_vec_f64 ft_madd_f64(ft_vec_f64 a, ft_vec_f64 b, ft_vec_f64 c) { return (ft_vec_f64)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c); }
    FT_FORCE ft_vec_f32 ft_loadp_f32(const float *p, long n) { return (ft_vec_f32)_mm256_maskload_ps(p, FT_MASK_F32(n)); }
    FT_FORCE ft_vec_f64 ft_loadp_f64(const double *p, long n) { return (ft_vec_f64)_mm256_maskload_pd(p, FT_MASK_F64(n)); }
    FT_FORCE void ft_putp_f32(float *p, ft_vec_f32 v, long n) { _mm256_maskstore_ps(p, FT_MASK_F32(n), (__m256)v); }
    FT_FORCE void ft_putp_f64(double *p, ft_vec_f64 v, long n) { _mm256_maskstore_pd(p, FT_MASK_F64(n), (__m256d)v); }
    FT_FORCE ft_vec_f32 ft_load_f16(const ft_f16 *p) { return (ft_vec_f32)_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p)); }
    FT_FORCE ft_vec_f32 ft_load_bf16(const ft_bf16 *p) {
        return (ft_vec_f32)_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)p)), 16); }
    FT_FORCE void ft_transpose_f64(ft_vec_f64 *v) {
        __m256d a = _mm256_unpacklo_pd((__m256d)v[0], (__m256d)v[1]), b = _mm256_unpackhi_pd((__m256d)v[0], (__m256d)v[1]);
        __m256d c = _mm256_unpacklo_pd((__m256d)v[2], (__m256d)v[3]), d = _mm256_unpackhi_pd((__m256d)v[2], (__m256d)v[3]);
        v[0] = (ft_vec_f64)_mm256_permute2f128_pd(a, c, 0x20); v[1] = (ft_vec_f64)_mm256_permute2f128_pd(b, d, 0x20);
        v[2] = (ft_vec_f64)_mm256_permute2f128_pd(a, c, 0x31); v[3] = (ft_vec_f64)_mm256_permute2f128_pd(b, d, 0x31);
    }
    FT_FORCE void ft_transpose_f32(ft_vec_f32 *v) {
        __m256 a[8], b[8];
        #pragma GCC unroll 8
        for (int i = 0; i < 8; i += 2) {
            a[i] = _mm256_unpacklo_ps((__m256)v[i], (__m256)v[i + 1]); a[i + 1] = _mm256_unpackhi_ps((__m256)v[i], (__m256)v[i + 1]);
        }
        #pragma GCC unroll 8
        for (int i = 0; i < 8; i += 4) {
            b[i]     = _mm256_shuffle_ps(a[i], a[i + 2], 0x44);     b[i + 1] = _mm256_shuffle_ps(a[i], a[i + 2], 0xee);
            b[i + 2] = _mm256_shuffle_ps(a[i + 1], a[i + 3], 0x44); b[i + 3] = _mm256_shuffle_ps(a[i + 1], a[i + 3], 0xee);
        }
        #pragma GCC unroll 8
        for (int j = 0; j < 4; j++) {
            v[j] = (ft_vec_f32)_mm256_permute2f128_ps(b[j], b[4 + j], 0x20);
            v[4 + j] = (ft_vec_f32)_mm256_permute2f128_ps(b[j], b[4 + j], 0x31);
        }
    }
    #else
    #define FT_SCALAR(t, c, fused)                                                                                    \\
        typedef c ft_vec_##t; enum { ft_vl_##t = 1 };                                                                 \\
        FT_FORCE c ft_load_##t(const c *p) { return *p; }                                                             \\
        FT_FORCE void ft_put_##t(c *p, c v) { *p = v; }                                                               \\
        FT_FORCE c ft_loadp_##t(const c *p, long n) { return n > 0 ? *p : 0; }                                        \\
        FT_FORCE void ft_putp_##t(c *p, c v, long n) { if (n > 0) *p = v; }                                           \\
        FT_FORCE c ft_splat_##t(c x) { return x; }                                                                    \\
        FT_FORCE c ft_plus_##t(c a, c b) { return a + b; }                                                            \\
        FT_FORCE c ft_madd_##t(c a, c b, c x) { return fused(a, b, x); }                                              \\
        FT_FORCE c ft_quarter_##t(c v) { return v; }                                                                  \\
        FT_FORCE c ft_real_##t(c v) { return v; }                                                                     \\
        FT_FORCE c ft_imag_##t(c v) { return v; }                                                                     \\
        FT_FORCE c ft_pair_##t(const c *p) { return *p; }                                                             \\
        FT_FORCE void ft_transpose_##t(c *v) { (void)v; }
    FT_SCALAR(f32, float, __builtin_fmaf)
    FT_SCALAR(f64, double, __builtin_fma)
    FT_FORCE float ft_load_f16(const ft_f16 *p) { return ft_half_up(*p); }
    FT_FORCE float ft_load_bf16(const ft_bf16 *p) { return ft_bhalf_up(*p); }
    #endif
    /* As many lines as a vector has lanes, `stride` numbers apart; the compiler is kept from an address of its own for each of them. */
    #define FT_APART(x) __asm__("" : "+r"(x))
    #define FT_LINES(s, c, t)                                                                                         \\
        FT_FORCE void ft_lines_##s(const c *p, long stride, ft_vec_##t *v) {                                          \\
            const char *at = (const char *)p;                                                                         \\
            long one = stride * (long)sizeof(c), three = 3 * one;                                                     \\
            FT_APART(three);                                                                                          \\
            _Pragma("GCC unroll 16") for (int i = 0; i < ft_vl_##t; i++) {                                            \\
                if (i && i % 4 == 0) { at += 4 * one; FT_APART(at); }                                                 \\
                v[i] = ft_load_##s((const c *)(at + (i % 4 == 3 ? three : i % 4 * one)));                             \\
            }                                                                                                         \\
        }                                                                                                             \\
        FT_FORCE void ft_coming_##s(const c *p, long stride) {                                                        \\
            const char *at = (const char *)p;                                                                         \\
            long one = stride * (long)sizeof(c), three = 3 * one;                                                     \\
            FT_APART(three);                                                                                          \\
            _Pragma("GCC unroll 16") for (int i = 0; i < ft_vl_##t; i++) {                                            \\
                if (i && i % 4 == 0) { at += 4 * one; FT_APART(at); }                                                 \\
                ft_prefetch_far(at + (i % 4 == 3 ? three : i % 4 * one));                                             \\
            }                                                                                                         \\
        }
    FT_LINES(f32, float, f32)
    FT_LINES(f64, double, f64)
    FT_LINES(f16, ft_f16, f32)
    FT_LINES(bf16, ft_bf16, f32)
    #if FT_VB == 64
    /* four blocks, `step` numbers from one to the next, of each of four lines */
    FT_FORCE void ft_blocks_f32(const float *p, long stride, const long step, ft_vec_f32 *v) {
        long one = stride * 4, three = 3 * one;
        FT_APART(three);
        #pragma GCC unroll 16
        for (int i = 0; i < 16; i++)
            v[i] = ft_load_f32((const float *)((const char *)p + (i >> 2 == 3 ? three : (i >> 2) * one)) + (i & 3) * step);
    }
    #else
    FT_FORCE void ft_blocks_f32(const float *p, long stride, const long step, ft_vec_f32 *v) { (void)step; ft_lines_f32(p, stride, v); }
    #endif
    /* n complex numbers (of two {float, double}) of `columns` columns, `stride` numbers apart, as vectors of one step each */
    enum { ft_paired_f32 = ft_vl_f32 > 1 ? ft_vl_f32 / 2 : 1, ft_paired_f64 = ft_vl_f64 > 1 ? ft_vl_f64 / 2 : 1 };
    FT_FORCE void ft_columns_f32(const float *p, long stride, long columns, long n, ft_vec_f32 *out) {
    #if FT_VB >= 32
        ft_vec_f64 x[ft_paired_f32];
        if (n == ft_paired_f32 && columns == ft_paired_f32) ft_lines_f64((const double *)p, stride / 2, x);
        else {
            #pragma GCC unroll 8
            for (int i = 0; i < ft_paired_f32; i++) {
                const double *at = (const double *)(p + (i < columns ? i : columns - 1) * stride);
                x[i] = n == ft_paired_f32 ? ft_load_f64(at) : ft_loadp_f64(at, n);
            }
        }
        ft_transpose_f64(x);
        #pragma GCC unroll 8
        for (int i = 0; i < ft_paired_f32; i++) out[i] = (ft_vec_f32)x[i];
    #endif
    }
    FT_FORCE void ft_columns_f64(const double *p, long stride, long columns, long n, ft_vec_f64 *out) {
    #if FT_VB >= 32
        ft_vec_f64 x[ft_paired_f64];
        #pragma GCC unroll 4
        for (int i = 0; i < ft_paired_f64; i++) {
            const double *at = p + (i < columns ? i : columns - 1) * stride;
            x[i] = n == ft_paired_f64 ? ft_load_f64(at) : ft_loadp_f64(at, 2 * n);
        }
    #endif
    #if FT_VB == 64
        __m512d a = _mm512_shuffle_f64x2((__m512d)x[0], (__m512d)x[1], 0x88), b = _mm512_shuffle_f64x2((__m512d)x[0], (__m512d)x[1], 0xdd);
        __m512d c = _mm512_shuffle_f64x2((__m512d)x[2], (__m512d)x[3], 0x88), d = _mm512_shuffle_f64x2((__m512d)x[2], (__m512d)x[3], 0xdd);
        out[0] = (ft_vec_f64)_mm512_shuffle_f64x2(a, c, 0x88); out[1] = (ft_vec_f64)_mm512_shuffle_f64x2(b, d, 0x88);
        out[2] = (ft_vec_f64)_mm512_shuffle_f64x2(a, c, 0xdd); out[3] = (ft_vec_f64)_mm512_shuffle_f64x2(b, d, 0xdd);
    #elif FT_VB == 32
        out[0] = (ft_vec_f64)_mm256_permute2f128_pd((__m256d)x[0], (__m256d)x[1], 0x20); out[1] = (ft_vec_f64)_mm256_permute2f128_pd((__m256d)x[0], (__m256d)x[1], 0x31);
    #endif
    }
    FT_FORCE ft_vec_f32 ft_loadp_f16(const ft_f16 *p, long n) { ft_f16 x[ft_vl_f32] = {0}; memcpy(x, p, 2 * n); return ft_load_f16(x); }
    FT_FORCE ft_vec_f32 ft_loadp_bf16(const ft_bf16 *p, long n) { ft_bf16 x[ft_vl_f32] = {0}; memcpy(x, p, 2 * n); return ft_load_bf16(x); }

    /* Two steps of bfloat16 at once. A pair holds an even step in its high half and the one after it in its low half, for AVX512-BF16's
       dot product takes the high half first: c + a.high b.high rounded, then + a.low b.low rounded, the chain of float32. It takes
       subnormals for zero, so a span keeps what magnitudes were met: the least counts from 1 in units of half a step, zero is the most there is. */
    #if FT_VB == 64
    #include <cpuid.h>
    #define FT_DOTS 1
    FT_FORCE ft_vec_f32 ft_dots(ft_vec_f32 a, ft_vec_f32 b, ft_vec_f32 c) { __asm__("vdpbf16ps %2, %1, %0" : "+v"(c) : "v"(b), "v"(a)); return c; }
    FT_FORCE ft_vec_f32 ft_pairs_across(const ft_bf16 *even, const ft_bf16 *odd) {
        __m512i x = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)even)), y = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)odd));
        return (ft_vec_f32)_mm512_or_si512(_mm512_slli_epi32(x, 16), y); }
    FT_FORCE ft_vec_f32 ft_pairs_along(const ft_bf16 *p) { return (ft_vec_f32)_mm512_rol_epi32(_mm512_loadu_si512(p), 16); }
    static const ft_u16 ft_mixed[64] = {        /* word i of the second row, then of the first */
        0, 32, 1, 33, 2, 34, 3, 35, 4, 36, 5, 37, 6, 38, 7, 39, 8, 40, 9, 41, 10, 42, 11, 43, 12, 44, 13, 45, 14, 46, 15, 47,
        16, 48, 17, 49, 18, 50, 19, 51, 20, 52, 21, 53, 22, 54, 23, 55, 24, 56, 25, 57, 26, 58, 27, 59, 28, 60, 29, 61, 30, 62, 31, 63};
    FT_FORCE ft_vec_f32 ft_pairs_mixed(const ft_bf16 *even, const ft_bf16 *odd, int half) {
        return (ft_vec_f32)_mm512_permutex2var_epi16(_mm512_loadu_si512(odd), _mm512_loadu_si512(ft_mixed + 32 * half), _mm512_loadu_si512(even)); }
    FT_FORCE ft_vec_f32 ft_pair_of(ft_vec_f32 even, ft_vec_f32 odd) { return (ft_vec_f32)_mm512_or_si512((__m512i)even, _mm512_srli_epi32((__m512i)odd, 16)); }
    FT_FORCE ft_vec_f32 ft_pairs_within(ft_vec_f32 x, ft_vec_f32 y) {
        __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
        return ft_pair_of((ft_vec_f32)_mm512_permutex2var_epi32((__m512i)x, even, (__m512i)y),
                          (ft_vec_f32)_mm512_permutex2var_epi32((__m512i)x, _mm512_add_epi32(even, _mm512_set1_epi32(1)), (__m512i)y)); }
    typedef struct { __m512i least, most; } ft_span;
    FT_FORCE ft_span ft_nothing(void) { ft_span s = {_mm512_set1_epi16(-1), _mm512_setzero_si512()}; return s; }
    FT_FORCE void ft_take(ft_span *s, ft_vec_f32 pairs) {
        __m512i twice = _mm512_add_epi16((__m512i)pairs, (__m512i)pairs);
        s->least = _mm512_min_epu16(s->least, _mm512_sub_epi16(twice, _mm512_set1_epi16(1)));
        s->most = _mm512_max_epu16(s->most, twice); }
    static inline int ft_exponent(const ft_span *s) {
        ft_u16 least[32], most[32], low = 65535, high = 0;
        _mm512_storeu_si512(least, s->least); _mm512_storeu_si512(most, s->most);
        for (int i = 0; i < 32; i++) { low = least[i] < low ? least[i] : low; high = most[i] > high ? most[i] : high; }
        return high >= 0xff00 || low < 0xff ? -255 : low == 65535 ? 255 : (low + 1) >> 8; }
    /* 32 float32 numbers, none of them subnormal, as bfloat16 */
    FT_FORCE void ft_down_dots(const float *x, ft_bf16 *out) {
        __m512i r;
        __asm__("vcvtne2ps2bf16 %1, %2, %0" : "=v"(r) : "v"(_mm512_loadu_ps(x)), "v"(_mm512_loadu_ps(x + 16)));
        _mm512_storeu_si512(out, r); }
    static int ft_dots_agree(void) {        /* does this processor's dot product give the bits of the chain? */
        unsigned a, b, c, d, r = 1, x[16], y[16], u, v;
        float sums[16], chain[16], f[4], rounded[32] = {0};
        ft_bf16 halves[32];
        if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || a < 1 || !__get_cpuid_count(7, 1, &a, &b, &c, &d) || !(a >> 5 & 1)) return 0;
        for (int t = 0; t < 512; t++) {
            for (int i = 0; i < 16; i++) {
                unsigned *w[2] = {x + i, y + i};
                for (int j = 0; j < 2; j++) {       /* exponents within a few of each other, so that sums cancel and round */
                    r = r * 1664525u + 1013904223u; u = r >> 8;
                    r = r * 1664525u + 1013904223u; v = r >> 8;
                    *w[j] = ((u & 0x807f) | (127 - (t & 7) + (u >> 16) % (2 * (t & 7) + 1)) << 7) << 16 |
                            ((v & 0x807f) | (127 - (t & 7) + (v >> 16) % (2 * (t & 7) + 1)) << 7);
                }
                sums[i] = chain[i] = t & 15 ? chain[i] : 0;
            }
            ft_vec_f32 got = ft_dots((ft_vec_f32)_mm512_loadu_ps(x), (ft_vec_f32)_mm512_loadu_ps(y), (ft_vec_f32)_mm512_loadu_ps(sums));
            for (int i = 0; i < 16; i++) {
                for (int j = 0; j < 4; j++) { u = j == 0 ? x[i] & 0xffff0000u : j == 1 ? y[i] & 0xffff0000u : j == 2 ? x[i] << 16 : y[i] << 16; memcpy(f + j, &u, 4); }
                chain[i] = __builtin_fmaf(f[2], f[3], __builtin_fmaf(f[0], f[1], sums[i]));
                if (memcmp(chain + i, (float *)&got + i, 4)) return 0;
            }
            for (int i = 0; i < 8; i++) {       /* sums and what may become of them, rounded */
                u = i == 1 ? 0x7f800000u : i == 2 ? 0xffc00000u : i == 3 ? 0x80000000u : i == 4 ? 0x7f7fffffu : i == 5 ? x[i] | 0x8000u : x[i];
                memcpy(rounded + i, &u, 4);
                rounded[8 + i] = chain[i];
            }
            ft_down_dots(rounded, halves);
            for (int i = 0; i < 16; i++) if (halves[i] != ft_bhalf_down(rounded[i])) return 0;
        }
        return 1;
    }
    #else
    #define FT_DOTS 0
    FT_FORCE ft_vec_f32 ft_dots(ft_vec_f32 a, ft_vec_f32 b, ft_vec_f32 c) { return c; }
    FT_FORCE ft_vec_f32 ft_pairs_across(const ft_bf16 *even, const ft_bf16 *odd) { return ft_load_bf16(even); }
    FT_FORCE ft_vec_f32 ft_pairs_along(const ft_bf16 *p) { return ft_load_bf16(p); }
    FT_FORCE ft_vec_f32 ft_pair_of(ft_vec_f32 even, ft_vec_f32 odd) { (void)odd; return even; }
    FT_FORCE ft_vec_f32 ft_pairs_mixed(const ft_bf16 *even, const ft_bf16 *odd, int half) { (void)odd; (void)half; return ft_load_bf16(even); }
    FT_FORCE ft_vec_f32 ft_pairs_within(ft_vec_f32 x, ft_vec_f32 y) { (void)y; return x; }
    typedef struct { int none; } ft_span;
    FT_FORCE ft_span ft_nothing(void) { ft_span s = {0}; return s; }
    FT_FORCE void ft_take(ft_span *s, ft_vec_f32 pairs) { (void)s; (void)pairs; }
    FT_FORCE int ft_exponent(const ft_span *s) { (void)s; return -255; }
    FT_FORCE void ft_down_dots(const float *x, ft_bf16 *out) { for (int i = 0; i < 32; i++) out[i] = ft_bhalf_down(x[i]); }
    static int ft_dots_agree(void) { return 0; }
    #endif
    #define ft_load_pairs ft_pairs_along
    FT_LINES(pairs, ft_bf16, f32)
    static int ft_has_dots(void) { static int found = -1; if (found < 0) found = ft_dots_agree(); return found; }
    #if FT_VB != 64
    FT_FORCE ft_vec_f32 ft_four_f32(const float *p) { return ft_splat_f32(*p); }
    #endif
    #if FT_VB == 64
    static const ft_u16 ft_upper[32] = {1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31, 33, 35, 37, 39, 41, 43, 45, 47, 49, 51, 53, 55, 57, 59, 61, 63};
    #endif
    static inline void ft_down_row_bf16(const float *x, long n, ft_bf16 *out) {
        long i = 0;
    #if FT_VB == 64
        for (; n - i >= 32; i += 32) {
            __m512i r[2];
            #pragma GCC unroll 2
            for (int q = 0; q < 2; q++) {
                __m512i u = _mm512_loadu_si512(x + i + 16 * q), odd = _mm512_and_si512(_mm512_srli_epi32(u, 16), _mm512_set1_epi32(1));
                r[q] = _mm512_add_epi32(_mm512_add_epi32(u, _mm512_set1_epi32(0x7fff)), odd);
                r[q] = _mm512_mask_or_epi32(r[q], _mm512_cmp_ps_mask((__m512)u, (__m512)u, _CMP_UNORD_Q), u, _mm512_set1_epi32(0x400000));
            }
            _mm512_storeu_si512(out + i, _mm512_permutex2var_epi16(r[0], _mm512_loadu_si512(ft_upper), r[1]));
        }
    #endif
        for (; i < n; i++) out[i] = ft_bhalf_down(x[i]);
    }
    static inline void ft_down_row_f16(const float *x, long n, ft_f16 *out) {
        long i = 0;
    #if FT_VB == 64
        for (; n - i >= 16; i += 16) {
            __m512 y = _mm512_loadu_ps(x + i);          /* a NaN keeps its sign alone, as in ft_half_down */
            __m256i h = _mm512_cvtps_ph(y, _MM_FROUND_TO_NEAREST_INT), nan = _mm256_or_si256(_mm256_and_si256(h, _mm256_set1_epi16((short)0x8000)), _mm256_set1_epi16(0x7e00));
            _mm256_storeu_si256((__m256i *)(out + i), _mm256_mask_mov_epi16(h, _mm512_cmp_ps_mask(y, y, _CMP_UNORD_Q), nan));
        }
    #endif
        for (; i < n; i++) out[i] = ft_half_down(x[i]);
    }
    #define ft_up_f16 ft_half_up
    #define ft_up_bf16 ft_bhalf_up
    #define ft_down_f16 ft_half_down
    #define ft_down_bf16 ft_bhalf_down
    #endif
    """
    ctypedef void inlined "ft_inlined"
    ctypedef void apart "ft_apart"
    void prefetch "ft_prefetch"(const void* p) noexcept nogil
    void prefetch_far "ft_prefetch_far"(const void* p) noexcept nogil
    void prefetch_write "ft_prefetch_write"(const void* p) noexcept nogil
    enum:
        FMR "FT_MR"
        IMR "FT_IMR"
        FPV "FT_PV"
        IPV "2"
        NC_BYTES "FT_NC_BYTES"      # bytes of one step of a packed right block: a block of 256 steps fills a part of the L2 cache
        UNPACKED_BYTES "FT_UNPACKED_BYTES"      # the same of a block that is read where it lies
        WIDE_12 "FT_WIDE_12"
        WIDE_8 "FT_WIDE_8"
        WIDE_6 "FT_WIDE_6"
        WIDE_4 "FT_WIDE_4"
        WIDE_2 "FT_WIDE_2"
        WIDE_1 "FT_WIDE_1"
        MERGES "FT_MERGES"          # whether merge_<type> loads some lanes alone
        VL_U8 "ft_vl_u8"
        VL_U16 "ft_vl_u16"
        VL_U32 "ft_vl_u32"
        VL_U64 "ft_vl_u64"
        VL_F32 "ft_vl_f32"
        VL_F64 "ft_vl_f64"
        PAIRED_F32 "ft_paired_f32"  # complex numbers of a vector
        PAIRED_F64 "ft_paired_f64"
    bint DOTS "FT_DOTS"
    bint has_dots "ft_has_dots"() noexcept nogil
    vec_f32 dots "ft_dots"(vec_f32 a, vec_f32 b, vec_f32 c) noexcept nogil
    vec_f32 pairs_across "ft_pairs_across"(const ft_bf16* even, const ft_bf16* odd) noexcept nogil     # of two rows
    vec_f32 pairs_mixed "ft_pairs_mixed"(const ft_bf16* even, const ft_bf16* odd, int half) noexcept nogil     # of two rows, the first or the second half of 2 VL columns
    vec_f32 pairs_along "ft_pairs_along"(const ft_bf16* p) noexcept nogil                              # of neighbours
    void lines_pairs "ft_lines_pairs"(const ft_bf16* p, Py_ssize_t stride, vec_f32* out) noexcept nogil   # of neighbours, of each line one
    void coming_pairs "ft_coming_pairs"(const ft_bf16* p, Py_ssize_t stride) noexcept nogil
    vec_f32 pair_of "ft_pair_of"(vec_f32 even, vec_f32 odd) noexcept nogil          # float32 numbers that are bfloat16
    vec_f32 pairs_within "ft_pairs_within"(vec_f32 x, vec_f32 y) noexcept nogil     # of neighbours in x, then in y
    ctypedef struct span "ft_span":
        pass
    span nothing "ft_nothing"() noexcept nogil
    void take "ft_take"(span* seen, vec_f32 pairs) noexcept nogil
    int exponent "ft_exponent"(const span* seen) noexcept nogil      # the least biased one of a number that is not zero, 255 if there is none, -255 where one is subnormal or not finite
    float up_f16 "ft_up_f16"(ft_f16 x) noexcept nogil
    float up_bf16 "ft_up_bf16"(ft_bf16 x) noexcept nogil
    ft_f16 down_f16 "ft_down_f16"(float x) noexcept nogil
    void down_row_f16 "ft_down_row_f16"(const float* x, Py_ssize_t n, ft_f16* out) noexcept nogil
    void down_dots "ft_down_dots"(const float* x, ft_bf16* out) noexcept nogil       # 32 of them, none subnormal
    void down_row_bf16 "ft_down_row_bf16"(const float* x, Py_ssize_t n, ft_bf16* out) noexcept nogil
    ft_bf16 down_bf16 "ft_down_bf16"(float x) noexcept nogil
    ctypedef struct vec_u8 "ft_vec_u8":
        pass
    vec_u8 load_u8 "ft_load_u8"(const ft_u8* p) noexcept nogil
    vec_u8 load_part_u8 "ft_loadp_u8"(const ft_u8* p, Py_ssize_t n) noexcept nogil
    void put_u8 "ft_put_u8"(ft_u8* p, vec_u8 v) noexcept nogil
    void put_part_u8 "ft_putp_u8"(ft_u8* p, vec_u8 v, Py_ssize_t n) noexcept nogil
    vec_u8 splat_u8 "ft_splat_u8"(ft_u8 x) noexcept nogil
    vec_u8 plus_u8 "ft_plus_u8"(vec_u8 a, vec_u8 b) noexcept nogil
    vec_u8 madd_u8 "ft_madd_u8"(vec_u8 a, vec_u8 b, vec_u8 c) noexcept nogil
    void transpose_u8 "ft_transpose_u8"(vec_u8* v) noexcept nogil
    ctypedef struct vec_u16 "ft_vec_u16":
        pass
    vec_u16 load_u16 "ft_load_u16"(const ft_u16* p) noexcept nogil
    vec_u16 load_part_u16 "ft_loadp_u16"(const ft_u16* p, Py_ssize_t n) noexcept nogil
    void put_u16 "ft_put_u16"(ft_u16* p, vec_u16 v) noexcept nogil
    void put_part_u16 "ft_putp_u16"(ft_u16* p, vec_u16 v, Py_ssize_t n) noexcept nogil
    vec_u16 splat_u16 "ft_splat_u16"(ft_u16 x) noexcept nogil
    vec_u16 plus_u16 "ft_plus_u16"(vec_u16 a, vec_u16 b) noexcept nogil
    vec_u16 madd_u16 "ft_madd_u16"(vec_u16 a, vec_u16 b, vec_u16 c) noexcept nogil
    void transpose_u16 "ft_transpose_u16"(vec_u16* v) noexcept nogil
    ctypedef struct vec_u32 "ft_vec_u32":
        pass
    vec_u32 load_u32 "ft_load_u32"(const ft_u32* p) noexcept nogil
    vec_u32 load_part_u32 "ft_loadp_u32"(const ft_u32* p, Py_ssize_t n) noexcept nogil
    void put_u32 "ft_put_u32"(ft_u32* p, vec_u32 v) noexcept nogil
    void put_part_u32 "ft_putp_u32"(ft_u32* p, vec_u32 v, Py_ssize_t n) noexcept nogil
    vec_u32 splat_u32 "ft_splat_u32"(ft_u32 x) noexcept nogil
    vec_u32 plus_u32 "ft_plus_u32"(vec_u32 a, vec_u32 b) noexcept nogil
    vec_u32 madd_u32 "ft_madd_u32"(vec_u32 a, vec_u32 b, vec_u32 c) noexcept nogil
    void transpose_u32 "ft_transpose_u32"(vec_u32* v) noexcept nogil
    ctypedef struct vec_u64 "ft_vec_u64":
        pass
    vec_u64 load_u64 "ft_load_u64"(const ft_u64* p) noexcept nogil
    vec_u64 load_part_u64 "ft_loadp_u64"(const ft_u64* p, Py_ssize_t n) noexcept nogil
    void put_u64 "ft_put_u64"(ft_u64* p, vec_u64 v) noexcept nogil
    void put_part_u64 "ft_putp_u64"(ft_u64* p, vec_u64 v, Py_ssize_t n) noexcept nogil
    vec_u64 splat_u64 "ft_splat_u64"(ft_u64 x) noexcept nogil
    vec_u64 plus_u64 "ft_plus_u64"(vec_u64 a, vec_u64 b) noexcept nogil
    vec_u64 madd_u64 "ft_madd_u64"(vec_u64 a, vec_u64 b, vec_u64 c) noexcept nogil
    void transpose_u64 "ft_transpose_u64"(vec_u64* v) noexcept nogil
    ctypedef struct vec_f32 "ft_vec_f32":
        pass
    vec_f32 load_f32 "ft_load_f32"(const ft_f32* p) noexcept nogil
    vec_f32 load_part_f32 "ft_loadp_f32"(const ft_f32* p, Py_ssize_t n) noexcept nogil
    void put_f32 "ft_put_f32"(ft_f32* p, vec_f32 v) noexcept nogil
    void put_part_f32 "ft_putp_f32"(ft_f32* p, vec_f32 v, Py_ssize_t n) noexcept nogil
    vec_f32 splat_f32 "ft_splat_f32"(ft_f32 x) noexcept nogil
    vec_f32 four_f32 "ft_four_f32"(const ft_f32* p) noexcept nogil           # four numbers, again and again; of vectors of sixteen
    vec_f32 quarter_f32 "ft_quarter_f32"(vec_f32 v) noexcept nogil        # complex numbers times i
    vec_f32 real_f32 "ft_real_f32"(vec_f32 v) noexcept nogil              # their real parts, twice each
    vec_f32 imag_f32 "ft_imag_f32"(vec_f32 v) noexcept nogil
    vec_f32 pair_f32 "ft_pair_f32"(const ft_f32* p) noexcept nogil        # one of them in all places
    void paired_f32 "ft_columns_f32"(const ft_f32* p, Py_ssize_t stride, Py_ssize_t columns, Py_ssize_t n, vec_f32* out) noexcept nogil
    vec_f32 plus_f32 "ft_plus_f32"(vec_f32 a, vec_f32 b) noexcept nogil
    vec_f32 madd_f32 "ft_madd_f32"(vec_f32 a, vec_f32 b, vec_f32 c) noexcept nogil
    void transpose_f32 "ft_transpose_f32"(vec_f32* v) noexcept nogil
    void coming_f32 "ft_coming_f32"(const ft_f32* p, Py_ssize_t stride) noexcept nogil       # the same lines into the L2 cache
    void lines_f32 "ft_lines_f32"(const ft_f32* p, Py_ssize_t stride, vec_f32* out) noexcept nogil     # of each line one
    vec_f32 merge_f32 "ft_merge_f32"(vec_f32 v, Py_ssize_t first, const ft_f32* p) noexcept nogil       # lanes from `first` on are p's own
    ctypedef struct vec_f64 "ft_vec_f64":
        pass
    vec_f64 load_f64 "ft_load_f64"(const ft_f64* p) noexcept nogil
    vec_f64 load_part_f64 "ft_loadp_f64"(const ft_f64* p, Py_ssize_t n) noexcept nogil
    void put_f64 "ft_put_f64"(ft_f64* p, vec_f64 v) noexcept nogil
    void put_part_f64 "ft_putp_f64"(ft_f64* p, vec_f64 v, Py_ssize_t n) noexcept nogil
    vec_f64 splat_f64 "ft_splat_f64"(ft_f64 x) noexcept nogil
    vec_f64 quarter_f64 "ft_quarter_f64"(vec_f64 v) noexcept nogil        # complex numbers times i
    vec_f64 real_f64 "ft_real_f64"(vec_f64 v) noexcept nogil              # their real parts, twice each
    vec_f64 imag_f64 "ft_imag_f64"(vec_f64 v) noexcept nogil
    vec_f64 pair_f64 "ft_pair_f64"(const ft_f64* p) noexcept nogil        # one of them in all places
    void paired_f64 "ft_columns_f64"(const ft_f64* p, Py_ssize_t stride, Py_ssize_t columns, Py_ssize_t n, vec_f64* out) noexcept nogil
    vec_f64 plus_f64 "ft_plus_f64"(vec_f64 a, vec_f64 b) noexcept nogil
    vec_f64 madd_f64 "ft_madd_f64"(vec_f64 a, vec_f64 b, vec_f64 c) noexcept nogil
    void transpose_f64 "ft_transpose_f64"(vec_f64* v) noexcept nogil
    void coming_f64 "ft_coming_f64"(const ft_f64* p, Py_ssize_t stride) noexcept nogil       # the same lines into the L2 cache
    void lines_f64 "ft_lines_f64"(const ft_f64* p, Py_ssize_t stride, vec_f64* out) noexcept nogil     # of each line one
    vec_f64 merge_f64 "ft_merge_f64"(vec_f64 v, Py_ssize_t first, const ft_f64* p) noexcept nogil
    vec_f32 load_f16 "ft_load_f16"(const ft_f16* p) noexcept nogil
    vec_f32 load_part_f16 "ft_loadp_f16"(const ft_f16* p, Py_ssize_t n) noexcept nogil
    void coming_f16 "ft_coming_f16"(const ft_f16* p, Py_ssize_t stride) noexcept nogil
    void coming_bf16 "ft_coming_bf16"(const ft_bf16* p, Py_ssize_t stride) noexcept nogil
    void lines_bf16 "ft_lines_bf16"(const ft_bf16* p, Py_ssize_t stride, vec_f32* out) noexcept nogil
    void lines_f16 "ft_lines_f16"(const ft_f16* p, Py_ssize_t stride, vec_f32* out) noexcept nogil
    void blocks_f32 "ft_blocks_f32"(const ft_f32* p, Py_ssize_t stride, Py_ssize_t step, vec_f32* out) noexcept nogil    # of vectors of sixteen
    vec_f32 load_bf16 "ft_load_bf16"(const ft_bf16* p) noexcept nogil
    vec_f32 load_part_bf16 "ft_loadp_bf16"(const ft_bf16* p, Py_ssize_t n) noexcept nogil
