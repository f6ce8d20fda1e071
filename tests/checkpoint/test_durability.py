"""The runs of `python -m conformance durability`, small: nothing under "wrong", and the runs can find what is wrong."""

import pytest

from conformance.durability import corpus, runs
from conformance.durability.faults import Plan, faulty
from frankentorch import checkpoint, ops
from frankentorch._ext import threads
from frankentorch.checkpoint import CheckpointError, reader, rescue, sidecar


@pytest.fixture(autouse=True)
def keep_threads():
    before = threads.get_num_threads()
    yield
    threads.set_num_threads(before)


CASES = [(name, content, rules) for name, content, rules in corpus.cases() if "bomb" not in name]


def test_corpus_is_large():
    assert 300 < len(CASES) == len({name for name, _, _ in CASES})


@pytest.mark.parametrize("content, rules", [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_hostile_file_is_refused_by_the_right_rule(content, rules):
    with pytest.raises(CheckpointError) as caught:
        checkpoint.loads(content)

    assert caught.value.rule in rules


def test_corpus_in_time_and_memory_and_sidecars():
    record = runs.hostile()

    assert [] == record["wrong"] and record["files"] - record["read"] == record["refused"] > 300 and record["sidecars"] > 50
    assert 0 < record["sidecars_of_use"] < record["sidecars"]


def test_second_reader_refuses_the_corpus_too():
    from tests.reference import ftc

    accepted = []
    for name, content, _ in CASES:
        try:
            ftc.read(content)
            accepted.append(name)
        except Exception:  # plain Python: whatever it trips over
            continue

    assert accepted == []


def test_flips_bursts_and_cuts():
    record = runs.flips(2000, seed=1)

    assert [] == record["wrong"] and (2000, 200) == (record["flips"], record["bursts"]) and record["truncations"] > 2000


def test_mutations():
    record = runs.mutations(4000, seed=1)

    assert [] == record["wrong"] and record["sealed_accepted"] and record["raw"] > 1500


@pytest.mark.parametrize("run", ["kills", "kills-pt"])
def test_kills(run):
    record = runs.RUNS[run][0](15, seed=1)

    assert [] == record["wrong"] and 15 == record["kills"] and record["saves_seen"]


def test_repairs():
    record = runs.repairs(20, seed=1)

    assert [] == record["wrong"] and (16, 4) == (record["within"], record["above"])
    assert record["named_loads"] and record["records_lost"]


def test_determinism():
    assert [] == runs.determinism(6)["wrong"]


def test_runs_find_a_reader_that_checks_nothing(monkeypatch):
    monkeypatch.setattr(reader.index, "blake3", lambda *pieces: b"\0" * 32)

    assert runs.flips(200, seed=1)["wrong"]


@pytest.mark.parametrize("kind", ["EIO", "ENOSPC", "short"])
def test_fault_at_every_call_of_a_save(tmp_path, kind):
    path = tmp_path / "a.ftc"
    old, new = ({"w": ops.full((300,), value)} for value in (1.0, 2.0))
    allowed = {checkpoint.dumps(state, compression="stored") for state in (old, new)}
    record, failed = {"calls": {}, "wrong": []}, set()
    checkpoint.save(old, path, compression="stored")
    with faulty(Plan(-1, "count")) as counter:
        checkpoint.save(new, path, compression="stored")
    for at in range(counter.seen):
        checkpoint.save(old, path, compression="stored")
        plan = Plan(at, kind)
        try:
            with faulty(plan):
                checkpoint.save(new, path, compression="stored")
        except OSError as error:
            failed.add(plan.call)
            assert error.strerror and (kind == "short" or "failed" in str(error) or plan.call in ("stat", "open()", "lstat", "fstat", "close"))

        assert path.read_bytes() in allowed, plan
        assert not [name for name in tmp_path.iterdir() if name.suffix == ".tmp"] or plan.call == "unlink", plan
    assert record["wrong"] == [] and (set() if kind == "short" else {"open", "writev", "fsync", "replace"}) <= failed


def test_fault_injection_shows_a_save_in_place(tmp_path):
    """A save without the protocol loses the file at some call: the harness would see it."""
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with pytest.raises(OSError), faulty(Plan(1, "EIO")):
        with open(path, "wb") as file:
            import os

            os.write(file.fileno(), b"new")

    assert path.read_bytes() not in (b"old", b"new")


def test_artifact_proof_in_a_copy(tmp_path):
    from conformance.durability import artifacts

    path = tmp_path / "parity.json"
    path.write_bytes(b"{%s}" % (b"1234567890," * 4000))
    checkpoint.protect(path)
    content = path.read_bytes()
    events = artifacts.planted(path)

    assert content == path.read_bytes() and events
    assert sum(event["symbols_lost"] for event in events) == sidecar.repair_count(sidecar.Plan(len(content), 256), 0.05) - sidecar.SPARE
    assert rescue.scrub(path).ok
