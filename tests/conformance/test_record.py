"""The file of recorded answers: what is written is read back, and what is damaged is refused."""
import argparse
import struct

import pytest

pytest.importorskip("zstandard")
from conformance.adapters import find_call  # noqa: E402
from conformance.record import LARGEST_FILE, PATH, Recorded, plain_cotangent, replay, write  # noqa: E402


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    from tests.oracle import require

    require()
    path = tmp_path_factory.mktemp("recorded") / "few.ftrec"
    write(argparse.Namespace(tier=1, op="mul|cat|__getitem__|exp", dtype=["float32", "int64", "errors"], path=str(path)))
    return path


def test_oracle_replays_its_own_answers(oracle, written):
    recorded = Recorded(written)
    failures = [failure for key, entry in recorded.entries.items() for dtype in entry["dtypes"]
                for failure in replay(recorded, key, dtype, oracle)]

    assert failures == []
    assert set(recorded.entries) == {"mul", "cat", "__getitem__", "exp"}


def test_a_wrong_library_is_found(oracle, written):
    from conformance import broken

    recorded = Recorded(written)
    failures = replay(recorded, "exp", "float32", broken.library())

    assert {check for _, check, _ in failures} >= {"value"}


def test_same_bytes_every_time(oracle, written, tmp_path):
    again = tmp_path / "again.ftrec"
    write(argparse.Namespace(tier=1, op="mul|cat|__getitem__|exp", dtype=["float32", "int64", "errors"], path=str(again)))

    assert written.read_bytes() == again.read_bytes()


def test_other_file_is_refused(tmp_path):
    path = tmp_path / "x.ftrec"
    path.write_bytes(b"something else")

    with pytest.raises(ValueError, match="not a file of recorded answers"):
        Recorded(path)


def test_committed_file_is_small_and_covers_the_tier():
    from conformance.entries import tier_names

    recorded = Recorded()
    names = {entry["name"] for entry in recorded.entries.values()}

    assert PATH.stat().st_size < LARGEST_FILE
    assert names == set(tier_names(1))


def test_plain_cotangent_by_hand():
    spec = plain_cotangent("float32", (2, 2))

    assert spec.strides == (2, 1)
    assert struct.unpack("<4f", spec.storage.raw) == (-1.0, -0.125, 0.75, -0.5)


def test_plain_cotangent_of_bfloat16_is_the_same_numbers():
    (first, second) = struct.unpack("<2H", plain_cotangent("bfloat16", (2,)).storage.raw)

    assert (first, second) == (0xBF80, 0xBE00)          # -1, -0.125


def test_missing_function_is_a_failure_not_an_error():
    with pytest.raises(AttributeError):
        find_call(argparse.Namespace(), "add")
