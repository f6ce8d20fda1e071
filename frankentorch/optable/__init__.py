"""The op table: the only place where an op is declared. Standard library only; nothing of the package is imported here.

``rows()`` gives every row in order; ``python -m frankentorch.optable NAME`` prints a row and what derives from it.
"""
from importlib import import_module

FAMILIES = ("unary", "binary", "compare", "ternary", "create", "shape", "index", "reduce", "scan", "sort", "linalg", "activation", "conv",
            "pool", "norm", "loss", "random", "composite", "arrange", "statistics", "signal", "fft", "special")
_rows = None


def rows():
    """Every `Op`, family by family, in the order of the files."""
    global _rows
    if _rows is None:
        found = []
        for family in FAMILIES:
            found += import_module(f"{__name__}.{family}").ROWS
        import_module(f"{__name__}.batch").mark(found)
        _rows = tuple(found)
    return _rows


def differentiable():
    """Rows with a derivative of their own."""
    return tuple(row for row in rows() if row.differentiable)


def find(name):
    """Rows of one name, all overloads."""
    return tuple(row for row in rows() if row.name == name)
