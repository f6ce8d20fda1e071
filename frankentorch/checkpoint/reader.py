"""`load`: a file to a state. Nothing is returned before the digest of every byte it was made from is checked."""

import os
import stat

from frankentorch._ext import create

from frankentorch import ops
from frankentorch.checkpoint import codec, geometry, index
from frankentorch.checkpoint.errors import CheckpointError
from frankentorch.checkpoint.values import DTYPES, decode

MAX_STATE_NBYTES = 1 << 30
SMALL_NBYTES = 4096  # storages up to this are read many at a time where there are more than FEW, and copied even when the file is mapped
FEW = 16
WINDOW_NBYTES = 1 << 20
ZEROS = bytes(index.ALIGNMENT)
BOOL = DTYPES.index("bool")


def is_checkpoint(head):
    """Whether a file's first bytes (8 are enough) are those of a `.ftc` file."""
    return bytes(head[:8]) == index.MAGIC


def load(path, *, names=None, mmap=False, mode="strict"):
    """Read a state from a file.

    Parameters
    ----------
    path : str or os.PathLike
    names : str or iterable of str, optional
        Only these tensors, by the names `frankentorch ckpt inspect` shows. Damage elsewhere in the file does not matter.
    mmap : bool
        Map the file's pages instead of copying them (stored files only). Writes to the tensors stay private. The digests are
        checked first; afterwards nothing watches the file, so it must not be changed in place.
    mode : "strict" or "hardened"
        Hardened also refuses views that overlap themselves, and tensors larger than their bytes.

    Returns
    -------
    nested values and tensors
        Equal to what was saved. With `names`, a dict from name to tensor.

    Raises
    ------
    FileNotFoundError, PermissionError
        The file cannot be opened.
    CheckpointError
        Not a regular file, not this format, damaged in any byte, made to harm, or without one of `names`. Nothing of it is
        returned, and nothing is repaired: see `frankentorch.checkpoint.repair`.
    """
    if mode not in ("strict", "hardened"):
        raise ValueError(f"load: mode must be 'strict' or 'hardened', not {mode!r}")
    with Reader(path, hardened=mode == "hardened") as reader:
        if mmap:
            reader.map()
        return reader.state() if names is None else reader.some([names] if isinstance(names, str) else list(names))


def loads(content, *, names=None):
    """The state in the bytes of a file; raises CheckpointError as `load` does."""
    with Reader(content=content) as reader:
        return reader.state() if names is None else reader.some([names] if isinstance(names, str) else list(names))


class FileSource:
    """A regular file read at offsets. O_NONBLOCK: opening a FIFO must not wait for a writer."""

    def __init__(self, path):
        self.descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
        try:
            found = os.fstat(self.descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise CheckpointError("not-a-file", "not a regular file")
        except BaseException:
            self.close()
            raise
        self.nbytes = found.st_size

    def read(self, offset, nbytes):
        content = bytearray(nbytes)
        self.read_into(content, offset)
        return content

    def read_into(self, out, offset):
        view, done = memoryview(out), 0
        while done < len(view):
            try:
                got = os.preadv(self.descriptor, [view[done:]], offset + done)
            except OSError as error:
                raise CheckpointError("read", f"cannot be read: {error.strerror}", offset=offset + done) from error
            if not got:
                raise CheckpointError("length", "the file ends too early; was it cut while it is read?", offset=offset + done)
            done += got

    def close(self):
        os.close(self.descriptor)


class BytesSource:
    """The same over bytes in memory."""

    def __init__(self, content):
        self.content = memoryview(content).cast("B")
        self.nbytes = len(self.content)

    def read(self, offset, nbytes):
        return self.content[offset:offset + nbytes]

    def read_into(self, out, offset):
        out[:] = self.content[offset:offset + len(out)]

    def close(self):
        pass


class _Window:
    """Bytes of a source around the place last asked for: many small reads, one behind the other, become few."""

    def __init__(self, source, end):
        self.source, self.end, self.at, self.content = source, end, 0, b""

    def move(self, at):
        self.at, self.content = at, self.source.read(at, min(WINDOW_NBYTES, self.end - at))

    def get(self, begin, end):
        """At most WINDOW_NBYTES bytes."""
        if begin < self.at or end > self.at + len(self.content):
            self.move(begin)
        return self.content[begin - self.at:end - self.at]


class Reader:
    """An open file whose header, footer and index are checked. `storages` holds what is loaded, by number."""

    def __init__(self, path=None, *, content=None, hardened=False):
        self.path = None if path is None else os.fspath(path)
        self.hardened, self.storages, self.mapped = hardened, {}, None
        try:
            self.source = BytesSource(content) if path is None else FileSource(path)
        except CheckpointError as error:
            error.path = self.path
            raise
        try:
            self.index = self._open()
        except BaseException as error:
            self.source.close()
            self._name_file(error)
            raise

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self.source.close()
        self._name_file(error)

    def _name_file(self, error):
        if isinstance(error, CheckpointError) and error.path is None:
            error.path = self.path

    def _open(self):
        size, source = self.source.nbytes, self.source
        head = bytes(source.read(0, min(size, index.HEADER_NBYTES)))
        header = index.Header.unpack(head)
        if size < index.HEADER_NBYTES + index.FOOTER_NBYTES:
            raise CheckpointError("length", f"the file has {size} bytes, fewer than header and footer need", record="footer", offset=size)
        footer = index.Footer.unpack(bytes(source.read(size - index.FOOTER_NBYTES, index.FOOTER_NBYTES)), size)
        if footer.state_nbytes + footer.layout_nbytes > MAX_STATE_NBYTES:
            raise CheckpointError("range", f"an index of {footer.state_nbytes + footer.layout_nbytes} bytes", record="footer", offset=size)
        both = memoryview(source.read(footer.state_at, footer.state_nbytes + footer.layout_nbytes))
        state, layout = both[:footer.state_nbytes], both[footer.state_nbytes:]
        if index.blake3(state) != footer.root:
            raise CheckpointError("digest", "the index is damaged: its digest is not the content root", record="index", offset=footer.state_at)
        if index.blake3(layout) != footer.layout_digest:
            raise CheckpointError("digest", "the table of chunks is damaged: its digest is wrong", record="index", offset=footer.layout_at)
        return index.Index(header, footer, state, layout)

    def map(self):
        """Read chunks from the mapped file from now on."""
        if self.index.header.codec != index.STORED:
            raise CheckpointError("mmap", "only a file saved with compression='stored' can be mapped")
        import mmap

        self.mapped = mmap.mmap(self.source.descriptor, self.source.nbytes, access=mmap.ACCESS_COPY)

    def state(self):
        """Everything, checked."""
        records, gaps = self.index.check()
        self._check_gaps(gaps)
        if self.hardened:
            self._check_hardened(records)
        self.load_storages(range(self.index.n_storages), {record.storage: record for record in records})
        tensors = [geometry.build(record, self.storages.get(record.storage)) for record in records]
        return decode(self.index.tree(), tensors, [record.name for record in records], self.index.footer.state_at + self.index.tree_at)

    def some(self, names):
        """{name: tensor} of some tensors."""
        found = {}
        self.index.check_ratio(0)
        for name in names:
            place = self.index.find(name)
            if place is None:
                raise CheckpointError("missing", f"the file holds no tensor of this name; it holds {self.index.n_tensors} others", record=name)
            found[name] = self.index.record(place)
        if self.hardened:
            self._check_hardened(found.values())
        users = {record.storage: record for record in found.values() if record.storage != geometry.NO_STORAGE}
        self.index.check_ratio(sum(self.index.storage(number)[0] for number in users))
        self.load_storages(sorted(users), users)
        return {name: geometry.build(record, self.storages.get(record.storage)) for name, record in found.items()}

    def verify(self):
        """Check every byte without keeping any tensor; returns the records."""
        records, gaps = self.index.check()
        self._check_gaps(gaps)
        users = {record.storage: record for record in records}
        own = codec.threading.local()

        def check(number):
            if not hasattr(own, "out"):
                own.out = bytearray(self.index.chunk_nbytes)
            for job in self._jobs(number, users[number]):
                self._read(job, memoryview(own.out)[:job[1]])

        left = self._load_small(range(self.index.n_storages), users, False)
        for _ in codec.in_parallel(check, left, self.index.footer.file_nbytes):
            pass
        decode(self.index.tree(), [None] * len(records), [record.name for record in records], self.index.footer.state_at + self.index.tree_at)
        return records

    def damaged(self):
        """Names of the tensors whose bytes are damaged; the index itself is sound."""
        records = [self.index.record(place) for place in range(self.index.n_tensors)]
        users = {record.storage: record for record in records if record.storage != geometry.NO_STORAGE}
        broken = set()
        for number in self._load_small(sorted(users), users, False, broken):
            for job in self._jobs(number, users[number]):
                try:
                    self._read(job, bytearray(job[1]))
                except CheckpointError:
                    broken.add(number)
        return [record.name for record in records if record.storage in broken]

    def load_storages(self, numbers, users):
        """Read storages not yet read; `users` has a record of each, for its dtype and for errors."""
        jobs, nbytes = [], 0
        for number in self._load_small([number for number in numbers if number not in self.storages], users, True):
            size = self.index.storage(number)[0]
            nbytes += size
            view = self._place(number, size)
            jobs += [(job, view[job[0]:job[0] + job[1]]) for job in self._jobs(number, users[number])]
        for _ in codec.in_parallel(lambda pair: self._read(*pair), jobs, nbytes):
            pass

    def _load_small(self, numbers, users, keep, broken=None):
        """Read the small ones of many storages, and keep them if asked to; the numbers of the others. The set `broken` gets those that are
        damaged; without it they raise."""
        if len(numbers) <= FEW:
            return list(numbers)
        left, window, load = [], _Window(self.source, self.index.footer.state_at), self.index.load_small
        blake3, unpacked = index.blake3, codec.unpacked
        for number in numbers:
            nbytes, first, _ = self.index.storage(number)
            if nbytes > SMALL_NBYTES:
                left.append(number)
                continue
            user = users[number]
            try:
                storage = load(number, window.content, window.at, user.dtype == BOOL, user.name, blake3, unpacked)
                if storage is None:
                    window.move(self.index.chunk(first, nbytes)[0])
                    storage = load(number, window.content, window.at, user.dtype == BOOL, user.name, blake3, unpacked)
            except CheckpointError:
                if broken is None:
                    raise
                storage = False
            if not storage and broken is not None:
                broken.add(number)
                continue
            if not storage:
                self._read(self._jobs(number, user)[0], bytearray(nbytes))  # says what is wrong with it
                raise self.index.bad("digest", f"storage {number} was read twice with different bytes", 0)
            if keep:
                self.storages[number] = storage
        return left

    def _place(self, number, nbytes):
        """Memory for a storage, entered in `storages`; its bytes as a memoryview."""
        try:
            if self.mapped is not None:
                chunks = self.index.storage_chunks(number)
                offset = self.index.chunk(chunks[0][2], chunks[0][1])[0]
                if offset % index.ALIGNMENT or any(self.index.chunk(chunk, length)[0] != offset + place for place, length, chunk in chunks):
                    raise self.index.bad("index", f"the chunks of storage {number} are not aligned or not one after the other", 0)
                import ctypes

                base = ctypes.addressof(ctypes.c_char.from_buffer(self.mapped))
                tensor = create.from_address(base + offset, nbytes, self.mapped, ops.uint8, (nbytes,), (1,), 0, False)
            else:
                tensor = ops.empty((nbytes,), dtype=ops.uint8)
        except (MemoryError, RuntimeError):
            raise CheckpointError("memory", f"no memory for a storage of {nbytes} bytes") from None
        self.storages[number] = create.storage_of(tensor)
        return geometry.Buffer(self.storages[number], 0, nbytes).view

    def _jobs(self, number, record):
        """(place, content length, chunk number, filter, is bool, name) of each chunk of a storage."""
        width, is_bool = self.index.filter(number), DTYPES[record.dtype] == "bool"
        return [(place, length, chunk, width, is_bool, record.name) for place, length, chunk in self.index.storage_chunks(number)]

    def _read(self, job, out):
        """One chunk into `out`, checked."""
        _, length, chunk, width, is_bool, name = job
        offset, stored_length, stored, content = self.index.chunk(chunk, length)
        if self.index.header.codec == index.STORED:
            if self.mapped is None:
                self.source.read_into(out, offset)
            frame = out
        else:
            frame = self.source.read(offset, stored_length)
        if index.blake3(frame) != stored:
            raise CheckpointError("digest", f"damaged: the digest of the bytes {offset} to {offset + stored_length} is wrong", record=name, offset=offset)
        if frame is not out:
            codec.unpack(frame, out, width, name, offset)
            if index.blake3(out) != content:
                raise CheckpointError("digest", "the content of a frame has another digest than the index says", record=name, offset=offset)
        if is_bool and bytes(out).translate(None, b"\0\1"):
            raise CheckpointError("bool", "a bool tensor holds a byte other than 0 and 1", record=name, offset=offset)

    def _check_gaps(self, gaps):
        window = _Window(self.source, self.index.footer.state_at)
        for begin, end in gaps:
            if window.get(begin, end) != ZEROS[:end - begin]:
                raise CheckpointError("padding", f"the bytes {begin} to {end} between chunks are not zero", record="padding", offset=begin)

    @staticmethod
    def _check_hardened(records):
        for record in records:
            geometry.check_no_overlap(record)
