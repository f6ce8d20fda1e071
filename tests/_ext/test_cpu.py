"""CPU level: the host's best, or the one asked for, or an error; and the floating-point mode checked at import."""
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import run_python

cpu = pytest.importorskip("frankentorch._ext.cpu")
LEVELS = ["baseline", "avx2", "avx512"]


def test_level_is_no_better_than_the_host():
    assert LEVELS.index(cpu.level_name()) <= LEVELS.index(cpu.host_level_name())
    assert ("DEFAULT", "AVX2", "AVX512")[LEVELS.index(cpu.level_name())] == cpu.cpu_capability()


def test_host_level_agrees_with_the_kernels_list():
    """/proc/cpuinfo names the same instruction sets; Linux on x86-64 only."""
    path = Path("/proc/cpuinfo")
    flags = next((set(line.split()) for line in path.read_text().splitlines() if line.startswith("flags")), None) \
        if path.exists() else None
    if flags is None:
        pytest.skip("no x86 flags to read here")
    expected = 0
    if {"avx2", "fma", "f16c"} <= flags:
        expected = 2 if {"avx512f", "avx512dq", "avx512bw", "avx512vl"} <= flags else 1

    assert LEVELS[expected] == cpu.host_level_name()


@pytest.mark.parametrize("level", LEVELS)
def test_level_asked_for_is_used_or_refused(level):
    done = run_python("from frankentorch._ext import cpu; print(cpu.level_name())", FRANKENTORCH_CPU=level)

    if LEVELS.index(level) <= LEVELS.index(cpu.host_level_name()):
        assert level == done.stdout.strip(), done.stderr
    else:
        assert done.returncode != 0
        assert "cannot run it" in done.stderr


def test_unknown_level_is_refused_at_import():
    done = run_python("from frankentorch._ext import cpu", FRANKENTORCH_CPU="sse9")

    assert done.returncode != 0
    assert "FRANKENTORCH_CPU='sse9'" in done.stderr
    assert "baseline, avx2, avx512" in done.stderr


def test_import_into_a_thread_that_flushes_denormals_is_refused(oracle):
    if not oracle.set_flush_denormal(True):
        pytest.skip("the oracle cannot flush denormals here")
    oracle.set_flush_denormal(False)
    done = run_python("import torch; torch.set_flush_denormal(True); from frankentorch._ext import cpu")

    assert done.returncode != 0
    assert "floating-point mode" in done.stderr


def test_denormals_are_kept_here():
    assert not cpu.flushes_denormals()
    assert 5e-324 * 1.0 > 0


def test_runner_reports_a_failing_process():
    """Guards the tests above: a crash is not taken for a refusal."""
    done = run_python("raise SystemExit(3)")

    assert isinstance(done, subprocess.CompletedProcess)
    assert done.returncode == 3
    assert done.args[0] == sys.executable
