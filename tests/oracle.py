"""The live oracle for tests, and moving tensors between it and the package under test."""
import importlib.util

import pytest

VERSION = "2.13.0"


def available():
    return importlib.util.find_spec("torch") is not None


def require():
    """Real PyTorch, single threaded; skips the test where it is absent or another version."""
    if not available():
        pytest.skip("PyTorch is not installed")
    import torch

    found = torch.__version__.partition("+")[0]
    if found != VERSION:
        pytest.skip(f"the oracle is PyTorch {VERSION}, found {found}")
    torch.set_num_threads(1)
    return torch


def convert(value, source, target):
    """The same tree of tensors in another library: strides, offsets, sharing and requires_grad kept."""
    from conformance.carrier import Builder, Packer

    return Builder(target).build(Packer(source).pack(value))


def difference(expected, actual, oracle, subject, exact=False):
    """First difference between an oracle's result and ours as text, or None."""
    from conformance.compare import Comparison, observe

    comparison = Comparison(exact)
    comparison.trees(observe(oracle, expected), observe(subject, actual))
    for check, message in comparison.differences:
        return f"{check}: {message}"
    return None
