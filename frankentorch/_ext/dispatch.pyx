# cython: language_level=3, boundscheck=False, wraparound=False
# cython: cdivision=True, initializedcheck=False
# The door. Every op call is: arguments matched to an Overload's slots -> `run` -> a loop, a kernel or a composite body, with a
# node recorded when a gradient is wanted. One global word, `special_bits`, is 0 unless something watches or changes execution.
# Kernels get plain positional arguments and return fresh tensors (or views, when the row says so); they never see the tape.
from importlib import import_module
from cpython.ref cimport PyObject, Py_INCREF
from cpython.tuple cimport PyTuple_GET_SIZE, PyTuple_GET_ITEM, PyTuple_New, PyTuple_SET_ITEM
from cpython.bool cimport PyBool_Check
from cpython.long cimport PyLong_Check
from cpython.float cimport PyFloat_Check
from libc.stdlib cimport malloc, free
from libc.string cimport memcpy
from frankentorch._ext.types cimport *
from frankentorch._ext.dtype cimport dtype, device, layout, memory_format, dtype_of, parse_device, is_float_code, is_complex_code
from frankentorch._ext.tensor cimport *
from frankentorch._ext.tensor import guard_saved, pack_saved
from frankentorch._ext.elementwise cimport (RESULT_REAL, run_loop, is_number, load_number, copy_into, resize_storage, scalar_name, cast_tensor,
                                            check_no_internal_overlap, overlap_of, OVERLAP_PARTIAL, OVERLAP_FULL, check_64_bits, plain_number,
                                            GUARD_ZERO, GUARD_EXPONENT, GUARD_FIT, GUARD_ALPHA)
from frankentorch._ext.dtype cimport can_cast_codes
from frankentorch._ext.engine cimport check_inplace, rebase_history, set_view, bump, note_traceback
from frankentorch._ext.backward cimport backward_of

cdef extern from "Python.h":
    long long PyLong_AsLongLongAndOverflow(object, int*)
    ctypedef PyObject* (*vectorcallfunc)(PyObject*, PyObject**, size_t, PyObject*) except NULL
    ctypedef PyObject* (*descrgetfunc)(PyObject*, PyObject*, PyObject*)
    ctypedef struct TypeObject "PyTypeObject":
        Py_ssize_t tp_vectorcall_offset
        unsigned long tp_flags
        PyObject* (*tp_call)(PyObject*, PyObject*, PyObject*)
        descrgetfunc tp_descr_get
        PyObject* tp_dict
    unsigned long Py_TPFLAGS_HAVE_VECTORCALL
    unsigned long Py_TPFLAGS_METHOD_DESCRIPTOR
    PyObject* PyVectorcall_Call(PyObject*, PyObject*, PyObject*)
    PyObject* PyObject_Vectorcall(PyObject*, PyObject**, size_t, PyObject*) except NULL
    PyObject* PyMethod_New(PyObject*, PyObject*)
    void PyType_Modified(TypeObject*)
    TypeObject* Py_TYPE(PyObject*)

cdef object _generator_class = None
cdef object _return_types = None
cdef object _function_override = None       # Python-level __torch_function__ machinery, set by the package
cdef PyObject* _parameter_class = NULL
cdef dict _PYTHON_TYPES = {}


cdef object no_default = object()
cdef dict GUARDS = {"floor_divide": GUARD_ZERO, "remainder": GUARD_ZERO, "fmod": GUARD_ZERO, "_truncate_divide": GUARD_ZERO, "pow": GUARD_EXPONENT | GUARD_FIT,
                    "clamp_min": GUARD_FIT, "clamp_max": GUARD_FIT, "_clamp": GUARD_FIT, "_where": GUARD_FIT, "add": GUARD_ALPHA, "sub": GUARD_ALPHA, "rsub": GUARD_ALPHA}


cdef class Overload:
    """One row of the op table, ready to run."""

    def __init__(self, row):
        cdef int i
        (self.name, self.overload, args, self.output_names, kind, self.implementation, loop_number, promote, result, operands, params,
         self.forms, backward, edges, self.list_edge, saved, self.local_names, self.view, self.label, namespace, aliases, self.refuses_grad, self.writes_self, self.out_rule,
         self.gives_list) = row
        self.row = row
        if len(args) > MAX_ARGS:
            raise ValueError(f"{self.name}: more than {MAX_ARGS} arguments")
        self.kind = {"loop": LOOP, "kernel": KERNEL, "body": BODY}[kind]
        self.n_args = len(args)
        self.varargs = self.variadic = -1
        names, defaults, lists = [], [], []
        for i, (name, kind_number, size, optional, default, keyword_only) in enumerate(args):
            names.append(name)
            defaults.append(default)
            self.kinds[i] = kind_number
            self.list_sizes[i] = size or 0
            self.required[i] = not optional
            self.keyword_only[i] = keyword_only
            self.lenient[i] = kind_number in (K_INT, K_OPT_INT, K_INTS, K_OPT_INTS) and "dim" not in name
            if kind_number in (K_INT, K_OPT_INT):
                self.list_sizes[i] = -1
            if not keyword_only:
                self.n_positional = i + 1
                if kind_number == K_TENSORS and "variadic" in self.forms:
                    self.variadic = i
                if kind_number == K_INTS and size is None and not optional:
                    lists.append(i)
        self.arg_names, self.defaults = tuple(names), tuple(defaults)
        # bare ints stand for an int list that is the only positional argument beside self
        if lists and self.n_positional == lists[0] + 1 and (lists[0] == 0 or (lists[0] == 1 and args[0][1] == K_TENSOR)):
            self.varargs = lists[0]
        self.loop.number, self.loop.promote, self.loop.result = loop_number, promote, result
        self.loop.n_operands, self.loop.n_params = len(operands), len(params)
        self.loop.guard = GUARDS.get(self.name, 0)
        self.loop.exact_out = self.out_rule == OUT_EXACT
        for i, position in enumerate(operands):
            self.operands[i] = position
        for i, position in enumerate(params):
            self.params[i] = position
        self.backward = backward_of(backward)
        self.n_edges = len(edges)
        for i, position in enumerate(edges):
            self.edges[i] = position
        self.n_saved = len(saved)
        if self.n_saved > MAX_SAVED:
            raise ValueError(f"{self.name}: more than {MAX_SAVED} saved values")
        for i, (save_kind, index, needed) in enumerate(saved):
            self.save_kinds[i], self.save_indices[i], self.save_needed[i] = save_kind, index, needed
            if save_kind == S_OUTPUT:
                self.save_output_mask |= <unsigned long long> 1 << i
            elif save_kind == S_ARG and self.kinds[index] in (K_TENSOR, K_OPT_TENSOR, K_OPERAND, K_OPT_OPERAND):
                self.save_tensor_mask |= <unsigned long long> 1 << i

    cdef object implementation_of(self):
        """The Python-level function behind a kernel or body row, imported at first use."""
        if self.call is None:
            module, _, function = self.implementation.partition(":")
            self.call = getattr(import_module("frankentorch." + module), function)
        return self.call

    def node_name(self):
        return self.label

    def saved_output_number(self, int i):
        return self.save_indices[i]

    def saved_by_name(self, node, name):
        try:
            return node.saved_values[self.local_names.index("out" if name == "result" and "out" in self.local_names else name)]
        except (ValueError, TypeError):
            raise AttributeError(f"'{self.label}' object has no attribute '_saved_{name}'") from None

    @property
    def is_view(self):
        return self.view != 0

    @property
    def full_name(self):
        return f"{self.name}.{self.overload}" if self.overload else self.name

    def signature(self):
        """The arguments as users write them."""
        from frankentorch._ext import kinds
        return kinds.signature(self)

    def __repr__(self):
        return f"<overload {self.full_name}>"


# ---- arguments ----
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
        return hooks.item(t) if t.rank == 0 and t.code != BOOL and not is_meta(t) and not is_float_code(t.code) and not is_complex_code(t.code) else None
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
            return hooks.item(t) if t.rank == 0 and not is_meta(t) else no_default
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
            return float(hooks.item(t)) if t.rank == 0 and not is_meta(t) else no_default
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


# ---- callables ----
cdef class Callable:
    """A name users call: its overloads are tried in order. As a class attribute it binds like a method."""
    cdef vectorcallfunc vectorcall
    cdef readonly str name
    cdef readonly tuple overloads
    cdef int mode
    cdef readonly str namespace
    cdef readonly str text

    def __cinit__(self, name, overloads, int mode, doc=None, module="torch"):
        self.vectorcall = call_callable
        self.name = name
        self.overloads = tuple(overloads)
        self.mode = mode
        self.text = doc or ""
        self.namespace = module

    def __getattr__(self, name):
        if name == "__name__" or name == "__qualname__":
            return self.name
        raise AttributeError(f"'{self.name}' has no attribute '{name}'")

    def __repr__(self):
        return f"<built-in function {self.name}>"

    def __reduce__(self):
        return _find_callable, (self.name, self.namespace)

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self


def _find_callable(name, module):
    return getattr(import_module("frankentorch.ops"), name)


cdef PyObject* call_callable(PyObject* self, PyObject** args, size_t nargsf, PyObject* names) except NULL:
    """tp_vectorcall: a new reference, or NULL with an error set."""
    cdef object result = call_overloads(<Callable> self, args, <Py_ssize_t> (nargsf & ~(<size_t> 1 << (8 * sizeof(size_t) - 1))), names)
    Py_INCREF(result)
    return <PyObject*> result


cdef Match _spare_match = Match.__new__(Match)


cdef object call_overloads(Callable self, PyObject** args, Py_ssize_t n, PyObject* names):
    """Match and run, with the one spare Match unless a call further out holds it."""
    global _spare_match
    cdef Match m = _spare_match
    cdef object result
    if m is None:
        return match_and_run(self, args, n, names, Match.__new__(Match))
    _spare_match = None
    m.override = False
    try:
        result = match_and_run(self, args, n, names, m)
    finally:
        m.kept = m.packed = None
        m.out = None
        _spare_match = m
    return result


cdef object match_and_run(Callable self, PyObject** args, Py_ssize_t n, PyObject* names, Match m):
    cdef PyObject* slots[24]
    cdef Overload ov
    cdef list reasons = None
    for ov in self.overloads:
        if match(ov, args, n, names, slots, m):
            if m.override or special_bits & BIT_FUNCTION_MODE:
                result = call_override(self, ov, args, n, names, m)
                if result is not NotImplemented:
                    return result
                if m.foreign is not None:
                    raise TypeError(f"{self.name}(): {m.foreign}")
            return run(ov, slots, OUT if m.out is not None else self.mode, m.out)
        if reasons is None:
            reasons = []
        reasons.append(m.why)
    raise wrong_call(self, args, n, names, reasons)


cdef object wrong_call(Callable self, PyObject** args, Py_ssize_t n, PyObject* names, list reasons):
    """TypeError: what was wrong, or for several overloads what was given and what would fit."""
    if len(self.overloads) == 1:
        return TypeError(f"{self.name}(): {reasons[0]}")
    given = [type(<object> args[i]).__name__ for i in range(n)]
    if names != NULL:
        given += [f"{name}={type(<object> args[n + i]).__name__}" for i, name in enumerate(<object> names)]
    lines = [f"{self.name}() received an invalid combination of arguments - got ({', '.join(given)}), but expected one of:"]
    for ov, reason in zip(self.overloads, reasons):
        lines.append(f" * ({', '.join(ov.arg_names)}): {reason}")
    return TypeError("\n".join(lines))


cdef object call_override(Callable self, Overload ov, PyObject** args, Py_ssize_t n, PyObject* names, Match m):
    """Hand the call to __torch_function__ overrides or modes; NotImplemented when none wants it."""
    if _function_override is None:
        return NotImplemented
    cdef list positional = [<object> args[i] for i in range(n)]
    cdef dict keywords = {}
    if names != NULL:
        for i, name in enumerate(<object> names):
            keywords[name] = <object> args[n + i]
    return _function_override(self, positional, keywords)


cdef PyObject* bind_callable(PyObject* self, PyObject* instance, PyObject* owner) noexcept:
    if instance == NULL or instance == <PyObject*> None:
        Py_INCREF(<object> self)
        return self
    return PyMethod_New(self, instance)


def _text_of(Callable self):
    return self.text


cdef void prepare_callable_type():
    """Give the type the vectorcall protocol and method binding, which Cython's class syntax cannot say."""
    cdef TypeObject* cls = <TypeObject*> <PyObject*> Callable
    cdef Callable probe = Callable.__new__(Callable, "probe", (), 0)
    cls.tp_vectorcall_offset = <char*> &probe.vectorcall - <char*> <PyObject*> probe
    cls.tp_flags |= Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_METHOD_DESCRIPTOR
    cls.tp_call = PyVectorcall_Call
    cls.tp_descr_get = bind_callable
    (<dict> <object> cls.tp_dict)["__doc__"] = property(_text_of)      # each callable has its own text
    PyType_Modified(cls)


prepare_callable_type()


# ---- running ----
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
    node.sequence = next_sequence()
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
            if special_bits & BIT_SAVED_HOOKS:
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


cdef object run(Overload ov, PyObject** slots, int mode, object out):
    """Run an op whose arguments are already in its slots."""
    if ov.kind == BODY:
        return run_body(ov, slots, mode, out)
    if special_bits & BIT_RECORD:
        return run_watched(ov, slots, mode, out)
    return run_primitive(ov, slots, mode, out)


cdef extern from "Python.h":
    unsigned long current_thread "PyThread_get_thread_ident" ()

cdef object _watcher = None
cdef unsigned long _watched_thread = 0
cdef bint _watches_views = False
cdef int _hushed = 0             # inside an op, a backward walk or an optimizer step, which are told as one


def set_watcher(watcher, bint views=False):
    """The recorder that hears of every op of this thread (runtime.ledger), or None; of views only if it wants them."""
    global _watcher, _hushed, _watched_thread, _watches_views
    _watches_views = views
    _watcher, _watched_thread = watcher, current_thread()
    _hushed = 0


def listens():
    """Whether the watcher would hear of an op called now."""
    return _watcher is not None and not _hushed and _watched_thread == current_thread()


def hush(int by):
    """Count (1) or uncount (-1) something that is told to the watcher as a whole."""
    global _hushed
    _hushed += by


cdef object run_watched(Overload ov, PyObject** slots, int mode, object out):
    """Run an op and tell the recorder of it, before and after; what its kernel calls is part of it."""
    global _hushed
    cdef object note, result
    cdef tuple args
    cdef int i
    if _watcher is None or _hushed or _watched_thread != current_thread():
        return run_primitive(ov, slots, mode, out)
    if ov.view and not _watches_views:
        return run_primitive(ov, slots, mode, out)
    args = tuple([<object> slots[i] for i in range(ov.n_args)])
    note = _watcher.op_begins(ov, args, mode, out)
    _hushed += 1
    try:
        result = run_primitive(ov, slots, mode, out)
    finally:
        _hushed -= 1
    _watcher.op_ends(note, ov, args, result)
    return result


def run_overload(Overload ov, tuple args, int mode, out):
    """Run a row with all its arguments as the kernel takes them; for replays."""
    cdef PyObject* slots[24]
    cdef int i
    if len(args) != ov.n_args:
        raise TypeError(f"{ov.full_name}: {len(args)} arguments, expected {ov.n_args}")
    for i in range(ov.n_args):
        slots[i] = <PyObject*> args[i]
    return run(ov, slots, mode, out)


cdef object call_fresh(Overload ov, PyObject** slots):
    """The implementation for a fresh result: one that writes its first argument gets a copy of it."""
    cdef PyObject* held[24]
    cdef object copy
    if not ov.writes_self:
        return call_implementation(ov, slots)
    memcpy(held, slots, ov.n_args * sizeof(PyObject*))
    copy = clone_raw(<Tensor> <object> slots[0])
    held[0] = <PyObject*> copy
    return call_implementation(ov, held)


cdef object call_implementation(Overload ov, PyObject** slots):
    cdef object function
    cdef PyObject* found
    if ov.direct != NULL:
        return ov.direct(slots)
    function = ov.implementation_of()
    found = PyObject_Vectorcall(<PyObject*> function, slots, ov.n_args, NULL)
    cdef object result = <object> found      # a second reference: drop the call's own
    release_reference(found)
    return result


cdef extern from "Python.h":
    void release_reference "Py_DECREF" (PyObject*)


cdef object run_body(Overload ov, PyObject** slots, int mode, object out):
    """A composite: its own ops record. In-place and out= forms copy the result in."""
    cdef object result, copy
    cdef PyObject* held[24]
    if mode == FUNCTION:
        return named(ov, call_implementation(ov, slots))
    if mode == INPLACE:
        if grad_enabled() and any_requires(ov, slots):       # what its ops save must outlive the write
            memcpy(held, slots, ov.n_args * sizeof(PyObject*))
            copy = (<object> slots[0]).clone()
            held[0] = <PyObject*> copy
            result = call_implementation(ov, held)
        else:
            result = call_implementation(ov, slots)
        if not can_cast_codes((<Tensor> result).code, (<Tensor> <object> slots[0]).code):
            raise RuntimeError(f"{ov.name}_: result type {scalar_name((<Tensor> result).code)} can't be cast to the desired output type {scalar_name((<Tensor> <object> slots[0]).code)}")
        return (<object> slots[0]).copy_(result)
    check_out(ov, slots, out)
    return write_out(ov, slots, call_implementation(ov, slots), out)


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


cdef object run_loop_row(Overload ov, PyObject** slots, Tensor target, bint resize):
    cdef PyObject* operands[3]
    cdef PyObject* params[6]
    cdef int i
    for i in range(ov.loop.n_operands):
        operands[i] = slots[ov.operands[i]]
    for i in range(ov.loop.n_params):
        params[i] = slots[ov.params[i]]
    return run_loop(ov.name, &ov.loop, operands, params, target, resize)


cdef object run_primitive(Overload ov, PyObject** slots, int mode, object out):
    cdef bint records = ov.backward != NULL and grad_enabled() and wants_record(ov, slots)
    cdef Node node = None
    cdef object result
    cdef bint before
    if mode == INPLACE:
        return run_inplace(ov, slots, records)
    if mode == OUT:
        check_out(ov, slots, out)
        if ov.kind == LOOP:
            run_loop_row(ov, slots, <Tensor> out, True)
            bump(<Tensor> out)
            return out
        before = set_grad_enabled(False)
        try:
            result = call_fresh(ov, slots)
        finally:
            set_grad_enabled(before)
        return write_out(ov, slots, result, out)
    if ov.kind == LOOP:
        if records:
            node = make_node(ov, slots)
        result = run_loop_row(ov, slots, None, False)
        if records:
            attach(node, <Tensor> result, 0)
            if ov.save_output_mask or ov.n_saved:
                save_outputs(node, ov, result)
        return result
    if records:
        node = make_node(ov, slots)
    if ov.direct != NULL and not ov.writes_self:       # it calls nothing that could record
        result = ov.direct(slots)
    else:
        before = set_grad_enabled(False)
        try:
            result = call_fresh(ov, slots)
        finally:
            set_grad_enabled(before)
    if ov.view:
        mark_views(ov, slots, result)
    if records:
        finish_node(node, ov, result)
    return named(ov, result) if len(ov.output_names) > 1 else result


cdef int mark_views(Overload ov, PyObject** slots, object result) except -1:
    cdef object source = <object> slots[0]
    cdef int meta = VIEW_DEFAULT if grad_enabled() else VIEW_NO_GRAD
    if not isinstance(source, Tensor):
        return 0
    if isinstance(result, Tensor):
        if result is not source and (<Tensor> result).storage is (<Tensor> source).storage:
            set_view(<Tensor> result, <Tensor> source, meta)
        return 0
    for item in result:
        if (<Tensor> item).storage is (<Tensor> source).storage:
            set_view(<Tensor> item, <Tensor> source, VIEW_MULTI_OUTPUT if meta == VIEW_DEFAULT else meta)
    return 0


cdef object run_inplace(Overload ov, PyObject** slots, bint records):
    """Write into the first argument. The tape saves a copy of it when the derivative needs the value before the write."""
    cdef Tensor target
    cdef Node node = None
    cdef PyObject* held[24]
    cdef object copy = None, result
    cdef int i
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
                copy = detached(target)
                copy = clone_raw(<Tensor> copy)
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


# ---- operators ----
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
    if is_meta(t):
        raise RuntimeError("Tensor.item() cannot be called on meta tensors")
    return load_number(data_of(t), t.code)


hooks.binary = binary_operator
hooks.inplace = inplace_operator
hooks.unary = unary_operator
hooks.item = item_of


# ---- set-up by the package ----
def set_operators(list functions, list inplace):
    """Callables behind Python operators, in the order of OPERATOR_NAMES."""
    global _operators, _inplace_operators
    _operators, _inplace_operators = functions, inplace


def set_generator_class(cls):
    global _generator_class
    _generator_class = cls


def set_return_types(make):
    """`make(op name, field names)` gives the named tuple class of an op."""
    global _return_types
    _return_types = make


def set_function_override(handler):
    global _function_override
    _function_override = handler


def set_parameter_class(cls):
    """The Parameter class runs at the door as a plain tensor does."""
    global _parameter_class
    Py_INCREF(cls)
    _parameter_class = <PyObject*> cls


def set_python_types(table):
    """{float: float32 …}: Python types that may stand for a dtype. float follows the default dtype."""
    global _PYTHON_TYPES
    _PYTHON_TYPES = table


def item(Tensor t):
    return item_of(t)
