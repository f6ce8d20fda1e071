# History of tensors (in-place, views) and the backward walk.
from frankentorch._ext.tensor cimport Tensor, Node

cdef int check_inplace(Tensor t, bint records) except -1
cdef int rebase_history(Tensor t, Node node) except -1
cdef int set_view(Tensor out, Tensor source, int creation_meta) except -1
cdef int bump(Tensor t) except -1
cdef int note_traceback(Node node) except -1
