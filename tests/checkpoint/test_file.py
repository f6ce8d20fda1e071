"""The file: written whole or not at all, read whole or not at all."""

import os
import pickle
import random
import stat
import subprocess
import sys

import pytest

from frankentorch import checkpoint, nn, ops, optim
from frankentorch._ext import threads
from frankentorch._ext.create import same_storage, storage_facts, storage_of
from frankentorch.checkpoint import CheckpointError, atomic, index
from frankentorch.checkpoint.reader import Reader
from tests.checkpoint.states import bits, every_dtype, same, small

CODECS = ["stored", "zstd", 7]


def refused(content):
    """The rule by which the bytes are refused."""
    with pytest.raises(CheckpointError) as caught:
        checkpoint.loads(content)
    return caught.value.rule


@pytest.mark.parametrize("compression", CODECS)
@pytest.mark.parametrize("state", [small, every_dtype, lambda: None, lambda: ops.ones(3), dict, lambda: [ops.zeros(0)] * 2])
def test_state_comes_back(tmp_path, state, compression):
    root = checkpoint.save(state(), tmp_path / "a.ftc", compression=compression, mode="hardened")
    back = checkpoint.load(tmp_path / "a.ftc")

    assert same(state(), back)
    assert root == checkpoint.digest(state()) == checkpoint.digest(back)
    assert (tmp_path / "a.ftc").read_bytes() == checkpoint.dumps(back, compression=compression)
    assert checkpoint.verify(tmp_path / "a.ftc").ok and checkpoint.scrub(tmp_path / "a.ftc").ok


@pytest.mark.parametrize("compression", CODECS)
def test_ties_views_and_strides_come_back(compression):
    back = checkpoint.loads(checkpoint.dumps(small(), compression=compression))
    model = back["model"]
    model["weight"][0, 1] = 99.0

    assert 99.0 == model["tied"][0, 1].item() == model["column"][0].item() == model["turned"][1, 0].item()
    assert (1, 4) == model["turned"].stride() and (1, 0) == back["wide"].stride() and 1 == storage_facts(storage_of(back["wide"]))[1] // 12
    assert not same_storage(back["gaps"], back["scalar"])
    assert back["leaf"].requires_grad and back["leaf"].is_leaf


def test_two_views_with_a_gap_between_them():
    """Bytes that no tensor uses are written as zero: the file depends on the state only."""
    files = []
    for filling in (5.0, 7.0):
        whole = ops.full((20,), filling)
        whole[2:4], whole[10:12] = 1.0, 2.0
        files.append(checkpoint.dumps({"a": whole[2:4], "b": whole[10:12], "c": whole[2:12:9]}, compression="stored"))
    back = checkpoint.loads(files[0])

    assert files[0] == files[1]
    assert [[1.0, 1.0], [2.0, 2.0], [1.0, 2.0]] == [back[name].tolist() for name in "abc"]
    assert same_storage(back["a"], back["b"])


def test_large_storage_with_a_small_view_writes_the_view_only():
    assert len(checkpoint.dumps(ops.zeros(100000)[5:10], compression="stored")) < 1000


def test_parameter_comes_back_as_one():
    back = checkpoint.loads(checkpoint.dumps([nn.Parameter(ops.ones(2)), nn.Parameter(ops.ones(2), requires_grad=False)]))

    assert all(isinstance(one, nn.Parameter) for one in back)
    assert [True, False] == [one.requires_grad for one in back]


def test_one_storage_under_two_dtypes_is_refused():
    tensor = ops.ones(4)
    with pytest.raises(CheckpointError) as caught:
        checkpoint.dumps({"a": tensor, "b": tensor.view(ops.int32)})

    assert ("alias", "b") == (caught.value.rule, caught.value.record)


def test_training_state_resumes():
    def training():
        ops.manual_seed(3) if hasattr(ops, "manual_seed") else None
        model = nn.Linear(4, 3)
        with ops_no_grad():
            for parameter in model.parameters():
                parameter.fill_(0.25)
        optimizer = optim.Adam(model.parameters(), lr=0.1)
        schedule = optim.lr_scheduler.StepLR(optimizer, 2)
        return model, optimizer, schedule

    def step(model, optimizer, schedule, times):
        for _ in range(times):
            optimizer.zero_grad()
            (model(ops.arange(8.0).reshape(2, 4)) ** 2).sum().backward()
            optimizer.step()
            schedule.step()

    straight, halted, resumed = training(), training(), training()
    step(*straight, 5)
    step(*halted, 3)
    content = checkpoint.dumps([part.state_dict() for part in halted])
    for part, state in zip(resumed, checkpoint.loads(content)):
        part.load_state_dict(state)
    step(*resumed, 2)

    assert checkpoint.digest([part.state_dict() for part in straight]) == checkpoint.digest([part.state_dict() for part in resumed])


def ops_no_grad():
    from frankentorch.autograd import no_grad

    return no_grad()


def test_some_tensors_by_name(tmp_path):
    checkpoint.save(small(), tmp_path / "a.ftc", compression="zstd")
    found = checkpoint.load(tmp_path / "a.ftc", names=["model/column", "model/weight", "empty"])

    assert [1.0, 5.0, 9.0] == found["model/column"].tolist() and same_storage(found["model/column"], found["model/weight"])
    assert (0, 3) == tuple(found["empty"].shape)
    with pytest.raises(CheckpointError, match="no tensor of this name"):
        checkpoint.load(tmp_path / "a.ftc", names="model/nothing")


def test_damage_elsewhere_does_not_matter_to_a_named_tensor(tmp_path):
    path = tmp_path / "a.ftc"
    checkpoint.save({"a": ops.arange(5000), "b": ops.arange(5000) + 1}, path, compression="stored")
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)

    assert [1, 2, 3] == checkpoint.load(path, names="b")["b"][:3].tolist()
    with pytest.raises(CheckpointError) as caught:
        checkpoint.load(path, names="a")
    assert ("digest", "a", 64, str(path)) == (caught.value.rule, caught.value.record, caught.value.offset, caught.value.path)
    assert ["a"] == checkpoint.verify(path).tensors


def test_mapped_tensors_are_private(tmp_path):
    path = tmp_path / "a.ftc"
    checkpoint.save(small(), path, compression="stored")
    before = path.read_bytes()
    back = checkpoint.load(path, mmap=True)
    back["model"]["weight"].add_(1)

    assert [2.0, 6.0, 10.0] == back["model"]["column"].tolist()
    assert before == path.read_bytes()
    checkpoint.save(small(), path, compression="zstd")
    with pytest.raises(CheckpointError, match="mapped"):
        checkpoint.load(path, mmap=True)


@pytest.mark.parametrize("compression", CODECS)
def test_same_state_gives_the_same_bytes_on_any_thread_count(compression):
    state = {"a": ops.arange(1_500_000, dtype=ops.float32).sin(), "b": ops.arange(700_000), "t": {"z": 1, "a": 2}}
    before, files = threads.get_num_threads(), set()
    try:
        for count in (1, 2, 5):
            threads.set_num_threads(count)
            files.add(checkpoint.dumps(state, compression=compression))
            assert same(state, checkpoint.loads(next(iter(files))))
    finally:
        threads.set_num_threads(before)

    assert 1 == len(files)


def test_same_state_gives_the_same_bytes_in_another_process_and_at_any_cpu_level():
    program = ("import sys; from frankentorch import ops, checkpoint\n"
               "sys.stdout.buffer.write(checkpoint.dumps([ops.arange(100000, dtype=ops.float32), ops.arange(9, dtype=ops.int16), {'b': 1, 'a': 2}]))")
    package_parent = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(index.__file__))))
    expected = checkpoint.dumps([ops.arange(100000, dtype=ops.float32), ops.arange(9, dtype=ops.int16), {"a": 2, "b": 1}])
    for seed, level in (("5", "baseline"), ("6", "")):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), package_parent]))}
        environment.update({"FRANKENTORCH_CPU": level} if level else {})
        done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=True)

        assert expected == done.stdout


@pytest.mark.parametrize("compression", ["stored", "zstd"])
def test_every_single_bit_flip_is_refused(compression):
    content = bytearray(checkpoint.dumps({"w": ops.arange(40), "n": [1, "x"], "b": ops.tensor([True])}, compression=compression))
    for bit in range(8 * len(content)):
        content[bit // 8] ^= 1 << bit % 8
        refused(content)
        content[bit // 8] ^= 1 << bit % 8

    assert checkpoint.loads(content)["n"] == [1, "x"]


@pytest.mark.parametrize("compression", ["stored", "zstd"])
def test_every_cut_and_every_addition_is_refused(compression):
    content = checkpoint.dumps(small(), compression=compression)

    assert {refused(content[:length]) for length in range(len(content))} <= {"magic", "length", "footer"}
    assert "footer" == refused(content + b"\0")
    assert refused(b"\0" + content) == "magic" and refused(content + content) == "length"


def test_random_bursts_are_refused():
    content = checkpoint.dumps(small(), compression="stored")
    rng = random.Random(1)
    for _ in range(500):
        changed, length = bytearray(content), rng.randrange(1, 64)
        at = rng.randrange(len(content) - length)
        changed[at:at + length] = rng.randbytes(length)
        if changed != content:
            refused(changed)


def test_content_that_shrinks_too_much_is_stored(monkeypatch):
    monkeypatch.setattr(index, "FREE_NBYTES", 100)
    zeros = ops.zeros(1 << 20)
    content = checkpoint.dumps(zeros)

    assert index.STORED == content[12] and len(content) > 4 << 20
    assert same(zeros, checkpoint.loads(content))


def test_bomb_is_refused_before_memory_is_taken(monkeypatch):
    content = checkpoint.dumps(ops.zeros(1 << 20))
    assert len(content) < 4096
    monkeypatch.setattr(index, "FREE_NBYTES", 100)

    assert "ratio" == refused(content)


@pytest.mark.parametrize("content, word", [(b"PK\x03\x04", "zip"), (b"\x1f\x8b\x08", "gzip"), (b"\x80\x05", "pickle"), (b"", "empty"), (b"hello", "hello")])
def test_message_says_what_the_file_seems_to_be(tmp_path, content, word):
    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=word) as caught:
        checkpoint.load(path)

    assert str(path) == caught.value.path and str(path) in str(caught.value)
    assert not checkpoint.is_checkpoint(content) and checkpoint.is_checkpoint(checkpoint.dumps(1)[:8])


def test_missing_file_is_the_systems_error(tmp_path):
    for function in (checkpoint.load, checkpoint.verify, checkpoint.scrub, checkpoint.repair, checkpoint.protect):
        with pytest.raises(FileNotFoundError):
            function(tmp_path / "nothing")


def test_folder_fifo_and_device_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path, tmp_path / "fifo", "/dev/zero"):
        with pytest.raises(CheckpointError, match="not a regular file"):
            checkpoint.load(path)
        with pytest.raises((CheckpointError, PermissionError)):
            checkpoint.save(1, path)


def test_file_cut_while_it_is_read(tmp_path):
    path = tmp_path / "a.ftc"
    checkpoint.save(ops.arange(100000), path, compression="stored", repair=0)
    with Reader(path) as reader:
        os.truncate(path, 5000)
        with pytest.raises(CheckpointError, match="ends too early"):
            reader.state()


def test_error_is_of_both_families_and_can_be_pickled():
    error = pickle.loads(pickle.dumps(CheckpointError("digest", "damaged", path="a", record="b", offset=3)))

    assert isinstance(error, RuntimeError) and isinstance(error, pickle.UnpicklingError)
    assert ("digest", "damaged", "a", "b", 3) == (error.rule, error.message, error.path, error.record, error.offset)


def test_state_that_cannot_be_saved_touches_no_file(tmp_path):
    checkpoint.save(1, tmp_path / "a.ftc", repair=0)
    with pytest.raises(CheckpointError):
        checkpoint.save(object(), tmp_path / "a.ftc")
    for wrong in ({"repair": 2}, {"repair": True}, {"compression": "lz4"}, {"compression": 0}, {"mode": "lax"}):
        with pytest.raises(ValueError):
            checkpoint.save(2, tmp_path / "a.ftc", **wrong)

    assert 1 == checkpoint.load(tmp_path / "a.ftc")
    assert ["a.ftc"] == os.listdir(tmp_path)


def test_files_are_synced_before_they_are_named_and_the_folder_after(tmp_path, monkeypatch):
    calls = []
    fsync, replace = os.fsync, os.replace

    def watched_fsync(descriptor):
        calls.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    monkeypatch.setattr(atomic.os, "fsync", watched_fsync)
    monkeypatch.setattr(atomic.os, "replace", lambda old, new: (calls.append("rename"), replace(old, new)))
    checkpoint.save(1, tmp_path / "a.ftc")

    assert ["file", "file", "rename", "rename", "folder"] == calls


def test_save_without_repair_removes_a_stale_sidecar(tmp_path):
    checkpoint.save(1, tmp_path / "a.ftc")
    checkpoint.save(2, tmp_path / "a.ftc", repair=0)

    assert ["a.ftc"] == os.listdir(tmp_path)


def test_symbolic_link_stays_one_and_permissions_too(tmp_path):
    checkpoint.save(1, tmp_path / "real.ftc")
    os.chmod(tmp_path / "real.ftc", 0o640)
    os.symlink("real.ftc", tmp_path / "link.ftc")
    checkpoint.save(2, tmp_path / "link.ftc")

    assert os.path.islink(tmp_path / "link.ftc") and 0o640 == os.stat(tmp_path / "real.ftc").st_mode & 0o777
    assert 2 == checkpoint.load(tmp_path / "real.ftc")


def test_loaded_bits_are_the_saved_ones():
    """NaN payloads and negative zeros too."""
    raw = ops.tensor([0x7FC00001, 0x7F800001, -0x80000000, 1], dtype=ops.int64).to(ops.int32).view(ops.float32)

    assert bits(raw) == bits(checkpoint.loads(checkpoint.dumps(raw)))


def test_hardened_load_refuses_overlapping_views(tmp_path):
    checkpoint.save({"w": ops.ones(3, 1).expand(3, 5)}, tmp_path / "a.ftc")

    assert (3, 5) == tuple(checkpoint.load(tmp_path / "a.ftc")["w"].shape)
    with pytest.raises(CheckpointError) as caught:
        checkpoint.load(tmp_path / "a.ftc", mode="hardened")
    assert "overlap" == caught.value.rule
