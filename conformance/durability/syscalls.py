"""A fault at every call to the system that a save, load, scrub or repair makes: `.ftc` with its sidecar, and `.pt`.

`shim.c`, compiled here and preloaded into a process of its own, counts the calls of the C library that concern a folder. Each action is
run once for each of its calls and each kind of fault, in a forked child: afterwards the old or the new file must be there, bit by bit.
"""
import ctypes
import errno
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Callable, NamedTuple

from conformance.durability.states import get, numbered, put

SHORT, KILL = -1, -2
KINDS = {"EIO": errno.EIO, "ENOSPC": errno.ENOSPC, "EINTR": errno.EINTR, "EACCES": errno.EACCES, "short": SHORT, "kill": KILL}
TRANSFERS = ("read", "write", "pread64", "pwrite64", "readv", "writev", "preadv64v2", "pwritev64v2")
KEPT = 5
LARGE = 4_500_000  # elements: 18 MB, written past the page cache


class Unavailable(RuntimeError):
    """No C compiler, or a system without LD_PRELOAD."""


def faults(kinds=None, which="all"):
    """The record of all actions, from a process with the shim. `kinds`: names out of KINDS, all by default; `which`: see `actions`."""
    with tempfile.TemporaryDirectory() as folder:
        return summed(json.loads(child(build(folder), [",".join(kinds or KINDS), which, os.path.join(folder, "files")])[-1]))


def build(folder):
    """Compile the shim into a folder; its path."""
    if not sys.platform.startswith("linux"):
        raise Unavailable("faults are injected by LD_PRELOAD with the C library of Linux")
    path = os.path.join(folder, "shim.so")
    command = [*os.environ.get("CC", "cc").split(), "-shared", "-fPIC", "-O1", "-o", path, str(Path(__file__).with_name("shim.c")), "-ldl"]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Unavailable(f"the shim cannot be compiled: {getattr(error, 'stderr', None) or error}") from None
    return path


def child(shim, arguments, before=()):
    """Lines that this module prints when it is run with the shim."""
    done = subprocess.run([*before, sys.executable, "-m", "conformance.durability.syscalls", *arguments], env={**os.environ, "LD_PRELOAD": shim}, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return done.stdout.splitlines()


class Action(NamedTuple):
    """What is run under faults.

    `act` returns what `check` is given: check(what came of it, the call that failed, the kind) says what is wrong, or None. What came of it
    is a list of "done" and the result, "refused" and the exception, "other" and an exception that should not be; or None after a kill.
    """

    name: str
    prepare: Callable
    act: Callable
    check: Callable


def actions(folder, which):
    """Actions on files in a folder: "all", those with files of 18 MB included, "small", or "control", a save that is not safe."""
    from frankentorch import checkpoint, serialization
    from frankentorch.checkpoint import sidecar

    old, new = numbered(1), numbered(2)
    path, pt = os.path.join(folder, "a.ftc"), os.path.join(folder, "a.pt")

    def saving(name, target, save, state=(old, new), beside=False):
        contents = []
        for one in state:
            save(one, target)
            contents.append(get(target))

        def check(outcome, call, kind):
            content = get(target)
            if content not in contents:
                return "the file is neither the old nor the new one"
            if outcome and outcome[0] == "done" and content != contents[1]:
                return "the save reports no error and the file is the old one"
            if outcome and outcome[0] == "done" and beside and not checkpoint.scrub(target).ok:
                return "the save reports no error and the sidecar is not that of the file"
            left = [one for one in os.listdir(folder) if one.endswith(".tmp")]
            for one in left:
                os.unlink(os.path.join(folder, one))
            return f"left {left}" if left and kind != "kill" and call != "unlink" else None

        return Action(name, lambda: save(state[0], target), lambda: save(state[1], target) and None, check)

    def ftc(state, target):
        checkpoint.save(state, target, compression="stored")

    if which == "control":
        yield saving("save in place", path, lambda state, target: put(target, checkpoint.dumps(state)))
        return
    yield saving("save .ftc", path, ftc, beside=True)
    yield saving("save .ftc hardened", path, lambda state, target: checkpoint.save(state, target, mode="hardened"), beside=True)
    yield saving("save .pt", pt, serialization.save)
    if which == "all":
        both = [numbered(number, LARGE) for number in (1, 2)]
        yield saving("save .ftc of 18 MB, no sidecar", path, lambda state, target: checkpoint.save(state, target, compression="stored", repair=0), both)
        yield saving("save .pt of 18 MB", pt, serialization.save, both)

    ftc(old, path)
    serialization.save(old, pt)
    whole, beside, expected = get(path), get(sidecar.path_of(path)), checkpoint.digest(old)
    damaged = whole[:5000] + bytes(500) + whole[5500:]

    def reset(content):
        put(path, content)
        put(sidecar.path_of(path), beside)

    def unchanged(content):
        return None if (get(path), get(sidecar.path_of(path))) == (content, beside) else "something was changed"

    def same(outcome, *_):
        return None if not outcome or outcome[0] != "done" or outcome[1] == expected else "another state was loaded"

    for name, load in {"load .ftc": lambda: checkpoint.load(path), "load .ftc mapped": lambda: checkpoint.load(path, mmap=True), "load .pt": lambda: serialization.load(pt),
                       "load .pt mapped": lambda: serialization.load(pt, mmap=True)}.items():
        yield Action(name, lambda: reset(whole), lambda load=load: checkpoint.digest(load()), same)
    yield Action("scrub of a whole file", lambda: reset(whole), lambda: checkpoint.scrub(path).ok, lambda *_: unchanged(whole))
    yield Action("scrub of a damaged file", lambda: reset(damaged), lambda: checkpoint.scrub(path).ok,
                 lambda outcome, *_: unchanged(damaged) or ("the damage is not reported" if outcome == ["done", True] else None))

    def repaired(outcome, *_):
        content = get(path)
        if content not in (damaged, whole) or outcome == ["done", True] and content != whole:
            return "the file is neither the damaged nor the whole one"
        return None if checkpoint.repair(path, log=False).ok and get(path) == whole else "a second repair does not give the whole file"

    def clean():
        reset(damaged)
        for name in os.listdir(folder):
            if name.endswith((".tmp", ".jsonl")):
                os.unlink(os.path.join(folder, name))

    yield Action("repair", clean, lambda: checkpoint.repair(path).ok, repaired)


def outcome_of(act):
    """["done", result], ["refused", text] or ["other", text] of an action."""
    from frankentorch.checkpoint import CheckpointError

    try:
        return ["done", act()]
    except (OSError, CheckpointError) as error:
        return ["refused", f"{type(error).__name__}: {error}"]
    except BaseException as error:
        return ["other", f"{type(error).__name__}: {error}"]


class Shim:
    """The preloaded library, and the folder that it watches."""

    def __init__(self, folder):
        self.folder, self.library = folder.encode(), ctypes.CDLL(None)
        self.library.shim_name.restype = ctypes.c_char_p
        self.library.shim_arm.argtypes = ctypes.c_char_p, ctypes.c_long, ctypes.c_int

    def run(self, act, at, fault):
        """(what came of it or None, names of the calls) of an action in a child. -1, 0: no fault."""
        reads, writes = os.pipe()
        number = os.fork()
        if not number:
            try:
                mark("armed")
                self.library.shim_arm(self.folder, at, fault)
                found = outcome_of(act)
                seen = self.library.shim_disarm()
                mark("disarmed")
                os.write(writes, json.dumps([found, [self.library.shim_name(n).decode() for n in range(seen)]]).encode())
            finally:
                os._exit(0)
        os.close(writes)
        with os.fdopen(reads, "rb") as pipe:
            content = pipe.read()
        status = os.waitpid(number, 0)[1]
        if not content and not (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL):
            return ["other", f"the child ended with status {status}"], []
        return json.loads(content) if content else (None, [])


def mark(word):
    """A call without effect that a trace of the process shows."""
    os.path.exists(f"/frankentorch-shim-{word}")


def main(arguments):
    from frankentorch._ext import threads

    kinds, which, folder = [kind for kind in arguments[0].split(",") if kind in KINDS], arguments[1], arguments[2]
    os.makedirs(folder)
    threads.set_num_threads(1)
    shim = Shim(os.path.realpath(folder))
    record = {"calls": {}, "faults": 0, "done": 0, "refused": 0, "killed": 0, "kinds": kinds, "wrong": []}
    for action in actions(os.path.realpath(folder), which):
        action.prepare()
        (word, result), names = shim.run(action.act, -1, 0)
        if word != "done":
            raise RuntimeError(f"{action.name} without a fault: {result}")
        record["calls"][action.name] = names
        for kind in kinds:
            for at, name in enumerate(names):
                if kind == "short" and name not in TRANSFERS:
                    continue
                action.prepare()
                outcome, _ = shim.run(action.act, at, KINDS[kind])
                problem = outcome[1] if outcome and outcome[0] == "other" else action.check(outcome, name, kind)
                record["faults"] += 1
                record["killed" if outcome is None else outcome[0] if outcome[0] == "done" else "refused"] += 1
                if problem and len(record["wrong"]) < KEPT:
                    record["wrong"].append(f"{action.name}, {kind} at call {at} ({name}): {problem}")
    print(json.dumps(record))


def summed(record):
    """The record with the calls of each action counted by name."""
    return {**record, "calls": {action: {"all": len(names), **{name: names.count(name) for name in sorted(set(names))}} for action, names in record["calls"].items()}}


if __name__ == "__main__":
    main(sys.argv[1:])
