"""`replay`: everything a ledger of level full tells, done again from its elements, each digest compared.

The ledger's inputs (tensors and generator states nobody computed, and what something unseen wrote) are read; every op,
backward walk and optimizer step is executed, with a recorder listening that writes nothing: its `Comparer` holds what it
is told against what the ledger says, record by record. The first difference is the answer.
"""

import json
import os
import subprocess
from importlib import import_module

from frankentorch._ext import cpu, dispatch, engine, evidence, threads
from frankentorch.runtime.child import command
from frankentorch.runtime.ledger.canonical import decode
from frankentorch.runtime.ledger.differ import CAUSES, NAMERS, Story, name_plain
from frankentorch.runtime.ledger.distance import first_difference, told
from frankentorch.runtime.ledger.errors import LedgerError
from frankentorch.runtime.ledger.file import read
from frankentorch.runtime.ledger.recorder import MODES
from frankentorch.runtime.ledger.verifier import Report

INPUTS = ("tensor", "changed", "asks", "generator")
LEVELS = ("baseline", "avx2", "avx512")
SECONDS = 3600


def replay(path, *, num_threads=None, cpu_level=None, in_process=False, run=None, partial=False):
    """Do again what a ledger says and compare every digest.

    Parameters
    ----------
    path : str or PathLike
        A ledger of level full; with `run`, of any level.
    num_threads, cpu_level : int, str, optional
        Circumstances of the new process. By default another number of threads than here (2 for 1, else 1), and the next lower
        instruction set than the host's best, where there is one that has fused multiply-adds.
    in_process : bool
        Replay in this process, as it is.
    run : callable, optional
        Does the recorded work again, for ledgers that do not hold the elements; it is called here, while a recorder compares.
    partial : bool
        Accept the ledger of a killed run.

    Returns
    -------
    Report
        As `verify` gives, with ``num_threads`` and ``cpu_level`` of the replay.

    Raises
    ------
    LedgerError
        The file is damaged, its level does not hold elements, or something came out differently: the error names record, node,
        op, shapes, first differing element and its distance.
    """
    path = os.fspath(path)
    if run is not None:
        return repeat(path, run, partial)
    if in_process:
        return Executor(path, partial).run()
    if num_threads is None:
        num_threads = 2 if threads.get_num_threads() == 1 else 1
    if cpu_level is None:
        best = LEVELS.index(cpu.level_name())
        cpu_level = LEVELS[best - 1] if best > 1 else LEVELS[best]
    environment = {"FRANKENTORCH_NUM_THREADS": str(num_threads), "FRANKENTORCH_CPU": cpu_level}
    words = command("frankentorch.cli", "ledger", "replay", path, "--here", "--json") + ["--partial"] * partial
    child = subprocess.run(words, env={**os.environ, **environment}, capture_output=True, text=True, timeout=SECONDS)
    try:
        answer = json.loads(child.stdout)
    except ValueError:
        lines = child.stderr.strip().splitlines()
        raise LedgerError("replay", f"the replaying process ended with {child.returncode}: {lines[-1] if lines else 'no message'}") from None
    if answer.pop("ok"):
        return Report(**answer)
    raise LedgerError(answer["rule"], answer["text"], answer["record"], answer["offset"], **answer["details"])


class Comparer:
    """A sink that holds what a recorder tells against the records of a ledger."""

    def __init__(self, story, records):
        self.story, self.records, self.count = story, records, 0

    def flush(self):
        pass

    def write(self, kind, fields, attached=()):
        expected = next(self.records, None)
        if expected is None:
            raise LedgerError("replay", f"the ledger ends where the replay goes on with: {kind}", record=self.count)
        self.count = expected.number
        fields = json.loads(json.dumps(list(fields)))
        if expected.kind == kind and (expected.fields == fields or kind in ("ledger", "end")):
            self.story.remember(expected)
            return
        raise self.failure(expected, kind, fields, attached)

    def failure(self, expected, kind, fields, attached):
        facts = {"step": self.story.step, "kind": expected.kind, "op": None, "node": None, "name": None, "shapes": None}
        if expected.kind != kind:
            return LedgerError("replay", f"step {self.story.step}: the ledger has a record of {expected.kind}, the replay came to {kind}", record=expected.number, **facts)
        cause, digests = NAMERS.get(kind, name_plain)(expected.fields, fields, self.story, facts)
        more = facts.pop("more", [])
        text = f"step {facts['step']}: the replay differs in {kind}" + (f" {facts['op']}" if facts["op"] else "") + \
            (f", node {facts['node']}" if facts["node"] is not None else "") + (f", parameter {facts['name']}" if facts["name"] else "") + \
            (f", shapes {facts['shapes']}" if facts["shapes"] else "") + f"\n  what parted: {CAUSES[cause]}" + "".join(f"\n  {line}" for line in more)
        elements = None
        if digests and None not in digests:
            text += f"\n  digests {digests[0]} in the ledger, {digests[1]} in the replay"
            ours = {note[0]: (note[1], note[2], data) for note, data in attached}
            theirs = self.story.elements()
            a, b = theirs.get(digests[0]), ours.get(digests[1]) or theirs.get(digests[1])
            if a and b and a[:2] == b[:2] and a[0] != "generator":
                elements = first_difference(a[0], a[1], a[2], b[2])
                text += "\n  " + told(elements)
        if elements:
            elements["values"] = [repr(value) for value in elements["values"]]
        return LedgerError("replay", text, record=expected.number, cause=cause, elements=elements, **facts)


def repeat(path, run, partial):
    """Let `run` do the work again while its records are compared."""
    from frankentorch.runtime.ledger.session import close_recorder, open_recorder
    from frankentorch.runtime.ledger.verifier import verify

    report = verify(path, partial=partial)
    story = Story(path, partial)
    head = next(read(path, partial)).fields[0]
    recorder = open_recorder(Comparer(story, story.records), head["level"], head["portable_only"])
    recorder.start()
    try:
        run()
    finally:
        recorder.stop()
    if report.complete:
        close_recorder(recorder)
    return finished(report)


def finished(report):
    report.num_threads, report.cpu_level = threads.get_num_threads(), cpu.level_name()
    return report


class Executor:
    """Executes the records of one ledger."""

    def __init__(self, path, partial):
        from frankentorch.runtime.ledger.verifier import verify

        self.report = verify(path, partial=partial)
        if self.report.level != "full":
            raise LedgerError("level", f"{path!r} has level {self.report.level!r}: it holds digests only. Record at level 'full', or give `run`, "
                                       "which does the work again while it is compared")
        self.ops, self.registry = import_module("frankentorch.ops"), import_module("frankentorch.ops.registry")
        self.story = Story(path, partial)
        self.elements = self.story.elements()
        self.records = list(self.story.records)
        self.tensors, self.generators = {}, {}
        self.at = 0

    def run(self):
        from frankentorch.runtime.ledger.session import open_recorder

        self.recorder = open_recorder(Comparer(self.story, self.feed()), "full")
        self.recorder.start()
        try:
            while self.at < len(self.records):
                record = self.records[self.at]
                getattr(self, "do_" + record.kind)(record, *record.fields)
        finally:
            self.recorder.stop()
        return finished(self.report)

    def feed(self):
        """The records that the recorder is expected to make, in order; inputs among them are taken first."""
        while self.at < len(self.records):
            record = self.records[self.at]
            self.at += 1
            if record.kind in INPUTS:
                self.at -= 1
                self.take_input(record)
                continue
            yield record

    def take_input(self, record):
        self.at += 1
        getattr(self, "take_" + record.kind)(*record.fields)
        self.story.remember(record)

    def stored(self, digest):
        found = self.elements.get(digest)
        if found is None:
            raise LedgerError("record", f"the elements of {digest} are not in the ledger", record=self.at - 1)
        return found

    def load(self, tensor, digest):
        dtype, sizes, data = self.stored(digest)
        fresh = self.ops.empty(sizes, dtype=getattr(self.ops, dtype))
        evidence.from_elements(fresh, data)
        if evidence.digest(fresh) != digest:
            raise LedgerError("record", f"the elements stored for {digest} have another digest", record=self.at - 1)
        if tensor is None:
            return fresh
        with self.ops.no_grad():
            tensor.detach().copy_(fresh)
        return tensor

    def take_tensor(self, number, dtype, sizes, digest, name, asks):
        dispatch.hush(1)
        try:
            tensor = self.load(None, digest)
            if asks:
                tensor.requires_grad_()
        finally:
            dispatch.hush(-1)
        self.adopt(number, tensor, digest)
        if name:
            import weakref

            self.recorder.names[id(tensor)] = (name, weakref.ref(tensor))

    def adopt(self, number, tensor, digest):
        self.tensors[number] = tensor
        self.recorder.numbered = number
        self.recorder.enter(tensor, digest)
        self.recorder.stored.add(digest)

    def take_changed(self, number, digest):
        dispatch.hush(1)
        try:
            tensor = self.load(self.tensors[number], digest)
        finally:
            dispatch.hush(-1)
        seen = self.recorder.find(tensor)
        seen.digest, seen.version = digest, evidence.version(tensor)

    def take_asks(self, number, asks):
        self.tensors[number].requires_grad_(asks)
        self.recorder.find(self.tensors[number]).asks = asks

    def take_generator(self, number, digest):
        state = self.stored(digest)[2]
        kind = import_module("frankentorch._ext.random")
        if number == 0:
            generator = import_module("frankentorch.random").default_generator
            kind.Generator.set_state(generator, state)
            evidence.generator_moved()
            return
        if number not in self.generators:
            generator = self.generators[number] = import_module("frankentorch.random").Generator()
            self.recorder.generators[id(generator)] = [number, digest, generator]
        kind.Generator.set_state(self.generators[number], state)
        self.recorder.generators[id(self.generators[number])][1] = digest

    do_tensor = do_changed = do_asks = do_generator = lambda self, record, *fields: self.take_input(record)

    # ---- doing ----
    def do_ledger(self, record, facts):
        self.at += 1

    def do_final(self, record, groups):
        self.at += 1

    def do_end(self, record, facts):
        self.at += 1

    def do_op(self, record, number, name, mode, grad_mode, words, target, outs, written, sequence, drawn):
        if name.startswith("draw:"):
            result = getattr(import_module("frankentorch._ext.random_ops"), name[5:])(
                *(decode(word, self.tensor, self.generators.__getitem__) for word in words))
            self.tensors[outs[0][0]] = result
            return
        overload = self.registry.overloads.get(name)
        if overload is None:
            raise LedgerError("encoding", f"this version has no op {name}", record=record.number, op=name)
        args = tuple(decode(word, self.tensor, self.generators.__getitem__) for word in words)
        out = decode(target, self.tensor, self.generators.__getitem__) if target is not None else None
        with self.ops.set_grad_enabled(grad_mode):
            result = dispatch.run_overload(overload, args, MODES.index(mode), out)
        for line, tensor in zip(outs, [result] if not isinstance(result, (tuple, list)) else [t for t in result if t is not None], strict=True):
            self.tensors[line[0]] = tensor

    def tensor(self, number):
        if isinstance(number, list):  # fresh memory
            number, dtype, sizes, strides = number
            create = import_module("frankentorch._ext.create")
            self.tensors[number] = create.empty_strided(tuple(sizes), tuple(strides), getattr(self.ops, dtype), False)
        try:
            return self.tensors[number]
        except KeyError:
            raise LedgerError("record", f"tensor {number} is used before it is told of", record=self.at) from None

    def do_walk(self, record, number, starts, nodes, flags, ends):
        self.set_grads()
        inputs = None if ends is None else [self.tensor(end) for end in ends]
        roots, grads = [self.tensor(a) for a, _ in starts], [self.tensor(b) for _, b in starts]
        begin = self.at
        captured = engine.run_backward(roots, grads, flags[0], flags[1], inputs, flags[2])
        for told_leaf in self.records[begin:self.at]:
            if told_leaf.kind == "leaf":
                self.tensors[told_leaf.fields[4][0]] = self.tensors[told_leaf.fields[0]].grad
        done = self.records[self.at - 1]
        if captured is not None and done.kind == "walked" and done.fields[0]:
            for line, tensor in zip(done.fields[0], captured, strict=True):
                if line is not None:
                    self.tensors[line[0]] = tensor

    def set_grads(self):
        """Leaves get the .grad that the ledger says they had before this walk."""
        at = self.at + 1
        done = set()
        while at < len(self.records) and self.records[at].kind not in ("walked", "walk"):
            record = self.records[at]
            if record.kind == "leaf" and record.fields[0] in self.tensors and record.fields[0] not in done:
                number, _, held, _, after, _ = record.fields
                done.add(number)
                leaf = self.tensors[number]
                if held is None:
                    leaf.grad = None
                elif held[0] is not None:
                    leaf.grad = self.tensors[held[0]]
                else:
                    dispatch.hush(1)
                    leaf.grad = self.load(None, held[1])
                    dispatch.hush(-1)
            at += 1

    def do_step(self, record, number, optimizer_number, kind, options, generator, lines, states, closure):
        if closure:
            self.at += 1  # its ops and walks are told one by one
            return
        cls = getattr(import_module("frankentorch.optim"), kind, None)
        if cls is None:
            raise LedgerError("encoding", f"frankentorch.optim has no optimizer {kind}", record=record.number, op=kind)
        groups, state, at = [], {}, 0
        names = [line[0] for line in lines]
        for words in options:
            group = {name: decode(word, self.tensor, self.generators.__getitem__) for name, word in words}
            group = {name: value for name, value in group.items() if name not in ("params",)}
            count = dict(map(tuple_of, words))["params"]
            group["params"] = [self.tensor(line[1]) for line in lines[at:at + count]]
            group["param_names"] = names[at:at + count]
            at += count
            groups.append(group)
        for line, entry in zip(lines, states, strict=True):
            parameter = self.tensor(line[1])
            dispatch.hush(1)
            parameter.grad = None if line[3] is None else self.tensor(line[3][0])
            dispatch.hush(-1)
            if entry:
                state[parameter] = {name: decode(word, self.tensor, self.generators.__getitem__) for name, word in entry}
        optimizer = cls.__new__(cls)
        optimizer.__setstate__({"defaults": {name: value for name, value in groups[0].items() if name not in ("params", "param_names")},
                                "state": import_module("collections").defaultdict(dict, state), "param_groups": groups})
        self.recorder.optimizers[id(optimizer)] = [optimizer_number, optimizer]
        optimizer.step()
        after = self.records[self.at - 1]
        if after.kind == "stepped":
            for line in after.fields[1]:
                parameter = self.tensor(next(found[1] for found in lines if found[0] == line[0]))
                for name, (told_number, _) in line[2]:
                    self.tensors[told_number] = optimizer.state[parameter][name]


def tuple_of(pair):
    return pair[0], pair[1] if pair[0] == "params" else None


def unexpected(self, record, *fields):
    raise LedgerError("replay", f"the ledger has a record of {record.kind} that nothing in the replay led to", record=record.number)


Executor.do_node = Executor.do_leaf = Executor.do_walked = Executor.do_stepped = unexpected
