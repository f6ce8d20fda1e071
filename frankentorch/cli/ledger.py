"""`frankentorch ledger`: records of what a run did. The name is kept for them; this version writes none yet."""

import sys


def add_arguments(parser):
    parser.add_argument("words", nargs="*", help="not used in this version")


def execute(arguments):
    print("frankentorch ledger: not in this version; there is no ledger to show", file=sys.stderr)
    return 2
