"""The repair sidecar: any damage up to its capacity comes back bit by bit; above, it says what is lost."""

import json
import os
import random

import pytest

from frankentorch import checkpoint, ops
from frankentorch.checkpoint import CheckpointError, sidecar

DATA = {"a": ops.arange(3000, dtype=ops.float32).sin(), "b": ops.arange(2000)}


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "a.ftc"
    checkpoint.save(DATA, path, compression="stored", repair=0.1)
    return path


def rot(path, places, mask=0x55):
    content = bytearray(path.read_bytes())
    for at in places:
        content[at] ^= mask
    path.write_bytes(content)


def parts(path):
    found = sidecar.Sidecar(open(sidecar.path_of(path), "rb").read())
    return found.identity, sidecar.HEAD_NBYTES + found.identity.symbol


def contents(path):
    return path.read_bytes(), open(sidecar.path_of(path), "rb").read()


def test_scrub_of_an_intact_file_changes_nothing(saved):
    before = [os.stat(name) for name in (saved, sidecar.path_of(saved))]
    report = checkpoint.scrub(saved)
    after = [os.stat(name) for name in (saved, sidecar.path_of(saved))]

    assert report.ok and "intact" == report.sidecar and checkpoint.repair(saved).ok
    assert [(one.st_mtime_ns, one.st_ino, one.st_ctime_ns) for one in before] == [(one.st_mtime_ns, one.st_ino, one.st_ctime_ns) for one in after]


def test_any_symbols_up_to_capacity_less_two_come_back(saved):
    whole = contents(saved)
    identity, _ = parts(saved)
    plan, rng = identity.plan, random.Random(0)
    assert 80 < plan.symbols < 128 and identity.repair == -(-plan.symbols // 10) + 2
    for _ in range(20):
        rot(saved, [symbol * plan.symbol for symbol in rng.sample(range(plan.symbols), identity.repair - 2)])
        assert not checkpoint.scrub(saved).ok
        report = checkpoint.repair(saved)

        assert report.ok and whole == contents(saved)
        assert identity.repair - 2 == sum(event["symbols_lost"] for event in report.events)


def test_damage_in_file_and_sidecar_together(saved):
    whole = contents(saved)
    identity, stride = parts(saved)
    rng = random.Random(1)
    for _ in range(20):
        budget = identity.repair - 2
        here = rng.randrange(budget + 1)
        rot(saved, [symbol * identity.symbol + 1 for symbol in rng.sample(range(identity.plan.symbols), here)])
        rot(saved.with_name("a.ftc.rq"), [record * stride + rng.randrange(stride) for record in rng.sample(range(identity.count), budget - here)])

        assert checkpoint.repair(saved).ok
        assert whole == contents(saved)


@pytest.mark.parametrize("cut", [1, 100, 1000])
def test_cut_file_comes_back(saved, cut):
    whole = contents(saved)
    os.truncate(saved, len(whole[0]) - cut)

    assert checkpoint.repair(saved).ok and whole == contents(saved)


def test_header_index_footer_and_a_longer_file_come_back(saved):
    whole = contents(saved)
    saved.write_bytes(b"junk" + whole[0][4:-20] + bytes(20) + b"more")
    assert not checkpoint.scrub(saved).ok

    assert checkpoint.repair(saved).ok and whole == contents(saved)


def test_sidecar_alone_is_made_new(saved):
    whole = contents(saved)
    rot(saved.with_name("a.ftc.rq"), range(100, 6000, 500))
    report = checkpoint.scrub(saved)
    assert not report.ok and "damaged" == report.sidecar and not report.lost

    assert checkpoint.repair(saved).ok
    assert whole[0] == contents(saved)[0]
    assert checkpoint.scrub(saved).ok


def test_above_capacity_the_ranges_are_named_and_nothing_changes(saved):
    identity, _ = parts(saved)
    rot(saved, [100 + symbol * identity.symbol for symbol in range(identity.repair + 1)])
    damaged = contents(saved)
    report = checkpoint.scrub(saved)
    with pytest.raises(CheckpointError) as caught:
        checkpoint.repair(saved)

    assert (False, False, ["a"]) == (report.ok, report.repairable, report.tensors)
    assert [(0, (identity.repair + 1) * identity.symbol)] == report.lost
    assert "unrecoverable" == caught.value.rule and f"0-{report.lost[0][1]}" in str(caught.value) and "tensors a" in str(caught.value)
    assert damaged == contents(saved)
    assert DATA["b"].tolist() == checkpoint.load(saved, names="b")["b"].tolist()


def test_load_never_repairs(saved):
    rot(saved, [100])
    damaged = contents(saved)
    with pytest.raises(CheckpointError):
        checkpoint.load(saved)

    assert damaged == contents(saved)


def test_sidecar_of_an_older_save_is_told(saved, tmp_path):
    """A crash between the two renames leaves it: the whole file is never rolled back, and gets a new sidecar."""
    old = contents(saved)[1]
    checkpoint.save({**DATA, "b": DATA["b"] + 1}, saved, compression="stored")
    whole = saved.read_bytes()
    saved.with_name("a.ftc.rq").write_bytes(old)
    assert "stale" == checkpoint.scrub(saved).sidecar

    rot(saved, [100])
    with pytest.raises(CheckpointError) as caught:
        checkpoint.repair(saved)
    assert "sidecar-stale" == caught.value.rule

    saved.write_bytes(whole)
    assert checkpoint.repair(saved).ok and whole == saved.read_bytes()


def test_proof_events_are_written(saved):
    whole = saved.read_bytes()
    rot(saved, [300])
    checkpoint.repair(saved)
    (event,) = map(json.loads, open(f"{saved}.repairs.jsonl"))
    size = parts(saved)[0].symbol
    symbol = 300 // size

    assert [[symbol * size, (symbol + 1) * size]] == event["lost"] and 1 == event["symbols_lost"]
    assert [sidecar.symbol_digest(whole[symbol * size:(symbol + 1) * size]).hex()] == event["digests_after"] != event["digests_before"]
    assert checkpoint.digest(DATA) == event["root"]


def test_missing_sidecar(saved):
    os.unlink(sidecar.path_of(saved))
    report = checkpoint.scrub(saved)

    assert not report.ok and "missing" == report.sidecar
    with pytest.raises(CheckpointError, match="no repair sidecar"):
        checkpoint.repair(saved)


@pytest.mark.parametrize("nbytes", [1, 255, 256, 257, 5000, 300_000, 9_000_000])
def test_files_of_any_size(tmp_path, nbytes):
    """Many objects too: damage in one piece is spread over all of them."""
    path = tmp_path / "x.bin"
    content = random.Random(nbytes).randbytes(nbytes)
    path.write_bytes(content)
    checkpoint.protect(path, 0.05)
    with open(path, "r+b") as file:
        file.seek(nbytes // 3)
        file.write(bytes(max(1, nbytes // 25)))
    assert not checkpoint.scrub(path).ok

    assert checkpoint.repair(path, log=False).ok and content == path.read_bytes()


def sealed(identity, **changes):
    kind, number, esi, payload = (changes.pop(name, value) for name, value in (("kind", 0), ("number", 0), ("esi", identity.plan.symbols), ("payload", bytes(identity.symbol))))
    return identity._replace(**changes).pack(kind, number, esi, payload)


@pytest.mark.parametrize("changes", [{"nbytes": 1 << 63}, {"nbytes": 0}, {"objects": 7}, {"repair": 0}, {"repair": 1 << 20}, {"kind": 2}, {"number": 1}, {"esi": 0},
                                     {"esi": 1 << 24}, {"kind": 1, "number": 9}, {"kind": 1, "esi": 1 << 20}])
def test_impossible_parameters_are_refused(saved, changes):
    identity, _ = parts(saved)
    with pytest.raises(CheckpointError) as caught:
        sidecar.Sidecar(sealed(identity, **changes))

    assert "sidecar-parameters" == caught.value.rule


def test_two_contents_of_one_symbol_are_refused(saved):
    identity, _ = parts(saved)
    with pytest.raises(CheckpointError) as caught:
        sidecar.Sidecar(sealed(identity) + sealed(identity, payload=b"\1" * identity.symbol))

    assert "sidecar-conflict" == caught.value.rule


def test_forged_symbols_never_reach_the_file(saved):
    """Records with right digests around wrong symbols: the decoded object does not have the known digests."""
    whole = contents(saved)
    identity, stride = parts(saved)
    beside = bytearray(whole[1])
    first = identity.table_plan.symbols + identity.repair * identity.table_plan.objects
    for record in range(first, identity.count):
        beside[record * stride:(record + 1) * stride] = sealed(identity, esi=identity.plan.symbols + record - first)
    saved.with_name("a.ftc.rq").write_bytes(beside)
    rot(saved, [100])
    damaged = contents(saved)
    with pytest.raises(CheckpointError) as caught:
        checkpoint.repair(saved)

    assert "unrecoverable" == caught.value.rule and damaged == contents(saved)


def test_empty_file_needs_no_sidecar(tmp_path):
    (tmp_path / "x").touch()
    with pytest.raises(CheckpointError, match="empty"):
        checkpoint.protect(tmp_path / "x")
