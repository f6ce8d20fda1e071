# Drivers of convolution: tasks, threads, scratch. Contiguous tensors, raw pointers, no Python objects. Orders: conv.pxd.
# bool is refused. Half types: forward without bias, and the weight gradient of at most 1024 positions; convert to float32 for the rest; `halves`: float32
# numbers that all are bfloat16, which some processors multiply faster.
from frankentorch._ext.conv cimport ConvShape

cdef enum ConvStatus:
    CONV_OK = 0
    CONV_MEMORY = -1
    CONV_DTYPE = -2

cdef int conv_forward(int code, const ConvShape* shape, const char* input, const char* weight, const char* bias,
                      char* output, bint halves) noexcept nogil                              # bias: out_channels values or NULL
cdef int conv_input_gradient(int code, const ConvShape* shape, const char* g, const char* weight, char* out, bint halves) noexcept nogil
cdef int conv_weight_gradient(int code, const ConvShape* shape, const char* g, const char* input, char* out, bint halves) noexcept nogil
cdef int conv_use_level(int level) noexcept nogil           # cpu.pxd levels; called at import, and by tests
