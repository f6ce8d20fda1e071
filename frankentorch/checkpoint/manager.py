"""`CheckpointManager`: the checkpoints of one run, the newest that verifies, and what may be deleted.

    folder/step-000000000100/state.ftc, state.ftc.rq
    folder/chain.json                                  step and content root of every save kept

The chain tells a rollback: an older file under a newer step's name verifies by itself, but has another root.
"""

import json
import os
import re
import shutil

from frankentorch.checkpoint import reader, rescue, writer
from frankentorch.checkpoint.atomic import sync_folder, write_file
from frankentorch.checkpoint.errors import CheckpointError

_STEP = re.compile(r"step-(\d{12})\Z", re.ASCII)
CHAIN = "chain.json"


class CheckpointManager:
    """Keep the last checkpoints of a run in a folder.

    Parameters
    ----------
    folder : str or os.PathLike
        Made if it is not there.
    keep : int or None
        How many steps to keep; None for all.
    **options
        Passed to `save`: ``repair``, ``compression``, ``mode``.

    Examples
    --------
    Resume in one line, wherever the run was stopped::

        step, state = manager.load() or (0, None)
    """

    def __init__(self, folder, keep=3, **options):
        if keep is not None and (isinstance(keep, bool) or not isinstance(keep, int) or keep < 1):
            raise ValueError(f"keep must be None or at least 1, not {keep!r}")
        self.folder, self.keep, self.options = os.fspath(folder), keep, options
        os.makedirs(self.folder, exist_ok=True)

    def path(self, step):
        """The file of a step."""
        if isinstance(step, bool) or not isinstance(step, int) or not 0 <= step < 10 ** 12:
            raise ValueError(f"a step is an int from 0 to 10^12 - 1, not {step!r}")
        return os.path.join(self.folder, f"step-{step:012d}", "state.ftc")

    def steps(self):
        """Steps that have a file, ascending; what else lies in the folder is left alone. Links are refused when read."""
        found = [int(match[1]) for name in os.listdir(self.folder) if (match := _STEP.match(name))]
        return sorted(step for step in found if os.path.lexists(self.path(step)))

    def save(self, step, state):
        """Save a step, then delete the oldest beyond `keep`. Returns the content root."""
        path = self.path(step)
        folder = os.path.dirname(path)
        if os.path.islink(folder):
            raise CheckpointError("link", "a step's folder is a symbolic link", path=folder)
        os.makedirs(folder, exist_ok=True)
        root = writer.save(state, path, **self.options)
        sync_folder(self.folder)
        chain = {**self._chain(), str(step): root}
        gone = self.steps()[:-self.keep] if self.keep else []
        gone = [old for old in gone if old != step]
        self._write_chain({name: value for name, value in chain.items() if int(name) not in gone})
        for old in gone:
            shutil.rmtree(os.path.dirname(self.path(old)), ignore_errors=True)
        return root

    def latest(self):
        """The newest step that verifies, or None."""
        return next((step for step in reversed(self.steps()) if self.problem(step) is None), None)

    def load(self, step=None, **options):
        """(step, state) of a step, by default the newest that verifies; None when there is none."""
        if step is None:
            step = self.latest()
            if step is None:
                return None
        self._check_step(step)
        return step, reader.load(self.path(step), **options)

    def problem(self, step):
        """Why a step cannot be used, as text, or None."""
        try:
            self._check_step(step)
        except (CheckpointError, OSError) as error:
            return str(error)
        report = rescue.verify(self.path(step))
        return None if report.ok else report.problems[0]["message"]

    def _check_step(self, step):
        """No link, and the root that the chain knows."""
        path = self.path(step)
        for name in (os.path.dirname(path), path):
            if os.path.islink(name):
                raise CheckpointError("link", "a symbolic link in the folder of a manager", path=name)
        wanted = self._chain().get(str(step))
        with reader.Reader(path) as opened:
            root = opened.index.root.hex()
        if wanted is not None and root != wanted:
            raise CheckpointError("rollback", f"the file of step {step} has the content root {root[:16]}, the chain knows {wanted[:16]}: another save under this name", path=path)

    def _chain(self):
        path = os.path.join(self.folder, CHAIN)
        try:
            with open(path, encoding="utf-8") as file:
                chain = json.load(file)["roots"]
        except FileNotFoundError:
            return {}
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise CheckpointError("chain", f"the chain of the folder cannot be read: {error}", path=path) from None
        if not isinstance(chain, dict) or not all(re.fullmatch(r"\d{1,12}", step) and isinstance(root, str) and re.fullmatch(r"[0-9a-f]{64}", root)
                                                  for step, root in chain.items()):
            raise CheckpointError("chain", "the chain of the folder does not map steps to content roots", path=path)
        return chain

    def _write_chain(self, chain):
        ordered = {step: chain[step] for step in sorted(chain, key=int)}
        write_file(os.path.join(self.folder, CHAIN), [json.dumps({"format": 1, "roots": ordered}, indent=1).encode() + b"\n"])
