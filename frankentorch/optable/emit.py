"""Writers: from the table to the texts the build compiles and the package reads. They print; `expand` decides."""
import re

from . import rows
from .check import formula_names
from .expand import Derivative, backward_rows, casts, elementwise, loop_rows, runtime_row
from .family import CODES
from .schema import REQUIRED

FAST_RULES = ("conj",)          # cdef functions at the head of backward.pyx


def expansions(name):
    """[(generated name, names its text may use)] of one template. `loops.pyx` becomes a part per arity and one for complex dtypes, built side by side."""
    table = rows()
    context = {"codes": CODES, "n_loops": len(loop_rows(table))}
    if name == "cast.pyx":
        context["casts"] = casts()
    if name != "loops.pyx":
        return [(name, context)]
    shards = (("loops_unary", (1,), False), ("loops_binary", (2,), False), ("loops_ternary", (3,), False), ("loops_complex", (1, 2, 3), True))
    return [(f"{part}.pyx", {**context, "part": part, "loops": elementwise(table, arities, complex_codes)}) for part, arities, complex_codes in shards]


def runtime_table():
    """`ops/_table.py`: the table as the dispatcher reads it."""
    table = rows()
    loops = {row.full_name: i for i, row in enumerate(loop_rows(table))}
    backwards = {row.full_name: i for i, row in enumerate(backward_rows(table))}
    lines = ["# Generated from frankentorch/optable: the op table as the dispatcher reads it (Overload.__init__ names the fields).",
             f"N_LOOPS = {len(loops)}", "ROWS = ("]
    for row in table:
        lines.append(f"    {runtime_row(row, loops.get(row.full_name, -1), backwards.get(row.full_name, -1))!r},")
    lines.append(")")
    lines.append("DOCS = {")
    for row in table:
        if row.doc:
            lines.append(f"    {row.full_name!r}: {docstring(row)!r},")
    lines.append("}")
    return "\n".join(lines) + "\n"


def docstring(row):
    """Signature line, the row's text, where it comes from."""
    parts = [row.schema, "", " ".join(row.doc.split())]
    if row.source:
        parts += ["", f"Source: {row.source}"]
    return "\n".join(parts)


RULE_CALL = re.compile(r"\b([A-Za-z_]\w*)\b")


def backward_function(number, row):
    """Cython text of one node's backward: unpack what was saved, one formula per group of wanted inputs."""
    derivative = Derivative(row)
    rules = [n for n in derivative.rule_names() if n not in FAST_RULES]
    lines = [f"cdef object backward_{number}(Node node, object g):   # {row.full_name}"]
    if derivative.saved:
        lines.append("    cdef tuple saved = node.unpack()")
    grads = sorted({n for _, f in derivative.groups for n in formula_names(f) if re.fullmatch(r"g\d+", n)})
    for name in grads:
        lines.append(f"    cdef object {name} = (<tuple> g)[{name[1:]}]")
    for position, name in enumerate(derivative.locals):
        lines.append(f"    cdef object {name}_ = saved[{position}]")
    results = [f"r{i}" for i in range(len(derivative.names))]
    lines.append("    cdef object " + ", ".join(f"{r} = None" for r in results))

    def spell(formula):
        def word(match):
            name = match[1]
            before = formula[match.start() - 1] if match.start() else ""
            after = formula[match.end():match.end() + 1]
            keyword = after == "=" and formula[match.end():match.end() + 2] != "=="
            if before == "." or keyword:
                return name
            if name in derivative.locals:
                return name + "_"
            if name in rules:
                return f"rules.{name}"
            if name == "wants":
                return "node.edge_wanted"
            return name
        return RULE_CALL.sub(word, formula)

    if rules:
        lines.append("    cdef object rules = load_rules()")
    for group, formula in derivative.groups:
        indices = [derivative.names.index(n) for n in group]
        wanted = " or ".join(f"node.wants({i})" for i in indices)
        if derivative.list_edge and indices == [len(derivative.names) - 1]:
            wanted = "True"
        targets = ", ".join(f"r{i}" for i in indices)
        lines.append(f"    if {wanted}:")
        lines.append(f"        {targets} = {spell(formula)}")
    if derivative.list_edge:
        fixed = ", ".join(results[:-1])
        lines.append(f"    return ({fixed + ',' if fixed else ''}) + tuple({results[-1]})" if fixed else f"    return tuple({results[-1]})")
    elif len(results) == 1:
        lines.append("    return r0")
    else:
        lines.append(f"    return ({', '.join(results)})")
    return "\n".join(lines)


def backward_part():
    """backward.pyx: every row's derivative, compiled; and the table of them."""
    table = backward_rows(rows())
    head = ['# cython: language_level=3, boundscheck=False, wraparound=False',
            '# cython: cdivision=True, initializedcheck=False',
            '# Generated from frankentorch/optable: one function per row with a derivative. Edit the rows.',
            'from importlib import import_module',
            'from frankentorch._ext.tensor cimport Tensor, Node, backward_fn, hooks, OP_NEG',
            'from frankentorch._ext.dtype cimport is_complex_code',
            '',
            'cdef object _rules = None',
            'cdef object _conj = None',
            '',
            'cdef object load_rules():',
            '    global _rules',
            '    if _rules is None:',
            '        _rules = import_module("frankentorch.autograd.rules")',
            '    return _rules',
            '',
            'cdef object conj(object x):',
            '    """Complex conjugate; real tensors and real numbers are their own."""',
            '    if isinstance(x, Tensor):',
            '        return x.conj() if is_complex_code((<Tensor> x).code) else x',
            '    return x.conjugate() if isinstance(x, complex) else x',
            '', '']
    body = [backward_function(i, row) + "\n\n" for i, row in enumerate(table)]
    tail = [f"cdef backward_fn[{max(len(table), 1)}] TABLE"]
    tail += [f"TABLE[{i}] = backward_{i}" for i in range(len(table))]
    tail += ["", "", "cdef backward_fn backward_of(int number):", f"    return TABLE[number] if 0 <= number < {len(table)} else NULL", ""]
    return "\n".join(head) + "\n".join(body) + "\n".join(tail)


PYTHON_TYPES = {"Tensor": "Tensor", "Operand": "Tensor | complex", "Scalar": "complex", "int": "int", "float": "float", "bool": "bool", "str": "str",
                "ScalarType": "dtype", "Layout": "layout", "Device": "device | str", "MemoryFormat": "memory_format", "Generator": "Generator", "Any": "object",
                "Tensor[]": "Sequence[Tensor]", "Tensor?[]": "Sequence[Tensor | None]", "int[]": "Sequence[int] | int", "float[]": "Sequence[float]",
                "Scalar[]": "Sequence[complex]"}


def python_type(kind):
    """Annotation of an argument kind or of a result."""
    optional = kind.endswith("?")
    text = PYTHON_TYPES.get(kind[:-1] if optional else kind, "object")
    return text + " | None" if optional and text != "object" else text


def signature(row, form):
    """Annotated arguments and result of one overload: form is "function", "method" or "inplace"."""
    words, starred = [], False
    for i, arg in enumerate(row.args):
        if i == 0 and form != "function":
            words.append("self")
            continue
        if arg.keyword_only and not starred:
            words.append("*")
            starred = True
        name = "input" if arg.name == "self" else arg.name
        words.append(f"{name}: {python_type(arg.kind)}" + ("" if arg.default is REQUIRED else f" = {arg.default!r}"))
    if form == "function" and "out" in row.forms:
        words += ([] if starred else ["*"]) + ["out: Tensor | None = None"]
    kinds = [kind for kind, _ in row.returns]
    result = "None" if not kinds else python_type(kinds[0]) if len(kinds) == 1 else f"tuple[{', '.join(python_type(k) for k in kinds)}]"
    result = "tuple[Tensor, ...]" if kinds == ["Tensor[]"] else result
    return f"({', '.join(words)}) -> {'Tensor' if form == 'inplace' else result}: ..."


def stub_lines(found, form, name, indent):
    """Stub of one name: `@overload` when it has several."""
    lines = []
    for row in found:
        if len(found) > 1:
            lines.append(indent + "@overload")
        lines.append(f"{indent}def {name}{signature(row, form)}")
    return lines


def stub():
    """`ops/__init__.pyi`: every function of the table, and the methods of Tensor."""
    by_name = {}
    for row in rows():
        by_name.setdefault(row.name, []).append(row)
    lines = ["# Generated from frankentorch/optable. Edit the rows.", "from collections.abc import Sequence", "from typing import overload", "",
             "class dtype: ...", "class layout: ...", "class device: ...", "class memory_format: ...", "class Generator: ...", "", "class Tensor:"]
    for name, found in by_name.items():
        for form, suffix in (("method", ""), ("inplace", "_")):
            shown = [row for row in found if form in row.forms]
            for spelling in (name, *found[0].aliases) if shown else ():
                lines += stub_lines(shown, form, spelling + suffix, "    ")
    for name, found in by_name.items():
        for spelling in (name, *found[0].aliases):
            lines += ["", *stub_lines(found, "function", spelling, "")]
    return "\n".join(lines) + "\n"


def reference_page(row):
    """One row as a Markdown section."""
    dtypes = sorted({code for codes in row.loop for code in codes}, key=CODES.index) if row.loop else None
    facts = [("forms", " ".join(sorted(row.forms))), ("runs", row.kernel or row.body or "elementwise loop")]
    facts += [("dtypes", " ".join(dtypes))] if dtypes else []
    facts += [("derivative", "; ".join(f"{k}: {v}" for k, v in row.grad.items()) if isinstance(row.grad, dict) else "of its parts" if row.grad is None else "none")]
    facts += [("view", row.view)] if row.view else []
    facts += [("source", row.source)] if row.source else []
    lines = [f"### {row.full_name}", "", f"    {row.schema}", "", *([row.doc, ""] if row.doc else []), *[f"- {k}: `{v}`" for k, v in facts], ""]
    return "\n".join(lines)


def reference():
    """The whole table as one Markdown text."""
    return "# Reference of the op table\n\nGenerated by `python -m frankentorch.optable --reference`.\n\n" + "\n".join(reference_page(row) for row in rows())


def package_files():
    """Generated files of the package: {path below frankentorch/: text}."""
    return {"ops/_table.py": runtime_table(), "ops/__init__.pyi": stub()}


def extension_files():
    """Generated files of the extension: {name: text}."""
    return {"backward.pyx": backward_part(),
            "loopcount.pxd": f"# Generated: rows of the loop table.\ncdef enum:\n    N_LOOPS = {max(len(loop_rows(rows())), 1)}\n",
            "backward.pxd": "# Generated: derivatives by number.\nfrom frankentorch._ext.tensor cimport backward_fn\n\ncdef backward_fn backward_of(int number)\n"}

