"""What a case is: a name, an expression, and what its names stand for; inputs are made once for all cases that share them."""
import functools
import re
from typing import NamedTuple

HALVES = ("bfloat16", "float16")
FLOATS = ("float32", "float64", *HALVES)
INTEGERS = ("int64", "int32", "uint8")
COMPLEX = ("complex64", "complex128")
WORD = re.compile(r"[A-Za-z_]\w*")
KEPT = 24                # inputs kept, of both libraries together
DOMAINS = {              # what is made of numbers of [0, 1); normal numbers are the default
    "unit": lambda x: x * 1.8 - 0.9,
    "positive": lambda x: x + 0.5,
    "above": lambda x: x * 4 + 1,
    "small": lambda x: x * 3,
}


class Input(NamedTuple):
    """A tensor to make: its layout is contiguous, strided (every other of the last dim), transposed, channels_last or offset."""

    shape: tuple
    dtype: str = "float32"
    layout: str = "contiguous"
    domain: str = "normal"


class Case(NamedTuple):
    """`names` are pairs of a name and an `Input`, or an expression over the library and other names; what is not used is not made."""

    name: str
    expression: str
    names: tuple

    def call(self, lib):
        """The call to time, with its inputs ready."""
        scope = {"torch": lib, "F": lib.nn.functional}
        fill(scope, lib, dict(self.names), self.expression)
        return eval(f"lambda: ({self.expression})", scope)


def fill(scope, lib, names, expression):
    """Give the scope what an expression asks for."""
    for name in WORD.findall(expression):
        if name not in names or name in scope:
            continue
        what = names[name]
        if isinstance(what, Input):
            scope[name] = made(lib, what, name)
        else:
            fill(scope, lib, names, what)
            scope[name] = eval(what, scope)


def case(label, expression, *more, **names):
    """A case named by its label and what more is given: a dtype, a shape, a layout."""
    return Case(" ".join([label, *("x".join(map(str, what)) if isinstance(what, tuple) else what for what in more)]), expression, tuple(names.items()))


@functools.lru_cache(maxsize=KEPT)
def made(lib, wanted, name):
    """The tensor, with the same numbers in both libraries; each name has numbers, and memory, of its own."""
    lib.manual_seed(sum(map(ord, name)))
    shape = wanted.shape
    if wanted.layout == "strided":
        shape = (*shape[:-1], 2 * shape[-1])
    elif wanted.layout == "transposed":
        shape = (*shape[:-2], shape[-1], shape[-2])
    elif wanted.layout == "offset":
        shape = (*shape[:-1], shape[-1] + 1)
    x = numbers(lib, shape, wanted.dtype, wanted.domain)
    if wanted.layout == "strided":
        return x[..., ::2]
    if wanted.layout == "transposed":
        return x.transpose(-1, -2)
    if wanted.layout == "offset":
        return x[..., 1:]
    return x.contiguous(memory_format=lib.channels_last) if wanted.layout == "channels_last" else x


def numbers(lib, shape, dtype, domain):
    kind = getattr(lib, dtype)
    if dtype == "bool":
        return lib.randint(0, 2, shape).to(kind)
    if "int" in dtype:
        return lib.randint(1, 8 if domain == "small" else 100, shape).to(kind)
    if dtype.startswith("complex"):
        return lib.complex(lib.randn(shape), lib.randn(shape)).to(kind)
    return (DOMAINS[domain](lib.rand(shape)) if domain in DOMAINS else lib.randn(shape)).to(kind)
