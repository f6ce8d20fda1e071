# Storage, Tensor and Node live in one part: they point at each other, and every op touches all three.
# Storage owns bytes; Tensor owns a reference to a Storage and its own sizes; Node owns its edges and saved values.
from cpython.ref cimport PyObject
from frankentorch._ext.types cimport *
from frankentorch._ext.dtype cimport dtype

cdef enum:
    INLINE_DIMS = 6
    NODE_DIMS = 4
    MAX_DIMS = 64

cdef enum StorageKind:
    OWNED = 0        # block from the allocator
    FOREIGN = 1      # bytes of `owner`
    NO_DATA = 2      # meta

cdef enum Flag:
    REQUIRES_GRAD = 1       # leaf flag
    META = 2
    DENSE = 4               # C-contiguous
    INFERENCE = 8
    RETAINS_GRAD = 16
    BATCHED = 32            # stands for one example of `extra.value`; META too, so no kernel reads through it

cdef enum CreationMeta:
    VIEW_DEFAULT = 0
    VIEW_NO_GRAD = 1
    VIEW_MULTI_OUTPUT = 2
    VIEW_INFERENCE = 3
    VIEW_CUSTOM = 4

cdef class Storage:
    cdef char* data
    cdef Py_ssize_t nbytes
    cdef int kind
    cdef unsigned int version
    cdef bint read_only
    cdef bint resizable
    cdef object owner
    cdef object __weakref__

cdef class Extra:
    # What few tensors have: hooks, a grad accumulator, tangents by level, the batch a BATCHED tensor is an example of.
    cdef public object hooks
    cdef public object post_accumulate_hooks
    cdef public object retain_hook
    cdef PyObject* accumulator                 # its Node while one lives, borrowed: the Node clears it when it goes
    cdef public object pinned
    cdef dict tangents                         # {level of forward mode: Tensor, or None for none}
    cdef Tensor value                          # of a BATCHED tensor: all examples, along dim 0
    cdef long long level                       # of a BATCHED tensor: which vmap made it

cdef class Tensor:
    cdef Storage storage
    cdef Py_ssize_t offset              # elements
    cdef Py_ssize_t count
    cdef Py_ssize_t* sizes              # inline_dims, or a malloc'd block when ndim > INLINE_DIMS
    cdef Py_ssize_t* strides            # elements
    cdef int rank
    cdef int code
    cdef unsigned int flags
    cdef int node_output
    cdef unsigned int view_version      # storage version at which a view's grad_fn was made
    cdef int creation_meta
    cdef Node node
    cdef Tensor base                    # whose view this is
    cdef object gradient
    cdef Extra extra
    cdef dict attributes                # NULL until the first one is set (tp_dictoffset leads here)
    cdef object __weakref__
    cdef Py_ssize_t inline_dims[12]

    cdef int wrap_dim(self, dim) except -1

ctypedef object (*backward_fn)(Node node, object grads)

cdef struct OutputMeta:
    int code
    int ndim
    Py_ssize_t* sizes                  # owned unless inline
    bint is_meta

cdef class Node:
    cdef long long sequence
    cdef object op                     # the overload that made it (gives the name), or None
    cdef backward_fn fn
    cdef object callback               # Python-level backward, when fn is NULL
    cdef tuple edges                   # Node or None per input
    cdef int n_edges
    cdef unsigned int ordinal           # among the nodes of the thread that made it, modulo 2**32
    cdef int* edge_numbers
    cdef int inline_numbers[4]
    cdef tuple saved                   # None after release
    cdef unsigned long long tensor_mask    # saved values under version check
    cdef unsigned long long output_mask    # saved values that are this node's own outputs
    cdef unsigned int* versions
    cdef unsigned int inline_versions[4]
    cdef int n_outputs
    cdef OutputMeta* outputs
    cdef OutputMeta inline_output
    cdef Py_ssize_t inline_sizes[4]     # NODE_DIMS: a graph of a million nodes stays below 400 MB
    cdef Tensor variable               # AccumulateGrad only
    cdef str label
    cdef object pre_hooks
    cdef object post_hooks
    cdef object tensor_hooks           # {output number: dict of hooks}
    cdef object retain_hooks           # {output number: weak reference to a tensor}
    cdef object capture_hooks
    cdef dict metadata_dict
    cdef dict attributes               # NULL until the first one is set
    cdef object __weakref__

    cdef int set_edges(self, tuple edges, int* numbers) except -1
    cdef int set_outputs(self, int n) except -1
    cdef int describe_output(self, int i, Tensor t) except -1
    cdef int save(self, tuple values, unsigned long long tensor_mask, unsigned long long output_mask) except -1
    cdef tuple unpack(self)
    cdef inline bint wants(self, int i) noexcept:
        return i < self.n_edges and self.edges[i] is not None

cdef int ITEMSIZES[15]

cdef struct Hooks:
    object (*binary)(int op, object a, object b)
    object (*inplace)(int op, object a, object b)
    object (*unary)(int op, object a)
    object (*getitem)(Tensor self, object index)
    int (*setitem)(Tensor self, object index, object value) except -1
    Node (*view_grad_fn)(Tensor self)
    object (*item)(Tensor self)

cdef Hooks hooks

cdef enum Operator:
    OP_ADD = 0
    OP_SUB = 1
    OP_MUL = 2
    OP_TRUEDIV = 3
    OP_FLOORDIV = 4
    OP_MOD = 5
    OP_POW = 6
    OP_MATMUL = 7
    OP_AND = 8
    OP_OR = 9
    OP_XOR = 10
    OP_LSHIFT = 11
    OP_RSHIFT = 12
    OP_LT = 13
    OP_LE = 14
    OP_EQ = 15
    OP_NE = 16
    OP_GT = 17
    OP_GE = 18
    OP_NEG = 19
    OP_INVERT = 20
    OP_ABS = 21
    OP_POS = 22
    N_OPERATORS = 23

# ---- making ----
cdef Storage new_storage(Py_ssize_t nbytes, bint is_meta)
cdef Storage wrap_storage(void* data, Py_ssize_t nbytes, object owner, bint read_only)
cdef Tensor alloc_tensor(int ndim)                       # sizes unset, no storage
cdef Tensor new_tensor(int code, bint is_meta, int ndim, const Py_ssize_t* sizes)      # contiguous
cdef Tensor new_strided(int code, bint is_meta, int ndim, const Py_ssize_t* sizes, const Py_ssize_t* strides)
cdef Tensor new_like(Tensor t, int code)                 # same shape, preserve_format strides
cdef Tensor new_view(Tensor source, int ndim, const Py_ssize_t* sizes, const Py_ssize_t* strides, Py_ssize_t offset)
cdef Tensor detached(Tensor t)
cdef Tensor batched_over(Tensor value, long long level)  # one example of `value`, whose dim 0 counts examples
cdef bint lives_on_meta(Tensor t) noexcept               # META, seen through BATCHED
cdef int check_readable(Tensor t) except -1              # RuntimeError for BATCHED: nobody reads its bytes
cdef int finish(Tensor t) except -1                      # numel and DENSE from sizes and strides
cdef int set_dims(Tensor t, int ndim) except -1
cdef Py_ssize_t checked_numel(int ndim, const Py_ssize_t* sizes) except -1
cdef int checked_extent(int ndim, const Py_ssize_t* sizes, const Py_ssize_t* strides, Py_ssize_t* low, Py_ssize_t* high) except -1
cdef int check_view_fits(Storage storage, int code, int ndim, const Py_ssize_t* sizes, const Py_ssize_t* strides, Py_ssize_t offset) except -1
cdef bint strides_dense(int ndim, const Py_ssize_t* sizes, const Py_ssize_t* strides) noexcept nogil
cdef bint non_overlapping_and_dense(Tensor t) noexcept
cdef bint strides_are(Tensor t, int format) noexcept
cdef void contiguous_strides(int ndim, const Py_ssize_t* sizes, Py_ssize_t* strides) noexcept nogil
cdef int format_strides(int format, int ndim, const Py_ssize_t* sizes, Py_ssize_t* strides) except -1
cdef void preserved_strides(Tensor t, Py_ssize_t* strides) noexcept
cdef tuple sizes_tuple(Tensor t)
cdef tuple strides_tuple(Tensor t)
cdef object size_of(Tensor t)
cdef object make_size(tuple values)
cdef str describe(object t)
cdef void number_node(Node node) noexcept                # after all others; and among those of this thread
cdef long long last_sequence() noexcept
cdef long long nodes_made() noexcept                     # by this thread
cdef Node tensor_grad_fn(Tensor t)
cdef bint tensor_requires_grad(Tensor t)
cdef Node accumulator_of(Tensor t)
cdef Node gradient_edge(Tensor t, int* number)

cdef inline char* data_of(Tensor t) noexcept:
    return t.storage.data + t.offset * ITEMSIZES[t.code]

cdef inline bint is_meta(Tensor t) noexcept:
    return t.flags & META

# ---- modes (one per thread of Python; the interpreter lock guards them) ----
cdef bint grad_enabled() noexcept
cdef bint set_grad_enabled(bint value) noexcept
cdef long long dual_limit() noexcept
cdef long long set_dual_limit(long long limit) noexcept
cdef long long dual_level(Tensor t) except -1
cdef bint has_tangent(Tensor t) except -1
cdef int give_tangent_to_saved(object saved, long long level, Tensor tangent) except -1
cdef bint is_packed(object saved)
cdef int keep_tangent(Tensor t, long long level, Tensor tangent) except -1
cdef bint grad_beneath() noexcept            # record beneath a vmap although recording is off
cdef bint inference_enabled() noexcept
cdef bint set_inference_enabled(bint value) noexcept
cdef unsigned int special_bits       # what watches or changes execution: 0 on the fast path
