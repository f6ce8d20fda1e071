"""The table checked as a whole, at build and in a test: a row that cannot work stops the build with its name."""
import ast

from .schema import BATCHES, GUARDS, JVP_KINDS, NONE, OUT_RULES, SchemaError
from .family import CODES

PROMOTIONS = (None, "same", "int_to_float", "none", "skip_first")
RESULTS = ("same", "bool", "real", "i64")
ATTRIBUTES = ("sizes", "strides", "dtype", "ndim", "numel", "device", "offset", "size", "like")


def formula_names(formula):
    """Free names of a formula, in order of appearance."""
    seen = []
    for node in ast.walk(ast.parse(formula, mode="eval")):
        if isinstance(node, ast.Name) and node.id not in seen:
            seen.append(node.id)
    return seen


def saved_value(row, name):
    """What a formula's name means: ("arg", i), ("output", k), (attribute, i), ("rule", name) or None when it is a gradient."""
    outputs = [n for _, n in row.returns]
    if name == "g" or name == "wants" or (name[0] == "g" and name[1:].isdigit()):
        return None
    for i, arg in enumerate(row.args):
        if arg.name == name:
            return ("arg", i)
    if name in outputs:
        return ("output", outputs.index(name))
    stem, _, attribute = name.rpartition("_")
    if attribute in ATTRIBUTES:
        for i, arg in enumerate(row.args):
            if arg.name == stem:
                return (attribute, i)
        if stem in outputs:
            return ("output_" + attribute, outputs.index(stem))
    return ("rule", name)


def check_row(row):
    where = row.full_name
    ways = [w for w in (row.loop, row.kernel, row.body) if w is not None]
    if len(ways) != 1:
        raise SchemaError(f"{where}: exactly one of loop, kernel, body; found {len(ways)}")
    if row.promote not in PROMOTIONS:
        raise SchemaError(f"{where}: unknown promote {row.promote!r}")
    if row.result not in RESULTS:
        raise SchemaError(f"{where}: unknown result {row.result!r}")
    if unknown := set(row.guard) - set(GUARDS):
        raise SchemaError(f"{where}: unknown guard {sorted(unknown)}")
    if row.vectors is not None and (row.loop is None or row.result != "same"):
        raise SchemaError(f"{where}: vectors= is of a loop row whose result has its operands' dtype")
    if row.words is not None and (row.loop is None or row.result not in ("same", "real")):
        raise SchemaError(f"{where}: words= is of a loop row whose result of halves is a half")
    if row.guard and row.loop is None:
        raise SchemaError(f"{where}: a guard is checked by the walk of a loop row only")
    if row.batch not in BATCHES:
        raise SchemaError(f"{where}: unknown batching rule {row.batch!r}")
    if row.out not in OUT_RULES:
        raise SchemaError(f"{where}: unknown rule for out {row.out!r}")
    if row.out in ("follow", "fill") and not any(arg.name == "dtype" and arg.kind == "ScalarType?" for arg in row.args):
        raise SchemaError(f"{where}: out={row.out!r} needs an argument `ScalarType? dtype`")
    if row.loop is not None:
        seen = set()
        for codes in row.loop:
            for code in codes:
                if code not in CODES:
                    raise SchemaError(f"{where}: unknown dtype code {code!r}")
                if code in seen:
                    raise SchemaError(f"{where}: two loops for {code}")
                seen.add(code)
        if not 1 <= len(row.operand_args) <= 3:
            raise SchemaError(f"{where}: a loop walks over 1 to 3 operands, not {len(row.operand_args)}")
    if row.kind != "body" and row.grad is None:
        raise SchemaError(f"{where}: no derivative: write grad={{...}} or grad=NONE")
    if row.grad is not None and row.grad != NONE:
        names = [a.name for a in row.args]
        for target, formula in row.grad.items():
            for part in target.split(","):
                if part.strip() not in names:
                    raise SchemaError(f"{where}: derivative of unknown argument {part!r}")
            formula_names(formula)
    if row.jvp is not None:
        check_forward(row, where)
    if not row.doc and not row.overload and "internal" not in row.forms:
        raise SchemaError(f"{where}: no doc")


def check_forward(row, where):
    """A jvp= that cannot be what it says."""
    if row.jvp == "none":
        if row.grad != NONE:
            raise SchemaError(f"{where}: jvp='none' says that there is no derivative, but grad is given")
    elif not row.differentiable and row.jvp != "zero":
        raise SchemaError(f"{where}: jvp={row.jvp!r} without a derivative")
    if row.view and row.jvp in ("elementwise", "multilinear", "zero"):
        raise SchemaError(f"{where}: the tangent of a view is a view of the tangent, not {row.jvp!r}")
    if row.jvp in JVP_KINDS and row.jvp == row.__class__(row.schema, loop=row.loop, kernel=row.kernel, body=row.body, view=row.view, grad=row.grad).forward:
        raise SchemaError(f"{where}: jvp={row.jvp!r} follows from the row; leave it out")
    if row.jvp not in JVP_KINDS and not row.jvp.isidentifier():
        raise SchemaError(f"{where}: jvp={row.jvp!r} is no kind and no name of a rule")
    if row.jvp == "multilinear" and any(arg.is_tensor_list and arg.name in row.grad for arg in row.args):
        raise SchemaError(f"{where}: a list of tensors is linear as a whole or not at all")


def check_table(rows, rule_names=None, forward_names=None):
    """Raise SchemaError at the first row that breaks a rule; with `rule_names` (`forward_names`), also for an unknown name in a formula (a jvp=)."""
    seen = set()
    for row in rows:
        if row.full_name in seen:
            raise SchemaError(f"{row.full_name}: declared twice")
        seen.add(row.full_name)
        check_row(row)
        if forward_names is not None and row.forward and row.forward not in JVP_KINDS and row.forward not in forward_names:
            raise SchemaError(f"{row.full_name}: no rule of forward mode is named {row.forward!r}")
        if rule_names is not None and isinstance(row.grad, dict):
            for formula in row.grad.values():
                for name in formula_names(formula):
                    found = saved_value(row, name)
                    if found is not None and found[0] == "rule" and name not in rule_names:
                        raise SchemaError(f"{row.full_name}: formula names unknown value {name!r}")
