"""Sources and outputs: the same bytes from every kind of file; a failed system call leaves the old file."""
import errno
import io
import os

import pytest

ft = pytest.importorskip("frankentorch")
from frankentorch.serialization import files  # noqa: E402

CONTENT = bytes(range(256)) * 9000      # 2.3 MB: several chunks


def sources(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(CONTENT)
    yield files.open_source(path)
    yield files.open_source(str(path))
    yield files.open_source(CONTENT)
    yield files.open_source(bytearray(CONTENT))
    yield files.open_source(io.BytesIO(CONTENT))
    file = open(path, "rb")
    file.seek(100)
    yield files.open_source(file)
    assert 100 == file.tell(), "the position of the caller's file does not move"
    file.close()

    class Other(io.BytesIO):
        readinto = None
    yield files.ObjectSource(io.BytesIO(CONTENT))
    other = io.BufferedReader(io.BytesIO(CONTENT))
    yield files.open_source(other)


def test_all_sources_read_the_same(tmp_path):
    from zlib import crc32

    for source in sources(tmp_path):
        target = bytearray(2_000_001)
        with memoryview(target) as view:
            crc = source.read_into(17, view)

        assert len(CONTENT) == source.size
        assert target == CONTENT[17:17 + len(target)]
        assert crc32(target) == crc
        assert CONTENT[5:9] == source.read(5, 4)
        assert b"" == source.read(len(CONTENT), 0)
        for at, n in ((len(CONTENT), 1), (-1, 2), (0, len(CONTENT) + 1)):
            with pytest.raises(ft.CheckpointError):
                source.read(at, n)
        with pytest.raises(ft.CheckpointError), memoryview(target) as view:
            source.read_into(len(CONTENT) - 5, view)
        source.close()


@pytest.mark.parametrize("pieces", [[0], [1], [4 << 20], [(4 << 20) - 1, 2], [100, 9 << 20, 77], [4096] * 1100])
def test_outputs_write_what_they_are_given(tmp_path, pieces):
    with files.open_output(tmp_path / "x") as output:
        for number, n in enumerate(pieces):
            output.write(bytes([number & 255]) * n)
        assert sum(pieces) == output.at

    assert (tmp_path / "x").read_bytes() == b"".join(bytes([number & 255]) * n for number, n in enumerate(pieces))


def test_file_system_without_direct_writes(tmp_path, monkeypatch):
    """The first direct write fails with EINVAL: the same bytes go through the cache."""
    real, failed = os.write, []

    def write(descriptor, data):
        import fcntl
        if fcntl.fcntl(descriptor, fcntl.F_GETFL) & getattr(os, "O_DIRECT", 0):
            failed.append(len(data))
            raise OSError(errno.EINVAL, "Invalid argument")
        return real(descriptor, data)
    monkeypatch.setattr(os, "write", write)
    with files.open_output(tmp_path / "x") as output:
        output.write(CONTENT * 4)

    assert (tmp_path / "x").read_bytes() == CONTENT * 4
    assert not hasattr(os, "O_DIRECT") or len(failed) <= 1


@pytest.mark.parametrize("limit", [1, 1000, 5000, 4096])
def test_short_writes_go_on(tmp_path, monkeypatch, limit):
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, data[:limit]) if len(data) < 20000 else real(descriptor, data[:len(data) - 4096]))
    with files.open_output(tmp_path / "x") as output:
        output.write(CONTENT[:15000])

    assert (tmp_path / "x").read_bytes() == CONTENT[:15000]


@pytest.mark.parametrize("call", ["open", "write", "fsync", "replace", "close"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_a_failed_call_leaves_the_old_file(tmp_path, monkeypatch, call, code):
    """Every n-th call of a save fails in turn; the old or the new file is there, and no other."""
    path = tmp_path / "x.pt"
    old, new = ft.arange(10), ft.arange(3_000_000, dtype=ft.int32)
    real = getattr(os, call)
    for number in range(1, 9):
        monkeypatch.setattr(os, call, real)
        ft.save(old, path)
        made = [0]

        def fail(*args, **kwargs):
            made[0] += 1
            if made[0] == number:
                if call == "close":
                    real(*args)
                raise OSError(code, os.strerror(code))
            return real(*args, **kwargs)
        monkeypatch.setattr(os, call, fail)
        try:
            ft.save(new, path)
        except OSError as error:
            assert code == error.errno
        monkeypatch.setattr(os, call, real)
        found = ft.load(path)

        assert ft.equal(found, old) or ft.equal(found, new)
        assert ["x.pt"] == os.listdir(tmp_path)
        if made[0] < number:
            return


def test_killed_while_saving(tmp_path):
    """SIGKILL at moments spread over an overwriting save: the file that loads is the old one or the new one."""
    import random
    import signal
    import subprocess
    import sys
    import time

    path = tmp_path / "x.pt"
    ft.save(ft.full((1_500_000,), 1), path)
    program = ("import sys, frankentorch as ft\nstate = ft.full((1_500_000,), 2)\nprint('ready', flush=True)\n"
               f"while True:\n    ft.save(state, {str(path)!r})\n    print('saved', flush=True)\n")
    rng = random.Random(0)
    for _ in range(6):
        child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
        child.stdout.readline()
        time.sleep(rng.random() * 0.2)
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        found = ft.load(path)

        assert found.shape == (1_500_000,) and (bool((found == 1).all()) or bool((found == 2).all()))
