# The one door. An Overload is a row of the op table; a Callable is what users hold (a function or a method of one name).
from cpython.ref cimport PyObject
from frankentorch._ext.tensor cimport Tensor, Node, backward_fn
from frankentorch._ext.elementwise cimport LoopSpec

cdef enum:
    MAX_ARGS = 24
    MAX_SAVED = 24

cdef enum Mode:
    FUNCTION = 0
    INPLACE = 1
    OUT = 2

cdef enum OpKind:
    LOOP = 0
    KERNEL = 1
    BODY = 2

cdef enum ArgKind:           # positions in optable.schema.KINDS
    K_TENSOR = 0
    K_OPT_TENSOR
    K_TENSORS
    K_OPT_TENSORS
    K_OPERAND
    K_OPT_OPERAND
    K_SCALAR
    K_OPT_SCALAR
    K_INT
    K_OPT_INT
    K_INTS
    K_OPT_INTS
    K_FLOAT
    K_OPT_FLOAT
    K_BOOL
    K_OPT_BOOL
    K_STR
    K_OPT_STR
    K_DTYPE
    K_OPT_DTYPE
    K_LAYOUT
    K_DEVICE
    K_FORMAT
    K_GENERATOR
    K_OPT_FLOATS
    K_SCALARS
    K_ANY

cdef enum SaveKind:          # positions in optable.expand.SAVE_KINDS
    S_ARG = 0
    S_OUTPUT
    S_SIZES
    S_STRIDES
    S_DTYPE
    S_NDIM
    S_NUMEL
    S_DEVICE
    S_OFFSET
    S_OUT_SIZES
    S_OUT_DTYPE
    S_OUT_NDIM

cdef enum OutRule:           # positions in optable.schema.OUT_RULES
    OUT_EXACT = 0
    OUT_APART
    OUT_CAST
    OUT_JOIN
    OUT_MASK
    OUT_ANY
    OUT_FOLLOW
    OUT_FILL

cdef enum Special:           # bits of tensor.special_bits
    BIT_FUNCTION_MODE = 1
    BIT_RECORD = 2
    BIT_ANOMALY = 4
    BIT_HARDENED = 8
    BIT_SAVED_HOOKS = 16
    BIT_DUAL = 64
    BIT_BATCH = 32           # inside a vmap

# A kernel reached without a Python call, for the few ops whose call cost users feel.
ctypedef object (*direct_kernel)(PyObject** slots)

cdef class Overload:
    cdef readonly str name
    cdef readonly str overload
    cdef readonly tuple arg_names
    cdef readonly tuple defaults
    cdef readonly tuple output_names
    cdef readonly tuple forms
    cdef readonly str implementation
    cdef readonly str label
    cdef readonly tuple row
    cdef readonly tuple local_names
    cdef readonly bint refuses_grad
    cdef readonly str forward            # how the tangent is made: a kind or a rule of autograd.rules_forward; "" is by the gradient
    cdef direct_kernel direct            # or NULL
    cdef object call                     # resolved implementation, or None
    cdef object returns                  # named tuple class, or None
    cdef int n_args
    cdef int n_positional
    cdef int varargs                     # index of an int list that bare ints may spell, or -1
    cdef int variadic                    # index of a tensor list that bare tensors may spell, or -1
    cdef int kinds[24]
    cdef int list_sizes[24]
    cdef bint required[24]
    cdef bint keyword_only[24]
    cdef bint lenient[24]                # ints that anything with an index may stand for
    cdef int kind
    cdef LoopSpec loop
    cdef int operands[3]
    cdef int params[6]
    cdef backward_fn backward
    cdef int n_edges
    cdef int edges[16]
    cdef readonly bint list_edge
    cdef int n_saved
    cdef int save_kinds[24]
    cdef int save_indices[24]
    cdef unsigned int save_needed[24]
    cdef unsigned long long save_tensor_mask
    cdef unsigned long long save_output_mask
    cdef int view
    cdef int out_rule                    # OutRule
    cdef bint gives_list                 # the result is a list of tensors
    cdef bint writes_self                # the kernel writes its first argument and returns it
    cdef readonly str batch              # the batching rule: a key of optable.schema.BATCHES
    cdef bint draws                      # it takes random numbers

    cdef object implementation_of(self)

cdef object run(Overload ov, PyObject** slots, int mode, object out)
cdef object run_primitive(Overload ov, PyObject** slots, int mode, object out)
cdef Node make_node(Overload ov, PyObject** slots)
cdef bint plain(object value)          # a Tensor or a Parameter, no subclass that may override
