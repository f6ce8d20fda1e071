"""Rows whose result is bool: comparisons and logic. Operands are compared in their common dtype."""
from .family import BOOL_REAL, COMPLEX, NONE, table

ROWS, op = table()
PLAIN = "function method inplace out"

for name, alias, symbol, text in (("eq", "", "==", "equal to"), ("ne", "not_equal", "!=", "unequal to"), ("lt", "less", "<", "less than"),
                                  ("le", "less_equal", "<=", "less than or equal to"), ("gt", "greater", ">", "greater than"),
                                  ("ge", "greater_equal", ">=", "greater than or equal to")):
    op(f"{name}(Tensor self, Operand other) -> Tensor", forms=PLAIN, aliases=alias, result="bool",
       loop={BOOL_REAL: f"x {symbol} y", **({COMPLEX: f"{name}(x, y)"} if name in ("eq", "ne") else {})}, grad=NONE,
       doc=f"Whether self is {text} other, element by element; NaN is unordered.", source="IEEE 754 comparison")

for name, expression, text in (("logical_and", "{x} & {y}", "both are"), ("logical_or", "{x} | {y}", "either is"), ("logical_xor", "({x}) != ({y})", "exactly one is")):
    op(f"{name}(Tensor self, Tensor other) -> Tensor", forms=PLAIN, result="bool",
       loop={BOOL_REAL: expression.format(x="(x != 0)", y="(y != 0)"),
             COMPLEX: expression.format(x="((x.re != 0) | (x.im != 0))", y="((y.re != 0) | (y.im != 0))")},
       grad=NONE, doc=f"Whether {text} nonzero.")
