"""Faults at system calls: the functions of `os` through which checkpoints reach the system, and `open`, wrapped and counted."""
import builtins
import contextlib
import errno
import os
import signal
from unittest import mock

CALLS = ("open", "write", "writev", "preadv", "fsync", "close", "replace", "unlink", "fchmod", "stat", "fstat", "lstat")


class Plan:
    """Which call fails, and how: "EIO", "ENOSPC", "short" (a write or read does one byte), "kill" (SIGKILL), "count" (none)."""

    def __init__(self, at, kind):
        self.at, self.kind, self.seen, self.call, self.outcome = at, kind, 0, None, None

    def __str__(self):
        return f"{self.kind} at call {self.at} ({self.call}, {self.outcome})"

    def wrap(self, name, function):
        def wrapped(*arguments, **options):
            number, self.seen = self.seen, self.seen + 1
            if number != self.at:
                return function(*arguments, **options)
            self.call = name
            if self.kind == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            if self.kind == "short":
                return short(name, function, arguments, options)
            if name == "close":
                function(*arguments, **options)  # as the system does: closed, and an error reported
            raise OSError(getattr(errno, self.kind), os.strerror(getattr(errno, self.kind)))
        return wrapped


def short(name, function, arguments, options):
    if name == "write":
        return function(arguments[0], memoryview(arguments[1])[:1])
    if name in ("writev", "preadv"):
        return function(arguments[0], [memoryview(arguments[1][0])[:1]], *arguments[2:])
    return function(*arguments, **options)


@contextlib.contextmanager
def faulty(plan):
    """Run a block under a plan."""
    with contextlib.ExitStack() as stack:
        for name in CALLS:
            stack.enter_context(mock.patch.object(os, name, plan.wrap(name, getattr(os, name))))
        stack.enter_context(mock.patch.object(builtins, "open", plan.wrap("open()", builtins.open)))
        yield plan
