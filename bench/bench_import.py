"""Import in a fresh process: time, and memory as extra information."""
import importlib.util

import pytest

from bench import process


@pytest.mark.parametrize("module", ["frankentorch", "torch"])
def test_import(benchmark, module):
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"{module} is not installed")
    benchmark.extra_info["resident bytes"] = process.probe(module)[1]
    benchmark.extra_info["installed bytes"] = process.installed_bytes(module)
    benchmark.pedantic(process.probe, (module,), rounds=5)
