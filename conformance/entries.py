"""Entries of the oracle's operator database, read through its API at run time."""
import functools
import json
import pathlib
import random
import re

from conformance.carrier import ITEMSIZE, Packer, Sequence, Unsupported

TIERS = pathlib.Path(__file__).with_name("tiers.json")
ERRORS = "errors"          # stands where a dtype stands, for the samples that must be refused
QUICK_DTYPES = ("float32", "int64", ERRORS)
QUICK_SAMPLES = 20


@functools.cache
def tier_names(number):
    """Names of a tier; tier 0 is everything."""
    return tuple(json.loads(TIERS.read_text())[f"tier{number}"])


def tier_of(name):
    for number in (1, 2, 3):
        if name in tier_names(number):
            return number
    return 0


class Entry:
    """One row of the database."""

    def __init__(self, op):
        self.op = op
        self.name = op.name
        self.variant = op.variant_test_name
        self.key = f"{op.name}.{self.variant}" if self.variant else op.name
        self.tier = tier_of(op.name)

    def dtypes(self):
        """Dtypes of ours that the oracle supports on CPU, then the error samples if there are any."""
        supported = {str(dtype).rpartition(".")[2] for dtype in self.op.supported_dtypes("cpu")}
        names = [name for name in ITEMSIZE if name in supported]
        return names + [ERRORS] if self.op.error_inputs_func is not None else names

    def differentiable(self, dtype):
        import torch

        return self.op.supports_autograd and getattr(torch, dtype) in self.op.supported_backward_dtypes("cpu")

    def samples(self, dtype, limit=None, reference=False):
        """Yield (number, input, args, kwargs, sample) of neutral trees; None for what no other library can be given."""
        import torch

        seed_everything()
        source = self.op.reference_inputs if reference else self.op.sample_inputs
        given = source("cpu", getattr(torch, dtype), requires_grad=self.differentiable(dtype))
        for number, sample in enumerate(given):
            if limit is not None and number >= limit:
                return
            yield number, pack_sample(sample), sample

    def error_samples(self, limit=None):
        seed_everything()
        for number, error in enumerate(self.op.error_inputs("cpu")):
            if limit is not None and number >= limit:
                return
            yield number, pack_sample(error.sample_input), error


def pack_sample(sample):
    """All arguments as one neutral tree ([args], {kwargs}), or None."""
    import torch

    packer = Packer(torch)
    try:
        args = Sequence("tuple", [packer.pack(sample.input)] + [packer.pack(item) for item in sample.args])
        return args, packer.pack(sample.kwargs)
    except Unsupported:
        return None


def seed_everything():
    """The database draws from three generators; all start from the same place for every entry."""
    import numpy
    import torch

    torch.manual_seed(0)
    random.seed(0)
    numpy.random.seed(0)


@functools.cache
def database():
    """Entry by key, in the database's order."""
    from torch.testing._internal.common_methods_invocations import op_db

    found = {}
    for op in op_db:
        entry = Entry(op)
        assert entry.key not in found, f"two entries named {entry.key}"
        found[entry.key] = entry
    return found


def select(tier=1, pattern=None):
    """Entries of a tier (0: all of them) whose key matches a regular expression."""
    matches = re.compile(pattern).fullmatch if pattern else (lambda key: True)
    return [entry for entry in database().values() if matches(entry.key) and (tier == 0 or entry.tier == tier)]
