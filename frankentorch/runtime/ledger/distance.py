"""Where two tensors given as canonical elements differ, and by how much."""

import math
import struct

FORMATS = {"bool": "?", "uint8": "B", "int8": "b", "int16": "h", "int32": "i", "int64": "q", "uint16": "H", "uint32": "I", "uint64": "Q",
           "float16": "e", "float32": "f", "float64": "d", "complex64": "f", "complex128": "d"}
BITS = {"float16": "h", "bfloat16": "h", "float32": "i", "float64": "q", "complex64": "i", "complex128": "q"}


def first_difference(dtype, sizes, a, b):
    """{"index", "values", "ulp", "count"} of two element strings of one dtype and shape; None if equal.

    `index` is that of the first element that differs, `ulp` its distance in units of the last place (None for integers
    and where one is not a number), `count` how many differ.
    """
    width = len(a) // max(1, math.prod(sizes))
    different = [at for at in range(0, len(a), width) if a[at:at + width] != b[at:at + width]] if a != b else []
    if not different:
        return None
    at = different[0]
    flat, index = at // width, []
    for size in reversed(sizes):
        index.append(flat % size)
        flat //= size
    values = [value_of(dtype, part[at:at + width]) for part in (a, b)]
    return {"index": index[::-1], "values": values, "ulp": ulp_between(dtype, a[at:at + width], b[at:at + width]),
            "count": len(different), "of": math.prod(sizes)}


def value_of(dtype, data):
    if dtype == "bfloat16":
        return struct.unpack("<f", b"\0\0" + data)[0]
    form = FORMATS[dtype]
    parts = struct.unpack(f"<{len(data) // struct.calcsize(form)}{form}", data)
    return parts[0] if len(parts) == 1 else complex(*parts)


def ulp_between(dtype, a, b):
    """Steps between neighbouring numbers from a to b; the larger of both parts of a complex number."""
    if dtype not in BITS:
        return None
    form, size = BITS[dtype], struct.calcsize(BITS[dtype])
    steps = 0
    for at in range(0, len(a), size):
        pair = []
        for part in (a, b):
            value = value_of(dtype if len(a) == size else {"complex64": "float32", "complex128": "float64"}[dtype], part[at:at + size])
            if math.isnan(value):
                return None
            bits = struct.unpack("<" + form, part[at:at + size])[0]
            pair.append(bits if bits >= 0 else -(bits & (1 << 8 * size - 1) - 1))
        steps = max(steps, abs(pair[0] - pair[1]))
    return steps


def told(difference):
    """One line of a difference."""
    ulp = "" if difference["ulp"] is None else f", {difference['ulp']} ulp apart"
    return (f"first differing element {difference['index']}: {difference['values'][0]!r} and {difference['values'][1]!r}{ulp}; "
            f"{difference['count']} of {difference['of']} elements differ")


def norm_of(dtype, data):
    """Root of the sum of squares of stored elements, summed without rounding; None unless floating and finite."""
    if dtype not in BITS:
        return None
    width = {"float16": 2, "bfloat16": 2, "float64": 8, "complex128": 8}.get(dtype, 4)
    real = {"complex64": "float32", "complex128": "float64"}.get(dtype, dtype)
    if real == "bfloat16":
        values = [value_of(real, data[at:at + width]) for at in range(0, len(data), width)]
    else:
        values = struct.unpack(f"<{len(data) // width}{FORMATS[real]}", data)
    if not all(map(math.isfinite, values)):
        return None
    return math.sqrt(math.fsum(value * value for value in values))
