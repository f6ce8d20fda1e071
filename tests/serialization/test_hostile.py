"""Files made to harm: refused with CheckpointError, quickly, without memory for what they only announce, and without running anything."""
import io
import os
import resource
import time

import pytest

from tests.serialization import hostile

ft = pytest.importorskip("frankentorch")
CORPUS = list(hostile.corpus())


def test_the_corpus_is_large_enough():
    assert len(CORPUS) >= 300
    assert len({(kind, label) for kind, label, _ in CORPUS}) == len(CORPUS)


def test_the_file_that_is_right_loads():
    assert [1, 1, 1, 1] == ft.load(io.BytesIO(hostile.good())).tolist()


@pytest.mark.parametrize("kind, label, content", CORPUS, ids=[f"{kind}: {label}" for kind, label, _ in CORPUS])
def test_refused(kind, label, content, tmp_path):
    with pytest.raises(ft.CheckpointError) as caught:
        ft.load(io.BytesIO(content))

    assert caught.value.rule
    path = tmp_path / "file.pt"
    path.write_bytes(content)
    for mapped in (False, True):
        with pytest.raises(ft.CheckpointError):
            ft.load(path, mmap=mapped)
            if mapped and label == "CRC of a storage":
                raise ft.CheckpointError("documented", "mapped tensors have no checksum")
    assert hostile.MARKER not in os.environ
    assert ["file.pt"] == os.listdir(tmp_path)


def test_bounds_of_time_and_memory():
    """1 s and the size at 100 MB/s, in processor time; 64 MiB beyond the content. One process, the peak of all files together."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    slow = []
    for kind, label, content in CORPUS:
        begun = time.process_time()
        with pytest.raises(ft.CheckpointError):
            ft.load(io.BytesIO(content))
        if time.process_time() - begun > 1 + len(content) / 100e6:
            slow.append((kind, label))

    assert [] == slow
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < (64 << 10) + max(len(content) for _, _, content in CORPUS) // 1024


@pytest.mark.parametrize("kind", ["folder", "fifo", "device"])
def test_what_is_no_file(kind, tmp_path):
    path = tmp_path / "x"
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        path = "/dev/null"
    with pytest.raises(ft.CheckpointError, match="regular file"):
        ft.load(path)


def test_every_truncation_is_refused():
    content = hostile.good()
    for length in range(len(content)):
        with pytest.raises(ft.CheckpointError):
            ft.load(io.BytesIO(content[:length]))


def test_a_file_cut_while_it_is_read(tmp_path):
    from frankentorch.serialization import files

    path = tmp_path / "x.pt"
    ft.save(ft.arange(100000), path)
    source = files.open_source(path)
    os.truncate(path, 1000)
    with pytest.raises(ft.CheckpointError):
        source.read(500, 2000)
    source.close()


def test_dropping_deep_objects_does_no_harm():
    """Values that were refused only at the end are freed without recursion."""
    with pytest.raises(ft.CheckpointError, match="deep"):
        ft.load(io.BytesIO(hostile.archive(hostile.pickled(b")" + b"\x85q\0" * 300000))))


def test_a_list_that_holds_itself_is_what_pickle_can_write():
    """Strict mode accepts it, as PyTorch does."""
    found = ft.load(io.BytesIO(hostile.archive(hostile.pickled(b"]q\0h\0a"))))

    assert found[0] is found
