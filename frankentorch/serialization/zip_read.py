"""A strict reader of zip archives: one way to read each file, or a CheckpointError.

The directory and the local headers must say the same; the records must lie one behind the other from the first byte to the directory,
without gaps or overlaps; nothing may stand before, between or after. What PyTorch and NumPy write is like that (APPNOTE.TXT 6.3.9).
"""

import struct
import unicodedata

from frankentorch.checkpoint.errors import CheckpointError

MAX_RECORDS = 1 << 20
MAX_NAME = 1 << 12
STORED, DEFLATED = 0, 8
BIG = 0xFFFFFFFF
FLAG_SIZES_FOLLOW, FLAG_UTF8 = 0x0008, 0x0800
_LOCAL = struct.Struct("<4sHHHHHIIIHH")
_CENTRAL = struct.Struct("<4sHHHHHHIIIHHHHHII")
_END64 = struct.Struct("<4sQHHIIQQQQ")
_LOCATOR = struct.Struct("<4sIQI")
_END = struct.Struct("<4sHHHHIIH")


class Record:
    """Where one record's bytes are: `at` to `at + packed`; `nbytes` when unpacked."""

    __slots__ = ("at", "crc", "flags", "header_at", "method", "name", "nbytes", "packed")

    def __init__(self, name, crc, nbytes, packed, method, flags, header_at):
        self.name, self.crc, self.nbytes, self.packed, self.method, self.flags, self.header_at = name, crc, nbytes, packed, method, flags, header_at
        self.at = None


def read_directory(source, methods=(STORED,)):
    """{name: Record} of an archive, in the order of the records, after every check that needs no content.

    Raises
    ------
    CheckpointError
        Anything about the archive is not as it must be.
    """
    begin, end, count = _find_directory(source)
    records = _sorted_records(source.read(begin, end - begin), begin, count, methods)
    at = 0
    for record in records:
        if record.header_at != at:
            kind = "overlaps what is before it" if record.header_at < at else f"leaves {record.header_at - at} bytes unexplained before it"
            raise _bad("layout", f"a record {kind}", record.name, record.header_at)
        at = _check_local(source, record, begin)
    if at != begin:
        raise _bad("layout", f"the records end at {at}, the directory begins at {begin}", None, at)
    return {record.name: record for record in records}


def read_record(source, record, allowed):
    """Content of a record as bytes, of at most `allowed` bytes, after the check of its CRC-32."""
    if record.nbytes > allowed:
        raise _bad("size", f"{record.nbytes} bytes, at most {allowed} are allowed here", record.name, record.at)
    content = source.read(record.at, record.packed)
    if record.method == DEFLATED:
        content = _inflate(content, record)
    from frankentorch._ext.checksum import crc32

    check_crc(record, crc32(content))
    return content


def check_crc(record, found):
    if found != record.crc:
        raise _bad("crc", f"the record is damaged: its CRC-32 is {found:08x}, the directory says {record.crc:08x}", record.name, record.at)


def _inflate(content, record):
    import zlib

    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        found = unpacker.decompress(content, record.nbytes + 1)
    except zlib.error as error:
        raise _bad("deflate", f"cannot be decompressed: {error}", record.name, record.at) from None
    if len(found) != record.nbytes or not unpacker.eof or unpacker.unused_data:
        raise _bad("deflate", f"does not decompress to the {record.nbytes} bytes it announces", record.name, record.at)
    return found


def _bad(rule, message, record, offset):
    return CheckpointError("zip-" + rule, message, record=record, offset=offset)


def _find_directory(source):
    """(begin, end, number of entries) of the central directory; the end records must be the last bytes of the file."""
    size = source.size
    if size < _END.size:
        raise _bad("end", "too short for a zip archive", None, size)
    at = size - _END.size
    mark, disk, first_disk, here, count, nbytes, begin, comment = _END.unpack(source.read(at, _END.size))
    if mark != b"PK\5\6" or comment:
        raise _bad("end", "the file does not end as a zip archive does: it is cut short, or something follows", None, at)
    if disk or first_disk or here != count:
        raise _bad("end", "an archive in several parts", None, at)
    end = at
    if at >= _LOCATOR.size and source.read(at - _LOCATOR.size, 4) == b"PK\6\7":
        _, disk64, end64_at, disks = _LOCATOR.unpack(source.read(at - _LOCATOR.size, _LOCATOR.size))
        if disk64 or disks != 1 or end64_at != at - _LOCATOR.size - _END64.size:
            raise _bad("end", "the Zip64 locator points elsewhere than to the record before it", None, at - _LOCATOR.size)
        mark, length, _, _, disk, first_disk, here64, count64, nbytes64, begin64 = _END64.unpack(source.read(end64_at, _END64.size))
        if mark != b"PK\6\6" or length != _END64.size - 12 or disk or first_disk or here64 != count64:
            raise _bad("end", "the Zip64 end record is damaged", None, end64_at)
        for short, long, limit in ((count, count64, 0xFFFF), (nbytes, nbytes64, BIG), (begin, begin64, BIG)):
            if short not in (limit, long) or (short == limit and long < limit):
                raise _bad("end", f"the two end records disagree: {short} and {long}", None, end64_at)
        count, nbytes, begin, end = count64, nbytes64, begin64, end64_at
    elif count == 0xFFFF or nbytes == BIG or begin == BIG:
        raise _bad("end", "a Zip64 end record is announced and missing", None, at)
    if begin + nbytes != end:
        raise _bad("end", f"the directory at {begin} of {nbytes} bytes does not reach to the end record at {end}", None, at)
    if count > MAX_RECORDS or count * _CENTRAL.size > nbytes:
        raise _bad("end", f"{count} records in a directory of {nbytes} bytes", None, at)
    return begin, end, count


def _sorted_records(directory, begin, count, methods):
    """The records by the order of their places, names checked."""
    records, seen, at = [], set(), 0
    for _ in range(count):
        if len(directory) - at < _CENTRAL.size:
            raise _bad("directory", "the directory is cut short", None, begin + at)
        mark, _, _, flags, method, _, _, crc, packed, nbytes, name_length, extra_length, comment_length, disk, _, _, header_at = _CENTRAL.unpack_from(directory, at)
        if mark != b"PK\1\2":
            raise _bad("directory", "an entry of the directory has no mark", None, begin + at)
        after = at + _CENTRAL.size + name_length + extra_length + comment_length
        if after > len(directory) or comment_length or disk or name_length > MAX_NAME:
            raise _bad("directory", "an entry of the directory is cut short, or has a comment, a disk number or an endless name", None, begin + at)
        raw = directory[at + _CENTRAL.size:at + _CENTRAL.size + name_length]
        name = _checked_name(raw, flags, begin + at)
        extra = directory[at + _CENTRAL.size + name_length:after]
        wide = [short for short in (nbytes, packed, header_at) if short == BIG]
        if wide:
            values = iter(_wide_values(extra, len(wide), name, begin + at))
            nbytes, packed, header_at = (next(values) if short == BIG else short for short in (nbytes, packed, header_at))
        if method not in methods:
            raise _bad("method", f"the record is compressed (method {method}); PyTorch stores records as they are" if methods == (STORED,) else f"compression method {method}", name, begin + at)
        if flags & ~(FLAG_SIZES_FOLLOW | FLAG_UTF8 | (6 if method == DEFLATED else 0)):
            raise _bad("flags", f"flags {flags:#06x}: encrypted or unknown", name, begin + at)
        if method == STORED and packed != nbytes:
            raise _bad("size", f"a stored record of {nbytes} bytes takes {packed}", name, begin + at)
        if method == DEFLATED and nbytes > 1032 * packed + 64:  # deflate cannot do better (RFC 1951: 258 bytes in 2 bits)
            raise _bad("bomb", f"{packed} bytes are said to decompress to {nbytes}", name, begin + at)
        folded = unicodedata.normalize("NFC", name).casefold()
        if folded in seen:
            raise _bad("name", "two records have this name, or names that some systems hold for the same", name, begin + at)
        seen.add(folded)
        records.append(Record(name, crc, nbytes, packed, method, flags, header_at))
        at = after
    if at != len(directory):
        raise _bad("directory", f"{len(directory) - at} bytes follow the last entry of the directory", None, begin + at)
    return sorted(records, key=lambda record: record.header_at)


def _wide_field(extra):
    """Where the numbers of the Zip64 extra field lie: (offset, length), or None without a whole one."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, at)
        if at + 4 + length > len(extra):
            return None
        if kind == 1:
            return at + 4, length
        at += 4 + length
    return None


def _has_wide_values(extra):
    found = _wide_field(extra)
    return found is not None and found[1] >= 16


def _wide_values(extra, wanted, name, offset):
    """The 64-bit numbers of the Zip64 extra field."""
    found = _wide_field(extra)
    if found is not None and found[1] >= 8 * wanted:
        return struct.unpack_from(f"<{wanted}Q", extra, found[0])
    raise _bad("zip64", "sizes of 4 GiB or more are announced, the Zip64 field is missing or damaged", name, offset)


def _checked_name(raw, flags, offset):
    try:
        name = raw.decode("utf-8" if flags & FLAG_UTF8 else "ascii")
    except UnicodeDecodeError:
        raise _bad("name", f"the name {raw[:80]!r} is no text", None, offset) from None
    parts = name.split("/")
    if not name or "\0" in name or "\\" in name or name[0] == "/" or name[1:2] == ":" or any(part in ("", ".", "..") for part in parts):
        raise _bad("name", f"the name {name[:80]!r} is a path that no checkpoint has", None, offset)
    return name


def _check_local(source, record, directory_at):
    """Compare the local header with the directory; set where the bytes are; the offset of what follows."""
    at = record.header_at
    if at + _LOCAL.size > directory_at:
        raise _bad("local", "the header lies outside the records", record.name, at)
    head = source.read(at, min(_LOCAL.size + len(record.name.encode()) + 64, directory_at - at))
    mark, _, flags, method, _, _, crc, packed, nbytes, name_length, extra_length = _LOCAL.unpack_from(head)
    after_head = at + _LOCAL.size + name_length + extra_length
    name = head[_LOCAL.size:_LOCAL.size + name_length]
    if mark != b"PK\3\4" or name != record.name.encode() or flags != record.flags or method != record.method:
        raise _bad("local", "the header before the record says other than the directory", record.name, at)
    if after_head > directory_at or record.packed > directory_at - after_head:
        raise _bad("local", f"{record.packed} bytes at {after_head} reach into the directory at {directory_at}", record.name, at)
    wide = nbytes == BIG or packed == BIG
    later = flags & FLAG_SIZES_FOLLOW
    extra = source.read(at + _LOCAL.size + name_length, extra_length) if wide or later else b""
    if wide:
        nbytes, packed = _wide_values(extra, 2, record.name, at)
    expected = (record.crc, record.packed, record.nbytes)
    if (crc, packed, nbytes) != expected and not (later and (crc, packed, nbytes) in ((0, 0, 0), (0, record.packed, record.nbytes))):
        raise _bad("local", "CRC-32 or sizes in the header before the record are not those of the directory", record.name, at)
    record.at = after_head
    end = after_head + record.packed
    if not later:
        return end
    # APPNOTE 4.3.9.2: a Zip64 field in the header, even one of zeros, makes the descriptor's sizes wide
    form = "<4sIQQ" if record.nbytes >= BIG or _has_wide_values(extra) else "<4sIII"
    length = struct.calcsize(form)
    if end + length > directory_at or struct.unpack(form, source.read(end, length)) != (b"PK\7\10", *expected):
        raise _bad("local", "the descriptor after the record says other than the directory", record.name, end)
    return end + length
