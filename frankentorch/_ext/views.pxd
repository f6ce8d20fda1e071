# View kernels that other parts call directly.
from frankentorch._ext.tensor cimport Tensor

cdef Py_ssize_t wrap(Py_ssize_t dim, int ndim, str name) except -1
cdef Tensor select_raw(Tensor self, Py_ssize_t dim, Py_ssize_t index)
cdef Tensor slice_raw(Tensor self, Py_ssize_t dim, Py_ssize_t start, Py_ssize_t stop, Py_ssize_t step)
cdef Py_ssize_t clamp_index(object value) except? -1
cdef int read_sizes(tuple values, Py_ssize_t* into, str name) except -1
cdef int infer_sizes(tuple shape, Py_ssize_t numel, Py_ssize_t* sizes, str name) except -1

cpdef object view(Tensor self, tuple size)
cpdef object transpose(Tensor self, Py_ssize_t dim0, Py_ssize_t dim1)
cpdef object select(Tensor self, Py_ssize_t dim, Py_ssize_t index)
cpdef object unsqueeze(Tensor self, Py_ssize_t dim)
cpdef object t(Tensor self)
