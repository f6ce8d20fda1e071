"""Elementwise ops: every loop row of the op table that has a public name, and the composites beside them."""
from bench.sweep.case import FLOATS, INTEGERS, Input, case
from frankentorch import optable

DTYPES = (*FLOATS, *INTEGERS)
SIZES = ((100,), (10_000,), (1_000_000,))
PLANES = ((100, 100), (1000, 1000))          # as many elements as the larger sizes, with a dim to broadcast along
TENSORS = ("Tensor", "Operand")
NUMBERS = {"threshold": (0.1, 0.0)}          # scalar arguments without a default
DOMAINS = {                                  # of all operands; others take normal numbers
    **dict.fromkeys(("log", "log2", "log10", "log1p", "sqrt", "rsqrt", "lgamma", "digamma", "igamma", "igammac", "special_entr", "special_zeta", "pow",
                     "xlogy", "special_xlog1py", "special_bessel_y0", "special_bessel_y1", "special_modified_bessel_k0", "special_modified_bessel_k1",
                     "special_scaled_modified_bessel_k0", "special_scaled_modified_bessel_k1"), "positive"),
    **dict.fromkeys(("asin", "acos", "atanh", "erfinv", "special_ndtri"), "unit"), "acosh": "above",
    **dict.fromkeys(("bitwise_left_shift", "bitwise_right_shift"), "small"),
}
COMPOSITES = {                               # of x alone
    "square": "x.square()", "pow 2": "x ** 2", "pow 3": "x ** 3", "pow -1": "x ** -1", "2 ** x": "2 ** x", "clamp": "x.clamp(-1, 1)", "clamp min": "x.clamp(min=0)",
    "nan_to_num": "x.nan_to_num()", "round 2": "x.round(decimals=2)", "angle": "x.angle()", "logit": "x.logit(1e-3)", "deg2rad": "x.deg2rad()", "rad2deg": "x.rad2deg()",
    "add number": "x + 3", "mul number": "x * 3", "div number": "x / 3", "rsub number": "3 - x", "divide by": "3 / x", "floor_divide number": "x // 3",
    "remainder number": "x % 3", "fmod number": "x.fmod(3)", "compare number": "x > 3", "eq number": "x == 3", "and number": "x & 3", "shift number": "x << 2",
    "masked_fill": "x.masked_fill(m, 0)", "where number": "torch.where(m, x, 0)", "add_ number": "z.add_(0)", "mul_ number": "z.mul_(1)", "fill_": "z.fill_(1)", "clone": "x.clone()",
    "gelu": "F.gelu(x)", "gelu tanh": "F.gelu(x, approximate='tanh')", "logsigmoid": "F.logsigmoid(x)", "softsign": "F.softsign(x)", "tanhshrink": "F.tanhshrink(x)",
    "relu6": "F.relu6(x)", "selu": "F.selu(x)", "celu": "F.celu(x)", "rrelu": "F.rrelu(x)", "prelu": "F.prelu(x, x[:1].contiguous())", "frexp": "x.frexp()",
    "polygamma 1": "x.polygamma(1)", "isposinf": "x.isposinf()", "lerp number": "x.lerp(x, 0.3)",
}
PAIRS = {                                    # of x and y, broadcast as the ops of the table
    "where": "torch.where(m, x, y)", "copy_": "z.copy_(y)", "add alpha": "x.add(y, alpha=2)", "div trunc": "torch.div(x, y, rounding_mode='trunc')",
    "div floor": "torch.div(x, y, rounding_mode='floor')", "isclose": "x.isclose(y)", "clamp tensors": "x.clamp(y, y)", "lerp weight number": "x.lerp(y, 0.3)", "add_": "z.add_(y)",
    "mul_": "z.mul_(y)", "ldexp": "torch.ldexp(x, y)", "float_power": "torch.float_power(x, y)", "complex": "torch.complex(x, y)", "polar": "torch.polar(x, y)", "equal": "x.equal(x.clone())",
}


def public(row):
    return row.loop and "internal" not in row.forms and ("function" in row.forms or "nn" in row.forms)


def operands(row):
    return sum(arg.kind in TENSORS for arg in row.args)


def expression(row):
    """The call of a row by its public name, over x, y, z."""
    place = "torch." if "function" in row.forms else "F."
    name = row.name.replace("special_", "special.", 1) if row.name.startswith("special_") else row.name
    arguments = [*"xyw"[:operands(row)], *map(str, NUMBERS.get(row.name, ()))]
    return f"{place}{name}({', '.join(arguments)})"


def table(special):
    """[(label, expression, operands, domain)] of the rows of the special functions or of the others."""
    return [(row.name, expression(row), operands(row), DOMAINS.get(row.name, "normal")) for row in optable.rows()
            if public(row) and row.name.startswith(("special_", "igamma", "i0")) == special]


def contiguous(label, text, count, domain, dtype, sizes=SIZES):
    for shape in sizes:
        yield case(label, text, dtype, shape, **inputs(count, domain, dtype, shape, shape, "contiguous"))


def inputs(count, domain, dtype, shape, other, layout):
    """What an expression's names stand for: x and the others of one dtype, m a mask, z a copy of x to write to."""
    return {"x": Input(shape, dtype, layout, domain), **{name: Input(other, dtype, layout, domain) for name in "yw"[:count - 1]},
            "m": Input(shape, "bool"), "z": "x.clone()"}


def broadcast(label, text, count, domain, dtype):
    """The second operand (and the third) a row, a column; all of them strided."""
    for rows, columns in PLANES:
        shape = (rows, columns)
        for layout, other in (("row", (columns,)), ("column", (rows, 1))):
            yield case(label, text, dtype, shape, layout, **inputs(count, domain, dtype, shape, other, "contiguous"))
        yield case(label, text, dtype, shape, "strided", **inputs(count, domain, dtype, shape, shape, "strided"))


def strided(label, text, count, domain, dtype, planes=PLANES):
    for shape in planes:
        yield case(label, text, dtype, shape, "strided", **inputs(count, domain, dtype, shape, shape, "strided"))


def unary():
    for label, text, count, domain in (*(row for row in table(special=False) if row[2] == 1), *((label, text, 1, "normal") for label, text in COMPOSITES.items())):
        for dtype in DTYPES:
            yield from contiguous(label, text, count, domain, dtype)
            yield from strided(label, text, count, domain, dtype)


def binary():
    """Ops of two operands and three."""
    for label, text, count, domain in (*(row for row in table(special=False) if row[2] > 1), *((label, text, 2, "normal") for label, text in PAIRS.items())):
        for dtype in DTYPES:
            yield from contiguous(label, text, count, domain, dtype)
            yield from broadcast(label, text, count, domain, dtype)
    for dtype in DTYPES:
        for label, text in (("add", "x + y"), ("copy", "x.contiguous()"), ("abs", "x.abs()"), ("compare", "x > y")):
            for shape in PLANES:
                yield case(f"{label} transposed", text, dtype, shape, x=Input(shape, dtype, "transposed"), y=Input(shape, dtype))


def special():
    """Functions of special mathematics, at sizes that their cost allows."""
    for label, text, count, domain in table(special=True):
        for dtype in (*FLOATS, "int64"):
            if "polynomial" in label:        # of an order that is one number for all
                yield from contiguous(label, text.replace("y)", "5)"), 1, "unit", dtype, SIZES[:2])
            else:
                yield from contiguous(label, text, count, domain, dtype, SIZES[:2])
                yield from strided(label, text, count, domain, dtype, PLANES[:1])
