"""One op as declared: the schema string, and what follows from it.

Grammar (the field's operator notation)::

    schema  = name ["." overload] "(" [arg {"," arg}] ")" "->" returns
    arg     = type name ["=" default] | "*"                   after "*" arguments are keyword-only
    type    = base ["[" [size] "]"] ["?"]                     base is a key of KINDS
    returns = type [name] | "(" type name {"," type name} ")"

`Operand` is a Tensor or a Python number (a number takes part in promotion as a number does). `Tensor[]` is a list of
tensors, `int[2]` a list that a single int stands for, `?` allows None.
"""
import re

# Kinds of argument, in the order of the parser's enum (dispatch.pxd); the number is the position.
KINDS = ("Tensor", "Tensor?", "Tensor[]", "Tensor?[]", "Operand", "Operand?", "Scalar", "Scalar?", "int", "int?", "int[]", "int[]?",
         "float", "float?", "bool", "bool?", "str", "str?", "ScalarType", "ScalarType?", "Layout?", "Device?", "MemoryFormat?",
         "Generator?", "float[]?", "Scalar[]", "Any")
KIND_NUMBER = {kind: number for number, kind in enumerate(KINDS)}
NUMPY_NAMES = {"dim": "axis", "keepdim": "keepdims", "input": "x", "other": "x2"}


class SchemaError(ValueError):
    """A row that does not follow the grammar, or whose parts disagree; says which row."""


class Arg:
    """One argument: ``name``, ``kind`` (a key of KINDS), ``size`` of a fixed list or None, ``default`` or REQUIRED, ``keyword_only``."""

    __slots__ = ("name", "kind", "size", "default", "keyword_only")

    def __init__(self, name, kind, size, default, keyword_only):
        self.name, self.kind, self.size, self.default, self.keyword_only = name, kind, size, default, keyword_only

    @property
    def is_tensor(self):
        return self.kind in ("Tensor", "Tensor?", "Operand", "Operand?")

    @property
    def is_tensor_list(self):
        return self.kind in ("Tensor[]", "Tensor?[]")


class _Required:
    def __repr__(self):
        return "REQUIRED"


REQUIRED = _Required()
NONE = "NONE"              # grad=NONE: no derivative, by decision
# What an out= tensor may be. Its dtype: the result's own (exact, apart); any the result can be cast to (cast, and join with a
# TypeError); bool or uint8 (mask); any at all; or the `dtype` argument follows it (follow, fill). No rule lets it share part of an
# input's memory; apart and join do not let it be an input at all. fill resizes without a warning.
OUT_RULES = ("exact", "apart", "cast", "join", "mask", "any", "follow", "fill")
# What a loop row checks of its operands before any work: no zero among integer divisors; no negative integer exponent; numbers fit the
# dtype; `alpha` is of the result's kind. Bit k of the runtime word is GUARDS[k] (elementwise.pxd).
GUARDS = ("zero", "exponent", "fit", "alpha")
# Forward mode, jvp=: "elementwise" (the Jacobian is diagonal: the gradient's formula serves; every loop row unless it says otherwise),
# "linear" (the op itself, of the tangents of all its differentiable arguments at once, zeros for those without; every view),
# "multilinear" (linear in each differentiable argument alone), "zero" (constant where it is differentiable at all), "none" (the result
# has no tangent, by decision); or the name of a rule in autograd/rules_forward.py. Without one the gradient's formula is transposed.
JVP_KINDS = ("elementwise", "linear", "multilinear", "zero", "none")
BATCHES = ("", "elementwise", "reduce", "dims", "direct", "each", "random", "refuse", "own")     # how it runs inside a vmap: see batch.py
ARG = re.compile(r"(?P<base>[A-Za-z]+)(?P<list>\[(?P<size>\d*)\])?(?P<optional>\?)?(?P<tail>\[\])?(?P<late>\?)?\s+(?P<name>\w+)(?:\s*=\s*(?P<default>.+))?$")
HEAD = re.compile(r"(?P<name>\w+)(?:\.(?P<overload>\w+))?\((?P<args>.*)\)\s*->\s*(?P<returns>.+)$", re.S)


def parse_default(text, where):
    """Default text to a Python value: literals, None, and names that are strings (``contiguous_format``)."""
    words = {"None": None, "True": True, "False": False, "[]": ()}
    if text in words:
        return words[text]
    if text.startswith("["):
        return tuple(parse_default(t.strip(), where) for t in text[1:-1].split(",") if t.strip())
    if text[0] in "'\"":
        return text[1:-1]
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        raise SchemaError(f"{where}: unknown default {text!r}") from None


def split_args(text):
    """Split at commas outside brackets and quotes."""
    depth, start, parts = 0, 0, []
    for i, c in enumerate(text):
        depth += (c in "[(") - (c in "])")
        if c == "," and depth == 0:
            parts.append(text[start:i].strip())
            start = i + 1
    if text[start:].strip():
        parts.append(text[start:].strip())
    return parts


def parse_arg(text, keyword_only, where):
    match = ARG.match(text)
    if not match:
        raise SchemaError(f"{where}: cannot read argument {text!r}")
    kind = match["base"]
    size = None
    if match["list"]:
        kind += "[]" if not match["optional"] else "[]?"
        size = int(match["size"]) if match["size"] else None
    else:
        kind += "?" if match["optional"] else ""
        kind += "[]" if match["tail"] else ""
    if kind not in KIND_NUMBER:
        raise SchemaError(f"{where}: unknown type {kind!r}")
    default = REQUIRED if match["default"] is None else parse_default(match["default"].strip(), where)
    return Arg(match["name"], kind, size, default, keyword_only)


def parse_returns(text, where):
    """((kind, name), …); an unnamed single result is ``out``."""
    text = text.strip()
    if text == "()":
        return ()
    inner = split_args(text[1:-1]) if text.startswith("(") else [text]
    out = []
    for i, item in enumerate(inner):
        kind, _, name = item.partition(" ")
        out.append((kind, name.strip() or ("out" if len(inner) == 1 else f"out{i}")))
    return tuple(out)


class Op:
    """A row. Attributes are the keyword arguments of `op`, checked as a whole by `check.check_table`."""

    def __init__(self, schema, *, forms="function method", promote=None, loop=None, result="same", kernel=None, body=None, grad=None,
                 view=None, aliases="", namespace="torch", samples=None, doc="", source="", node=None, portable=True, dtypes=None,
                 tolerance=None, operands=None, write="kernel", module=None, out=None, guard="", jvp=None, vectors=None, words=None):
        match = HEAD.match(schema.strip())
        if not match:
            raise SchemaError(f"cannot read schema {schema!r}")
        self.schema = " ".join(schema.split())
        self.name, self.overload = match["name"], match["overload"] or ""
        self.full_name = self.name + ("." + self.overload if self.overload else "")
        self.args = []
        keyword_only = False
        for text in split_args(match["args"]):
            if text == "*":
                keyword_only = True
            else:
                self.args.append(parse_arg(text, keyword_only, self.full_name))
        self.returns = parse_returns(match["returns"], self.full_name)
        self.forms = frozenset(forms.split())
        self.promote, self.loop, self.vectors, self.words, self.result = promote, loop, vectors, words, result
        self.kernel, self.body, self.grad, self.view = kernel, body, grad, view
        self.aliases = tuple(aliases.split())
        self.namespace, self.samples, self.doc, self.source = namespace, samples, doc, source
        self.node, self.portable, self.dtypes, self.tolerance = node, portable, dtypes, tolerance
        self.write, self.module = write, module
        self.guard = tuple(guard.split())
        self.jvp = jvp
        self.batch = "elementwise" if loop is not None else ""
        self.out = out or ("cast" if loop is not None else "exact")

    @property
    def kind(self):
        return "loop" if self.loop is not None else "kernel" if self.kernel is not None else "body"

    @property
    def forward(self):
        """How forward mode makes the tangent of a result: `jvp`, or what follows from the row (see JVP_KINDS)."""
        if self.jvp is not None or not self.differentiable:
            return self.jvp or ""
        return "linear" if self.view else "elementwise" if self.loop is not None else ""

    @property
    def operand_args(self):
        """Arguments that a loop walks over, in order (x, y, z)."""
        return [a for a in self.args if a.kind in ("Tensor", "Operand")]

    @property
    def parameter_args(self):
        """Scalar arguments of a loop, in order: names in its expression."""
        return [a for a in self.args if a.kind in ("Scalar", "float", "int", "bool")]

    @property
    def differentiable(self):
        return isinstance(self.grad, dict)

    def arg_index(self, name):
        for i, arg in enumerate(self.args):
            if arg.name == name:
                return i
        raise SchemaError(f"{self.full_name}: no argument {name!r}")

    def __repr__(self):
        return f"<op {self.schema}>"
