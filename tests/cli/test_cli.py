"""The command line itself: help, version, wrong calls."""

import subprocess
import sys

import pytest

import frankentorch
from frankentorch.cli import COMMANDS, main


def test_help_names_every_command(frankentorch_command):
    done = frankentorch_command("--help")

    assert done.returncode == 0
    assert all(f"  {name} " in done.stdout for name in COMMANDS)


def test_version_is_the_package_version(frankentorch_command):
    assert f"frankentorch {frankentorch.__version__}\n" == frankentorch_command("--version").stdout


@pytest.mark.parametrize("words", [(), ("dance",), ("demo", "--epochs"), ("ckpt",), ("run",), ("run", "-m"), ("run", "--fast", "x.py"), ("ledger",)])
def test_wrong_call_exits_with_2_and_says_so_on_stderr(frankentorch_command, words):
    done = frankentorch_command(*words)

    assert (2, "") == (done.returncode, done.stdout)
    assert "frankentorch" in done.stderr and "Traceback" not in done.stderr



def test_help_of_a_command_imports_no_other_command(run_python):
    done = run_python("-c", "import sys; from frankentorch import cli\ntry: cli.main(['ckpt', '--help'])\nexcept SystemExit: pass\n"
                      "print(sorted(m for m in sys.modules if m.startswith('frankentorch.cli.')))")

    assert done.stdout.splitlines()[-1] == "['frankentorch.cli.ckpt', 'frankentorch.cli.progress']"


def test_interrupt_exits_with_130(monkeypatch, capsys):
    class Interrupted:
        @staticmethod
        def execute(words):
            raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "frankentorch.cli.run", Interrupted)

    assert 130 == main(["run", "x"])
    assert "interrupted" in capsys.readouterr().err


def test_installed_script_calls_the_same_main():
    """The console script, where the package was installed and not merely built in place."""
    from importlib.metadata import PackageNotFoundError, entry_points, version
    try:
        version("frankentorch")
    except PackageNotFoundError:
        pytest.skip("frankentorch is not installed here")
    scripts = [point for point in entry_points(group="console_scripts") if point.name == "frankentorch"]

    assert {main} == {point.load() for point in scripts}
    assert 0 == subprocess.run([sys.executable, "-m", "frankentorch", "--version"], capture_output=True).returncode
