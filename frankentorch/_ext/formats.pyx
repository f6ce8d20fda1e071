# cython: language_level=3, boundscheck=False, wraparound=False
# cython: cdivision=True, initializedcheck=False
# Formats of images. Declarations: formats.pxd.
from frankentorch._ext.types cimport *
from frankentorch._ext.dtype cimport Format
from frankentorch._ext.tensor cimport *
from frankentorch._ext.elementwise cimport contiguous_tensor, copy_into, scalar_name


cdef bint channels_last(Tensor t) noexcept:
    return (t.rank == 4 and strides_are(t, Format.CHANNELS_LAST) or t.rank == 5 and strides_are(t, Format.CHANNELS_LAST_3D)) and not t.flags & DENSE


cdef Tensor new_image(int code, bint is_meta, int rank, const Py_ssize_t* sizes, bint last):
    cdef Py_ssize_t strides[64]
    if not last:
        return new_tensor(code, is_meta, rank, sizes)
    format_strides(Format.CHANNELS_LAST if rank == 4 else Format.CHANNELS_LAST_3D, rank, sizes, strides)
    return new_strided(code, is_meta, rank, sizes, strides)


cdef Tensor in_format(Tensor t, bint last):
    cdef Tensor out
    if not last:
        return contiguous_tensor(t)
    if strides_are(t, Format.CHANNELS_LAST if t.rank == 4 else Format.CHANNELS_LAST_3D):
        return t
    out = new_image(t.code, is_meta(t), t.rank, t.sizes, True)
    if not is_meta(t):
        copy_into(out, t)
    return out


cdef int working_code(Tensor t, str name) except -1:
    if t.code < F16:
        if t.code == U8:
            return F32
        raise NotImplementedError(f"\"{name}\" not implemented for '{scalar_name(t.code)}'")
    return F32 if t.code == F16 or t.code == BF16 else t.code
