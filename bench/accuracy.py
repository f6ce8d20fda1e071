"""Largest error, in units in the last place, of the elementwise functions of the built package.

    python -m bench.accuracy                          measure what is not measured yet, or not of these bits, and write the page
    python -m bench.accuracy --again [NAME...]        measure (these functions) anew
    python -m bench.accuracy --all [NAME...]          float32 on all 2^32 inputs, in stripes: two minutes each; goes on where it stopped
    python -m bench.accuracy --all --seconds 600      for so long
    python -m bench.accuracy --many [NAME...]         float64 on 10^9 random inputs: some minutes each; goes on where it stopped, too
    python -m bench.accuracy --samples 3000 --stride 251    finer than by default; each figure tells of how many inputs it is
    python -m bench.accuracy --page                   only write docs/accuracy.md from the record

Functions of several arguments, and special functions with ranges of their own, are in bench/accuracy_special.py.

The record is artifacts/accuracy.json. With each figure it keeps a digest of the function's results on some thousand fixed inputs; a change
of the function's bits changes the digest and makes the figure stale, which a test reports and the next run repairs.

float32 results are compared with a function in float64: NumPy's where there is one, else ours, whose own error against mpmath
is the other half of the table and is far below a float32 ulp. float64 results are compared with mpmath on random inputs from RANGES; those of
--many, which mpmath would take weeks for, with the C library's functions of 64-bit significands (x87 extended precision), whose own error is
below a thousandth of an ulp. A stripe is every
256th bit pattern, so a part of the stripes covers all exponents and both signs evenly. NaN and infinities count: what should be NaN
and is not, or the reverse, is an infinite error; an infinite result counts as the power of two after the last finite number.
"""
import argparse
import hashlib
import json
import math
import pathlib
import sys
import time

import numpy as np

from bench import accuracy_special

ROOT = pathlib.Path(__file__).resolve().parent.parent
RECORD, PAGE = ROOT / "artifacts" / "accuracy.json", ROOT / "docs" / "accuracy.md"
BEGIN, END = "<!-- table: written by `python -m bench.accuracy` -->\n", "<!-- end of table -->"
STRIPES = 256
PARTS, PART = 128, 7_812_500  # of --many: 10^9 inputs
STRIDE = 1009  # of the quick table, a prime: 2^32 / 1009 = 4.3 million inputs
SAMPLES = 500  # random inputs per range for mpmath, ten times as many for the functions of SURE
SURE = ("exp", "log", "sin", "cos", "tanh")
DOZEN = ("exp", "exp2", "expm1", "log", "log1p", "log2", "log10", "sin", "cos", "tan", "sigmoid", "tanh")

# name: ranges for float64 ("bits" = any finite bit pattern); float32 uses all its inputs.
RANGES = {
    "exp": [(-745, 709), (-1, 1)], "exp2": [(-1074, 1024), (-1, 1)], "expm1": [(-40, 709), (-2, 2)],
    "log": ["bits", (0.5, 2)], "log2": ["bits", (0.5, 2)], "log10": ["bits", (0.5, 2)], "log1p": ["bits", (-0.99, 3)],
    "sin": ["bits", (-10, 10), (-1e5, 1e5)], "cos": ["bits", (-10, 10), (-1e5, 1e5)],
    "tan": ["bits", (-10, 10), (-1e5, 1e5)], "asin": [(-1, 1)], "acos": [(-1, 1)], "atan": ["bits", (-5, 5)],
    "sinh": [(-709, 709), (-3, 3)], "cosh": [(-709, 709), (-3, 3)], "tanh": [(-25, 25), (-2, 2)],
    "asinh": ["bits", (-5, 5)], "acosh": [(1, 10), (1, 1.01)], "atanh": [(-1, 1), (-0.1, 0.1)],
    "sigmoid": [(-700, 40), (-5, 5)], "erf": [(-6, 6), (-1, 1)], "erfc": [(-6, 26), (0.3, 3)],
    "silu": [(-700, 100), (-5, 5)], "gelu": [(-37, 6), (-1, 1)], "gelu_tanh": [(-21, 6), (-1, 1)],
    "erfinv": [(-1, 1), (0.99, 1)], "lgamma": [(0, 170), (0.5, 3)], "digamma": [(1e-9, 170), (1.2, 1.8)],
}
NUMPY = {name: getattr(np, name) for name in "exp exp2 expm1 log log2 log10 log1p sin cos tan sinh cosh tanh".split()} | {
    "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan, "asinh": np.arcsinh, "acosh": np.arccosh, "atanh": np.arctanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x))}
POSITIVE = ("lgamma", "digamma")  # float32 too; see the page


def exact_functions():
    """{name: mpmath function} of those that mpmath calls otherwise or has not."""
    from mpmath import mp

    return {
        "exp2": lambda x: mp.mpf(2) ** x, "log2": lambda x: mp.log(x, 2), "log10": mp.log10, "lgamma": mp.loggamma,
        "silu": lambda x: x / (1 + mp.exp(-x)), "gelu": lambda x: x * mp.erfc(-x / mp.sqrt(2)) / 2,
        "gelu_tanh": lambda x: x / (1 + mp.exp(-2 * mp.sqrt(2 / mp.pi) * (x + mp.mpf("0.044715") * x**3))),
        "sigmoid": lambda x: 1 / (1 + mp.exp(-x)),
    }


def evaluate(name, values):
    """One op of the package on a NumPy array, back as an array."""
    import frankentorch
    functional = frankentorch.nn.functional
    x = frankentorch.from_numpy(values)
    if name == "gelu_tanh":
        return functional.gelu(x, approximate="tanh").numpy()
    return getattr(functional if name in ("silu", "gelu") else frankentorch, name)(x).numpy()


def digest(name, dtype):
    """A short digest of the function's results on 16384 inputs, fixed once: any bit pattern, and numbers around zero. Of the others: on those measured."""
    if name not in RANGES:
        return accuracy_special.digest(name, dtype)
    words = np.random.Generator(np.random.PCG64(1)).integers(0, 2**64, 8192, dtype=np.uint64)
    word = {"float32": np.uint32, "float64": np.uint64}[dtype]
    near = (words >> np.uint64(11)).astype(np.float64) / 2.0**49 - 8.0
    y = evaluate(name, np.concatenate([words.astype(word).view(dtype), near.astype(dtype)]))
    return hashlib.sha256(np.where(np.isnan(y), np.array(np.nan, dtype), y).tobytes()).hexdigest()[:16]


# ---- float32

def errors(got, exact):
    """Errors of float32 results in ulp of the exact values (float64, overwritten)."""
    bound = 2.0**128
    error = got.astype(np.float64)
    np.clip(error, -bound, bound, out=error)
    np.clip(exact, -bound, bound, out=exact)
    np.subtract(error, exact, out=error)
    np.abs(error, out=error)
    bits = exact.view(np.int64)             # becomes the power of two that counts ulps
    wrong = np.isnan(error)
    if wrong.any():
        error[wrong] = np.where(np.isnan(got[wrong]) & np.isnan(exact[wrong]), 0.0, np.inf)
    np.right_shift(bits, 52, out=bits)
    np.bitwise_and(bits, 0x7FF, out=bits)
    np.maximum(bits, 897, out=bits)
    np.subtract(2069, bits, out=bits)
    np.left_shift(bits, 52, out=bits)
    return np.multiply(error, bits.view(np.float64), out=error)


def swept(name, first, step, end=2**32, block=1 << 14):
    """Worst error over the float32 bit patterns first, first + step, ...: (ulp, input, count). Blocks stay in the second-level cache."""
    reference = NUMPY.get(name) or (lambda x: evaluate(name, x))
    places = np.arange(block, dtype=np.uint32) * np.uint32(step)
    worst, count = (0.0, 0.0), 0
    with np.errstate(all="ignore"):
        for low in range(first, end, block * step):
            x = (places[:(end - low + step - 1) // step] + np.uint32(low)).view(np.float32)
            if name in POSITIVE:
                x = x[x > 0]
            if not len(x):
                continue
            error = errors(evaluate(name, x), reference(x.astype(np.float64)))
            top = error.argmax()
            count += len(x)
            if error[top] > worst[0]:
                worst = (float(error[top]), float(x[top]))
    return (*worst, count)


# ---- float64

def sampled(name, samples):
    """Worst error in float64 over random inputs against mpmath: (ulp, input, count)."""
    from mpmath import mp

    rng = np.random.default_rng(0)
    reference = exact_functions().get(name) or getattr(mp, name)
    worst, count = (0.0, 0.0), 0
    for span in RANGES[name]:
        if span == "bits":
            x = rng.integers(0, 2**64 - 1, samples, dtype=np.uint64).view(np.float64)
            x = np.abs(x) if name in ("log", "log2", "log10", "log1p") else x
        else:
            x = rng.uniform(*span, samples)
        x = x[np.isfinite(x)]
        for value, got in zip(x, evaluate(name, x)):
            # results near 1 of tiny arguments, and differences from a multiple of pi/2 of huge ones, want many digits
            with mp.workprec(200 if 1e-9 < abs(value) < 1e9 else 2400):
                exact = reference(mp.mpf(float(value)))
                if exact == 0 or abs(exact) > sys.float_info.max:
                    continue
                ulp = mp.ldexp(1, max(mp.frexp(exact)[1] - 53, -1074))
                error = float(abs(mp.mpf(float(got)) - exact) / ulp)
            count += 1
            if not error <= worst[0]:
                worst = (error, float(value))
    return (*worst, count)


def sampled_widely(name, part, count=PART, block=1 << 14):
    """Worst error in float64 over `count` random inputs, the part-th such set, against extended precision: (ulp, input, count)."""
    if np.finfo(np.longdouble).nmant != 63:
        raise SystemExit("bench.accuracy: --many needs a C long double of 64 bits (x87)")
    rng, reference = np.random.default_rng((1, part)), getattr(np, name)
    worst, done = (0.0, 0.0), 0
    with np.errstate(all="ignore"):
        while done < count:
            for span in RANGES[name]:
                x = rng.integers(0, 2**64, block, dtype=np.uint64).view(np.float64) if span == "bits" else rng.uniform(*span, block)
                x = np.abs(x) if name == "log" else x
                x = x[np.isfinite(x)][:count - done]
                if not len(x):
                    continue
                exact = reference(x.astype(np.longdouble))
                near = exact.astype(np.float64)
                error = (np.abs(evaluate(name, x) - exact) / np.spacing(np.abs(near))).astype(np.float64)
                error[~np.isfinite(near)] = 0
                top = error.argmax()
                done += len(x)
                if not error[top] <= worst[0]:
                    worst = (float(error[top]), float(x[top]))
    return (*worst, done)


# ---- the record and the page

def read():
    return json.loads(RECORD.read_text()) if RECORD.exists() else {}


def keep(name, kind, found):
    """Put one figure into the record, as it is on the disk now."""
    record = read()
    record.setdefault(name, {})[kind] = found
    RECORD.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n")


def entry(result, name, dtype):
    ulp, at, count = result
    return {"ulp": ulp, "at": at, "inputs": count, "digest": digest(name, dtype)}


def is_fresh(found, name, dtype):
    return found is not None and found["digest"] == digest(name, dtype)


def measure(names, again=False, samples=SAMPLES, stride=STRIDE):
    """The quick tables: a stride in float32, random inputs in float64; of the other functions random inputs in both."""
    for name in names:
        row = read().get(name, {})
        for dtype in ("float64", "float32"):
            if not again and is_fresh(row.get(dtype), name, dtype):
                continue
            if name not in RANGES:
                found = accuracy_special.measured(name, dtype)
            elif dtype == "float64":
                found = sampled(name, 10 * samples if name in SURE else samples)
            else:
                found = swept(name, 0, stride)
            keep(name, dtype, entry(found, name, dtype))
        row = read()[name]
        print(name, *(f"{dtype} {row[dtype]['ulp']:.3f}" for dtype in ("float32", "float64")), flush=True)


def in_stripes(names, kind, dtype, stripes, measure, seconds):
    """Add stripes to the figures of this kind, one of each function in turn, until all are done or the time is over."""
    end = time.monotonic() + seconds
    rows = {name: read().get(name, {}).get(kind) for name in names}
    for name, row in rows.items():
        if not is_fresh(row, name, dtype):
            rows[name] = {"ulp": 0.0, "at": 0.0, "inputs": 0, "stripes": 0, "digest": digest(name, dtype)}
    for stripe in range(stripes):
        for name, row in rows.items():
            if row["stripes"] != stripe:
                continue
            if time.monotonic() > end:
                return
            ulp, at, count = measure(name, stripe)
            row["stripes"] += 1
            row["inputs"] += count
            if ulp > row["ulp"]:
                row.update(ulp=ulp, at=at)
            keep(name, kind, row)
        done = sum(row["stripes"] for row in rows.values())
        print(f"{done} of {stripes * len(rows)} stripes", *(f"{name} {row['ulp']:.3f}" for name, row in rows.items()), flush=True)


def cells(found):
    at = found["at"] if isinstance(found["at"], list) else [found["at"]]
    return f"{found['ulp']:.3f} | {', '.join(format(x, '.9g') for x in at)} | {found['inputs']}"


def share(found):
    part = found["stripes"] / STRIPES
    return "all" if part == 1 else f"{math.floor(1000 * part) / 10:g} %"


def quick_table(record, names):
    lines = ["| function | float32 worst ulp | at | inputs | float64 worst ulp | at | inputs |", "|---|---|---|---|---|---|---|"]
    return lines + [f"| {name} | {cells(record[name]['float32'])} | {cells(record[name]['float64'])} |" for name in names if "float32" in record.get(name, {})]


def table(record):
    """The tables of the page."""
    lines = quick_table(record, RANGES)
    swept_names = [name for name in RANGES if record.get(name, {}).get("exhaustive", {}).get("stripes")]
    if swept_names:
        lines += ["", f"Of the 2^32 inputs of float32, in stripes of every {STRIPES}th bit pattern (`python -m bench.accuracy --all`):", "",
                  "| function | share | worst ulp | at | inputs |", "|---|---|---|---|---|"]
        lines += [f"| {name} | {share(record[name]['exhaustive'])} | {cells(record[name]['exhaustive'])} |" for name in swept_names]
    many = [name for name in SURE if record.get(name, {}).get("many", {}).get("stripes")]
    if many:
        lines += ["", "float64 on random inputs against extended precision (`python -m bench.accuracy --many`):", "",
                  "| function | worst ulp | at | inputs |", "|---|---|---|---|"]
        lines += [f"| {name} | {cells(record[name]['many'])} |" for name in many]
    lines += ["", "Functions of several arguments, and those whose ranges are their own, on random inputs against mpmath (`bench/accuracy_special.py` has the ranges; `python -m bench.accuracy`):", ""]
    lines += quick_table(record, accuracy_special.CASES)
    return BEGIN + "\n".join(lines) + "\n" + END


def rewritten(page, record):
    """The text of a page with its tables written anew."""
    head, rest = page.split(BEGIN, 1)
    return head + table(record) + rest.split(END, 1)[1]


def main():
    parser = argparse.ArgumentParser(prog="python -m bench.accuracy", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="functions (all of the table; with --all the dozen)")
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--many", action="store_true")
    parser.add_argument("--seconds", type=float, default=math.inf)
    parser.add_argument("--samples", type=int, default=SAMPLES)
    parser.add_argument("--stride", type=int, default=STRIDE)
    parser.add_argument("--page", action="store_true")
    arguments = parser.parse_args()
    if arguments.all:
        in_stripes(arguments.names or DOZEN, "exhaustive", "float32", STRIPES, lambda name, stripe: swept(name, stripe * 167 % STRIPES, STRIPES),
                   arguments.seconds)
    elif arguments.many:
        in_stripes(arguments.names or SURE, "many", "float64", PARTS, sampled_widely, arguments.seconds)
    elif not arguments.page:
        measure(arguments.names or [*RANGES, *accuracy_special.CASES], arguments.again, arguments.samples, arguments.stride)
    PAGE.write_text(rewritten(PAGE.read_text(), read()))


if __name__ == "__main__":
    main()
