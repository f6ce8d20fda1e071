# Convolution over up to three axes (1-d and 2-d problems pad the front axes with size 1). Tensors are contiguous:
# input (images, in_channels, D, H, W), weight (out_channels, in_channels / groups, kD, kH, kW), output (images, out_channels, ...).
#
# Canonical orders, bit for bit (tests/reference/conv.py); blocks of 256 steps as in gemm.pxd:
# forward        an output is the chain over k = (channel in group, kd, kh, kw) row-major; padding takes part as zeros. Then + bias.
# input gradient of real floats where every stride is 1 and padding reaches less than the kernel: forward of g with the weight turned,
#                channels swapped and taps reversed: a chain over (out channel in group, kd, kh, kw descending). Otherwise: the column value of (channel, kd, kh, kw) at an output position is the chain over output channels of the group;
#                an input adds its column values from +0.0 in ascending order of (kd, kh, kw).
# weight gradient the chain over (image, output position) row-major, images one after the other in one count.
# A transposed convolution is the input gradient; its input gradient is forward, its weight gradient swaps input and g.
cdef struct ConvShape:
    Py_ssize_t images, groups, in_channels, out_channels
    Py_ssize_t size[3]
    Py_ssize_t kernel[3]
    Py_ssize_t stride[3]
    Py_ssize_t padding[3]       # at the front; the back pads as far as `out` needs
    Py_ssize_t dilation[3]
    Py_ssize_t out[3]

# unfold: columns[(channel, kd, kh, kw)][p - begin] = input under kernel offset at output position p, row length `ld`
# fold:   the reverse, adding all positions of each row in turn into `image`
# bias:   rows x n values, one bias each
ctypedef void (*unfold_function)(const ConvShape* shape, const char* image, Py_ssize_t channels, Py_ssize_t begin, Py_ssize_t end,
                                 char* columns, Py_ssize_t ld) noexcept nogil
ctypedef void (*fold_function)(const ConvShape* shape, const char* columns, Py_ssize_t ld, Py_ssize_t channels,
                               char* image) noexcept nogil
ctypedef void (*bias_function)(const char* bias, Py_ssize_t rows, Py_ssize_t n, char* out, Py_ssize_t ld) noexcept nogil

# A band: some rows of an image with its padding written out, split by column phase when the stride is not 1, so that the
# values under one kernel offset lie side by side for all outputs of a row. Layout (channel, z, y, phase, width).
cdef struct ConvBand:
    Py_ssize_t depth            # slices
    Py_ssize_t height           # rows of a slice
    Py_ssize_t phases           # column q of phase f is input column q * stride + f - padding
    Py_ssize_t width

ctypedef void (*pad_function)(const ConvShape* shape, const ConvBand* band, const char* image, Py_ssize_t channels,
                              Py_ssize_t z, Py_ssize_t y, char* out) noexcept nogil      # z, y: first slice and row, may be < 0

# flip: a group's weights (outs, ins, taps) as (ins, outs, reversed taps), or, not `reverse`, as (ins, taps, outs), for ins [begin, end)
ctypedef void (*flip_function)(const char* weight, Py_ssize_t outs, Py_ssize_t ins, Py_ssize_t taps, bint reverse, Py_ssize_t begin, Py_ssize_t end,
                               char* out) noexcept nogil

# Weight gradient of a depthwise convolution, a channel to a lane. lanes: `length` values of `planes` neighbouring planes side by side,
# out[p * VL + plane]; lanes without a plane repeat the last. depth: sums[tap * VL + lane] take n more steps, the fused products of
# g[p * VL + lane] and x[(offsets[tap] + p) * VL + lane]. VL is the entry of CONV_WIDTH.
ctypedef void (*lanes_function)(Py_ssize_t planes, const char* x, Py_ssize_t length, char* out) noexcept nogil
ctypedef void (*depth_function)(Py_ssize_t n, const char* g, const char* x, const Py_ssize_t* offsets, Py_ssize_t taps, char* sums) noexcept nogil

cdef enum:                      # slots: base + code (not bool; FOLD and BIAS not for half types)
    CONV_UNFOLD = 0
    CONV_FOLD = 15
    CONV_BIAS = 30
    CONV_PAD = 45               # F32, F64
    CONV_FLIP = 60              # F32, F64
    CONV_LANES = 75             # F32, F64
    CONV_DEPTH = 90             # F32, F64
    CONV_WIDTH = 105            # F32, F64: a number, not a function
    CONV_ROWS = 120             # F32, F64: band_function of gemm.pxd for few output channels, without a panel
    CONV_SLOTS = 135
