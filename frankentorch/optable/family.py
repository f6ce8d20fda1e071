"""What the family files share: `table()` collects rows, and the dtype classes a loop is given for.

A class names the codes one expression serves. `loop={REAL: "x + y", COMPLEX: "add(x, y)"}`; in an expression x, y, z are the
operands in order, scalar arguments go by their names, `T` is the C type computed in (`<T> 1` keeps float a float, where Cython takes a plain 1 for a double), and a function `f(x)` means `f_<code>(x)`
of vecmath. f16 and bf16 are computed in float and rounded once.
"""
from .schema import NONE, Op  # noqa: F401  (families import NONE from here)

BOOL = ("bool",)
UNSIGNED = ("u8", "u16", "u32", "u64")
SIGNED = ("i8", "i16", "i32", "i64")
WIDE_UNSIGNED = ("u16", "u32", "u64")
INT = ("u8", "i8", "i16", "i32", "i64", "u16", "u32", "u64")
HALF = ("f16", "bf16")
FULL = ("f32", "f64")
FLOAT = HALF + FULL
REAL = INT + FLOAT
COMPLEX = ("c64", "c128")
ALL = BOOL + REAL + COMPLEX
BOOL_INT = BOOL + INT
BOOL_REAL = BOOL + REAL
CODES = ("bool", "u8", "i8", "i16", "i32", "i64", "u16", "u32", "u64", "f16", "bf16", "f32", "f64", "c64", "c128")


def table():
    """A fresh (rows, op) pair: `op(...)` appends a row."""
    found = []

    def op(schema, **facts):
        found.append(Op(schema, **facts))

    return found, op
