"""The file: written whole or not at all, read whole or not at all."""

import hashlib
import os
import pickle
import stat
import struct
import subprocess
import sys

import pytest
import zstandard

from frankentorch import ops
from frankentorch.checkpoint import CheckpointError
from frankentorch.serialization import container, load_state, save_state, state_digest, state_from_bytes, state_to_bytes

STATE = {"model": {"weight": ops.arange(600).reshape(20, 30).to(ops.float32), "bias": ops.zeros(3)}, "epoch": 4, "losses": [0.5, 0.25]}


def sealed(body, mode=container.ZSTD, content_nbytes=None, body_nbytes=None):
    """A file with a right digest around any body: what an attacker can write."""
    lengths = [len(body) if announced is None else announced for announced in (content_nbytes, body_nbytes)]
    head = container.MAGIC + struct.pack("<BQQ", mode, *lengths)
    return head + hashlib.sha256(head + body).digest() + body


def refused(content):
    """The rule by which the bytes are refused."""
    with pytest.raises(CheckpointError) as caught:
        state_from_bytes(content)
    return caught.value.rule


def test_state_comes_back(tmp_path):
    save_state(STATE, tmp_path / "a.state")
    back = load_state(tmp_path / "a.state")

    assert state_digest(STATE) == state_digest(back)
    assert STATE["model"]["weight"].tolist() == back["model"]["weight"].tolist()
    assert [4, [0.5, 0.25], ["model", "epoch", "losses"]] == [back["epoch"], back["losses"], list(back)]


def test_same_state_gives_the_same_bytes_in_another_process():
    program = ("import sys; from frankentorch import ops; from frankentorch.serialization import state_to_bytes\n"
               "sys.stdout.buffer.write(state_to_bytes([ops.arange(1000), {'a': 1}]))")
    package_parent = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(container.__file__))))
    environment = {**os.environ, "PYTHONHASHSEED": "5", "PYTHONPATH": os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), package_parent]))}

    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=True)

    assert state_to_bytes([ops.arange(1000), {"a": 1}]) == done.stdout


def test_loaded_tensors_can_be_written_to():
    back = state_from_bytes(state_to_bytes(STATE))
    back["model"]["bias"].add_(1)

    assert [1, 1, 1] == back["model"]["bias"].tolist()


def test_every_single_bit_flip_is_refused():
    content = bytearray(state_to_bytes({"w": ops.arange(40), "n": [1, "x"]}))
    for bit in range(8 * len(content)):
        content[bit // 8] ^= 1 << bit % 8
        refused(content)
        content[bit // 8] ^= 1 << bit % 8

    assert state_from_bytes(content)["n"] == [1, "x"]


def test_every_cut_and_every_addition_is_refused():
    content = state_to_bytes(STATE)

    assert {refused(content[:length]) for length in range(len(content))} == {"magic", "length"}
    assert "length" == refused(content + b"\0")


def test_content_that_shrinks_too_much_is_stored(monkeypatch):
    monkeypatch.setattr(container, "FREE_NBYTES", 100)
    zeros = ops.zeros(1 << 20)
    content = state_to_bytes(zeros)

    assert container.STORED == content[8] and len(content) > 4 << 20
    assert state_digest(zeros) == state_digest(state_from_bytes(content))


@pytest.mark.parametrize("content, rule", [
    (b"", "magic"), (b"PK\x03\x04" + b"\0" * 80, "magic"), (b"\x80\x02" + b"." * 80, "magic"), (b"FTSTATE2" + b"\0" * 80, "magic"),
    (sealed(b"", container.STORED), "length"), (sealed(b"N", 2), "header"),
    (sealed(b"N", container.STORED, content_nbytes=2), "header"), (sealed(b"N", body_nbytes=2), "length"),
    (sealed(b"not zstd at all", content_nbytes=15), "frame"),
    (sealed(zstandard.ZstdCompressor(write_checksum=True).compress(b"N"), content_nbytes=1 << 60), "header"),
    (sealed(zstandard.ZstdCompressor(write_checksum=True).compress(b"N"), content_nbytes=2), "frame"),
    (sealed(zstandard.ZstdCompressor(write_checksum=False).compress(b"N"), content_nbytes=1), "frame"),
    (sealed(zstandard.ZstdCompressor(write_checksum=True).compress(b"N") * 2, content_nbytes=1), "frame"),
    (sealed(zstandard.ZstdCompressor(write_checksum=True).compress(b"N") + b"x", content_nbytes=1), "frame"),
    (sealed(zstandard.ZstdCompressor(write_checksum=True).compress(b"N" * 500)[:-9], content_nbytes=500), "frame"),
    (sealed(zstandard.ZstdCompressor(write_checksum=True).compress(b"?"), content_nbytes=1), "tag"),
])
def test_hostile_file_is_refused_by_the_right_check(content, rule):
    assert rule == refused(content)


def test_bomb_costs_no_memory():
    """A frame of 3 KB that decompresses to 4 GiB: refused by its announced size."""
    packer = zstandard.ZstdCompressor(level=1, write_checksum=True, write_content_size=True)
    frame = packer.compress(bytes(100 << 20))

    assert "header" == refused(sealed(frame, content_nbytes=100 << 20))


@pytest.mark.parametrize("content, word", [(b"PK\x03\x04", "zip"), (b"\x1f\x8b\x08", "gzip"), (b"\x80\x05", "pickle"), (b"", "empty"), (b"hello", "hello")])
def test_message_says_what_the_file_seems_to_be(tmp_path, content, word):
    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=word) as caught:
        load_state(path)

    assert str(path) == caught.value.path and str(path) in str(caught.value)


def test_missing_file_is_the_systems_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_state(tmp_path / "nothing")


def test_folder_and_fifo_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path, tmp_path / "fifo"):
        with pytest.raises(CheckpointError, match="not a regular file"):
            load_state(path)


def test_error_is_of_both_families_and_can_be_pickled():
    error = pickle.loads(pickle.dumps(CheckpointError("digest", "damaged", path="a", record="b", offset=3)))

    assert isinstance(error, RuntimeError) and isinstance(error, pickle.UnpicklingError)
    assert ("digest", "damaged", "a", "b", 3) == (error.rule, error.message, error.path, error.record, error.offset)


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_failed_save_leaves_the_old_file_and_no_other(tmp_path, monkeypatch, call):
    path = tmp_path / "a.state"
    save_state(1, path)

    def fail(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(container.os, call, fail)
    with pytest.raises(OSError, match="No space left"):
        save_state(2, path)
    monkeypatch.undo()

    assert 1 == load_state(path)
    assert ["a.state"] == os.listdir(tmp_path)


def test_state_that_cannot_be_saved_touches_no_file(tmp_path):
    save_state(1, tmp_path / "a.state")
    with pytest.raises(CheckpointError):
        save_state(object(), tmp_path / "a.state")

    assert 1 == load_state(tmp_path / "a.state")
    assert ["a.state"] == os.listdir(tmp_path)


def test_file_is_synced_before_it_is_named_and_the_folder_after(tmp_path, monkeypatch):
    calls = []
    fsync, replace = os.fsync, os.replace

    def watched_fsync(descriptor):
        calls.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    monkeypatch.setattr(container.os, "fsync", watched_fsync)
    monkeypatch.setattr(container.os, "replace", lambda old, new: (calls.append("rename"), replace(old, new)))
    save_state(1, tmp_path / "a.state")

    assert ["file", "rename", "folder"] == calls


def test_symbolic_link_stays_one(tmp_path):
    save_state(1, tmp_path / "real.state")
    os.symlink("real.state", tmp_path / "link.state")
    save_state(2, tmp_path / "link.state")

    assert os.path.islink(tmp_path / "link.state")
    assert 2 == load_state(tmp_path / "real.state")
