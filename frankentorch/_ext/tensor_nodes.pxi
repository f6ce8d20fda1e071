# Part of tensor.pyx: nodes of the recorded graph and what they save.
# ---- what hooks make of saved tensors ----
cdef extern from "Python.h":
    unsigned long current_thread "PyThread_get_thread_ident" ()

cdef unsigned long long PACKED = <unsigned long long> 1 << 63        # bit of Node.output_mask: some saved values are Packed
cdef dict _saved_hooks = {}          # thread: [(pack, unpack), ...]; a thread without hooks has no entry


@cython.final
cdef class Packed:
    """A saved tensor as its pack hook left it, and where gradients of it flow to."""
    cdef object content
    cdef object unpack
    cdef Node node
    cdef int output
    cdef dict tangents                 # of forward mode, by level, or None


def pack_saved(Tensor t, int output=-1):
    """Hand a tensor to the innermost pack hook. `output` says which output of the saving node it is, -1 for an input."""
    cdef Packed packed = Packed.__new__(Packed)
    cdef list mine = _saved_hooks[current_thread()]
    cdef bint before
    pack, packed.unpack = mine[len(mine) - 1]
    packed.output = output
    if output < 0:
        packed.node = gradient_edge(t, &packed.output)
    if t.extra is not None and t.extra.tangents is not None:
        packed.tangents = dict(t.extra.tangents)
    cdef unsigned int version = t.storage.version
    before = set_grad_enabled(False)
    try:
        packed.content = pack(detached(t) if t.node is not None else t)
    finally:
        set_grad_enabled(before)
    if t.storage.version != version:
        raise RuntimeError("A saved tensor pack hook is modifying its input in place. Tensors provided as input to pack hook cannot be modified by in-place operations: "
                           f"it was given {describe(t)}; clone it before writing")
    return packed


def unpack_saved(Node node, Packed packed):
    """The tensor back from the unpack hook, with its place in the graph when the backward is recorded."""
    found = packed.unpack(packed.content)
    if not isinstance(found, Tensor):
        raise TypeError(f"Output of saved tensor unpack_hook expected to be a Tensor but got result of type {type(found).__name__}")
    cdef Node below = packed.node
    cdef Tensor again
    if below is None and packed.output >= 0 and node is not None:
        below = node
    if packed.tangents is None and (below is None or not ft_grad_mode):
        return found
    again = detached(<Tensor> found)
    if packed.tangents is not None:
        for level, tangent in packed.tangents.items():
            keep_tangent(again, level, tangent)
    if below is not None and ft_grad_mode:
        again.node = below
        again.node_output = packed.output
    return again


cdef int give_tangent_to_saved(object saved, long long level, Tensor tangent) except -1:
    """A saved value, as it is or as a pack hook left it, gets its tangent."""
    cdef Packed packed
    if isinstance(saved, Tensor):
        return keep_tangent(<Tensor> saved, level, tangent)
    packed = <Packed> saved
    if packed.tangents is None:
        packed.tangents = {}
    packed.tangents[level] = tangent
    return 0


cdef bint is_packed(object saved):
    return type(saved) is Packed


def push_saved_hooks(pack, unpack):
    global special_bits
    _saved_hooks.setdefault(current_thread(), []).append((pack, unpack))
    special_bits |= 16


def pop_saved_hooks():
    cdef list mine = _saved_hooks[current_thread()]
    mine.pop()
    if not mine:
        adopt_saved_hooks(None)


def saved_hooks_on():
    return current_thread() in _saved_hooks


def share_saved_hooks():
    """This thread's hooks, for a thread that works for it."""
    return _saved_hooks.get(current_thread())


def adopt_saved_hooks(mine):
    """Take over what `share_saved_hooks` gave; None for no hooks."""
    global special_bits
    if mine:
        _saved_hooks[current_thread()] = list(mine)
        special_bits |= 16
        return
    _saved_hooks.pop(current_thread(), None)
    if not _saved_hooks:
        special_bits &= ~(<unsigned int> 16)


# ---- instance dicts, made when the first attribute is set ----
cdef extern from *:
    """
    /* Cython makes a dict with every instance of a class that has one; ours are too many and too short-lived for that. */
    #define drop_attributes(self) do { Py_DECREF((PyObject*) (self)->attributes); (self)->attributes = NULL; } while (0)
    #define attributes_place(self) ((char*) &(self)->attributes - (char*) (self))
    static Py_ssize_t ft_tensor_attributes;
    static inquiry ft_tensor_clear_rest;
    static int ft_tensor_clear(PyObject* self) {
        PyObject** place = (PyObject**) ((char*) self + ft_tensor_attributes);
        PyObject* attributes = *place;
        int failed;
        *place = NULL;
        failed = ft_tensor_clear_rest(self);
        Py_CLEAR(*place);                       /* the generated clear leaves None where a dict or NULL must be */
        Py_XDECREF(attributes);
        return failed;
    }
    static void ft_lazy_attributes(void* owner, Py_ssize_t place, int clears) {
        PyTypeObject* type = (PyTypeObject*) owner;
        if (clears) {
            ft_tensor_attributes = place;
            ft_tensor_clear_rest = type->tp_clear;
            type->tp_clear = ft_tensor_clear;
            type->tp_getattro = PyObject_GenericGetAttr;        /* Cython may have put one that looks for no dict */
        }
        type->tp_dictoffset = place;
        PyType_Modified(type);
    }
    """
    Py_ssize_t tensor_attributes_place "attributes_place" (Tensor)
    Py_ssize_t node_attributes_place "attributes_place" (Node)
    void drop_tensor_attributes "drop_attributes" (Tensor)
    void drop_node_attributes "drop_attributes" (Node)
    void ft_lazy_attributes(void* type, Py_ssize_t place, bint clears)
    object attributes_of "PyObject_GenericGetDict" (object, void*)
    int set_attributes_of "PyObject_GenericSetDict" (object, object, void*) except -1


# ---- hardened: what was saved is held to its content, not only to its version; Node.capture_hooks keeps the contents in short ----
cdef object _fingerprint = None


def set_fingerprint(function):
    """What gives a tensor's content in short, for the hardened mode (runtime.modes)."""
    global _fingerprint
    _fingerprint = function


def fingerprint_of(t):
    """A tensor's content in short in hardened mode, else None."""
    return _fingerprint(t) if special_bits & 8 else None


cdef object guards_of(Node node):
    cdef int i
    return [_fingerprint(node.saved[i]) if node.tensor_mask >> i & 1 and node.saved[i] is not None else None for i in range(len(node.saved))]


def guard_saved(Node node):
    """Take the contents again, once outputs have been added."""
    node.capture_hooks = guards_of(node)


cdef int check_guards(Node node, tuple saved) except -1:
    cdef int i
    cdef list contents = node.capture_hooks
    for i in range(len(contents)):
        if contents[i] is not None and saved[i] is not None and (<Tensor> saved[i]).storage.version == node.versions[i] and _fingerprint(saved[i]) != contents[i]:
            raise RuntimeError(f"one of the variables needed for gradient computation has been modified: {describe(saved[i])}, saved by {node.name()} as value {i}, "
                               "has other elements at the same version: it was written through an alias (.data of an older kind, NumPy, DLPack). Hardened mode refuses it")
    return 0


# ---- nodes ----
@cython.final
@cython.freelist(64)
@cython.no_gc_clear
@cython.trashcan(True)
cdef class Node:
    """One step of the recorded graph: what to call, what it saved, where its results go.

    Edges own the nodes they lead to; nothing points back, so a graph is freed from its outputs. `saved` is None once released.
    """

    def __cinit__(self):
        drop_node_attributes(self)
        self.edge_numbers = self.inline_numbers
        self.versions = self.inline_versions
        self.outputs = &self.inline_output
        self.inline_output.sizes = self.inline_sizes
        self.n_outputs = 1

    @property
    def __dict__(self):
        return attributes_of(self, NULL)

    @__dict__.setter
    def __dict__(self, value):
        set_attributes_of(self, value, NULL)

    def __dealloc__(self):
        cdef int i
        # attributes are whole here: no_gc_clear leaves cycles to be broken at the tensors, dicts and cells in them
        if self.variable is not None and self.variable.extra is not None and self.variable.extra.accumulator == <PyObject*> self:
            self.variable.extra.accumulator = NULL
        if self.edge_numbers != self.inline_numbers:
            free(self.edge_numbers)
        if self.versions != self.inline_versions:
            free(self.versions)
        for i in range(self.n_outputs):
            if self.outputs[i].sizes != self.inline_sizes:
                free(self.outputs[i].sizes)
        if self.outputs != &self.inline_output:
            free(self.outputs)

    cdef int set_edges(self, tuple edges, int* numbers) except -1:
        cdef int n = len(edges), i
        if n > 4:
            self.edge_numbers = <int*> malloc(n * sizeof(int))
            if self.edge_numbers == NULL:
                self.edge_numbers = self.inline_numbers
                raise MemoryError()
        for i in range(n):
            self.edge_numbers[i] = numbers[i]
        self.edges = edges
        self.n_edges = n
        return 0

    cdef int set_outputs(self, int n) except -1:
        """Room for `n` output descriptions (1 is inline)."""
        cdef OutputMeta* block
        if n > 1:
            block = <OutputMeta*> malloc(n * sizeof(OutputMeta))
            if block == NULL:
                raise MemoryError()
            memset(block, 0, n * sizeof(OutputMeta))
            self.outputs = block
        self.n_outputs = n
        return 0

    cdef int describe_output(self, int i, Tensor t) except -1:
        cdef OutputMeta* meta = &self.outputs[i]
        if meta.sizes == NULL or (t.rank > NODE_DIMS and (meta.sizes == self.inline_sizes or t.rank > meta.ndim)):
            if meta.sizes != NULL and meta.sizes != self.inline_sizes:
                free(meta.sizes)
            meta.sizes = <Py_ssize_t*> malloc((t.rank + 1) * sizeof(Py_ssize_t))
            if meta.sizes == NULL:
                raise MemoryError()
        elif meta.sizes != self.inline_sizes and t.rank > meta.ndim:
            free(meta.sizes)
            meta.sizes = NULL
            meta.sizes = <Py_ssize_t*> malloc((t.rank + 1) * sizeof(Py_ssize_t))
            if meta.sizes == NULL:
                raise MemoryError()
        meta.code = t.code
        meta.ndim = t.rank
        meta.is_meta = is_meta(t)
        memcpy(meta.sizes, t.sizes, t.rank * sizeof(Py_ssize_t))
        return 0

    cdef int save(self, tuple values, unsigned long long tensor_mask, unsigned long long output_mask) except -1:
        """Keep values for backward, with the version each tensor has now."""
        cdef int i, n = len(values)
        if n > 4:
            self.versions = <unsigned int*> malloc(n * sizeof(unsigned int))
            if self.versions == NULL:
                self.versions = self.inline_versions
                raise MemoryError()
        for i in range(n):
            if tensor_mask >> i & 1 and values[i] is not None:
                if (<Tensor> values[i]).flags & INFERENCE and not ft_inference_mode:
                    raise RuntimeError("Inference tensors cannot be saved for backward. Please do not use Tensors created in inference mode in computation tracked by autograd. "
                                       "To work around this, you can make a clone to get a normal tensor and use it in autograd")
                self.versions[i] = (<Tensor> values[i]).storage.version
        if special_bits & 16 and tensor_mask and current_thread() in _saved_hooks:        # dispatch.BIT_SAVED_HOOKS
            values = tuple([pack_saved(value) if tensor_mask >> i & 1 and value is not None else value for i, value in enumerate(values)])
            tensor_mask, output_mask = 0, PACKED
        self.saved = values
        self.tensor_mask = tensor_mask
        self.output_mask = output_mask
        if special_bits & 8 and tensor_mask:                 # dispatch.BIT_HARDENED
            self.capture_hooks = guards_of(self)
        return 0

    cdef tuple unpack(self):
        """Saved values after the version check; outputs get their history back when a graph of the backward is recorded."""
        cdef int i
        cdef unsigned long long mask = self.tensor_mask
        cdef Tensor t, again
        cdef list restored = None
        cdef tuple saved = self.saved            # ours: another thread's walk may free the node while we look
        if saved is None:
            raise RuntimeError(
                f"Trying to backward through the graph a second time (or directly access saved tensors after they have already been freed) at {self.name()}. "
                "Saved intermediate values of the graph are freed when you call .backward() or autograd.grad(); give retain_graph=True to keep them")
        if self.capture_hooks is not None:
            check_guards(self, saved)
        i = 0
        while mask:
            if mask & 1:
                t = <Tensor> saved[i]
                if t is not None and t.storage.version != self.versions[i]:
                    raise RuntimeError(
                        "one of the variables needed for gradient computation has been modified by an inplace operation: "
                        f"{describe(t)}, saved by {self.name()} as value {i}, is at version {t.storage.version}; expected version {self.versions[i]} instead. "
                        "Hint: clone it before the in-place write, or write out of place")
                if t is not None and self.output_mask >> i & 1 and ft_grad_mode:
                    again = detached(t)
                    carry_tangents(t, again)
                    again.node = self
                    again.node_output = self.output_number_of(i)
                    if restored is None:
                        restored = list(saved)
                    restored[i] = again
            mask >>= 1
            i += 1
        if self.output_mask & PACKED:
            return tuple([unpack_saved(self, value) if type(value) is Packed else value for value in (saved if restored is None else restored)])
        return saved if restored is None else tuple(restored)

    def output_number_of(self, int i):
        return 0 if self.op is None else self.op.saved_output_number(i)

    def name(self):
        """``AddBackward0`` and the like."""
        if self.label is None:
            self.label = self.op.node_name() if self.op is not None else "Node"
        return self.label

    @property
    def next_functions(self):
        """((node, output number), …): where each input gradient goes; (None, 0) where none is wanted."""
        return tuple([(self.edges[i], self.edge_numbers[i] if self.edges[i] is not None else 0) for i in range(self.n_edges)])

    @property
    def sequence_nr(self):
        return self.sequence

    def _sequence_nr(self):
        return self.sequence

    def output_meta(self, int i):
        """(sizes, dtype, is meta) of output i as it was made; None when it was none."""
        if not 0 <= i < self.n_outputs:
            raise RuntimeError(f"{self.name()}: there is no output {i}")
        cdef OutputMeta* meta = &self.outputs[i]
        return None if meta.sizes == NULL else (tuple([meta.sizes[d] for d in range(meta.ndim)]), dtype_of(meta.code), bool(meta.is_meta))

    @property
    def metadata(self):
        if self.metadata_dict is None:
            self.metadata_dict = {}
        return self.metadata_dict

    @property
    def saved_values(self):
        return self.unpack() if self.saved is not None and self.output_mask & PACKED else self.saved

    @property
    def op_entry(self):
        return self.op

    def edge_wanted(self, int i):
        return i < self.n_edges and self.edges[i] is not None

    def release(self):
        self.saved = None

    def __getattr__(self, name):
        if name == "variable" and self.variable is not None:
            return self.variable
        if name.startswith("_saved_") and self.op is not None:
            self.unpack()                        # refuses when it was freed or written
            return self.op.saved_by_name(self, name[7:])
        if self.callback is not None and not name.startswith("__"):
            return getattr(self.callback.context, name)
        raise AttributeError(f"'{self.name()}' object has no attribute '{name}'")

    def __repr__(self):
        return f"<{self.name()} object at {<size_t> <PyObject*> self:#x}>"

    def register_hook(self, fn):
        """Call ``fn(grad_inputs, grad_outputs)`` after this node ran; it may return new grad_inputs. Returns a handle."""
        if self.post_hooks is None:
            self.post_hooks = new_registry()
        return add_hook(self.post_hooks, fn)

    def register_prehook(self, fn):
        """Call ``fn(grad_outputs)`` before this node runs; it may return new ones. Returns a handle."""
        if self.pre_hooks is None:
            self.pre_hooks = new_registry()
        return add_hook(self.pre_hooks, fn)


def add_hook(into, fn):
    """Register `fn` in an OrderedDict; returns the handle that takes it out again."""
    from frankentorch.utils.hooks import RemovableHandle
    handle = RemovableHandle(into)
    into[handle.id] = fn
    return handle


def new_registry():
    """Hooks by id, in order of registration; handles hold it weakly, which a plain dict does not allow."""
    from collections import OrderedDict
    return OrderedDict()
