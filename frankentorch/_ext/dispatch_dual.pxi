# Part of dispatch.pyx: forward mode. An op with an argument that has a tangent runs at the next lower level (which may be another level of
# forward mode, then the tape, then the kernel), and so does the rule that makes the tangent of its result (autograd/rules_forward.py).
cdef object _forward_rules = None


cdef object forward_rules():
    global _forward_rules
    if _forward_rules is None:
        _forward_rules = import_module("frankentorch.autograd.rules_forward")
    return _forward_rules


cdef long long highest_level(object value) except -1:
    cdef long long best = 0, level
    if isinstance(value, Tensor):
        return dual_level(<Tensor> value)
    if isinstance(value, (tuple, list)):
        for item in value:
            if isinstance(item, Tensor):
                level = dual_level(<Tensor> item)
                best = level if level > best else best
    return best


cdef long long level_of_slots(Overload ov, PyObject** slots) except -1:
    cdef long long best = 0, level
    cdef int i
    for i in range(ov.n_args):
        level = highest_level(<object> slots[i])
        best = level if level > best else best
    return best


cdef Tensor tangent_at(Tensor t, long long level):
    """The tangent of `t` at a level, or None. A view whose base was written since has the part of the base's tangent it looks at."""
    cdef dict own = None if t.extra is None else t.extra.tangents
    cdef Tensor wider, found
    cdef object key = level
    cdef long long before
    if own is not None and key in own:
        return own[key]
    if t.base is None or t.base.extra is None or t.base.extra.tangents is None:
        return None
    wider = t.base.extra.tangents.get(key)
    if wider is None:
        return None
    before = set_dual_limit(level - 1)
    try:
        found = forward_rules().part(wider, t.base, t)
    finally:
        set_dual_limit(before)
    keep_tangent(t, level, found)
    return found


cdef object tangents_of(object value, long long level):
    if isinstance(value, Tensor):
        return tangent_at(<Tensor> value, level)
    if isinstance(value, tuple):
        found = tuple([tangents_of(item, level) for item in <tuple> value])
        for item in found:
            if item is not None:
                return found
    return None


cdef object run_below(Overload ov, PyObject** slots, int mode, object out):
    """Run where no visible level is left, or whatever is below the one that was hidden: a vmap, the tape, the kernel."""
    cdef object result
    if special_bits & BIT_BATCH and (ov.draws or any_batched(ov, slots, mode, out)):
        result = run_batched(ov, slots, mode)
        if result is not NotImplemented:
            return result
    return run_watched(ov, slots, mode, out) if special_bits & BIT_RECORD else run_primitive(ov, slots, mode, out)


cdef object run_dual(Overload ov, PyObject** slots, int mode, object out):
    """`run`, while a level of forward mode is open."""
    cdef long long level, before
    cdef object result, tangent, args, tangents
    level = 0 if mode == OUT else level_of_slots(ov, slots)          # check_out refuses duals
    if level == 0 or (special_bits & BIT_BATCH and batch_level_of(ov, slots) > level):       # of a vmap further in, the examples come first
        return run_below(ov, slots, mode, out)
    args = tuple([<object> slots[i] for i in range(ov.n_args)])
    tangents = tuple([tangents_of(item, level) for item in <tuple> args])
    before = set_dual_limit(level - 1)
    try:
        if mode == INPLACE:
            return write_dual(ov, slots, args, tangents, level)
        result = run_dual(ov, slots, mode, out)
        if ov.refuses_grad:
            if ov.forward == "zero":
                give_tangents(ov, result, forward_rules().tangent(ov, args, tangents, result), tangents, level)
            else:
                check_forward(ov, result)
        elif wants_tangent(ov, tangents):
            tangent = forward_rules().tangent(ov, args, tangents, result)
            give_tangents(ov, result, tangent, tangents, level)
            if ov.save_output_mask:
                tell_saved(ov, result, level, None)
        return result
    finally:
        set_dual_limit(before)


cdef bint wants_tangent(Overload ov, tuple tangents):
    """Whether any differentiable argument has one."""
    cdef int i
    for i in range(ov.n_edges):
        if tangents[ov.edges[i]] is not None:
            return True
    return False


cdef object no_forward(Overload ov):
    return NotImplementedError(f"Trying to use forward AD with aten::{ov.name} that does not support it.")


cdef int check_forward(Overload ov, object result) except -1:
    """An op without a derivative may give integers, bools, and what its row says is a constant."""
    if ov.forward != "":
        return 0
    for item in (result if isinstance(result, (tuple, list)) else (result,)):
        if isinstance(item, Tensor) and is_continuous(<Tensor> item):
            raise no_forward(ov)
    return 0


cdef bint is_continuous(Tensor t) noexcept:
    return is_float_code(t.code) or is_complex_code(t.code)


cdef int give_tangents(Overload ov, object result, object found, tuple tangents, long long level) except -1:
    cdef int i
    if isinstance(result, Tensor):
        give_tangent(ov, <Tensor> result, found, tangents, level)
        return 0
    if found is None:
        return 0
    for i in range(len(result)):
        if isinstance(result[i], Tensor):
            give_tangent(ov, <Tensor> result[i], found[i], tangents, level)
    return 0


cdef int give_tangent(Overload ov, Tensor t, object found, tuple tangents, long long level) except -1:
    """Set the tangent of a fresh result: laid out as the result is, in bytes of its own unless the op gives a view."""
    if found is None or not is_continuous(t):
        return 0
    if not (ov.view and t.base is not None):
        found = forward_rules().laid_out(found, t, shares(<Tensor> found, tangents))
    return keep_tangent(t, level, found)


cdef int tell_saved(Overload ov, object result, long long level, Tensor before) except -1:
    """What the node of a recorded op saved of its results gets their tangents, for derivatives of its backward; what it saved of an
    overwritten argument gets `before`."""
    cdef Node node = None
    cdef Tensor first
    cdef int i
    value = result if isinstance(result, Tensor) else next((item for item in result if isinstance(item, Tensor)), None)
    if value is None:
        return 0
    first = <Tensor> value
    node = first.node
    if (node is None or node.op is not ov) and first.base is not None and first.base.node is not None and first.base.node.label == "torch::autograd::CopySlices":
        node = first.base.node.saved[0] if first.base.node.saved is not None else None
    if node is None or node.op is not ov or node.saved is None:
        return 0
    for i in range(ov.n_saved):
        saved = node.saved[i]
        if not isinstance(saved, Tensor) and not is_packed(saved):
            continue
        if ov.save_kinds[i] == S_OUTPUT:
            value = result[ov.save_indices[i]] if isinstance(result, (tuple, list)) else result
            give_tangent_to_saved(saved, level, tangent_at(<Tensor> value, level))
        elif before is not None and ov.save_kinds[i] == S_ARG and ov.save_indices[i] == 0 and saved is not first:
            give_tangent_to_saved(saved, level, before)
    return 0


cdef bint shares(Tensor t, object given):
    """Whether `t` lies in the bytes of one of the given tensors."""
    if isinstance(given, Tensor):
        return (<Tensor> given).storage is t.storage
    if isinstance(given, tuple):
        for item in <tuple> given:
            if item is not None and shares(t, item):
                return True
    return False


cdef object write_dual(Overload ov, PyObject** slots, tuple args, tuple tangents, long long level):
    """An op in place. The rule needs the value before the write only if the derivative does; the tangent is written in place as well."""
    cdef Tensor target = <Tensor> args[0]
    cdef object found, old
    cdef tuple held = args
    if not isinstance(args[0], Tensor):
        return run_dual(ov, slots, INPLACE, None)                # which refuses it
    if ov.refuses_grad:
        if is_continuous(target) and ov.forward == "":
            raise no_forward(ov)
        return run_dual(ov, slots, INPLACE, None)
    if not wants_tangent(ov, tangents):
        return run_dual(ov, slots, INPLACE, None)
    if needs_before(ov):
        held = before_write(target, args)
    run_dual(ov, slots, INPLACE, None)
    if not is_continuous(target):
        return target
    found = forward_rules().tangent(ov, held, tangents, target)
    old = None if tangents[0] is None or held is args else forward_rules().copied(tangents[0])
    overwrite_tangent(target, found, tangents, level)
    tell_saved(ov, target, level, old)
    return target


cdef tuple before_write(Tensor target, tuple args):
    """The arguments as they are now: those over the bytes about to be written are copied."""
    cdef list held = []
    for item in args:
        held.append(forward_rules().copied(item) if isinstance(item, Tensor) and (<Tensor> item).storage is target.storage else item)
    return tuple(held)


cdef bint needs_before(Overload ov):
    """Whether the rule of an op reads elements of its arguments."""
    cdef int i
    if ov.forward not in ("", "elementwise", "linear", "zero"):
        return True
    for i in range(ov.n_saved):
        if ov.save_kinds[i] == S_ARG:
            return True
    return False


cdef int overwrite_tangent(Tensor target, object found, tuple tangents, long long level) except -1:
    """Put the tangent of a written tensor where the views of its bytes find it."""
    cdef Tensor old = tangents[0], wider
    cdef object key = level
    if old is None and target.base is not None and (target.extra is None or target.extra.tangents is None or key not in target.extra.tangents):
        wider = forward_rules().blank(target.base, found)
        keep_tangent(target.base, level, wider)
        old = tangent_at(target, level)
    if old is not None and (target.base is not None or old.flags & BATCHED or not (<Tensor> found).flags & BATCHED) and not (grad_enabled() and old.flags & REQUIRES_GRAD and old.node is None):
        forward_rules().overwrite(old, found)
    else:
        keep_tangent(target, level, forward_rules().laid_out(found, target, True))
    return 0


cdef Node _anchor = Node.__new__(Node)


def adjoint(Overload ov, tuple args, object out, tuple wanted, object g):
    """What the derivative formulas of a row give for the gradient `g` of `out`, by differentiable argument (one place per member of a
    list that stands last). `wanted` says for which; arguments and results are read as they are, with their history."""
    cdef Node node = Node.__new__(Node)
    cdef int* numbers
    cdef int i, n = len(wanted)
    cdef list saved = []
    cdef object value, found
    numbers = <int*> malloc((n + 1) * sizeof(int))
    if numbers == NULL:
        raise MemoryError()
    for i in range(n):
        numbers[i] = 0
    try:
        node.set_edges(tuple([_anchor if item else None for item in wanted]), numbers)
    finally:
        free(numbers)
    node.op = ov
    for i in range(ov.n_saved):
        if ov.save_kinds[i] == S_OUTPUT or ov.save_kinds[i] >= S_OUT_SIZES:
            value = out[ov.save_indices[i]] if isinstance(out, (tuple, list)) else out
            value = value if ov.save_kinds[i] == S_OUTPUT else attribute(ov.save_kinds[i], value)
        else:
            value = args[ov.save_indices[i]]
            value = value if ov.save_kinds[i] == S_ARG else attribute(ov.save_kinds[i], value)
        saved.append(value)
    node.saved = tuple(saved)
    found = ov.backward(node, g)
    return found if isinstance(found, tuple) else (found,)


def tangent_of(Tensor t, long long level):
    """The tangent of a tensor at a level, or None."""
    return tangent_at(t, level)


def set_tangent(Tensor t, long long level, tangent):
    """Give a tensor its tangent at a level; None says that it has none there."""
    keep_tangent(t, level, tangent)


cdef bint any_dual(Overload ov, PyObject** slots, object out) except -1:
    return level_of_slots(ov, slots) > 0 or highest_level(out) > 0
