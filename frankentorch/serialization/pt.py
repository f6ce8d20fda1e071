"""`.pt` files: a zip archive of one pickle and a record for each storage.

    archive/data.pkl              the object; storages are references ("storage", type, number, device, elements)
    archive/.format_version       "1"
    archive/.storage_alignment    "64"
    archive/byteorder             "little" or "big"
    archive/data/<number>         the bytes of a storage, aligned to 64
    archive/version               "3"
    archive/.data/serialization_id    40 digits made from names and bytes

PyTorch wrote the first, the storages and the version from 1.6 on, the others came later; readers need none of them.
"""

import hashlib
import io
import mmap as _mmap
import pickle
import sys

from frankentorch._ext import create, interchange
from frankentorch._ext.unpickle import Unpickler
from frankentorch._storage import TypedStorage, UntypedStorage

from frankentorch import ops
from frankentorch.checkpoint.errors import CheckpointError
from frankentorch.serialization import names, safe
from frankentorch.serialization.location import restore
from frankentorch.serialization.pickler import StorageTable, pickle_to
from frankentorch.serialization.zip_read import check_crc, read_record
from frankentorch.serialization.zip_write import ALIGNMENT, ZipWriter

FORMAT_VERSION, VERSION = b"1", b"3\n"
VERSIONS = range(1, 11)  # of archives that PyTorch reads
MAX_SMALL = 1 << 12
MAX_PICKLE = 1 << 30
skipping = False  # set by `interchange.skip_data`


# ---- writing ----
def write(thing, output, pickle_module, protocol, byteorder_record=True):
    """Write an object to an output as a `.pt` archive."""
    storages, pickled = StorageTable(), io.BytesIO()
    pickle_to(pickled, thing, protocol, storages, pickle_module)
    archive = ZipWriter(output)
    archive.record("data.pkl", pickled.getvalue())
    archive.record(".format_version", FORMAT_VERSION)
    archive.record(".storage_alignment", b"%d" % ALIGNMENT)
    if byteorder_record:
        archive.record("byteorder", sys.byteorder.encode())
    for number, core in enumerate(storages.cores):
        archive.record(f"data/{number}", bytes(interchange.storage_nbytes(core)) if skipping else storage_view(core))
    archive.record("version", VERSION)
    archive.record(".data/serialization_id", _identity(archive.entries))
    archive.finish()


def storage_view(core):
    """The bytes of a storage, not copied."""
    nbytes = interchange.storage_nbytes(core)
    return memoryview(create.from_storage(core, ops.uint8, (nbytes,), (1,), 0)) if nbytes else b""


def _identity(entries):
    """40 digits that depend on the records' names, sizes and checksums."""
    found = hashlib.sha256()
    for name, crc, nbytes, _ in entries:
        found.update(b"%s %d %d\n" % (name, crc, nbytes))
    return b"%040d" % (int.from_bytes(found.digest(), "big") % 10**40)


# ---- reading ----
class Archive:
    """An open `.pt` archive: makes storages from records when the pickle asks for them.

    Parameters
    ----------
    source : MemorySource, FileSource or ObjectSource
    records : dict of str to Record, of `zip_read.read_directory`
    map_location : None, str, device, dict or callable
    mapped : bool
        Leave the bytes in the file and let the system fetch them when they are touched; then their checksums are not checked.
    """

    def __init__(self, source, records, map_location=None, mapped=False, endianness=None, mmap_flags=None):
        self.source, self.map_location = source, map_location
        self.records = _without_folder(records)
        for name in ("constants.pkl", "model.json"):
            if name in self.records:
                raise CheckpointError("torchscript", "the file is a TorchScript program, not a checkpoint; FrankenTorch does not run TorchScript", record=name)
        self.swap = self._byte_order(endianness) != sys.byteorder
        self._check_version()
        for name, record in self.records.items():  # nothing reads these, but a damaged file shall be noticed
            if not name.startswith("data/") and name != "data.pkl" and record.nbytes <= MAX_SMALL:
                self.content(name)
        self.storages = {}
        self.map = _map(source, mmap_flags) if mapped else None

    def pickled(self):
        return self.content("data.pkl", MAX_PICKLE)

    def content(self, name, allowed=MAX_SMALL):
        return read_record(self.source, self.records[name], allowed)

    def _check_version(self):
        name = next((name for name in ("version", ".data/version") if name in self.records), None)
        if name is None:
            raise CheckpointError("version", "the archive has no record of its version")
        text = self.content(name).strip()
        if not text.isdigit() or len(text) > 9 or int(text) not in VERSIONS:
            raise CheckpointError("version", f"archive version {text[:20]!r}; {VERSIONS[0]} to {VERSIONS[-1]} can be read", record=name)

    def _byte_order(self, endianness):
        if "byteorder" not in self.records:
            return endianness or "little"
        order = self.content("byteorder")
        if order not in (b"little", b"big"):
            raise CheckpointError("byteorder", f"unknown byte order {order[:20]!r}", record="byteorder")
        return order.decode()

    def storage(self, identity):
        """The storage of a persistent id, each made once.

        Raises
        ------
        CheckpointError
            The id has another form, names no record, or the record has another size.
        """
        kind, key, location, numel = checked_identity(identity)
        if key in self.storages:
            known, found = self.storages[key]
            if known != (kind, numel):
                raise CheckpointError("storage", f"storage {key} is named with two types or sizes", record=f"data/{key}")
            return found
        name = f"data/{key}"
        record = self.records.get(name)
        if record is None:
            raise CheckpointError("storage", f"the pickle names storage {key}, which is not in the file", record=name)
        if record.nbytes != numel * kind.itemsize:
            raise CheckpointError("storage", f"storage of {numel} elements of {kind.itemsize} bytes, the record has {record.nbytes} bytes", record=name, offset=record.at)
        if self.map_location is not None and str(self.map_location) == "meta" and not callable(self.map_location):
            storage = UntypedStorage(record.nbytes, device="meta")
        else:
            storage = restore(UntypedStorage._of(self._core(record, kind)), location, self.map_location)
        found = storage if kind.dtype is None else TypedStorage(wrap_storage=storage, dtype=kind.dtype)
        self.storages[key] = (kind, numel), found
        return found

    def _core(self, record, kind):
        if not record.nbytes or skipping:
            return interchange.make_storage(record.nbytes)
        if self.map is not None and not self.swap and (self.map_address + record.at) % 16 == 0:
            return interchange.storage_of(create.from_buffer(self.map, ops.uint8, record.nbytes, record.at))
        elements = ops.empty(record.nbytes, dtype=ops.uint8)
        with memoryview(elements) as view:
            check_crc(record, self.source.read_into(record.at, view))
        check_elements(elements, kind, record.name)
        if self.swap:
            elements = swapped(elements, kind, record.name)
        return interchange.storage_of(elements)

    @property
    def map_address(self):
        if not hasattr(self, "_address"):
            self._address = create.from_buffer(self.map, ops.uint8, 1, 0).data_ptr()
        return self._address


def _without_folder(records):
    """{name: Record} by names below the one folder that holds everything."""
    folders = {name.partition("/")[0] for name in records}
    if len(folders) != 1 or any("/" not in name for name in records):
        raise CheckpointError("layout", "a .pt archive has one folder that holds all records")
    found = {name.partition("/")[2]: record for name, record in records.items()}
    if "data.pkl" not in found:
        raise CheckpointError("layout", "the archive has no record data.pkl: it is no .pt file")
    return found


def _map(source, flags):
    if source.size == 0:
        raise CheckpointError("length", "the file is empty")
    try:
        if flags is not None:
            return _mmap.mmap(source.descriptor, 0, flags=flags, prot=_mmap.PROT_READ | _mmap.PROT_WRITE)
        return _mmap.mmap(source.descriptor, 0, access=_mmap.ACCESS_COPY)
    except OSError as error:
        raise CheckpointError("read", f"cannot be mapped: {error.strerror}") from error


def checked_identity(identity, length=5):
    """(type, key, location, numel) of a persistent id."""
    if type(identity) is not tuple or len(identity) != length or identity[0] not in ("storage", b"storage"):
        raise CheckpointError("persistent-id", f"a reference to something that is no storage: {type(identity).__name__} of {len(identity) if isinstance(identity, tuple) else 1}")
    kind, key, location, numel = identity[1:5]
    if type(kind) is not names.StorageType:
        raise CheckpointError("persistent-id", f"{kind!r:.100} is no type of storages")
    key = str(key) if type(key) is int else key
    if type(key) is not str or type(location) is not str or not key or len(key) > 64 or not key.isalnum():
        raise CheckpointError("persistent-id", f"key {key!r:.80}, location {location!r:.80}")
    if type(numel) is not int or not 0 <= numel < 1 << 60:
        raise CheckpointError("persistent-id", f"{numel!r:.80} is no number of elements")
    return kind, key, location, numel


def check_elements(elements, kind, record):
    """A bool is 0 or 1: kernels rely on it."""
    if kind.dtype is ops.bool and elements.numel() and elements.max().item() > 1:
        raise CheckpointError("bool", "a storage of bool holds bytes other than 0 and 1", record=record)


def swapped(elements, kind, record):
    """The bytes of each number in reverse; a complex number is two."""
    if kind.dtype is None:
        raise CheckpointError("byteorder", "untyped bytes of the other byte order cannot be turned", record=record)
    width = kind.itemsize // 2 if kind.dtype.is_complex else kind.itemsize
    return elements.reshape(-1, width).flip(1).reshape(-1).contiguous() if width > 1 else elements


def load_safely(pickled, storage, options, record="data.pkl"):
    """The object of one pickle, by the reader that runs nothing; nothing may follow it."""
    reader = Unpickler(pickled, safe.SafePolicy(storage, record), 0, options.get("encoding", "utf-8"), options.get("errors", "strict"))
    found = reader.load()
    if reader.at != len(pickled):
        raise CheckpointError("pickle-trailing", f"{len(pickled) - reader.at} bytes follow the end of the pickle", record=record, offset=reader.at)
    return found


def load_trusted(file, storage, pickle_module, options):
    """The object of one pickle in a file object, which may run any code."""
    class Trusted(pickle_module.Unpickler):
        def find_class(self, module, name):
            found = names.find_trusted(module, name)
            return super().find_class(module, name) if found is None else found

        def persistent_load(self, identity):
            return storage(identity)

    return Trusted(file, **options).load()


def read(source, records, map_location, pickle_module, weights_only, mapped, options, endianness=None, mmap_flags=None):
    """The object of an open archive."""
    archive = Archive(source, records, map_location, mapped, endianness, mmap_flags)
    pickled = archive.pickled()
    if weights_only:
        return load_safely(pickled, archive.storage, options)
    try:
        return load_trusted(io.BytesIO(pickled), archive.storage, pickle_module or pickle, options)
    finally:
        archive.storages.clear()
