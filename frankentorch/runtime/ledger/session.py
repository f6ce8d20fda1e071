"""`record`: the context in which a ledger is written."""

import os
import weakref
from importlib import import_module

from frankentorch._ext import dispatch
from frankentorch.runtime.ledger.errors import LedgerError
from frankentorch.runtime.ledger.file import Writer
from frankentorch.runtime.ledger.recorder import LEVELS, Recorder

FORMAT = 1
_active = []
_sessions = weakref.WeakSet()


class record:
    """Write what happens in this thread to the file at `path`.

    Parameters
    ----------
    path : str or PathLike
        One file, made anew.
    level : {"step", "node", "full"}
        ``"step"``: digests of parameters and gradients at each optimizer step. ``"node"``: also every op, every backward node and
        every accumulation, by digests. ``"full"``: also the elements, so that `replay` can do everything again.
    portable_only : bool
        Refuse ops that give the same bits on one machine only.
    names : Module or dict of str to Tensor, optional
        Names of parameters; the modules that are called while recording name theirs by themselves.

    Raises
    ------
    LedgerError
        The file cannot be written, now or later: the run stops before the step that could not be recorded. At level
        ``"full"`` also when something has no canonical encoding, such as a `Function` written in Python.

    Notes
    -----
    The same run gives the same bytes at any number of threads and any CPU level. Records are written in blocks, the held
    ones at every optimizer step, before it changes anything. A process forked while recording does not record.
    """

    def __init__(self, path, level="step", *, portable_only=False, names=None):
        if level not in LEVELS:
            raise ValueError(f"record: level {level!r}, expected one of {', '.join(LEVELS)}")
        self.path, self.level, self.portable_only, self.names = os.fspath(path), level, portable_only, names
        self.root = None

    def __enter__(self):
        if _active:
            raise LedgerError("write", f"a ledger is being written already, to {_active[0].path!r}")
        self.writer = Writer(self.path)
        try:
            self.recorder = open_recorder(self.writer, self.level, self.portable_only, self.names)
            self.writer.flush()
        except BaseException:
            self.writer.drop()
            raise
        self.recorder.start()
        _active.append(self)
        _sessions.add(self)
        return self

    def __exit__(self, kind, error, trace):
        _active.clear()
        if self.recorder is None:  # a forked child
            return
        self.recorder.stop()
        if self.writer.broken is not None:
            self.writer.drop()
            if kind is None:
                raise self.writer.broken
            return
        try:
            close_recorder(self.recorder, None if kind is None else kind.__name__)
            self.root = self.writer.close()
        except BaseException:
            self.writer.drop()
            raise

    def paused(self):
        """Context in which nothing is recorded; what it changes is told as changed when it is next used."""
        return _Pause()

    @property
    def steps(self):
        """Optimizer steps so far."""
        return self.recorder.steps


class _Pause:
    def __enter__(self):
        dispatch.hush(1)

    def __exit__(self, kind, error, trace):
        dispatch.hush(-1)


def open_recorder(sink, level, portable_only=False, names=None):
    """A recorder that has written its first record."""
    recorder = Recorder(sink, level, portable_only)
    if names is not None:
        if hasattr(names, "named_parameters"):
            recorder.name_all(names)
        else:
            for name, tensor in names.items():
                recorder.names[id(tensor)] = (name, weakref.ref(tensor))
    recorder.write("ledger", {"format": FORMAT, "level": level, "package": import_module("frankentorch._version").__version__, "portable_only": bool(portable_only)})
    return recorder


def close_recorder(recorder, stopped=None):
    """The last records: the parameters as the last step left them, and the end."""
    recorder.write("final", recorder.final_lines())
    recorder.write("end", {"steps": recorder.steps, "ops": recorder.ops, "walks": recorder.walks, "stopped": stopped,
                           "machine": sorted(recorder.machine_used)})


def _forget_in_child():
    """A forked child shares the file's position with its parent: it must not write."""
    for session in list(_sessions):
        if session.recorder is not None and session.recorder.on:
            session.recorder.stop()
            session.recorder = None
            session.writer.drop()
    _active.clear()


os.register_at_fork(after_in_child=_forget_in_child)
