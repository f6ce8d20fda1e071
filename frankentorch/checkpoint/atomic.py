"""Files that appear whole or not at all.

A new file is written under a temporary name in the same folder, synced, and renamed; then the folder is synced. Whatever
fails, and wherever the process is killed, the old file stays until the new one is complete on the disk. A failed fsync is
final: the kernel may have dropped the pages, so it is never tried again.
"""

import contextlib
import os

from frankentorch.checkpoint.errors import CheckpointError

MAX_VECTOR = 512
_CLOEXEC = getattr(os, "O_CLOEXEC", 0)


@contextlib.contextmanager
def system_call(name, path):
    """Say in an OSError which call failed on which file."""
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, f"{error.strerror} ({name} failed; nothing was replaced)", os.fspath(path)) from error


class NewFile:
    """A file being written beside `path`; `commit` gives it that name. Use as a context: left uncommitted, it is removed.

    A symbolic link stays one: the file it points to is replaced. A target that is no regular file is refused.
    """

    def __init__(self, path):
        self.path = os.path.realpath(path)
        if os.path.exists(self.path) and not os.path.isfile(self.path):
            raise CheckpointError("not-a-file", "the target exists and is not a regular file", path=os.fspath(path))
        self.folder, name = os.path.split(self.path)
        self.temporary = os.path.join(self.folder, f".{name[:180]}.{os.urandom(8).hex()}.tmp")
        self.position = 0
        with system_call("open", self.temporary):
            self.descriptor = os.open(self.temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | _CLOEXEC, 0o666)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if self.descriptor is not None:
            with contextlib.suppress(OSError):
                os.close(self.descriptor)
            self.descriptor = None
        if self.temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(self.temporary)

    def write(self, *pieces):
        """Append bytes-like pieces; short writes go on where they stopped."""
        pending = [memoryview(piece).cast("B") for piece in pieces if len(piece)]
        while pending:
            with system_call("write", self.temporary):
                done = os.writev(self.descriptor, pending[:MAX_VECTOR])
            if not done:
                raise OSError(5, "write wrote nothing", self.temporary)
            self.position += done
            skip = 0
            while skip < len(pending) and done >= len(pending[skip]):
                done -= len(pending[skip])
                skip += 1
            pending = pending[skip:]
            if done:
                pending[0] = pending[0][done:]

    def sync(self):
        """Put the content on the disk."""
        with system_call("fsync", self.temporary):
            os.fsync(self.descriptor)

    def keep_mode(self):
        """The new file gets the permissions of the one it replaces."""
        with contextlib.suppress(OSError):
            os.fchmod(self.descriptor, os.stat(self.path).st_mode & 0o7777)

    def commit(self):
        """Close and rename. The folder is yet to be synced."""
        descriptor, self.descriptor = self.descriptor, None
        with system_call("close", self.temporary):
            os.close(descriptor)
        with system_call("rename", self.path):
            os.replace(self.temporary, self.path)
        self.temporary = None


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
