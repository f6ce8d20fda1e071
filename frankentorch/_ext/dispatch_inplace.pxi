# Part of dispatch.pyx: ops that write their first argument.
cdef object run_inplace(Overload ov, PyObject** slots, bint records):
    """Write into the first argument. The tape saves a copy of it when the derivative needs the value before the write."""
    cdef Tensor target
    cdef Node node = None
    cdef PyObject* held[24]
    cdef object copy = None, result
    cdef int i, number = 0
    cdef bint before
    if not isinstance(<object> slots[0], Tensor):
        raise TypeError(f"{ov.name}_(): argument 'self' (position 1) must be Tensor, not {type(<object> slots[0]).__name__}")
    target = <Tensor> <object> slots[0]
    if ov.kind == LOOP and ov.loop.result == RESULT_REAL and is_complex_code(target.code):
        raise RuntimeError(f"In-place {ov.name} is not supported for complex tensors.")
    if not records and ov.backward != NULL and grad_enabled() and tensor_requires_grad(target):
        records = True
    check_inplace(target, records)
    if records:
        memcpy(held, slots, ov.n_args * sizeof(PyObject*))
        for i in range(ov.n_saved):
            if ov.save_kinds[i] == S_ARG and ov.save_indices[i] == 0 and saved_for_others(ov, slots, i):
                copy = clone_raw(target)
                (<Tensor> copy).node = gradient_edge(target, &number)         # the old value keeps its history, for second derivatives
                (<Tensor> copy).node_output = number
                break
        node = make_node(ov, held)
        if copy is not None:
            replace_saved(node, ov, copy)
    if ov.kind == LOOP:
        run_loop_row(ov, slots, target, False)
    else:
        before = set_grad_enabled(False)
        try:
            result = call_implementation(ov, slots)
        finally:
            set_grad_enabled(before)
        if result is not target:
            if sizes_tuple(<Tensor> result) != sizes_tuple(target):
                raise RuntimeError(f"{ov.name}_: output with shape {list(sizes_tuple(target))} doesn't match the broadcast shape {list(sizes_tuple(<Tensor> result))}")
            if not can_cast_codes((<Tensor> result).code, target.code):
                raise RuntimeError(f"{ov.name}_: result type {scalar_name((<Tensor> result).code)} can't be cast to the desired output type {scalar_name(target.code)}")
            check_no_internal_overlap(target, ov.name)
            copy_into(target, <Tensor> result)
    bump(target)
    if records:
        node.describe_output(0, target)
        rebase_history(target, node)
        save_outputs(node, ov, target)
    return target


cdef bint saved_for_others(Overload ov, PyObject** slots, int i):
    """Whether saved value i will be kept at all: some input that needs it wants a gradient."""
    cdef int k
    for k in range(ov.n_edges):
        if ov.save_needed[i] >> k & 1 and edge_requires(<object> slots[ov.edges[k]]):
            return True
    return False


cdef Tensor clone_raw(Tensor t):
    cdef Tensor out = new_like(t, t.code)
    copy_into(out, t)
    return out


cdef int replace_saved(Node node, Overload ov, object copy) except -1:
    """Swap the saved first argument for its copy."""
    cdef list values = list(node.saved)
    cdef int i
    for i in range(ov.n_saved):
        if ov.save_kinds[i] == S_ARG and ov.save_indices[i] == 0 and values[i] is not None:
            values[i] = copy
            node.versions[i] = (<Tensor> copy).storage.version
    node.saved = tuple(values)
    return 0
