"""`python -m frankentorch`: the same as the command `frankentorch`."""

import sys

from frankentorch.cli import main

if __name__ == "__main__":
    sys.exit(main())
