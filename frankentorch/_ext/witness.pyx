# cython: language_level=3
# What a recorder does for every node of a walk and every result of an op: numbers, digests, and the fields of the records.
# `runtime/ledger/recorder.py` builds on it; docs/ledger-format.md says what the fields mean.
cimport cython
import weakref
from frankentorch._ext.tensor cimport *
from frankentorch._ext.evidence cimport *

cdef enum:
    LARGE = 1 << 17         # bytes of a result beyond which level node leaves its digest out
cdef str VIEW = "view"      # in place of the digest of a gradient that shows the elements of the one that came in, in another order
cdef object weak = weakref.ref


cdef bint shows(Tensor t, list others):
    for other in others:
        if (<Tensor> other).storage is t.storage:
            return True
    return False


@cython.final
cdef class Forget:
    """Takes a tensor that died out of a table by id, unless another lives there by now."""
    cdef dict table
    cdef object key

    def __init__(self, table, key):
        self.table, self.key = table, key

    def __call__(self, ref):
        found = self.table.get(self.key)
        if found is not None and (<Seen> found).holder is ref:
            del self.table[self.key]


cdef class Witness:
    """Numbers of tensors, what is pending between the nodes of a walk, and the words for both."""
    cdef public object sink, fresh
    cdef public bint full, hooked
    cdef public long long base, made      # when it began: the last node of any thread, how many of this one
    cdef public dict tensors, names, pending
    cdef public list notes, outer, incoming, folds
    cdef public set stored
    cdef public Py_ssize_t numbered, ops
    cdef public dict generators
    cdef public object machine, machine_used
    cdef list outgoing, sum, line, versions
    cdef dict same, given
    cdef tuple facts
    cdef object __weakref__

    def __init__(self, sink, bint full, long long base):
        self.sink, self.full, self.base, self.made = sink, full, base, nodes_made()
        self.tensors, self.names, self.pending = {}, {}, {}
        self.notes, self.outer, self.stored = [], [], set()
        self.fresh = weakref.WeakValueDictionary()
        self.numbered = self.ops = 0
        self.generators, self.machine, self.machine_used = {}, frozenset(), set()
        self.hooked = False

    def write(self, kind, *fields):
        """Add a record, with the elements noted for it."""
        notes, self.notes = self.notes, []
        self.sink.write(kind, fields, notes)

    # ---- tensors ----
    def find(self, tensor):
        """What is known of a tensor, None if it was never met."""
        return find_seen(self.tensors, tensor) if isinstance(tensor, Tensor) else None

    cpdef Seen enter(self, Tensor tensor, object digest):
        """Give a tensor the next number."""
        key = id(tensor)
        cdef Seen seen = Seen(self.numbered, digest, tensor.storage.version, asks_gradient(tensor), weak(tensor, Forget(self.tensors, key)))
        self.numbered += 1
        self.tensors[key] = seen
        return seen

    cpdef object digest(self, Tensor tensor):
        """Digest of a tensor; at level full its elements are attached the first time."""
        found = digest(tensor)
        if self.full and found not in self.stored:
            self.stored.add(found)
            self.notes.append(([found, NAMES[tensor.code], sizes_list(tensor)], elements(tensor)))
        return found

    cpdef object number(self, Tensor tensor):
        """Number of a tensor that is read: one never met is introduced, one that changed unseen is told."""
        cdef Seen seen = find_seen(self.tensors, tensor)
        if seen is None and not self.full and tensor.base is not None and find_seen(self.tensors, tensor.base) is not None:
            return self.number(tensor.base)     # views are not recorded at level node: what counts is what they show
        if seen is None:
            if self.full and tensor.node is not None:
                raise refused(f"{NAMES[tensor.code]}{sizes_list(tensor)} has a history the ledger did not see: it was made before recording "
                              "began, or by a function that has no canonical encoding; level 'node' records it")
            found = self.digest(tensor)
            seen = self.enter(tensor, found)
            self.write("tensor", seen.number, NAMES[tensor.code], sizes_list(tensor), found, self.name_of(tensor), seen.asks)
            return seen.number
        version = tensor.storage.version
        if self.full or version != seen.version:
            found = self.digest(tensor)
            if seen.digest is not None and found != seen.digest:
                self.write("changed", seen.number, found)
            seen.digest, seen.version = found, version
            asks = asks_gradient(tensor)
            if self.full and asks != seen.asks and tensor.node is None:
                seen.asks = asks
                self.write("asks", seen.number, asks)
        return seen.number

    cpdef list told(self, Tensor tensor):
        """[number, digest] of a tensor that is read."""
        number = self.number(tensor)
        cdef Seen seen = find_seen(self.tensors, tensor)
        return [number, self.digest(tensor) if seen is None else seen.digest]

    cpdef list after(self, Tensor tensor):
        """[number, digest] of a tensor that may have been written."""
        cdef Seen seen = find_seen(self.tensors, tensor)
        found = self.digest(tensor)
        if seen is None:
            seen = self.enter(tensor, found)
        seen.digest, seen.version = found, tensor.storage.version
        return [seen.number, found]

    cpdef object name_of(self, Tensor tensor):
        """Name of a parameter, as its module gave it."""
        found = self.names.get(id(tensor))
        return (<tuple> found)[0] if found is not None and (<tuple> found)[1]() is tensor else None

    cpdef Seen leaf(self, Tensor tensor):
        """What is known of a leaf; one never met is introduced by a record of its own, while another is being gathered."""
        cdef Seen seen = find_seen(self.tensors, tensor)
        if seen is None:
            notes, self.notes = self.notes, []
            try:
                self.number(tensor)
            finally:
                self.notes = notes
            seen = find_seen(self.tensors, tensor)
        return seen

    cpdef bint is_fresh(self, Tensor tensor):
        """Whether nothing has been written yet to memory that `empty` made: what it holds is chance, and not recorded."""
        if tensor.storage.version:
            return False
        found = self.fresh.get(id(tensor))
        if found is None and tensor.base is not None:
            tensor = tensor.base
            found = self.fresh.get(id(tensor))
        return found is tensor

    # ---- ops ----
    cdef object word(self, object value):
        """An argument as JSON; what is rare is left to `runtime/ledger/canonical.py`."""
        kind = type(value)
        if value is None or kind is bool or kind is int or kind is str:
            return value
        if isinstance(value, Tensor):
            return {"t": self.number(<Tensor> value)}
        if kind is tuple or kind is list:
            return {"l": [self.word(item) for item in value]}
        return self.encode(value)

    cpdef list begin(self, str name, tuple args, str mode, object out, bint writes):
        """[name, mode, whether a graph is built, words of the arguments, word of `out`] of an op about to run."""
        cdef list words = []
        if generator_moved():
            self.tell_generator(0, generator_digest())
        try:
            for value in args:
                words.append(self.target_number(value) if writes and not words else self.word(value))
            target = self.word(out)
        except RuntimeError as error:
            if getattr(error, "rule", None) == "encoding":
                error.details["op"] = name
            raise
        return [name, mode, bool(grad_enabled()), words, target]

    def op_ends(self, list note, overload, tuple args, result):
        outs, written, node = self.results(args, result)
        drawn = generator_digest() if generator_moved() else None
        if self.generators:
            for value in args:
                found = self.generators.get(id(value))
                if found is not None and found[2] is value:
                    drawn = found[1] = generator_digest(value)
        self.write("op", self.ops, *note, outs, written, node, drawn)
        self.ops += 1
        if note[0] in self.machine:
            self.machine_used.add(note[0])

    cpdef list output(self, Tensor tensor, list given):
        """[number, dtype, sizes, digest] of a result. Below level full, views have no digest, for they move no data, nor have large
        results, whose gradients tell of them."""
        cdef Seen seen = find_seen(self.tensors, tensor)
        found = None
        if not self.is_fresh(tensor) and (self.full or seen is not None or
                                          tensor.count * ITEMSIZES[tensor.code] <= LARGE and not shows(tensor, given)):
            found = self.digest(tensor)
        if seen is None:
            seen = self.enter(tensor, found)
        else:
            seen.digest, seen.version, seen.asks = found, tensor.storage.version, asks_gradient(tensor)
        return [seen.number, NAMES[tensor.code], sizes_list(tensor), found]

    cpdef tuple results(self, tuple args, object result):
        """(words of the results, those of the arguments written besides, number of the node that was made or None)."""
        cdef list given = tensors_in(args), made = tensors_in(result), written = []
        cdef list outs = [self.output(<Tensor> tensor, given) for tensor in made]
        cdef Tensor tensor
        cdef Seen seen
        for tensor in given:
            seen = find_seen(self.tensors, tensor)
            if seen is not None and seen.version != tensor.storage.version:
                seen.digest, seen.version = self.digest(tensor), tensor.storage.version
                written.append([seen.number, seen.digest])
        tensor = made[0] if made else None
        return outs, written, None if tensor is None else self.node_of(tensor)

    # ---- the walk ----
    cpdef object node_of(self, Tensor tensor):
        """Number of the node that made a tensor; None of a leaf."""
        return None if tensor.node is None else node_number(tensor.node) - self.made

    def target(self, Node node):
        """A node as edges name it: its number, or ``["leaf", tensor number]``."""
        return ["leaf", self.leaf(node.variable).number] if node.variable is not None else node_number(node) - self.made

    def root(self, Node node, place, Tensor grad, total):
        self.pending[id(node), place] = [self.digest(grad if total is None else total), 1, fold_of_last()]

    def node_begins(self, Node node):
        if self.full and node.variable is None and node.sequence <= self.base:
            raise refused(f"{node.name()} was recorded on the tape before the ledger began: it could not be replayed")
        self.hooked = has_hooks(node)

    def node_receives(self, Node node, list values):
        cdef list found, incoming = [], folds = []
        cdef object value, fold
        cdef Py_ssize_t place = 0
        self.incoming, self.folds = incoming, folds
        self.versions = [-1 if value is None else (<Tensor> value).storage.version for value in values]
        for place in range(len(values)):
            value, fold = values[place], None
            found = self.pending.pop((id(node), place), None)
            if value is None:
                incoming.append(None)
            elif found is None or self.hooked:
                incoming.append(self.digest(value))
                fold = fold_of_last()
                if self.full and self.hooked and found is not None and found[0] != incoming[place]:
                    raise refused(f"a hook changed the gradient of {node.name()}: hooks have no canonical encoding at level 'full'")
            else:
                incoming.append(found[0])
                fold = found[2]
            folds.append(fold)

    def node_ran(self, Node node, grad, tuple results):
        """Results that are just what came in need no second look, those that show it in another order no digest."""
        cdef tuple came = grad if isinstance(grad, tuple) else (grad,)
        cdef Py_ssize_t i, place
        cdef object result, value
        self.same, self.given = {}, {}
        for i in range(len(results)):
            result = results[i]
            if result is None:
                continue
            for place in range(len(came)):
                value = came[place]
                if value is None or (<Tensor> value).storage.version != self.versions[place]:      # written since it came in
                    continue
                if result is value:
                    self.same[i] = self.incoming[place], self.folds[place]
                elif self.folds[place] is not None and same_elements(<Tensor> result, <Tensor> value):
                    self.same[i] = digest_again(<Tensor> result, self.folds[place]) if not self.full else self.digest(<Tensor> result), self.folds[place]
                elif not self.full and (<Tensor> result).storage is (<Tensor> value).storage and (<Tensor> value).count:
                    self.same[i] = VIEW, None
        self.outgoing = [None] * len(results)
        self.facts = node_facts(node)

    def gives(self, int i, raw, Tensor grad, Node below, place):
        cdef tuple known = None
        cdef list found, line
        if raw is grad:
            known = self.same.get(i)
            if known is None:
                known = self.given.get(id(raw))
            elif below.variable is not None and known[0] is VIEW:      # what is kept has a digest
                known = None
        if known is None:
            known = self.digest(grad), fold_of_last()
            if raw is grad:
                self.given[id(raw)] = known
        key = (id(below), place)
        found = self.pending.get(key)
        line = [self.target(below), place, known[0], 0 if found is None else found[1], None, NAMES[grad.code], sizes_list(grad)]
        self.outgoing[i] = line
        if found is None:
            self.pending[key] = [known[0], 1, known[1]]
        else:
            self.sum, self.line = found, line

    def summed(self, Node below, place, Tensor total):
        self.sum[0] = self.line[4] = self.digest(total)
        self.sum[2] = fold_of_last()
        self.sum[1] += 1

    def node_ends(self, Node node):
        name, saved = self.facts
        self.write("node", node_number(node) - self.made, name, self.incoming, self.outgoing, saved, self.hooked)
        self.given = self.same = None

    def accumulates(self, Tensor variable, Tensor grad):
        cdef Tensor before = variable.grad
        cdef Seen seen
        found = self.incoming[0] if self.incoming else self.digest(grad)
        held = None
        if before is not None:
            seen = find_seen(self.tensors, before)
            known = seen.digest if seen is not None and seen.version == before.storage.version else None
            held = [None if seen is None else seen.number, self.digest(before) if known is None else known]
        self.pending[(id(variable),)] = held, found

    def accumulated(self, Tensor variable):
        held, found = self.pending.pop((id(variable),))
        cdef Tensor grad = variable.grad
        cdef Seen seen = find_seen(self.tensors, grad)
        after = found if held is None and grad.code == variable.code else self.digest(grad)
        if seen is None:
            seen = self.enter(grad, after)
        seen.digest, seen.version = after, grad.storage.version
        self.write("leaf", self.leaf(variable).number, self.name_of(variable), held, found, [seen.number, after], norm(grad))


cdef object refused(str why):
    from frankentorch.runtime.ledger.errors import LedgerError
    return LedgerError("encoding", why)
