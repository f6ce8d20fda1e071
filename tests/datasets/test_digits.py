"""The shipped digits are the ones of the UCI repository, whole and unchanged."""

import zlib

import pytest

from frankentorch import datasets, ops


def test_shapes_and_types():
    images, labels = datasets.digits()

    assert ((1797, 1, 8, 8), ops.uint8) == (tuple(images.shape), images.dtype)
    assert ((1797,), ops.int64) == (tuple(labels.shape), labels.dtype)


def test_counts_of_each_digit_are_those_the_repository_states():
    _, labels = datasets.digits()

    assert [178, 182, 177, 183, 181, 182, 181, 179, 174, 180] == [(labels == digit).sum().item() for digit in range(10)]


def test_first_image_is_the_first_line_of_the_source():
    images, labels = datasets.digits()

    assert [0, 0, 5, 13, 9, 1, 0, 0] == images[0, 0, 0].tolist()
    assert [0, 0, 6, 13, 10, 0, 0, 0] == images[0, 0, 7].tolist()
    assert (0, 16) == (labels[0].item(), images.max().item())


def test_each_call_makes_tensors_of_its_own():
    first, _ = datasets.digits()
    first.fill_(0)

    assert 16 == datasets.digits()[0].max().item()


@pytest.mark.parametrize("change", [lambda packed: packed[:9000], lambda packed: packed[:5000] + bytes([packed[5000] ^ 1]) + packed[5001:],
                                    lambda packed: b"", lambda packed: zlib.compress(bytes(1797 * 65))], ids=["cut", "flipped", "empty", "other"])
def test_damaged_file_is_refused(tmp_path, monkeypatch, change):
    with open(datasets._DIGITS_FILE, "rb") as file:
        packed = file.read()
    damaged = tmp_path / "digits.bin.z"
    damaged.write_bytes(change(packed))
    monkeypatch.setattr(datasets, "_DIGITS_FILE", str(damaged))

    with pytest.raises(RuntimeError, match="digits: .* is damaged"):
        datasets.digits()
