"""The one way to write each argument of an op, and to read it back. A value without one is refused: LedgerError.

Plain JSON stands for None, bool, int, str and finite floats; everything else is a one-entry object:
``{"t": n}`` a tensor, ``{"g": n}`` a generator, ``{"l": [...]}`` a tuple or list, ``{"f": "nan"}`` a float that JSON has
no word for, ``{"c": [re, im]}`` complex, ``{"d": name}`` dtype, ``{"o": [type, text]}`` device, layout, memory format,
``{"s": [start, stop, step]}`` a slice, ``{"e": 0}`` the ellipsis, ``{"n": [n, dtype, sizes, strides]}`` fresh memory, which
becomes tensor n.
"""

import math
from importlib import import_module

from frankentorch._ext import dtype as kinds
from frankentorch._ext.random import Generator
from frankentorch._ext.tensor import Tensor
from frankentorch.runtime.ledger.errors import LedgerError

OPAQUE = {kinds.device: "device", kinds.layout: "layout", kinds.memory_format: "format"}


def encode(value, tensor, generator):
    """`value` as JSON; `tensor(t)` and `generator(g)` give numbers for those."""
    kind = type(value)
    if value is None or kind is bool or kind is int or kind is str:
        return value
    if kind is float:
        return value if math.isfinite(value) else {"f": repr(value)}
    if isinstance(value, Tensor):
        return {"t": tensor(value)}
    if kind is tuple or kind is list:
        return {"l": [encode(item, tensor, generator) for item in value]}
    if kind is kinds.dtype:
        return {"d": str(value).rpartition(".")[2]}
    if kind in OPAQUE:
        return {"o": [OPAQUE[kind], str(value).rpartition(".")[2]]}
    if kind is complex:
        return {"c": [repr(value.real), repr(value.imag)]}
    if isinstance(value, Generator):
        return {"g": generator(value)}
    if kind is slice:
        return {"s": [encode(item, tensor, generator) for item in (value.start, value.stop, value.step)]}
    if value is Ellipsis:
        return {"e": 0}
    if isinstance(value, (int, float, tuple, list)):  # subclasses: sizes, enums, numpy's float64
        plain = next(base for base in (int, float, tuple, list) if isinstance(value, base))
        return encode(plain(value), tensor, generator)
    raise LedgerError("encoding", f"no canonical encoding for an argument of type {kind.__module__}.{kind.__qualname__}: {value!r:.80}")


def decode(value, tensor, generator):
    """The reverse, with `tensor(n)` and `generator(n)` for numbers."""
    if not isinstance(value, dict):
        return value
    (key, inner), = value.items()
    if key == "t":
        return tensor(inner)
    if key == "n":
        return tensor(inner)
    if key == "l":
        return tuple(decode(item, tensor, generator) for item in inner)
    if key == "f":
        return float(inner)
    if key == "c":
        return complex(float(inner[0]), float(inner[1]))
    if key == "d":
        return getattr(import_module("frankentorch.ops"), inner)
    if key == "o":
        return _opaque(*inner)
    if key == "g":
        return generator(inner)
    if key == "s":
        return slice(*(decode(item, tensor, generator) for item in inner))
    if key == "e":
        return Ellipsis
    raise LedgerError("encoding", f"unknown value {value!r:.80}")


def _opaque(kind, text):
    ops = import_module("frankentorch.ops")
    return ops.device(text) if kind == "device" else getattr(ops, text)
