"""Makes every case of a group a pytest-benchmark test of each library."""
import pytest

from bench import checkpoints, ftc, functions, trainings  # noqa: F401
from bench.cases import GROUPS


def pytest_generate_tests(metafunc):
    groups = getattr(metafunc.module, "GROUPS_HERE", ())
    if "maker" in metafunc.fixturenames:
        cases = [pytest.param(maker, id=f"{name}: {case}") for name in groups for case, maker in GROUPS[name].items()]
        metafunc.parametrize("maker", cases)


@pytest.fixture(params=["frankentorch", "torch"])
def library(request):
    lib = pytest.importorskip(request.param)
    if not hasattr(lib, "Tensor"):
        pytest.skip(f"{request.param} has no tensor core here")
    lib.set_num_threads(1)
    return lib

