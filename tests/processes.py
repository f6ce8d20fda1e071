"""Fresh interpreters for tests of what happens at import, at exit and by the environment."""
import os
import subprocess
import sys
from pathlib import Path

import frankentorch


def run_python(program, *, timeout=120, **variables):
    """Run a program text in a new interpreter that finds the package under test; settings of this run are not inherited.

    Returns
    -------
    subprocess.CompletedProcess
        With text output. A process that hangs fails the test by TimeoutExpired.
    """
    package = Path(next(iter(frankentorch.__path__))).parent
    env = {name: value for name, value in os.environ.items() if not name.startswith(("FRANKENTORCH_", "OMP_"))}
    env["PYTHONPATH"] = os.pathsep.join([str(package), env.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    return subprocess.run([sys.executable, "-c", program], env={**env, **variables}, timeout=timeout,
                          capture_output=True, text=True)
