"""`python -m frankentorch.cli`: the command, for processes that the package starts."""

import sys

from frankentorch.cli import main

sys.exit(main())
