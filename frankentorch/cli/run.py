"""`frankentorch run [-m] program args…`: plain Python, in which `import torch` means FrankenTorch.

The process becomes `python program args…` with our `torch` ahead on PYTHONPATH. So arguments, `__main__`, exit codes,
signals, tracebacks and child processes are plain Python's: it is plain Python that runs.
"""

import os
import subprocess
import sys

from frankentorch.install import child_environment

USAGE = """usage: frankentorch run [-m module | -c command | program | -] [argument ...]

Run a Python program in which `import torch` means FrankenTorch, also in its child processes.
Words after the program belong to it. Options for Python itself: python -X dev -m frankentorch run ...
"""


def execute(words):
    """Replace this process by the program; returns only an exit code of a wrong call."""
    if words[:1] in (["-h"], ["--help"]):
        print(USAGE, end="")
        return 0
    if not words or words[0] in ("-m", "-c") and len(words) == 1:
        return _refuse("no program given\n" + USAGE)
    if words[0].startswith("-") and words[0] not in ("-m", "-c", "-"):
        return _refuse(f"unknown option {words[0]}\n" + USAGE)
    if sys.flags.ignore_environment or not sys.executable:
        return _refuse("this Python ignores PYTHONPATH (option -E or -I), so the program could not find FrankenTorch")
    sys.stdout.flush()
    # The options of this interpreter (-O, -u, -X dev, ...), as multiprocessing hands them to its children.
    os.execve(sys.executable, [sys.executable, *subprocess._args_from_interpreter_flags(), *words], child_environment(os.environ))


def _refuse(reason):
    print(f"frankentorch run: {reason.rstrip()}", file=sys.stderr)
    return 2
