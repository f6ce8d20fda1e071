"""Two answers side by side: what was seen, whether it agrees, and by how many ulp it does not.

`observe` reduces a library's result to neutral facts (`Seen`); `Comparison` puts two such trees
against each other. Equal bytes end the matter; NumPy is asked only about bytes that differ.

Tolerances say when two roundings of one value are close. Where cancellation makes both far from it, the oracle's answer in
double precision from the same inputs, `truth`, decides: an element beyond the tolerance is accepted only if our error against
the truth is at most FACTOR times the oracle's own error (the largest in that tensor) plus PLACES units in the last place.
"""
from dataclasses import dataclass

from conformance.carrier import ITEMSIZE, Named, Sequence, dtype_name, read_bytes, resolved

# rtol, atol by dtype of the result, for operations that IEEE 754 does not pin down. Half, bfloat16 and
# float32 are the bounds that PyTorch's own `torch.testing.assert_close` documents; float64 is tighter.
TOLERANCE = {
    "float16": (1e-3, 1e-5), "bfloat16": (1.6e-2, 1e-5), "float32": (1.3e-6, 1e-5), "float64": (1e-9, 1e-9),
    "complex64": (1.3e-6, 1e-5), "complex128": (1e-9, 1e-9),
}
# Halves are also close when the error is small beside the largest element (4 units of roundoff): results and gradients that
# are sums of rounded terms are known to no better than that, and the oracle rounds them after every step.
NORMWISE = {"float16": 4 * 2.0 ** -11, "bfloat16": 4 * 2.0 ** -8}
FACTOR, PLACES = 3.0, 4.0        # the oracle's own two attention kernels lie up to 3 apart in this measure on the same input
DIGITS = {"float16": (11, -24), "bfloat16": (8, -133), "float32": (24, -149), "float64": (53, -1074)}   # of the significand; least exponent
META_CHECKS = ("dtype", "shape", "strides", "alias", "requires_grad")


@dataclass(eq=False)
class Seen:
    """Everything about a result tensor that a caller can observe."""

    dtype: str
    sizes: tuple
    strides: tuple
    requires_grad: bool
    alias: tuple | None      # (storage number among the inputs, byte offset), or None
    raw: bytes | None        # row-major values; None where memory is undefined

    def __repr__(self):
        return f"{self.dtype}{list(self.sizes)} strides {list(self.strides)} alias {self.alias}"


def observe(lib, value, builder=None, values=True):
    """A library's result as a tree of Seen and Python numbers."""
    if isinstance(value, lib.Tensor):
        return observe_tensor(value, builder, values)
    if isinstance(value, lib.Size):
        return Sequence("size", [int(item) for item in value])
    if isinstance(value, (list, tuple)):
        kind = "list" if isinstance(value, list) else "tuple"
        return Sequence(kind, [observe(lib, item, builder, values) for item in value])
    if isinstance(value, lib.dtype):
        return Named("dtype", dtype_name(value))
    return value


def observe_tensor(value, builder, values):
    name = dtype_name(value.dtype)
    alias = builder.alias_of(value.data_ptr()) if builder is not None and value.numel() else None
    return Seen(name, tuple(value.shape), tuple(value.stride()), bool(value.requires_grad), alias,
                raw_values(value, name) if values else None)


def raw_values(value, name=None):
    """Bytes of the elements in row-major order."""
    name = name or dtype_name(value.dtype)
    if not value.numel():
        return b""
    value = value.detach()
    if getattr(value, "_is_zerotensor", bool)():    # the oracle's symbolic zero has no memory to read
        return bytes(value.numel() * ITEMSIZE[name])
    value = resolved(value).contiguous()
    return read_bytes(value.data_ptr(), value.numel() * ITEMSIZE[name])


def decode(raw, name):
    """Bytes → NumPy array; bfloat16 becomes the float32 of the same value."""
    import numpy

    if name == "bfloat16":
        wide = numpy.frombuffer(raw, numpy.uint16).astype(numpy.uint32) << 16
        return wide.view(numpy.float32)
    return numpy.frombuffer(raw, numpy.dtype(name))


def ulp_distance(raw_a, raw_b, name):
    """Distance of each pair in units in the last place (0 where both are NaN), as float64."""
    import numpy

    if name.startswith("complex"):
        name = "float32" if name == "complex64" else "float64"
    bits = {"float16": numpy.int16, "bfloat16": numpy.int16, "float32": numpy.int32, "float64": numpy.int64}[name]
    places = []
    for raw in (raw_a, raw_b):
        signed = numpy.frombuffer(raw, bits).astype(numpy.int64)
        low = numpy.int64(numpy.iinfo(bits).min)
        places.append(numpy.where(signed < 0, low - signed, signed).astype(numpy.float64))
    distance = numpy.abs(places[0] - places[1])
    both = numpy.isnan(decode(raw_a, name)) & numpy.isnan(decode(raw_b, name))
    return numpy.where(both, 0.0, distance)


def bits_differ(raw_a, raw_b, name):
    """Elements with other bits, the sign of zero included; NaN equals NaN whatever its payload."""
    import numpy

    size = ITEMSIZE[name]
    pair = [decode(raw, name) for raw in (raw_a, raw_b)]
    words = [numpy.frombuffer(raw, numpy.uint8).reshape(-1, size) for raw in (raw_a, raw_b)]
    if name.startswith("complex"):      # component by component
        pair = [part.view(part.real.dtype) for part in pair]
        words = [word.reshape(-1, size // 2) for word in words]
    differ = (words[0] != words[1]).any(axis=1) & ~(numpy.isnan(pair[0]) & numpy.isnan(pair[1]))
    return differ.reshape(-1, 2).any(axis=1) if name.startswith("complex") else differ


def close(actual, expected, rtol, atol):
    """Element by element; NaN agrees with NaN, an infinity only with itself."""
    import numpy

    with numpy.errstate(all="ignore"):
        same = (actual == expected) | (numpy.isnan(actual) & numpy.isnan(expected))
        if numpy.iscomplexobj(expected):    # a component may be infinite or NaN on its own
            parts = [(getattr(actual, part), getattr(expected, part)) for part in ("real", "imag")]
            equal = [(a == e) | (numpy.isnan(a) & numpy.isnan(e)) for a, e in parts]
            finite = numpy.isfinite(expected)
            near = numpy.abs(actual - expected) <= atol + rtol * numpy.abs(expected)
            return same | (equal[0] & equal[1]) | (finite & near)
        wide = numpy.float64 if expected.dtype.kind == "f" else expected.dtype
        actual, expected = actual.astype(wide), expected.astype(wide)
        near = numpy.abs(actual - expected) <= atol + rtol * numpy.abs(expected)
        return same | (numpy.isfinite(expected) & near)


class Comparison:
    """Compares trees and collects differences as (check, message); keeps the greatest ulp distance."""

    def __init__(self, exact=False, truth=None, known=None):
        self.exact = exact
        self.known = known               # (ours, the oracle's) -> elements whose difference the drift ledger has, or None
        self.known_used = 0
        self.truth = truth               # () -> list of float64/complex128 arrays, or None
        self.differences = []
        self.max_ulp = 0.0
        self.saved_by_truth = 0
        self._truth = None

    def differ(self, check, message):
        self.differences.append((check, message))

    def trees(self, expected, actual, where="result"):
        self.position = 0
        self._trees(expected, actual, where)
        return self.differences

    def _trees(self, expected, actual, where):
        if isinstance(expected, Seen):
            position, self.position = self.position, self.position + 1
            if not isinstance(actual, Seen):
                self.differ("structure", f"{where}: {type(actual).__name__}, expected a tensor")
            else:
                self.tensors(expected, actual, where, position)
        elif isinstance(expected, Sequence):
            if not isinstance(actual, Sequence):
                self.differ("structure", f"{where}: {type(actual).__name__}, expected a {expected.kind}")
            elif actual.kind != expected.kind or len(actual.items) != len(expected.items):
                self.differ("structure", f"{where}: {actual.kind} of {len(actual.items)}, "
                                         f"expected {expected.kind} of {len(expected.items)}")
            else:
                for number, pair in enumerate(zip(expected.items, actual.items)):
                    self._trees(*pair, f"{where}[{number}]")
        elif isinstance(actual, (Seen, Sequence)):
            self.differ("structure", f"{where}: {type(actual).__name__}, expected {expected!r}")
        else:
            self.scalars(expected, actual, where)

    def scalars(self, expected, actual, where):
        if type(actual) is not type(expected):
            self.differ("structure", f"{where}: {type(actual).__name__}, expected {type(expected).__name__}")
        elif actual != expected and not (actual != actual and expected != expected):
            self.differ("value", f"{where}: {actual!r}, expected {expected!r}")

    def tensors(self, expected, actual, where, position):
        if actual.dtype != expected.dtype:
            self.differ("dtype", f"{where}: {actual.dtype}, expected {expected.dtype}")
        if actual.sizes != expected.sizes:
            self.differ("shape", f"{where}: {list(actual.sizes)}, expected {list(expected.sizes)}")
        elif significant(actual) != significant(expected):
            self.differ("strides", f"{where}: {list(actual.strides)}, expected {list(expected.strides)} "
                                   f"for {list(expected.sizes)}")
        if actual.alias != expected.alias:
            self.differ("alias", f"{where}: {describe_alias(actual.alias)}, expected {describe_alias(expected.alias)}")
        if actual.requires_grad != expected.requires_grad:
            self.differ("requires_grad", f"{where}: {actual.requires_grad}, expected {expected.requires_grad}")
        if actual.dtype == expected.dtype and actual.sizes == expected.sizes and expected.raw is not None:
            self.values(expected, actual, where, position)

    def values(self, expected, actual, where, position):
        if actual.raw == expected.raw:
            return
        name = expected.dtype
        if name not in TOLERANCE:
            wrong = decode(actual.raw, name) != decode(expected.raw, name)
        else:
            ulps = ulp_distance(actual.raw, expected.raw, name)
            if name.startswith("complex"):
                ulps = ulps.reshape(-1, 2).max(axis=1)
            self.max_ulp = max(self.max_ulp, float(ulps.max(initial=0.0)))
            if self.exact:
                wrong = bits_differ(actual.raw, expected.raw, name)
            else:
                wrong = self.beyond(expected, actual, name, position)
        if not wrong.any():
            return
        first = int(wrong.argmax())
        far = f", up to {self.max_ulp:.3g} ulp" if name in TOLERANCE else ""
        got, want = decode(actual.raw, name)[first], decode(expected.raw, name)[first]
        self.differ("value", f"{where}: {int(wrong.sum())} of {wrong.size} differ{far}; "
                             f"first at {unravel(first, expected.sizes)}: {got}, expected {want}")

    def beyond(self, expected, actual, name, position):
        """Elements out of tolerance that the value in double precision does not excuse."""
        import numpy

        got, want = decode(actual.raw, name), decode(expected.raw, name)
        wrong = ~close(got, want, *TOLERANCE[name])
        if name in NORMWISE and wrong.any():
            largest = numpy.abs(want[numpy.isfinite(want)]).max(initial=0.0).astype(numpy.float64)
            wrong &= ~close(got, want, 0.0, NORMWISE[name] * largest)
        if self.known is not None:
            with numpy.errstate(invalid="ignore"):
                known = wrong & self.known(got, want)
            self.known_used += int(known.any())
            wrong &= ~known
        if not wrong.any() or self.truth is None:
            return wrong
        if self._truth is None:
            self._truth = self.truth() or []
        if position >= len(self._truth) or self._truth[position].size != got.size:
            return wrong
        true = self._truth[position]
        with numpy.errstate(all="ignore"):
            ours, theirs = numpy.abs(got - true), numpy.abs(want - true)
            usable = numpy.isfinite(theirs)
            allowed = FACTOR * theirs[usable].max(initial=0.0) + PLACES * last_place(true, name)
            unexcused = wrong & ~(numpy.isfinite(ours) & (ours <= allowed))
        if not unexcused.any():
            self.saved_by_truth += 1
        return unexcused


def last_place(true, name):
    """The unit in the last place of `name` (of a complex dtype: of its components) at each value's size."""
    import numpy

    digits, least = DIGITS[{"complex64": "float32", "complex128": "float64"}.get(name, name)]
    _, exponent = numpy.frexp(numpy.abs(true))
    return numpy.ldexp(1.0, numpy.maximum(exponent - digits, least))


def significant(seen):
    """Strides that address anything: none for an empty tensor, none for dimensions of one element."""
    if 0 in seen.sizes:
        return ()
    return tuple(stride for size, stride in zip(seen.sizes, seen.strides) if size > 1)


def describe_alias(alias):
    return "memory of its own" if alias is None else f"input storage {alias[0]} at byte {alias[1]}"


def unravel(position, sizes):
    index = []
    for size in reversed(sizes):
        index.append(position % size)
        position //= size
    return index[::-1]


def same_exception(expected, actual):
    """The type a caller would catch: the first built-in class, and the own name of a library's class."""
    ours, theirs = first_builtin(actual), first_builtin(expected)
    if ours is not theirs:
        return False
    return type(expected) is theirs or type(actual).__name__ == type(expected).__name__


def first_builtin(exception):
    for cls in type(exception).__mro__:
        if cls.__module__ == "builtins":
            return cls
    return BaseException


def brief(exception, width=160):
    """Type and first line of an exception."""
    text = str(exception).strip().splitlines()
    text = f"{type(exception).__name__}: {text[0] if text else ''}"
    return text if len(text) <= width else text[:width - 1] + "…"
