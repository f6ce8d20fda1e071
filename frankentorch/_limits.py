"""`finfo` and `iinfo`: the numeric limits of a dtype, worked out from its bit widths (IEEE 754; bfloat16 has float32's exponent)."""
from frankentorch import ops

# significand bits (the hidden one included), largest binary exponent, decimal digits every value of the format keeps
_FORMATS = {"float16": (11, 15, 3), "bfloat16": (8, 127, 2), "float32": (24, 127, 6), "float64": (53, 1023, 15)}


class finfo:
    """Limits of a floating dtype: ``bits, eps, max, min, tiny, smallest_normal, resolution, dtype``. A complex dtype answers for its parts.

    Raises
    ------
    TypeError
        The dtype is an integer or bool one.
    """

    __slots__ = ("bits", "eps", "max", "min", "tiny", "smallest_normal", "resolution", "dtype")

    def __init__(self, type=None):
        type = ops.get_default_dtype() if type is None else type
        if not isinstance(type, ops.dtype):
            raise TypeError(f"finfo(): argument 'type' (position 1) must be torch.dtype, not {_kind(type)}")
        if not type.is_floating_point and not type.is_complex:
            raise TypeError(f"torch.finfo() requires a floating point input type. Use torch.iinfo to handle '{type}'")
        type = type.to_real()
        digits, exponent, decimals = _FORMATS[type.name]
        set_field = object.__setattr__
        set_field(self, "bits", 8 * type.itemsize)
        set_field(self, "eps", 2.0 ** (1 - digits))
        set_field(self, "max", (2.0 - 2.0 ** (1 - digits)) * 2.0 ** exponent)
        set_field(self, "min", -self.max)
        set_field(self, "smallest_normal", 2.0 ** (1 - exponent))
        set_field(self, "tiny", self.smallest_normal)
        set_field(self, "resolution", float(f"1e-{decimals}"))
        set_field(self, "dtype", type.name)

    def __setattr__(self, name, value):
        raise AttributeError(f"attribute '{name}' of 'torch.finfo' objects is not writable")

    def __repr__(self):
        return (f"finfo(resolution={self.resolution:g}, min={self.min:g}, max={self.max:g}, eps={self.eps:g}, "
                f"smallest_normal={self.smallest_normal:g}, tiny={self.tiny:g}, dtype={self.dtype})")

    def __eq__(self, other):
        return self.dtype == other.dtype if isinstance(other, finfo) else NotImplemented

    def __hash__(self):
        return hash(("finfo", self.dtype))


class iinfo:
    """Limits of an integer dtype: ``bits, min, max, dtype``.

    Raises
    ------
    TypeError
        The dtype is floating, complex or bool.
    """

    __slots__ = ("bits", "min", "max", "dtype")

    def __init__(self, type):
        if not isinstance(type, ops.dtype):
            raise TypeError(f"iinfo(): argument 'type' (position 1) must be torch.dtype, not {_kind(type)}")
        if type.is_floating_point or type.is_complex:
            raise TypeError(f"torch.iinfo() requires an integer input type. Use torch.finfo to handle '{type}'")
        if type is ops.bool:
            raise TypeError("torch.bool is not supported by torch.iinfo")
        bits = 8 * type.itemsize
        set_field = object.__setattr__
        set_field(self, "bits", bits)
        set_field(self, "min", -(1 << bits - 1) if type.is_signed else 0)
        set_field(self, "max", (1 << bits - type.is_signed) - 1)
        set_field(self, "dtype", type.name)

    def __setattr__(self, name, value):
        raise AttributeError(f"attribute '{name}' of 'torch.iinfo' objects is not writable")

    def __repr__(self):
        return f"iinfo(min={float(self.min):g}, max={float(self.max):g}, dtype={self.dtype})"

    def __eq__(self, other):
        return self.dtype == other.dtype if isinstance(other, iinfo) else NotImplemented

    def __hash__(self):
        return hash(("iinfo", self.dtype))


def _kind(value):
    return value.__class__.__name__
