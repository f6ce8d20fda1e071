"""The file of a ledger: blocks of records, both chained by BLAKE3. docs/ledger-format.md states it byte by byte.

    file   = MAGIC, block...
    block  = u32 length of the frame, frame, 32 bytes: BLAKE3(digest of the block before, length, frame)
    frame  = one zstd frame over whole records
    record = u32 length of the body, body, 32 bytes: BLAKE3(digest of the record before, body)
    body   = u32 length of the text, JSON text, attachments: u64 length, bytes; as many as the text's last field lists

Integers are little-endian. The digests before the first block and the first record are BLAKE3(MAGIC). A writer adds whole
blocks only, so what a killed run leaves behind is whole up to its last block; a ledger that was closed ends in an ``end``
record, whose digest is the root.
"""

import json
import os
import struct

from frankentorch._ext.jsontext import text_of
from frankentorch.runtime.ledger.errors import LedgerError

MAGIC = b"FTLEDGER\x01\r\n\x00\xff\x1a\n\n"
DIGEST = 32
BLOCK_BYTES = 1 << 18  # a block is written once its records are about as long as this, and at every optimizer step
LARGEST = 1 << 31  # of a frame's content
_WORD, _LONG = struct.Struct("<I"), struct.Struct("<Q")


def blake3(data):
    global _hash
    if _hash is None:
        from blake3 import blake3 as _hash
    return _hash(data).digest()


_hash = None
START = None  # BLAKE3(MAGIC), computed at first use


def start():
    global START
    if START is None:
        START = blake3(MAGIC)
    return START


class Writer:
    """Appends records to a file; the first failure is the answer to every later call, and stops the run."""

    def __init__(self, path):
        import zstandard

        self.path, self.count, self.broken = os.fspath(path), 0, None
        self._compress = zstandard.ZstdCompressor(level=1, write_checksum=True, write_content_size=True).compress
        self._chain = self._blocks = start()
        self._held, self._size = [], 0
        try:
            self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_CLOEXEC", 0), 0o666)
        except OSError as error:
            raise self._failure("open", error) from error
        self._put(MAGIC)

    def write(self, kind, fields, attached=()):
        """Add a record. `attached`: pairs of (description as a list that starts with the digest, bytes).

        Only its text is made here: between the kernels of a training step the hash would find the caches cold each time."""
        if self.broken is not None:
            raise self.broken
        text = text_of([self.count, kind, *fields, [note for note, _ in attached]])
        self._held.append((text, [data for _, data in attached]) if attached else text)
        self.count += 1
        self._size += len(text)
        for _, data in attached:
            self._size += len(data)
        if self._size >= BLOCK_BYTES:
            self.flush()

    def _record(self, held):
        text, attached = (held, ()) if type(held) is bytes else held
        body = _WORD.pack(len(text)) + text
        if attached:
            body = b"".join([body, *(part for data in attached for part in (_LONG.pack(len(data)), data))])
        self._chain = blake3(self._chain + body)
        return body, self._chain

    def flush(self):
        """Write what is held as one block."""
        if self.broken is not None:
            raise self.broken
        if not self._held:
            return
        held, self._held, self._size = self._held, [], 0
        self._block([self._record(record) for record in held])

    def _block(self, records):
        frame = self._compress(b"".join([part for body, digest in records for part in (_WORD.pack(len(body)), body, digest)]))
        head = _WORD.pack(len(frame))
        self._blocks = blake3(self._blocks + head + frame)
        self._put(head + frame + self._blocks)

    def close(self, sync=True):
        """Write the rest and close the file; the digest of the last record is the root."""
        try:
            self.flush()
            if sync:
                try:
                    os.fsync(self._file)
                except OSError as error:
                    if error.errno not in _NO_SYNC:
                        raise self._failure("fsync", error) from error
        finally:
            self.drop()
        return self._chain.hex()

    def drop(self):
        """Close the file as it is."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _put(self, data):
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._file, view):]
        except OSError as error:
            raise self._failure("write", error) from error

    def _failure(self, call, error):
        self.broken = LedgerError("write", f"{call} of {self.path!r} failed: {error.strerror}; the run stops, nothing is dropped silently",
                                  record=self.count, errno=error.errno)
        return self.broken


_NO_SYNC = (22, 95)  # EINVAL, ENOTSUP: pipes and special files know no fsync


class Record:
    """One record as read: its number, kind, fields, and what is attached to it."""

    __slots__ = ("number", "kind", "fields", "notes", "data", "digest")

    def __init__(self, number, kind, fields, notes, data, digest):
        self.number, self.kind, self.fields, self.notes, self.data, self.digest = number, kind, fields, notes, data, digest

    def __repr__(self):
        return f"<record {self.number} {self.kind} {self.fields}>"


def read(path, partial=False):
    """Every record of a file, each checked against both chains before it is given.

    Raises LedgerError at the first fault. With `partial` a file without its end gives the records up to the last whole block.
    """
    try:
        with open(path, "rb") as file:
            yield from _records(file, os.fspath(path), partial)
    except OSError as error:
        raise LedgerError("open", f"{os.fspath(path)!r} cannot be read: {error.strerror}") from error


def _records(file, path, partial):
    import zstandard

    found = file.read(len(MAGIC))
    if found != MAGIC:
        if MAGIC.startswith(found):
            raise LedgerError("cut", f"{path!r} ends within its first {len(MAGIC)} bytes", record=0, offset=len(found))
        raise LedgerError("magic", f"{path!r} is no ledger, or one of another format: it begins with {found!r}", record=0, offset=0)
    chain = blocks = start()
    number, offset, ended = 0, len(MAGIC), False
    expand = zstandard.ZstdDecompressor()
    while True:
        head = file.read(4)
        if not head:
            break
        if ended:
            raise LedgerError("tail", "bytes follow the end record", record=number, offset=offset)
        size = _WORD.unpack(head)[0] if len(head) == 4 else 0
        frame = file.read(size)
        tail = file.read(DIGEST)
        if len(head) < 4 or len(tail) < DIGEST:
            if partial and len(head) == 4 and size < LARGEST:
                return
            raise LedgerError("cut", f"the file ends within a block; {number} records before it are whole. The run was killed while it "
                                     "wrote, a length is damaged, or the tail was cut off", record=number, offset=offset)
        whole = blake3(blocks + head + frame) == tail
        try:
            content = _expanded(expand, frame)
        except (zstandard.ZstdError, ValueError) as error:
            raise LedgerError("block", f"damaged block: {error}", record=number, offset=offset) from error
        if not whole:
            raise _name_fault(content, chain, number, offset)
        blocks = tail
        for record in _split(content, chain, number, offset):
            chain = record.digest
            number += 1
            ended = record.kind == "end"
            yield record
        offset += 4 + size + DIGEST
    if not ended and not partial:
        raise LedgerError("cut", f"there is no end record: the run was killed or its tail cut off; all {number} records up to there are whole",
                          record=number, offset=offset)


def _expanded(expand, frame):
    import zstandard

    size = zstandard.frame_content_size(frame)
    if not 0 < size <= LARGEST:
        raise ValueError(f"a frame says its content has {size} bytes")
    worker = expand.decompressobj()
    content = worker.decompress(frame)
    if not worker.eof or worker.unused_data or len(content) != size:
        raise ValueError("not exactly one whole zstd frame")
    return content


def _split(content, chain, number, offset):
    """Records of a frame's content, each checked."""
    at = 0
    while at < len(content):
        if at + 4 > len(content):
            raise LedgerError("record", "a record's length is cut", record=number, offset=offset)
        size = _WORD.unpack_from(content, at)[0]
        body, digest = content[at + 4:at + 4 + size], content[at + 4 + size:at + 4 + size + DIGEST]
        if len(digest) < DIGEST:
            raise LedgerError("record", "a record is longer than its block", record=number, offset=offset)
        expected = blake3(chain + body)
        record = _parse(body, digest, number, offset)
        if expected != digest:
            if record.number != number:
                raise _misplaced(record.number, number, offset)
            raise LedgerError("chain", f"record {number} ({record.kind}) is not what was written: its digest does not follow from it and "
                                       "the record before", record=number, offset=offset)
        if record.number != number:
            raise _misplaced(record.number, number, offset)
        chain = digest
        yield record
        number += 1
        at += 4 + size + DIGEST


def _misplaced(found, expected, offset):
    fault = "records are missing" if found > expected else "records are repeated or out of order"
    return LedgerError("order", f"{fault}: record {found} stands where record {expected} belongs", record=expected, offset=offset, found=found)


def _name_fault(content, chain, number, offset):
    """The error for a block whose digest is wrong: by its records if one of them shows what happened."""
    try:
        for _ in _split(content, chain, number, offset):
            pass
    except LedgerError as error:
        return error
    return LedgerError("block", "bytes of a block were changed that its records do not show", record=number, offset=offset)


def _parse(body, digest, number, offset):
    try:
        size = _WORD.unpack_from(body)[0]
        text = json.loads(body[4:4 + size])
        notes, at, data = text[-1], 4 + size, []
        for _ in notes:
            length = _LONG.unpack_from(body, at)[0]
            data.append(body[at + 8:at + 8 + length])
            at += 8 + length
        if at != len(body) or not isinstance(text[0], int) or not isinstance(text[1], str):
            raise ValueError("lengths disagree")
        return Record(text[0], text[1], text[2:-1], notes, data, digest)
    except (ValueError, struct.error, IndexError, TypeError, RecursionError) as error:
        raise LedgerError("record", f"a record cannot be read: {error}", record=number, offset=offset) from error
