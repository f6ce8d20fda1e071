"""Files of PyTorch before 1.6, and of ``_use_new_zipfile_serialization=False``: five pickles, then the bytes of the storages.

    pickle      0x1950a86a20f9469cfc6c
    pickle      1001, the version of the protocol
    pickle      {"protocol_version", "little_endian", "type_sizes"}
    pickle      the object; storages are ("storage", type, key, location, elements, view or None)
    pickle      the keys, in the order of what follows
    per key     number of elements (8 bytes, little end first), then the bytes

There is no checksum. The sizes of all storages are checked against the file before memory is taken.
"""

import io
import pickle
import struct
import sys

from frankentorch._ext import interchange
from frankentorch._ext.unpickle import Unpickler
from frankentorch._storage import TypedStorage, UntypedStorage

from frankentorch import ops
from frankentorch.checkpoint.errors import CheckpointError
from frankentorch.serialization import names, safe
from frankentorch.serialization.location import restore
from frankentorch.serialization.pickler import Pickler, StorageTable
from frankentorch.serialization.pt import check_elements, checked_identity, load_trusted, storage_view, swapped

MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001
HEAD_NBYTES = 4096


class _Storages:
    """Storages of a stream: their places are taken when a first pass over the pickle meets them, and filled before the second asks."""

    def __init__(self, left, map_location):
        self.left, self.map_location = left, map_location
        self.cores, self.found = {}, {}

    def announce(self, identity):
        kind, key, location, numel = checked_identity(identity, 6)
        if identity[5] is not None:
            raise CheckpointError("legacy-view", "the file is of a PyTorch before 0.4: its storages are views of others")
        if key in self.cores:
            if self.cores[key][1:] != (kind, location, numel):
                raise CheckpointError("storage", f"storage {key} is named with two types or sizes")
            return
        self.left -= numel * kind.itemsize + 8
        if self.left < 0:
            raise CheckpointError("storage", f"storage {key} of {numel * kind.itemsize} bytes is larger than the rest of the file")
        self.cores[key] = interchange.make_storage(numel * kind.itemsize), kind, location, numel

    def storage(self, identity):
        key = checked_identity(identity, 6)[1]
        if key not in self.found:
            if key not in self.cores:
                raise CheckpointError("storage", f"storage {key} is not in the file")
            core, kind, location, _ = self.cores[key]
            storage = restore(UntypedStorage._of(core), location, self.map_location)
            self.found[key] = storage if kind.dtype is None else TypedStorage(wrap_storage=storage, dtype=kind.dtype)
        return self.found[key]


class _Announcer(safe.Collector):
    """The first pass: builds nothing, finds the storages and the end of the pickle."""

    def __init__(self, storages):
        super().__init__()
        self.announce = storages.announce

    def find_global(self, module, name, offset):
        found = names.READABLE.get(names.current_name(module, name))
        return found if type(found) is names.StorageType else safe.Ghost()

    def persistent_load(self, identity, offset):
        self.announce(identity)
        return safe.Ghost()


def read(source, start, map_location, pickle_module, weights_only, options):
    """(object, offset behind it) of a legacy stream that begins at `start`."""
    content = source.read(start, source.size - start)
    at, head = 0, []
    for record in ("magic number", "protocol version", "system"):
        reader = Unpickler(content, safe.SafePolicy(_refuse, record), at)
        head.append(reader.load())
        at = reader.at
        if len(head) == 1 and head[0] != MAGIC:
            raise CheckpointError("legacy", "Invalid magic number; corrupt file? It begins like a pickle, but not like a file of torch.save")
    if head[1] != PROTOCOL or not isinstance(head[2], dict):
        raise CheckpointError("legacy", f"protocol {head[1]!r:.40} of the stream, {PROTOCOL} can be read")
    encoding = options.get("encoding", "utf-8"), options.get("errors", "strict")
    storages = _Storages(len(content) - at, map_location)
    first = Unpickler(content, _Announcer(storages), at, *encoding)
    first.load()
    keys = Unpickler(content, safe.SafePolicy(_refuse, "keys"), first.at)
    listed = keys.load()
    end = _fill(content, keys.at, listed, storages.cores, "little" if head[2].get("little_endian", True) else "big")
    if weights_only:
        second = Unpickler(content, safe.SafePolicy(storages.storage, "object"), at, *encoding)
        found = second.load()
    else:
        found = load_trusted(io.BytesIO(content[at:first.at]), storages.storage, pickle_module or pickle, options)
    return found, start + end


def _refuse(identity):
    raise CheckpointError("persistent-id", "a reference to a storage stands where none can be")


def _fill(content, at, keys, storages, order):
    if type(keys) is not list or any(type(key) not in (str, int) for key in keys) or sorted(map(str, keys)) != sorted(storages):
        raise CheckpointError("legacy", "the keys of the storages are not those that the object names", offset=at)
    for key in map(str, keys):
        core, kind, _, numel = storages[key]
        nbytes = numel * kind.itemsize
        if len(content) - at < 8 + nbytes or struct.unpack_from("<q", content, at)[0] != numel:
            raise CheckpointError("storage", f"storage {key} is cut short or has another size than the object says", offset=at)
        at += 8
        if nbytes:
            elements = ops.empty(nbytes, dtype=ops.uint8)
            with memoryview(elements) as view:
                view[:] = memoryview(content)[at:at + nbytes]
            check_elements(elements, kind, key)
            with memoryview(elements if order == sys.byteorder else swapped(elements, kind, key)) as view:
                interchange.storage_write(core, 0, view)
        at += nbytes
    return at


def write(thing, output, protocol):
    """Write an object as such a stream."""
    storages, pickled = _LegacyTable(), io.BytesIO()
    for part in (MAGIC, PROTOCOL, {"protocol_version": PROTOCOL, "little_endian": sys.byteorder == "little", "type_sizes": {"short": 2, "int": 4, "long": 4}}):
        pickle.dump(part, pickled, protocol)
    Pickler(pickled, protocol, storages).dump(thing)
    pickle.dump([str(number) for number in range(len(storages.cores))], pickled, protocol)
    output.write(pickled.getvalue())
    for core in storages.cores:
        kind = storages.numbers[id(core)][1]
        output.write(struct.pack("<q", interchange.storage_nbytes(core) // kind.itemsize))
        view = storage_view(core)
        if len(view):
            output.write(view)


class _LegacyTable(StorageTable):
    def reference(self, core, kind):
        if kind is names.UNTYPED:
            raise CheckpointError("legacy", "the stream format has no untyped storages, hence no tensors of uint16, uint32 and uint64")
        return (*super().reference(core, kind), None)
