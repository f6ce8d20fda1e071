"""The oracle's promotion rules as a complete table: `python -m conformance promotion` writes promotion.json.

Rows are in the order of DTYPES; each row is a string of dtype numbers in base 16. A pair that the
oracle refuses is a dot. `promotion.json` lets the tests compare every pair without the oracle.
"""
import json
import pathlib

from conformance.carrier import ITEMSIZE, dtype_name

PATH = pathlib.Path(__file__).with_name("recorded") / "promotion.json"
DTYPES = ("bool", "uint8", "int8", "int16", "int32", "int64", "uint16", "uint32", "uint64",
          "float16", "bfloat16", "float32", "float64", "complex64", "complex128")
HALF_COMPLEX = "h"         # complex32, which float16 with a complex number gives; not one of our dtypes
SCALARS = {"bool": True, "int": 3, "float": 1.5, "complex": 1j}
OPERATIONS = ("add", "div", "floor_divide", "pow", "eq", "bitwise_and", "atan2", "maximum", "where")
UNARY = ("exp", "abs", "neg", "sum", "mean", "cumsum", "prod", "floor", "sqrt", "sign", "logical_not", "var", "argmax")

assert set(DTYPES) == set(ITEMSIZE)


def code(call):
    """Number of the dtype that the call gives, in base 16, or a dot where it raises."""
    try:
        result = call()
    except (RuntimeError, TypeError, ValueError, NotImplementedError, IndexError):
        return "."
    name = dtype_name(getattr(result, "dtype", result))
    return HALF_COMPLEX if name == "complex32" else f"{DTYPES.index(name):x}"


def operand(lib, dtype, zero_dim):
    return lib.ones((), dtype=dtype) if zero_dim else lib.ones(2, dtype=dtype)


def matrix(lib, function, left_zero_dim, right_zero_dim):
    """One string per left dtype, one character per right dtype."""
    dtypes = [getattr(lib, name) for name in DTYPES]
    return ["".join(code(lambda: function(operand(lib, a, left_zero_dim), operand(lib, b, right_zero_dim)))
                    for b in dtypes) for a in dtypes]


def tables(lib):
    """{table: rows} of everything that is recorded, asked of a library."""
    dtypes = [getattr(lib, name) for name in DTYPES]
    found = {}
    for label, left, right in (("dim dim", False, False), ("dim 0-d", False, True), ("0-d 0-d", True, True)):
        found[f"result_type {label}"] = matrix(lib, lib.result_type, left, right)
    for label, zero_dim in (("dim", False), ("0-d", True)):
        found[f"result_type {label} scalar"] = [
            "".join(code(lambda: lib.result_type(operand(lib, dtype, zero_dim), scalar)) for scalar in SCALARS.values())
            for dtype in dtypes]
    found["promote_types"] = ["".join(code(lambda: lib.promote_types(a, b)) for b in dtypes) for a in dtypes]
    found["can_cast"] = ["".join(str(int(lib.can_cast(a, b))) for b in dtypes) for a in dtypes]
    for name in OPERATIONS:
        function = getattr(lib, name)
        call = (lambda a, b: function(lib.ones(2, dtype=lib.bool), a, b)) if name == "where" else function
        found[name] = matrix(lib, call, False, False)
        found[f"{name} scalar"] = ["".join(code(lambda: call(operand(lib, dtype, False), scalar))
                                           for scalar in SCALARS.values()) for dtype in dtypes]
    for name in UNARY:
        found[name] = ["".join(code(lambda: apply(lib, name, dtype)) for dtype in dtypes)]
    return found


def apply(lib, name, dtype):
    value = operand(lib, dtype, False)
    return getattr(lib, name)(value, 0) if name in ("cumsum", "prod", "sum", "mean", "var", "argmax") else getattr(lib, name)(value)


def write(path=PATH):
    import torch

    found = {"oracle": torch.__version__.partition("+")[0], "dtypes": " ".join(DTYPES), "scalars": " ".join(SCALARS),
             "tables": tables(torch)}
    pathlib.Path(path).write_text(json.dumps(found, indent=1) + "\n")
    print(f"wrote {path}")
    return 0


def load(path=PATH):
    return json.loads(pathlib.Path(path).read_text())

