"""A zip archive as PyTorch lays it out: records stored as they are, their bytes aligned to 64, no date and no other trace of when or
where it was written.

Each record is: local header, name, an extra field "FB" that fills up to the alignment, the bytes, a data descriptor with CRC-32 and sizes
(APPNOTE.TXT 6.3.9, sections 4.3 and 4.5.3). Sizes and offsets from 4 GiB on take the Zip64 fields.
"""

import struct

from frankentorch._ext.checksum import crc32
from frankentorch.serialization.files import CHUNK_NBYTES

FLAGS = 0x0808  # sizes follow the bytes; names are UTF-8
ALIGNMENT = 64
BIG = 0xFFFFFFFF
_LOCAL = struct.Struct("<4sHHHHHIIIHH")
_CENTRAL = struct.Struct("<4sHHHHHHIIIHHHHHII")
_END64 = struct.Struct("<4sQHHIIQQQQ")
_LOCATOR = struct.Struct("<4sIQI")
_END = struct.Struct("<4sHHHHIIH")


class ZipWriter:
    """Writes records in the order they are given; `finish` writes the directory.

    Parameters
    ----------
    output : checkpoint.atomic.Stream or ObjectOutput
    folder : str
        Put before every name; none when empty. The same whatever the file is called, so that the bytes depend on the content alone.
    """

    def __init__(self, output, folder="archive", alignment=ALIGNMENT):
        self.output, self.folder, self.alignment = output, folder, alignment
        self.entries = []  # (name, crc, nbytes, offset of the header)
        self.begin = output.at

    def record(self, name, data):
        """Append one record; `data` is bytes or a view of bytes."""
        view = memoryview(data).cast("B") if len(data) else b""
        encoded = (f"{self.folder}/{name}" if self.folder else name).encode()
        at, nbytes = self.output.at - self.begin, len(view)
        big = nbytes >= BIG
        extra = struct.pack("<HHQQ", 1, 16, nbytes, nbytes) if big else b""
        begin = at + _LOCAL.size + len(encoded) + len(extra) + 4
        filler = -begin % self.alignment
        extra += struct.pack("<2sH", b"FB", filler) + b"Z" * filler
        size = BIG if big else 0
        self.output.write(_LOCAL.pack(b"PK\3\4", 45 if big else 0, FLAGS, 0, 0, 0, 0, size, size, len(encoded), len(extra)) + encoded + extra)
        crc = 0
        if 0 < nbytes <= CHUNK_NBYTES:
            crc = crc32(view)
            self.output.write(view)
        else:
            for start in range(0, nbytes, CHUNK_NBYTES):  # while a chunk is in the processor's cache
                chunk = view[start:start + CHUNK_NBYTES]
                crc = crc32(chunk, crc)
                self.output.write(chunk)
        self.output.write(struct.pack("<4sIQQ" if big else "<4sIII", b"PK\7\10", crc, nbytes, nbytes))
        self.entries.append((encoded, crc, nbytes, at))

    def finish(self):
        """Write the directory; the archive ends there."""
        begin = self.output.at - self.begin
        for name, crc, nbytes, at in self.entries:
            wide = [nbytes, nbytes] if nbytes >= BIG else []
            if at >= BIG:
                wide.append(at)
            extra = struct.pack(f"<HH{len(wide)}Q", 1, 8 * len(wide), *wide) if wide else b""
            size = BIG if nbytes >= BIG else nbytes
            self.output.write(_CENTRAL.pack(b"PK\1\2", 0, 45 if wide else 0, FLAGS, 0, 0, 0, crc, size, size, len(name), len(extra), 0, 0, 0, 0, min(at, BIG)) + name + extra)
        end = self.output.at - self.begin
        count = len(self.entries)
        # PyTorch always writes the Zip64 end too
        self.output.write(_END64.pack(b"PK\6\6", _END64.size - 12, 0x031E, 45, 0, 0, count, count, end - begin, begin))
        self.output.write(_LOCATOR.pack(b"PK\6\7", 0, end, 1))
        few = min(count, 0xFFFF)
        self.output.write(_END.pack(b"PK\5\6", 0, 0, few, few, min(end - begin, BIG), min(begin, BIG), 0))
