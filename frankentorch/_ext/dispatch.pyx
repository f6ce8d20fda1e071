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
from frankentorch._ext.tensor import guard_saved, pack_saved, saved_hooks_on
from frankentorch._ext.elementwise cimport (RESULT_REAL, run_loop, is_number, load_number, copy_into, resize_storage, scalar_name, cast_tensor,
                                            check_no_internal_overlap, overlap_of, OVERLAP_PARTIAL, OVERLAP_FULL, check_64_bits, plain_number)
from frankentorch._ext.dtype cimport can_cast_codes
from frankentorch._ext.engine cimport check_inplace, rebase_history, set_view, bump, note_traceback
from frankentorch._ext.backward cimport backward_of
from frankentorch._ext.profile cimport BIT_PROFILE, Span, begin, end, wants_shapes

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


cdef class Overload:
    """One row of the op table, ready to run."""

    def __init__(self, row):
        cdef int i
        (self.name, self.overload, args, self.output_names, kind, self.implementation, loop_number, promote, result, operands, params,
         self.forms, backward, edges, self.list_edge, saved, self.local_names, self.view, self.label, namespace, aliases, self.refuses_grad, self.writes_self, self.out_rule,
         self.gives_list, self.loop.guard, self.forward, self.batch) = row
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
        self.loop.exact_out = self.out_rule == OUT_EXACT
        for i, position in enumerate(operands):
            self.operands[i] = position
        for i, position in enumerate(params):
            self.params[i] = position
        self.draws = self.batch.startswith("random")
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
    def differentiable(self):
        """Positions of the arguments with a derivative."""
        return tuple([self.edges[i] for i in range(self.n_edges)])

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


include "dispatch_arguments.pxi"


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
include "dispatch_recording.pxi"


cdef object run(Overload ov, PyObject** slots, int mode, object out):
    """Run an op whose arguments are already in its slots."""
    if special_bits & BIT_PROFILE:
        return run_profiled(ov, slots, mode, out)
    return run_unprofiled(ov, slots, mode, out)


cdef object run_profiled(Overload ov, PyObject** slots, int mode, object out):
    """Run an op and tell the profiler of it, also when it fails."""
    cdef object shapes = tuple([shape_of(<object> slots[i]) for i in range(ov.n_args)]) if wants_shapes() else None
    cdef object result = None
    cdef Span span = begin()
    try:
        result = run_unprofiled(ov, slots, mode, out)
    finally:
        end(span, ov.name + "_" if mode == INPLACE and not ov.name.endswith("_") else ov.name, 0, shapes, shape_of(result) if shapes is not None else None)
    return result


cdef object shape_of(object value):
    """Sizes of a tensor, of each member of a list of tensors; () for anything else."""
    if isinstance(value, Tensor):
        return sizes_tuple(<Tensor> value)
    if isinstance(value, tuple) and value and isinstance(value[0], Tensor):
        return [shape_of(item) for item in value]
    return ()


cdef inline object run_unprofiled(Overload ov, PyObject** slots, int mode, object out):
    if special_bits & (BIT_RECORD | BIT_DUAL | BIT_BATCH):
        return run_special(ov, slots, mode, out)
    if ov.kind == BODY:
        return run_body(ov, slots, mode, out)
    return run_primitive(ov, slots, mode, out)


cdef object run_special(Overload ov, PyObject** slots, int mode, object out):
    """The same while forward mode, a vmap or a recorder is about, in this order."""
    cdef object result
    if ov.kind == BODY:
        if special_bits & BIT_BATCH and (ov.batch or mode == OUT) and (ov.draws or any_batched(ov, slots, mode, out)):
            result = run_batched(ov, slots, mode)
            if result is not NotImplemented:
                return result
        return run_body(ov, slots, mode, out)
    return run_dual(ov, slots, mode, out) if special_bits & BIT_DUAL else run_below(ov, slots, mode, out)


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
        if not isinstance(result, Tensor):
            raise TypeError(f"{ov.name}_(): no in-place form for a result of type {type(result).__name__}")
        if not can_cast_codes((<Tensor> result).code, (<Tensor> <object> slots[0]).code):
            raise RuntimeError(f"{ov.name}_: result type {scalar_name((<Tensor> result).code)} can't be cast to the desired output type {scalar_name((<Tensor> <object> slots[0]).code)}")
        return (<object> slots[0]).copy_(result)
    check_out(ov, slots, out)
    return write_out(ov, slots, call_implementation(ov, slots), out)


include "dispatch_out.pxi"


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


include "dispatch_inplace.pxi"
include "dispatch_dual.pxi"
include "dispatch_batch.pxi"
include "dispatch_operators.pxi"


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
