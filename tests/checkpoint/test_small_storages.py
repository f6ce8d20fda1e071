"""Many small storages are read many at a time: the same state, the same refusals as one by one."""
import os

import pytest

from conformance.durability.corpus import Forge
from frankentorch import checkpoint, ops
from frankentorch.checkpoint import CheckpointError, index, reader
from frankentorch.checkpoint.reader import FEW, SMALL_NBYTES, Reader
from tests.checkpoint.states import same


def many(count=200):
    """Of every size around the limit, bools and empties among them."""
    found = {f"t{k:03d}": ops.arange(k, dtype=ops.int32) for k in range(count)}
    found |= {f"b{k:03d}": ops.arange(k) % 2 == 0 for k in range(count)}
    return {**found, "at the limit": ops.ones(SMALL_NBYTES // 4), "beyond it": ops.ones(SMALL_NBYTES // 4 + 1), "large": ops.ones(3 << 18)}


@pytest.mark.parametrize("compression", ["stored", "zstd"])
@pytest.mark.parametrize("window", [8192, 1 << 20])
def test_state_comes_back(tmp_path, monkeypatch, compression, window):
    monkeypatch.setattr(reader, "WINDOW_NBYTES", window)
    checkpoint.save(many(), tmp_path / "a.ftc", compression=compression)

    assert same(many(), checkpoint.load(tmp_path / "a.ftc"))
    assert same(many(), checkpoint.loads((tmp_path / "a.ftc").read_bytes()))
    assert checkpoint.verify(tmp_path / "a.ftc").ok
    assert compression == "zstd" or same(many(), checkpoint.load(tmp_path / "a.ftc", mmap=True))
    names = [name for name in many() if name.endswith("7")]
    assert len(names) > FEW and same({name: many()[name] for name in names}, checkpoint.load(tmp_path / "a.ftc", names=names))


def test_few_reads(tmp_path, monkeypatch):
    """400 tensors of four bytes: a handful of calls to the system."""
    checkpoint.save([ops.ones(1) for _ in range(400)], tmp_path / "a.ftc", compression="stored")
    seen, real = [], os.preadv
    monkeypatch.setattr(os, "preadv", lambda *where: seen.append(where) or real(*where))
    state = checkpoint.load(tmp_path / "a.ftc")

    assert [1.0] * 400 == [tensor.item() for tensor in state] and len(seen) <= 5


@pytest.mark.parametrize("compression", ["stored", "zstd"])
@pytest.mark.parametrize("many_of_them", [False, True])
def test_damage_is_told_as_of_one(compression, many_of_them):
    state = {f"t{k:03d}": ops.full((8,), float(k)) for k in range(FEW + 5 if many_of_them else FEW - 5)}
    content = bytearray(checkpoint.dumps(state, compression=compression))
    offset = Reader(content=content).index.chunk(7, 32)[0]
    content[offset] ^= 1
    with pytest.raises(CheckpointError) as caught:
        checkpoint.loads(content)

    assert ("digest", "t007", offset) == (caught.value.rule, caught.value.record, caught.value.offset)


@pytest.mark.parametrize("compression", ["stored", "zstd"])
def test_report_names_all_that_are_damaged(tmp_path, compression):
    state = {f"t{k:03d}": ops.full((8,), float(k)) for k in range(FEW + 5)} | {"large": ops.arange(5000.0)}
    content = bytearray(checkpoint.dumps(state, compression=compression))
    opened = Reader(content=content).index
    for place in (opened.find(name) for name in ("t003", "t020", "large")):
        number = opened.record(place).storage
        nbytes, first, _ = opened.storage(number)
        content[opened.chunk(first, nbytes)[0] + 20] ^= 1
    (tmp_path / "a.ftc").write_bytes(content)

    assert ["large", "t003", "t020"] == checkpoint.verify(tmp_path / "a.ftc").tensors


@pytest.mark.parametrize("wrong", [{"bool"}, {"digest"}])
def test_a_wrong_bool_or_digest_behind_right_ones(wrong):
    """The tenth by name is 17: 0, 1, 10, 11, …"""
    forge = Forge(obj=[ops.tensor([True, False]) for _ in range(FEW + 5)])
    forge.chunk(9, b"\1\2" if wrong == {"bool"} else b"\1\1")
    if wrong == {"bool"}:
        forge.digests[9] = forge.chunks[9][2]
    else:
        forge.digests[9] = forge.chunks[9][2] = index.blake3(b"x")
    with pytest.raises(CheckpointError) as caught:
        checkpoint.loads(forge.seal())

    assert wrong == {caught.value.rule} and "17" == caught.value.record


def test_gaps_between_small_storages_are_looked_at():
    forge = Forge(obj=[ops.ones(1) for _ in range(FEW + 5)])
    forge.data[64 * 9 + 30] = 1
    with pytest.raises(CheckpointError) as caught:
        checkpoint.loads(forge.seal())

    assert "padding" == caught.value.rule


def test_too_many_tensors(monkeypatch):
    monkeypatch.setattr(index, "MAX_TENSORS", 20)
    content = checkpoint.dumps([ops.ones(1)] * 20)
    with pytest.raises(CheckpointError, match="at most 20"):
        checkpoint.dumps([ops.ones(1)] * 21)
    monkeypatch.setattr(index, "MAX_TENSORS", 19)
    with pytest.raises(CheckpointError) as caught:
        checkpoint.loads(content)

    assert "index" == caught.value.rule
