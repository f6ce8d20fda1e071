"""Runs the real command in processes of its own, as a user does."""

import os
import subprocess
import sys

import pytest


@pytest.fixture
def run_python(tmp_path):
    """`run_python(word, ..., environment={})`: plain Python in an empty folder, which finds the package under test."""
    import frankentorch

    package_parent = os.path.dirname(os.path.dirname(os.path.abspath(frankentorch.__file__)))
    path = os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), package_parent]))

    def run(*words, environment=None, flags=(), text=True, **options):
        return subprocess.run([sys.executable, *flags, *map(str, words)], capture_output=True, text=text, timeout=300, cwd=tmp_path,
                              env={**os.environ, "PYTHONPATH": path, "COLUMNS": "120", **(environment or {})}, **options)

    return run


@pytest.fixture
def frankentorch_command(run_python):
    """`frankentorch_command(word, ...)`: the command line, as `python -m frankentorch`."""
    def run(*words, **options):
        return run_python("-m", "frankentorch", *words, **options)

    return run
