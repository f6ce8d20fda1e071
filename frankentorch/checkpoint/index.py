"""Header, index and footer: the bytes around the chunks. `docs/checkpoint-format.md` is the same, byte by byte.

The index has two sections. *State*: names, geometry, values and the digest of every chunk's content; its BLAKE3 is the
content root, the same whatever the compression. *Layout*: where each chunk lies in this file, and its stored digest.
Tables have fixed strides, so that one tensor is found by bisection without reading the others' records; their reader is
`frankentorch/_ext/state_index.pyx`. What a reader may be made to do is bounded: a state has at most MAX_TENSORS tensors,
and its content at most FREE_NBYTES + MAX_RATIO times the file's bytes, which it is unpacked from at more than 8 x 100 MB/s.
"""

import struct
import unicodedata
from typing import NamedTuple

from frankentorch._ext.state_index import Tables

from frankentorch.checkpoint.errors import CheckpointError
from frankentorch.checkpoint.geometry import Record
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
MAX_COUNT, MAX_TENSORS = 1 << 24, 1 << 16
FREE_NBYTES, MAX_RATIO = 256 << 20, 8  # content up to FREE_NBYTES may shrink by any ratio


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


class Index(Tables):
    """The two sections of a file, after their digests are checked. Reading a record checks it; `check` reads all."""

    make_record, dtype_names = Record._make, DTYPES

    def __init__(self, header, footer, state, layout):
        self.header, self.footer = header, footer
        self.set_tables(state, layout, footer.state_at, header.codec == STORED, MAX_COUNT, MAX_TENSORS)
        self.state, self.layout = state, layout

    def bad(self, rule, message, at, record="index"):
        return CheckpointError(rule, message, record=record, offset=self.footer.state_at + at)

    @staticmethod
    def is_normal(text):
        return unicodedata.is_normalized("NFC", text)

    @property
    def root(self):
        return self.footer.root

    def tree(self):
        return self.state[self.tree_at:]

    def check_ratio(self, content_nbytes):
        if content_nbytes > FREE_NBYTES + MAX_RATIO * self.footer.file_nbytes:
            raise self.bad("ratio", f"{content_nbytes} bytes of tensors in a file of {self.footer.file_nbytes}", 0)
