"""Where the bytes of a checkpoint come from and go to: paths, file objects, memory.

A path is written under a temporary name beside it, flushed to the disk and then moved there, so that a crash leaves the old
file or the new one.
"""

import contextlib
import io
import os
import stat

from frankentorch._ext.checksum import crc32
from frankentorch.checkpoint.atomic import NewFile, sync_folder
from frankentorch.checkpoint.errors import CheckpointError

CHUNK_NBYTES = 1 << 20


# ---- reading ----
class MemorySource:
    """Bytes that are there."""

    descriptor = None

    def __init__(self, buffer):
        self.view = memoryview(buffer).cast("B")
        self.size = len(self.view)

    def read(self, offset, nbytes):
        if offset < 0 or nbytes < 0 or nbytes > self.size - offset:
            raise cut_short(offset, nbytes, self.size)
        return bytes(self.view[offset:offset + nbytes])

    def read_into(self, offset, target):
        """Fill `target`; the CRC-32 of what came."""
        nbytes = len(target)
        if nbytes > self.size - offset:
            raise cut_short(offset, nbytes, self.size)
        target[:] = self.view[offset:offset + nbytes]
        return crc32(target)

    def close(self):
        self.view.release()


class FileSource:
    """A regular file by its descriptor; positions of whoever else reads it do not move."""

    def __init__(self, descriptor, owned):
        self.descriptor, self.owned = descriptor, owned
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            self.close()
            raise CheckpointError("not-a-file", "not a regular file")
        self.size = status.st_size

    def read(self, offset, nbytes):
        if offset < 0 or nbytes < 0 or nbytes > self.size - offset:
            raise cut_short(offset, nbytes, self.size)
        found = bytearray(nbytes)
        self.read_into(offset, memoryview(found))
        return bytes(found)

    def read_into(self, offset, target):
        """Fill `target`; the CRC-32 of what came. By chunks, so that the checksum reads what is still in the processor's cache."""
        crc, at, nbytes = 0, 0, len(target)
        while at < nbytes:
            chunk = target[at:at + CHUNK_NBYTES]
            try:
                got = os.preadv(self.descriptor, [chunk], offset + at)
            except OSError as error:
                raise CheckpointError("read", f"cannot be read: {error.strerror}", offset=offset + at) from error
            if got == 0:
                raise cut_short(offset + at, nbytes - at, self.size)
            crc = crc32(chunk[:got], crc)
            at += got
        return crc

    def close(self):
        if self.owned:
            os.close(self.descriptor)


class ObjectSource:
    """Anything with `seek`, `tell` and `readinto` or `read`."""

    descriptor = None

    def __init__(self, file):
        self.file = file
        begin = file.tell()
        file.seek(0, os.SEEK_END)
        self.size = file.tell()
        file.seek(begin)

    def read(self, offset, nbytes):
        if offset < 0 or nbytes < 0 or nbytes > self.size - offset:
            raise cut_short(offset, nbytes, self.size)
        self.file.seek(offset)
        parts = []
        while nbytes:
            part = self.file.read(nbytes)
            if not part:
                raise cut_short(offset, nbytes, self.size)
            parts.append(bytes(part))
            nbytes -= len(part)
        return b"".join(parts)

    def read_into(self, offset, target):
        readinto = getattr(self.file, "readinto", None)
        if readinto is None:
            target[:] = self.read(offset, len(target))
            return crc32(target)
        self.file.seek(offset)
        at = 0
        while at < len(target):
            got = readinto(target[at:])
            if not got:
                raise cut_short(offset + at, len(target) - at, self.size)
            at += got
        return crc32(target)

    def close(self):
        pass


def is_path(f):
    return isinstance(f, (str, os.PathLike))


def open_source(f):
    """The source of a path, a file object or bytes. `close()` it.

    Raises
    ------
    FileNotFoundError, PermissionError
        A path that cannot be opened.
    CheckpointError
        Something other than a regular file.
    AttributeError
        An object without `seek`, `tell` and `read`.
    """
    if is_path(f):
        # O_NONBLOCK: opening a FIFO must not wait for a writer
        return FileSource(os.open(os.fspath(f), os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)), True)
    if isinstance(f, (bytes, bytearray, memoryview)):
        return MemorySource(f)
    if isinstance(f, io.BytesIO):
        return MemorySource(f.getbuffer())
    for name in ("seek", "tell", "read"):
        if not hasattr(f, name):
            raise AttributeError(f"'{type(f).__name__}' object has no attribute '{name}'. You can only torch.load from a file that is seekable. "
                                 "Please pre-load the data into a buffer like io.BytesIO and try to load from it instead.")
    if type(f) in (io.BufferedReader, io.BufferedRandom, io.FileIO):
        with contextlib.suppress(io.UnsupportedOperation):  # a reader of memory has no descriptor
            if stat.S_ISREG(os.fstat(f.fileno()).st_mode):
                f.flush()
                return FileSource(f.fileno(), False)
    return ObjectSource(f)


def cut_short(offset, nbytes, size):
    return CheckpointError("length", f"{nbytes} bytes are expected at {offset}, the file has {size}", offset=offset)


# ---- writing ----
class ObjectOutput:
    """Anything with `write`. Classes not known to take any buffer are given bytes."""

    def __init__(self, file):
        self.file, self.at = file, 0
        self.takes_views = type(file) in (io.BytesIO, io.BufferedWriter, io.BufferedRandom, io.FileIO)

    def write(self, data):
        self.at += len(data)
        if not self.takes_views:
            self.file.write(bytes(data))
            return
        while data:  # a raw file may take less than it is given
            done = self.file.write(data)
            data = data[done:] if done is not None and done < len(data) else None


@contextlib.contextmanager
def open_output(f):
    """An output for a path (written atomically when the block ends well) or a file object.

    Raises
    ------
    CheckpointError
        The folder does not exist.
    OSError
        The system refused a call. What was at the path is as it was, and the temporary file is gone.
    """
    if not is_path(f):
        if not hasattr(f, "write"):
            raise AttributeError(f"expected 'f' to be string, path, or a file-like object with a 'write' attribute, got {type(f).__name__}")
        yield ObjectOutput(f)
        if hasattr(f, "flush"):
            f.flush()
        return
    target = os.path.realpath(os.fspath(f))  # a symbolic link stays one: the file it points to is replaced
    if isinstance(target, bytes):
        target = os.fsdecode(target)
    folder = os.path.dirname(target)
    if not os.path.isdir(folder):
        raise CheckpointError("folder", f"Parent directory {folder} does not exist.", path=target)
    if os.path.exists(target) and not os.path.isfile(target):  # a device or FIFO is written to, never replaced
        with open(target, "wb") as file:
            yield ObjectOutput(file)
        return
    with NewFile(target, direct=True) as new:
        yield new.stream
        new.keep_mode()
        new.sync()
        new.commit()
    sync_folder(folder)
