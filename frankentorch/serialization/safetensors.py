"""safetensors files: a length, a JSON header of names, dtypes, shapes and places, then the tensors' bytes one behind the other.

The format is described at https://huggingface.co/docs/safetensors. The reader holds to it: no gap, no overlap, no name twice, every size
the product of its shape. The names of functions are those of `safetensors.torch`.
"""

import contextlib
import json
import os
import re

from frankentorch._ext import create, interchange
from frankentorch._tensor import Tensor

from frankentorch import ops
from frankentorch.checkpoint.errors import CheckpointError
from frankentorch.serialization import files
from frankentorch.serialization.rebuild import LIMIT, MAX_NDIM, tensor_over

# By the order in which the format's own library lays tensors out: the widest first, so that all are aligned.
DTYPES = {"U64": "uint64", "I64": "int64", "F64": "float64", "C64": "complex64", "F32": "float32", "U32": "uint32", "I32": "int32", "BF16": "bfloat16",
          "F16": "float16", "U16": "uint16", "I16": "int16", "I8": "int8", "U8": "uint8", "BOOL": "bool"}
_PLACES = {name: place for place, name in enumerate(DTYPES.values())}
_NAMES = {dtype: name for name, dtype in DTYPES.items()}
MAX_HEADER = 32 << 20  # 100,000 tensors need a third of it
_NO_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")
_METADATA = "__metadata__"


# ---- writing ----
def save_file(tensors, filename, metadata=None):
    """Write a dict of tensors.

    Parameters
    ----------
    tensors : dict of str to Tensor
        Contiguous, none sharing memory with another.
    filename : str or os.PathLike
        Replaced in one step.
    metadata : dict of str to str, optional

    Raises
    ------
    ValueError, TypeError
        Something cannot be written in this format.
    RuntimeError
        Tensors share memory: the format has no way to say so.
    """
    with files.open_output(os.fspath(filename)) as output:
        for piece in _pieces(tensors, metadata):
            output.write(piece)


def save(tensors, metadata=None):
    """The bytes `save_file` writes."""
    return b"".join(map(bytes, _pieces(tensors, metadata)))


def _pieces(tensors, metadata):
    """Header, then the bytes of the tensors, by dtype and then by name."""
    _check_tensors(tensors)
    ordered = sorted(tensors, key=lambda name: (_PLACES[tensors[name].dtype.name], name))
    header = {}
    if metadata is not None:
        if not isinstance(metadata, dict) or not all(isinstance(text, str) for pair in metadata.items() for text in pair):
            raise TypeError("metadata must be a dict of str to str")
        header[_METADATA] = dict(sorted(metadata.items()))
    at = 0
    for name in ordered:
        tensor = tensors[name]
        nbytes = tensor.numel() * tensor.element_size()
        header[name] = {"dtype": _NAMES[tensor.dtype.name], "shape": list(tensor.shape), "data_offsets": [at, at + nbytes]}
        at += nbytes
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    yield len(text).to_bytes(8, "little") + text
    for name in ordered:
        tensor = tensors[name].detach()
        if tensor.numel():
            yield memoryview(tensor.reshape(-1).view(ops.uint8))


def _check_tensors(tensors):
    if not isinstance(tensors, dict):
        raise ValueError(f"Expected a dict of [str, torch.Tensor] but received {type(tensors)}")
    owners = {}
    for name, tensor in tensors.items():
        if not isinstance(name, str) or name == _METADATA or not isinstance(tensor, Tensor):
            raise ValueError(f"Key `{name}` is invalid, expected a str (not {_METADATA}) and a torch.Tensor but received {type(tensor)}")
        if tensor.dtype.name not in _NAMES or tensor.is_meta:
            raise ValueError(f"{name}: safetensors has no {tensor.dtype} on device {tensor.device}")
        if not tensor.is_contiguous():
            raise ValueError(f"You are trying to save a non contiguous tensor: `{name}` which is not allowed. Pack it with .contiguous() before saving.")
        if tensor.numel():
            owners.setdefault(id(interchange.storage_of(tensor)), []).append(name)
    for shared in owners.values():
        if len(shared) > 1 and _overlapping([tensors[name] for name in shared]):
            raise RuntimeError(f"Some tensors share memory, this will lead to duplicate memory on disk and potential differences when loading them again: {shared}.")


def _overlapping(tensors):
    ranges = sorted((t.data_ptr(), t.data_ptr() + t.numel() * t.element_size()) for t in tensors)
    return any(later[0] < earlier[1] for earlier, later in zip(ranges, ranges[1:]))


# ---- reading ----
def load_file(filename, device="cpu"):
    """The dict of tensors in a file.

    Raises
    ------
    CheckpointError
        The file is not exactly as the format says.
    """
    with contextlib.closing(files.open_source(os.fspath(filename))) as source:
        try:
            found, _ = read(source)
        except CheckpointError as error:
            error.path = str(filename)
            raise
    return _on(found, device)


def load(data):
    """The dict of tensors in bytes."""
    with contextlib.closing(files.MemorySource(data)) as source:
        return read(source)[0]


def load_metadata(filename):
    """The texts beside the tensors, or None; no tensor is read."""
    with contextlib.closing(files.open_source(os.fspath(filename))) as source:
        return _header(source)[1]


def _on(tensors, device):
    device = ops.device(device)
    return tensors if device.type == "cpu" else {name: tensor.to(device) for name, tensor in tensors.items()}


def read(source, mapped=False):
    """({name: Tensor}, metadata or None) of an open source."""
    entries, metadata, begin = _header(source)
    found = {}
    whole = None
    if mapped and entries:
        import mmap

        whole = mmap.mmap(source.descriptor, 0, access=mmap.ACCESS_COPY)
    for name, (dtype, shape, start, end) in entries.items():
        nbytes = end - start
        if not nbytes:
            found[name] = ops.empty(shape, dtype=dtype)
            continue
        if whole is not None and (begin + start) % dtype.itemsize == 0:
            elements = create.from_buffer(whole, ops.uint8, nbytes, begin + start)
        else:
            elements = ops.empty(nbytes, dtype=ops.uint8)
            with memoryview(elements) as view:
                source.read_into(begin + start, view)
        if dtype is ops.bool and elements.max().item() > 1:
            raise _bad("bool", "a bool tensor holds bytes other than 0 and 1", name, begin + start)
        strides, step = [], 1
        for n in reversed(shape):
            strides.insert(0, step)
            step *= max(n, 1)
        found[name] = tensor_over(interchange.storage_of(elements), dtype, 0, tuple(shape), tuple(strides))
    return found, metadata


def _bad(rule, message, record=None, offset=None):
    return CheckpointError("safetensors-" + rule, message, record=record, offset=offset)


def _header(source):
    """({name: (dtype, shape, start, end)}, metadata, offset of the first byte of tensors), all checked against the file."""
    if source.size < 8:
        raise _bad("header", "too short for a safetensors file", None, 0)
    length = int.from_bytes(source.read(0, 8), "little")
    if length > MAX_HEADER or length > source.size - 8 or length < 2:
        raise _bad("header", f"a header of {length} bytes is announced, the file has {source.size - 8} after the length", None, 0)
    raw = source.read(8, length)
    begin = 8 + length
    header = _parse(raw)
    metadata = header.pop(_METADATA, None)
    if metadata is not None and (type(metadata) is not dict or not all(type(text) is str for text in metadata.values())):
        raise _bad("metadata", "the metadata must be texts by name", _METADATA, 8)
    entries = {name: _entry(name, value) for name, value in header.items()}
    at = 0
    for name, (_, _, start, end) in sorted(entries.items(), key=lambda item: item[1][2:]):
        if start != at:
            raise _bad("layout", f"{'overlaps the tensor before it' if start < at else f'leaves {start - at} bytes unexplained before it'}", name, begin + start)
        at = end
    if begin + at != source.size:
        raise _bad("layout", f"the tensors end at {begin + at}, the file at {source.size}", None, begin + at)
    return entries, metadata, begin


def _parse(raw):
    """The header: JSON without a name twice, not deeper than it can be, padded by spaces only."""
    if raw[:1] != b"{":
        raise _bad("header", "the header does not begin with {", None, 8)
    brackets = re.sub(rb'"(?:[^"\\]|\\.)*"', b"", raw, flags=re.DOTALL).translate(None, _NO_BRACKETS)
    for _ in range(3):  # an entry's lists lie three deep; what is left then is deeper, or not balanced
        brackets = brackets.replace(b"[]", b"").replace(b"{}", b"")
    if brackets:
        raise _bad("depth", "the header is nested deeper than names, fields and lists", None, 8)
    try:
        found = json.loads(raw.rstrip(b" ").decode("utf-8"), object_pairs_hook=_unique, parse_float=_refuse_number, parse_constant=_refuse_number)
    except (ValueError, RecursionError) as error:
        raise _bad("header", f"the header is no JSON: {error}", None, 8) from None
    if type(found) is not dict:
        raise _bad("header", "the header is no JSON object", None, 8)
    return found


def _unique(pairs):
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _bad("name", "a name stands twice in the header", None, 8)
    return found


def _refuse_number(text):
    raise _bad("header", f"{text[:40]} is no whole number", None, 8)


def _entry(name, value):
    """(dtype, shape, start, end) of one tensor."""
    if "\0" in name:
        raise _bad("name", "a name with a zero byte", name)
    if type(value) is not dict or set(value) != {"dtype", "shape", "data_offsets"}:
        raise _bad("entry", "an entry has dtype, shape and data_offsets, and nothing else", name)
    kind, shape, offsets = value["dtype"], value["shape"], value["data_offsets"]
    if type(kind) is not str or kind not in DTYPES:
        raise _bad("dtype", f"unknown dtype {kind!r:.40}", name)
    if type(shape) is not list or len(shape) > MAX_NDIM or any(type(n) is not int or not 0 <= n < LIMIT for n in shape):
        raise _bad("shape", f"{shape!r:.200} is no shape", name)
    if type(offsets) is not list or len(offsets) != 2 or any(type(n) is not int or not 0 <= n < LIMIT for n in offsets) or offsets[0] > offsets[1]:
        raise _bad("offsets", f"{offsets!r:.200} are no offsets", name)
    dtype = getattr(ops, DTYPES[kind])
    numel = extent = 1
    for n in shape:
        numel *= n
        extent *= max(n, 1)
    if extent * dtype.itemsize >= LIMIT or numel * dtype.itemsize != offsets[1] - offsets[0]:
        raise _bad("shape", f"{numel} elements of {dtype.itemsize} bytes do not fill the {offsets[1] - offsets[0]} bytes from {offsets[0]} on", name)
    return dtype, shape, offsets[0], offsets[1]
