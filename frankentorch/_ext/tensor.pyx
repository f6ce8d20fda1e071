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
    #if defined(__GLIBC__)                  /* a dozen bytes: they fit what the loader keeps free, and save a call per read */
    #define FT_THREAD_LOCAL __thread __attribute__((tls_model("initial-exec")))
    #else
    #define FT_THREAD_LOCAL __thread
    #endif
    static FT_THREAD_LOCAL int ft_grad_mode = 1;
    static FT_THREAD_LOCAL int ft_inference_mode = 0;
    static inline int ft_mul_overflow(Py_ssize_t a, Py_ssize_t b, Py_ssize_t *r) { return __builtin_mul_overflow(a, b, r); }
    static inline int ft_add_overflow(Py_ssize_t a, Py_ssize_t b, Py_ssize_t *r) { return __builtin_add_overflow(a, b, r); }
    """
    int ft_grad_mode
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


cdef bint inference_enabled() noexcept:
    return ft_inference_mode


cdef bint set_inference_enabled(bint value) noexcept:
    global ft_inference_mode
    cdef bint before = ft_inference_mode
    ft_inference_mode = value
    return before


cdef long long next_sequence() noexcept:
    global _sequence
    _sequence += 1
    return _sequence


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


# ---- shape arithmetic ----
cdef Py_ssize_t checked_numel(int ndim, const Py_ssize_t* sizes) except -1:
    """Product of sizes; RuntimeError on a negative size or overflow."""
    cdef Py_ssize_t n = 1
    cdef int i
    cdef bint zero = False, over = False
    for i in range(ndim):
        if sizes[i] < 0:
            raise RuntimeError(f"Trying to create tensor with negative dimension {sizes[i]}: {[sizes[j] for j in range(ndim)]}")
        if sizes[i] == 0:
            zero = True
        elif ft_mul_overflow(n, sizes[i], &n):
            over = True
            n = 1
    if zero:
        return 0
    if over:
        raise RuntimeError(f"Storage size calculation overflowed with sizes={[sizes[j] for j in range(ndim)]}")
    return n


cdef Py_ssize_t checked_nbytes(Py_ssize_t numel, int code) except -1:
    cdef Py_ssize_t nbytes
    if ft_mul_overflow(numel, ITEMSIZES[code], &nbytes):
        raise RuntimeError(f"Storage size calculation overflowed: {numel} elements of {ITEMSIZES[code]} bytes")
    return nbytes


cdef int checked_extent(int ndim, const Py_ssize_t* sizes, const Py_ssize_t* strides, Py_ssize_t* low, Py_ssize_t* high) except -1:
    """Lowest and highest element offset a view touches; both 0 for an empty one."""
    cdef Py_ssize_t lo = 0, hi = 0, reach
    cdef int i
    checked_numel(ndim, sizes)
    for i in range(ndim):
        if sizes[i] == 0:
            low[0] = 0
            high[0] = -1
            return 0
    for i in range(ndim):
        if ft_mul_overflow(sizes[i] - 1, strides[i], &reach) or (ft_add_overflow(lo, reach, &lo) if reach < 0 else ft_add_overflow(hi, reach, &hi)):
            raise RuntimeError(f"Storage size calculation overflowed with sizes={[sizes[j] for j in range(ndim)]} and strides={[strides[j] for j in range(ndim)]}")
    low[0] = lo
    high[0] = hi
    return 0


cdef int check_view_fits(Storage storage, int code, int ndim, const Py_ssize_t* sizes, const Py_ssize_t* strides, Py_ssize_t offset) except -1:
    """The one gate for (storage, offset, sizes, strides): RuntimeError unless every element lies inside."""
    cdef Py_ssize_t low, high, first, last, nbytes
    cdef int i
    if offset < 0:
        raise RuntimeError(f"Tensor: invalid storage offset {offset}")
    for i in range(ndim):
        if strides[i] < 0:
            raise RuntimeError(f"as_strided: Negative strides are not supported at the moment, got strides: {[strides[j] for j in range(ndim)]}")
    checked_extent(ndim, sizes, strides, &low, &high)
    if high < 0:
        return 0
    if ft_add_overflow(offset, low, &first) or ft_add_overflow(offset, high, &last) or ft_add_overflow(last, 1, &last) \
            or ft_mul_overflow(last, ITEMSIZES[code], &nbytes) or first < 0 or nbytes > storage.nbytes:
        raise RuntimeError(
            f"setStorage: sizes {[sizes[j] for j in range(ndim)]}, strides {[strides[j] for j in range(ndim)]}, storage offset {offset}, and "
            f"itemsize {ITEMSIZES[code]} requiring a storage size of {(offset + high + 1) * ITEMSIZES[code]} are out of bounds for storage of size {storage.nbytes}")
    return 0


cdef void contiguous_strides(int ndim, const Py_ssize_t* sizes, Py_ssize_t* strides) noexcept nogil:
    cdef Py_ssize_t step = 1
    cdef int i
    for i in range(ndim - 1, -1, -1):
        strides[i] = step
        step *= sizes[i] if sizes[i] > 1 else 1


cdef int format_strides(int format, int ndim, const Py_ssize_t* sizes, Py_ssize_t* strides) except -1:
    """Strides of a memory format: channels move last, spatial dims stay in order."""
    cdef Py_ssize_t step = 1
    cdef int i
    if format == Format.CONTIGUOUS or format == Format.PRESERVE:
        contiguous_strides(ndim, sizes, strides)
        return 0
    if ndim != (4 if format == Format.CHANNELS_LAST else 5):
        raise RuntimeError(f"required rank {4 if format == Format.CHANNELS_LAST else 5} tensor to use channels_last format, got {ndim} dims")
    strides[1] = step
    step *= sizes[1] if sizes[1] > 1 else 1
    for i in range(ndim - 1, 1, -1):
        strides[i] = step
        step *= sizes[i] if sizes[i] > 1 else 1
    strides[0] = step
    return 0


cdef bint strides_dense(int ndim, const Py_ssize_t* sizes, const Py_ssize_t* strides) noexcept nogil:
    cdef Py_ssize_t step = 1
    cdef int i
    for i in range(ndim - 1, -1, -1):
        if sizes[i] != 1:
            if strides[i] != step:
                return False
            step *= sizes[i]
    return True


cdef bint strides_are(Tensor t, int format) noexcept:
    """Whether the tensor is dense in `format`."""
    cdef Py_ssize_t step = 1
    cdef int i, rank = 4 if format == Format.CHANNELS_LAST else 5
    if format <= Format.CONTIGUOUS:
        return (t.flags & DENSE) != 0
    if t.rank != rank:
        return False
    if t.count == 0:
        return True
    if t.sizes[1] != 1 and t.strides[1] != 1:
        return False
    step = t.sizes[1]
    for i in range(rank - 1, 1, -1):
        if t.sizes[i] != 1:
            if t.strides[i] != step:
                return False
            step *= t.sizes[i]
    return t.sizes[0] == 1 or t.strides[0] == step


cdef bint non_overlapping_and_dense(Tensor t) noexcept:
    """Some order of the dims makes the tensor contiguous."""
    cdef int order[64]
    cdef int n = 0, i, j, key
    cdef Py_ssize_t step = 1
    if t.flags & DENSE:
        return True
    for i in range(t.rank):
        if t.sizes[i] == 0:
            return True
        if t.sizes[i] == 1:
            continue
        j = n
        while j > 0 and t.strides[order[j - 1]] > t.strides[i]:
            order[j] = order[j - 1]
            j -= 1
        order[j] = i
        n += 1
    for j in range(n):
        key = order[j]
        if t.strides[key] != step:
            return False
        step *= t.sizes[key]
    return True


cdef void preserved_strides(Tensor t, Py_ssize_t* strides) noexcept:
    """Strides of a fresh tensor in `preserve_format`: the same when dense, else the same order of dims, packed."""
    cdef int order[64]
    cdef int i, j
    cdef Py_ssize_t step = 1
    if t.flags & DENSE:
        if t.count == 0:
            contiguous_strides(t.rank, t.sizes, strides)
        else:
            memcpy(strides, t.strides, t.rank * sizeof(Py_ssize_t))
        return
    if non_overlapping_and_dense(t):
        memcpy(strides, t.strides, t.rank * sizeof(Py_ssize_t))
        return
    # insertion sort, fastest dim first; a zero stride is no evidence, then the later dim is the faster one
    for i in range(t.rank - 1, -1, -1):
        j = t.rank - 1 - i
        while j > 0 and t.strides[i] != 0 and t.strides[order[j - 1]] != 0 and (
                t.strides[order[j - 1]] > t.strides[i] or (t.strides[order[j - 1]] == t.strides[i] and t.sizes[order[j - 1]] > t.sizes[i])):
            order[j] = order[j - 1]
            j -= 1
        order[j] = i
    for j in range(t.rank):
        strides[order[j]] = step
        step *= t.sizes[order[j]] if t.sizes[order[j]] > 1 else 1


# ---- making tensors ----
cdef int set_dims(Tensor t, int ndim) except -1:
    """Point sizes and strides at room for `ndim`; their contents are undefined."""
    cdef Py_ssize_t* block
    if ndim > MAX_DIMS:
        raise RuntimeError(f"only tensors with up to {MAX_DIMS} dims are supported, not {ndim}")
    if t.sizes != t.inline_dims and t.sizes != NULL:
        free(t.sizes)
    t.sizes = t.inline_dims
    t.strides = t.inline_dims + INLINE_DIMS
    t.rank = 0
    if ndim > INLINE_DIMS:
        block = <Py_ssize_t*> malloc(2 * ndim * sizeof(Py_ssize_t))
        if block == NULL:
            raise MemoryError()
        t.sizes = block
        t.strides = block + ndim
    t.rank = ndim
    return 0


cdef Tensor alloc_tensor(int ndim):
    cdef Tensor t = Tensor.__new__(Tensor)
    if ndim > INLINE_DIMS:
        set_dims(t, ndim)
    else:
        t.rank = ndim
    return t


cdef int finish(Tensor t) except -1:
    t.count = checked_numel(t.rank, t.sizes)
    if t.count <= 1 and t.count == 0 or strides_dense(t.rank, t.sizes, t.strides):
        t.flags |= DENSE
    else:
        t.flags &= ~(<unsigned int> DENSE)
    return 0


cdef Tensor new_tensor(int code, bint meta, int ndim, const Py_ssize_t* sizes):
    cdef Tensor t = alloc_tensor(ndim)
    cdef Py_ssize_t n = 1
    cdef int i
    if ndim == 1 and 0 <= sizes[0] < 1 << 40:
        n = sizes[0]
        t.sizes[0] = n
        t.strides[0] = 1
    elif ndim:
        n = checked_numel(ndim, sizes)
        for i in range(ndim):
            t.sizes[i] = sizes[i]
        contiguous_strides(ndim, sizes, t.strides)
    t.count = n
    t.code = code
    t.flags = DENSE | META if meta else DENSE
    if ft_inference_mode:
        t.flags |= INFERENCE
    t.storage = new_storage(checked_nbytes(n, code), meta)
    return t


cdef Tensor new_strided(int code, bint meta, int ndim, const Py_ssize_t* sizes, const Py_ssize_t* strides):
    cdef Tensor t = alloc_tensor(ndim)
    cdef Py_ssize_t low, high
    memcpy(t.sizes, sizes, ndim * sizeof(Py_ssize_t))
    memcpy(t.strides, strides, ndim * sizeof(Py_ssize_t))
    t.code = code
    t.flags = META if meta else 0
    if ft_inference_mode:
        t.flags |= INFERENCE
    finish(t)
    checked_extent(ndim, sizes, strides, &low, &high)
    if low < 0:
        raise RuntimeError(f"negative strides are not supported, got {strides_tuple(t)}")
    t.storage = new_storage(checked_nbytes(high + 1, code), meta)
    return t


cdef Tensor new_like(Tensor t, int code):
    cdef Py_ssize_t strides[64]
    if t.flags & DENSE:
        if t.rank == 0 or t.count == 0:
            return new_tensor(code, is_meta(t), t.rank, t.sizes)
        return new_strided(code, is_meta(t), t.rank, t.sizes, t.strides)
    preserved_strides(t, strides)
    return new_strided(code, is_meta(t), t.rank, t.sizes, strides)


cdef Tensor new_view(Tensor source, int ndim, const Py_ssize_t* sizes, const Py_ssize_t* strides, Py_ssize_t offset):
    """Alias of `source`'s storage. Bounds are the caller's business (derived from `source`, or check_view_fits)."""
    cdef Tensor t = alloc_tensor(ndim)
    cdef int i
    for i in range(ndim):
        t.sizes[i] = sizes[i]
        t.strides[i] = strides[i]
    t.code = source.code
    t.storage = source.storage
    t.offset = offset
    t.flags = source.flags & (META | INFERENCE)
    finish(t)
    return t


cdef Tensor detached(Tensor t):
    """Same bytes and version counter, no history."""
    cdef Tensor out = new_view(t, t.rank, t.sizes, t.strides, t.offset)
    out.flags = t.flags & ~(<unsigned int> (REQUIRES_GRAD | RETAINS_GRAD))
    return out


# ---- tuples ----
cdef tuple ints_tuple(int n, const Py_ssize_t* values):
    cdef tuple out = PyTuple_New(n)
    cdef object item
    cdef int i
    for i in range(n):
        item = values[i]
        Py_INCREF(item)
        PyTuple_SET_ITEM(out, i, item)
    return out


cdef tuple sizes_tuple(Tensor t):
    return ints_tuple(t.rank, t.sizes)


cdef tuple strides_tuple(Tensor t):
    return ints_tuple(t.rank, t.strides)


cdef object make_size(tuple values):
    return Size(values)


cdef object size_of(Tensor t):
    return Size(ints_tuple(t.rank, t.sizes))


def set_size_class(cls):
    """`torch.Size` is written in Python (a tuple); this tells the core which class to make."""
    global Size
    Size = cls


cdef str describe(object value):
    """`float32[2, 3]`, with strides when not contiguous: how errors show an operand."""
    cdef Tensor t
    if not isinstance(value, Tensor):
        return f"{type(value).__name__} {value!r}"[:60]
    t = <Tensor> value
    text = f"{dtype_of(t.code).name}{list(sizes_tuple(t))}"
    if not t.flags & DENSE:
        text += f" strides {list(strides_tuple(t))}"
    return text


def describe_tensor(value):
    return describe(value)


# ---- what hooks make of saved tensors ----
cdef unsigned long long PACKED = <unsigned long long> 1 << 63        # bit of Node.output_mask: some saved values are Packed
cdef list _saved_hooks = []


@cython.final
cdef class Packed:
    """A saved tensor as its pack hook left it, and where gradients of it flow to."""
    cdef object content
    cdef object unpack
    cdef Node node
    cdef int output


def pack_saved(Tensor t, int output=-1):
    """Hand a tensor to the innermost pack hook. `output` says which output of the saving node it is, -1 for an input."""
    cdef Packed packed = Packed.__new__(Packed)
    cdef bint before
    pack, packed.unpack = _saved_hooks[len(_saved_hooks) - 1]
    packed.output = output
    if output < 0:
        packed.node = gradient_edge(t, &packed.output)
    before = set_grad_enabled(False)
    try:
        packed.content = pack(detached(t) if t.node is not None else t)
    finally:
        set_grad_enabled(before)
    return packed


def unpack_saved(Node node, Packed packed):
    """The tensor back from the unpack hook, with its place in the graph when the backward is recorded."""
    found = packed.unpack(packed.content)
    if not isinstance(found, Tensor):
        raise TypeError(f"Output of saved tensor unpack_hook expected to be a Tensor but got result of type {type(found).__name__}")
    cdef Node below = packed.node
    cdef Tensor again
    if below is None and packed.output >= 0 and node is not None:
        below = node
    if below is None or not ft_grad_mode:
        return found
    again = detached(<Tensor> found)
    again.node = below
    again.node_output = packed.output
    return again


def push_saved_hooks(pack, unpack):
    global special_bits
    _saved_hooks.append((pack, unpack))
    special_bits |= 16


def pop_saved_hooks():
    global special_bits
    _saved_hooks.pop()
    if not _saved_hooks:
        special_bits &= ~(<unsigned int> 16)


def saved_hooks_on():
    return len(_saved_hooks) > 0


# ---- instance dicts, made when the first attribute is set ----
cdef extern from *:
    """
    /* Cython makes a dict with every instance of a class that has one; ours are too many and too short-lived for that. */
    #define drop_attributes(self) do { Py_DECREF((PyObject*) (self)->attributes); (self)->attributes = NULL; } while (0)
    #define attributes_place(self) ((char*) &(self)->attributes - (char*) (self))
    static Py_ssize_t ft_tensor_attributes;
    static inquiry ft_tensor_clear_rest;
    static int ft_tensor_clear(PyObject* self) {
        PyObject** place = (PyObject**) ((char*) self + ft_tensor_attributes);
        PyObject* attributes = *place;
        int failed;
        *place = NULL;
        failed = ft_tensor_clear_rest(self);
        Py_CLEAR(*place);                       /* the generated clear leaves None where a dict or NULL must be */
        Py_XDECREF(attributes);
        return failed;
    }
    static void ft_lazy_attributes(void* owner, Py_ssize_t place, int clears) {
        PyTypeObject* type = (PyTypeObject*) owner;
        if (clears) {
            ft_tensor_attributes = place;
            ft_tensor_clear_rest = type->tp_clear;
            type->tp_clear = ft_tensor_clear;
            type->tp_getattro = PyObject_GenericGetAttr;        /* Cython may have put one that looks for no dict */
        }
        type->tp_dictoffset = place;
        PyType_Modified(type);
    }
    """
    Py_ssize_t tensor_attributes_place "attributes_place" (Tensor)
    Py_ssize_t node_attributes_place "attributes_place" (Node)
    void drop_tensor_attributes "drop_attributes" (Tensor)
    void drop_node_attributes "drop_attributes" (Node)
    void ft_lazy_attributes(void* type, Py_ssize_t place, bint clears)
    object attributes_of "PyObject_GenericGetDict" (object, void*)
    int set_attributes_of "PyObject_GenericSetDict" (object, object, void*) except -1


# ---- nodes ----
@cython.final
@cython.freelist(64)
@cython.no_gc_clear
@cython.trashcan(True)
cdef class Node:
    """One step of the recorded graph: what to call, what it saved, where its results go.

    Edges own the nodes they lead to; nothing points back, so a graph is freed from its outputs. `saved` is None once released.
    """

    def __cinit__(self):
        drop_node_attributes(self)
        self.edge_numbers = self.inline_numbers
        self.versions = self.inline_versions
        self.outputs = &self.inline_output
        self.inline_output.sizes = self.inline_sizes
        self.n_outputs = 1

    @property
    def __dict__(self):
        return attributes_of(self, NULL)

    @__dict__.setter
    def __dict__(self, value):
        set_attributes_of(self, value, NULL)

    def __dealloc__(self):
        cdef int i
        # attributes are whole here: no_gc_clear leaves cycles to be broken at the tensors, dicts and cells in them
        if self.variable is not None and self.variable.extra is not None and self.variable.extra.accumulator == <PyObject*> self:
            self.variable.extra.accumulator = NULL
        if self.edge_numbers != self.inline_numbers:
            free(self.edge_numbers)
        if self.versions != self.inline_versions:
            free(self.versions)
        for i in range(self.n_outputs):
            if self.outputs[i].sizes != self.inline_sizes:
                free(self.outputs[i].sizes)
        if self.outputs != &self.inline_output:
            free(self.outputs)

    cdef int set_edges(self, tuple edges, int* numbers) except -1:
        cdef int n = len(edges), i
        if n > 4:
            self.edge_numbers = <int*> malloc(n * sizeof(int))
            if self.edge_numbers == NULL:
                self.edge_numbers = self.inline_numbers
                raise MemoryError()
        for i in range(n):
            self.edge_numbers[i] = numbers[i]
        self.edges = edges
        self.n_edges = n
        return 0

    cdef int set_outputs(self, int n) except -1:
        """Room for `n` output descriptions (1 is inline)."""
        cdef OutputMeta* block
        if n > 1:
            block = <OutputMeta*> malloc(n * sizeof(OutputMeta))
            if block == NULL:
                raise MemoryError()
            memset(block, 0, n * sizeof(OutputMeta))
            self.outputs = block
        self.n_outputs = n
        return 0

    cdef int describe_output(self, int i, Tensor t) except -1:
        cdef OutputMeta* meta = &self.outputs[i]
        if meta.sizes == NULL or (t.rank > INLINE_DIMS and (meta.sizes == self.inline_sizes or t.rank > meta.ndim)):
            if meta.sizes != NULL and meta.sizes != self.inline_sizes:
                free(meta.sizes)
            meta.sizes = <Py_ssize_t*> malloc((t.rank + 1) * sizeof(Py_ssize_t))
            if meta.sizes == NULL:
                raise MemoryError()
        elif meta.sizes != self.inline_sizes and t.rank > meta.ndim:
            free(meta.sizes)
            meta.sizes = NULL
            meta.sizes = <Py_ssize_t*> malloc((t.rank + 1) * sizeof(Py_ssize_t))
            if meta.sizes == NULL:
                raise MemoryError()
        meta.code = t.code
        meta.ndim = t.rank
        meta.is_meta = is_meta(t)
        memcpy(meta.sizes, t.sizes, t.rank * sizeof(Py_ssize_t))
        return 0

    cdef int save(self, tuple values, unsigned long long tensor_mask, unsigned long long output_mask) except -1:
        """Keep values for backward, with the version each tensor has now."""
        cdef int i, n = len(values)
        if n > 6:
            self.versions = <unsigned int*> malloc(n * sizeof(unsigned int))
            if self.versions == NULL:
                self.versions = self.inline_versions
                raise MemoryError()
        for i in range(n):
            if tensor_mask >> i & 1 and values[i] is not None:
                self.versions[i] = (<Tensor> values[i]).storage.version
        if special_bits & 16 and tensor_mask:                # dispatch.BIT_SAVED_HOOKS
            values = tuple([pack_saved(value) if tensor_mask >> i & 1 and value is not None else value for i, value in enumerate(values)])
            tensor_mask, output_mask = 0, PACKED
        self.saved = values
        self.tensor_mask = tensor_mask
        self.output_mask = output_mask
        return 0

    cdef tuple unpack(self):
        """Saved values after the version check; outputs get their history back when a graph of the backward is recorded."""
        cdef int i
        cdef unsigned long long mask = self.tensor_mask
        cdef Tensor t, again
        cdef list restored = None
        if self.saved is None:
            raise RuntimeError(
                f"Trying to backward through the graph a second time (or directly access saved tensors after they have already been freed) at {self.name()}. "
                "Saved intermediate values of the graph are freed when you call .backward() or autograd.grad(); give retain_graph=True to keep them")
        i = 0
        while mask:
            if mask & 1:
                t = <Tensor> self.saved[i]
                if t is not None and t.storage.version != self.versions[i]:
                    raise RuntimeError(
                        "one of the variables needed for gradient computation has been modified by an inplace operation: "
                        f"{describe(t)}, saved by {self.name()} as value {i}, is at version {t.storage.version}; expected version {self.versions[i]} instead. "
                        "Hint: clone it before the in-place write, or write out of place")
                if t is not None and self.output_mask >> i & 1 and ft_grad_mode:
                    again = detached(t)
                    again.node = self
                    again.node_output = self.output_number_of(i)
                    if restored is None:
                        restored = list(self.saved)
                    restored[i] = again
            mask >>= 1
            i += 1
        if self.output_mask & PACKED:
            return tuple([unpack_saved(self, value) if type(value) is Packed else value for value in (self.saved if restored is None else restored)])
        return self.saved if restored is None else tuple(restored)

    def output_number_of(self, int i):
        return 0 if self.op is None else self.op.saved_output_number(i)

    def name(self):
        """``AddBackward0`` and the like."""
        if self.label is None:
            self.label = self.op.node_name() if self.op is not None else "Node"
        return self.label

    @property
    def next_functions(self):
        """((node, output number), …): where each input gradient goes; (None, 0) where none is wanted."""
        return tuple([(self.edges[i], self.edge_numbers[i] if self.edges[i] is not None else 0) for i in range(self.n_edges)])

    @property
    def sequence_nr(self):
        return self.sequence

    def _sequence_nr(self):
        return self.sequence

    @property
    def metadata(self):
        if self.metadata_dict is None:
            self.metadata_dict = {}
        return self.metadata_dict

    @property
    def saved_values(self):
        return self.unpack() if self.saved is not None and self.output_mask & PACKED else self.saved

    @property
    def op_entry(self):
        return self.op

    def edge_wanted(self, int i):
        return i < self.n_edges and self.edges[i] is not None

    def release(self):
        self.saved = None

    def __getattr__(self, name):
        if name == "variable" and self.variable is not None:
            return self.variable
        if name.startswith("_saved_") and self.op is not None:
            return self.op.saved_by_name(self, name[7:])
        if self.callback is not None and not name.startswith("__"):
            return getattr(self.callback.context, name)
        raise AttributeError(f"'{self.name()}' object has no attribute '{name}'")

    def __repr__(self):
        return f"<{self.name()} object at {<size_t> <PyObject*> self:#x}>"

    def register_hook(self, fn):
        """Call ``fn(grad_inputs, grad_outputs)`` after this node ran; it may return new grad_inputs. Returns a handle."""
        if self.post_hooks is None:
            self.post_hooks = new_registry()
        return add_hook(self.post_hooks, fn)

    def register_prehook(self, fn):
        """Call ``fn(grad_outputs)`` before this node runs; it may return new ones. Returns a handle."""
        if self.pre_hooks is None:
            self.pre_hooks = new_registry()
        return add_hook(self.pre_hooks, fn)


def add_hook(into, fn):
    """Register `fn` in an OrderedDict; returns the handle that takes it out again."""
    from frankentorch.utils.hooks import RemovableHandle
    handle = RemovableHandle(into)
    into[handle.id] = fn
    return handle


def new_registry():
    """Hooks by id, in order of registration; handles hold it weakly, which a plain dict does not allow."""
    from collections import OrderedDict
    return OrderedDict()


# ---- tensors ----
cdef class Extra:
    """Hooks and the accumulator of the few tensors that have them."""


cdef Node tensor_grad_fn(Tensor t):
    """The node that made `t`; a view's is made anew after its base was written in place."""
    if t.base is not None and t.view_version != t.storage.version and hooks.view_grad_fn != NULL:
        return hooks.view_grad_fn(t)
    return t.node


cdef bint tensor_requires_grad(Tensor t):
    return t.flags & REQUIRES_GRAD or tensor_grad_fn(t) is not None


cdef Extra extra_of(Tensor t):
    if t.extra is None:
        t.extra = Extra.__new__(Extra)
    return t.extra


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
        return Size(ints_tuple(self.rank, self.sizes))

    def size(self, dim=None):
        """All sizes, or the size of one dim."""
        if dim is None:
            return Size(ints_tuple(self.rank, self.sizes))
        return self.sizes[self.wrap_dim(dim)]

    def stride(self, dim=None):
        """All strides in elements, or the stride of one dim."""
        if dim is None:
            return ints_tuple(self.rank, self.strides)
        return self.strides[self.wrap_dim(dim)]

    cdef int wrap_dim(self, dim) except -1:
        cdef Py_ssize_t d = dim
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
        return device_of(is_meta(self))

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
        return is_meta(self)

    @property
    def is_cpu(self):
        return not is_meta(self)

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
            raise RuntimeError(f"assigned grad has data of a different type: tensor is {describe(self)}, grad is {describe(g)}")
        if g.rank != self.rank or any([g.sizes[i] != self.sizes[i] for i in range(self.rank)]):
            raise RuntimeError(f"assigned grad has data of a different size: tensor is {describe(self)}, grad is {describe(g)}")
        self.gradient = g

    @property
    def data(self):
        cdef Tensor out = detached(self)
        cdef Storage apart
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
