"""Repair symbols beside a file (`.rq`), by RaptorQ (RFC 6330). `docs/checkpoint-format.md` has the bytes.

The file is cut into symbols; symbol s belongs to object s mod n, so that a burst of damage is spread over all objects.
The sidecar is a row of records of one size, each with its own digest and everything needed to use it, in any order: the
repair symbols of each object, and the *table* of all source symbols' digests, itself protected as an object of its own.
Damage to the sidecar is thus lost records and nothing else, and there is no header whose loss costs more.
"""

import functools
import os
import struct
import threading
from typing import NamedTuple

from frankentorch._ext import erasure_run

from frankentorch.checkpoint import codec
from frankentorch.checkpoint.errors import CheckpointError
from frankentorch.checkpoint.index import blake3

MAGIC = b"FTCRQ1\r\n"
HEAD = struct.Struct("<8sQIIIIII8x32s32s32s")  # magic, file length, symbol length, objects, repair symbols, kind, object, ESI, file id, root, digest
HEAD_NBYTES = HEAD.size
DATA, TABLE = 0, 1
SYMBOL_NBYTES = tuple(1 << power for power in range(8, 15))
OBJECT_SYMBOLS = 512  # of 16 KiB: objects of 8 MiB
DIGEST_NBYTES = 16
SPARE = 2  # symbols beyond the share asked for: RFC 6330 decodes K + 2 symbols with all but one failure in a million
MAX_REPAIR = 1 << 15
MATRIX_REPAIR = 64  # as many repair symbols as the matrix is faster for


def path_of(path):
    """Where the sidecar of a file lies."""
    return os.fspath(path) + ".rq"


def checked_overhead(repair):
    repair = repair or 0
    if isinstance(repair, bool) or not 0 <= repair <= 1:
        raise ValueError(f"repair must be a share between 0 and 1, not {repair!r}")
    return repair


class Plan(NamedTuple):
    """How `nbytes` bytes are cut into symbols and objects."""

    nbytes: int
    symbol: int

    @property
    def symbols(self):
        return -(-self.nbytes // self.symbol)

    @property
    def objects(self):
        return -(-self.symbols // OBJECT_SYMBOLS)

    def members(self, number):
        """The symbols of one object."""
        return range(number, self.symbols, self.objects)

    def source(self, view, number):
        """Bytes of one object, the last symbol filled with zeros."""
        return b"".join(self.piece(view, symbol) for symbol in self.members(number))

    def piece(self, view, symbol):
        piece = view[symbol * self.symbol:min((symbol + 1) * self.symbol, self.nbytes)]
        return piece if len(piece) == self.symbol else bytes(piece) + bytes(self.symbol - len(piece))


class Identity(NamedTuple):
    """What all records of one sidecar agree on."""

    nbytes: int
    symbol: int
    objects: int
    repair: int
    file_id: bytes
    root: bytes

    @property
    def plan(self):
        return Plan(self.nbytes, self.symbol)

    @property
    def table_plan(self):
        return Plan(self.plan.symbols * DIGEST_NBYTES, self.symbol)

    @property
    def count(self):
        """Records of a whole sidecar."""
        table = self.table_plan
        return self.repair * (self.plan.objects + table.objects) + table.symbols

    def pack(self, kind, number, esi, payload):
        """One record."""
        head = HEAD.pack(MAGIC, self.nbytes, self.symbol, self.objects, self.repair, kind, number, esi, self.file_id, self.root, bytes(32))[:-32]
        return b"".join((head, blake3(head, payload), payload))

    def digest(self, table):
        return file_id(self.plan, table)


def file_id(plan, table):
    return blake3(struct.pack("<QI", plan.nbytes, plan.symbol), table)


def choose_symbol(nbytes):
    """Length of a symbol: 16 KiB from 8 MiB on, smaller for smaller files, so that they too have some hundred symbols."""
    return next((size for size in SYMBOL_NBYTES if size * OBJECT_SYMBOLS >= nbytes), SYMBOL_NBYTES[-1])


def repair_count(plan, overhead):
    return min(MAX_REPAIR, -(-int(overhead * 1_000_000) * len(plan.members(0)) // 1_000_000) + SPARE)


def symbol_digest(piece):
    from blake3 import blake3 as start

    return start(piece).digest(DIGEST_NBYTES)


def table_of(view, plan):
    """Digests of all source symbols."""
    from blake3 import blake3 as start

    whole, size = plan.nbytes // plan.symbol, plan.symbol
    found = [start(view[at:at + size]).digest(DIGEST_NBYTES) for at in range(0, whole * size, size)]
    return b"".join(found + [symbol_digest(plan.piece(view, symbol)) for symbol in range(whole, plan.symbols)])


def encode(source, symbol, count, held=None):
    """The first `count` repair symbols of an object, by the library.

    `held` is a dict that keeps each thread's last packets until its next call: they hold the top of the heap, which the
    allocator would otherwise give back to the system and ask for again, page by page, each time (a quarter of the time).
    """
    from raptorq import Encoder

    packets = Encoder.with_defaults(source, symbol).get_encoded_packets(count)
    if held is not None:
        held[threading.get_ident()] = packets
    return [packet[4:] for packet in packets[len(packets) - count:]]


@functools.lru_cache(maxsize=16)
def factors(members, count):
    """What each of the `members` source symbols is multiplied by in each of the first `count` repair symbols, row by row.

    The code is linear: the repair symbols of unit vectors are the columns, and the library gives them.
    """
    width = -(-members // 8) * 8  # symbols of the library have a multiple of 8 bytes
    units = b"".join(bytes(at) + b"\1" + bytes(width - at - 1) for at in range(members))
    return b"".join(row[:members] for row in encode(units, width, count))


def repair_symbols(view, plan, number, count, held=None):
    """The first `count` repair symbols of an object, by the faster of two ways: the matrix costs time for each of them, the library for each source symbol."""
    if not erasure_run.available or count > MATRIX_REPAIR:
        return encode(plan.source(view, number), plan.symbol, count, held)
    members = len(plan.members(number))
    made = memoryview(erasure_run.combine(view, number * plan.symbol, plan.objects * plan.symbol, members, plan.symbol, factors(members, count), count))
    return [made[at * plan.symbol:(at + 1) * plan.symbol] for at in range(count)]


def decode(nbytes, symbol, packets):
    """The object of `nbytes` bytes from (ESI, symbol) pairs, or None when they are too few."""
    from raptorq import Decoder

    decoder = Decoder.with_defaults(nbytes, symbol)
    for esi, piece in packets:
        found = decoder.decode(esi.to_bytes(4, "big") + bytes(piece))
        if found is not None:
            return found
    return None


def write_sidecar(path, write, overhead, root=bytes(32), repair=None):
    """Hand the sidecar of a file, record by record, to `write`; return its Identity."""
    with Mapping(path) as view:
        return write_records(view, write, overhead, root, repair)


def write_records(view, write, overhead, root=bytes(32), repair=None):
    """The same for bytes in memory."""
    plan = Plan(len(view), choose_symbol(len(view)))
    table = table_of(view, plan)
    found = Identity(plan.nbytes, plan.symbol, plan.objects, repair or repair_count(plan, overhead), file_id(plan, table), root)
    held = {}
    for kind, content, part in ((TABLE, memoryview(table), found.table_plan), (DATA, view, plan)):
        jobs = list(range(part.objects))
        made = codec.in_parallel(lambda number: _object_records(found, kind, content, part, number, held), jobs, part.nbytes)
        for records in made:
            write(*records)
    return found


def _object_records(identity, kind, content, plan, number, held):
    members = plan.members(number)
    symbols = [(len(members) + at, piece) for at, piece in enumerate(repair_symbols(content, plan, number, identity.repair, held))]
    if kind == TABLE:
        symbols = [(esi, plan.piece(content, symbol)) for esi, symbol in enumerate(members)] + symbols
    return [identity.pack(kind, number, esi, piece) for esi, piece in symbols]


class Mapping:
    """A file's bytes as a memoryview, from the page cache; an empty or missing file has none."""

    def __init__(self, path):
        self.path, self.view, self.map = path, memoryview(b""), None

    def __enter__(self):
        import mmap

        with open(self.path, "rb") as file:
            if os.fstat(file.fileno()).st_size:
                self.map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
                self.view = memoryview(self.map)
        return self.view

    def __exit__(self, kind, error, trace):
        self.view = self.map = None  # slices still held keep the map, which closes with the last of them


class Sidecar:
    """The records of a sidecar that are whole.

    Attributes
    ----------
    identity : Identity
    records : dict
        (kind, object, ESI) to symbol.
    damaged : int
        Records missing, damaged or foreign.
    """

    def __init__(self, content, path=None):
        self.path = path
        groups = _read_records(memoryview(content), path)
        if not groups:
            raise CheckpointError("sidecar", "no record of the repair sidecar is whole, or this is no repair sidecar", path=path)
        sizes = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
        if len(sizes) > 1 and len(sizes[0][1]) == len(sizes[1][1]):
            raise CheckpointError("sidecar-mixed", "the repair sidecar holds records of two files, as many of each", path=path)
        self.identity, self.records = sizes[0]
        stride = HEAD_NBYTES + self.identity.symbol
        self.extra = len(content) != self.identity.count * stride
        self.damaged = self.identity.count - len(self.records)

    @property
    def ok(self):
        return not self.damaged and not self.extra

    def symbols(self, kind, number):
        """(ESI, symbol) pairs at hand for one object."""
        return sorted((esi, piece) for (of, at, esi), piece in self.records.items() if of == kind and at == number)

    def table(self):
        """Digests of the source symbols, decoded if records of it are lost; checked against the file id.

        Raises
        ------
        CheckpointError
            Too many of its records are lost.
        """
        identity = self.identity
        plan, out = identity.table_plan, bytearray(identity.table_plan.symbols * identity.symbol)
        for number in range(plan.objects):
            members = plan.members(number)
            pieces = self.symbols(TABLE, number)
            if [esi for esi, _ in pieces[:len(members)]] != list(range(len(members))):
                whole = decode(len(members) * plan.symbol, plan.symbol, pieces) if len(pieces) >= len(members) else None
                if whole is None:
                    raise CheckpointError("sidecar", f"too much of the repair sidecar is damaged: {self.damaged} of {identity.count} records", path=self.path)
                pieces = [(esi, whole[esi * plan.symbol:(esi + 1) * plan.symbol]) for esi in range(len(members))]
            for (_, piece), symbol in zip(pieces, members):
                out[symbol * plan.symbol:(symbol + 1) * plan.symbol] = piece
        table = bytes(out[:plan.nbytes])
        if any(out[plan.nbytes:]) or identity.digest(table) != identity.file_id:
            raise CheckpointError("sidecar-digest", "the digests in the repair sidecar are not those of the file it names", path=self.path)
        return table


def _read_records(content, path):
    """{Identity: {(kind, object, ESI): symbol}} of whole records, at the stride of the first symbol length that has any."""
    for symbol in SYMBOL_NBYTES:
        stride, groups = HEAD_NBYTES + symbol, {}
        for at in range(0, len(content) - stride + 1, stride):
            if content[at:at + 8] != MAGIC or int.from_bytes(content[at + 16:at + 20], "little") != symbol:
                continue
            head, payload = content[at:at + HEAD_NBYTES], content[at + HEAD_NBYTES:at + stride]
            if blake3(head[:-32], payload) != head[-32:]:
                continue
            _, nbytes, _, objects, repair, kind, number, esi, of, root, _ = HEAD.unpack(head)
            identity = Identity(nbytes, symbol, objects, repair, of, root)
            _check_record(identity, kind, number, esi, at, path, any(head[40:48]))
            same = groups.setdefault(identity, {})
            if same.setdefault((kind, number, esi), payload) != payload:
                raise CheckpointError("sidecar-conflict", f"the repair sidecar has two contents of symbol {esi} of object {number}", path=path, offset=at)
        if groups:
            return groups
    return {}


def _check_record(identity, kind, number, esi, at, path, padded):
    plan = identity.plan
    part = identity.table_plan if kind == TABLE else plan
    first = 0 if kind == TABLE else None
    if not 0 < identity.nbytes < 1 << 62 or identity.objects != plan.objects or not 0 < identity.repair <= MAX_REPAIR or kind not in (DATA, TABLE) or padded:
        raise CheckpointError("sidecar-parameters", f"impossible parameters in the repair sidecar: {identity[:4]}", path=path, offset=at)
    if number >= part.objects or not (len(part.members(number)) if first is None else 0) <= esi < len(part.members(number)) + identity.repair:
        raise CheckpointError("sidecar-parameters", f"the repair sidecar has symbol {esi} of object {number}, which does not exist", path=path, offset=at)
