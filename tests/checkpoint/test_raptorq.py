"""The sidecar's symbols are those of RFC 6330: checked against a second implementation, written from the RFC."""

import random

import numpy as np
import pytest

from frankentorch.checkpoint import sidecar
from tests.reference import raptorq


def test_tables_of_the_reference():
    """First, last, sum modulo 2^32 and xor of the four tables of section 5.5."""
    facts = [(int(table[0]), int(table[-1]), int(table.astype(np.uint64).sum()) % 2 ** 32, int(np.bitwise_xor.reduce(table))) for table in raptorq.V]

    assert [(251291136, 1358307511, 331395769, 2200914733), (807385413, 4135048896, 3270332586, 3069643552),
            (1629829892, 3497665928, 1176160967, 620986173), (1191369816, 3432275192, 3374522247, 1772968547)] == facts
    assert [1, 29, 142] == [int(raptorq.POWERS[k]) for k in (0, 8, 509)]


@pytest.mark.parametrize("count", [1, 5, 10, 11, 26, 33, 60])
def test_repair_symbols_are_the_references(count):
    content = random.Random(count).randbytes(count * 256)
    source = np.frombuffer(content, np.uint8).reshape(count, 256)

    assert [symbol.tobytes() for symbol in raptorq.repair_symbols(source, 12)] == sidecar.encode(content, 256, 12)


def test_object_of_full_size():
    """8 MiB in symbols of 16 KiB: one block, no sub-blocks. The code works on each column of bytes alone, so 8 columns tell."""
    content = random.Random(0).randbytes(sidecar.OBJECT_SYMBOLS * 16384)
    source = np.frombuffer(content, np.uint8).reshape(-1, 16384)
    columns = [0, 1, 7, 8, 5000, 8191, 8192, 16383]
    ours = np.stack([np.frombuffer(symbol, np.uint8) for symbol in sidecar.encode(content, 16384, 6)])

    assert np.array_equal(np.stack(raptorq.repair_symbols(source[:, columns], 6)), ours[:, columns])


@pytest.mark.parametrize("nbytes, symbol", [(1, 256), (256, 256), (10_000, 256), (512 * 256 * 3 - 100, 256), (700 * 1024 + 1, 1024)])
@pytest.mark.parametrize("count", [1, 5, 28, sidecar.MATRIX_REPAIR, sidecar.MATRIX_REPAIR + 1])
def test_both_ways_give_the_same_symbols(nbytes, symbol, count):
    """By a matrix, and by the library, of each of several objects."""
    content = memoryview(random.Random(nbytes).randbytes(nbytes))
    plan = sidecar.Plan(nbytes, symbol)
    for number in range(plan.objects):
        assert sidecar.encode(plan.source(content, number), symbol, count) == [bytes(piece) for piece in sidecar.repair_symbols(content, plan, number, count)]


def test_written_sidecar_holds_them():
    content = memoryview(random.Random(1).randbytes(10_000))
    pieces = []
    identity = sidecar.write_records(content, lambda *more: pieces.extend(more), 0.1)
    found = sidecar.Sidecar(b"".join(pieces))
    source = np.frombuffer(bytes(content) + bytes(-len(content) % identity.symbol), np.uint8).reshape(-1, identity.symbol)

    assert (256, 1, 40) == (identity.symbol, identity.objects, len(source)) and identity.repair == 6
    assert [(40 + at, symbol.tobytes()) for at, symbol in enumerate(raptorq.repair_symbols(source, 6))] == [(esi, bytes(piece)) for esi, piece in found.symbols(sidecar.DATA, 0)]
