"""Processes of this package's own modules."""
import sys
from pathlib import Path

HOME = str(Path(__file__).resolve().parents[2])         # the directory that holds the package

# As `python -m`, but for the working directory, which may hold another copy of the package.
START = ("import sys, runpy; sys.path[:1] == [''] and sys.path.pop(0); name, home = sys.argv.pop(1), sys.argv.pop(1); home in sys.path or sys.path.insert(0, home); "
         "runpy.run_module(name, run_name='__main__', alter_sys=True)")


def command(module, *words):
    """The words that run a module of the package that runs here, in a process of its own."""
    return [sys.executable, "-c", START, module, HOME, *words]
