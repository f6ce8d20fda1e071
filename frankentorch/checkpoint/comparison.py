"""`diff`: what differs between two states, tensor by tensor."""

import struct
from typing import NamedTuple

from frankentorch._tensor import Tensor

from frankentorch import ops
from frankentorch.checkpoint import reader
from frankentorch.checkpoint.names import step

_UNSIGNED = {"float16": "uint16", "bfloat16": "uint16", "float32": "uint32", "float64": "uint64", "complex64": "uint32", "complex128": "uint64"}


class Difference(NamedTuple):
    """One name: `status` is equal, values, dtype, shape, type, only in first or only in second.

    For tensors whose values differ: how many elements, the largest distance in units in the last place (floats: numbers of
    representable values between the two; None if a NaN stands against a number) and the largest absolute difference.
    """

    name: str
    status: str
    first: str = ""
    second: str = ""
    count: int = 0
    max_ulp: int = None
    max_abs: float = None


def diff(first, second, *, equal=False):
    """Compare two checkpoints (paths) or two states.

    Returns
    -------
    list of Difference
        Sorted by name; with `equal`, also what is the same.
    """
    sides = [dict(leaves(reader.load(side) if isinstance(side, str) or hasattr(side, "__fspath__") else side)) for side in (first, second)]
    found = []
    for name in sorted(sides[0].keys() | sides[1].keys()):
        if name not in sides[1]:
            found.append(Difference(name, "only in first", describe(sides[0][name])))
        elif name not in sides[0]:
            found.append(Difference(name, "only in second", "", describe(sides[1][name])))
        else:
            found.append(compare(name, sides[0][name], sides[1][name]))
    return [row for row in found if equal or row.status != "equal"]


def leaves(value, name=""):
    """(name, value) of every value that is no container with something in it."""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from leaves(item, step(name, key))
    elif isinstance(value, (list, tuple)) and value and not hasattr(value, "numel"):
        for position, item in enumerate(value):
            yield from leaves(item, step(name, position))
    else:
        yield name, value


def describe(value, width=60):
    """One line about a value."""
    if isinstance(value, Tensor):
        return f"{str(value.dtype).rpartition('.')[2]}{list(value.shape)}"
    text = repr(value)
    return text if len(text) <= width else text[:width - 3] + "..."


def compare(name, first, second):
    texts = describe(first), describe(second)
    if isinstance(first, Tensor) != isinstance(second, Tensor) or type(first) is not type(second) and not isinstance(first, Tensor):
        return Difference(name, "type", *texts)
    if not isinstance(first, Tensor):
        same = struct.pack("<d", first) == struct.pack("<d", second) if isinstance(first, float) else first == second
        return Difference(name, "equal" if same else "values", *texts)
    if first.dtype != second.dtype:
        return Difference(name, "dtype", *texts)
    if first.shape != second.shape:
        return Difference(name, "shape", *texts)
    return compare_tensors(name, first.detach(), second.detach(), texts)


def compare_tensors(name, first, second, texts):
    import numpy

    from frankentorch._ext.create import tensor_bytes

    dtype = str(first.dtype).rpartition(".")[2]
    raw = [tensor_bytes(tensor) for tensor in (first, second)]
    if raw[0] == raw[1]:
        return Difference(name, "equal", *texts)
    items = [numpy.frombuffer(content, dtype=f"V{first.dtype.itemsize}") for content in raw]
    count = int((items[0] != items[1]).sum())
    if dtype not in _UNSIGNED:
        integers = [numpy.frombuffer(content, dtype=dtype if dtype != "bool" else "uint8").astype(object if dtype.endswith("64") else numpy.int64) for content in raw]
        return Difference(name, "values", *texts, count, None, float(abs(integers[0] - integers[1]).max()))
    bits = [numpy.frombuffer(content, dtype=_UNSIGNED[dtype]) for content in raw]
    return Difference(name, "values", *texts, count, largest_ulp(*bits, dtype), largest_distance(first, second))


def largest_ulp(first, second, dtype):
    """Over all elements; floats of one sign are ordered as their bits are, so distances are differences of bits, folded at zero."""
    import numpy

    sign = first.dtype.type(1 << (8 * first.dtype.itemsize - 1))
    exponent = {"float16": 0x7C00, "bfloat16": 0x7F80, "float32": 0x7F800000, "complex64": 0x7F800000}.get(dtype, 0x7FF0000000000000)
    nan = [(side & ~sign) > first.dtype.type(exponent) for side in (first, second)]
    if (nan[0] != nan[1]).any():
        return None
    keep = ~nan[0]
    keys = [numpy.where(side & sign, sign - (side & ~sign), sign + side)[keep] for side in (first, second)]
    if not keys[0].size:
        return 0
    return int((numpy.maximum(*keys) - numpy.minimum(*keys)).max())


def largest_distance(first, second):
    """Largest absolute difference in float64; infinities and NaN that agree count as none."""
    if first.is_complex():
        first, second = ops.view_as_real(first), ops.view_as_real(second)
    distance = (first.to(ops.float64) - second.to(ops.float64)).abs().reshape(-1)
    distance = distance[~distance.isnan()]
    return distance.max().item() if distance.numel() else float("nan")
