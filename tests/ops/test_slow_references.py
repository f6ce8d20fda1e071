"""Ops have the bits of their slow references, on any thread count and at every CPU level."""
import functools

import pytest

import frankentorch as ft
from frankentorch._ext import cpu
from tests.ops.slow_cases import CASES, digest
from tests.processes import run_python

LEVELS = ("baseline", "avx2", "avx512")


@functools.cache
def digest_of_reference(name):
    return digest(CASES[name][1]())


@pytest.mark.parametrize("name", CASES)
def test_bits_of_the_reference(name):
    threads, (found, expected) = ft.get_num_threads(), CASES[name]
    try:
        for count in (1, 4):
            ft.set_num_threads(count)
            if digest(found()) != digest_of_reference(name):
                differing = [i for i, pair in enumerate(zip(expected(), found(), strict=True)) if digest(pair[:1]) != digest(pair[1:])]
                pytest.fail(f"{name}: arrays {differing} of {len(found())} differ on {count} threads")
    finally:
        ft.set_num_threads(threads)


@pytest.mark.parametrize("level", LEVELS)
def test_bits_of_the_reference_at_every_level(level):
    if LEVELS.index(level) > LEVELS.index(cpu.host_level_name()):
        pytest.skip(f"the host has no {level}")
    done = run_python("from tests.ops.slow_cases import CASES, digest\n"
                      "for name, (found, _) in CASES.items():\n"
                      "    print(name, digest(found()), sep='\\t')", FRANKENTORCH_CPU=level)
    assert done.returncode == 0, done.stderr
    found = dict(line.split("\t") for line in done.stdout.splitlines())

    assert [] == [name for name in CASES if found[name] != digest_of_reference(name)]
