# The generator object and the checks of the public door: they raise what PyTorch raises. The fills are in randstream.pxd
# and take `&generator.engine`.
from frankentorch._ext.randstream cimport Engine

cdef class Generator:
    cdef Engine engine
    cdef object __weakref__

cdef Generator default_generator_object()                    # borrowed from the module; never None

cdef int check_uniform(int code, double low, double high) except -1
cdef int check_normal(double std) except -1
cdef int check_bernoulli(double p) except -1
cdef int check_exponential(int code, double rate) except -1
cdef int check_cauchy(int code, double sigma) except -1
cdef int check_geometric(double p) except -1
cdef int check_log_normal(int code, double std) except -1
# Bounds of random_(from, to); `to` None means up to the dtype's largest exactly held integer. Writes low and count;
# count 0 stands for 2^64.
cdef int integer_range(int code, object low, object high, long long* first, unsigned long long* count) except -1
