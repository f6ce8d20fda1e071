"""The archive: Python's zipfile reads what we write and we read what it writes; PyTorch's alignment; 4 GiB fields."""
import io
import struct
import zipfile
import zlib

import pytest

ft = pytest.importorskip("frankentorch")
from frankentorch.checkpoint.errors import CheckpointError  # noqa: E402
from frankentorch.serialization import zip_read, zip_write  # noqa: E402
from frankentorch.serialization.files import MemorySource, ObjectOutput  # noqa: E402

RECORDS = {"a": b"", "b/c": b"x", "long": bytes(range(256)) * 5000, "e\u0301": b"name"}


def written(records=RECORDS, **options):
    buffer = io.BytesIO()
    writer = zip_write.ZipWriter(ObjectOutput(buffer), **options)
    for name, data in records.items():
        writer.record(name, data)
    writer.finish()
    return buffer.getvalue()


def test_zipfile_reads_it():
    with zipfile.ZipFile(io.BytesIO(written())) as archive:
        assert archive.testzip() is None
        assert {f"archive/{name}": data for name, data in RECORDS.items()} == {name: archive.read(name) for name in archive.namelist()}


def test_we_read_it():
    source = MemorySource(written())
    directory = zip_read.read_directory(source)

    assert {f"archive/{name}": data for name, data in RECORDS.items()} == {name: zip_read.read_record(source, record, 1 << 30) for name, record in directory.items()}
    assert all(record.at % 64 == 0 for record in directory.values())


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("seekable", [True, False])
def test_we_read_what_zipfile_writes(method, seekable):
    buffer = io.BytesIO()
    target = buffer if seekable else type("Pipe", (), {"write": buffer.write, "flush": buffer.flush})()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, data in RECORDS.items():
            with archive.open(name, "w", force_zip64=name == "long") as file:
                file.write(data)
    source = MemorySource(buffer.getvalue())
    directory = zip_read.read_directory(source, (zip_read.STORED, zip_read.DEFLATED))

    assert RECORDS == {name: zip_read.read_record(source, record, 1 << 30) for name, record in directory.items()}


def test_a_zip64_field_of_zeros_makes_the_descriptor_wide():
    """As Python up to 3.11.3 writes to a pipe with force_zip64: sizes 0 before the record, 64-bit ones after it."""
    data, name, head = b"some bytes", b"record", b"PK\3\4"
    crc, size = zlib.crc32(data), len(data)
    extra = struct.pack("<HHQQ", 1, 16, 0, 0)
    local = struct.pack("<4s5H3I2H", head, 45, 8, 0, 0, 33, 0, 0, 0, len(name), len(extra)) + name + extra
    descriptor = struct.pack("<4sIQQ", b"PK\7\10", crc, size, size)
    entry = struct.pack("<4s6H3I5H2I", b"PK\1\2", 45, 45, 8, 0, 0, 33, crc, size, size, len(name), 0, 0, 0, 0, 0, 0) + name
    records = local + data + descriptor
    content = records + entry + struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 1, 1, len(entry), len(records), 0)

    directory = zip_read.read_directory(MemorySource(content))
    assert data == zip_read.read_record(MemorySource(content), directory["record"], 1 << 20)
    for at in range(len(local + data), len(records)):       # each byte of the descriptor counts
        damaged = bytearray(content)
        damaged[at] ^= 1
        with pytest.raises(CheckpointError, match="descriptor"):
            zip_read.read_directory(MemorySource(damaged))


class Sparse:
    """An output that keeps only what is small: as a file of 5 GiB looks from outside."""

    def __init__(self):
        self.at, self.pieces = 0, {}

    def write(self, data):
        if len(data) < 1 << 16:
            self.pieces[self.at] = bytes(data)
        self.at += len(data)


class Zeros(Sparse):
    """The source of such a file."""

    def __init__(self, sparse):
        self.size, self.pieces = sparse.at, sparse.pieces

    def read(self, offset, nbytes):
        found = bytearray(nbytes)
        for at, piece in self.pieces.items():
            begin, end = max(at, offset), min(at + len(piece), offset + nbytes)
            if begin < end:
                found[begin - offset:end - offset] = piece[begin - at:end - at]
        return bytes(found)


def test_records_beyond_4_gib(monkeypatch):
    """Sizes and offsets in Zip64 fields, with the checksum of the zeros stood in for."""
    nbytes = (4 << 30) + 5
    sparse = Sparse()
    writer = zip_write.ZipWriter(sparse)
    writer.record("small", b"12345")

    class Huge:
        def __len__(self):
            return nbytes
    monkeypatch.setattr(zip_write, "memoryview", lambda data: data if isinstance(data, Huge) else memoryview(data), raising=False)
    monkeypatch.setattr(Huge, "cast", lambda self, form: self, raising=False)
    monkeypatch.setattr(Huge, "__getitem__", lambda self, part: bytes(1 << 20) if part.stop <= nbytes else bytes(nbytes - part.start), raising=False)
    monkeypatch.setattr(zip_write, "crc32", lambda chunk, crc=0: 77)
    writer.record("huge", Huge())
    monkeypatch.setattr(zip_write, "memoryview", memoryview, raising=False)
    writer.record("after", b"xyz")
    writer.finish()
    directory = zip_read.read_directory(Zeros(sparse))

    assert [5, nbytes, 3] == [record.nbytes for record in directory.values()]
    assert directory["archive/after"].at > 4 << 30
    assert (77, 0) == (directory["archive/huge"].crc, directory["archive/huge"].at % 64)


def test_our_end_records_are_those_of_the_format():
    content = written({"x": b"1"})

    assert b"PK\5\6" == content[-22:-18]
    assert b"PK\6\7" == content[-42:-38]
    assert b"PK\6\6" == content[-98:-94]
    assert (1, 1) == struct.unpack_from("<HH", content, len(content) - 14)
