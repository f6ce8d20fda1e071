"""`verify`: whether a file is, byte for byte, what a recorder wrote."""

import os

from frankentorch.runtime.ledger.file import read


class Report:
    """What a check found. ``ok`` is True, since a fault is an exception; ``complete`` is False of a run that was killed.

    Attributes: ``path``, ``level``, ``records``, ``steps``, ``ops``, ``walks``, ``root`` (digest of the last record),
    ``stopped`` (name of the exception that ended the run, or None), ``complete``, ``package``, ``machine``.
    """

    ok = True

    def __init__(self, **facts):
        self.__dict__.update(facts)

    def as_dict(self):
        return {"ok": self.ok, **self.__dict__}

    def __str__(self):
        text = f"{self.path}: intact, level {self.level}, {self.records} records, {self.steps} steps, root {self.root}"
        if not self.complete:
            text += f"\nno end: the run was killed; these records are whole up to number {self.records - 1}"
        if self.stopped:
            text += f"\nthe run ended by {self.stopped}"
        return text


def verify(path, *, partial=False):
    """Check every byte of a ledger.

    Parameters
    ----------
    path : str or PathLike
    partial : bool
        Accept a file without its end, as a killed run leaves it, and report what is whole.

    Returns
    -------
    Report

    Raises
    ------
    LedgerError
        At the first fault: a changed byte, a missing, repeated or misplaced record, a cut tail. It names the record.
    """
    facts = {"path": os.fspath(path), "level": None, "package": None, "records": 0, "steps": 0, "ops": 0, "walks": 0,
             "stopped": None, "complete": False, "machine": [], "root": None}
    counted = {"step": "steps", "op": "ops", "walk": "walks"}
    for record in read(path, partial):
        facts["records"] += 1
        facts["root"] = record.digest.hex()
        if record.kind in counted:
            facts[counted[record.kind]] += 1
        elif record.kind == "ledger":
            facts.update(level=record.fields[0]["level"], package=record.fields[0]["package"])
        elif record.kind == "end":
            facts.update(complete=True, stopped=record.fields[0]["stopped"], machine=record.fields[0]["machine"])
    return Report(**facts)
