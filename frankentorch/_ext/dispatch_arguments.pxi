# Part of dispatch.pyx: a call's arguments to the slots of an overload.
cdef inline bint is_parameter(object value):
    return <PyObject*> Py_TYPE(<PyObject*> value) == _parameter_class


cdef inline bint is_tensor(object value):
    return isinstance(value, Tensor)


cdef object as_int(object value):
    """A plain int for an int, a NumPy integer or a 0-d integer tensor; None for anything else, bool among them, as in the oracle."""
    cdef Tensor t
    if PyLong_Check(value):
        return None if PyBool_Check(value) else value
    if isinstance(value, Tensor):
        t = <Tensor> value
        return hooks.item(t) if t.rank == 0 and t.code != BOOL and (not is_meta(t) or t.flags & BATCHED) and not is_float_code(t.code) and not is_complex_code(t.code) else None
    if type(value).__module__ == "numpy" and hasattr(value, "__index__") and not hasattr(value, "__len__"):
        try:
            return value.__index__()
        except TypeError:                    # a NumPy float or bool
            return None
    return None


cdef inline bint fits_int64(object value):
    cdef int over = 0
    PyLong_AsLongLongAndOverflow(value, &over)
    return over == 0


cdef object size_item(object value):
    """A member of a list of sizes or dims; None when it is no int or does not fit 64 bits."""
    value = as_int(value)
    return value if value is not None and fits_int64(value) else None


cdef object one_int(object value):
    """A single int argument; None when it is no int. ValueError beyond 64 bits."""
    value = as_int(value)
    if value is not None and not fits_int64(value):
        raise ValueError(f"Overflow when unpacking long long: {value}")
    return value


cdef object as_int_tuple(object value, int size):
    cdef list out
    if PyLong_Check(value):
        if size <= 0 or PyBool_Check(value):
            return None
        return (one_int(value),) * size
    if isinstance(value, (list, tuple)):
        out = []
        for item in value:
            item = size_item(item)
            if item is None:
                return None
            out.append(item)
        return tuple(out)
    if size > 0:
        item = one_int(value)
        return None if item is None else (item,) * size
    return None


cdef object convert_sizes(int size, object value):
    """Sizes and counts (not dims) may be anything with an index, tensors of one element among them; `no_default` when they are not."""
    cdef list out
    if isinstance(value, (list, tuple)):
        if size == -1:                       # a single int is wanted
            return no_default
        out = []
        for item in value:
            item = index_of(item)
            if item is None:
                return no_default
            out.append(item)
        return tuple(out)
    value = index_of(value)
    return no_default if value is None else value if size == -1 else (value,) * size if size > 0 else no_default


cdef object index_of(object value):
    if PyBool_Check(value) or PyFloat_Check(value) or value is None or isinstance(value, (str, bytes, list, tuple)):
        return None
    try:
        value = value.__index__()
    except (AttributeError, TypeError, ValueError):
        return None
    return value if fits_int64(value) else None


cdef object convert(int kind, int size, object value):
    """The value as the implementation takes it, or `no_default` when it does not fit the kind."""
    cdef Tensor t
    if kind == K_TENSOR:
        return value if is_tensor(value) else no_default
    if kind == K_OPERAND or kind == K_OPT_OPERAND:
        if PyLong_Check(value):
            check_64_bits(value)
            return value
        if is_tensor(value) or is_number(value):
            return value
        return value if value is None and kind == K_OPT_OPERAND else no_default
    if kind == K_INT or kind == K_OPT_INT:
        if value is None:
            return value if kind == K_OPT_INT else no_default
        value = one_int(value)
        return no_default if value is None else value
    if kind == K_INTS or kind == K_OPT_INTS:
        if value is None:
            return value if kind == K_OPT_INTS else no_default
        value = as_int_tuple(value, size)
        return no_default if value is None else value
    if kind == K_BOOL or kind == K_OPT_BOOL:
        if PyBool_Check(value) or (value is None and kind == K_OPT_BOOL):
            return value
        if type(value).__name__ in ("bool_", "bool"):
            return bool(value)
        return no_default
    if kind == K_SCALAR or kind == K_OPT_SCALAR:
        if value is None:
            return value if kind == K_OPT_SCALAR else no_default
        if is_tensor(value):
            t = <Tensor> value
            return hooks.item(t) if t.rank == 0 and (not is_meta(t) or t.flags & BATCHED) else no_default
        if PyLong_Check(value):
            check_64_bits(value)
            return value
        return plain_number(value) if is_number(value) else no_default
    if kind == K_FLOAT or kind == K_OPT_FLOAT:
        if value is None:
            return value if kind == K_OPT_FLOAT else no_default
        if PyFloat_Check(value):
            return value
        if is_tensor(value):
            t = <Tensor> value
            return float(hooks.item(t)) if t.rank == 0 and (not is_meta(t) or t.flags & BATCHED) else no_default
        return float(value) if is_number(value) and not isinstance(value, complex) else no_default
    if kind == K_OPT_TENSOR:
        return value if value is None or is_tensor(value) else no_default
    if kind == K_TENSORS or kind == K_OPT_TENSORS:
        if not isinstance(value, (list, tuple)):
            return no_default
        for item in value:
            if not is_tensor(item) and not (item is None and kind == K_OPT_TENSORS):
                return no_default
        return tuple(value)
    if kind == K_DTYPE or kind == K_OPT_DTYPE:
        if isinstance(value, dtype) or (value is None and kind == K_OPT_DTYPE):
            return value
        return _PYTHON_TYPES.get(value, no_default) if isinstance(value, type) else no_default
    if kind == K_DEVICE:
        if value is None or isinstance(value, device):
            return value if value is None else parse_device(value)
        return parse_device(value) if isinstance(value, (str, int)) else no_default
    if kind == K_LAYOUT:
        return value if value is None or isinstance(value, layout) else no_default
    if kind == K_FORMAT:
        return value if value is None or isinstance(value, memory_format) else no_default
    if kind == K_GENERATOR:
        return value if value is None or (_generator_class is not None and isinstance(value, _generator_class)) else no_default
    if kind == K_STR or kind == K_OPT_STR:
        return value if isinstance(value, str) or (value is None and kind == K_OPT_STR) else no_default
    if kind == K_OPT_FLOATS or kind == K_SCALARS:
        if value is None:
            return value if kind == K_OPT_FLOATS else no_default
        if is_number(value):
            return (value,)
        return tuple(value) if isinstance(value, (list, tuple)) and all([is_number(item) for item in value]) else no_default
    return value


# keyword spellings that NumPy users bring, and the function form's `input`
cdef dict SYNONYMS = {"input": "self", "axis": "dim", "keepdims": "keepdim", "x": "self", "a": "self", "x1": "self", "x2": "other", "tensor": "self",
                       "split_size_or_sections": "split_size"}


cdef int slot_of(Overload ov, object name):
    """Slot of a keyword, -1 when the overload has none."""
    cdef int i
    for i in range(ov.n_args):
        if (<tuple> ov.arg_names)[i] is name:
            return i
    for i in range(ov.n_args):
        if (<tuple> ov.arg_names)[i] == name:
            return i
    found = SYNONYMS.get(name)
    if found is None:
        return -1
    for i in range(ov.n_args):
        if (<tuple> ov.arg_names)[i] == found:
            return i
    return -1


cdef bint wants_override(int kind, object value):
    """Whether a value that does not fit may be taken by its type's ``__torch_function__``, or by that of a list's member."""
    if value is None or is_tensor(value):           # a tensor where none fits: another overload may take it
        return False
    if hasattr(type(value), "__torch_function__"):
        return True
    if (kind == K_TENSORS or kind == K_OPT_TENSORS) and isinstance(value, (list, tuple)):
        for item in value:
            if item is not None and not is_tensor(item) and not hasattr(type(item), "__torch_function__"):
                return False
        return len(value) > 0
    return False


cdef class Match:
    """What matching left behind: objects made on the way (slots borrow them), the out= argument, why it failed."""
    cdef list kept
    cdef tuple packed                    # bare ints taken as one list
    cdef object out
    cdef str why
    cdef bint override
    cdef str foreign                     # an argument only an override can take


cdef int match(Overload ov, PyObject** args, Py_ssize_t n, PyObject* names, PyObject** slots, Match m) except -1:
    """Fill slots from a call; 1 when the call fits this overload, 0 with `m.why` when not."""
    cdef Py_ssize_t n_names = PyTuple_GET_SIZE(<object> names) if names != NULL else 0, given = n, k
    cdef int i, kind
    cdef object value, made
    cdef PyObject* raw
    cdef tuple defaults = ov.defaults
    cdef tuple packed = None
    for i in range(ov.n_args):
        slots[i] = NULL
    m.kept = None
    m.out = None
    m.override = False
    m.foreign = None
    # bare ints for one int list: view(2, 3)
    if ov.varargs >= 0 and given > ov.varargs and (PyLong_Check(<object> args[ov.varargs]) or given > ov.n_positional
                                                   or not isinstance(<object> args[ov.varargs], (list, tuple))):
        if given <= MAX_ARGS:
            packed = PyTuple_New(given - ov.varargs)
            for k in range(ov.varargs, given):
                made = size_item(<object> args[k])
                if made is None and ov.lenient[ov.varargs]:
                    made = index_of(<object> args[k])
                if made is None:
                    packed = None
                    break
                Py_INCREF(made)
                PyTuple_SET_ITEM(packed, k - ov.varargs, made)
        else:
            packed = tuple([size_item(<object> args[k]) for k in range(ov.varargs, given)])
            packed = None if None in packed else packed
        if packed is not None:
            m.packed = packed
            slots[ov.varargs] = <PyObject*> packed
            given = ov.varargs
    if ov.variadic >= 0 and given > ov.variadic and not isinstance(<object> args[ov.variadic], (list, tuple)):      # meshgrid(a, b)
        m.kept = [tuple([<object> args[k] for k in range(ov.variadic, given)])]
        slots[ov.variadic] = <PyObject*> m.kept[0]
        given = ov.variadic
    if given > ov.n_positional:
        m.why = f"takes {ov.n_positional} positional arguments but {n} were given"
        return 0
    for i in range(given):
        slots[i] = args[i]
    for k in range(n_names):
        name = <object> PyTuple_GET_ITEM(<object> names, k)
        i = slot_of(ov, name)
        if i < 0:
            if name == "out" and "out" in ov.forms:
                m.out = <object> args[n + k]
                continue
            m.why = f"got an unexpected keyword argument '{name}'"
            return 0
        if slots[i] != NULL:
            m.why = f"got multiple values for argument '{name}'"
            return 0
        slots[i] = args[n + k]
    for i in range(ov.n_args):
        raw = slots[i]
        if raw == NULL:
            if ov.required[i]:
                m.why = f"missing 1 required positional arguments: \"{ov.arg_names[i]}\""
                return 0
            slots[i] = <PyObject*> defaults[i]
            continue
        kind = ov.kinds[i]
        value = <object> raw
        if type(value) is Tensor and (kind == K_TENSOR or kind == K_OPERAND or kind == K_OPT_TENSOR):
            continue
        if packed is not None and i == ov.varargs:
            continue
        made = convert(kind, ov.list_sizes[i], value)
        if made is no_default and ov.lenient[i]:
            made = convert_sizes(ov.list_sizes[i], value)
        if made is no_default:
            if wants_override(kind, value):
                m.override = True
                m.foreign = f"argument '{'input' if ov.arg_names[i] == 'self' else ov.arg_names[i]}' (position {i + 1}) must be {KIND_WORDS[kind]}, not {type(value).__name__}"
                continue
            if value is None and not ov.required[i] and defaults[i] is None:
                continue
            m.why = f"argument '{'input' if ov.arg_names[i] == 'self' else ov.arg_names[i]}' (position {i + 1}) must be {KIND_WORDS[kind]}, not {type(value).__name__}"
            return 0
        if made is not value:
            if m.kept is None:
                m.kept = []
            m.kept.append(made)
            slots[i] = <PyObject*> made
        elif is_tensor(value) and not is_parameter(value):
            m.override = True
        elif kind == K_TENSORS or kind == K_OPT_TENSORS:
            pass
        if (kind == K_TENSORS or kind == K_OPT_TENSORS) and _function_override is not None:
            for item in <tuple> made:
                if item is not None and type(item) is not Tensor and not is_parameter(item):
                    m.override = True
    return 1


KIND_WORDS = ("Tensor", "Tensor", "tuple of Tensors", "tuple of Tensors", "Tensor", "Tensor", "Number", "Number", "int", "int", "tuple of ints", "tuple of ints",
              "float", "float", "bool", "bool", "str", "str", "torch.dtype", "torch.dtype", "torch.layout", "torch.device", "torch.memory_format",
              "torch.Generator", "tuple of floats", "tuple of Scalars", "object")
