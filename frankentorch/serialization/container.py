"""The file around a state, written so that a crash leaves the old file or the new one.

    8 bytes    b"FTSTATE1"
    1 byte     0: the content follows as it is; 1: as one zstd frame
    8 bytes    length of the content, little end first
    8 bytes    length of what follows the digest
    32 bytes   SHA-256 of the 25 bytes above and of what follows
    then       the content (see `encode`), or a zstd frame with its content size and checksum

The digest is checked before anything is decompressed: a changed, missing or added byte anywhere is found. Against files
made to harm, the decompressed size is bounded by the file's own: content that shrinks more than MAX_RATIO times is
stored as it is, and the reader refuses a frame that claims more.
"""

import contextlib
import hashlib
import os
import stat
import struct

from frankentorch.checkpoint.errors import CheckpointError
from frankentorch.serialization.encode import decode, encode

MAGIC = b"FTSTATE1"
STORED, ZSTD = 0, 1
LEVEL = 3
MAX_RATIO = 1000
FREE_NBYTES = 64 << 20  # content up to this size may shrink by any ratio
MAX_WINDOW = 1 << 27
_LENGTHS = struct.Struct("<BQQ")
HEADER_NBYTES = len(MAGIC) + _LENGTHS.size + 32


def save_state(state, path):
    """Write a state to a file, atomically.

    Parameters
    ----------
    state : None, bool, int, float, str, bytes, Tensor, or list, tuple, dict of them
        Dict keys are str or int. Tensors are saved by value.
    path : str or os.PathLike
        An existing file is replaced in one step, and only after the new bytes are on the disk.

    Raises
    ------
    CheckpointError
        The state holds a value of another type. Nothing was written.
    OSError
        The system refused a call. The old file is as it was and the temporary one is gone.
    """
    write_atomically(path, _file_pieces(state))


def load_state(path):
    """Read a state from a file.

    Returns
    -------
    nested values and tensors
        Equal to what was saved, dict order included; tensors are contiguous and own their memory.

    Raises
    ------
    FileNotFoundError, PermissionError
        The file cannot be opened.
    CheckpointError
        Not a regular file, not this format, damaged in any byte, or made to harm. Nothing of it is returned.
    """
    path = os.fspath(path)
    try:
        return state_from_bytes(_read_file(path))
    except CheckpointError as error:
        error.path = path
        raise


def state_to_bytes(state):
    """The bytes `save_state` writes."""
    return b"".join(_file_pieces(state))


def state_from_bytes(content):
    """The state in the bytes of a file; raises CheckpointError as `load_state` does."""
    return decode(file_content(content))


def file_content(file_bytes):
    """The canonical bytes inside a file's bytes, after every check of the container."""
    view = memoryview(file_bytes)
    if len(view) < HEADER_NBYTES or view[:len(MAGIC)] != MAGIC:
        raise CheckpointError("magic", f"not a file written by save_state: {_describe(bytes(view[:8]))}", offset=0)
    head, digest, body = view[:HEADER_NBYTES - 32], view[HEADER_NBYTES - 32:HEADER_NBYTES], view[HEADER_NBYTES:]
    mode, content_nbytes, body_nbytes = _LENGTHS.unpack(head[len(MAGIC):])
    if body_nbytes != len(body):
        raise CheckpointError("length", f"the header announces {body_nbytes} bytes after it, the file has {len(body)}", offset=17)
    if _digest(head, [body]) != digest:
        raise CheckpointError("digest", "the file is damaged: its SHA-256 is not the one in its header")
    if mode == STORED and content_nbytes == body_nbytes:
        return body
    if mode == ZSTD and content_nbytes <= FREE_NBYTES + MAX_RATIO * body_nbytes:
        return _decompress(body, content_nbytes)
    raise CheckpointError("header", f"storage mode {mode}, {content_nbytes} bytes of content in {body_nbytes}: not allowed", offset=8)


def write_atomically(path, pieces):
    """Write a file under a temporary name beside `path`, then move it there; both survive a power cut only whole."""
    target = os.path.realpath(path)  # a symbolic link stays one: the file it points to is replaced
    folder, name = os.path.split(target)
    temporary = os.path.join(folder, f".{name}.{os.urandom(8).hex()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o666)
    try:
        with open(descriptor, "wb") as file:
            for piece in pieces:
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    _sync_folder(folder)


def _file_pieces(state):
    """Header and body, in pieces."""
    import zstandard

    content = list(encode(state))
    nbytes = sum(map(len, content))
    packer = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True, write_content_size=True).compressobj(size=nbytes)
    mode, body = ZSTD, [*map(packer.compress, content), packer.flush()]
    if nbytes > FREE_NBYTES + MAX_RATIO * sum(map(len, body)):
        mode, body = STORED, content
    head = MAGIC + _LENGTHS.pack(mode, nbytes, sum(map(len, body)))
    return [head, _digest(head, body), *body]


def _digest(head, body):
    found = hashlib.sha256(head)
    for piece in body:
        found.update(piece)
    return found.digest()


def _decompress(body, nbytes):
    """Content of one zstd frame, never more than `nbytes`."""
    import zstandard

    try:
        frame = zstandard.get_frame_parameters(body)
        if frame.content_size != nbytes or not frame.has_checksum or frame.dict_id or frame.window_size > MAX_WINDOW:
            raise CheckpointError("frame", "the zstd frame is not one that save_state writes", offset=HEADER_NBYTES)
        return zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW).decompress(body, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise CheckpointError("frame", f"the zstd frame cannot be decompressed: {error}", offset=HEADER_NBYTES) from None


def _read_file(path):
    """All bytes of a regular file. O_NONBLOCK: opening a FIFO must not wait for a writer."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise CheckpointError("not-a-file", "not a regular file")
        with open(descriptor, "rb", closefd=False) as file:
            return file.read()
    except OSError as error:
        raise CheckpointError("read", f"cannot be read: {error.strerror}") from error
    finally:
        os.close(descriptor)


def _describe(start):
    """What a file that is not ours seems to be, from its first bytes."""
    known = {b"PK\x03\x04": "a zip archive (PyTorch writes .pt files as zip)", b"\x1f\x8b": "gzip",
             b"\x28\xb5\x2f\xfd": "a bare zstd frame", b"\x80": "a pickle"}
    for magic, meaning in known.items():
        if start.startswith(magic):
            return f"it looks like {meaning}"
    return f"it starts with {start!r}" if start else "it is empty"


def _sync_folder(folder):
    """Make the new name itself durable. Systems that cannot open a folder have no such call."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
