"""Processes of the package's own modules run the package that started them."""
import json
import os
import subprocess

from frankentorch.cli.selftest import digests
from frankentorch.runtime.child import command


def test_a_package_of_the_same_name_where_we_work_is_not_taken(tmp_path):
    (tmp_path / "frankentorch").mkdir()
    (tmp_path / "frankentorch" / "__init__.py").write_text("raise ImportError('the wrong one')\n")
    child = subprocess.run(command("frankentorch.cli.selftest"), cwd=tmp_path, capture_output=True, text=True, timeout=120)

    assert child.returncode == 0, child.stderr
    assert digests() == json.loads(child.stdout)


def test_nothing_is_lost_where_python_leaves_the_directory_out_itself(tmp_path):
    made = "import os, sys; sys.stdout.write(os.environ.get('KEPT', ''))\n"
    (tmp_path / "kept_module.py").write_text(made)
    words = command("kept_module")
    words[2] = words[2].replace("import sys, runpy;", "import sys, runpy; sys.path.remove('');")
    child = subprocess.run(words, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(tmp_path), "KEPT": "found"}, capture_output=True, text=True, timeout=120)

    assert child.returncode == 0 and child.stdout == "found", child.stderr


def test_words_come_as_a_module_gets_them(tmp_path):
    child = subprocess.run(command("frankentorch.cli", "--version"), cwd=tmp_path, capture_output=True, text=True, timeout=120)

    assert child.returncode == 0 and "frankentorch" in child.stdout.lower(), child
