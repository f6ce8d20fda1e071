# Part of dispatch.pyx: what out= tensors must be, and how results reach them.
cdef object refuse_out(Overload ov):
    return RuntimeError(f"{ov.name}(): functions with out=... arguments don't support automatic differentiation, but one of the arguments requires grad.")


cdef object named(Overload ov, object result):
    """Several results come as the op's named tuple."""
    if isinstance(result, (tuple, list)) and len(ov.output_names) > 1:
        if ov.returns is None:
            if _return_types is None:
                return tuple(result)
            ov.returns = _return_types(ov.name, ov.output_names)
        return ov.returns(result)
    return result


cdef int check_out(Overload ov, PyObject** slots, object out) except -1:
    """What can be said of out= before any work: its kind, its gradient, and the dtype that a `dtype` argument takes from it."""
    cdef int i
    cdef bint many = isinstance(out, (tuple, list))
    if many and len(ov.output_names) < 2 and not ov.gives_list:
        raise TypeError(f"{ov.name}(): argument 'out' must be Tensor, not {type(out).__name__}")
    if len(ov.output_names) > 1 and (not many or len(<object> out) != len(ov.output_names)):
        raise TypeError(f"{ov.name}(): argument 'out' must be a tuple of {len(ov.output_names)} Tensors, not {f'of {len(<object> out)}' if many else type(out).__name__}")
    for one in (out if many else (out,)):
        if not isinstance(one, Tensor):
            raise TypeError(f"{ov.name}(): argument 'out' must be {'tuple of Tensors' if len(ov.output_names) > 1 else 'Tensor'}, not {type(one).__name__}")
    if grad_enabled() and not ov.refuses_grad:
        if any_requires(ov, slots):
            raise refuse_out(ov)
        for one in (out if many else (out,)):
            if edge_requires(one):
                raise refuse_out(ov)
    if special_bits & BIT_DUAL and not ov.refuses_grad and any_dual(ov, slots, out):
        raise NotImplementedError(f"Trying to use forward AD with {ov.name}_out that does not support it because it is an out= function")
    if ov.out_rule == OUT_FOLLOW or ov.out_rule == OUT_FILL:
        i = ov.arg_names.index("dtype")
        given = dtype_of((<Tensor> out).code)
        if <object> slots[i] is None:
            slots[i] = <PyObject*> given         # dtypes live for ever
        elif (<object> slots[i]) is not given:
            raise RuntimeError(f"{ov.name}: dtype {scalar_name((<dtype> <object> slots[i]).code)} does not match dtype of out parameter ({scalar_name((<Tensor> out).code)})")
    return 0


cdef int check_out_overlap(Overload ov, object value, Tensor out) except -1:
    """Refuse an output that shares some memory with an input without being that input."""
    cdef Tensor t
    if isinstance(value, Tensor):
        t = <Tensor> value
        if overlap_of(out, t) == OVERLAP_PARTIAL or (overlap_of(out, t) == OVERLAP_FULL and (ov.out_rule == OUT_JOIN or ov.out_rule == OUT_APART)):
            raise RuntimeError(f"{ov.name}: unsupported operation: some elements of the input tensor and the written-to tensor refer to a single memory location: "
                               f"{describe(t)} and {describe(out)}. Please clone() the tensor before performing the operation.")
    elif isinstance(value, tuple):
        for item in <tuple> value:
            check_out_overlap(ov, item, out)
    return 0


cdef object write_out(Overload ov, PyObject** slots, object result, object out):
    """Copy results into out= tensors, resizing them as the oracle does."""
    cdef Tensor target, source
    cdef int i
    if isinstance(out, (tuple, list)):
        if len(out) != len(result):
            raise TypeError(f"{ov.name}(): argument 'out' must be a tuple of {len(result)} Tensors, not of {len(out)}")
        for one, value in zip(out, result):
            write_out(ov, slots, value, one)
        return named(ov, out)
    if not isinstance(result, Tensor):
        raise RuntimeError(f"{ov.name} does not support the out argument when it gives {type(result).__name__}")
    target, source = <Tensor> out, <Tensor> result
    if is_meta(target) != is_meta(source):
        raise RuntimeError(f"{ov.name}: Expected out tensor to have device {source.device}, but got {target.device} instead")
    if (ov.out_rule == OUT_EXACT or ov.out_rule == OUT_APART) and target.code != source.code:
        raise RuntimeError(f"{ov.name}: Expected out tensor to have dtype {dtype_of(source.code)}, but got {dtype_of(target.code)} instead")
    if ov.out_rule == OUT_MASK and target.code != BOOL and target.code != U8:
        raise RuntimeError(f"{ov.name} only supports bool tensor for result, got: {scalar_name(target.code)}")
    if ov.out_rule != OUT_ANY and not can_cast_codes(source.code, target.code):
        raise (TypeError if ov.out_rule == OUT_JOIN else RuntimeError)(f"{ov.name}: result type {scalar_name(source.code)} can't be cast to the desired output type {scalar_name(target.code)}")
    if ov.out_rule == OUT_APART:
        check_no_internal_overlap(target, ov.name)
    if sizes_tuple(target) != sizes_tuple(source):
        if target.count and ov.out_rule != OUT_FILL:
            import warnings
            warnings.warn(f"An output with one or more elements was resized since it had shape {list(sizes_tuple(target))}, which does not match the required output shape "
                          f"{list(sizes_tuple(source))}. This behavior is deprecated; resize out to 0 elements first.", UserWarning, stacklevel=2)
        resize_storage(target, source.rank, source.sizes)
    check_no_internal_overlap(target, ov.name)
    for i in range(ov.n_args):
        check_out_overlap(ov, <object> slots[i], target)
    copy_into(target, source)
    bump(target)
    return out
