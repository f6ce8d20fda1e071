"""Damage of every kind is found and named; what a killed run leaves is whole up to its last block."""

import os
import random
import signal
import subprocess
import sys
import textwrap

import pytest

from conformance.ledger import KINDS, damages
from frankentorch.runtime import LedgerError, verify
from frankentorch.runtime.ledger.file import MAGIC, Writer, blake3, read


@pytest.mark.parametrize("level", ["step", "node", "full"])
def test_every_damage_is_found_and_named(ledger_of, tmp_path, level):
    content = ledger_of(level=level, steps=6).read_bytes()
    damaged = tmp_path / "damaged"
    copies = list(damages(content, random.Random(0), 200))
    assert 200 == len(copies) and set(KINDS) == {kind for kind, _ in copies}
    for kind, changed in copies:
        if changed == content:
            continue
        damaged.write_bytes(changed)
        with pytest.raises(LedgerError) as caught:
            verify(damaged)

        assert caught.value.rule in ("magic", "block", "chain", "order", "record", "cut", "tail"), kind
        assert caught.value.record is not None and caught.value.offset is not None
        assert f"record {caught.value.record}" in str(caught.value)


def forged(tmp_path, change):
    """A file whose blocks are sound but whose records were changed by `change(list of (body, digest))`."""
    class Collector(Writer):
        def _block(self, records):
            change(records)
            super()._block(records)

    path = tmp_path / "forged"
    writer = Collector(path)
    for number in range(6):
        writer.write("op", [number])
    writer.write("end", [{"stopped": None, "machine": []}])
    writer.close()
    return path


@pytest.mark.parametrize("rule, record, change", [
    ("order", 2, lambda records: records.pop(2)),
    ("order", 3, lambda records: records.insert(3, records[2])),
    ("order", 1, lambda records: records.__setitem__(slice(1, 3), records[2:0:-1])),
    ("chain", 4, lambda records: records.__setitem__(4, (records[4][0].replace(b"op", b"oq"), records[4][1]))),
    ("chain", 0, lambda records: records.__setitem__(0, (records[0][0], bytes(32)))),
])
def test_faults_of_records_are_named_even_in_sound_blocks(tmp_path, rule, record, change):
    with pytest.raises(LedgerError) as caught:
        verify(forged(tmp_path, change))

    assert (caught.value.rule, caught.value.record) == (rule, record)


def test_the_chain_is_what_the_document_says(ledger_of):
    chain = blake3(MAGIC)
    path = ledger_of()
    for record in read(path):
        chain = record.digest
    assert verify(path).root == chain.hex()


def test_a_file_that_is_no_ledger_is_named(tmp_path):
    path = tmp_path / "text"
    path.write_text("not a ledger at all, but long enough")
    with pytest.raises(LedgerError, match="no ledger") as caught:
        verify(path)

    assert caught.value.rule == "magic"


def test_a_killed_run_is_whole_up_to_its_last_block(tmp_path):
    path = tmp_path / "killed.ledger"
    program = textwrap.dedent(f"""
        import os, signal
        from tests.runtime.ledger.conftest import small_training
        from frankentorch.runtime import record
        def change(step, model, x, updater):
            if step == 4:
                os.kill(os.getpid(), signal.SIGKILL)
            return x
        with record({str(path)!r}, level="node"):
            small_training(steps=8, change=change)()
    """)
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    with pytest.raises(LedgerError, match="killed") as caught:
        verify(path)
    report = verify(path, partial=True)

    assert caught.value.rule == "cut"
    assert caught.value.record == report.records
    assert (report.ok, report.complete, report.steps) == (True, False, 4)


def test_a_run_ended_by_an_exception_is_sealed_and_says_so(tmp_path):
    from frankentorch.runtime import record

    with pytest.raises(ZeroDivisionError), record(tmp_path / "a", level="node"):
        raise ZeroDivisionError

    assert verify(tmp_path / "a").stopped == "ZeroDivisionError"
