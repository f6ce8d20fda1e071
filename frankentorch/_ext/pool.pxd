# Pooling over planes: kernels see one (image, channel) plane of D x H x W values (1-d and 2-d pools pad the front sizes with 1), contiguous,
# or some channels side by side of an image in channels_last. A window is visited in row-major order. Everything counts elements.
#
# max      a later value wins if it is greater, or NaN: so ties keep the lowest index and, of several NaN, the last is reported.
#          The index is flat inside the plane. Backward adds g at the index, outputs ascending.
# average  plain left-to-right sum from zero, one division. Backward: g / divisor is added outputs ascending.
# adaptive window o of an axis is floor(o*size/out) .. ceil((o+1)*size/out); the average divides by the extents one after the
#          other, innermost last.
# Half types are widened to float32 before and rounded once after.
cdef struct PoolShape:
    Py_ssize_t size[3]
    Py_ssize_t kernel[3]
    Py_ssize_t stride[3]
    Py_ssize_t padding[3]
    Py_ssize_t dilation[3]      # max only
    Py_ssize_t out[3]
    Py_ssize_t divisor          # average: 0 means the window's own size
    bint count_padding          # average: padding counts in that size
    bint adaptive               # only size and out are read
    Py_ssize_t pitch            # channels of an image in channels_last, 0 of planes
    Py_ssize_t lanes            # as many of them go side by side

# out: the plane of results (forward) or the gradient of the input (backward); index may be NULL in max_forward.
ctypedef void (*pool_forward)(const PoolShape* shape, const char* input, char* out, long long* index) noexcept nogil
ctypedef void (*pool_backward)(const PoolShape* shape, const char* g, const long long* index, char* out) noexcept nogil

cdef enum:                      # slots: kind + code
    POOL_MAX = 0                # u8 i8 i16 i32 i64 f32 f64
    POOL_AVERAGE = 15           # i64 f32 f64
    POOL_MAX_BACKWARD = 30      # f32 f64
    POOL_AVERAGE_BACKWARD = 45  # f32 f64
    POOL_SLOTS = 60
