"""Where the cases are entered, and what they share."""
import hashlib

import numpy as np

import frankentorch as ft

CASES = {}                      # name -> (function of the library, function of the reference); both without arguments, lists of arrays
DTYPES = ("float32", "float64")


def enter(name, inputs, found, expected):
    """A case whose two functions are called with each of `inputs()` and give several arrays."""
    def all_of(function):
        def made():
            with np.errstate(all="ignore"):
                return [np.asarray(x) for arguments in inputs() for x in function(*arguments)]
        return made
    assert name not in CASES, name
    CASES[name] = all_of(found), all_of(expected)


def numbers(rng, *shape, dtype="float32"):
    """Normal numbers of mixed size, some of them zeros of either sign."""
    x = (rng.standard_normal(shape) * 10.0 ** rng.integers(-2, 3, shape)).astype(dtype)
    x[rng.random(shape) < 0.03] = -0.0
    return x


def tensor(x):
    return ft.from_numpy(np.array(x))


def leaf(x):
    return tensor(x).requires_grad_()


def arrays(*tensors):
    return [t.detach().numpy() for t in tensors]


def unary(name):
    """A function of the library, of arrays."""
    return lambda x: getattr(ft, name)(tensor(x)).numpy()


def power(x, exponent):
    return ft.pow(tensor(x), exponent).numpy()


def digest(found):
    """Of shapes, dtypes and bits; any NaN is one NaN."""
    state = hashlib.sha256()
    for x in found:
        x = np.array(x)
        if x.dtype.kind == "f":
            x[x != x] = np.nan
        state.update(repr((x.shape, x.dtype.str)).encode() + x.tobytes())
    return state.hexdigest()
