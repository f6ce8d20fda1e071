"""The same bits for any thread count, any run and any CPU level, on inputs that are cut among threads."""
import functools
import os
import pathlib
import subprocess
import sys

import pytest

from conformance.large import CASES, digest
from tests.conftest import ROOT


THREADS = (1, 2, 3, 8)
# What a level needs of the host; a level that is missing must be refused, which is tested elsewhere.
FLAGS = {"baseline": (), "avx2": ("avx2", "fma", "f16c"), "avx512": ("avx512f", "avx512dq", "avx512bw", "avx512vl")}


@pytest.mark.parametrize("name", CASES)
def test_same_bits_for_every_thread_count(ft, name):
    digests = {}
    for threads in THREADS:
        ft.set_num_threads(threads)
        try:
            digests[threads] = digest(ft, name)
        except (AttributeError, NotImplementedError) as error:
            pytest.skip(f"not there yet: {error}")

    assert len(set(digests.values())) == 1, digests


@functools.cache
def digests_at(level):
    """Digests of a fresh process at a CPU level."""
    done = subprocess.run([sys.executable, "-m", "conformance.large"], cwd=ROOT, capture_output=True, text=True,
                          env={**os.environ, "FRANKENTORCH_CPU": level})
    assert done.returncode == 0, done.stderr
    return dict(line.split("\t") for line in done.stdout.splitlines())


def host_has(level):
    try:
        words = set(pathlib.Path("/proc/cpuinfo").read_text().split())
    except OSError:
        return level == "baseline"
    return set(FLAGS[level]) <= words


@pytest.mark.parametrize("level", ["avx2", "avx512"])
def test_same_bits_at_every_cpu_level(ft, subject_name, level):
    if subject_name != "frankentorch":
        pytest.skip("levels are those of our kernels")
    if not host_has(level):
        pytest.skip(f"the host has no {level}")
    expected, actual = digests_at("baseline"), digests_at(level)

    assert {name: value for name, value in actual.items() if value != expected[name]} == {}


def test_same_bits_in_another_process(ft, subject_name):
    if subject_name != "frankentorch":
        pytest.skip("asks our package")
    best = next(level for level in ("avx512", "avx2", "baseline") if host_has(level))
    expected = digests_at(best)
    differing = {}
    for name in CASES:
        if not expected[name].startswith("missing"):
            found = digest(ft, name)
            if found != expected[name]:
                differing[name] = found

    assert differing == {}
