"""What only a fresh process can tell: import time, memory after import, installed size."""
import importlib.util
import os
import pathlib
import statistics
import subprocess
import sys

RUNS = 7
PROBE = """
import sys, time
begun = time.perf_counter()
import {module}
seconds = time.perf_counter() - begun
fields = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(seconds, int(fields["VmRSS"].split()[0]) * 1024, int("numpy" in sys.modules))
"""


def probe(module):
    """(seconds of the import, resident bytes after it, whether it loaded NumPy) in a new process."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}    # as installed
    done = subprocess.run([sys.executable, "-c", PROBE.format(module=module)], capture_output=True, text=True, check=True, env=environment)
    seconds, resident, numpy = done.stdout.split()
    return float(seconds), int(resident), numpy == "1"


def import_cost(modules, runs=RUNS):
    """{module: {seconds: [...], bytes: [...]}}; probes of the modules take turns, the first (cold) round is dropped."""
    found = {module: {"seconds": [], "bytes": []} for module in modules}
    for number in range(runs + 1):
        for module in modules:
            seconds, resident, _ = probe(module)
            if number:
                found[module]["seconds"].append(seconds)
                found[module]["bytes"].append(resident)
    return found


def bare_bytes():
    """Resident bytes of an interpreter that imports nothing of interest."""
    return statistics.median(probe("math")[1] for _ in range(3))


def installed_bytes(module):
    """Bytes of a package's folder, compiled Python files left out."""
    spec = importlib.util.find_spec(module)
    folder = pathlib.Path(spec.origin).parent
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")
