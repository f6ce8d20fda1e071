"""`scrub` finds damage, `repair` undoes it: symbol digests of the sidecar say what is lost, its symbols bring it back.

Nothing is changed unless all of it comes back: the rebuilt file must have the sidecar's file id, a checkpoint must verify
and have the sidecar's content root, and it replaces the damaged one by the protocol of a save.
"""

import json
import os
from dataclasses import asdict, dataclass, field

from frankentorch.checkpoint import sidecar
from frankentorch.checkpoint.atomic import NewFile, sync_folder, write_file
from frankentorch.checkpoint.errors import CheckpointError
from frankentorch.checkpoint.index import FOOTER_NBYTES, HEADER_NBYTES, MAGIC, Footer
from frankentorch.checkpoint.reader import Reader


@dataclass
class Report:
    """What `verify`, `scrub` or `repair` found.

    Attributes
    ----------
    ok : bool
        The file and, where looked at, its sidecar are whole.
    sidecar : str or None
        "intact", "damaged", "missing", "stale" (of another save) or None (not looked at).
    root : str or None
        Content root.
    problems : list of dict
        Rule, message, record and offset of what is wrong.
    lost : list of (begin, end)
        Damaged ranges of the file.
    tensors : list of str
        Names of damaged tensors, where the index can be read.
    repairable : bool or None
        Whether the sidecar has enough symbols; None when nothing is lost or it cannot be told.
    events : list of dict
        One proof event per decoded object (`repair`).
    """

    path: str
    ok: bool
    nbytes: int = 0
    root: str = None
    sidecar: str = None
    problems: list = field(default_factory=list)
    lost: list = field(default_factory=list)
    tensors: list = field(default_factory=list)
    repairable: bool = None
    events: list = field(default_factory=list)

    def as_dict(self):
        return asdict(self)


def problem(error):
    return {"rule": error.rule, "message": error.message, "record": error.record, "offset": error.offset}


def verify(path):
    """Check every byte of a checkpoint, without its sidecar.

    Returns
    -------
    Report

    Raises
    ------
    OSError
        The file cannot be opened.
    """
    return _verify(os.fspath(path))[0]


def _verify(path):
    report = Report(path, True)
    try:
        with Reader(path) as reader:
            report.nbytes, report.root = reader.source.nbytes, reader.index.root.hex()
            try:
                reader.verify()
            except CheckpointError as error:
                report.ok = False
                report.problems.append(problem(error))
                try:
                    report.tensors = reader.damaged()
                except CheckpointError as again:
                    report.problems.append(problem(again))
    except CheckpointError as error:
        report.ok = False
        report.problems.append(problem(error))
    return report, report.ok


class _Survey:
    """What is lost of a file, and what the sidecar has for it."""

    def __init__(self, path):
        self.path, self.beside = path, sidecar.path_of(path)
        self.whole, self.sidecar, self.table, self.bad = None, None, None, []
        self.is_checkpoint = self._looks_like_checkpoint()
        self.report = Report(path, True, sidecar="intact")
        exists = os.path.lexists(path)
        if exists and not os.path.isfile(path):
            raise CheckpointError("not-a-file", "not a regular file", path=path)
        self.report.nbytes = os.path.getsize(path) if exists else 0
        if self.is_checkpoint:
            checked, self.whole = _verify(path)
            self.report.problems, self.report.root, self.report.tensors = checked.problems, checked.root, checked.tensors
        self._read_sidecar()
        if self.table is not None:
            self._compare()
        self.report.ok = self.report.sidecar == "intact" and not self.bad and not self.report.problems

    def _looks_like_checkpoint(self):
        """By its first bytes; the sidecar's root, which other files do not have, tells it too."""
        if not os.path.isfile(self.path):
            return False
        with open(self.path, "rb") as file:
            return file.read(8) == MAGIC

    def _read_sidecar(self):
        if not os.path.isfile(self.beside):
            self.report.sidecar = "missing"
            self._problem("sidecar-missing", "there is no repair sidecar")
            return
        try:
            with open(self.beside, "rb") as file:
                self.sidecar = sidecar.Sidecar(file.read(), self.beside)
            self.table = self.sidecar.table()
            self.is_checkpoint |= any(self.sidecar.identity.root)
        except CheckpointError as error:
            self.report.sidecar = "damaged"
            self.report.problems.append(problem(error))
            return
        if self.sidecar.damaged or self.sidecar.extra:
            self.report.sidecar = "damaged"
            self._problem("sidecar", f"{self.sidecar.damaged} of {self.sidecar.identity.count} records of the repair sidecar are damaged"
                          + (" or its length is wrong" if self.sidecar.extra else ""))

    def _compare(self):
        """Which symbols of the file are not those the sidecar knows."""
        identity = self.sidecar.identity
        plan = identity.plan
        if self.report.nbytes:
            with sidecar.Mapping(self.path) as view:
                have = sidecar.table_of(view[:plan.nbytes], plan) if len(view) >= plan.nbytes else self._table_of_short(view, plan)
        else:
            have = b""
        size = sidecar.DIGEST_NBYTES
        self.bad = [symbol for symbol in range(plan.symbols) if have[symbol * size:(symbol + 1) * size] != self.table[symbol * size:(symbol + 1) * size]]
        wrong_length = self.report.nbytes != plan.nbytes
        if (self.bad or wrong_length) and (self.whole or self._is_of_another_save()):
            self.report.sidecar, self.bad = "stale", []
            self._problem("sidecar-stale", "the repair sidecar is of another save; the file is " + ("whole" if self.whole else "damaged"))
            return
        if self.bad or wrong_length:
            self.report.lost = ranges(self.bad, plan)
            self.report.repairable = not self.missing()
            if not self.report.problems or wrong_length:
                self._problem("symbols", f"{len(self.bad)} of {plan.symbols} symbols are damaged; the file has {self.report.nbytes} bytes of {plan.nbytes}")

    @staticmethod
    def _table_of_short(view, plan):
        """Digests of the symbols that a cut file still has whole."""
        short = sidecar.Plan(len(view) // plan.symbol * plan.symbol, plan.symbol)
        return sidecar.table_of(view, short)

    def _is_of_another_save(self):
        """A sound footer with another content root than the sidecar's."""
        root = self.sidecar.identity.root
        if not self.is_checkpoint or self.report.nbytes < HEADER_NBYTES + FOOTER_NBYTES:
            return False
        with sidecar.Mapping(self.path) as view:
            try:
                return Footer.unpack(bytes(view[-FOOTER_NBYTES:]), len(view)).root != root
            except CheckpointError:
                return False

    def _problem(self, rule, message):
        self.report.problems.append({"rule": rule, "message": message, "record": None, "offset": None})

    def by_object(self):
        """{object: its damaged symbols}."""
        found = {}
        for symbol in self.bad:
            found.setdefault(symbol % self.sidecar.identity.objects, []).append(symbol)
        return found

    def missing(self):
        """{object: symbols too few} where the sidecar cannot help."""
        short = {}
        for number, lost in self.by_object().items():
            have = len(self.sidecar.symbols(sidecar.DATA, number))
            if have < len(lost):
                short[number] = len(lost) - have
        return short


def ranges(symbols, plan):
    """Byte ranges of sorted symbols, neighbours joined."""
    found = []
    for symbol in symbols:
        begin, end = symbol * plan.symbol, min((symbol + 1) * plan.symbol, plan.nbytes)
        if found and found[-1][1] == begin:
            found[-1] = (found[-1][0], end)
        else:
            found.append((begin, end))
    return found


def scrub(path):
    """Check every byte of a file and of its repair sidecar; change nothing, not even a time stamp.

    Any file with a sidecar can be scrubbed; a checkpoint is also verified by its own digests.

    Returns
    -------
    Report

    Raises
    ------
    CheckpointError
        `path` is no regular file.
    OSError
        It cannot be opened.
    """
    path = os.fspath(path)
    if not os.path.lexists(path) and not os.path.lexists(sidecar.path_of(path)):
        os.stat(path)
    return _Survey(path).report


def protect(path, repair=0.05):
    """Write the repair sidecar of a file that exists; for a checkpoint, after it verifies.

    Raises
    ------
    CheckpointError
        The checkpoint is damaged.
    """
    path, overhead = os.fspath(path), sidecar.checked_overhead(repair)
    root = _root_of_sound(path)
    if not os.path.getsize(path):
        raise CheckpointError("empty", "an empty file has nothing to protect", path=path)
    _write_sidecar(path, overhead, root)
    return sidecar.path_of(path)


def _root_of_sound(path):
    with open(path, "rb") as file:
        if file.read(8) != MAGIC:
            return bytes(32)
    with Reader(path) as reader:
        reader.verify()
        return reader.index.root


def _write_sidecar(path, overhead, root, repair=None):
    with NewFile(sidecar.path_of(path)) as beside:
        sidecar.write_sidecar(path, beside.write, overhead, root, repair)
        beside.sync()
        beside.commit()
    sync_folder(beside.folder)


def repair(path, *, log=True):
    """Rebuild what is damaged of a file and of its sidecar.

    Parameters
    ----------
    path : str or os.PathLike
    log : bool
        Append the proof events to ``path + ".repairs.jsonl"``.

    Returns
    -------
    Report
        Of the file as it is now; `ok` is True. `lost` and `events` say what was rebuilt.

    Raises
    ------
    CheckpointError
        "unrecoverable": more is lost than the sidecar can replace; the ranges and tensors are named, nothing was changed.
        "sidecar-stale": the sidecar is of another save, and the file is damaged.
    OSError
        The system refused a call. The old files are as they were.
    """
    path = os.fspath(path)
    if not os.path.lexists(path) and not os.path.lexists(sidecar.path_of(path)):
        os.stat(path)
    survey = _Survey(path)
    report = survey.report
    if report.ok:
        return report
    if survey.table is None:
        if survey.whole and report.sidecar == "damaged":
            return _renewed(survey, 0.05)
        raise CheckpointError("unrecoverable", f"no usable repair sidecar: {report.problems[-1]['message']}", path=path)
    if report.sidecar == "stale":
        if survey.whole:
            return _renewed(survey, None)
        raise CheckpointError("sidecar-stale", "the file is damaged and its repair sidecar is of another save", path=path)
    if survey.bad or report.nbytes != survey.sidecar.identity.nbytes:
        _rebuild(survey)
    if log and report.events:
        _log(path, report.events)
    if report.sidecar == "damaged":
        _write_sidecar(path, None, survey.sidecar.identity.root, survey.sidecar.identity.repair)
    again = _Survey(path).report
    again.lost, again.events = report.lost, report.events
    if not again.ok:
        raise CheckpointError("unrecoverable", f"the file does not verify after the repair: {again.problems[0]['message']}", path=path)
    return again


def _renewed(survey, overhead):
    """A sound file gets a new sidecar."""
    count = None if survey.sidecar is None else survey.sidecar.identity.repair
    if overhead is None:
        share = count / max(1, len(survey.sidecar.identity.plan.members(0)))
        overhead = min(1.0, round(share, 3))
    _write_sidecar(survey.path, overhead, _root_of_sound(survey.path))
    return _Survey(survey.path).report


def _rebuild(survey):
    """Decode the lost symbols and replace the file."""
    path, identity, report = survey.path, survey.sidecar.identity, survey.report
    plan, size = identity.plan, identity.symbol
    short = survey.missing()
    if short:
        raise unrecoverable(survey, f"{sum(short.values())} symbols too few in {len(short)} of {plan.objects} objects")
    fresh = {}
    have = memoryview(b"")
    mapping = sidecar.Mapping(path) if report.nbytes else None
    try:
        have = mapping.__enter__() if mapping else have
        for number, lost in sorted(survey.by_object().items()):
            members, gone = plan.members(number), set(lost)
            packets = [(esi, plan.piece(have, symbol)) for esi, symbol in enumerate(members) if symbol not in gone]
            extra = survey.sidecar.symbols(sidecar.DATA, number)
            whole = sidecar.decode(len(members) * size, size, packets + extra)
            if whole is None:
                raise unrecoverable(survey, f"object {number}: {len(extra)} repair symbols do not determine {len(lost)} lost ones")
            before = [sidecar.symbol_digest(plan.piece(have, symbol)) if (symbol + 1) * size <= len(have) or len(have) == plan.nbytes else b"" for symbol in lost]
            for symbol in lost:
                esi = (symbol - number) // plan.objects
                fresh[symbol] = whole[esi * size:(esi + 1) * size]
                if sidecar.symbol_digest(fresh[symbol]) != survey.table[symbol * sidecar.DIGEST_NBYTES:(symbol + 1) * sidecar.DIGEST_NBYTES]:
                    raise unrecoverable(survey, f"symbol {symbol} was rebuilt with another digest than the sidecar's")
            report.events.append({
                "file": os.path.basename(path), "object": number, "lost": [list(pair) for pair in ranges(lost, plan)], "source_symbols": len(members),
                "repair_symbols_at_hand": len(extra), "symbols_lost": len(lost), "digests_before": [digest.hex() for digest in before],
                "digests_after": [sidecar.symbol_digest(fresh[symbol]).hex() for symbol in lost],
                "file_id": identity.file_id.hex(), "root": identity.root.hex()})
        _replace(survey, have, fresh)
    finally:
        if mapping:
            mapping.__exit__(None, None, None)


def _replace(survey, have, fresh):
    identity, plan = survey.sidecar.identity, survey.sidecar.identity.plan
    with NewFile(survey.path) as file:
        at = 0
        for symbol in sorted(fresh):
            file.write(have[at:symbol * plan.symbol], fresh[symbol][:min(plan.symbol, plan.nbytes - symbol * plan.symbol)])
            at = min((symbol + 1) * plan.symbol, plan.nbytes)
        file.write(have[at:plan.nbytes])
        file.keep_mode()
        file.sync()
        with sidecar.Mapping(file.temporary) as view:
            if len(view) != plan.nbytes or sidecar.file_id(plan, sidecar.table_of(view, plan)) != identity.file_id:
                raise unrecoverable(survey, "the rebuilt file does not have the file id of the sidecar")
        if any(identity.root):
            with Reader(file.temporary) as reader:
                reader.verify()
                if reader.index.root != identity.root:
                    raise unrecoverable(survey, "the rebuilt file has another content root than the sidecar's")
        file.commit()
    sync_folder(file.folder)


def unrecoverable(survey, why):
    lost = survey.report.lost
    text = ", ".join(f"{begin}-{end}" for begin, end in lost[:8]) + (f" and {len(lost) - 8} more" if len(lost) > 8 else "")
    names = survey.report.tensors
    named = f"\n  of the tensors {', '.join(names[:8])}{f' and {len(names) - 8} more' if len(names) > 8 else ''}; the others can be loaded by name" if names else ""
    return CheckpointError("unrecoverable", f"cannot be repaired: {why}\n  lost ranges: {text or 'unknown'}{named}", path=survey.path,
                           offset=lost[0][0] if lost else None)


def _log(path, events):
    """Append proof events, by the same protocol as every file here."""
    target = path + ".repairs.jsonl"
    old = b""
    if os.path.isfile(target):
        with open(target, "rb") as file:
            old = file.read()
    write_file(target, [old] + [json.dumps(event, sort_keys=True).encode() + b"\n" for event in events])
