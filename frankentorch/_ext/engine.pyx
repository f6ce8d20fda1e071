# cython: language_level=3, boundscheck=False, wraparound=False
# cython: cdivision=True, initializedcheck=False
# History and the backward walk. A node's sequence number is larger than those of all nodes it can reach, so a heap that gives the
# largest number first runs every node after all of its contributions, whatever the shape of the graph: no recursion, no count of
# dependencies, one fixed order. Contributions to one place are added in the order of that walk, starting from the first.
# Gradients reach leaves (AccumulateGrad, number -1) last, so an interrupted walk leaves every .grad as it was.
from cpython.exc cimport PyErr_CheckSignals
from cpython.ref cimport PyObject
from libc.stdlib cimport malloc, realloc, free
from importlib import import_module
from frankentorch._ext.types cimport *
from frankentorch._ext.dtype cimport dtype_of, is_complex_code
from frankentorch._ext.profile cimport BIT_PROFILE, Span, begin, end
from frankentorch._ext.tensor cimport *
from frankentorch._ext.tensor import Packed, add_hook, adopt_saved_hooks, new_registry, share_saved_hooks
from frankentorch._ext.elementwise cimport copy_into, cast_tensor, scalar_name

cdef object _rules = None


cdef object load_rules():
    global _rules
    if _rules is None:
        _rules = import_module("frankentorch.autograd.rules")
    return _rules


# ---- in-place writes and views ----
cdef int bump(Tensor t) except -1:
    """Count a write."""
    t.storage.version += 1
    return 0


cdef int check_inplace(Tensor t, bint records) except -1:
    """Refuse a write that autograd could not follow; RuntimeError says which."""
    cdef bint wants
    if t.flags & INFERENCE and not inference_enabled():
        raise RuntimeError("Inplace update to inference tensor outside InferenceMode is not allowed. You can make a clone to get a normal tensor before doing inplace update.")
    if not grad_enabled():
        return 0
    if t.base is None:
        if t.flags & REQUIRES_GRAD and t.node is None:
            raise RuntimeError("a leaf Variable that requires grad is being used in an in-place operation.")
        return 0
    wants = tensor_requires_grad(t)
    if t.creation_meta != VIEW_DEFAULT and (wants or records or tensor_requires_grad(t.base)):
        name = "None" if t.node is None else t.node.name()
        if t.creation_meta == VIEW_MULTI_OUTPUT:
            raise RuntimeError(f"Output {t.node_output} of {name} is a view and is being modified inplace. This view is the output of a function that returns multiple views. "
                               "Such functions do not allow the output views to be modified inplace. You should replace the inplace operation by an out-of-place one.")
        if t.creation_meta == VIEW_NO_GRAD:
            raise RuntimeError("A view was created in no_grad mode and is being modified inplace with grad mode enabled. Given that this use case is ambiguous and error-prone, "
                               "it is forbidden. You can clarify your code by moving both the view and the inplace either both inside the no_grad block or both outside.")
        raise RuntimeError(f"Output {t.node_output} of {name} is a view and is being modified inplace; this view was created inside a custom Function or inference mode, where that is forbidden.")
    if t.base.flags & REQUIRES_GRAD and t.base.node is None:
        raise RuntimeError("a view of a leaf Variable that requires grad is being used in an in-place operation.")
    return 0


cdef int set_view(Tensor out, Tensor source, int creation_meta) except -1:
    """Note that `out` looks into `source`'s base."""
    out.base = source if source.base is None else source.base
    out.view_version = out.storage.version
    if creation_meta == VIEW_DEFAULT and source.base is not None and source.creation_meta != VIEW_DEFAULT:
        creation_meta = source.creation_meta
    out.creation_meta = creation_meta
    return 0


cdef tuple geometry(Tensor t):
    return (sizes_tuple(t), strides_tuple(t), t.offset)


cdef int carry_retained(Tensor t, Node before, Node after, int output) except -1:
    """retain_grad speaks of the tensor: its note moves from the node that made the old value to that of the new one."""
    import weakref
    if not t.flags & RETAINS_GRAD or after is None:
        return 0
    if before is not None and before.retain_hooks is not None:
        before.retain_hooks.pop(t.node_output, None)
    if after.retain_hooks is None:
        after.retain_hooks = {}
    after.retain_hooks[output] = weakref.ref(t)
    return 0


cdef int rebase_history(Tensor t, Node node) except -1:
    """`node` has just written `t` in place. A view hands its history to its base, through a node that splices gradients."""
    cdef Node splice
    cdef Node below
    cdef int number = 0, i
    cdef int numbers[64]
    cdef list edges
    if t.base is None:
        carry_retained(t, t.node, node, 0)
        t.node = node
        t.node_output = 0
        t.flags &= ~(<unsigned int> REQUIRES_GRAD)
        return 0
    below = gradient_edge(t.base, &number)
    splice = Node.__new__(Node)
    splice.label = "torch::autograd::CopySlices"
    splice.fn = copy_slices_backward
    number_node(splice)
    edges = [below]
    numbers[0] = number
    for i in range(1, node.n_edges):
        if i < 64:
            edges.append(node.edges[i])
            numbers[i] = node.edge_numbers[i]
    splice.set_edges(tuple(edges), numbers)
    splice.save((node, geometry(t.base), geometry(t)), 0, 0)
    splice.describe_output(0, t.base)
    # the written node must ask for the gradient of what it overwrote
    edges = list(node.edges)
    if node.n_edges and edges[0] is None and below is not None:
        edges[0] = below
    node.edges = tuple(edges)
    carry_retained(t.base, t.base.node, splice, 0)
    t.base.node = splice
    t.base.node_output = 0
    t.base.flags &= ~(<unsigned int> REQUIRES_GRAD)
    t.view_version = t.storage.version - 1        # its own grad_fn is made from the base's when asked for
    return 0


cdef object copy_slices_backward(Node node, object g):
    """Gradient of a base through a write into one of its views."""
    cdef Node fn
    cdef tuple base, view
    cdef list results
    fn, base, view = node.unpack()
    whole = load_rules().empty_strided_like(g, base[0], base[1])
    whole.copy_(g)
    part = whole.as_strided(view[0], view[1], view[2] - base[2])
    found = call_node(fn, part.clone())
    results = list(found) if isinstance(found, tuple) else [found]
    if results and results[0] is not None and fn.wants(0):
        part.copy_(validated(results[0], fn.name(), 0, view[0], g.dtype))
    else:
        part.zero_()
    results[0] = whole
    return tuple(results[:node.n_edges])


cdef object validated(object g, str name, int i, tuple sizes, object dtype):
    if tuple(g.shape) != sizes:
        g = load_rules().sum_to(g, sizes)
    return g if g.dtype is dtype else g.to(dtype)


cdef Node regenerate_view(Tensor t):
    """grad_fn of a view whose storage was written since: as_strided of the base."""
    cdef Node node, below
    cdef int number = 0
    below = gradient_edge(t.base, &number)
    if below is None:
        t.view_version = t.storage.version
        return t.node
    if t.creation_meta == VIEW_NO_GRAD:
        raise RuntimeError("A view was created in no_grad mode and its base or another view of its base has been modified inplace with grad mode enabled. Given that this use "
                           "case is ambiguous and error-prone, it is forbidden. You can clarify your code by moving both the view and the inplace either both inside the "
                           "no_grad block or both outside.")
    t.view_version = t.storage.version
    node = Node.__new__(Node)
    node.label = "AsStridedBackward0"
    node.fn = view_backward
    number_node(node)
    node.set_edges((below,), &number)
    node.save((geometry(t.base), geometry(t)), 0, 0)
    node.describe_output(0, t)
    carry_retained(t, t.node, node, 0)
    t.node = node
    t.node_output = 0
    return node


cdef object view_backward(Node node, object g):
    base, view = node.unpack()
    return load_rules().as_strided_backward(g, base[0], base[1], base[2], view[0], view[1], view[2])


hooks.view_grad_fn = regenerate_view


# ---- who watches: the recorder of a ledger (runtime.ledger), asked only while dispatch.BIT_RECORD is on ----
cdef extern from "Python.h":
    unsigned long current_thread "PyThread_get_thread_ident" ()

cdef object _watcher = None, _gradient_gate = None
cdef unsigned long _watched_thread = 0


def set_gradient_gate(function):
    """``function(leaf, gradient)`` may refuse a gradient before it is accumulated, in hardened mode."""
    global _gradient_gate
    _gradient_gate = function


def set_watcher(watcher):
    """The recorder that hears of this thread's walks, nodes and leaves, or None."""
    global _watcher, _watched_thread
    _watcher, _watched_thread = watcher, current_thread()


cdef inline object watching():
    return _watcher if special_bits & 2 and _watched_thread == current_thread() else None


# ---- the walk ----
cdef long long _walks = 0
cdef dict _walking = {}              # thread: [[number, nodes the walk will reach or None until asked, roots, needed], ...] of walks under way, innermost last


include "engine_heap.pxi"
include "engine_hooks.pxi"
include "engine_threads.pxi"
include "engine_anomaly.pxi"
include "engine_batch.pxi"


cdef inline object call_node(Node node, object g):
    if special_bits & BIT_PROFILE:
        return call_profiled(node, g)
    if node.fn != NULL:
        return node.fn(node, g)
    return node.callback(node, g)


cdef object call_profiled(Node node, object g):
    cdef Span span = begin()
    try:
        return node.fn(node, g) if node.fn != NULL else node.callback(node, g)
    finally:
        end(span, node.name(), 1, None, None)


cdef object sum_grads(object a, object b):
    return hooks.binary(OP_ADD, a, b)


cdef object fit(object g, Node source, int i, Node target, int number):
    """A gradient as the place it goes to wants it: summed to its shape, of its dtype, real where it is real."""
    cdef OutputMeta* meta = &target.outputs[number]
    cdef Tensor t
    cdef int d, shift
    cdef bint same
    if not isinstance(g, Tensor):
        raise TypeError(f"{source.name()}: expected a Tensor or None as gradient {i}, got {type(g).__name__}")
    t = <Tensor> g
    if meta.sizes == NULL:
        return g
    same = t.rank == meta.ndim
    if same:
        for d in range(t.rank):
            if t.sizes[d] != meta.sizes[d]:
                same = False
                break
    if not same:
        shift = t.rank - meta.ndim
        for d in range(meta.ndim):
            if shift < 0 or (meta.sizes[d] != 1 and meta.sizes[d] != t.sizes[d + shift]):
                raise RuntimeError(f"Function {source.name()} returned an invalid gradient at index {i} - got {list(sizes_tuple(t))} but expected shape compatible with "
                                   f"{[meta.sizes[j] for j in range(meta.ndim)]}")
        g = load_rules().sum_to(g, tuple([meta.sizes[d] for d in range(meta.ndim)]))
        t = <Tensor> g
    if t.code != meta.code:
        if is_complex_code(t.code) and not is_complex_code(meta.code):
            g = g.real
            t = <Tensor> g
        if t.code != meta.code:
            g = g.to(dtype_of(meta.code))
    return g


cdef int accumulate(Tensor variable, object incoming, bint create_graph) except -1:
    """Add a gradient into a leaf's .grad; the first is taken over when nobody else holds it, else copied."""
    cdef Tensor g = for_leaf(variable, detached(<Tensor> incoming) if not create_graph and has_tangent(<Tensor> incoming) else <Tensor> incoming)
    cdef Tensor kept
    if variable.gradient is None:
        if (create_graph and (g.node is not None or has_tangent(g))) or g.flags & BATCHED:
            variable.gradient = g.clone() if (<PyObject*> g).ob_refcnt > 3 else g
            return 0
        if (<PyObject*> g).ob_refcnt <= 3 and (<PyObject*> g.storage).ob_refcnt == 1 and g.base is None and same_layout(g, variable):
            variable.gradient = g
            return 0
        kept = new_like(variable, g.code) if non_overlapping_and_dense(variable) else new_tensor(g.code, is_meta(g), g.rank, g.sizes)
        copy_into(kept, g)
        variable.gradient = kept
        return 0
    if create_graph:
        variable.gradient = hooks.binary(OP_ADD, variable.gradient, g)
    else:
        hooks.inplace(OP_ADD, variable.gradient, g)
    return 0


cdef extern from *:
    ctypedef struct CountedObject "PyObject":
        Py_ssize_t ob_refcnt


cdef bint same_layout(Tensor a, Tensor b) noexcept:
    """Strides as the leaf's, or contiguous beside a leaf that is not dense."""
    cdef int d
    if not non_overlapping_and_dense(b):
        return (a.flags & DENSE) != 0
    for d in range(a.rank):
        if a.strides[d] != b.strides[d] and a.sizes[d] > 1:
            return False
    return True


cdef set reachable(list roots, dict targets):
    """Nodes from which a target can be reached (targets too). Iterative, children before parents."""
    cdef set needed = set()
    cdef dict state = {}
    cdef list stack
    cdef Node node
    for root in roots:
        stack = [root]
        while stack:
            node = stack[len(stack) - 1]
            if node in state:
                stack.pop()
                if state[node] == 0:
                    state[node] = 1
                    if node in targets:
                        needed.add(node)
                    else:
                        for below in node.edges:
                            if below is not None and below in needed:
                                needed.add(node)
                                break
                continue
            state[node] = 0
            for below in node.edges:
                if below is not None and below not in state:
                    stack.append(below)
    return needed


def run_backward(list tensors, list grads, bint keep_graph, bint create_graph, inputs, bint accumulate_inputs):
    """Walk back from `tensors` (or (node, number) edges) with `grads`. With `inputs` (tensors or (node, number) edges) returns their gradients in order
    (None where no path leads), or accumulates into just those when `accumulate_inputs`; without, accumulates into every leaf."""
    cdef dict buffers = {}
    cdef dict owned = {}
    cdef Heap heap = Heap.__new__(Heap)
    cdef dict targets = None
    cdef set needed = None
    cdef Node node, below
    cdef int number = 0, i, n
    cdef list values, roots = [], captured = None
    cdef object g, results, watch = watching()
    cdef bint before, summed
    cdef bint silent
    cdef tuple edges
    cdef list walks = _walking.get(current_thread())
    if walks is not None and len(walks) >= DEEPEST:
        return in_new_thread(tensors, grads, keep_graph, create_graph, inputs, accumulate_inputs)
    if watch is not None:
        watch.walk_begins(tensors, grads, keep_graph, create_graph, inputs, accumulate_inputs)
    for tensor in tensors:
        if isinstance(tensor, Tensor):
            below = gradient_edge(<Tensor> tensor, &number)
            if below is None:                # a view made while nothing was recorded
                continue
        else:
            below, number = tensor
        roots.append((below, number))
    if inputs is not None:
        targets = {}
        captured = [None] * len(inputs)
        for position, item in enumerate(inputs):
            if isinstance(item, Tensor):
                below = gradient_edge(<Tensor> item, &number)
            else:
                below, number = item
            if below is not None:
                targets.setdefault(below, []).append((number, position))
        needed = reachable([r[0] for r in roots], targets)
    before = set_grad_enabled(create_graph)
    global _walks
    _walks += 1
    if walks is None:
        walks = _walking[current_thread()] = []
    walks.append([_walks, None, [r[0] for r in roots], needed])
    try:
        for (root, where), g in zip(roots, grads):
            summed = put(buffers, owned, heap, root, where, g)
            if watch is not None:
                watch.root(root, where, g, (<list> buffers[root])[where] if summed else None)
        while heap.n:
            node = <Node> heap.pop()
            if node.variable is None:            # once leaves are filled, the walk is finished whatever the user presses
                PyErr_CheckSignals()
                if _cancelled:
                    leave_if_cancelled()
            values = <list> buffers.pop(node)
            owned.pop(node, None)
            if needed is not None and node not in needed:
                continue
            if watch is not None:
                watch.node_begins(node)
            # hooks of the tensors this node made (or of the leaf it fills)
            if node.variable is not None:
                if node.variable.extra is not None and node.variable.extra.hooks:
                    values[0] = run_hooks(node.variable.extra.hooks, values[0], "gradient")
            else:
                if node.tensor_hooks is not None:
                    for k, hook_dict in node.tensor_hooks.items():
                        values[k] = run_hooks(hook_dict, values[k], "gradient")
                if node.pre_hooks:
                    values = run_pre_hooks(node, values)
                if node.retain_hooks is not None:
                    for k, holder in node.retain_hooks.items():
                        retained = holder()
                        if retained is not None and values[k] is not None:
                            (<Tensor> retained).gradient = values[k]
            if watch is not None:
                watch.node_receives(node, values)
            if targets is not None and node in targets:
                for where, position in targets[node]:
                    captured[position] = values[where]
                    if accumulate_inputs and node.variable is not None:
                        pass
                if node.variable is not None or not leads_on(node, needed):
                    if accumulate_inputs and node.variable is not None:
                        finish_leaf(node, values[0], create_graph)
                    continue
            if node.variable is not None:
                g = values[0]
                values = None
                finish_leaf(node, g, create_graph)
                g = None
                continue
            if node.n_outputs == 1:
                g = values[0]
                values = None
            else:
                g = tuple(values)
            silent = node.callback is None and (g is None or (node.n_outputs > 1 and without_gradients(<tuple> g)))
            if silent:                          # nothing came: nothing goes on, but hooks hear of it
                results = (None,) * node.n_edges
            else:
                results = call_watched(node, g) if special_bits & BIT_ANOMALY else call_node(node, g)
            if not isinstance(results, tuple):
                results = (results,)
            if node.post_hooks:
                results = run_post_hooks(node, results, g if isinstance(g, tuple) else (g,))
            if watch is not None:
                watch.node_ran(node, g, results)
            g = None
            n = len(<tuple> results)
            edges = node.edges
            if n != node.n_edges:
                raise RuntimeError(f"Function {node.name()} returned an incorrect number of gradients (expected {node.n_edges}, got {n})")
            if not keep_graph:
                release(node)
            for i in range(n):
                below = <Node> edges[i]
                if below is None:
                    continue
                g = (<tuple> results)[i]
                if g is None:
                    if below not in buffers:
                        buffers[below] = [None] * below.n_outputs
                        heap.push(below)
                    continue
                number = node.edge_numbers[i]
                g = fit(g, node, i, below, number)
                if watch is not None:
                    watch.gives(i, (<tuple> results)[i], g, below, number)
                summed = put(buffers, owned, heap, below, number, g)
                if summed and watch is not None:
                    watch.summed(below, number, (<list> buffers[below])[number])
            g = None
            results = None
            if watch is not None:
                watch.node_ends(node)
    except:
        if watch is not None:
            watch.walk_breaks()
        raise
    finally:
        set_grad_enabled(before)
        walks.pop()
        if not walks:
            _walking.pop(current_thread(), None)
    if inputs is not None and accumulate_inputs:
        for position, item in enumerate(inputs):
            if isinstance(item, Tensor) and (<Tensor> item).node is not None and captured[position] is not None:
                summed = lock_leaves()
                try:
                    accumulate(<Tensor> item, captured[position], create_graph)
                finally:
                    if summed:
                        unlock_leaves()
    if watch is not None:
        watch.walk_ends(captured)
    return captured


cdef bint without_gradients(tuple grads):
    for g in grads:
        if g is not None:
            return False
    return True


cdef bint leads_on(Node node, set needed):
    for below in node.edges:
        if below is not None and below in needed:
            return True
    return False


cdef bint holds_tensors(tuple saved):
    for value in saved:
        if isinstance(value, (Tensor, Packed)) or (isinstance(value, tuple) and len(value) and isinstance(value[0], Tensor)):
            return True
    return False


cdef int release(Node node) except -1:
    """Let go of what the node saved. One that holds only sizes and numbers costs nothing and may run again."""
    if node.callback is not None:
        node.callback.release(node)
    elif node.fn is copy_slices_backward:
        if node.saved is not None:
            release(<Node> node.saved[0])
    elif node.saved is not None and holds_tensors(node.saved):
        node.saved = None
    return 0


cdef int finish_leaf(Node node, object g, bint create_graph) except -1:
    cdef Tensor variable = node.variable
    cdef bint locked
    if g is not None:
        if special_bits & 8 and _gradient_gate is not None:         # dispatch.BIT_HARDENED
            _gradient_gate(variable, g)
        watch = watching()
        locked = lock_leaves()
        try:
            if watch is not None:
                watch.accumulates(variable, g)
                accumulate(variable, g, create_graph)
                watch.accumulated(variable)
            else:
                accumulate(variable, g, create_graph)
        finally:
            if locked:
                unlock_leaves()
    if variable.extra is not None and variable.extra.post_accumulate_hooks:
        for hook in list(variable.extra.post_accumulate_hooks.values()):
            hook(variable)
    return 0


cdef int put(dict buffers, dict owned, Heap heap, Node node, int number, object g) except -1:
    """Add a contribution to the buffer of (node, number); the first one is kept as it is, later ones are summed in order. 1 if it was summed."""
    cdef list values
    found = buffers.get(node)
    if found is None:
        values = [None] * node.n_outputs
        values[number] = g
        buffers[node] = values
        heap.push(node)
        return 0
    values = <list> found
    if values[number] is None:
        values[number] = g
        return 0
    if grad_enabled():
        values[number] = sum_grads(values[number], g)
        return 1
    mine = owned.get(node)
    if mine is not None and number in mine and not (<Tensor> g).flags & BATCHED:
        hooks.inplace(OP_ADD, values[number], g)       # a sum we made ourselves
        return 1
    values[number] = sum_grads(values[number], g)
    if mine is None:
        owned[node] = {number}
    else:
        mine.add(number)
    return 1


def current_walk():
    """Number of this thread's backward walk under way; None outside."""
    cdef list walks = _walking.get(current_thread())
    return walks[len(walks) - 1][0] if walks else None


def walk_takes_inputs():
    """Whether this thread's walk collects gradients of given inputs, so that it does not reach every leaf."""
    cdef list walks = _walking.get(current_thread())
    return bool(walks) and walks[len(walks) - 1][3] is not None


def will_run(Node node):
    """Whether the walk under way reaches `node`."""
    cdef list walks = _walking[current_thread()]
    cdef list walk = walks[len(walks) - 1]
    cdef list stack
    cdef Node at
    if walk[3] is not None:
        return node in <set> walk[3]
    if walk[1] is None:
        seen = set()
        stack = list(walk[2])
        while stack:
            at = stack.pop()
            if at is None or at in seen:
                continue
            seen.add(at)
            stack.extend(at.edges)
        walk[1] = seen
    return node in <set> walk[1]


def gradient_edge_of(Tensor t):
    """(node, output number) that gradients of `t` flow to, or (None, 0)."""
    cdef int number = 0
    cdef Node node = gradient_edge(t, &number)
    return node, number


def make_python_node(callback, list inputs, list outputs, str label):
    """A node whose backward is `callback(node, grads)`, from `inputs` (tensors only) to `outputs` (fresh tensors or None)."""
    cdef Node node = Node.__new__(Node)
    cdef list edges = []
    cdef int* numbers
    cdef int i
    watch = watching()
    if watch is not None:
        watch.python_node(label)
    numbers = <int*> malloc((len(inputs) + 1) * sizeof(int))
    if numbers == NULL:
        raise MemoryError()
    try:
        for i in range(len(inputs)):
            numbers[i] = 0
            edges.append(gradient_edge(<Tensor> inputs[i], &numbers[i]))
        node.label = label
        node.callback = callback
        number_node(node)
        node.saved = ()
        node.set_edges(tuple(edges), numbers)
    finally:
        free(numbers)
    if special_bits & BIT_ANOMALY:
        note_traceback(node)
    node.set_outputs(len(outputs) if len(outputs) > 1 else 1)
    for i in range(len(outputs)):
        if isinstance(outputs[i], Tensor):
            attach_output(node, i, <Tensor> outputs[i])
    return node


def attach_output(Node node, int i, Tensor t):
    node.describe_output(i, t)
    t.node = node
    t.node_output = i
    t.flags &= ~(<unsigned int> REQUIRES_GRAD)


def rebase(Tensor t, Node node):
    """Public to Python-level Functions that write an input in place."""
    bump(t)
    rebase_history(t, node)


def rebase_output(Tensor t, Node node, int i):
    """`t`, which `node` wrote in place, becomes its output i."""
    cdef Tensor base = t.base
    node.describe_output(i, t)
    bump(t)
    if base is None:
        t.node, t.node_output = node, i
        t.flags &= ~(<unsigned int> REQUIRES_GRAD)
        return
    if i:
        raise RuntimeError(f"{node.name()}: a view written in place must be the first output, this one is output {i}")
    rebase_history(t, node)


def mark_view(Tensor out, Tensor source, int creation_meta=VIEW_CUSTOM):
    set_view(out, source, creation_meta)


def version_of(Tensor t):
    return t.storage.version


def bump_version(Tensor t):
    bump(t)


def drop_history(Tensor t):
    """detach_: the tensor becomes a leaf that asks for no gradient."""
    t.node = None
    t.node_output = 0
    t.flags &= ~(<unsigned int> (REQUIRES_GRAD | RETAINS_GRAD))
