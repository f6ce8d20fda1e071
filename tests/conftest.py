"""Shared fixtures. The suite needs no PyTorch; tests that compare with it live ask for `oracle`."""
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:            # conformance/ and bench/ are run from the tree, not installed
    sys.path.insert(0, str(ROOT))

try:
    from hypothesis import HealthCheck, settings
except ImportError:
    pass
else:
    # Same examples every run, no wall clock: a failure is reproducible and a slow machine is no failure.
    settings.register_profile("repeatable", derandomize=True, deadline=None, print_blob=True,
                              suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
    settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def oracle():
    """Real PyTorch of the version we are measured against, or skip."""
    from tests.oracle import require

    return require()


def pytest_addoption(parser):
    parser.addoption("--subject", default="frankentorch", choices=("frankentorch", "torch"),
                     help="the library that answers for `ft`; `torch` tries the tests themselves on the oracle")


@pytest.fixture(scope="session")
def subject_name(request):
    return request.config.getoption("--subject")


@pytest.fixture(scope="module")
def ft_module(subject_name):
    """The package under test for Hypothesis tests, which run many examples in one call and change no setting."""
    frankentorch = pytest.importorskip(subject_name)
    if not hasattr(frankentorch, "Tensor"):
        pytest.skip("frankentorch has no tensor core in this tree")
    return frankentorch


@pytest.fixture
def ft(subject_name):
    """The package under test, with its generator, default dtype and thread count put back afterwards."""
    frankentorch = pytest.importorskip(subject_name)
    if not hasattr(frankentorch, "Tensor"):
        pytest.skip("frankentorch has no tensor core in this tree")
    kept = [(setting, getattr(frankentorch, f"get_{setting}")()) for setting in ("default_dtype", "num_threads")
            if hasattr(frankentorch, f"get_{setting}")]
    if hasattr(frankentorch, "manual_seed"):
        frankentorch.manual_seed(0)
    yield frankentorch
    for setting, value in kept:
        getattr(frankentorch, f"set_{setting}")(value)
