# cython: language_level=3, boundscheck=False, wraparound=False
# cython: cdivision=True, initializedcheck=False
# Storage, Tensor and Node: what they hold and how they are made. No op is run here; operators go through `hooks`,
# which dispatch fills. Shape arithmetic is checked before any allocation: sizes that overflow, negative sizes and more than
# MAX_DIMS dims never reach the allocator.
cimport cython
from cpython.ref cimport PyObject
from cpython.tuple cimport PyTuple_New, PyTuple_SET_ITEM
from cpython.ref cimport Py_INCREF
from libc.stdlib cimport malloc, free
from libc.string cimport memcpy, memset
from frankentorch._ext.types cimport *
from frankentorch._ext cimport alloc
from frankentorch._ext.dtype cimport dtype, dtype_of, device_of, ITEMSIZE, is_float_code, is_complex_code, Format
from frankentorch._ext.dtype import strided, device as device_class

cdef extern from *:
    """
    #if defined(__GLIBC__)                  /* two dozen bytes: they fit what the loader keeps free, and save a call per read */
    #define FT_THREAD_LOCAL __thread __attribute__((tls_model("initial-exec")))
    #else
    #define FT_THREAD_LOCAL __thread
    #endif
    static FT_THREAD_LOCAL int ft_grad_mode = 1;
    static FT_THREAD_LOCAL int ft_grad_beneath = 0;
    static FT_THREAD_LOCAL int ft_inference_mode = 0;
    static FT_THREAD_LOCAL long long ft_nodes_made = 0;
    static inline int ft_mul_overflow(Py_ssize_t a, Py_ssize_t b, Py_ssize_t *r) { return __builtin_mul_overflow(a, b, r); }
    static inline int ft_add_overflow(Py_ssize_t a, Py_ssize_t b, Py_ssize_t *r) { return __builtin_add_overflow(a, b, r); }
    """
    int ft_grad_mode
    long long ft_nodes_made
    int ft_grad_beneath
    int ft_inference_mode
    int ft_mul_overflow(Py_ssize_t a, Py_ssize_t b, Py_ssize_t* r) nogil
    int ft_add_overflow(Py_ssize_t a, Py_ssize_t b, Py_ssize_t* r) nogil

cdef int _code
for _code in range(NCODES):
    ITEMSIZES[_code] = ITEMSIZE[_code]

special_bits = 0
cdef long long _sequence = 0
cdef object Size = tuple           # replaced by the Size class below


cdef bint grad_enabled() noexcept:
    return ft_grad_mode


cdef bint set_grad_enabled(bint value) noexcept:
    global ft_grad_mode
    cdef bint before = ft_grad_mode
    ft_grad_mode = value
    return before


cdef bint grad_beneath() noexcept:
    return ft_grad_beneath


def grad_beneath_now():
    return bool(ft_grad_beneath)


def set_grad_beneath(bint value):
    """Whether what examples are examples of records although the examples themselves do not; returns what was set before."""
    global ft_grad_beneath
    before = bool(ft_grad_beneath)
    ft_grad_beneath = value
    return before


cdef bint inference_enabled() noexcept:
    return ft_inference_mode


cdef bint set_inference_enabled(bint value) noexcept:
    global ft_inference_mode
    cdef bint before = ft_inference_mode
    ft_inference_mode = value
    return before


cdef void number_node(Node node) noexcept:
    global _sequence, ft_nodes_made
    _sequence += 1
    ft_nodes_made += 1
    node.sequence, node.ordinal = _sequence, <unsigned int> ft_nodes_made


cdef long long last_sequence() noexcept:
    return _sequence


cdef long long nodes_made() noexcept:
    return ft_nodes_made


cdef extern from "Python.h":
    void release_reference "Py_DECREF" (PyObject*)


# ---- storage ----
@cython.final
@cython.freelist(64)
@cython.no_gc
cdef class Storage:
    """Bytes and who owns them. `version` counts in-place writes through any tensor over it.

    No cycle can run through `owner`: it is a foreign buffer or another Storage, which never point back at a tensor of ours.
    """

    def __dealloc__(self):
        if self.kind == OWNED and self.data != NULL:
            alloc.ft_free(self.data, self.nbytes)


cdef Storage new_storage(Py_ssize_t nbytes, bint meta):
    cdef Storage self = Storage.__new__(Storage)
    self.nbytes = nbytes
    self.resizable = True
    if meta:
        self.kind = NO_DATA
        return self
    self.kind = OWNED
    if nbytes:
        self.data = <char*> alloc.ft_alloc(nbytes)
        if self.data == NULL:
            raise RuntimeError(f"not enough memory: tried to allocate {nbytes} bytes on device cpu")
    return self


cdef Storage wrap_storage(void* data, Py_ssize_t nbytes, object owner, bint read_only):
    cdef Storage self = Storage.__new__(Storage)
    self.kind = FOREIGN
    self.data = <char*> data
    self.nbytes = nbytes
    self.owner = owner
    self.read_only = read_only
    return self


include "tensor_shapes.pxi"
include "tensor_making.pxi"
include "tensor_nodes.pxi"


# ---- tensors ----
cdef class Extra:
    """Hooks, tangents and the accumulator of the few tensors that have them."""


cdef Node tensor_grad_fn(Tensor t):
    """The node that made `t`; a view's is made anew after its base was written in place."""
    if t.base is not None and t.view_version != t.storage.version and hooks.view_grad_fn != NULL:
        return hooks.view_grad_fn(t)
    return t.node


cdef bint tensor_requires_grad(Tensor t):
    """A view asks for what its base asks for, even one made while nothing was recorded (its gradient then leads nowhere)."""
    if t.flags & REQUIRES_GRAD or t.base is None:
        return t.flags & REQUIRES_GRAD or t.node is not None
    return (tensor_requires_grad(t.base) and (is_float_code(t.code) or is_complex_code(t.code))) or tensor_grad_fn(t) is not None


cdef Extra extra_of(Tensor t):
    if t.extra is None:
        t.extra = Extra.__new__(Extra)
    return t.extra


include "tensor_duals.pxi"


cdef Node accumulator_of(Tensor t):
    """The AccumulateGrad node of a leaf: one per leaf as long as anyone holds it."""
    cdef Node node
    cdef Extra extra = extra_of(t)
    if extra.accumulator != NULL:
        return <Node> extra.accumulator
    node = Node.__new__(Node)
    node.label = "torch::autograd::AccumulateGrad"
    node.variable = t
    node.edges = ()
    node.sequence = -1
    node.describe_output(0, t)
    extra.accumulator = <PyObject*> node
    return node


cdef Node gradient_edge(Tensor t, int* number):
    """Node and output number that a gradient of `t` flows to; None when none is wanted."""
    cdef Node node = tensor_grad_fn(t)
    if node is not None:
        number[0] = t.node_output
        return node
    number[0] = 0
    if t.flags & REQUIRES_GRAD:
        return accumulator_of(t)
    return None


@cython.freelist(128)
@cython.trashcan(True)
cdef class Tensor:
    """N-dimensional array of one dtype over a storage it may share, with a place for its gradient."""

    def __cinit__(self):
        drop_tensor_attributes(self)
        self.sizes = self.inline_dims
        self.strides = self.inline_dims + INLINE_DIMS

    def __dealloc__(self):
        if self.sizes != self.inline_dims:
            free(self.sizes)

    @property
    def __dict__(self):
        return attributes_of(self, NULL)

    @__dict__.setter
    def __dict__(self, value):
        set_attributes_of(self, value, NULL)

    # -- facts --
    @property
    def shape(self):
        return ft_new_size(self.rank, self.sizes)

    def size(self, dim=None):
        """All sizes, or the size of one dim."""
        if dim is None:
            return ft_new_size(self.rank, self.sizes)
        return self.sizes[self.wrap_dim(dim)]

    def stride(self, dim=None):
        """All strides in elements, or the stride of one dim."""
        if dim is None:
            return ints_tuple(self.rank, self.strides)
        return self.strides[self.wrap_dim(dim)]

    cdef int wrap_dim(self, dim) except -1:
        cdef Py_ssize_t d
        if isinstance(dim, bool) or not hasattr(dim, "__index__"):
            raise TypeError(f"argument 'dim' (position 1) must be int, not {type(dim).__name__}")
        try:
            d = dim
        except OverflowError:
            raise ValueError(f"Overflow when unpacking long long: dim {dim}") from None
        cdef int n = self.rank if self.rank else 1
        if d < -n or d >= n:
            raise IndexError(f"Dimension out of range (expected to be in range of [{-n}, {n - 1}], but got {d})")
        if self.rank == 0:
            raise IndexError("dimension specified as " + str(dim) + " but tensor has no dimensions")
        return d + n if d < 0 else d

    @property
    def ndim(self):
        return self.rank

    def dim(self):
        return self.rank

    def ndimension(self):
        return self.rank

    def numel(self):
        return self.count

    def nelement(self):
        return self.count

    @property
    def dtype(self):
        return dtype_of(self.code)

    @property
    def device(self):
        return device_of(lives_on_meta(self))

    @property
    def layout(self):
        return strided

    @property
    def itemsize(self):
        return ITEMSIZES[self.code]

    def element_size(self):
        return ITEMSIZES[self.code]

    @property
    def nbytes(self):
        return self.count * ITEMSIZES[self.code]

    def storage_offset(self):
        return self.offset

    def data_ptr(self):
        check_readable(self)
        return 0 if self.storage.data == NULL else <size_t> (self.storage.data + self.offset * ITEMSIZES[self.code])

    def is_contiguous(self, *, memory_format=None):
        return strides_are(self, Format.CONTIGUOUS if memory_format is None else memory_format.tag)

    def is_floating_point(self):
        return is_float_code(self.code)

    def is_complex(self):
        return is_complex_code(self.code)

    def is_signed(self):
        return dtype_of(self.code).is_signed

    def is_inference(self):
        return (self.flags & INFERENCE) != 0

    def is_non_overlapping_and_dense(self):
        return non_overlapping_and_dense(self)

    def get_device(self):
        return -1

    @property
    def is_meta(self):
        return lives_on_meta(self)

    @property
    def is_cpu(self):
        return not lives_on_meta(self)

    # -- autograd facts --
    @property
    def requires_grad(self):
        return tensor_requires_grad(self)

    @requires_grad.setter
    def requires_grad(self, value):
        self._set_requires_grad(value)

    def _set_requires_grad(self, bint value):
        if value and not (is_float_code(self.code) or is_complex_code(self.code)):
            raise RuntimeError(f"only Tensors of floating point and complex dtype can require gradients, not {describe(self)}")
        if not value and tensor_grad_fn(self) is not None:
            raise RuntimeError("you can only change requires_grad flags of leaf variables. If you want to use a computed variable in a subgraph "
                               "that doesn't require differentiation use var_no_grad = var.detach().")
        if value and self.flags & INFERENCE and not ft_inference_mode:
            raise RuntimeError("Setting requires_grad=True on inference tensor outside InferenceMode is not allowed.")
        if self.node is None:
            self.flags = self.flags | REQUIRES_GRAD if value else self.flags & ~(<unsigned int> REQUIRES_GRAD)

    def requires_grad_(self, requires_grad=True):
        """Set the leaf flag; returns self."""
        if not isinstance(requires_grad, bool):
            raise TypeError(f"requires_grad_(): argument 'requires_grad' (position 1) must be bool, not {type(requires_grad).__name__}")
        self._set_requires_grad(requires_grad)
        return self

    @property
    def is_leaf(self):
        return tensor_grad_fn(self) is None

    @property
    def grad_fn(self):
        return tensor_grad_fn(self)

    @property
    def output_nr(self):
        return self.node_output

    @property
    def _version(self):
        if self.flags & INFERENCE:
            raise RuntimeError("Inference tensors do not track version counter.")
        return self.storage.version

    @property
    def _base(self):
        return self.base

    def _is_view(self):
        return self.base is not None

    @property
    def grad(self):
        return self.gradient

    @grad.setter
    def grad(self, value):
        self._set_grad(value)

    @grad.deleter
    def grad(self):
        self.gradient = None

    def _set_grad(self, value):
        cdef Tensor g
        cdef int i
        if value is None:
            self.gradient = None
            return
        if not isinstance(value, Tensor):
            raise TypeError(f"assigned grad expected to be a Tensor or None but got grad of type {type(value).__name__}")
        g = <Tensor> value
        if g is self:
            raise RuntimeError("can't assign Variable as its own grad")
        if g.code != self.code or is_meta(g) != is_meta(self):
            raise RuntimeError(f"attempting to assign a gradient with dtype '{dtype_of(g.code).name}' to a tensor of another: assigned grad has data of a different type: tensor is {describe(self)}, grad is {describe(g)}")
        if g.rank != self.rank or any([g.sizes[i] != self.sizes[i] for i in range(self.rank)]):
            raise RuntimeError(f"attempting to assign a gradient of size {list(sizes_tuple(g))} to a tensor of size {list(sizes_tuple(self))}: assigned grad has data of a different size: tensor is {describe(self)}, grad is {describe(g)}")
        self.gradient = g

    @property
    def data(self):
        cdef Tensor out
        cdef Storage apart
        if self.flags & BATCHED:
            raise RuntimeError("accessing `data` under vmap transform is not allowed; use detach()")
        out = detached(self)
        if self.storage.kind != NO_DATA:      # same bytes, version counted apart, as the oracle does
            self.storage.resizable = False
            apart = wrap_storage(self.storage.data, self.storage.nbytes, self.storage, self.storage.read_only)
            out.storage = apart
        return out

    @data.setter
    def data(self, value):
        self._set_data(value)

    def _set_data(self, value):
        cdef Tensor source
        if not isinstance(value, Tensor):
            raise TypeError(f"Variable data has to be a tensor, but got {type(value).__name__}")
        source = <Tensor> value
        if self.flags & REQUIRES_GRAD and not (is_float_code(source.code) or is_complex_code(source.code)):
            raise RuntimeError("data set to a tensor that requires gradients must be floating point or complex dtype")
        set_dims(self, source.rank)
        memcpy(self.sizes, source.sizes, source.rank * sizeof(Py_ssize_t))
        memcpy(self.strides, source.strides, source.rank * sizeof(Py_ssize_t))
        self.offset = source.offset
        self.storage = source.storage
        self.code = source.code
        self.count = source.count
        self.flags = (self.flags & ~(<unsigned int> (META | DENSE))) | (source.flags & (META | DENSE))
        if self.extra is not None:
            self.extra.accumulator = NULL
            self.extra.tangents = None

    # -- operators: one call into dispatch each --
    def __add__(self, other):
        return hooks.binary(OP_ADD, self, other)

    def __radd__(self, other):
        return hooks.binary(OP_ADD, other, self)

    def __iadd__(self, other):
        return hooks.inplace(OP_ADD, self, other)

    def __sub__(self, other):
        return hooks.binary(OP_SUB, self, other)

    def __rsub__(self, other):
        return hooks.binary(OP_SUB, other, self)

    def __isub__(self, other):
        return hooks.inplace(OP_SUB, self, other)

    def __mul__(self, other):
        return hooks.binary(OP_MUL, self, other)

    def __rmul__(self, other):
        return hooks.binary(OP_MUL, other, self)

    def __imul__(self, other):
        return hooks.inplace(OP_MUL, self, other)

    def __truediv__(self, other):
        return hooks.binary(OP_TRUEDIV, self, other)

    def __rtruediv__(self, other):
        return hooks.binary(OP_TRUEDIV, other, self)

    def __itruediv__(self, other):
        return hooks.inplace(OP_TRUEDIV, self, other)

    def __floordiv__(self, other):
        return hooks.binary(OP_FLOORDIV, self, other)

    def __rfloordiv__(self, other):
        return hooks.binary(OP_FLOORDIV, other, self)

    def __ifloordiv__(self, other):
        return hooks.inplace(OP_FLOORDIV, self, other)

    def __mod__(self, other):
        return hooks.binary(OP_MOD, self, other)

    def __rmod__(self, other):
        return hooks.binary(OP_MOD, other, self)

    def __imod__(self, other):
        return hooks.inplace(OP_MOD, self, other)

    def __pow__(self, other, modulo):
        return hooks.binary(OP_POW, self, other)

    def __rpow__(self, other, modulo):
        return hooks.binary(OP_POW, other, self)

    def __ipow__(self, other):
        return hooks.inplace(OP_POW, self, other)

    def __matmul__(self, other):
        return hooks.binary(OP_MATMUL, self, other)

    def __rmatmul__(self, other):
        return hooks.binary(OP_MATMUL, other, self)

    def __and__(self, other):
        return hooks.binary(OP_AND, self, other)

    def __rand__(self, other):
        return hooks.binary(OP_AND, other, self)

    def __iand__(self, other):
        return hooks.inplace(OP_AND, self, other)

    def __or__(self, other):
        return hooks.binary(OP_OR, self, other)

    def __ror__(self, other):
        return hooks.binary(OP_OR, other, self)

    def __ior__(self, other):
        return hooks.inplace(OP_OR, self, other)

    def __xor__(self, other):
        return hooks.binary(OP_XOR, self, other)

    def __rxor__(self, other):
        return hooks.binary(OP_XOR, other, self)

    def __ixor__(self, other):
        return hooks.inplace(OP_XOR, self, other)

    def __lshift__(self, other):
        return hooks.binary(OP_LSHIFT, self, other)

    def __rlshift__(self, other):
        return hooks.binary(OP_LSHIFT, other, self)

    def __ilshift__(self, other):
        return hooks.inplace(OP_LSHIFT, self, other)

    def __rshift__(self, other):
        return hooks.binary(OP_RSHIFT, self, other)

    def __rrshift__(self, other):
        return hooks.binary(OP_RSHIFT, other, self)

    def __irshift__(self, other):
        return hooks.inplace(OP_RSHIFT, self, other)

    def __richcmp__(self, other, int kind):
        return hooks.binary(OP_LT + kind, self, other)

    def __neg__(self):
        return hooks.unary(OP_NEG, self)

    def __pos__(self):
        return hooks.unary(OP_POS, self)

    def __abs__(self):
        return hooks.unary(OP_ABS, self)

    def __invert__(self):
        return hooks.unary(OP_INVERT, self)

    def __getitem__(self, index):
        return hooks.getitem(self, index)

    def __setitem__(self, index, value):
        hooks.setitem(self, index, value)

    def __delitem__(self, index):
        raise TypeError("Tensor does not support deleting items")

    def __hash__(self):
        return <Py_hash_t> ((<size_t> <PyObject*> self) >> 4)

    # slots of the type itself, so bound functions are reached through a table
    def __repr__(self):
        return _special["__repr__"](self)

    def __iter__(self):
        return _special["__iter__"](self)

    def __contains__(self, element):
        return _special["__contains__"](self, element)

    def __len__(self):
        if self.rank == 0:
            raise TypeError("len() of a 0-d tensor")
        return self.sizes[0]

    def __bool__(self):
        if self.count != 1:
            if self.count == 0:
                raise RuntimeError("Boolean value of Tensor with no values is ambiguous")
            raise RuntimeError(f"Boolean value of Tensor with more than one value is ambiguous: {describe(self)}; use .any() or .all()")
        if self.flags & BATCHED:
            raise RuntimeError(f"vmap: It looks like you're attempting to use a Tensor in some data-dependent control flow: {describe(self)} has a value per example. Use torch.where")
        return bool(hooks.item(self))

    def __float__(self):
        return float(hooks.item(self))

    def __int__(self):
        return int(hooks.item(self))

    def __complex__(self):
        return complex(hooks.item(self))

    def __getbuffer__(self, Py_buffer* view, int flags):
        fill_buffer(self, view, flags)

    def __releasebuffer__(self, Py_buffer* view):
        free(view.shape)
        if view.internal != NULL:
            release_reference(<PyObject*> view.internal)

    def __index__(self):
        if self.count != 1 or is_float_code(self.code) or is_complex_code(self.code):
            raise TypeError(f"only integer tensors of a single element can be converted to an index, not {describe(self)}")
        return int(hooks.item(self))


# ---- buffers ----
cdef extern from "Python.h":
    int PyBUF_FORMAT, PyBUF_ND, PyBUF_STRIDES, PyBUF_WRITABLE

cdef const char* FORMATS[15]
FORMATS[:] = [b"?", b"B", b"b", b"h", b"i", b"q", b"H", b"I", b"Q", b"e", NULL, b"f", b"d", b"Zf", b"Zd"]


cdef int fill_buffer(Tensor t, Py_buffer* view, int flags) except -1:
    """Describe the elements to a reader of Python's buffer protocol (PEP 3118). The view keeps the storage alive, not the tensor:
    it stays valid while `set_` or `data =` give the tensor other bytes."""
    cdef int i
    view.obj = None
    if t.flags & META:
        raise BufferError("a meta tensor has no data to show")
    if FORMATS[t.code] == NULL:
        raise BufferError(f"{dtype_of(t.code).name} has no format code in the buffer protocol")
    if tensor_requires_grad(t):
        raise BufferError("a tensor that requires grad cannot be shown as a buffer; use tensor.detach()")
    if not t.flags & DENSE and flags & PyBUF_STRIDES != PyBUF_STRIDES:
        raise BufferError(f"{describe(t)} is not contiguous and the reader asked for no strides")
    if t.storage.read_only and flags & PyBUF_WRITABLE:
        raise BufferError("the tensor's memory is read-only")
    view.shape = <Py_ssize_t*> malloc((2 * t.rank + 1) * sizeof(Py_ssize_t))
    if view.shape == NULL:
        raise MemoryError()
    view.strides = view.shape + t.rank
    for i in range(t.rank):
        view.shape[i] = t.sizes[i]
        view.strides[i] = t.strides[i] * ITEMSIZES[t.code]
    view.buf = t.storage.data + t.offset * ITEMSIZES[t.code] if t.storage.data != NULL else <char*> FORMATS[0]
    view.len = t.count * ITEMSIZES[t.code]
    view.itemsize = ITEMSIZES[t.code]
    view.ndim = t.rank
    view.readonly = t.storage.read_only
    view.format = <char*> FORMATS[t.code] if flags & PyBUF_FORMAT else NULL
    view.suboffsets = NULL
    t.storage.resizable = False
    Py_INCREF(t.storage)
    view.internal = <void*> t.storage
    view.obj = t
    return 0


# ---- binding methods from Python ----
ctypedef PyObject* (*newfunc)(TypeObject*, PyObject*, PyObject*) except NULL

cdef extern from "Python.h":
    ctypedef struct TypeObject "PyTypeObject":
        PyObject* tp_dict
        newfunc tp_new
        void* tp_vectorcall
    void PyType_Modified(TypeObject*)
    object PyInstanceMethod_New(object)


cdef dict _special = {}
cdef newfunc _plain_new = (<TypeObject*> <PyObject*> Tensor).tp_new


cdef PyObject* construct(TypeObject* cls, PyObject* args, PyObject* kwargs) except NULL:
    """Tensor(…) and what subclasses reach by ``super().__new__``: the legacy constructor, written in Python."""
    made = _special["__new__"](<object> <PyObject*> cls, *<object> args, **(<object> kwargs if kwargs != NULL else {}))
    Py_INCREF(made)
    return <PyObject*> made


def set_constructor(function):
    """``function(cls, *args, **kwargs)`` makes what calling the class gives."""
    _special["__new__"] = function
    (<TypeObject*> <PyObject*> Tensor).tp_new = construct
    (<TypeObject*> <PyObject*> Tensor).tp_vectorcall = NULL        # Cython's short cut past tp_new
    PyType_Modified(<TypeObject*> <PyObject*> Tensor)


def instance_of(cls, Tensor source, bint requires_grad=False):
    """A tensor of class `cls` over the bytes of `source`, without history."""
    cdef PyObject* made
    cdef Tensor out
    if not isinstance(cls, type) or not issubclass(cls, Tensor):
        raise TypeError(f"_make_subclass: the class must derive from Tensor, not {cls!r}")
    made = _plain_new(<TypeObject*> <PyObject*> cls, <PyObject*> (), NULL)
    out = <Tensor> <object> made
    release_reference(made)
    out._set_data(source)
    out.flags |= source.flags & INFERENCE
    if requires_grad:
        out._set_requires_grad(True)
    return out


def hand_over(Tensor out, Tensor source):
    """Give `out`, a fresh alias, the history and view relation of `source` (results turned into a subclass)."""
    out.flags = (out.flags & ~(<unsigned int> REQUIRES_GRAD)) | (source.flags & REQUIRES_GRAD)
    out.node, out.node_output = source.node, source.node_output
    out.base, out.view_version, out.creation_meta = source.base, source.view_version, source.creation_meta
    return out


def bind(name, value):
    """Put a method or property into the Tensor type itself (an extension type refuses plain setattr)."""
    cdef TypeObject* cls
    if name in ("__repr__", "__iter__", "__contains__"):
        _special[name] = value
        return
    cls = <TypeObject*> <PyObject*> Tensor
    if type(value).__name__ == "builtin_function_or_method":      # a compiled function does not bind by itself
        value = PyInstanceMethod_New(value)
    (<dict> <object> cls.tp_dict)[name] = value
    PyType_Modified(cls)


def get_special_bits():
    return special_bits


def set_special_bit(unsigned int bit, bint on):
    """Turn one door bit on or off (see dispatch)."""
    global special_bits
    special_bits = special_bits | bit if on else special_bits & ~bit


def is_grad_enabled():
    """Whether ops record for backward in this thread."""
    return bool(ft_grad_mode)


def _set_grad_enabled(bint value):
    return bool(set_grad_enabled(value))


def is_inference_mode_enabled():
    return bool(ft_inference_mode)


def _set_inference_mode(bint value):
    return bool(set_inference_enabled(value))


ft_lazy_attributes(<void*> Tensor, tensor_attributes_place(Tensor.__new__(Tensor)), True)
ft_lazy_attributes(<void*> Node, node_attributes_place(Node.__new__(Node)), False)
