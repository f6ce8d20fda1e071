# The widest vector of the CPU level, as types vf (floats) and vd (doubles), and the operations on it that C's operators do not give.
# Cython takes vf for float and vd for double, so + - * / and unary minus are written as usual; a constant goes through all_vf.
# Each operation is one IEEE operation per element, so a kernel gives the same bits at every width.
#   least_vf, greatest_vf   the second operand where either is NaN or both are equal (the x86 rule)
#   mask_*                  comparisons, false for NaN; pick_vf(mask, x, y) is x where the mask is set, else y
#   some_vf(p, n)           load the first n only (0 <= n <= width), the rest zero; keep_vf stores the first n; first_vf zeroes the rest
#                           of a vector, pad_vf fills it
#   scale_vf(x, n, t)       x * 2^n for integral n, |n| <= 250 (vd: 2000), rounded once; t is n + 1.5 * 2^23 (vd: 1.5 * 2^52), which is at
#                           hand where n was rounded by adding it
#   lower_vf(x, t)          the same for -191 <= n <= 63; 2^-191 counts as 0
#   entry_vf(row, u)        row[u & 7] of each element of u; the row holds its eight numbers twice
#   entry_16_vf(row, u)     row[u & 15] of a row of sixteen numbers
#   front_vf, back_vf       the first and the second half of a vector of floats as doubles; narrow_vd(front, back) rounds them back
#   mask_set_vd(u)          words that are not zero
#   f16_vf, bf16_vf         load halves as floats; to_f16_vf, to_bf16_vf store them, to nearest even
cdef extern from *:
    """
    #ifndef FT_VECTORS
    #define FT_VECTORS
    #include <stdint.h>
    #include <string.h>
    #if defined(__AVX512F__) || defined(__AVX2__)
    #include <immintrin.h>
    #endif
    #if defined(__AVX512F__)
    #define FT_VEC 64
    #elif defined(__AVX2__)
    #define FT_VEC 32
    #else
    #define FT_VEC 16
    #endif
    #define FT_VCOUNT (256 / FT_VEC)
    #define FT_WIDTH_VF (FT_VEC / 4)
    #define FT_WIDTH_VD (FT_VEC / 8)
    #define FT_INLINE static inline __attribute__((always_inline))
    typedef float ft_vf __attribute__((vector_size(FT_VEC), aligned(4), may_alias));
    typedef double ft_vd __attribute__((vector_size(FT_VEC), aligned(8), may_alias));
    typedef int32_t ft_vi __attribute__((vector_size(FT_VEC), aligned(4), may_alias));
    typedef uint32_t ft_vu __attribute__((vector_size(FT_VEC), aligned(4), may_alias));
    typedef int64_t ft_vl __attribute__((vector_size(FT_VEC), aligned(8), may_alias));
    typedef uint64_t ft_vul __attribute__((vector_size(FT_VEC), aligned(8), may_alias));
    typedef float ft_v4 __attribute__((vector_size(16), aligned(4), may_alias));
    typedef double ft_v2 __attribute__((vector_size(16), aligned(8), may_alias));
    #define FT_ZERO_VF ((ft_vf){0})
    #define FT_ZERO_VD ((ft_vd){0})
    #define FT_LOAD_VF(p) (*(const ft_vf *)(p))
    #define FT_LOAD_VD(p) (*(const ft_vd *)(p))
    #define FT_STORE_VF(p, v) (*(ft_vf *)(p) = (v))
    #define FT_STORE_VD(p, v) (*(ft_vd *)(p) = (v))
    FT_INLINE ft_vf ft_all_vf(float x) { return x - (ft_vf){0}; }
    FT_INLINE ft_vd ft_all_vd(double x) { return x - (ft_vd){0}; }
    FT_INLINE ft_vu ft_all_vu(uint32_t x) { return x - (ft_vu){0}; }

    #if FT_VEC == 64
    typedef __mmask16 ft_mf;
    typedef __mmask8 ft_md;
    FT_INLINE ft_vf ft_fma_vf(ft_vf a, ft_vf b, ft_vf c) { return (ft_vf)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c); }
    FT_INLINE ft_vd ft_fma_vd(ft_vd a, ft_vd b, ft_vd c) { return (ft_vd)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c); }
    FT_INLINE ft_vf ft_fnma_vf(ft_vf a, ft_vf b, ft_vf c) { return (ft_vf)_mm512_fnmadd_ps((__m512)a, (__m512)b, (__m512)c); }
    FT_INLINE ft_vd ft_fnma_vd(ft_vd a, ft_vd b, ft_vd c) { return (ft_vd)_mm512_fnmadd_pd((__m512d)a, (__m512d)b, (__m512d)c); }
    FT_INLINE ft_vf ft_least_vf(ft_vf a, ft_vf b) { return (ft_vf)_mm512_min_ps((__m512)a, (__m512)b); }
    FT_INLINE ft_vf ft_greatest_vf(ft_vf a, ft_vf b) { return (ft_vf)_mm512_max_ps((__m512)a, (__m512)b); }
    FT_INLINE ft_vd ft_least_vd(ft_vd a, ft_vd b) { return (ft_vd)_mm512_min_pd((__m512d)a, (__m512d)b); }
    FT_INLINE ft_vd ft_greatest_vd(ft_vd a, ft_vd b) { return (ft_vd)_mm512_max_pd((__m512d)a, (__m512d)b); }
    FT_INLINE ft_vf ft_entry_vf(const float *row, ft_vu i) { return (ft_vf)_mm512_permutexvar_ps((__m512i)i, (__m512)FT_LOAD_VF(row)); }
    #define ft_entry_16_vf ft_entry_vf
    FT_INLINE ft_mf ft_lt_vf(ft_vf a, ft_vf b) { return _mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_LT_OQ); }
    FT_INLINE ft_mf ft_le_vf(ft_vf a, ft_vf b) { return _mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_LE_OQ); }
    FT_INLINE ft_mf ft_eq_vf(ft_vf a, ft_vf b) { return _mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_EQ_OQ); }
    FT_INLINE ft_md ft_lt_vd(ft_vd a, ft_vd b) { return _mm512_cmp_pd_mask((__m512d)a, (__m512d)b, _CMP_LT_OQ); }
    FT_INLINE ft_md ft_le_vd(ft_vd a, ft_vd b) { return _mm512_cmp_pd_mask((__m512d)a, (__m512d)b, _CMP_LE_OQ); }
    FT_INLINE ft_md ft_eq_vd(ft_vd a, ft_vd b) { return _mm512_cmp_pd_mask((__m512d)a, (__m512d)b, _CMP_EQ_OQ); }
    FT_INLINE ft_vf ft_pick_vf(ft_mf m, ft_vf a, ft_vf b) { return (ft_vf)_mm512_mask_blend_ps(m, (__m512)b, (__m512)a); }
    FT_INLINE ft_vd ft_pick_vd(ft_md m, ft_vd a, ft_vd b) { return (ft_vd)_mm512_mask_blend_pd(m, (__m512d)b, (__m512d)a); }
    FT_INLINE ft_vf ft_scale_vf(ft_vf x, ft_vf n, ft_vf t) { return (ft_vf)_mm512_scalef_ps((__m512)x, (__m512)n); }
    FT_INLINE ft_vd ft_scale_vd(ft_vd x, ft_vd n, ft_vd t) { return (ft_vd)_mm512_scalef_pd((__m512d)x, (__m512d)n); }
    FT_INLINE int ft_from_vu(ft_vu x, uint32_t low) { return _mm512_cmpge_epu32_mask((__m512i)x, _mm512_set1_epi32((int)low)) != 0; }
    FT_INLINE int ft_some_mf(ft_mf m) { return m != 0; }
    FT_INLINE int ft_some_md(ft_md m) { return m != 0; }
    FT_INLINE int ft_every_mf(ft_mf m) { return m == 0xffff; }
    FT_INLINE int ft_every_md(ft_md m) { return m == 0xff; }
    FT_INLINE ft_vf ft_abs_vf(ft_vf x) { return (ft_vf)_mm512_abs_ps((__m512)x); }
    FT_INLINE ft_vd ft_abs_vd(ft_vd x) { return (ft_vd)_mm512_abs_pd((__m512d)x); }
    FT_INLINE ft_vf ft_copysign_vf(ft_vf x, ft_vf s) { return (ft_vf)_mm512_ternarylogic_epi32(_mm512_set1_epi32((int)0x80000000u), (__m512i)x, (__m512i)s, 0xac); }
    FT_INLINE ft_vd ft_copysign_vd(ft_vd x, ft_vd s) { return (ft_vd)_mm512_ternarylogic_epi64(_mm512_set1_epi64((long long)0x8000000000000000ull), (__m512i)x, (__m512i)s, 0xac); }
    FT_INLINE ft_md ft_set_vul(ft_vul u) { return _mm512_test_epi64_mask((__m512i)u, (__m512i)u); }
    FT_INLINE ft_vd ft_sqrt_vd(ft_vd x) { return (ft_vd)_mm512_sqrt_pd((__m512d)x); }
    FT_INLINE ft_vd ft_rint_vd(ft_vd x) { return (ft_vd)_mm512_roundscale_pd((__m512d)x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
    FT_INLINE ft_vd ft_trunc_vd(ft_vd x) { return (ft_vd)_mm512_roundscale_pd((__m512d)x, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC); }
    FT_INLINE ft_vd ft_front_vf(ft_vf x) { return (ft_vd)_mm512_cvtps_pd(_mm512_castps512_ps256((__m512)x)); }
    FT_INLINE ft_vd ft_back_vf(ft_vf x) { return (ft_vd)_mm512_cvtps_pd(_mm512_extractf32x8_ps((__m512)x, 1)); }
    FT_INLINE ft_vf ft_narrow_vd(ft_vd a, ft_vd b) {
        return (ft_vf)_mm512_insertf32x8(_mm512_castps256_ps512(_mm512_cvtpd_ps((__m512d)a)), _mm512_cvtpd_ps((__m512d)b), 1); }
    FT_INLINE ft_vf ft_f16_vf(const uint16_t *p) { return (ft_vf)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p)); }
    FT_INLINE ft_vf ft_bf16_vf(const uint16_t *p) { return (ft_vf)_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)p)), 16); }
    FT_INLINE void ft_to_f16_vf(uint16_t *p, ft_vf x) { _mm256_storeu_si256((__m256i *)p, _mm512_maskz_cvtps_ph(0xffff, (__m512)x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)); }
    FT_INLINE void ft_to_u16_vu(uint16_t *p, ft_vu x) { _mm256_storeu_si256((__m256i *)p, _mm512_cvtepi32_epi16((__m512i)x)); }
    #else
    typedef ft_vi ft_mf;
    typedef ft_vl ft_md;
    FT_INLINE ft_mf ft_lt_vf(ft_vf a, ft_vf b) { return (ft_vi)(a < b); }
    FT_INLINE ft_mf ft_le_vf(ft_vf a, ft_vf b) { return (ft_vi)(a <= b); }
    FT_INLINE ft_mf ft_eq_vf(ft_vf a, ft_vf b) { return (ft_vi)(a == b); }
    FT_INLINE ft_md ft_lt_vd(ft_vd a, ft_vd b) { return (ft_vl)(a < b); }
    FT_INLINE ft_md ft_le_vd(ft_vd a, ft_vd b) { return (ft_vl)(a <= b); }
    FT_INLINE ft_md ft_eq_vd(ft_vd a, ft_vd b) { return (ft_vl)(a == b); }
    FT_INLINE ft_vf ft_abs_vf(ft_vf x) { return (ft_vf)((ft_vu)x & 0x7fffffffu); }
    FT_INLINE ft_vd ft_abs_vd(ft_vd x) { return (ft_vd)((ft_vl)x & 0x7fffffffffffffffll); }
    FT_INLINE ft_vf ft_copysign_vf(ft_vf x, ft_vf s) { return (ft_vf)(((ft_vu)x & 0x7fffffffu) | ((ft_vu)s & 0x80000000u)); }
    FT_INLINE ft_vd ft_copysign_vd(ft_vd x, ft_vd s) { return (ft_vd)(((ft_vl)x & INT64_MAX) | ((ft_vl)s & INT64_MIN)); }
    FT_INLINE ft_md ft_set_vul(ft_vul u) { return (ft_vl)(u != 0); }
    /* two powers of two, each in range: only the last product can round */
    FT_INLINE ft_vf ft_scale_vf(ft_vf x, ft_vf n, ft_vf t) {
        ft_vi i = (ft_vi)t, half = i >> 1;
        return x * (ft_vf)((half << 23) + 0x3f800000) * (ft_vf)(((i - half) << 23) + 0x3f800000);
    }
    FT_INLINE ft_vd ft_scale_vd(ft_vd x, ft_vd n, ft_vd t) {
        ft_vl i = (ft_vl)t, half = (ft_vl)((ft_vul)i >> 1);
        return x * (ft_vd)((half << 52) + 0x3ff0000000000000ll) * (ft_vd)(((i - half) << 52) + 0x3ff0000000000000ll);
    }
    #if FT_VEC == 32
    FT_INLINE ft_vf ft_entry_vf(const float *row, ft_vu i) { return (ft_vf)_mm256_permutevar8x32_ps((__m256)FT_LOAD_VF(row), (__m256i)i); }
    FT_INLINE ft_vf ft_entry_16_vf(const float *row, ft_vu i) {
        return (ft_vf)_mm256_blendv_ps((__m256)ft_entry_vf(row, i), (__m256)ft_entry_vf(row + 8, i), (__m256)(i << 28));
    }
    FT_INLINE int ft_from_vu(ft_vu x, uint32_t low) { return _mm256_movemask_ps((__m256)(x >= low)) != 0; }
    FT_INLINE int ft_some_mf(ft_mf m) { return _mm256_movemask_ps((__m256)m) != 0; }
    FT_INLINE int ft_some_md(ft_md m) { return _mm256_movemask_pd((__m256d)m) != 0; }
    FT_INLINE int ft_every_mf(ft_mf m) { return _mm256_movemask_ps((__m256)m) == 0xff; }
    FT_INLINE int ft_every_md(ft_md m) { return _mm256_movemask_pd((__m256d)m) == 0xf; }
    FT_INLINE ft_vf ft_fma_vf(ft_vf a, ft_vf b, ft_vf c) { return (ft_vf)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c); }
    FT_INLINE ft_vd ft_fma_vd(ft_vd a, ft_vd b, ft_vd c) { return (ft_vd)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c); }
    FT_INLINE ft_vf ft_fnma_vf(ft_vf a, ft_vf b, ft_vf c) { return (ft_vf)_mm256_fnmadd_ps((__m256)a, (__m256)b, (__m256)c); }
    FT_INLINE ft_vd ft_fnma_vd(ft_vd a, ft_vd b, ft_vd c) { return (ft_vd)_mm256_fnmadd_pd((__m256d)a, (__m256d)b, (__m256d)c); }
    FT_INLINE ft_vf ft_least_vf(ft_vf a, ft_vf b) { return (ft_vf)_mm256_min_ps((__m256)a, (__m256)b); }
    FT_INLINE ft_vf ft_greatest_vf(ft_vf a, ft_vf b) { return (ft_vf)_mm256_max_ps((__m256)a, (__m256)b); }
    FT_INLINE ft_vd ft_least_vd(ft_vd a, ft_vd b) { return (ft_vd)_mm256_min_pd((__m256d)a, (__m256d)b); }
    FT_INLINE ft_vd ft_greatest_vd(ft_vd a, ft_vd b) { return (ft_vd)_mm256_max_pd((__m256d)a, (__m256d)b); }
    FT_INLINE ft_vf ft_pick_vf(ft_mf m, ft_vf a, ft_vf b) { return (ft_vf)_mm256_blendv_ps((__m256)b, (__m256)a, (__m256)m); }
    FT_INLINE ft_vd ft_pick_vd(ft_md m, ft_vd a, ft_vd b) { return (ft_vd)_mm256_blendv_pd((__m256d)b, (__m256d)a, (__m256d)m); }
    FT_INLINE ft_vd ft_sqrt_vd(ft_vd x) { return (ft_vd)_mm256_sqrt_pd((__m256d)x); }
    FT_INLINE ft_vd ft_rint_vd(ft_vd x) { return (ft_vd)_mm256_round_pd((__m256d)x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
    FT_INLINE ft_vd ft_trunc_vd(ft_vd x) { return (ft_vd)_mm256_round_pd((__m256d)x, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC); }
    FT_INLINE ft_vd ft_front_vf(ft_vf x) { return (ft_vd)_mm256_cvtps_pd(_mm256_castps256_ps128((__m256)x)); }
    FT_INLINE ft_vd ft_back_vf(ft_vf x) { return (ft_vd)_mm256_cvtps_pd(_mm256_extractf128_ps((__m256)x, 1)); }
    FT_INLINE ft_vf ft_narrow_vd(ft_vd a, ft_vd b) { return (ft_vf)_mm256_set_m128(_mm256_cvtpd_ps((__m256d)b), _mm256_cvtpd_ps((__m256d)a)); }
    FT_INLINE ft_vf ft_f16_vf(const uint16_t *p) { return (ft_vf)_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p)); }
    FT_INLINE ft_vf ft_bf16_vf(const uint16_t *p) { return (ft_vf)_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)p)), 16); }
    FT_INLINE void ft_to_f16_vf(uint16_t *p, ft_vf x) { _mm_storeu_si128((__m128i *)p, _mm256_cvtps_ph((__m256)x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)); }
    FT_INLINE void ft_to_u16_vu(uint16_t *p, ft_vu x) {
        __m256i y = _mm256_permute4x64_epi64(_mm256_packus_epi32((__m256i)x, (__m256i)x), 8);
        _mm_storeu_si128((__m128i *)p, _mm256_castsi256_si128(y));
    }
    #else
    FT_INLINE ft_vf ft_entry_vf(const float *row, ft_vu i) { ft_vf r; for (int k = 0; k < 4; k++) r[k] = row[i[k] & 7]; return r; }
    FT_INLINE ft_vf ft_entry_16_vf(const float *row, ft_vu i) { ft_vf r; for (int k = 0; k < 4; k++) r[k] = row[i[k] & 15]; return r; }
    FT_INLINE int ft_from_vu(ft_vu x, uint32_t low) { for (int k = 0; k < 4; k++) if (x[k] >= low) return 1; return 0; }
    FT_INLINE int ft_some_mf(ft_mf m) { return (m[0] | m[1] | m[2] | m[3]) != 0; }
    FT_INLINE int ft_some_md(ft_md m) { return (m[0] | m[1]) != 0; }
    FT_INLINE int ft_every_mf(ft_mf m) { return (m[0] & m[1] & m[2] & m[3]) != 0; }
    FT_INLINE int ft_every_md(ft_md m) { return (m[0] & m[1]) != 0; }
    FT_INLINE ft_vf ft_fma_vf(ft_vf a, ft_vf b, ft_vf c) { ft_vf r; for (int k = 0; k < 4; k++) r[k] = __builtin_fmaf(a[k], b[k], c[k]); return r; }
    FT_INLINE ft_vd ft_fma_vd(ft_vd a, ft_vd b, ft_vd c) { ft_vd r; for (int k = 0; k < 2; k++) r[k] = __builtin_fma(a[k], b[k], c[k]); return r; }
    FT_INLINE ft_vf ft_fnma_vf(ft_vf a, ft_vf b, ft_vf c) { return ft_fma_vf(-a, b, c); }
    FT_INLINE ft_vd ft_fnma_vd(ft_vd a, ft_vd b, ft_vd c) { return ft_fma_vd(-a, b, c); }
    FT_INLINE ft_vf ft_pick_vf(ft_mf m, ft_vf a, ft_vf b) { return (ft_vf)((m & (ft_vi)a) | (~m & (ft_vi)b)); }
    FT_INLINE ft_vd ft_pick_vd(ft_md m, ft_vd a, ft_vd b) { return (ft_vd)((m & (ft_vl)a) | (~m & (ft_vl)b)); }
    FT_INLINE ft_vf ft_least_vf(ft_vf a, ft_vf b) { return ft_pick_vf(a < b, a, b); }
    FT_INLINE ft_vf ft_greatest_vf(ft_vf a, ft_vf b) { return ft_pick_vf(a > b, a, b); }
    FT_INLINE ft_vd ft_least_vd(ft_vd a, ft_vd b) { return ft_pick_vd(a < b, a, b); }
    FT_INLINE ft_vd ft_greatest_vd(ft_vd a, ft_vd b) { return ft_pick_vd(a > b, a, b); }
    FT_INLINE ft_vd ft_sqrt_vd(ft_vd x) { return (ft_vd){__builtin_sqrt(x[0]), __builtin_sqrt(x[1])}; }
    FT_INLINE ft_vd ft_rint_vd(ft_vd x) { return (ft_vd){__builtin_rint(x[0]), __builtin_rint(x[1])}; }
    FT_INLINE ft_vd ft_trunc_vd(ft_vd x) { return (ft_vd){__builtin_trunc(x[0]), __builtin_trunc(x[1])}; }
    FT_INLINE ft_vd ft_front_vf(ft_vf x) { return (ft_vd){x[0], x[1]}; }
    FT_INLINE ft_vd ft_back_vf(ft_vf x) { return (ft_vd){x[2], x[3]}; }
    FT_INLINE ft_vf ft_narrow_vd(ft_vd a, ft_vd b) { return (ft_vf){(float)a[0], (float)a[1], (float)b[0], (float)b[1]}; }
    FT_INLINE ft_vf ft_bf16_vf(const uint16_t *p) { ft_vu r = {p[0], p[1], p[2], p[3]}; return (ft_vf)(r << 16); }
    FT_INLINE ft_vf ft_f16_vf(const uint16_t *p) {      /* as half.pxd: a subnormal rides on 2^-14, which is then taken off */
        ft_vu w = {p[0], p[1], p[2], p[3]}, m = (w & 0x7fff) << 13, sign = (w & 0x8000) << 16;
        ft_vf a = ft_pick_vf((ft_vi)(m >= 0x0f800000u), (ft_vf)(m + 0x70000000u), (ft_vf)(m + 0x38000000u));
        a = ft_pick_vf((ft_vi)(m < 0x00800000u), (ft_vf)(m + 0x38800000u) - ft_all_vf(0x1p-14f), a);
        return (ft_vf)((ft_vu)a | sign);
    }
    FT_INLINE void ft_to_u16_vu(uint16_t *p, ft_vu x) { for (int k = 0; k < 4; k++) p[k] = (uint16_t)x[k]; }
    FT_INLINE void ft_to_f16_vf(uint16_t *p, ft_vf x) {
        ft_vu b = (ft_vu)x, a = b & 0x7fffffffu, sign = (b >> 16) & 0x8000;
        ft_vu normal = ((a + 0xfffu + ((a >> 13) & 1)) >> 13) - 0x1c000u;
        ft_vu small = (ft_vu)((ft_vf)a + ft_all_vf(0.5f)) - 0x3f000000u;
        ft_vu r = (ft_vu)ft_pick_vf((ft_vi)(a < 0x38800000u), (ft_vf)small, (ft_vf)normal);
        r = (ft_vu)ft_pick_vf((ft_vi)(a >= 0x47800000u), (ft_vf)ft_all_vu(0x7c00), (ft_vf)r);
        r = (ft_vu)ft_pick_vf((ft_vi)(a > 0x7f800000u), (ft_vf)ft_all_vu(0x7e00), (ft_vf)r);
        ft_to_u16_vu(p, r | sign);
    }
    #endif
    #endif
    FT_INLINE void ft_to_bf16_vf(uint16_t *p, ft_vf x) {
        ft_vu b = (ft_vu)x, r = (b + 0x7fffu + ((b >> 16) & 1)) >> 16;
        ft_to_u16_vu(p, (ft_vu)ft_pick_vf(ft_eq_vf(x, x), (ft_vf)r, (ft_vf)ft_all_vu(0x7fc0)));
    }
    /* greatest of a vector's elements (none is NaN, or any answer will do) */
    FT_INLINE float ft_top_vf(ft_vf x) {
        float v[FT_WIDTH_VF]; *(ft_vf *)v = x;
        for (int h = FT_WIDTH_VF / 2; h >= 4; h /= 2)
            for (int k = 0; k < h; k += 4) {
                ft_v4 a = *(ft_v4 *)(v + k), b = *(ft_v4 *)(v + k + h);
                __typeof__(a < b) m = a < b;
                *(ft_v4 *)(v + k) = (ft_v4)((m & (__typeof__(m))b) | (~m & (__typeof__(m))a));
            }
        float a = v[0] < v[1] ? v[1] : v[0], b = v[2] < v[3] ? v[3] : v[2];
        return a < b ? b : a;
    }
    FT_INLINE double ft_top_vd(ft_vd x) {
        double v[FT_WIDTH_VD]; *(ft_vd *)v = x;
        for (int h = FT_WIDTH_VD / 2; h > 0; h /= 2) for (int k = 0; k < h; k++) v[k] = v[k] < v[k + h] ? v[k + h] : v[k];
        return v[0];
    }
    FT_INLINE ft_vf ft_lower_vf(ft_vf x, ft_vf t) { return x * (ft_vf)(((ft_vu)t << 23) + 0x5f800000u) * ft_all_vf(0x1p-64f); }
    #if FT_VEC == 64
    FT_INLINE ft_vf ft_evens_vf(ft_vf a, ft_vf b) {
        return (ft_vf)_mm512_permutex2var_ps((__m512)a, _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30), (__m512)b); }
    FT_INLINE ft_vf ft_odds_vf(ft_vf a, ft_vf b) {
        return (ft_vf)_mm512_permutex2var_ps((__m512)a, _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31), (__m512)b); }
    FT_INLINE void ft_to_i64_vu(int64_t *p, ft_vu x, int64_t base) {
        _mm512_storeu_si512(p, _mm512_add_epi64(_mm512_cvtepu32_epi64(_mm512_castsi512_si256((__m512i)x)), _mm512_set1_epi64(base)));
        _mm512_storeu_si512(p + 8, _mm512_add_epi64(_mm512_cvtepu32_epi64(_mm512_extracti64x4_epi64((__m512i)x, 1)), _mm512_set1_epi64(base)));
    }
    #elif FT_VEC == 32
    FT_INLINE void ft_to_i64_vu(int64_t *p, ft_vu x, int64_t base) {
        _mm256_storeu_si256((__m256i *)p, _mm256_add_epi64(_mm256_cvtepu32_epi64(_mm256_castsi256_si128((__m256i)x)), _mm256_set1_epi64x(base)));
        _mm256_storeu_si256((__m256i *)(p + 4), _mm256_add_epi64(_mm256_cvtepu32_epi64(_mm256_extracti128_si256((__m256i)x, 1)), _mm256_set1_epi64x(base)));
    }
    FT_INLINE ft_vf ft_evens_vf(ft_vf a, ft_vf b) {
        return (ft_vf)_mm256_permute4x64_epi64((__m256i)_mm256_shuffle_ps((__m256)a, (__m256)b, 0x88), 0xd8); }
    FT_INLINE ft_vf ft_odds_vf(ft_vf a, ft_vf b) {
        return (ft_vf)_mm256_permute4x64_epi64((__m256i)_mm256_shuffle_ps((__m256)a, (__m256)b, 0xdd), 0xd8); }
    #else
    FT_INLINE void ft_to_i64_vu(int64_t *p, ft_vu x, int64_t base) { for (int k = 0; k < 4; k++) p[k] = base + x[k]; }
    FT_INLINE ft_vf ft_evens_vf(ft_vf a, ft_vf b) { return (ft_vf){a[0], a[2], b[0], b[2]}; }
    FT_INLINE ft_vf ft_odds_vf(ft_vf a, ft_vf b) { return (ft_vf){a[1], a[3], b[1], b[3]}; }
    #endif
    #define FT_BITS_VF(x) ((ft_vu)(x))
    #define FT_MAKE_VF(u) ((ft_vf)(u))
    #define FT_BITS_VD(x) ((ft_vul)(x))
    #define FT_MAKE_VD(u) ((ft_vd)(u))
    #define FT_FLOATS(u) __builtin_convertvector((ft_vi)(u), ft_vf)
    /* the first n of a vector, 0 <= n <= width, the rest zero; and the way back */
    #if FT_VEC == 64
    FT_INLINE ft_vf ft_some_vf(const float *p, int64_t n) { return (ft_vf)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p); }
    FT_INLINE ft_vd ft_some_vd(const double *p, int64_t n) { return (ft_vd)_mm512_maskz_loadu_pd((__mmask8)((1u << n) - 1), p); }
    FT_INLINE void ft_keep_vf(float *p, ft_vf x, int64_t n) { _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), (__m512)x); }
    FT_INLINE void ft_keep_vd(double *p, ft_vd x, int64_t n) { _mm512_mask_storeu_pd(p, (__mmask8)((1u << n) - 1), (__m512d)x); }
    FT_INLINE ft_vf ft_first_vf(ft_vf x, int64_t n) { return (ft_vf)_mm512_maskz_mov_ps((__mmask16)((1u << n) - 1), (__m512)x); }
    FT_INLINE ft_vd ft_first_vd(ft_vd x, int64_t n) { return (ft_vd)_mm512_maskz_mov_pd((__mmask8)((1u << n) - 1), (__m512d)x); }
    FT_INLINE ft_vf ft_pad_vf(ft_vf x, int64_t n, float fill) { return (ft_vf)_mm512_mask_mov_ps(_mm512_set1_ps(fill), (__mmask16)((1u << n) - 1), (__m512)x); }
    FT_INLINE ft_vd ft_pad_vd(ft_vd x, int64_t n, double fill) { return (ft_vd)_mm512_mask_mov_pd(_mm512_set1_pd(fill), (__mmask8)((1u << n) - 1), (__m512d)x); }
    #elif FT_VEC == 32
    FT_INLINE __m256i ft_upto_vf(int64_t n) { return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)); }
    FT_INLINE __m256i ft_upto_vd(int64_t n) { return _mm256_cmpgt_epi64(_mm256_set1_epi64x(n), _mm256_setr_epi64x(0, 1, 2, 3)); }
    FT_INLINE ft_vf ft_some_vf(const float *p, int64_t n) { return (ft_vf)_mm256_maskload_ps(p, ft_upto_vf(n)); }
    FT_INLINE ft_vd ft_some_vd(const double *p, int64_t n) { return (ft_vd)_mm256_maskload_pd(p, ft_upto_vd(n)); }
    FT_INLINE void ft_keep_vf(float *p, ft_vf x, int64_t n) { _mm256_maskstore_ps(p, ft_upto_vf(n), (__m256)x); }
    FT_INLINE void ft_keep_vd(double *p, ft_vd x, int64_t n) { _mm256_maskstore_pd(p, ft_upto_vd(n), (__m256d)x); }
    FT_INLINE ft_vf ft_first_vf(ft_vf x, int64_t n) { return (ft_vf)_mm256_and_ps((__m256)ft_upto_vf(n), (__m256)x); }
    FT_INLINE ft_vd ft_first_vd(ft_vd x, int64_t n) { return (ft_vd)_mm256_and_pd((__m256d)ft_upto_vd(n), (__m256d)x); }
    FT_INLINE ft_vf ft_pad_vf(ft_vf x, int64_t n, float fill) { return (ft_vf)_mm256_blendv_ps(_mm256_set1_ps(fill), (__m256)x, (__m256)ft_upto_vf(n)); }
    FT_INLINE ft_vd ft_pad_vd(ft_vd x, int64_t n, double fill) { return (ft_vd)_mm256_blendv_pd(_mm256_set1_pd(fill), (__m256d)x, (__m256d)ft_upto_vd(n)); }
    #else
    FT_INLINE ft_vf ft_some_vf(const float *p, int64_t n) { ft_vf x = {0}; for (int k = 0; k < n; k++) x[k] = p[k]; return x; }
    FT_INLINE ft_vd ft_some_vd(const double *p, int64_t n) { ft_vd x = {0}; for (int k = 0; k < n; k++) x[k] = p[k]; return x; }
    FT_INLINE void ft_keep_vf(float *p, ft_vf x, int64_t n) { for (int k = 0; k < n; k++) p[k] = x[k]; }
    FT_INLINE void ft_keep_vd(double *p, ft_vd x, int64_t n) { for (int k = 0; k < n; k++) p[k] = x[k]; }
    FT_INLINE ft_vf ft_pad_vf(ft_vf x, int64_t n, float fill) { for (int k = n; k < 4; k++) x[k] = fill; return x; }
    FT_INLINE ft_vd ft_pad_vd(ft_vd x, int64_t n, double fill) { for (int k = n; k < 2; k++) x[k] = fill; return x; }
    FT_INLINE ft_vf ft_first_vf(ft_vf x, int64_t n) { return ft_pad_vf(x, n, 0); }
    FT_INLINE ft_vd ft_first_vd(ft_vd x, int64_t n) { return ft_pad_vd(x, n, 0); }
    #endif
    #endif
    """
    enum: FT_VCOUNT
    enum: FT_WIDTH_VF
    enum: FT_WIDTH_VD
    ctypedef float vf "ft_vf"
    ctypedef double vd "ft_vd"
    ctypedef unsigned int vu "ft_vu"
    ctypedef unsigned long long vul "ft_vul"
    ctypedef int mask_f "ft_mf"
    ctypedef int mask_d "ft_md"
    vf zero_vf "FT_ZERO_VF"
    vd zero_vd "FT_ZERO_VD"
    vf load_vf "FT_LOAD_VF" (const float* x) nogil
    vd load_vd "FT_LOAD_VD" (const double* x) nogil
    void store_vf "FT_STORE_VF" (float* x, vf v) nogil
    void store_vd "FT_STORE_VD" (double* x, vd v) nogil
    vf some_vf "ft_some_vf" (const float* x, Py_ssize_t n) nogil
    vd some_vd "ft_some_vd" (const double* x, Py_ssize_t n) nogil
    void keep_vf "ft_keep_vf" (float* x, vf v, Py_ssize_t n) nogil
    void keep_vd "ft_keep_vd" (double* x, vd v, Py_ssize_t n) nogil
    vf first_vf "ft_first_vf" (vf x, Py_ssize_t n) nogil
    vd first_vd "ft_first_vd" (vd x, Py_ssize_t n) nogil
    vf pad_vf "ft_pad_vf" (vf x, Py_ssize_t n, float fill) nogil
    vd pad_vd "ft_pad_vd" (vd x, Py_ssize_t n, double fill) nogil
    vf all_vf "ft_all_vf" (float x) nogil
    vd all_vd "ft_all_vd" (double x) nogil
    vf fma_vf "ft_fma_vf" (vf x, vf y, vf z) nogil
    vd fma_vd "ft_fma_vd" (vd x, vd y, vd z) nogil
    vf fnma_vf "ft_fnma_vf" (vf x, vf y, vf z) nogil         # z - x * y, rounded once
    vd fnma_vd "ft_fnma_vd" (vd x, vd y, vd z) nogil
    vf least_vf "ft_least_vf" (vf x, vf y) nogil
    vd least_vd "ft_least_vd" (vd x, vd y) nogil
    vf greatest_vf "ft_greatest_vf" (vf x, vf y) nogil
    vd greatest_vd "ft_greatest_vd" (vd x, vd y) nogil
    mask_f mask_lt_vf "ft_lt_vf" (vf x, vf y) nogil
    mask_f mask_le_vf "ft_le_vf" (vf x, vf y) nogil
    mask_f mask_eq_vf "ft_eq_vf" (vf x, vf y) nogil
    mask_d mask_lt_vd "ft_lt_vd" (vd x, vd y) nogil
    mask_d mask_le_vd "ft_le_vd" (vd x, vd y) nogil
    mask_d mask_eq_vd "ft_eq_vd" (vd x, vd y) nogil
    vf pick_vf "ft_pick_vf" (mask_f m, vf x, vf y) nogil
    vd pick_vd "ft_pick_vd" (mask_d m, vd x, vd y) nogil
    vf abs_vf "ft_abs_vf" (vf x) nogil
    vd abs_vd "ft_abs_vd" (vd x) nogil
    vf copysign_vf "ft_copysign_vf" (vf x, vf sign) nogil
    vd copysign_vd "ft_copysign_vd" (vd x, vd sign) nogil
    vf scale_vf "ft_scale_vf" (vf x, vf n, vf t) nogil
    vd scale_vd "ft_scale_vd" (vd x, vd n, vd t) nogil
    vf lower_vf "ft_lower_vf" (vf x, vf t) nogil
    vf entry_vf "ft_entry_vf" (const float* row, vu index) nogil
    vf entry_16_vf "ft_entry_16_vf" (const float* row, vu index) nogil
    float top_vf "ft_top_vf" (vf x) nogil
    double top_vd "ft_top_vd" (vd x) nogil
    vu bits_vf "FT_BITS_VF" (vf x) nogil
    vf make_vf "FT_MAKE_VF" (vu x) nogil
    vul bits_vd "FT_BITS_VD" (vd x) nogil
    vd make_vd "FT_MAKE_VD" (vul x) nogil
    mask_d mask_set_vd "ft_set_vul" (vul x) nogil
    vd sqrt_vd "ft_sqrt_vd" (vd x) nogil
    vd rint_vd "ft_rint_vd" (vd x) nogil
    vd trunc_vd "ft_trunc_vd" (vd x) nogil
    vd front_vf "ft_front_vf" (vf x) nogil
    vd back_vf "ft_back_vf" (vf x) nogil
    vf narrow_vd "ft_narrow_vd" (vd front, vd back) nogil
    vf floats_vu "FT_FLOATS" (vu x) nogil                    # of integers below 2^31
    vf evens_vf "ft_evens_vf" (vf x, vf y) nogil               # elements 0, 2, ... of x and then y
    vf odds_vf "ft_odds_vf" (vf x, vf y) nogil
    void to_i64_vu "ft_to_i64_vu" (long* out, vu x, long base) nogil     # base + each element
    bint any_from_vu "ft_from_vu" (vu x, unsigned int low) nogil
    bint some_mf "ft_some_mf" (mask_f m) nogil
    bint some_md "ft_some_md" (mask_d m) nogil
    bint every_mf "ft_every_mf" (mask_f m) nogil
    bint every_md "ft_every_md" (mask_d m) nogil
    vf f16_vf "ft_f16_vf" (const unsigned short* x) nogil
    vf bf16_vf "ft_bf16_vf" (const unsigned short* x) nogil
    void to_f16_vf "ft_to_f16_vf" (unsigned short* out, vf x) nogil
    void to_bf16_vf "ft_to_bf16_vf" (unsigned short* out, vf x) nogil
