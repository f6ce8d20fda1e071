"""The command `frankentorch`. One module per sub-command, imported when it is called.

Such a module has `add_arguments(parser)` and `execute(arguments)`, which returns the exit code: 0 for success, 1 when
what was asked for failed, 2 for a wrong call. `run` is apart: its words belong to another program.
"""

import argparse
import importlib
import sys

COMMANDS = {
    "demo": "train on handwritten digits and show what holds",
    "doctor": "describe this installation and test it",
    "run": "run a Python program written for PyTorch on FrankenTorch",
    "ckpt": "look into checkpoint files",
    "ledger": "records of what a run did",
}


def main(words=None):
    """Run one command line (default: that of the process) and return the exit code."""
    words = sys.argv[1:] if words is None else list(words)
    try:
        if words[:1] == ["run"]:
            return _module("run").execute(words[1:])
        arguments = _parser(words[0] if words else None).parse_args(words)
        return _module(arguments.command).execute(arguments)
    except KeyboardInterrupt:
        print("frankentorch: interrupted", file=sys.stderr)
        return 130


def _module(command):
    return importlib.import_module(f"frankentorch.cli.{command}")


def _parser(called):
    """Parser of all commands; only the one called declares its arguments, so that only its module is imported."""
    parser = argparse.ArgumentParser(prog="frankentorch", description="Deterministic deep learning on the CPU with PyTorch's interface.")
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    commands = parser.add_subparsers(dest="command", metavar="command", required=True)
    for name, purpose in COMMANDS.items():
        command = commands.add_parser(name, help=purpose, description=purpose[0].upper() + purpose[1:] + ".")
        if name == called:
            _module(name).add_arguments(command)
    return parser


class _Version(argparse.Action):
    """Prints the version; the package is imported only then."""

    def __call__(self, parser, namespace, values, option=None):
        import frankentorch

        print(f"frankentorch {frankentorch.__version__}")
        parser.exit()
