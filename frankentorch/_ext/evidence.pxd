# Facts of tensors and nodes for those who write evidence down. What they mean: evidence.pyx.
from frankentorch._ext.tensor cimport Tensor, Node
from frankentorch._ext.random cimport Generator

cdef class Seen:
    cdef public object number, digest, version, asks, holder

cdef tuple NAMES
cpdef object digest(Tensor t)
cpdef bytes fold_of_last()
cpdef bint same_elements(Tensor a, Tensor b)
cpdef object digest_again(Tensor t, bytes fold)
cpdef object norm(Tensor t)
cpdef bytes elements(Tensor t)
cdef long long node_number(Node node) noexcept
cpdef bint asks_gradient(Tensor t)
cpdef tuple node_facts(Node node)
cpdef bint has_hooks(Node node)
cpdef bint generator_moved()
cpdef object generator_digest(Generator generator=*)
cdef list sizes_list(Tensor t)
cdef Seen find_seen(dict known, Tensor t)
cpdef list tensors_in(value)
