# Scalar types shared by every part: dtype ids (in promotion-table order), their C types, and restrict pointers for dense
# loops. Ids are internal; torch's public numbering is in dtype.pyx. f16/bf16 are raw 16-bit words (half.pxd converts).
cdef extern from *:
    """
    #ifndef FT_TYPES
    #define FT_TYPES
    #include <stdint.h>
    #define FT_CAT2(a, b) a##b
    #define FT_CAT(a, b) FT_CAT2(a, b)
    #define FT_SYMBOL(name) FT_CAT(name##_, FT_LEVEL)
    typedef unsigned char ft_bool;
    typedef uint8_t ft_u8;   typedef int8_t ft_i8;    typedef int16_t ft_i16;  typedef int32_t ft_i32;
    typedef int64_t ft_i64;  typedef uint16_t ft_u16; typedef uint32_t ft_u32; typedef uint64_t ft_u64;
    typedef uint16_t ft_f16; typedef uint16_t ft_bf16; typedef float ft_f32;   typedef double ft_f64;
    typedef struct { float re, im; } ft_c64;
    typedef struct { double re, im; } ft_c128;
    #define FT_RESTRICT(code) typedef ft_##code *__restrict code##_out; typedef const ft_##code *__restrict code##_in;
    FT_RESTRICT(bool) FT_RESTRICT(u8) FT_RESTRICT(i8) FT_RESTRICT(i16) FT_RESTRICT(i32) FT_RESTRICT(i64)
    FT_RESTRICT(u16) FT_RESTRICT(u32) FT_RESTRICT(u64) FT_RESTRICT(f16) FT_RESTRICT(bf16) FT_RESTRICT(f32)
    FT_RESTRICT(f64) FT_RESTRICT(c64) FT_RESTRICT(c128)
    #endif
    """
    ctypedef unsigned char ft_bool
    ctypedef unsigned char ft_u8
    ctypedef signed char ft_i8
    ctypedef short ft_i16
    ctypedef int ft_i32
    ctypedef long long ft_i64
    ctypedef unsigned short ft_u16
    ctypedef unsigned int ft_u32
    ctypedef unsigned long long ft_u64
    ctypedef unsigned short ft_f16
    ctypedef unsigned short ft_bf16
    ctypedef float ft_f32
    ctypedef double ft_f64
    ctypedef struct ft_c64:
        float re
        float im
    ctypedef struct ft_c128:
        double re
        double im
    ctypedef ft_bool* bool_out
    ctypedef ft_u8* u8_out
    ctypedef ft_i8* i8_out
    ctypedef ft_i16* i16_out
    ctypedef ft_i32* i32_out
    ctypedef ft_i64* i64_out
    ctypedef ft_u16* u16_out
    ctypedef ft_u32* u32_out
    ctypedef ft_u64* u64_out
    ctypedef ft_f16* f16_out
    ctypedef ft_bf16* bf16_out
    ctypedef ft_f32* f32_out
    ctypedef ft_f64* f64_out
    ctypedef ft_c64* c64_out
    ctypedef ft_c128* c128_out
    ctypedef const ft_bool* bool_in
    ctypedef const ft_u8* u8_in
    ctypedef const ft_i8* i8_in
    ctypedef const ft_i16* i16_in
    ctypedef const ft_i32* i32_in
    ctypedef const ft_i64* i64_in
    ctypedef const ft_u16* u16_in
    ctypedef const ft_u32* u32_in
    ctypedef const ft_u64* u64_in
    ctypedef const ft_f16* f16_in
    ctypedef const ft_bf16* bf16_in
    ctypedef const ft_f32* f32_in
    ctypedef const ft_f64* f64_in
    ctypedef const ft_c64* c64_in
    ctypedef const ft_c128* c128_in

cdef enum Code:
    BOOL = 0
    U8 = 1
    I8 = 2
    I16 = 3
    I32 = 4
    I64 = 5
    U16 = 6
    U32 = 7
    U64 = 8
    F16 = 9
    BF16 = 10
    F32 = 11
    F64 = 12
    C64 = 13
    C128 = 14
    NCODES = 15
