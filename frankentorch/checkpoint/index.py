"""Header, index and footer: the bytes around the chunks. `docs/checkpoint-format.md` is the same, byte by byte.

The index has two sections. *State*: names, geometry, values and the digest of every chunk's content; its BLAKE3 is the
content root, the same whatever the compression. *Layout*: where each chunk lies in this file, and its stored digest.
Tables have fixed strides, so that one tensor is found by bisection without reading the others' records.
"""

import struct
import unicodedata
from typing import NamedTuple

from frankentorch.checkpoint.errors import CheckpointError
from frankentorch.checkpoint.geometry import LIMIT, MAX_NDIM, NO_STORAGE, Record, check_record
from frankentorch.checkpoint.values import DTYPES

MAGIC, STATE_MAGIC, END_MAGIC = b"\x89FTC\r\n\x1a\n", b"FTCSTATE", b"FTCEND\r\n"
MAJOR, MINOR = 1, 0
STORED, ZSTD = 0, 1
HEADER = struct.Struct("<8sHHBBHI12x32s")
HEADER_NBYTES, FOOTER_NBYTES, ALIGNMENT = 64, 160, 64
FOOTER = struct.Struct("<8sQQQQQ32s32s16x32s")
STATE = struct.Struct("<8s6Q")
RECORD = struct.Struct("<HBBBxxxIQ")
STORAGE = struct.Struct("<QQ")
CHUNK = struct.Struct("<QQ32s")
CHUNK_NBYTES = 1 << 20
MIN_CHUNK, MAX_CHUNK = 1 << 12, 1 << 24
MAX_COUNT = 1 << 24
FILTERS = (0, 2, 4, 8)
FREE_NBYTES, MAX_RATIO = 64 << 20, 1000  # content up to FREE_NBYTES may shrink by any ratio


_begin = None  # the hash's constructor, imported at first use


def blake3(*pieces):
    """BLAKE3 of the pieces joined."""
    global _begin
    if _begin is None:
        from blake3 import blake3 as _begin
    if len(pieces) == 1:
        return _begin(pieces[0]).digest()
    found = _begin()
    for piece in pieces:
        found.update(piece)
    return found.digest()


class Header(NamedTuple):
    """What the first 64 bytes say."""

    codec: int
    level: int
    library: int  # zstd version as zstd.h numbers it, 10507 for 1.5.7; 0 when stored

    def pack(self):
        head = HEADER.pack(MAGIC, MAJOR, MINOR, self.codec, self.level, 0, self.library, bytes(32))[:32]
        return head + blake3(head)

    @classmethod
    def unpack(cls, content):
        def bad(rule, message, offset):
            return CheckpointError(rule, message, record="header", offset=offset)

        if content[:8] != MAGIC:
            raise bad("magic", f"not a checkpoint: {describe(bytes(content[:8]))}", 0)
        if len(content) < HEADER_NBYTES:
            raise bad("length", f"the file ends after {len(content)} bytes, inside the header", len(content))
        major, minor = struct.unpack_from("<HH", content, 8)
        if blake3(content[:32]) != content[32:]:
            raise bad("digest", "the header is damaged: its digest is wrong", 32)
        if major != MAJOR or minor > MINOR:
            raise bad("version", f"format version {major}.{minor}; this reader knows {MAJOR}.{MINOR}", 8)
        _, _, _, codec, level, zero, library, _ = HEADER.unpack(content)
        if codec not in (STORED, ZSTD) or zero or any(content[20:32]) or not (level <= 22 and (codec == ZSTD or level == library == 0)):
            raise bad("header", f"codec {codec}, level {level}, library {library}: no such combination", 12)
        return cls(codec, level, library)


class Footer(NamedTuple):
    """What the last 160 bytes say."""

    file_nbytes: int
    state_at: int
    state_nbytes: int
    layout_at: int
    layout_nbytes: int
    root: bytes
    layout_digest: bytes

    def pack(self):
        body = FOOTER.pack(END_MAGIC, *self, bytes(32))[:-32]
        return body + blake3(body)

    @classmethod
    def unpack(cls, content, file_nbytes):
        """Read and check the footer of a file of `file_nbytes` bytes."""
        at = file_nbytes - FOOTER_NBYTES

        def bad(rule, message):
            return CheckpointError(rule, message, record="footer", offset=at)

        if content[:8] != END_MAGIC:
            raise bad("footer", "no footer at the end: the file was cut, added to, or damaged there")
        if blake3(content[:-32]) != content[-32:]:
            raise bad("digest", "the footer is damaged: its digest is wrong")
        _, *fields, _ = FOOTER.unpack(content)
        found = cls(*fields)
        if any(content[112:128]) or found.file_nbytes != file_nbytes:
            raise bad("length", f"the footer is of a file of {found.file_nbytes} bytes, this one has {file_nbytes}")
        if (found.state_at % ALIGNMENT or found.state_at < HEADER_NBYTES or found.state_nbytes < STATE.size
                or found.layout_at != found.state_at + found.state_nbytes or found.layout_at + found.layout_nbytes != at):
            raise bad("footer", "the sections of the index do not fill the space between the data and the footer")
        return found


def describe(start):
    """What a file that is not ours seems to be, from its first bytes."""
    known = {b"PK\x03\x04": "a zip archive (PyTorch writes .pt files as zip)", b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "a bare zstd frame",
             b"FTSTATE1": "a state file of an early version", b"FTCRQ": "a repair sidecar", b"\x93NUMPY": "a NumPy array", b"\x80": "a pickle"}
    for magic, meaning in known.items():
        if start.startswith(magic):
            return f"it looks like {meaning}"
    return f"it starts with {start!r}" if start else "it is empty"


def pack_state(records, storages, digests, tree, chunk_nbytes=CHUNK_NBYTES):
    """Bytes of the state section.

    Parameters
    ----------
    records : list of Record
        Sorted by name.
    storages : list of (nbytes, first chunk)
    digests : list of bytes
        One per chunk, of its content.
    tree : bytes
        See `values`.
    """
    packed, starts, at = [], [], 0
    for record in records:
        name = record.name.encode()
        if len(name) > 0xFFFF:
            raise CheckpointError("name", f"a name of {len(name)} bytes; at most 65535", record=record.name[:80])
        ndim = len(record.sizes)
        piece = RECORD.pack(len(name), record.dtype, record.flags, ndim, record.storage, record.offset)
        piece += name + struct.pack(f"<{2 * ndim}Q", *record.sizes, *record.strides)
        starts.append(at)
        packed.append(piece)
        at += len(piece)
    head = STATE.pack(STATE_MAGIC, chunk_nbytes, len(records), len(storages), len(digests), at, len(tree))
    return b"".join([head, struct.pack(f"<{len(starts)}Q", *starts), *packed, *(STORAGE.pack(*storage) for storage in storages), *digests, tree])


def pack_layout(filters, chunks):
    """Bytes of the layout section: a filter per storage, zeros up to a multiple of 8, then (offset, length, digest) per chunk."""
    return bytes(filters) + bytes(-len(filters) % 8) + b"".join(CHUNK.pack(*chunk) for chunk in chunks)


class Index:
    """The two sections of a file, after their digests are checked. Reading a record checks it; `check` reads all."""

    def __init__(self, header, footer, state, layout):
        self.header, self.footer, self.state, self.layout = header, footer, state, layout
        magic, self.chunk_nbytes, *counts = STATE.unpack_from(state)
        self.n_tensors, self.n_storages, self.n_chunks, self.records_nbytes, self.tree_nbytes = counts
        if magic != STATE_MAGIC or max(counts[:3]) > MAX_COUNT or not MIN_CHUNK <= self.chunk_nbytes <= MAX_CHUNK or self.chunk_nbytes & self.chunk_nbytes - 1:
            raise self.bad("index", "the head of the index holds impossible numbers", 0)
        self.starts_at = STATE.size
        self.records_at = self.starts_at + 8 * self.n_tensors
        self.storages_at = self.records_at + self.records_nbytes
        self.digests_at = self.storages_at + STORAGE.size * self.n_storages
        self.tree_at = self.digests_at + 32 * self.n_chunks
        self.chunks_at = self.n_storages + -self.n_storages % 8
        if self.tree_at + self.tree_nbytes != len(state) or self.chunks_at + CHUNK.size * self.n_chunks != len(layout):
            raise self.bad("index", "the tables of the index do not fill its sections", 0)

    def bad(self, rule, message, at, record="index"):
        return CheckpointError(rule, message, record=record, offset=self.footer.state_at + at)

    @property
    def root(self):
        return self.footer.root

    def name(self, place):
        """(name, geometry fields, offset of sizes) of one record."""
        begin, = struct.unpack_from("<Q", self.state, self.starts_at + 8 * place)
        end = struct.unpack_from("<Q", self.state, self.starts_at + 8 * place + 8)[0] if place + 1 < self.n_tensors else self.records_nbytes
        if begin + RECORD.size > end or end > self.records_nbytes or (begin and not place):
            raise self.bad("index", f"record {place} lies at {begin} to {end} of {self.records_nbytes} bytes", self.starts_at + 8 * place)
        at = self.records_at + begin
        fields = RECORD.unpack_from(self.state, at)
        if any(self.state[at + 5:at + 8]) or fields[3] > MAX_NDIM or RECORD.size + fields[0] + 16 * fields[3] != end - begin:
            raise self.bad("index", f"record {place} does not have the length of its parts", at)
        at += RECORD.size
        try:
            return str(self.state[at:at + fields[0]], "utf-8"), fields, at + fields[0]
        except UnicodeDecodeError:
            raise self.bad("name", f"the name of record {place} is not UTF-8", at) from None

    def record(self, place):
        """One checked record."""
        name, (_, dtype, flags, ndim, storage, offset), at = self.name(place)
        numbers = struct.unpack_from(f"<{2 * ndim}Q", self.state, at)
        found = Record(name, dtype, flags, storage, offset, numbers[:ndim], numbers[ndim:])
        if storage != NO_STORAGE and storage >= self.n_storages:
            raise self.bad("index", f"storage {storage}; there are {self.n_storages}", at, name)
        check_record(found, None if storage == NO_STORAGE else self.storage(storage)[0], self.footer.state_at + at)
        return found

    def find(self, name):
        """Place of the record with this name, or None; by bisection."""
        wanted, low, high = name.encode("utf-8", "surrogatepass"), 0, self.n_tensors
        while low < high:
            middle = (low + high) // 2
            found = self.name(middle)[0].encode()
            if found == wanted:
                return middle
            low, high = (middle + 1, high) if found < wanted else (low, middle)
        return None

    def storage(self, number):
        """(nbytes, first chunk, number of chunks) of a storage."""
        at = self.storages_at + STORAGE.size * number
        nbytes, first = STORAGE.unpack_from(self.state, at)
        count = -(-nbytes // self.chunk_nbytes)
        if not 0 < nbytes < LIMIT or first + count > self.n_chunks:
            raise self.bad("index", f"storage {number} of {nbytes} bytes needs chunks {first} to {first + count}; there are {self.n_chunks}", at)
        return nbytes, first, count

    def filter(self, number):
        found = self.layout[number]
        if found not in FILTERS or found and self.header.codec == STORED:
            raise self.bad("filter", f"unknown filter {found} of storage {number}", len(self.state) + number)
        return found

    def chunk(self, number, nbytes):
        """(offset, length, stored digest, content digest) of the chunk whose content has `nbytes` bytes."""
        at = self.chunks_at + CHUNK.size * number
        offset, length, stored = CHUNK.unpack_from(self.layout, at)
        content = bytes(self.state[self.digests_at + 32 * number:self.digests_at + 32 * number + 32])
        where = len(self.state) + at
        if offset < HEADER_NBYTES or not length or offset + length > self.footer.state_at:
            raise self.bad("index", f"chunk {number} at {offset} to {offset + length} is outside the data", where)
        if self.header.codec == STORED and (length != nbytes or stored != content):
            raise self.bad("index", f"chunk {number} is stored as it is, with another length or digest", where)
        if self.header.codec == ZSTD and length > nbytes + (nbytes >> 6) + 1024:
            raise self.bad("index", f"chunk {number} of {nbytes} bytes takes {length}", where)
        return offset, length, stored, content

    def tree(self):
        return self.state[self.tree_at:]

    def storage_chunks(self, number):
        """(place in the storage, content length, chunk number) of each chunk."""
        nbytes, first, count = self.storage(number)
        return [(at * self.chunk_nbytes, min(self.chunk_nbytes, nbytes - at * self.chunk_nbytes), first + at) for at in range(count)]

    def check(self):
        """Check the whole index: order, names, that storages and chunks follow each other without gap or overlap.

        Returns
        -------
        list of Record, list of (begin, end)
            All records; and the ranges of padding, which must be zero.
        """
        records, last = [], None
        dtypes, low, high = {}, {}, {}
        for place in range(self.n_tensors):
            record = self.record(place)
            name = record.name.encode()
            if last is not None and name <= last:
                raise self.bad("order", f"names are not in order, or repeated, at {record.name!r:.80}", 0, record.name)
            if not record.name.isascii() and not unicodedata.is_normalized("NFC", record.name):
                raise self.bad("name", "a name is not in Unicode normal form C", 0, record.name)
            last = name
            records.append(record)
            if record.storage == NO_STORAGE:
                continue
            if record.storage not in dtypes:
                if record.storage != len(dtypes):
                    raise self.bad("order", f"storage {record.storage} is used before storage {len(dtypes)}", 0, record.name)
                dtypes[record.storage], low[record.storage], high[record.storage] = record.dtype, record.offset, 0
            if dtypes[record.storage] != record.dtype:
                raise self.bad("alias", f"storage {record.storage} is read as {DTYPES[dtypes[record.storage]]} and as {DTYPES[record.dtype]}", 0, record.name)
            low[record.storage] = min(low[record.storage], record.offset)
            high[record.storage] = max(high[record.storage], record.offset + 1 + sum((n - 1) * s for n, s in zip(record.sizes, record.strides)))
        if len(dtypes) != self.n_storages:
            raise self.bad("index", f"{self.n_storages} storages, {len(dtypes)} of them used", 0)
        return records, self._check_chunks(dtypes, low, high)

    def _check_chunks(self, dtypes, low, high):
        """Every storage is the hull of its tensors; chunks lie in order; return the gaps."""
        from frankentorch import ops

        at, expected, gaps, content = HEADER_NBYTES, 0, [], 0
        if any(self.layout[self.n_storages:self.chunks_at]):
            raise self.bad("padding", "the bytes after the filters are not zero", len(self.state) + self.n_storages)
        for number in range(self.n_storages):
            nbytes, first, count = self.storage(number)
            itemsize = getattr(ops, DTYPES[dtypes[number]]).itemsize
            if low[number] or high[number] * itemsize != nbytes:
                raise self.bad("hull", f"storage {number} of {nbytes} bytes is larger than what its tensors use", self.storages_at + STORAGE.size * number)
            if first != expected:
                raise self.bad("order", f"storage {number} begins with chunk {first}, not {expected}", self.storages_at + STORAGE.size * number)
            expected += count
            content += nbytes
            if self.filter(number) > itemsize:
                raise self.bad("filter", f"filter {self.filter(number)} on elements of {itemsize} bytes", len(self.state) + number)
            if self.header.codec == STORED:
                gaps.append((at, at + -at % ALIGNMENT))
                at += -at % ALIGNMENT
            for _, length, chunk in self.storage_chunks(number):
                offset, stored_length, _, _ = self.chunk(chunk, length)
                if offset != at:
                    raise self.bad("index", f"chunk {chunk} lies at {offset}, not at {at} where the one before it ends", len(self.state))
                at += stored_length
        if expected != self.n_chunks or at + -at % ALIGNMENT != self.footer.state_at:
            raise self.bad("index", f"chunks end at {at} and the index begins at {self.footer.state_at}; {expected} of {self.n_chunks} used", 0)
        self.check_ratio(content)
        gaps.append((at, self.footer.state_at))
        return [gap for gap in gaps if gap[0] < gap[1]]

    def check_ratio(self, content_nbytes):
        if content_nbytes > FREE_NBYTES + MAX_RATIO * self.footer.file_nbytes:
            raise self.bad("ratio", f"{content_nbytes} bytes of tensors in a file of {self.footer.file_nbytes}", 0)
