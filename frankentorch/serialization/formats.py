"""What a file is, by its first bytes."""

from frankentorch.checkpoint.errors import CheckpointError

_KNOWN = {b"\x1f\x8b": "compressed by gzip", b"\xfd7zXZ\0": "compressed by xz", b"BZh": "compressed by bzip2", b"\x28\xb5\x2f\xfd": "a bare zstd frame",
          b"7z\xbc\xaf": "a 7z archive", b"Rar!": "a rar archive", b"\x89HDF": "an HDF5 file", b"\x93NUMPY": "a single NumPy array (.npy)", b"\x7fELF": "a program",
          b"GGUF": "a GGUF model", b"<!DOCTYPE": "a web page", b"<html": "a web page", b"version https://git-lfs": "a pointer of Git LFS, not the file itself"}


def kind_of(source, start=0):
    """"zip", "legacy", "safetensors" or "state".

    Raises
    ------
    CheckpointError
        None of them; says what the file seems to be.
    """
    head = source.read(start, min(512, source.size - start))
    if head[:4] in (b"PK\3\4", b"PK\5\6"):
        return "zip"
    if head[:2] in (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"):
        return "legacy"
    if head[:4] == b"\x89FTC":
        return "state"
    if len(head) > 9 and head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= source.size - start - 8:
        return "safetensors"
    raise CheckpointError("format", f"not a checkpoint: the file {_describe(head)}", offset=start)


def _describe(head):
    if not head:
        return "is empty"
    if head[257:262] == b"ustar":
        return "is a tar archive, as PyTorch before 0.1.10 wrote; it cannot be read safely. Open it with an old PyTorch and save it again"
    for magic, meaning in _KNOWN.items():
        if head.startswith(magic):
            return f"is {meaning}"
    if all(byte in b"\t\n\r" or 32 <= byte < 127 for byte in head):
        return f"is text: {head[:40]!r}"
    return f"begins with {head[:16]!r}"
