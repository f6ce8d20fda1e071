"""Largest error, in units in the last place, of the elementwise functions of the built package.

    python bench/accuracy.py                      print the table (a few minutes)
    python bench/accuracy.py --write docs/accuracy.md    replace the table in the page
    python bench/accuracy.py --all exp log tanh   float32 functions on all 2^32 inputs

float32 results are compared with NumPy's float64 function where there is one (its own error is about 2^-29 of a float32
ulp), over every STRIDE-th bit pattern; everything else with mpmath on random inputs from the ranges below.
"""
import argparse
import sys

import numpy as np
from mpmath import mp

STRIDE = 251  # a prime: 2^32 / 251 = 17.1 million inputs, all exponents, both signs
SAMPLES = 3000  # random inputs per range for mpmath

# name: ranges for float64 ("bits" = any finite bit pattern); float32 uses the part that does not overflow.
RANGES = {
    "exp": [(-745, 709), (-1, 1)], "exp2": [(-1074, 1024), (-1, 1)], "expm1": [(-40, 709), (-2, 2)],
    "log": ["bits", (0.5, 2)], "log2": ["bits", (0.5, 2)], "log10": ["bits", (0.5, 2)], "log1p": ["bits", (-0.99, 3)],
    "sin": ["bits", (-10, 10), (-1e5, 1e5)], "cos": ["bits", (-10, 10), (-1e5, 1e5)],
    "tan": ["bits", (-10, 10), (-1e5, 1e5)], "asin": [(-1, 1)], "acos": [(-1, 1)], "atan": ["bits", (-5, 5)],
    "sinh": [(-709, 709), (-3, 3)], "cosh": [(-709, 709), (-3, 3)], "tanh": [(-25, 25), (-2, 2)],
    "asinh": ["bits", (-5, 5)], "acosh": [(1, 10), (1, 1.01)], "atanh": [(-1, 1), (-0.1, 0.1)],
    "sigmoid": [(-700, 40), (-5, 5)], "erf": [(-6, 6), (-1, 1)], "erfc": [(-6, 26), (0.3, 3)],
    "silu": [(-700, 100), (-5, 5)], "gelu": [(-12, 6), (-1, 1)], "gelu_tanh": [(-9, 6), (-1, 1)],
    "erfinv": [(-1, 1), (0.99, 1)], "lgamma": [(0, 170), (0.5, 3)], "digamma": [(1e-9, 170), (1.2, 1.8)],
}
REFERENCE = {
    "exp2": lambda x: mp.mpf(2) ** x, "log2": lambda x: mp.log(x, 2), "log10": mp.log10, "lgamma": mp.loggamma,
    "silu": lambda x: x / (1 + mp.exp(-x)), "gelu": lambda x: x * mp.erfc(-x / mp.sqrt(2)) / 2,
    "gelu_tanh": lambda x: x / (1 + mp.exp(-2 * mp.sqrt(2 / mp.pi) * (x + mp.mpf("0.044715") * x**3))),
    "sigmoid": lambda x: 1 / (1 + mp.exp(-x)), "digamma": mp.digamma, "erfinv": mp.erfinv, "erfc": mp.erfc,
}
NUMPY = {"asin": "arcsin", "acos": "arccos", "atan": "arctan", "asinh": "arcsinh", "acosh": "arccosh", "atanh": "arctanh"}


def evaluate(name, values):
    """One op of the package on a NumPy array, back as an array."""
    import frankentorch
    functional = frankentorch.nn.functional
    x = frankentorch.from_numpy(values)
    if name == "gelu_tanh":
        return functional.gelu(x, approximate="tanh").numpy()
    return getattr(functional if name in ("silu", "gelu") else frankentorch, name)(x).numpy()


def ulp_of(exact, dtype):
    """Size of the last place of dtype at float64 or mpf values `exact`, subnormals included."""
    digits, lowest = (24, -149) if dtype == np.float32 else (53, -1074)
    if isinstance(exact, np.ndarray):
        return np.ldexp(1.0, np.maximum(np.frexp(exact)[1] - digits, lowest))
    return mp.ldexp(1, max(mp.frexp(exact)[1] - digits, lowest))


def dense_float32(name, stride):
    """Worst error over every stride-th float32 against NumPy in float64: (ulp, input, count)."""
    reference = getattr(np, NUMPY.get(name, name), None)
    if name in ("sigmoid", "silu", "gelu_tanh"):
        def reference(x):
            y = 1.5957691216057308 * (x + 0.044715 * x * x * x) if name == "gelu_tanh" else x
            return np.exp(-np.logaddexp(0.0, -y)) * (1.0 if name == "sigmoid" else x)
    if reference is None:
        return None
    worst = (0.0, 0.0)
    count = 0
    chunk = min(2**26, 2**22 * stride)      # 4 million inputs at a time
    for first in range(0, 2**32, chunk):
        bits = np.arange(first + (-first) % stride, first + chunk, stride, dtype=np.uint64).astype(np.uint32)
        x = bits.view(np.float32)
        x = x[np.isfinite(x)]
        if not len(x):
            continue
        with np.errstate(all="ignore"):
            exact = reference(x.astype(np.float64))
            fits = np.isfinite(exact) & (np.abs(exact) < 3.4028235e38)
            x, exact = x[fits], exact[fits]
            error = np.abs(evaluate(name, x).astype(np.float64) - exact) / ulp_of(exact, np.float32)
        count += len(x)
        if len(x) and not error.max() <= worst[0]:
            worst = (float(error.max()), float(x[error.argmax()]))
    return (*worst, count)


def sampled(name, dtype):
    """Worst error over random inputs against mpmath: (ulp, input, count)."""
    rng = np.random.default_rng(0)
    reference = REFERENCE.get(name) or getattr(mp, name)
    limit = {"float32": 88.0, "float64": 1e308}[np.dtype(dtype).name]
    worst, count = (0.0, 0.0), 0
    for span in RANGES[name]:
        if span == "bits":
            word = {4: np.uint32, 8: np.uint64}[np.dtype(dtype).itemsize]
            x = rng.integers(0, np.iinfo(word).max, SAMPLES, dtype=word).view(dtype)
            x = np.abs(x) if name in ("log", "log2", "log10", "log1p") else x
        else:
            low, high = span
            if name not in ("sin", "cos", "tan"):
                low, high = max(low, -limit), min(high, limit)
            x = rng.uniform(low, high, SAMPLES).astype(dtype)
            x = x[(x > low) & (x < high)]
        x = x[np.isfinite(x)]
        for value, got in zip(x, evaluate(name, x)):
            with mp.workprec(2400 if abs(value) > 1e9 or abs(value) < 1e-9 else 200):
                exact = reference(mp.mpf(float(value)))
                if exact == 0 or abs(exact) > np.finfo(dtype).max:
                    continue
                error = float(abs(mp.mpf(float(got)) - exact) / ulp_of(exact, dtype))
            count += 1
            if not error <= worst[0]:
                worst = (error, float(value))
    return (*worst, count)


def table():
    lines = ["| function | float32 worst ulp | at | inputs | float64 worst ulp | at | inputs |",
             "|---|---|---|---|---|---|---|"]
    for name in RANGES:
        cells = []
        for dtype in (np.float32, np.float64):
            result = dense_float32(name, STRIDE) if dtype == np.float32 else None
            ulp, where, count = result or sampled(name, dtype)
            cells.append(f"{ulp:.3f} | {where:.9g} | {count}")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
        print(lines[-1], file=sys.stderr, flush=True)
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", metavar="PAGE")
    parser.add_argument("--all", nargs="+", metavar="NAME")
    arguments = parser.parse_args()
    if arguments.all:
        for name in arguments.all:
            print(name, dense_float32(name, 1))
        return
    text = table()
    if not arguments.write:
        print(text)
        return
    with open(arguments.write) as page:
        head, rest = page.read().split("<!-- table -->\n", 1)
        tail = rest.split("<!-- end -->", 1)[1]
    with open(arguments.write, "w") as page:
        page.write(f"{head}<!-- table -->\n{text}<!-- end -->{tail}")


if __name__ == "__main__":
    main()
