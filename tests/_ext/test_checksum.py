"""CRC-32: folded by carry-less multiplication, equal to zlib's."""
import zlib

import pytest

checksum = pytest.importorskip("frankentorch._ext.checksum")


@pytest.mark.parametrize("nbytes", [*range(0, 200), 1000, 4096, 65535, 65536, 65537])
def test_equals_zlib(nbytes):
    data = bytes((i * 7 + i // 251) & 255 for i in range(nbytes))

    assert checksum.crc32(data) == zlib.crc32(data)
    assert checksum.crc32(data, 0xDEADBEEF) == zlib.crc32(data, 0xDEADBEEF)


def test_continues_from_a_part():
    data = bytes(range(256)) * 9

    for cut in (0, 1, 63, 64, 65, 1000):
        assert checksum.crc32(data[cut:], checksum.crc32(data[:cut])) == zlib.crc32(data)


def test_check_value_of_the_standard():
    assert checksum.crc32(b"123456789") == 0xCBF43926


def test_unaligned_starts():
    data = memoryview(bytes(range(256)) * 4)

    for start in range(20):
        assert checksum.crc32(data[start:]) == zlib.crc32(data[start:])


@pytest.mark.parametrize("power, constant", [(544, 0x154442BD4), (480, 0x1C6E41596), (160, 0x1751997D0), (96, 0x0CCAA009E)])
def test_constants_are_those_of_the_paper(power, constant):
    """Gopal et al. 2009, table of k1 to k4 for the reflected polynomial."""
    assert checksum.fold_constant(power) == constant
