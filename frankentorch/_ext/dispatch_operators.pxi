# Part of dispatch.pyx: Python's operators, which skip the matching of arguments.
cdef list _operators = [None] * N_OPERATORS
cdef list _inplace_operators = [None] * N_OPERATORS
OPERATOR_NAMES = ("add", "sub", "mul", "div", "floor_divide", "remainder", "pow", "matmul", "bitwise_and", "bitwise_or", "bitwise_xor",
                  "bitwise_left_shift", "bitwise_right_shift", "lt", "le", "eq", "ne", "gt", "ge", "neg", "bitwise_not", "abs", "positive", "reciprocal")
SYMBOLS = ("+", "-", "*", "/", "//", "%", "**", "@", "&", "|", "^", "<<", ">>", "<", "<=", "==", "!=", ">", ">=", "-", "~", "abs()", "+")
cdef object _one = 1
cdef enum:
    OP_RECIPROCAL = N_OPERATORS      # last of the names: no operator, but half of number / tensor


cdef bint plain(object value):
    return type(value) is Tensor or is_parameter(value)


cdef class Reflected:
    """``number op tensor`` as overrides see it: a function of (tensor, number)."""
    cdef int op

    def __init__(self, int op):
        self.op = op

    @property
    def __name__(self):
        return "__r" + {"div": "truediv", "floor_divide": "floordiv", "remainder": "mod"}.get(OPERATOR_NAMES[self.op], OPERATOR_NAMES[self.op].replace("bitwise_", "").replace("left_shift", "lshift").replace("right_shift", "rshift")) + "__"

    def __call__(self, tensor, number):
        return binary_operator(self.op, number, tensor)


cdef object binary_operator(int op, object a, object b):
    cdef PyObject* slots[24]
    cdef Overload ov
    cdef Callable form = <Callable> _operators[op]
    cdef int i
    ov = <Overload> form.overloads[0]
    if not (plain(a) or is_number(a)) or not (plain(b) or is_number(b)) or special_bits & BIT_FUNCTION_MODE:
        if not (isinstance(a, Tensor) or is_number(a)) or not (isinstance(b, Tensor) or is_number(b)):
            other = b if isinstance(a, Tensor) else a
            if other is a and hasattr(type(a), "__array_interface__"):        # NumPy leaves its own operators to us
                return binary_operator(op, import_module("frankentorch.ops.interchange").from_numpy_any(a), b)
            if op == OP_EQ or op == OP_NE or not hasattr(type(other), "__torch_function__"):
                return NotImplemented
            return form(a, b)
        if _function_override is not None:
            if isinstance(a, Tensor):
                result = _function_override(form, [a, b], {})
            else:
                result = _function_override(Reflected(op), [b, a], {})
            if result is not NotImplemented:
                return result
    if op == OP_TRUEDIV and not isinstance(a, Tensor):      # two roundings, as the oracle has it: reciprocal(b) * a
        return binary_operator(OP_MUL, unary_operator(OP_RECIPROCAL, b), a)
    slots[0] = <PyObject*> a
    slots[1] = <PyObject*> b
    for i in range(2, ov.n_args):
        slots[i] = <PyObject*> (<tuple> ov.defaults)[i]
    return run(ov, slots, FUNCTION, None)


cdef object inplace_operator(int op, object a, object b):
    cdef PyObject* slots[24]
    cdef Callable form = <Callable> _inplace_operators[op]
    cdef Overload ov = <Overload> form.overloads[0]
    cdef int i
    if not plain(a) or not (plain(b) or is_number(b)) or special_bits & BIT_FUNCTION_MODE:
        if not isinstance(b, Tensor) and not is_number(b):
            return NotImplemented
        return form(a, b)
    slots[0] = <PyObject*> a
    slots[1] = <PyObject*> b
    for i in range(2, ov.n_args):
        slots[i] = <PyObject*> (<tuple> ov.defaults)[i]
    return run(ov, slots, INPLACE, None)


cdef object unary_operator(int op, object a):
    cdef PyObject* slots[24]
    cdef Callable form = <Callable> _operators[op]
    cdef Overload ov = <Overload> form.overloads[0]
    cdef int i
    if not plain(a) or special_bits & BIT_FUNCTION_MODE:
        return form(a)
    slots[0] = <PyObject*> a
    for i in range(1, ov.n_args):
        slots[i] = <PyObject*> (<tuple> ov.defaults)[i]
    return run(ov, slots, FUNCTION, None)


cdef object item_of(Tensor t):
    """The single element as a Python number."""
    if t.count != 1:
        raise RuntimeError(f"a Tensor with {t.count} elements cannot be converted to Scalar: {describe(t)}")
    if t.flags & BATCHED:
        raise RuntimeError(f"vmap: It looks like you're calling .item() on a Tensor. We don't support vmap over calling .item() on a Tensor: {describe(t)} has a value per example")
    if is_meta(t):
        raise RuntimeError("Tensor.item() cannot be called on meta tensors")
    return load_number(data_of(t), t.code)


hooks.binary = binary_operator
hooks.inplace = inplace_operator
hooks.unary = unary_operator
hooks.item = item_of
