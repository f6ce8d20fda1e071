"""`frankentorch run`: the program cannot tell it from plain Python, except by what `torch` is."""

import json
import signal
import textwrap

import pytest

SHOW = """
    import json, sys
    print(json.dumps({"argv": sys.argv, "name": __name__, "file": __file__, "path0": sys.path[0]}))
"""


@pytest.fixture
def script(tmp_path):
    """`script(text, name="program.py")` writes a program and returns its path."""
    def write(text, name="program.py"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(textwrap.dedent(text))
        return path

    return write


@pytest.mark.parametrize("words", [("program.py", "a", "--b", "-m"), ("./program.py",), ("-m", "program", "-c", "x"), ("program.py", "--help")])
def test_program_sees_what_plain_python_shows(run_python, frankentorch_command, script, words):
    script(SHOW)
    plain, ours = run_python(*words), frankentorch_command("run", *words)

    assert plain.returncode == ours.returncode == 0
    assert json.loads(plain.stdout) == json.loads(ours.stdout)


@pytest.mark.parametrize("text", ["import sys; sys.exit(7)", "raise SystemExit('words')", "def f():\n    1 / 0\nf()", "x = = 1",
                                  "import os; os._exit(3)", "", "import no_such_module"])
def test_exit_code_and_traceback_are_plain_pythons(run_python, frankentorch_command, script, text):
    script(text)
    plain, ours = run_python("program.py"), frankentorch_command("run", "program.py")

    assert (plain.returncode, plain.stdout, plain.stderr) == (ours.returncode, ours.stdout, ours.stderr)


def test_missing_program_fails_as_plain_python_does(run_python, frankentorch_command):
    plain, ours = run_python("nowhere.py"), frankentorch_command("run", "nowhere.py")

    assert (2, plain.stderr) == (ours.returncode, ours.stderr)


def test_death_by_a_signal_is_passed_on(frankentorch_command, script):
    script("import os, signal; os.kill(os.getpid(), signal.SIGTERM)")

    assert -signal.SIGTERM == frankentorch_command("run", "program.py").returncode


def test_command_and_standard_input(frankentorch_command):
    text = "import torch; print(torch.__version__)"

    assert "2.13.0+frankentorch\n" == frankentorch_command("run", "-c", text).stdout
    assert "2.13.0+frankentorch\n" == frankentorch_command("run", "-", input=text).stdout


def test_python_options_reach_the_program(frankentorch_command, script):
    script("import sys; print(sys.flags.optimize, sys.flags.dev_mode)")

    assert "1 True\n" == frankentorch_command("run", "program.py", flags=["-O", "-X", "dev"]).stdout


def test_isolated_python_is_refused(tmp_path):
    """Such a Python would import another torch, or none."""
    from frankentorch.cli import run

    class Flags:
        ignore_environment = 1

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run.sys, "flags", Flags)
        assert 2 == run.execute(["program.py"])


def test_torch_is_ours_in_every_kind_of_child(frankentorch_command, script):
    script("""
        import multiprocessing, subprocess, sys
        import torch

        def version(queue):
            import torch
            queue.put(torch.__version__)

        if __name__ == "__main__":
            print(subprocess.check_output([sys.executable, "-c", "import torch.nn; print(torch.__version__)"], text=True).strip())
            for method in multiprocessing.get_all_start_methods():
                context = multiprocessing.get_context(method)
                queue = context.Queue()
                child = context.Process(target=version, args=(queue,))
                child.start()
                print(queue.get(timeout=60))
                child.join()
    """)
    done = frankentorch_command("run", "program.py")

    assert ("", 0) == (done.stderr, done.returncode)
    assert {"2.13.0+frankentorch"} == set(done.stdout.split())
    assert 1 + 3 == len(done.stdout.split())


def test_module_of_that_name_beside_the_program_wins_as_always(frankentorch_command, script):
    script("x = 1", "torch.py")
    script("import torch; print(torch.x)")

    assert "1\n" == frankentorch_command("run", "program.py").stdout


def test_program_need_not_find_frankentorch_itself(frankentorch_command, run_python, script):
    """An uninstalled package runs a program from any folder: the alias knows where it lies."""
    script("import torch, sys; print(torch.__frankentorch__)")

    assert "True\n" == frankentorch_command("run", "program.py").stdout
