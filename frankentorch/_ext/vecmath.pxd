# All scalar functions under one name: `<fn>_<code>`, cdef inline, noexcept nogil, same bits at every CPU level.
#   floatmath    arithmetic, comparison, rounding, two-argument functions of f32 and f64 (and, through it, vecmath32/64, lightmath:
#                exp log sin tanh ... ; bitmath: sqrt floor abs copysign fma ...)
#   intmath      u8 i8 i16 i32 i64 u16 u32 u64 bool
#   special      erf erfc erfinv lgamma digamma sinc
#   normal       erfcx ndtr log_ndtr ndtri entr xlog1py frexp; zeta: zeta polygamma; incomplete: gammainc gammaincc
#   bessel       i0 i1 k0 k1 j0 j1 y0 y1; orthogonal: polynomials named for people
#   complexmath  c64 and c128
#   half         load_f16 store_f16 load_bf16 store_bf16
# Cython emits every function it sees into the C file, so a part that needs only a few may cimport the smaller file.
from frankentorch._ext.bessel cimport *
from frankentorch._ext.complexmath cimport *
from frankentorch._ext.floatmath cimport *
from frankentorch._ext.half cimport *
from frankentorch._ext.incomplete cimport *
from frankentorch._ext.intmath cimport *
from frankentorch._ext.normal cimport *
from frankentorch._ext.orthogonal cimport *
from frankentorch._ext.special cimport *
from frankentorch._ext.zeta cimport *
