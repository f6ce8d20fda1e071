"""The drift ledger: every known difference from the oracle, each with a case that shows it.

`python -m conformance drift --update` runs each case on both libraries and writes artifacts/drift.json; without `--update` it
only compares. A record whose case no longer differs, or whose claim does not hold, is an error: the ledger holds nothing stale.
A conformance run counts the answers it let pass under the entry's `drift`, by the record's name.
"""
import json
from pathlib import Path

from conformance import ties
from conformance.compare import brief

PATH = Path(__file__).resolve().parent.parent / "artifacts" / "drift.json"


def order_of_equals_holds(lib, value):
    """Ours lists equals by position, and both pick the same values."""
    values, indices = value
    return indices == sorted(range(len(indices)), key=lambda place: (CYCLE[place], place)) and values == sorted(CYCLE)


def rank_is_refused(lib, value):
    return value.startswith("RuntimeError") and "up to 64 dims" in value


def nothing_flows_to_what_was_overwritten(lib, value):
    return value == [[0.0, 1.0, 0.0, 1.0]]


def bessel_is_exact(lib, value):
    """A & S table 9.1 has them to ten digits; these have seventeen."""
    exact = [-0.006843869417819197, -0.34143821542904335, -0.33948059288191104, -0.023758238956389618]
    return all(abs(a - e) <= 4e-16 for a, e in zip(value, exact, strict=True))


def slopes_are_exact(lib, value):
    """Differences of the distribution functions in 250 bits, over the densities (mpmath)."""
    exact = [3.248183956991669, 1.1735630272247268, 0.022380831940554926]
    return all(abs(a / e - 1) <= 1e-12 for a, e in zip(value, exact, strict=True))


def airy_is_exact(lib, value):
    return all(abs(a - e) <= 4e-16 for a, e in zip(value, [0.2921527810559595, 0.22740742820168558], strict=True))


def poles_are_infinite(lib, value):
    return value == [True, True, True, False]


def within_a_ten_millionth(ours, theirs):
    """The oracle's error reaches 4e-7, where x is between 5 and 8."""
    return abs(ours - theirs) < 1e-6


def within_a_hundred_thousandth(ours, theirs):
    """The oracle's error reaches 3e-6, where x is between -5 and 0."""
    return abs(ours - theirs) < 1e-5


def infinite_against_huge(ours, theirs):
    return (ours == float("inf")) & (theirs > 1e10)


CYCLE = [1, 0] * 10
WRONG_GRADIENTS = {"as_strided_scatter": "gradient-of-as_strided_scatter"}      # entries whose derivatives are judged by differences
BESSEL = ("special.bessel_j0", "special.bessel_j1", "special.bessel_y0", "special.bessel_y1")
# entry: the record's name, and whether our number may stand beside the oracle's
KNOWN_VALUES = {**dict.fromkeys(BESSEL, ("values-of-bessel-functions", within_a_ten_millionth)),
                "special.airy_ai": ("values-of-airy-s-function", within_a_hundred_thousandth),
                **dict.fromkeys(("polygamma", "special.polygamma"), ("poles-of-polygamma", infinite_against_huge))}
# name, feature, ops, mode, reason, since, case (an expression in `lib`), claim about our answer
RECORDS = (
    {"name": ties.NAME, "feature": "indices among equal values", "ops": sorted({*ties.FREE, *ties.ONLY_VALUES}), "mode": "strict",
     "reason": "The oracle's documentation leaves the order of equal elements open without stable=True, and the place that a selected "
               "value is taken from. Its choice follows from the width of its vector instructions and its sorting algorithm. Ours is always "
               "the order of positions, the same on every machine. Any index tensor is accepted that is distinct along the dim and picks the "
               "oracle's values in its order; the gradient is then judged at our places.",
     "since": "0.1.0",
     "case": "lib.sort(lib.tensor([1, 0] * 10, dtype=lib.uint8))", "claim": order_of_equals_holds},
    {"name": "rank-64", "feature": "tensors of more than 64 dims", "ops": ["empty", "reshape", "view", "expand", "unsqueeze", "as_strided"], "mode": "strict",
     "reason": "The oracle makes such a tensor and lets most ops refuse it. We refuse to make it, with the same exception type, before any "
               "memory is taken.",
     "since": "0.1.0",
     "case": "lib.empty([1] * 65).dim()", "claim": rank_is_refused},
    {"name": WRONG_GRADIENTS["as_strided_scatter"], "feature": "gradient of as_strided_scatter for self", "ops": ["as_strided_scatter"], "mode": "strict",
     "reason": "The oracle gives the incoming gradient where src overwrote self, and zeros elsewhere or the other way round, depending on the geometry. Ours is zero where src "
               "overwrote self and the incoming gradient elsewhere, as differences show. Samples are judged by differences.",
     "since": "0.1.0",
     "case": "(lambda x: lib.autograd.grad(lib.as_strided_scatter(x, lib.tensor([3.0, 4.0]), (2,), (2,), 0), [x], lib.ones(4)))(lib.arange(4.0).requires_grad_())",
     "claim": nothing_flows_to_what_was_overwritten},
    {"name": "values-of-bessel-functions", "feature": "values of bessel_j0, j1, y0 and y1 in float64", "ops": list(BESSEL), "mode": "strict",
     "reason": "Beyond 4 the oracle's values are off by up to 4e-7, most between 5 and 8. Ours are right to some 1e-16.",
     "since": "0.1.0",
     "case": "[getattr(lib.special, 'bessel_' + name)(lib.tensor(5.5, dtype=lib.float64)) for name in ('j0', 'j1', 'y0', 'y1')]",
     "claim": bessel_is_exact},
    {"name": "values-of-airy-s-function", "feature": "values of airy_ai below zero in float64", "ops": ["special.airy_ai"], "mode": "strict",
     "reason": "Between -5 and 0 the oracle's values are off by up to 3e-6. Ours are right to some 1e-16, and keep subnormal results, which the oracle's are 0 for.",
     "since": "0.1.0",
     "case": "lib.special.airy_ai(lib.tensor([-4.5, -2.0], dtype=lib.float64))",
     "claim": airy_is_exact},
    {"name": "poles-of-polygamma", "feature": "polygamma of order 1 at its poles", "ops": ["polygamma", "special.polygamma"], "mode": "strict",
     "reason": "At whole numbers below zero the oracle gives the large number that the sine of a rounded multiple of pi leads to; at other orders, infinity. "
               "Ours is infinity at every order.",
     "since": "0.1.0",
     "case": "lib.polygamma(1, lib.tensor([-3, -1, 0, 2])).isinf()",
     "claim": poles_are_infinite},
    {"name": "slopes-of-gamma-numbers", "feature": "how gamma and Dirichlet numbers move with their parameters", "ops": ["_dirichlet_grad", "_standard_gamma_grad"], "mode": "strict",
     "reason": "The oracle has approximations, off by up to 0.1 %. Ours are the derivatives of the distribution functions.",
     "since": "0.1.0",
     "case": "[fn(*(lib.tensor(x, dtype=lib.float64) for x in place)) for fn, place in ((lib._standard_gamma_grad, (0.625, 6.25)), (lib._standard_gamma_grad, (1.0, 1.0)), "
             "(lib._dirichlet_grad, (0.625, 31.5, 40.5)))]",
     "claim": slopes_are_exact},
)


def evaluate(lib, case):
    """A case's answer as plain lists and numbers; an exception as its type and first line."""
    try:
        return plain(eval(case, {"lib": lib}))  # noqa: S307 - cases are written above
    except Exception as error:  # noqa: BLE001 - whatever is raised is the answer
        return brief(error)


def plain(value):
    if isinstance(value, (tuple, list)):
        return [plain(item) for item in value]
    return value.tolist() if hasattr(value, "tolist") else value


def examine(record, oracle, subject):
    """The record with both answers as evidence; ValueError when it no longer holds."""
    theirs, ours = evaluate(oracle, record["case"]), evaluate(subject, record["case"])
    if theirs == ours:
        raise ValueError(f"{record['name']}: {record['case']} no longer differs from the oracle")
    if not record["claim"](subject, ours):
        raise ValueError(f"{record['name']}: our answer to {record['case']} is not what the record claims")
    told = {key: value for key, value in record.items() if key != "claim"}
    return {**told, "evidence": {"oracle": theirs, "ours": ours}}


def ledger(oracle, subject):
    return {"oracle": oracle.__version__.partition("+")[0], "records": [examine(record, oracle, subject) for record in RECORDS]}


def write(update, path=PATH):
    """Compare with the file, or write it. Gives the exit status."""
    import torch

    from conformance import subject

    found = ledger(torch, subject.load("frankentorch"))
    text = json.dumps(found, indent=1) + "\n"
    text = compact(text)
    if update:
        path.write_text(text)
        print(f"wrote {path}: {len(RECORDS)} records")
        return 0
    known = path.read_text() if path.exists() else ""
    print("drift ledger agrees" if known == text else f"{path} differs: run with --update")
    return 0 if known == text else 1


def compact(text):
    """Lists of numbers on one line."""
    import re

    return re.sub(r"\[\s+(-?\d[^\[\]]*?)\s+\]", lambda found: "[" + re.sub(r",\s+", ", ", found[1]) + "]", text)
