"""From rows to flat rows: every decision a template or a writer would have to make is made here."""
import ast
import re
import zlib

from .check import formula_names, saved_value
from .family import CODES, COMPLEX, FLOAT
from .schema import GUARDS, KIND_NUMBER, NONE, OUT_RULES, REQUIRED, SchemaError

COMPUTE = {"f16": "f32", "bf16": "f32"}
REAL_OF = {"c64": "f32", "c128": "f64"}
# functions over vectors of _ext/widemath.pxd, widequotient.pxd, and (LONG) lightmath, vecmath64 and special.pxd.in, by dtype: a loop that
# calls one, and no others but those which the compiler vectorises alone (PLAIN), runs on vectors
WIDE = {"f32": ("vf", {"exp", "exp2", "log", "tanh", "sigmoid", "erf", "sin", "cos", "minimum", "maximum", "silu", "gelu", "gelu_tanh", "silu_backward",
                      "fmod", "remainder", "floordiv"}),
        "f64": ("vd", {"exp", "sigmoid", "silu", "silu_backward", "minimum", "maximum", "fmod", "remainder", "floordiv"})}
PLAIN = {"abs", "fma", "copysign"}
# the functions long enough to stand in a function of their own, which works out two vectors at a time, but of the longest one vector of
# floats, which is two of doubles
LONG = {"f32": {"acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cosh", "digamma", "entr", "erfc", "erfcx", "erfinv", "expm1", "lgamma", "log10",
                "log1p", "log2", "log_ndtr", "mish", "ndtr", "ndtri", "pow", "sinc", "sinh", "tan", "xlog1py"},
        "f64": {"acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cos", "cosh", "digamma", "entr", "erf", "erfc", "erfcx", "erfinv", "exp2", "expm1", "gelu",
                "gelu_tanh", "lgamma", "log", "log10", "log1p", "log2", "log_ndtr", "mish", "ndtr", "ndtri", "pow", "sin", "sinc", "sinh", "tan", "tanh",
                "xlog1py"}}
BESSEL = {"airy_ai", "i0", "i0e", "i1", "i1e", "j0", "j1", "k0", "k0e", "k1", "k1e", "spherical_j0", "y0", "y1"}
LONGEST = {"digamma", "lgamma", "sinc"} | BESSEL
# and functions with loops, which take one vector at a time in float64 too
STEPWISE = {"chebyshev_t", "chebyshev_u", "chebyshev_v", "chebyshev_w", "gammainc", "gammaincc", "hermite_h", "hermite_he", "laguerre_l", "legendre_p", "polygamma",
            "zeta"}
for functions in LONG.values():
    functions |= STEPWISE | BESSEL
# shorter ways of a function <fn>: <fn>_<way> serves vectors of which <fn>_is_<way> is true
WAYS = {"f32": {"digamma": ["right", "middle"]},
        "f64": {"cos": ["near"], "digamma": ["right", "middle"], "lgamma": ["right", "middle"], "sin": ["near"], "tan": ["near"]}}
# more loops of a row with `vectors`: for halves (operands widened to float, one rounding back), which else borrow float32's, and, of rows
# of several operands, with one number for all of y (and of z), of x, or of z alone, which else is repeated in blocks
# Halves of a row with `words` are worked out as the words they are, for signs and sizes need no float.
# name: dtype, dtype of numbers, vector, operands that are one number, how many operands a row must have
MORE_KINDS = {"f16": ("f16", "f32", "vf", "", (1, 2, 3)), "bf16": ("bf16", "f32", "vf", "", (1, 2, 3)),
              "repeated": ("f32", "f32", "vf", "yz", (2, 3)), "repeated_f64": ("f64", "f64", "vd", "yz", (2, 3)),
              "led": ("f32", "f32", "vf", "x", (2,)), "led_f64": ("f64", "f64", "vd", "x", (2,)),
              "ended": ("f32", "f32", "vf", "z", (3,)), "ended_f64": ("f64", "f64", "vd", "z", (3,))}
CALL = re.compile(r"\b([a-z]\w*)\(")
SIGNS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.BitAnd: "&", ast.BitOr: "|", ast.And: "&", ast.Or: "|"}
TESTS = {ast.Lt: "mask_lt_{k}({x}, {y})", ast.Gt: "mask_lt_{k}({y}, {x})", ast.Eq: "mask_eq_{k}({x}, {y})", ast.NotEq: "(~mask_eq_{k}({x}, {y}))",
         ast.LtE: "mask_le_{k}({x}, {y})", ast.GtE: "mask_le_{k}({y}, {x})"}
# rows of one operand that serve a power by a plain number, as in PyTorch
POWERS = {2: "_squared", 3: "_cubed", 0.5: "sqrt", -0.5: "rsqrt", -1: "reciprocal", -2: "_inverse_square"}
LOOP_SHARDS, COMPLEX_SHARDS, SHARD_ROOM = 6, 2, 96     # COMPLEX_SHARDS divides LOOP_SHARDS
OPERAND_NAMES = ("x", "y", "z")
RESULT_NUMBER = {"same": 0, "bool": 1, "real": 2, "i64": 3}
PROMOTE_NUMBER = {None: 0, "same": 0, "int_to_float": 1, "none": 2, "skip_first": 3}
SAVE_KINDS = ("arg", "output", "sizes", "strides", "dtype", "ndim", "numel", "device", "offset", "output_sizes", "output_dtype", "output_ndim")


class Flat:
    """One printed line of a template: plain attributes."""

    def __init__(self, **facts):
        self.__dict__.update(facts)


def loop_shard(name):
    """Shard that holds the loops of the row `name`: by its hash, so that a new row moves nothing outside its own shard."""
    return zlib.crc32(name.encode()) % LOOP_SHARDS


def loop_numbers(rows):
    """{full name: loop number} of the rows that have loops: shard times room plus the place among the shard's names."""
    shards = [[] for _ in range(LOOP_SHARDS)]
    for row in rows:
        if row.loop is not None:
            shards[loop_shard(row.full_name)].append(row.full_name)
    if max(map(len, shards)) > SHARD_ROOM:
        raise SchemaError(f"a shard of loops holds {max(map(len, shards))} rows; room is for {SHARD_ROOM}: raise SHARD_ROOM")
    return {name: shard * SHARD_ROOM + place for shard, names in enumerate(shards) for place, name in enumerate(sorted(names))}


def loop_parts(rows):
    """[(part name, its flat rows)]: one part per shard for the real dtypes; complex loops, compiled with other flags, share fewer."""
    numbers = loop_numbers(rows)
    parts = []
    for kind, count in (("real", LOOP_SHARDS), ("complex", COMPLEX_SHARDS)):
        for shard in range(count):
            inside = [row for row in rows if row.loop is not None and loop_shard(row.full_name) % count == shard]
            inside.sort(key=lambda row: row.full_name)
            flats = [flat for row in inside for flat in elementwise(row, numbers[row.full_name], kind == "complex")]
            more = [flat for row in inside if kind == "real" for flat in more_loops(row, numbers[row.full_name])]
            parts.append((f"loops_{kind}_{shard}", flats, more))
    return parts


def more_loops(row, number):
    """Flat rows of a row's loops over MORE_KINDS; their slots follow those of all other loops."""
    if not row.vectors and not row.words:
        return []
    names = OPERAND_NAMES[:len(row.operand_args)]
    tree = ast.parse(row.loop[FLOAT] if row.vectors in (True, None) else row.vectors, mode="eval").body
    parameters = [Flat(name=p.name, offset=16 * i) for i, p in enumerate(row.parameter_args)]
    first = LOOP_SHARDS * SHARD_ROOM * len(CODES)
    return [Flat(name=f"loop_{row.full_name.replace('.', '_')}_{name}", code=code, compute=compute, kind=kind, half=code != compute, words=code != compute and row.words,
                 expression=row.words if code != compute and row.words else vector_text(tree, kind),
                 operands=[Flat(name=n, pointer="abc"[i], single=n in single) for i, n in enumerate(names)], parameters=parameters,
                 slot=first + len(MORE_KINDS) * number + i)
            for i, (name, (code, compute, kind, single, counts)) in enumerate(MORE_KINDS.items()) if len(names) in counts and (row.vectors or code != compute)]


def elementwise(row, number, complex_codes):
    """Flat rows of one row's loops, of the complex dtypes or of the others.

    Halves borrow float32's loop, and the walk casts their blocks (`borrowed`).
    """
    return [flat_loop(row, number, code, expression, [c for c in codes if c in COMPUTE] if code == "f32" else [])
            for codes, expression in row.loop.items() for code in codes if code not in COMPUTE and (code in COMPLEX) == complex_codes]


def wide_text(expression, code):
    """The expression over vectors, None if it needs anything they do not have."""
    kind, short = WIDE.get(code, (None, set()))
    known = short | LONG.get(code, set())
    calls = set(CALL.findall(expression))
    if not calls & known or not calls <= known | PLAIN:
        return None
    return vector_text(ast.parse(re.sub(r"<\s*T\s*>", "", expression), mode="eval").body, kind)


def vector_text(node, kind):
    """Cython text of an expression over vectors, operation by operation: numbers stand in all elements, tests give masks, a choice picks."""
    def text(part):
        return vector_text(part, kind)

    match node:
        case ast.Name():
            return node.id
        case ast.Constant():
            return f"all_{kind}({node.value})"
        case ast.UnaryOp(op=ast.USub()):
            return f"(-{text(node.operand)})"
        case ast.BinOp():
            return f"({text(node.left)} {SIGNS[type(node.op)]} {text(node.right)})"
        case ast.BoolOp():
            return "(" + f" {SIGNS[type(node.op)]} ".join(map(text, node.values)) + ")"
        case ast.Compare(ops=[test]):
            return TESTS[type(test)].format(k=kind, x=text(node.left), y=text(node.comparators[0]))
        case ast.IfExp():
            return f"pick_{kind}({text(node.test)}, {text(node.body)}, {text(node.orelse)})"
        case ast.Call():
            return f"{node.func.id}_{kind}({', '.join(map(text, node.args))})"
    raise SchemaError(f"no vectors for {ast.unparse(node)}")


def ways(expression, code, wide, vectors):
    """[(test, text)] of the shorter ways of a function of x over all vectors of a step, then the one that always serves."""
    name = expression.removesuffix("(x)")
    kind = WIDE.get(code, (None,))[0]
    found = []
    for way in WAYS.get(code, {}).get(name, ()):
        tests = [f"{name}_is_{way}_{kind}(load_{kind}(xs + {i} * FT_WIDTH_{kind.upper()}))" for i in range(vectors)]
        found.append((" & ".join(tests), f"{name}_{way}_{kind}(x)"))
    return [*found, (None, wide)]


def flat_loop(row, number, code, expression, borrowers):
    compute = code
    out = {"same": code, "bool": "bool", "real": REAL_OF.get(code, code), "i64": "i64"}[row.result]
    # `int(` and `T(` are not functions; every other call is to the dtype's own version
    text = CALL.sub(lambda m: f"{m[1]}_{compute}(", expression)
    text = re.sub(r"<\s*T\s*>", f"<ft_{compute}>", text)
    used = [n for n in OPERAND_NAMES if re.search(rf"\b{n}\b", text)]
    names = OPERAND_NAMES[:len(row.operand_args)]
    wide = wide_text(expression, code) if row.result == "same" else None
    calls = set(CALL.findall(expression))
    vectors = 1 if calls & STEPWISE or code == "f32" and calls & LONGEST else 2
    return Flat(
        wide=wide, kind=WIDE[code][0] if wide else None, long=bool(wide) and bool(calls & LONG[code]), vectors=vectors, ways=ways(expression, code, wide, vectors),
        name=f"loop_{row.full_name.replace('.', '_')}_{code}", code=code, out_code=out, compute=compute, expression=text,
        operands=[Flat(name=n, number=i, pointer="abc"[i]) for i, n in enumerate(names) if n in used],
        store=text if out in COMPLEX else f"<ft_{out}> ({text})",
        parameters=[Flat(name=p.name, offset=16 * i) for i, p in enumerate(row.parameter_args) if re.search(rf"\b{p.name}\b", text)],
        slot=number * len(CODES) + CODES.index(code), borrowed=[number * len(CODES) + CODES.index(c) for c in borrowers])


def convert(source, target, value):
    """C expression of one real value in another dtype (helpers are at the head of cast.pyx.in)."""
    kind = COMPUTE.get(source, REAL_OF.get(source, source))
    if target == "bool":
        return f"{value} != 0"
    if target in COMPUTE:
        return f"store_{target}(<float> {value})"
    if kind in ("f32", "f64") and target not in FLOAT:
        if target in ("i8", "i16", "i32", "u8", "u16"):
            return f"<ft_{target}> ft_{kind}_to_i32({value})"
        return f"ft_{kind}_to_u64({value})" if target == "u64" else f"<ft_{target}> ft_{kind}_to_i64({value})"
    return f"<ft_{target}> {value}"


def casts():
    """Flat rows of every pair of dtypes."""
    flat = []
    for i, source in enumerate(CODES):
        for j, target in enumerate(CODES):
            value = f"load_{source}(xs[i])" if source in COMPUTE else "xs[i].re" if source in COMPLEX else "xs[i]"
            if source == target:
                lines = ["outs[i] = xs[i]"]
            elif target in COMPLEX:
                real = REAL_OF[target]
                lines = [f"outs[i].re = <ft_{real}> {value}", f"outs[i].im = <ft_{real}> xs[i].im" if source in COMPLEX else "outs[i].im = 0"]
            elif source in COMPLEX and target == "bool":
                lines = ["outs[i] = xs[i].re != 0 or xs[i].im != 0"]
            else:
                lines = [f"outs[i] = {convert(source, target, value)}"]
            wide = None         # halves to and from float by vectors
            if target == "f32" and source in COMPUTE:
                wide = f"store_vf(outs + i, {source}_vf(xs + i))"
            elif source == "f32" and target in COMPUTE:
                wide = f"to_{target}_vf(outs + i, load_vf(xs + i))"
            flat.append(Flat(source=source, target=target, lines=lines, wide=wide, slot=i * len(CODES) + j))
    return flat


def backward_rows(rows):
    """Rows with a derivative; their position is the backward number."""
    return [row for row in rows if isinstance(row.grad, dict)]


class Derivative:
    """What the tape needs of one row: which arguments get a gradient, what is saved and for whom, the code to run."""

    def __init__(self, row):
        self.row = row
        targets = {}
        for target, formula in row.grad.items():
            group = tuple(part.strip() for part in target.split(","))
            for name in group:
                targets[name] = (group, formula)
        # edges in the order of the arguments; a tensor list takes as many edges as it has members, so it stands last
        self.names = [a.name for a in row.args if a.name in targets]
        lists = [a.name for a in row.args if a.name in targets and a.is_tensor_list]
        if lists and (len(lists) > 1 or self.names[-1] != lists[0]):
            raise SchemaError(f"{row.full_name}: one differentiable tensor list at most, and last")
        self.list_edge = bool(lists)
        self.groups = []
        for name in self.names:
            group, formula = targets[name]
            if (group, formula) not in self.groups:
                self.groups.append((group, formula))
        self.saved = []         # (kind, index, needed-mask)
        order = []
        needed = {}
        for group, formula in self.groups:
            mask = 0
            for name in group:
                mask |= 1 << self.names.index(name)
            for name in formula_names(formula):
                found = saved_value(row, name)
                if found is None or found[0] == "rule":
                    continue
                key = (name, *found)
                if key not in needed:
                    order.append(key)
                    needed[key] = 0
                needed[key] |= mask
        self.locals = []
        for key in order:
            name, kind, index = key
            self.saved.append((kind, index, needed[key]))
            self.locals.append(name)

    def rule_names(self):
        names = []
        for _, formula in self.groups:
            for name in formula_names(formula):
                found = saved_value(self.row, name)
                if found is not None and found[0] == "rule" and name not in names:
                    names.append(name)
        return names


def runtime_row(row, loop_number, backward_number):
    """The row as the dispatcher reads it: plain tuples, in the order of Overload.__init__."""
    args = tuple((a.name, KIND_NUMBER[a.kind], a.size, a.default is not REQUIRED, None if a.default is REQUIRED else a.default, a.keyword_only)
                 for a in row.args)
    saved, edges, list_edge = (), (), False
    if isinstance(row.grad, dict):
        derivative = Derivative(row)
        saved = tuple((SAVE_KINDS.index(kind), index, mask) for kind, index, mask in derivative.saved)
        edges = tuple(row.arg_index(n) for n in derivative.names)
        list_edge = derivative.list_edge
    else:
        derivative = None
    return (row.name, row.overload, args, tuple(n for _, n in row.returns), row.kind,
            row.kernel or row.body or "", loop_number, PROMOTE_NUMBER[row.promote], RESULT_NUMBER[row.result],
            tuple(row.arg_index(a.name) for a in row.operand_args) if row.loop is not None else (),
            tuple(row.arg_index(a.name) for a in row.parameter_args) if row.loop is not None else (),
            tuple(sorted(row.forms)), backward_number, edges, list_edge, saved,
            tuple(derivative.locals) if derivative else (),
            {None: 0, "single": 1, "multi": 2}[row.view], node_name(row), row.namespace, row.aliases, row.grad == NONE, row.write == "self", OUT_RULES.index(row.out),
            any(kind.endswith("[]") for kind, _ in row.returns), sum(1 << GUARDS.index(guard) for guard in row.guard),
            row.forward, row.batch)


def node_name(row):
    """``AddBackward0``: camel case of the op's name, numbered among overloads that record."""
    if row.node:
        return row.node
    return "".join(part[:1].upper() + part[1:] for part in row.name.split("_")) + "Backward0"
