"""`.npz` files of NumPy: a zip archive with an `.npy` file for each array. NumPy itself is not needed.

An `.npy` file is a magic string, a version, a header that is a Python literal of three entries, and the elements
(https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html). Arrays of objects are refused: they hold a pickle.
"""

import ast
import contextlib
import os

from frankentorch._ext import interchange
from frankentorch._tensor import Tensor

from frankentorch import ops
from frankentorch.checkpoint.errors import CheckpointError
from frankentorch.serialization import files
from frankentorch.serialization.rebuild import LIMIT, MAX_NDIM, tensor_over
from frankentorch.serialization.zip_read import DEFLATED, STORED, check_crc, read_directory, read_record
from frankentorch.serialization.zip_write import ZipWriter

DTYPES = {"b1": "bool", "u1": "uint8", "i1": "int8", "i2": "int16", "i4": "int32", "i8": "int64", "u2": "uint16", "u4": "uint32", "u8": "uint64",
          "f2": "float16", "f4": "float32", "f8": "float64", "c8": "complex64", "c16": "complex128"}
_KINDS = {dtype: kind for kind, dtype in DTYPES.items()}
MAGIC = b"\x93NUMPY"
MAX_HEADER = 1 << 16
MAX_UNPACKED = 1 << 40


def save_npz(tensors, f):
    """Write tensors for ``numpy.load``.

    Parameters
    ----------
    tensors : dict of str to Tensor
        Any dtype but bfloat16, which NumPy does not have. Written in row-major order.
    f : str, os.PathLike, or object with `write`
    """
    for name, tensor in tensors.items():
        if not isinstance(tensor, Tensor) or tensor.dtype.name not in _KINDS or tensor.is_meta:
            raise ValueError(f"{name}: an .npz file cannot hold {tensor.dtype if isinstance(tensor, Tensor) else type(tensor).__name__}")
        if not isinstance(name, str) or not name or name[0] == "/" or "\\" in name or "\0" in name or any(part in ("", ".", "..") for part in name.split("/")):
            raise ValueError(f"{name!r}: no name of an array")
    with files.open_output(f) as output:
        archive = ZipWriter(output, folder="")
        for name, tensor in tensors.items():
            kind = _KINDS[tensor.dtype.name]
            text = f"{{'descr': '{'|' if kind[1:] == '1' else '<'}{kind}', 'fortran_order': False, 'shape': {tuple(tensor.shape)!r}, }}"
            text += " " * (-(len(text) + 11) % 64) + "\n"
            head = MAGIC + b"\1\0" + len(text).to_bytes(2, "little") + text.encode()
            plain = tensor.detach().contiguous().reshape(-1)
            body = memoryview(plain.view(ops.uint8)) if plain.numel() else b""
            archive.record(name + ".npy", head + bytes(body))
        archive.finish()


def load_npz(f):
    """{name: Tensor} of an `.npz` file or file object, compressed or not.

    Raises
    ------
    CheckpointError
        The file is damaged, or holds what no tensor can.
    """
    with contextlib.closing(files.open_source(os.fspath(f) if files.is_path(f) else f)) as source:
        return read(source, read_directory(source, (STORED, DEFLATED)))


def read(source, records):
    """{name: Tensor} of an open archive."""
    found = {}
    for name, record in records.items():
        if not name.endswith(".npy"):
            raise _bad("name", "a record that is no .npy file", name)
        found[name[:-4]] = _read_stored(source, record) if record.method == STORED else _read_packed(source, record)
    return found


def _bad(rule, message, record, offset=None):
    return CheckpointError("npy-" + rule, message, record=record, offset=offset)


def _read_stored(source, record):
    elements = ops.empty(record.nbytes, dtype=ops.uint8)
    with memoryview(elements) as view:
        check_crc(record, source.read_into(record.at, view))
        return _array(view, record)


def _read_packed(source, record):
    with memoryview(read_record(source, record, MAX_UNPACKED)) as view:
        return _array(view, record)


def _array(view, record):
    """The tensor in the bytes of one `.npy` file."""
    kind, fortran, shape, at = _npy_header(view, record)
    dtype = getattr(ops, DTYPES[kind[1:]])
    if kind[0] == ">" and dtype.itemsize > 1:
        raise _bad("byteorder", "numbers with the big end first", record.name)
    numel = extent = 1
    for n in shape:
        numel *= n
        extent *= max(n, 1)
    if extent * dtype.itemsize >= LIMIT or numel * dtype.itemsize != len(view) - at:
        raise _bad("shape", f"shape {shape!r:.200} of {dtype} does not fill the {len(view) - at} bytes after the header", record.name, at)
    if not numel:
        return ops.empty(shape, dtype=dtype)
    elements = ops.empty(len(view) - at, dtype=ops.uint8)   # the header is not a multiple of every element size
    with memoryview(elements) as target:
        target[:] = view[at:]
    if dtype is ops.bool and elements.max().item() > 1:
        raise _bad("bool", "a bool array holds bytes other than 0 and 1", record.name, at)
    strides, step = [], 1
    for n in shape if fortran else reversed(shape):
        strides.append(step)
        step *= n
    return tensor_over(interchange.storage_of(elements), dtype, 0, shape, tuple(strides if fortran else reversed(strides)))


def _npy_header(view, record):
    """(kind, fortran order, shape, offset of the elements)."""
    if len(view) < 10 or view[:6] != MAGIC or view[6] not in (1, 2, 3) or view[7] != 0:
        raise _bad("header", "no .npy file of version 1, 2 or 3", record.name, 0)
    wide = 2 if view[6] == 1 else 4
    length = int.from_bytes(view[8:8 + wide], "little")
    at = 8 + wide + length
    if length > MAX_HEADER or at > len(view):
        raise _bad("header", f"a header of {length} bytes", record.name, 8)
    try:
        fields = ast.literal_eval(bytes(view[8 + wide:at]).decode("latin1" if view[6] < 3 else "utf-8").strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError) as error:
        raise _bad("header", f"the header is no literal: {type(error).__name__}", record.name, 10) from None
    if type(fields) is not dict or set(fields) != {"descr", "fortran_order", "shape"} or type(fields["fortran_order"]) is not bool:
        raise _bad("header", "the header has descr, fortran_order and shape, and nothing else", record.name, 10)
    kind, shape = fields["descr"], fields["shape"]
    if type(kind) is not str or kind[:1] not in "<>|=" or kind[1:] not in DTYPES:
        raise _bad("dtype", f"arrays of {kind!r:.60} have no tensors", record.name, 10)
    if type(shape) is not tuple or len(shape) > MAX_NDIM or any(type(n) is not int or not 0 <= n < LIMIT for n in shape):
        raise _bad("shape", f"{shape!r:.200} is no shape", record.name, 10)
    return kind, fields["fortran_order"], shape, at
