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


@pytest.fixture
def ft():
    """The package under test, with its generator, default dtype and grad mode put back afterwards."""
    frankentorch = pytest.importorskip("frankentorch")
    if not hasattr(frankentorch, "Tensor"):
        pytest.skip("frankentorch has no tensor core in this tree")
    dtype = frankentorch.get_default_dtype()
    threads = frankentorch.get_num_threads()
    frankentorch.manual_seed(0)
    yield frankentorch
    frankentorch.set_default_dtype(dtype)
    frankentorch.set_num_threads(threads)
