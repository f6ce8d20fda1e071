"""What a recorder hears, and the records it makes of it.

The engine, the door of the ops and the optimizers call the methods below while the ledger's bit is on. Tensors get numbers
in the order in which they are first met; digests are of canonical bytes (`_ext/evidence.pyx`), so neither layout nor
address shows. Nothing recorded depends on the clock, the path, the process, the number of threads or the CPU.
"""

import functools
import threading
import weakref
from importlib import import_module

from frankentorch._ext import dispatch, engine, evidence
from frankentorch._ext.tensor import Tensor, is_grad_enabled, set_special_bit
from frankentorch._ext.evidence import Seen, tensors_in
from frankentorch.runtime.ledger.canonical import encode
from frankentorch.runtime.ledger.errors import LedgerError

LEVELS = ("step", "node", "full")
BIT_RECORD = 2
QUIET_STEPS = 3
LARGE = 1 << 17  # bytes of a result beyond which level node leaves its digest out
MODES = ("function", "inplace", "out")
DRAWS = ("uniform", "normal", "integers", "integers_below", "random", "bernoulli", "bernoulli_each", "exponential", "cauchy", "geometric",
         "log_normal", "permutation", "choices")
MAKERS, FILLERS = ("empty", "empty_strided", "empty_like"), ("fill", "fill_range", "fill_linspace", "copy")


class Recorder:
    """Listens to one thread and writes to `sink`, which has ``write(kind, fields, attached)``."""

    def __init__(self, sink, level, portable_only=False):
        self.sink, self.level, self.portable_only = sink, level, portable_only
        self.full = level == "full"
        self.thread, self.on = threading.get_ident(), False
        self.tensors, self.numbered = {}, 0
        self.find = functools.partial(evidence.find, self.tensors)
        self.generators, self.names, self.roots = {}, {}, {}
        self.optimizers, self.models = {}, {}
        self.stored = set()
        self.notes = []
        self.ops = self.walks = self.steps = 0
        self.base = evidence.take_sequence()
        self.pending, self.incoming, self.folds, self.outgoing = {}, None, None, None
        self.machine, self.machine_used = frozenset(), set()
        self.outer, self.hooked = [], False
        self.fresh, self.replaced = weakref.WeakValueDictionary(), []

    # ---- on and off ----
    def start(self):
        if self.level != "step":
            self.machine = machine_ops()
            evidence.forget_generator()
            self.wrap("frankentorch._ext.random_ops", DRAWS, self.drawing)
            self.wrap("frankentorch._ext.create", MAKERS, self.making)
            self.wrap("frankentorch._ext.create", FILLERS, self.filling)
            engine.set_watcher(self)
            dispatch.set_watcher(self, self.full)
            set_special_bit(BIT_RECORD, True)
        import_module("frankentorch.optim.optimizer")._watch = self.watch_step
        self.listen_for_names()
        self.on = True

    def stop(self):
        if not self.on:
            return
        self.on = False
        if self.hook is not None:
            self.hook.remove()
        import_module("frankentorch.optim.optimizer")._watch = None
        if self.level != "step":
            for module, name, original in self.replaced:
                setattr(module, name, original)
            set_special_bit(BIT_RECORD, False)
            engine.set_watcher(None)
            dispatch.set_watcher(None)

    def write(self, kind, *fields):
        notes, self.notes = self.notes, []
        self.sink.write(kind, fields, notes)

    # ---- draws and fresh memory, which do not pass the door ----
    def wrap(self, path, names, wrapper):
        module = import_module(path)
        for name in names:
            original = getattr(module, name)
            self.replaced.append((module, name, original))
            setattr(module, name, wrapper(name, original))

    def making(self, name, original):
        def make(*args):
            out = original(*args)
            if dispatch.listens():
                self.fresh[id(out)] = out
            return out
        return make

    def filling(self, name, original):
        def fill(*args):
            self.fresh.pop(id(args[0]), None)
            return original(*args)
        return fill

    def drawing(self, name, original):
        def draw(*args):
            if not dispatch.listens():
                return original(*args)
            note = self.begin("draw:" + name, args, "function", None, True)
            dispatch.hush(1)
            try:
                result = original(*args)
            finally:
                dispatch.hush(-1)
            self.fresh.pop(id(result), None)
            self.op_ends(note, None, args, result)
            return result
        return draw

    def is_fresh(self, tensor):
        """Whether nothing has been written yet to memory that `empty` made: what it holds is chance, and not recorded."""
        found = self.fresh.get(id(tensor))
        if found is None and (base := evidence.base_of(tensor)) is not None:
            tensor, found = base, self.fresh.get(id(base))
        return found is tensor and evidence.version(tensor) == 0

    def target_number(self, tensor):
        """A tensor that is written: fresh memory is described, not read."""
        if isinstance(tensor, Tensor) and self.find(tensor) is None and self.is_fresh(tensor):
            seen = self.enter(tensor, None)
            return {"n": [seen.number, evidence.dtype_name(tensor), list(tensor.shape), list(tensor.stride())]}
        return encode(tensor, self.number, self.generator)

    # ---- names ----
    def listen_for_names(self):
        self.hook = import_module("frankentorch.nn.modules._hooks").register_module_forward_pre_hook(self.module_called)
        self.unnamed, self.quiet = False, 0

    def names_heard(self):
        """A step was told. A hook on every module costs more than a step's digests: it goes when three steps in a row named nothing new, and comes back
        when a step meets parameters without a name."""
        if self.hook is not None:
            self.quiet += 1
            if self.quiet >= QUIET_STEPS:
                self.hook.remove()
                self.hook, self.unnamed = None, False
        elif self.unnamed:
            self.listen_for_names()

    def module_called(self, module, args):
        """The outermost module of a call names its parameters and buffers."""
        if id(module) in self.models or threading.get_ident() != self.thread:
            return
        self.name_all(module)

    def name_all(self, module):
        self.quiet = 0
        for part in module.modules():
            self.models[id(part)] = weakref.ref(part)
        for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
            self.names.setdefault(id(tensor), (name, weakref.ref(tensor)))

    def name_of(self, tensor):
        found = self.names.get(id(tensor))
        return found[0] if found is not None and found[1]() is tensor else None

    # ---- tensors ----
    def enter(self, tensor, digest):
        """Give a tensor the next number."""
        key = id(tensor)
        seen = Seen(self.numbered, digest, evidence.version(tensor), evidence.asks_gradient(tensor),
                    weakref.ref(tensor, lambda ref, key=key, table=self.tensors: forget(table, key, ref)))
        self.numbered += 1
        self.tensors[key] = seen
        return seen

    def digest(self, tensor):
        """Digest of a tensor; at level full its elements are attached the first time."""
        found = evidence.digest(tensor)
        if self.full and found not in self.stored:
            self.stored.add(found)
            self.notes.append(([found, evidence.dtype_name(tensor), list(tensor.shape)], evidence.elements(tensor)))
        return found

    def again(self, tensor, fold):
        """Digest of a tensor that shows elements folded before."""
        return evidence.digest_again(tensor, fold) if not self.full else self.digest(tensor)

    def number(self, tensor):
        """Number of a tensor that is read: one never met is introduced, one that changed unseen is told."""
        seen = self.find(tensor)
        if seen is None and not self.full:
            base = evidence.base_of(tensor)
            if base is not None:  # views are not recorded at level node: what counts is what they show
                known = self.find(base)
                if known is not None:
                    return self.number(base)
        if seen is None:
            if self.full and evidence.node_sequence(tensor) is not None:
                raise LedgerError("encoding", f"{described(tensor)} has a history the ledger did not see: it was made before recording "
                                              "began, or by a function that has no canonical encoding; level 'node' records it")
            digest = self.digest(tensor)
            seen = self.enter(tensor, digest)
            self.write("tensor", seen.number, evidence.dtype_name(tensor), list(tensor.shape), digest, self.name_of(tensor), seen.asks)
            return seen.number
        version = evidence.version(tensor)
        if self.full or version != seen.version:
            digest = self.digest(tensor)
            if seen.digest is not None and digest != seen.digest:
                self.write("changed", seen.number, digest)
            seen.digest, seen.version = digest, version
            asks = evidence.asks_gradient(tensor)
            if self.full and asks != seen.asks and evidence.node_sequence(tensor) is None:
                seen.asks = asks
                self.write("asks", seen.number, asks)
        return seen.number

    def generator(self, generator):
        """Number of a generator (0 is the default one), its state told when it is new or not as last known."""
        digest = evidence.generator_digest(generator)
        found = self.generators.get(id(generator))
        if found is None:
            found = self.generators[id(generator)] = [1 + len(self.generators), None, generator]
        if found[1] != digest:
            self.tell_generator(found[0], digest, generator)
            found[1] = digest
        return found[0]

    def tell_generator(self, number, digest, generator=None):
        if self.full:
            state = evidence.generator_state(generator)
            self.notes.append(([digest, "generator", [len(state)]], state))
        self.write("generator", number, digest)

    # ---- ops ----
    def op_begins(self, overload, args, mode, out):
        name = overload.full_name
        if name in self.machine and self.portable_only:
            raise LedgerError("portable", f"{name} gives the same bits on one machine only (it is marked `machine`), and the ledger was asked for "
                                          "portable results only", op=name)
        return self.begin(name, args, MODES[mode], out, mode == 1 or overload.is_view)

    def begin(self, name, args, mode, out, writes):
        if evidence.generator_moved():
            self.tell_generator(0, evidence.generator_digest())
        try:
            words = [self.target_number(args[0]) if args and writes else encode(args[0], self.number, self.generator)] if args else []
            words += [encode(value, self.number, self.generator) for value in args[1:]]
            target = encode(out, self.number, self.generator) if out is not None else None
        except LedgerError as error:
            if error.rule == "encoding":
                error.details["op"] = name
            raise
        return [name, mode, is_grad_enabled(), words, target]

    def op_ends(self, note, overload, args, result):
        outs = []
        for tensor in tensors_in(result):
            outs.append(self.output(tensor, args))
        written = []
        for tensor in tensors_in(args):
            seen = self.find(tensor)
            if seen is not None and seen.version != evidence.version(tensor):
                seen.digest, seen.version = self.digest(tensor), evidence.version(tensor)
                written.append([seen.number, seen.digest])
        drawn = evidence.generator_digest() if evidence.generator_moved() else None
        for value in args:
            found = self.generators.get(id(value))
            if found is not None and found[2] is value:
                drawn = found[1] = evidence.generator_digest(value)
        first = next(iter(tensors_in(result)), None)
        sequence = evidence.node_sequence(first) if first is not None else None
        self.write("op", self.ops, *note, outs, written, sequence - self.base if sequence is not None else None, drawn)
        self.ops += 1
        if note[0] in self.machine:
            self.machine_used.add(note[0])

    def output(self, tensor, args):
        """[number, dtype, sizes, digest] of a result. Below level full, views have no digest, for they move no data, nor have large
        results, whose gradients tell of them."""
        seen = self.find(tensor)
        digest = None
        if self.is_fresh(tensor):
            digest = None
        elif self.full or seen is not None or (tensor.nbytes <= LARGE and not any(evidence.is_view_of(tensor, other) for other in tensors_in(args))):
            digest = self.digest(tensor)
        if seen is None:
            seen = self.enter(tensor, digest)
        else:
            seen.digest, seen.version = digest, evidence.version(tensor)
            seen.asks = evidence.asks_gradient(tensor)
        return [seen.number, evidence.dtype_name(tensor), list(tensor.shape), digest]

    def python_node(self, label):
        """A Function of Python joins the graph: fine to name, impossible to replay."""
        if self.full:
            raise LedgerError("encoding", f"{label} is a Function written in Python: it has no canonical encoding, so a ledger of level 'full' "
                                          "could not be replayed; level 'node' records it", op=label)

    # ---- the walk ----
    def walk_begins(self, tensors, grads, keep_graph, create_graph, inputs, accumulate):
        nodes = [None if (at := evidence.node_sequence(tensor)) is None else at - self.base for tensor in tensors]
        if self.full:
            for item in inputs or ():
                if not isinstance(item, Tensor):
                    raise LedgerError("encoding", "a gradient edge as input of a walk has no canonical encoding at level 'full'")
            starts = [[self.number(tensor), self.number(grad)] for tensor, grad in zip(tensors, grads, strict=True)]
            ends = None if inputs is None else [self.number(item) for item in inputs]
        else:
            starts = [[node, self.digest(grad)] for node, grad in zip(nodes, grads, strict=True)]
            ends = None if inputs is None else len(inputs)
        self.write("walk", self.walks, starts, nodes, [bool(keep_graph), bool(create_graph), bool(accumulate)], ends)
        self.walks += 1
        self.outer.append((self.pending, self.incoming, self.folds, self.hooked))
        self.pending = {}
        dispatch.hush(1)

    def restore(self):
        """Back to the walk around this one, if there is one."""
        self.pending, self.incoming, self.folds, self.hooked = self.outer.pop()
        dispatch.hush(-1)

    def walk_ends(self, captured):
        self.restore()
        if captured is None:
            self.write("walked", None)
            return
        results = []
        for tensor in captured:
            if tensor is None:
                results.append(None)
                continue
            seen = self.find(tensor)
            digest = self.digest(tensor)
            if seen is None:
                seen = self.enter(tensor, digest)
            seen.digest, seen.version = digest, evidence.version(tensor)
            results.append([seen.number, digest])
        self.write("walked", results)

    def walk_breaks(self):
        self.restore()

    def target(self, node):
        """A node as edges name it: its number, or ``["leaf", tensor number]``."""
        if evidence.is_leaf_node(node):
            return ["leaf", self.leaf(evidence.leaf_of(node)).number]
        return evidence.sequence_of(node) - self.base

    def leaf(self, tensor):
        seen = self.find(tensor)
        if seen is None:
            self.keep_notes(self.number, tensor)
            seen = self.find(tensor)
        return seen

    def keep_notes(self, call, *args):
        """Write a record of its own while another is being gathered."""
        notes, self.notes = self.notes, []
        try:
            return call(*args)
        finally:
            self.notes = notes

    def root(self, node, place, grad, total):
        self.pending[id(node), place] = [self.digest(grad if total is None else total), 1, evidence.fold_of_last()]

    def node_begins(self, node):
        if self.full and not evidence.is_leaf_node(node) and evidence.sequence_of(node) <= self.base:
            raise LedgerError("encoding", f"{node.name()} was recorded on the tape before the ledger began: it could not be replayed")
        self.hooked = evidence.has_hooks(node)

    def node_receives(self, node, values):
        self.incoming, self.folds = [], []
        for place, value in enumerate(values):
            found = self.pending.pop((id(node), place), None)
            fold = None
            if value is None:
                self.incoming.append(None)
            elif found is None or self.hooked:
                self.incoming.append(self.digest(value))
                fold = evidence.fold_of_last()
                if self.full and self.hooked and found is not None and found[0] != self.incoming[-1]:
                    raise LedgerError("encoding", f"a hook changed the gradient of {node.name()}: hooks have no canonical encoding at level 'full'")
            else:
                self.incoming.append(found[0])
                fold = found[2]
            self.folds.append(fold)

    def node_ran(self, node, grad, results):
        """Digests of results that are just what came in need no second look."""
        came = grad if isinstance(grad, tuple) else (grad,)
        self.same = {}
        for i, result in enumerate(results):
            if result is None:
                continue
            for place, value in enumerate(came):
                if result is value:
                    self.same[i] = self.incoming[place], self.folds[place]
                elif value is not None and evidence.same_elements(result, value):
                    self.same[i] = self.again(result, self.folds[place]), self.folds[place]
        self.given = {}
        self.outgoing = [None] * len(results)
        self.facts = evidence.node_facts(node)

    def gives(self, i, raw, grad, below, place):
        known = (self.same.get(i) or self.given.get(id(raw))) if raw is grad else None
        if known is None:
            known = self.digest(grad), evidence.fold_of_last()
            if raw is grad:
                self.given[id(raw)] = known
        digest, fold = known
        found = self.pending.get((id(below), place))
        self.outgoing[i] = [self.target(below), place, digest, 0 if found is None else found[1], None, evidence.dtype_name(grad), list(grad.shape)]
        if found is None:
            self.pending[id(below), place] = [digest, 1, fold]
        else:
            self.last = found, self.outgoing[i]

    def summed(self, below, place, total):
        found, line = self.last
        found[0] = line[4] = self.digest(total)
        found[2] = evidence.fold_of_last()
        found[1] += 1

    def node_ends(self, node):
        name, saved = self.facts
        self.write("node", evidence.sequence_of(node) - self.base, name, self.incoming, self.outgoing, saved, self.hooked)
        self.given = self.same = None

    def accumulates(self, variable, grad):
        key = (id(variable),)
        digest = self.incoming[0] if self.incoming else self.digest(grad)
        before = variable.grad
        held = None
        if before is not None:
            seen = self.find(before)
            if seen is None or seen.version != evidence.version(before) or seen.digest is None:
                digest_before = self.digest(before)
            else:
                digest_before = seen.digest
            held = [None if seen is None else seen.number, digest_before]
        del before
        self.pending[key] = [held, digest]

    def accumulated(self, variable):
        held, digest = self.pending.pop((id(variable),))
        grad = variable.grad
        after = digest if held is None and grad.dtype is variable.dtype else self.digest(grad)
        seen = self.find(grad)
        if seen is None:
            seen = self.enter(grad, after)
        seen.digest, seen.version = after, evidence.version(grad)
        self.write("leaf", self.leaf(variable).number, self.name_of(variable), held, digest, [seen.number, after], evidence.norm(grad))

    # ---- optimizer steps ----
    def watch_step(self, optimizer, args, kwargs):
        return Step(self, optimizer, bool(args[1:]) or bool(kwargs.get("closure")))

    def optimizer_number(self, optimizer):
        found = self.optimizers.setdefault(id(optimizer), [len(self.optimizers), optimizer])
        return found[0]

    def parameters(self, optimizer):
        """(name, tensor) of every parameter: as its module or the user names it, else by group and place."""
        for at, group in enumerate(optimizer.param_groups):
            given = group.get("param_names")
            for place, tensor in enumerate(group["params"]):
                name = given[place] if given else self.name_of(tensor) or f"{at}.{place}"
                if self.name_of(tensor) is None:
                    self.names[id(tensor)] = (name, weakref.ref(tensor))
                    self.unnamed = True
                yield name, tensor

    def final_lines(self):
        """Digests of the parameters of every optimizer seen, as they are now."""
        return [[[name, evidence.digest(tensor)] for name, tensor in self.parameters(optimizer)] for _, optimizer in self.optimizers.values()]


def forget(table, key, ref):
    found = table.get(key)
    if found is not None and found.holder is ref:
        del table[key]


def described(tensor):
    return f"{evidence.dtype_name(tensor)}{list(tensor.shape)}"


def machine_ops():
    """Names of the rows marked `machine` in the op table."""
    return frozenset(import_module("frankentorch.ops._table").MACHINE)


class Step:
    """One optimizer step: what it finds is told before it begins, so that a ledger that fails loses no step."""

    def __init__(self, recorder, optimizer, closure):
        self.recorder, self.optimizer, self.closure = recorder, optimizer, closure

    def __enter__(self):
        recorder, optimizer = self.recorder, self.optimizer
        if threading.get_ident() != recorder.thread:
            self.recorder = None
            return
        lines, states = [], []
        for name, tensor in recorder.parameters(optimizer):
            grad = None if self.closure else tensor.grad
            if recorder.level == "step":
                lines.append([name, evidence.digest(tensor), None if grad is None else evidence.digest(grad)])
                continue
            number = recorder.number(tensor)
            lines.append([name, number, recorder.find(tensor).digest, None if grad is None else self.told(grad)])
            if recorder.full:
                states.append(self.state_words(tensor))
        if recorder.level != "step" and evidence.generator_moved():
            recorder.tell_generator(0, evidence.generator_digest())
        options = [[[name, encode(value, self.tensor_word, recorder.generator)] for name, value in sorted(group.items())
                    if name not in ("params", "param_names")] + [["params", len(group["params"])]] for group in optimizer.param_groups]
        recorder.write("step", recorder.steps, recorder.optimizer_number(optimizer), type(optimizer).__name__, options,
                       evidence.generator_digest(), lines, states, self.closure)
        recorder.steps += 1
        recorder.names_heard()
        recorder.sink.flush()
        if not self.closure and recorder.level != "step":
            dispatch.hush(1)

    def tensor_word(self, tensor):
        return self.recorder.number(tensor) if self.recorder.level != "step" else evidence.digest(tensor)

    def told(self, grad):
        number = self.recorder.number(grad)
        return [number, self.recorder.find(grad).digest]

    def state_words(self, tensor):
        recorder = self.recorder
        state = self.optimizer.state.get(tensor) or {}
        return [[name, encode(value, recorder.number, recorder.generator)] for name, value in state.items()]

    def __exit__(self, kind, error, trace):
        recorder = self.recorder
        if recorder is None or recorder.level == "step":
            return
        if not self.closure:
            dispatch.hush(-1)
        if kind is not None or self.closure:
            return
        lines = []
        for name, tensor in recorder.parameters(self.optimizer):
            state = self.optimizer.state.get(tensor) or {} if recorder.full else {}
            lines.append([name, self.after(tensor), [[word, self.after(value)] for word, value in state.items() if isinstance(value, Tensor)]])
        recorder.write("stepped", recorder.steps - 1, lines)

    def after(self, tensor):
        recorder = self.recorder
        digest, seen = recorder.digest(tensor), recorder.find(tensor)
        if seen is None:
            seen = recorder.enter(tensor, digest)
        seen.digest, seen.version = digest, evidence.version(tensor)
        return [seen.number, digest]
