# What gammas.pyx shares: draws of one number, and elements of the floating dtypes as doubles. The engine's lock must be held.
from frankentorch._ext.randstream cimport Engine
from frankentorch._ext.tensor cimport Tensor

cdef double uniform(Engine* rng) noexcept nogil
cdef double value_at(Tensor x, const char* items, Py_ssize_t i) noexcept nogil
cdef void store_at(int code, char* items, Py_ssize_t i, double value) noexcept nogil
cdef double rounded(double x, bint single) noexcept nogil
