# cython: language_level=3, boundscheck=False, wraparound=False
# cython: cdivision=True, initializedcheck=False
# t[...] and t[...] = v. An index is read left to right into basic steps (views: int, slice, None, ...) and index tensors; the
# views are taken first, then one gather (`index`) or one write (`index_put_`). An int, slice or tuple of them on a tensor that
# records nothing is answered here without going through the door.
from cpython.ref cimport PyObject, Py_INCREF
from cpython.long cimport PyLong_Check
from cpython.float cimport PyFloat_Check
from cpython.complex cimport PyComplex_Check
from cpython.bool cimport PyBool_Check
from cpython.tuple cimport PyTuple_Check
from cpython.slice cimport PySlice_Check
from libc.string cimport memcpy
from frankentorch._ext.types cimport *
from frankentorch._ext.dtype cimport ITEMSIZE, dtype_of, is_integral_code
from frankentorch._ext.tensor cimport *
from frankentorch._ext.elementwise cimport copy_into, cast_tensor, contiguous_tensor, broadcast_sizes, is_number, scalar_name
from frankentorch._ext.views cimport select_raw, slice_raw, clamp_index, wrap
from frankentorch._ext.engine cimport set_view
from frankentorch._ext.dispatch cimport Overload, run
from frankentorch._ext.index cimport *
from frankentorch._ext.mask_run cimport count_nonzero, masked_fill, masked_scatter, masked_select
from frankentorch._ext.index_run cimport *
from frankentorch._ext.reduce_run cimport RUN_OK, RUN_INDEX, RUN_MEMORY

cdef object _ops = None
cdef Overload _select = None


def set_ops(namespace):
    """`frankentorch.ops` functions that recorded indexing calls."""
    global _ops, _select
    _ops = namespace
    _select = namespace["select"].overloads[0]


cdef object recorded_select(Tensor t, Py_ssize_t dim, Py_ssize_t index):
    """select through the door, without matching arguments again."""
    cdef PyObject* slots[3]
    cdef object d = dim, i = index
    if special_bits or type(t) is not Tensor:
        return _ops["select"](t, dim, index)
    slots[0] = <PyObject*> t
    slots[1] = <PyObject*> d
    slots[2] = <PyObject*> i
    return run(_select, slots, 0, None)


cdef bint quiet(Tensor t):
    """Nothing is recorded and nothing watches: views may be made directly."""
    return special_bits == 0 and type(t) is Tensor and (not grad_enabled() or not tensor_requires_grad(t))


cdef Tensor step_select(Tensor t, Py_ssize_t dim, object index):
    cdef Py_ssize_t i, size = t.sizes[dim]
    cdef Tensor out
    try:
        i = index
    except OverflowError:
        raise ValueError(f"Overflow when unpacking long long: index {index}") from None
    if i < -size or i >= size:
        raise IndexError(f"index {index} is out of bounds for dimension {dim} with size {size}")
    if quiet(t):
        out = select_raw(t, dim, i + size if i < 0 else i)
        set_view(out, t, VIEW_DEFAULT if grad_enabled() else VIEW_NO_GRAD)
        return out
    return recorded_select(t, dim, i + size if i < 0 else i)


cdef object slice_bound(object value):
    """A bound of a slice as a plain int: ints, 0-d integer tensors, anything with an index."""
    if value is None or PyLong_Check(value):
        return value
    try:
        return value.__index__()
    except AttributeError:
        raise TypeError("slice indices must be integers or None or have an __index__ method") from None


cdef Tensor step_slice(Tensor t, Py_ssize_t dim, slice index):
    cdef Py_ssize_t step = 1
    cdef object start = slice_bound(index.start), stop = slice_bound(index.stop)
    cdef Tensor out
    if index.step is not None:
        step = clamp_index(slice_bound(index.step))
    if step <= 0:
        raise ValueError("step must be greater than zero")
    if start is None and stop is None and step == 1 and quiet(t):
        out = new_view(t, t.rank, t.sizes, t.strides, t.offset)
        set_view(out, t, VIEW_DEFAULT if grad_enabled() else VIEW_NO_GRAD)
        return out
    if quiet(t):
        out = slice_raw(t, dim, 0 if start is None else clamp_index(start), (<Py_ssize_t> 1 << 62) if stop is None else clamp_index(stop), step)
        set_view(out, t, VIEW_DEFAULT if grad_enabled() else VIEW_NO_GRAD)
        return out
    return _ops["slice"](t, dim, 0 if start is None else clamp_index(start), None if stop is None else clamp_index(stop), step)


cdef int consumed(tuple index) except -1:
    """Dims that the items of an index use up (a mask uses as many as it has)."""
    cdef int n = 0
    for item in index:
        if item is None or item is Ellipsis or item is True or item is False:
            continue
        if isinstance(item, Tensor) and ((<Tensor> item).code == BOOL or (<Tensor> item).code == U8):
            n += (<Tensor> item).rank
        else:
            n += 1
    return n


cdef object as_index_tensor(object item):
    """An index tensor for a sequence, array or range; None when the item is a basic index."""
    if isinstance(item, Tensor):
        return item
    if isinstance(item, (dict, set)) or not (isinstance(item, (list, range)) or getattr(item, "ndim", 0) or hasattr(item, "__len__")):
        return None
    if not len(item):
        return _ops["tensor"](item, dtype=dtype_of(I64))
    try:
        found = _ops["tensor"](item)
    except OverflowError:
        raise ValueError(f"Overflow when unpacking long long: {item}") from None
    if (<Tensor> found).code >= F16 and (<Tensor> found).code <= F64 and not hasattr(item, "__array__"):      # a list of floats counts as their integers
        found = _ops["tensor"](item, dtype=dtype_of(I64))
    return found


cdef bint reads_as_tuple(object index):
    """A short list that holds anything but numbers is an index per dim, as in NumPy of old."""
    if not isinstance(index, list) or len(index) >= 32:
        return False
    for item in index:
        if item is None or item is Ellipsis or isinstance(item, (slice, Tensor, list, tuple, range)) or getattr(item, "ndim", 0):
            return True
    return False


cdef Tensor basic_and_indices(Tensor t, object index, list indices):
    """Apply the basic steps; leave index tensors (or None) per dim of the result in `indices`."""
    cdef int dim = 0, lag = 0
    cdef tuple items
    cdef bint dots = False
    if not PyTuple_Check(index):
        if reads_as_tuple(index):
            import warnings
            warnings.warn("Using a non-tuple sequence for multidimensional indexing is deprecated; use x[tuple(seq)] instead of x[seq]", UserWarning, stacklevel=2)
            items = tuple(index)
        else:
            items = (index,)
    else:
        items = <tuple> index
    items = tuple([x if x is None or x is Ellipsis or PyLong_Check(x) or PySlice_Check(x) or isinstance(x, Tensor) else normal(x) for x in items])
    if consumed(items) > t.rank:
        raise IndexError(f"too many indices for tensor of dimension {t.rank}")
    for position, item in enumerate(items):
        if item is Ellipsis:
            if dots and not consumed(items[position:]):
                continue
            if dots:
                raise IndexError("an index can only have a single ellipsis ('...')")
            dots = True
            dim = t.rank - consumed(items[position + 1:])
        elif item is None:
            t = _ops["unsqueeze"](t, dim)
            dim += 1
        elif PyBool_Check(item):
            t = _ops["unsqueeze"](t, dim)
            put_index(indices, dim - lag, _ops["tensor"](item))
            dim += 1
        elif PyLong_Check(item):
            t = step_select(t, dim, item)
        elif PySlice_Check(item):
            t = step_slice(t, dim, item)
            dim += 1
        else:
            index_tensor = <Tensor> item
            if (<Tensor> index_tensor).rank == 0 and is_integral_code((<Tensor> index_tensor).code) and (<Tensor> index_tensor).code != BOOL and (<Tensor> index_tensor).code != U8 \
                    and not is_meta(<Tensor> index_tensor) and not lives_on_meta(t):
                t = step_select(t, dim, hooks.item(<Tensor> index_tensor))
                continue
            if (<Tensor> index_tensor).rank == 0 and ((<Tensor> index_tensor).code == BOOL or (<Tensor> index_tensor).code == U8):
                t = _ops["unsqueeze"](t, dim)
                put_index(indices, dim - lag, index_tensor)
                dim += 1
                continue
            put_index(indices, dim - lag, index_tensor)
            if (<Tensor> index_tensor).code == BOOL or (<Tensor> index_tensor).code == U8:
                lag += (<Tensor> index_tensor).rank - 1       # one entry stands for all dims of a mask
                dim += (<Tensor> index_tensor).rank
            else:
                dim += 1
    return t


cdef int put_index(list indices, int dim, object value) except -1:
    while len(indices) < dim:
        indices.append(None)
    indices.append(value)
    return 0


cdef object normal(object item):
    """Sequences and arrays to tensors, index-like scalars to ints."""
    if hasattr(item, "__index__") and not hasattr(item, "__len__"):
        try:
            return item.__index__()
        except TypeError:                    # a NumPy float or bool
            pass
    found = as_index_tensor(item)
    if found is None:
        raise IndexError(f"only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices (got {type(item).__name__})")
    return found


cdef object getitem(Tensor self, object index):
    cdef list indices
    cdef Tensor t
    if PyLong_Check(index) and not PyBool_Check(index) and special_bits == 0:
        if self.rank == 0:
            raise IndexError("invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` in C++ to convert a 0-dim tensor to a number")
        return step_select(self, 0, index)
    indices = []
    t = basic_and_indices(self, index, indices)
    if indices:
        return _ops["index"](t, indices)
    if t is self:
        return _ops["alias"](self)
    return t


cdef int setitem(Tensor self, object index, object value) except -1:
    cdef list indices = []
    cdef Tensor t, v
    t = basic_and_indices(self, index, indices)
    if isinstance(value, Tensor):
        v = <Tensor> value
    elif PyLong_Check(value) or PyFloat_Check(value) or PyComplex_Check(value):
        v = None
        if PyLong_Check(value) and not (-(<object> 1 << 63) <= value < (<object> 1 << 63)):
            raise ValueError(f"Overflow when unpacking long long: {value}")
    else:
        raise TypeError(f"can't assign a {type(value).__name__} to a {describe(self)}")
    if not indices:
        if v is None:
            _ops["fill_"](t, value)
        else:
            while v.rank > t.rank and v.sizes[0] == 1:
                v = <Tensor> _ops["squeeze"](v, 0)
            _ops["copy_"](t, v)
        return 0
    if v is None:
        v = <Tensor> _ops["full"]((), value, dtype=dtype_of(t.code), device=t.device)
    elif v.code != t.code and v.rank == 0:
        v = <Tensor> _ops["to"](v, dtype_of(t.code))
    _ops["index_put_"](t, indices, v)
    return 0


hooks.getitem = getitem
hooks.setitem = setitem


# ---- the gather and the write ----
cdef class Plan:
    """An advanced index made ready: broadcast index tensors, the dims they stand for, and the shape of the result."""
    cdef list tensors                  # int64 tensors of the common shape
    cdef list dims                     # dim of self each one indexes
    cdef int ndim                      # of the result
    cdef int at                        # where the index dims stand in the result
    cdef int width                     # how many index dims
    cdef Py_ssize_t sizes[64]
    cdef Py_ssize_t self_steps[64]
    cdef Py_ssize_t index_steps[16][64]


cdef Plan make_plan(Tensor self, tuple indices, str name):
    """Masks become their coordinates; index tensors are broadcast; adjacent ones keep their place, others move to the front."""
    cdef Plan plan = Plan.__new__(Plan)
    cdef list expanded = [], tensors = []
    cdef list dims = []
    cdef Tensor t
    cdef int d, i, k = 0, n, shift
    cdef bint adjacent = True
    cdef PyObject* raw[64]
    cdef Py_ssize_t common[64]
    for item in indices:
        if item is None:
            expanded.append(None)
            k += 1
            continue
        t = <Tensor> item
        if t.code == BOOL or t.code == U8:
            for d in range(t.rank):
                if k + d >= self.rank or t.sizes[d] != self.sizes[k + d]:
                    raise IndexError(f"The shape of the mask {list(sizes_tuple(t))} at index {d} does not match the shape of the indexed tensor {list(sizes_tuple(self))} at index {k + d}")
            if t.rank == 0:
                expanded.append(_ops["nonzero"](_ops["unsqueeze"](t, 0)).select(1, 0))
                k += 1
            else:
                for column in _ops["nonzero"](t).unbind(1):
                    expanded.append(column)
                k += t.rank
        elif t.code == I64 or t.code == I32:
            expanded.append(t)
            k += 1
        elif is_integral_code(t.code):
            expanded.append(cast_tensor(t, I64)) if t.code == I8 or t.code == I16 else None
            if t.code != I8 and t.code != I16:
                raise IndexError(f"tensors used as indices must be long, int, byte or bool tensors, not {scalar_name(t.code)}")
            k += 1
        else:
            raise IndexError("tensors used as indices must be long, int, byte or bool tensors")
    if len(expanded) > self.rank:
        raise IndexError(f"too many indices for tensor of dimension {self.rank} (got {len(expanded)})")
    for d, item in enumerate(expanded):
        if item is not None:
            if len(dims) and d != dims[len(dims) - 1] + 1:
                adjacent = False
            dims.append(d)
            tensors.append(item)
    n = len(tensors)
    if n > 16:
        raise RuntimeError(f"{name}: more than 16 index tensors")
    for i in range(n):
        raw[i] = <PyObject*> tensors[i]
    try:
        plan.width = broadcast_sizes(n, raw, common)
    except RuntimeError:
        raise IndexError("shape mismatch: indexing tensors could not be broadcast together with shapes " + ", ".join([str(list(sizes_tuple(<Tensor> x))) for x in tensors])) from None
    plan.tensors, plan.dims = tensors, dims
    plan.at = dims[0] if adjacent else 0
    plan.ndim = self.rank - n + plan.width
    if plan.ndim > MAX_DIMS:
        raise RuntimeError(f"{name}: the result would have {plan.ndim} dims; the most is {MAX_DIMS}")
    # result dims: [kept before] index dims [kept after]
    k = 0
    for d in range(self.rank):
        if k == plan.at:
            k += plan.width
        if d in dims:
            continue
        plan.sizes[k] = self.sizes[d]
        plan.self_steps[k] = self.strides[d] * ITEMSIZE[self.code]
        for i in range(n):
            plan.index_steps[i][k] = 0
        k += 1
    for d in range(plan.width):
        plan.sizes[plan.at + d] = common[d]
        plan.self_steps[plan.at + d] = 0
        for i in range(n):
            t = <Tensor> tensors[i]
            shift = plan.width - t.rank
            plan.index_steps[i][plan.at + d] = 0 if d < shift or t.sizes[d - shift] == 1 else t.strides[d - shift] * ITEMSIZE[t.code]
    return plan


cdef int fill_indices(Plan plan, Tensor self, IndexTensor* into) except -1:
    cdef int i
    cdef Tensor t
    for i in range(len(plan.tensors)):
        t = <Tensor> plan.tensors[i]
        into[i].data = data_of(t)
        into[i].code = t.code
        into[i].wrap = True
        into[i].size = self.sizes[<int> plan.dims[i]]
        into[i].step = self.strides[<int> plan.dims[i]] * ITEMSIZE[self.code]
        into[i].steps = plan.index_steps[i]
    return 0


cdef int raise_fault(Plan plan, IndexFault* fault) except -1:
    raise IndexError(f"index {fault.value} is out of bounds for dimension {plan.dims[fault.which]} with size {fault.size}")


cdef Tensor full_mask(Tensor self, tuple indices):
    """The one mask over all dims that the indices are, or None."""
    cdef Tensor mask
    cdef int d
    if len(indices) != 1 or indices[0] is None or self.rank == 0:
        return None
    mask = <Tensor> indices[0]
    if (mask.code != BOOL and mask.code != U8) or mask.rank != self.rank or is_meta(self) or is_meta(mask):
        return None
    for d in range(self.rank):
        if mask.sizes[d] != self.sizes[d]:
            return None
    return mask


cdef int steps_of(Tensor t, Py_ssize_t* steps) noexcept:
    cdef int d
    for d in range(t.rank):
        steps[d] = t.strides[d] * ITEMSIZE[t.code]
    return t.rank


cdef Tensor read_mask(Tensor self, Tensor mask):
    """self[mask], one pass to count and one to pack: no coordinates."""
    cdef Py_ssize_t steps[64]
    cdef Py_ssize_t mask_steps[64]
    cdef Py_ssize_t n
    cdef Tensor out
    steps_of(self, steps)
    steps_of(mask, mask_steps)
    start, bits = data_of(self), data_of(mask)
    with nogil:
        n = count_nonzero(BOOL, self.rank, self.sizes, mask_steps, bits)
    out = new_tensor(self.code, False, 1, &n)
    to = data_of(out)
    with nogil:
        masked_select(ITEMSIZE[self.code], self.rank, self.sizes, start, steps, bits, mask_steps, to)
    return out


cdef bint write_mask(Tensor self, Tensor mask, Tensor values) except -1:
    """self[mask] = values; false, with nothing done, if values is neither one nor one for each place."""
    cdef Py_ssize_t steps[64]
    cdef Py_ssize_t mask_steps[64]
    cdef Py_ssize_t n
    if values.storage is self.storage or mask.storage is self.storage:
        return False
    steps_of(self, steps)
    steps_of(mask, mask_steps)
    start, bits, source = data_of(self), data_of(mask), data_of(values)
    if values.count == 1 and values.rank <= 1:
        with nogil:
            masked_fill(ITEMSIZE[self.code], self.rank, self.sizes, start, steps, bits, mask_steps, source)
        return True
    if values.rank != 1 or not values.flags & DENSE:
        return False
    with nogil:
        n = count_nonzero(BOOL, self.rank, self.sizes, mask_steps, bits)
    if n != values.count:
        return False
    with nogil:
        masked_scatter(ITEMSIZE[self.code], self.rank, self.sizes, start, steps, bits, mask_steps, source)
    return True


def index(Tensor self, tuple indices):
    """self[indices] for a list of index tensors (None: the whole dim)."""
    cdef Plan plan
    cdef Tensor out, mask
    cdef IndexTensor tensors[16]
    cdef IndexFault fault
    cdef Py_ssize_t steps[64]
    cdef int d, status, code = self.code, n
    if all([x is None for x in indices]):
        out = new_like(self, self.code)
        copy_into(out, self)
        return out
    mask = full_mask(self, indices)
    if mask is not None:
        return read_mask(self, mask)
    plan = make_plan(self, indices, "index")
    out = new_tensor(self.code, is_meta(self), plan.ndim, plan.sizes)
    if is_meta(self):
        return out
    fill_indices(plan, self, tensors)
    if out.count == 0:
        return out
    n = len(plan.tensors)
    for d in range(plan.ndim):
        steps[d] = out.strides[d] * ITEMSIZE[code]
    start = data_of(self)
    to = data_of(out)
    with nogil:
        status = index_run(INDEX_READ, code, plan.ndim, plan.sizes, start, plan.self_steps, to, steps, n, tensors, &fault)
    if status == RUN_INDEX:
        raise_fault(plan, &fault)
    if status != RUN_OK:
        raise RuntimeError(f"index: not enough memory for {describe(self)}")
    return out


def index_put(Tensor self, tuple indices, Tensor values, bint accumulate):
    """In place: self[indices] = values, or += in ascending order of the values; returns self."""
    cdef Plan plan
    cdef IndexTensor tensors[16]
    cdef IndexFault fault
    cdef Py_ssize_t steps[64]
    cdef int d, shift, status, n, code = self.code
    cdef Tensor v = values, mask
    if v.code != self.code:
        raise RuntimeError(f"Index put requires the source and destination dtypes match, got {scalar_name(self.code)} for the destination and {scalar_name(v.code)} for the source.")
    if all([x is None for x in indices]):
        if accumulate:
            hooks.inplace(OP_ADD, self, values)
        else:
            copy_into(self, values)
        return self
    mask = None if accumulate else full_mask(self, indices)
    if mask is not None and write_mask(self, mask, v):
        return self
    plan = make_plan(self, indices, "index_put_")
    shift = plan.ndim - v.rank
    if shift < 0:
        for d in range(-shift):
            if v.sizes[d] != 1:
                raise RuntimeError(f"shape mismatch: value tensor of shape {list(sizes_tuple(v))} cannot be broadcast to indexing result of shape {[plan.sizes[i] for i in range(plan.ndim)]}")
    for d in range(plan.ndim):
        if d < shift:
            steps[d] = 0
        elif v.sizes[d - shift] == plan.sizes[d]:
            steps[d] = v.strides[d - shift] * ITEMSIZE[v.code]
        elif v.sizes[d - shift] == 1:
            steps[d] = 0
        else:
            raise RuntimeError(f"shape mismatch: value tensor of shape {list(sizes_tuple(v))} cannot be broadcast to indexing result of shape {[plan.sizes[i] for i in range(plan.ndim)]}")
    if is_meta(self):
        return self
    if v.storage is self.storage:
        v = new_like(v, v.code)
        copy_into(v, values)
        for d in range(plan.ndim):
            steps[d] = 0 if d < shift or v.sizes[d - shift] == 1 else v.strides[d - shift] * ITEMSIZE[v.code]
    fill_indices(plan, self, tensors)
    for d in range(plan.ndim):
        if plan.sizes[d] == 0:
            return self
    n = len(plan.tensors)
    start = data_of(self)
    source = data_of(v)
    with nogil:
        status = index_run(INDEX_ADD if accumulate else INDEX_WRITE, code, plan.ndim, plan.sizes, start, plan.self_steps, source, steps, n, tensors, &fault)
    if status == RUN_INDEX:
        raise_fault(plan, &fault)
    if status != RUN_OK:
        raise RuntimeError(f"index_put_: not enough memory for {describe(self)}")
    return self
