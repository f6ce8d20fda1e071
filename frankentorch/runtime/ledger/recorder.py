"""What a recorder hears, and the records it makes of it.

The engine, the door of the ops and the optimizers call the methods below while the ledger's bit is on. Tensors get numbers
in the order in which they are first met; digests are of canonical bytes (`_ext/evidence.pyx`), so neither layout nor
address shows. Nothing recorded depends on the clock, the path, the process, the number of threads or the CPU.
"""

import threading
import weakref
from importlib import import_module

from frankentorch._ext import dispatch, engine, evidence
from frankentorch._ext.tensor import Tensor, set_special_bit
from frankentorch._ext.witness import Witness
from frankentorch.runtime.ledger.canonical import encode
from frankentorch.runtime.ledger.errors import LedgerError

LEVELS = ("step", "node", "full")
BIT_RECORD = 2
QUIET_STEPS = 3
MODES = ("function", "inplace", "out")
DRAWS = ("uniform", "normal", "integers", "integers_below", "random", "bernoulli", "bernoulli_each", "exponential", "cauchy", "geometric",
         "log_normal", "permutation", "choices")
MAKERS, FILLERS = ("empty", "empty_strided", "empty_like"), ("fill", "fill_range", "fill_linspace", "copy")


class Recorder(Witness):
    """Listens to one thread and writes to `sink`, which has ``write(kind, fields, attached)``."""

    def __init__(self, sink, level, portable_only=False):
        super().__init__(sink, level == "full", evidence.sequence_so_far())
        self.level, self.portable_only = level, portable_only
        self.thread, self.on = threading.get_ident(), False
        self.optimizers, self.models = {}, {}
        self.walks = self.steps = 0
        self.replaced = []

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

    def encode(self, value):
        return encode(value, self.number, self.generator)

    def target_number(self, tensor):
        """A tensor that is written: fresh memory is described, not read."""
        if isinstance(tensor, Tensor) and self.find(tensor) is None and self.is_fresh(tensor):
            seen = self.enter(tensor, None)
            return {"n": [seen.number, evidence.dtype_name(tensor), list(tensor.shape), list(tensor.stride())]}
        return self.encode(tensor)

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

    # ---- generators ----
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

    def python_node(self, label):
        """A Function of Python joins the graph: fine to name, impossible to replay."""
        if self.full:
            raise LedgerError("encoding", f"{label} is a Function written in Python: it has no canonical encoding, so a ledger of level 'full' "
                                          "could not be replayed; level 'node' records it", op=label)

    # ---- the walk ----
    def walk_begins(self, tensors, grads, keep_graph, create_graph, inputs, accumulate):
        nodes = [self.node_of(tensor) for tensor in tensors]
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
        self.write("walked", [None if tensor is None else self.after(tensor) for tensor in captured])

    def walk_breaks(self):
        self.restore()

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
            lines.append([name, *recorder.told(tensor), None if grad is None else recorder.told(grad)])
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

    def state_words(self, tensor):
        recorder = self.recorder
        state = self.optimizer.state.get(tensor) or {}
        return [[name, recorder.encode(value)] for name, value in state.items()]

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
            lines.append([name, recorder.after(tensor), [[word, recorder.after(value)] for word, value in state.items() if isinstance(value, Tensor)]])
        recorder.write("stepped", recorder.steps - 1, lines)
