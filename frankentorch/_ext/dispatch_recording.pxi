# Part of dispatch.pyx: the node of a recorded op: its edges, what it saves, its outputs.
cdef bint edge_requires(object value):
    return value is not None and isinstance(value, Tensor) and tensor_requires_grad(<Tensor> value)


cdef bint wants_record(Overload ov, PyObject** slots):
    """Whether any differentiable argument asks for a gradient."""
    cdef int i
    cdef object value
    for i in range(ov.n_edges):
        value = <object> slots[ov.edges[i]]
        if isinstance(value, Tensor):
            if (<Tensor> value).flags & REQUIRES_GRAD or (<Tensor> value).node is not None or ((<Tensor> value).base is not None and tensor_requires_grad(<Tensor> value)):
                return True
        elif isinstance(value, tuple):
            for item in <tuple> value:
                if edge_requires(item):
                    return True
    return False


cdef bint any_requires(Overload ov, PyObject** slots):
    """As wants_record, over all tensor arguments: out= refuses gradients whether or not the op has one."""
    cdef int i
    for i in range(ov.n_args):
        if edge_requires(<object> slots[i]):
            return True
        if isinstance(<object> slots[i], tuple):
            for item in <tuple> <object> slots[i]:
                if isinstance(item, Tensor) and edge_requires(item):
                    return True
    return False


cdef object attribute(int kind, object value):
    """A fact of an argument that a formula names (`self_sizes` …); of a list, the tuple of its members' facts."""
    if isinstance(value, tuple):
        return tuple([attribute(kind, item) for item in <tuple> value])
    if not isinstance(value, Tensor):
        return None if value is None else () if kind == S_SIZES or kind == S_STRIDES else 0 if kind == S_NDIM else 1 if kind == S_NUMEL else None
    cdef Tensor t = <Tensor> value
    if kind == S_SIZES or kind == S_OUT_SIZES:
        return sizes_tuple(t)
    if kind == S_STRIDES:
        return strides_tuple(t)
    if kind == S_DTYPE or kind == S_OUT_DTYPE:
        return dtype_of(t.code)
    if kind == S_NDIM or kind == S_OUT_NDIM:
        return t.rank
    if kind == S_NUMEL:
        return t.count
    if kind == S_OFFSET:
        return t.offset
    return t.device


cdef Node make_node(Overload ov, PyObject** slots):
    """Node with edges and saved inputs; outputs are added by finish_node."""
    cdef Node node = Node.__new__(Node)
    cdef int numbers[16]
    cdef int i, n
    cdef unsigned int wanted = 0
    cdef tuple edges, saved
    cdef Node below
    cdef object value
    node.op = ov
    node.fn = ov.backward
    number_node(node)
    if ov.list_edge:
        set_list_edges(ov, slots, node)
        wanted = <unsigned int> -1
    else:
        n = ov.n_edges
        edges = PyTuple_New(n)
        for i in range(n):
            value = <object> slots[ov.edges[i]]
            below = None
            numbers[i] = 0
            if isinstance(value, Tensor):
                below = gradient_edge(<Tensor> value, &numbers[i])
                if below is not None:
                    wanted |= <unsigned int> 1 << i
            Py_INCREF(below)
            PyTuple_SET_ITEM(edges, i, below)
        node.set_edges(edges, numbers)
    if ov.n_saved:
        saved = PyTuple_New(ov.n_saved)
        for i in range(ov.n_saved):
            value = None
            if ov.save_needed[i] & wanted and ov.save_kinds[i] < S_OUT_SIZES and ov.save_kinds[i] != S_OUTPUT:
                value = <object> slots[ov.save_indices[i]]
                if ov.save_kinds[i] != S_ARG:
                    value = attribute(ov.save_kinds[i], value)
            Py_INCREF(value)
            PyTuple_SET_ITEM(saved, i, value)
        save_inputs(node, ov, saved)
    else:
        node.saved = ()
    if special_bits & BIT_ANOMALY:
        note_traceback(node)
    return node


cdef int save_inputs(Node node, Overload ov, tuple saved) except -1:
    """Version checks only for what is a tensor here (an operand may be a number)."""
    cdef unsigned long long mask = 0
    cdef int i
    for i in range(ov.n_saved):
        if ov.save_tensor_mask >> i & 1 and isinstance(saved[i], Tensor):
            mask |= <unsigned long long> 1 << i
    return node.save(saved, mask, 0)


cdef int set_list_edges(Overload ov, PyObject** slots, Node node) except -1:
    """Edges of a row whose last differentiable argument is a tensor list: one per member."""
    cdef list edges = []
    cdef list places = []
    cdef int i, number
    cdef int* numbers
    for i in range(ov.n_edges):
        value = <object> slots[ov.edges[i]]
        for item in (value if isinstance(value, tuple) else (value,)):
            number = 0
            edges.append(gradient_edge(<Tensor> item, &number) if isinstance(item, Tensor) else None)
            places.append(number)
    numbers = <int*> malloc((len(places) + 1) * sizeof(int))
    if numbers == NULL:
        raise MemoryError()
    for i in range(len(places)):
        numbers[i] = places[i]
    try:
        node.set_edges(tuple(edges), numbers)
    finally:
        free(numbers)
    return 0


cdef int save_outputs(Node node, Overload ov, object out) except -1:
    """Fill the saved slots that name outputs; they hold the bytes without history, so no cycle arises."""
    cdef int i, k
    cdef Tensor t
    cdef object value
    cdef tuple saved = node.saved
    for i in range(ov.n_saved):
        if ov.save_kinds[i] != S_OUTPUT and ov.save_kinds[i] < S_OUT_SIZES:
            continue
        k = ov.save_indices[i]
        value = out[k] if isinstance(out, (tuple, list)) else out
        if not isinstance(value, Tensor):
            continue
        if ov.save_kinds[i] == S_OUTPUT:
            if special_bits & BIT_SAVED_HOOKS and saved_hooks_on():
                value = pack_saved(detached(<Tensor> value), k)
                node.output_mask |= <unsigned long long> 1 << 63
            else:
                t = detached(<Tensor> value)
                node.versions[i] = t.storage.version
                node.tensor_mask |= <unsigned long long> 1 << i
                node.output_mask |= <unsigned long long> 1 << i
                value = t
        else:
            value = attribute(ov.save_kinds[i], value)
        Py_INCREF(value)
        PyTuple_SET_ITEM(saved, i, value)      # ours alone until the node is handed out; the slot held None
    if special_bits & BIT_HARDENED and node.tensor_mask:
        guard_saved(node)
    return 0


cdef int attach(Node node, Tensor t, int i) except -1:
    node.describe_output(i, t)
    t.node = node
    t.node_output = i
    t.flags &= ~(<unsigned int> REQUIRES_GRAD)
    return 0


cdef int finish_node(Node node, Overload ov, object out) except -1:
    cdef int i, n
    if isinstance(out, Tensor):
        attach(node, <Tensor> out, 0)
    else:
        n = len(out)
        node.set_outputs(n)
        for i in range(n):
            if isinstance(out[i], Tensor) and (is_float_code((<Tensor> out[i]).code) or is_complex_code((<Tensor> out[i]).code)):
                attach(node, <Tensor> out[i], i)
    save_outputs(node, ov, out)
    return 0
