# Part of dispatch.pyx: ops inside a vmap (BIT_BATCH). What an op does to examples is one step beneath the recording: a node is made of the
# examples as of any tensors, and the batching rule (frankentorch.func.batching) runs ordinary ops on what they are examples of, which
# record on their own if they must. So vmap(grad(f)) and grad(vmap(f)) need nothing of each other.
cdef object _batching = None


def set_batching(function):
    """``function(overload, args, mode)`` runs a row some of whose arguments are examples of a batch; NotImplemented when none is."""
    global _batching
    _batching = function


cdef inline bint is_batched(object value):
    return isinstance(value, Tensor) and (<Tensor> value).flags & BATCHED


cdef long long batch_level_of(Overload ov, PyObject** slots):
    """The innermost vmap among the arguments; 0 for none."""
    cdef long long best = 0
    cdef int i
    for i in range(ov.n_args):
        if is_batched(<object> slots[i]):
            best = max(best, (<Tensor> <object> slots[i]).extra.level)
        elif isinstance(<object> slots[i], tuple):
            for item in <tuple> <object> slots[i]:
                if is_batched(item):
                    best = max(best, (<Tensor> item).extra.level)
    return best


cdef bint any_batched(Overload ov, PyObject** slots, int mode, object out):
    cdef int i
    for i in range(ov.n_args):
        if is_batched(<object> slots[i]):
            return True
        if isinstance(<object> slots[i], tuple):
            for item in <tuple> <object> slots[i]:
                if is_batched(item):
                    return True
    if mode == OUT:
        for item in (out if isinstance(out, (tuple, list)) else (out,)):
            if is_batched(item):
                return True
    return False


cdef object batch_of(Overload ov, tuple args, int mode):
    """The rule, recording beneath when a walk of gradients.py says so."""
    cdef bint before
    if grad_enabled() or not grad_beneath():
        return _batching(ov, args, mode)
    before = set_grad_enabled(True)
    try:
        return _batching(ov, args, mode)
    finally:
        set_grad_enabled(before)


cdef object run_batched(Overload ov, PyObject** slots, int mode):
    """Run a row on examples: the node of the examples' own history, the rule beneath it."""
    cdef bint records = ov.backward != NULL and grad_enabled() and wants_record(ov, slots)
    cdef Node node = None
    cdef PyObject* held[24]
    cdef Tensor target
    cdef object result, copy = None
    cdef int i
    cdef tuple args
    if mode == OUT:
        raise RuntimeError(f"vmap: Batching rule not implemented for aten::{ov.name}.out; the fallback path doesn't work on out= or view ops. Leave out= away")
    args = tuple([<object> slots[i] for i in range(ov.n_args)])
    if mode == FUNCTION:
        if records and ov.kind != BODY:
            node = make_node(ov, slots)
        result = batch_of(ov, args, mode)
        if result is NotImplemented or ov.kind == BODY:
            return result
        if ov.view:
            mark_views(ov, slots, result)
        if node is not None:
            finish_node(node, ov, result)
        return named(ov, result) if len(ov.output_names) > 1 else result
    if ov.kind == BODY:
        return batch_of(ov, args, mode)
    if not isinstance(<object> slots[0], Tensor):
        raise TypeError(f"{ov.name}_(): argument 'self' (position 1) must be Tensor, not {type(<object> slots[0]).__name__}")
    target = <Tensor> <object> slots[0]
    if not target.flags & BATCHED:                   # refused, or written by random numbers that are the same for all examples
        return batch_of(ov, args, mode)
    if not records and ov.backward != NULL and grad_enabled() and tensor_requires_grad(target):
        records = True
    check_inplace(target, records)
    if records:
        memcpy(held, slots, ov.n_args * sizeof(PyObject*))
        for i in range(ov.n_saved):
            if ov.save_kinds[i] == S_ARG and ov.save_indices[i] == 0 and saved_for_others(ov, slots, i):
                copy = detached(target).clone()
                break
        node = make_node(ov, held)
        if copy is not None:
            replace_saved(node, ov, copy)
    batch_of(ov, args, mode)
    if records:
        node.describe_output(0, target)
        rebase_history(target, node)
        save_outputs(node, ov, target)
    return target
