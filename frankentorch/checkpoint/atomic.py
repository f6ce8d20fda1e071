"""Files that appear whole or not at all.

A new file is written under a temporary name in the same folder, synced, and renamed; then the folder is synced. Whatever
fails, and wherever the process is killed, the old file stays until the new one is complete on the disk. A failed fsync is
final: the kernel may have dropped the pages, so it is never tried again.
"""

import contextlib
import errno
import os
import stat

from frankentorch.checkpoint.errors import CheckpointError

MAX_VECTOR = 512
BUFFER_NBYTES = 4 << 20  # a multiple of every block size in use
DIRECT_NBYTES = 16 << 20  # smaller files go through the page cache
_CLOEXEC = getattr(os, "O_CLOEXEC", 0)


@contextlib.contextmanager
def system_call(name, path):
    """Say in an OSError which call failed on which file."""
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, f"{error.strerror} ({name} failed)", os.fspath(path)) from error


class NewFile:
    """A file being written beside `path`; `commit` gives it that name. Use as a context: left uncommitted, it is removed.

    A symbolic link stays one: the file it points to is replaced. A target that is no regular file is refused.
    """

    def __init__(self, path, direct=False):
        self.path, self.stream = os.path.realpath(path), None
        self.mode = self._mode()
        if self.mode is not None and not stat.S_ISREG(self.mode):
            raise CheckpointError("not-a-file", "the target exists and is not a regular file", path=os.fspath(path))
        self.folder, name = os.path.split(self.path)
        self.temporary = os.path.join(self.folder, f".{name[:180]}.{os.urandom(8).hex()}.tmp")
        with system_call("open", self.temporary):
            self.descriptor = os.open(self.temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | _CLOEXEC, 0o666)
        if direct:
            self.stream = Stream(self.descriptor, self.temporary)

    def _mode(self):
        """Type and permissions of the file that is there, or None."""
        with system_call("stat", self.path):
            try:
                return os.stat(self.path).st_mode
            except FileNotFoundError:
                return None

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if self.stream is not None:
            self.stream.close()
        if self.descriptor is not None:
            with contextlib.suppress(OSError):
                os.close(self.descriptor)
            self.descriptor = None
        if self.temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(self.temporary)

    def write(self, *pieces):
        """Append bytes-like pieces; short writes go on where they stopped."""
        if self.stream is not None:
            for piece in pieces:
                self.stream.write(piece)
            return
        pending = [memoryview(piece).cast("B") for piece in pieces if len(piece)]
        while pending:
            with system_call("write", self.temporary):
                done = os.writev(self.descriptor, pending[:MAX_VECTOR])
            if not done:
                raise OSError(errno.EIO, "write wrote nothing", self.temporary)
            skip = 0
            while skip < len(pending) and done >= len(pending[skip]):
                done -= len(pending[skip])
                skip += 1
            pending = pending[skip:]
            if done:
                pending[0] = pending[0][done:]

    def sync(self):
        """Put the content on the disk."""
        if self.stream is not None:
            self.stream.flush()
        with system_call("fsync", self.temporary):
            os.fsync(self.descriptor)

    def keep_mode(self):
        """The new file gets the permissions of the one it replaces."""
        if self.mode is not None:
            with contextlib.suppress(OSError):  # a file system without permissions
                os.fchmod(self.descriptor, stat.S_IMODE(self.mode))

    def commit(self):
        """Close and rename. The folder is yet to be synced."""
        descriptor, self.descriptor = self.descriptor, None
        with system_call("close", self.temporary):
            os.close(descriptor)
        with system_call("rename", self.path):
            os.replace(self.temporary, self.path)
        self.temporary = None


class Stream:
    """Writes a file in order through two aligned buffers: one is filled while the other goes to the disk, past the page cache where the
    system lets it.

    For large files this is faster than to copy all into the cache and wait at the end for it to drain. What fits in one buffer goes
    through the cache, when it is flushed.
    """

    def __init__(self, descriptor, path):
        import mmap

        self.descriptor, self.path, self.at, self.filled, self.pending, self.pool = descriptor, path, 0, 0, None, None
        self.views = [memoryview(mmap.mmap(-1, BUFFER_NBYTES)) for _ in range(2)]

    def write(self, piece):
        view, done = memoryview(piece).cast("B") if len(piece) else b"", 0
        while done < len(view):
            step = min(BUFFER_NBYTES - self.filled, len(view) - done)
            self.views[0][self.filled:self.filled + step] = view[done:done + step]
            self.filled, done = self.filled + step, done + step
            if self.filled == BUFFER_NBYTES:
                self.turn()
        self.at += len(view)

    def turn(self):
        """Send the full buffer off and go on with the other one."""
        if self.pool is None:
            from concurrent.futures import ThreadPoolExecutor

            set_direct(self.descriptor, True)
            self.pool = ThreadPoolExecutor(1, "frankentorch-write")
        self.wait()
        self.pending = self.pool.submit(self.put, self.views[0])
        self.views.reverse()
        self.filled = 0

    def wait(self):
        pending, self.pending = self.pending, None
        if pending is not None:
            pending.result()

    def put(self, view):
        direct = True
        while view:
            try:
                with system_call("write", self.path):
                    done = os.write(self.descriptor, view)
            except OSError as error:
                if error.errno != errno.EINVAL or not direct:
                    raise
                direct = set_direct(self.descriptor, False)  # this file system says no only now
                continue
            if not done:
                raise OSError(errno.EIO, "write wrote nothing", self.path)
            view = view[done:]
            if done % 4096:
                direct = set_direct(self.descriptor, False)

    def flush(self):
        """Write the rest, which is no whole number of blocks."""
        self.wait()
        if self.pool is not None:
            set_direct(self.descriptor, False)
        self.put(self.views[0][:self.filled])
        self.filled = 0

    def close(self):
        if self.pool is not None:
            self.pool.shutdown(wait=True)


def set_direct(descriptor, wanted):
    """Switch O_DIRECT on or off where the system has it; whether it is on now."""
    flag = getattr(os, "O_DIRECT", 0)
    if not flag:
        return False
    import fcntl

    try:
        before = fcntl.fcntl(descriptor, fcntl.F_GETFL)
        fcntl.fcntl(descriptor, fcntl.F_SETFL, before | flag if wanted else before & ~flag)
    except OSError:
        return False
    return wanted


def sync_folder(folder):
    """Make names durable. Systems that cannot open a folder have no such call."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    with system_call("open of the folder", folder):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | _CLOEXEC)
    try:
        with system_call("fsync of the folder", folder):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_file(path, pieces):
    """Replace one file by the joined pieces."""
    with NewFile(path) as file:
        file.write(*pieces)
        file.keep_mode()
        file.sync()
        file.commit()
    sync_folder(os.path.dirname(os.path.realpath(path)))
