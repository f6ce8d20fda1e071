# Part of tensor.pyx: making tensors and the tuples that describe them.
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
    cdef Tensor out
    if t.flags & BATCHED:
        return batched_over(t.extra.value, t.extra.level)
    out = new_view(t, t.rank, t.sizes, t.strides, t.offset)
    out.flags = t.flags & ~(<unsigned int> (REQUIRES_GRAD | RETAINS_GRAD))
    return out


# ---- examples of a batch (vmap) ----
cdef Tensor batched_over(Tensor value, long long level):
    """A tensor that stands for one example of `value`, whose dim 0 counts examples.

    It has the sizes and strides of one example, shares storage and version counter, and is marked META: a kernel that is handed it
    unprepared makes meta tensors and reads nothing.
    """
    cdef Tensor t
    cdef Extra extra = Extra.__new__(Extra)
    if value.rank == 0:
        raise ValueError("vmap: a tensor of 0 dims has no dim to map over")
    t = new_view(value, value.rank - 1, value.sizes + 1, value.strides + 1, value.offset)
    t.flags |= META | BATCHED
    extra.value = value
    extra.level = level
    t.extra = extra
    return t


cdef bint lives_on_meta(Tensor t) noexcept:
    while t.flags & BATCHED:
        t = t.extra.value
    return (t.flags & META) != 0


def make_batched(Tensor value, long long level):
    """The example-wise face of `value` at a level of vmap."""
    return batched_over(value, level)


def batch_level(value):
    """Level of the vmap that `value` belongs to; 0 for what is no example of a batch."""
    return (<Tensor> value).extra.level if isinstance(value, Tensor) and (<Tensor> value).flags & BATCHED else 0


def batch_value(Tensor t):
    """All examples, along dim 0."""
    if not t.flags & BATCHED:
        raise ValueError(f"{describe(t)} is no example of a batch")
    return t.extra.value


cdef int check_readable(Tensor t) except -1:
    if t.flags & BATCHED:
        raise RuntimeError(f"vmap: Cannot access data pointer of Tensor that doesn't have storage: {describe(t)} stands for one example of a batch. Its values are not known one by one; "
                           "use ops of tensors in the place of tolist(), numpy() or item()")
    return 0


def check_has_data(value):
    """RuntimeError for an example of a batch, whose bytes nobody may read."""
    if isinstance(value, Tensor):
        check_readable(<Tensor> value)


def adopt_value(Tensor t, Tensor value):
    """Stand for another batch, of the same geometry."""
    t.extra.value = value


def without_history(Tensor t):
    """The same bytes and version counter as a leaf that asks for no gradient; of an example, at its own level only."""
    return detached(t)


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


cdef extern from *:
    """
    /* torch.Size is a class of Python that tuple is the base of. Shapes are asked for more than anything else: each is made in one
       piece, and its numbers are read as a tuple's are; only slices take the longer way, to be sizes again. */
    static PyTypeObject *ft_size_type = &PyTuple_Type;

    static PyObject *ft_new_size(int n, const Py_ssize_t *values) {
        PyObject *out = ft_size_type->tp_alloc(ft_size_type, n);
        for (int i = 0; out != NULL && i < n; i++) {
            PyObject *item = PyLong_FromSsize_t(values[i]);
            if (item == NULL)
                Py_CLEAR(out);
            else
                PyTuple_SET_ITEM(out, i, item);
        }
        return out;
    }

    static PyObject *ft_size_item(PyObject *size, PyObject *index) {
        PyObject *found = PyTuple_Type.tp_as_mapping->mp_subscript(size, index), *sized;
        if (found == NULL || !PySlice_Check(index))
            return found;
        sized = PyObject_CallFunctionObjArgs((PyObject *)ft_size_type, found, NULL);
        Py_DECREF(found);
        return sized;
    }

    static void ft_use_size(PyObject *type) {
        Py_INCREF(type);
        ft_size_type = (PyTypeObject *)type;
        ft_size_type->tp_as_mapping->mp_subscript = ft_size_item;
        PyType_Modified(ft_size_type);
    }
    """
    object ft_new_size(int n, const Py_ssize_t* values)
    void ft_use_size(object cls)


cdef object make_size(tuple values):
    return Size(values)


cdef object size_of(Tensor t):
    return ft_new_size(t.rank, t.sizes)


def set_size_class(cls):
    """`torch.Size` is written in Python (a tuple, without an indexing of its own); this tells the core which class to make."""
    global Size
    Size = cls
    ft_use_size(cls)


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
