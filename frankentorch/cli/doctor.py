"""`frankentorch doctor`: describe this installation and machine, and test that it computes what it must."""

import importlib.metadata
import json
import os
import platform
import sys

import frankentorch as ft
from frankentorch.cli import host, selftest
from frankentorch.runtime import config, threads

OPTIONAL = ("numpy", "zstandard", "blake3", "raptorq", "torch", "pytest", "hypothesis", "pytest-benchmark", "mpi4py", "tensorboard", "Cython")


def add_arguments(parser):
    parser.add_argument("--json", action="store_true", help="print JSON for programs")


def execute(arguments):
    report = describe()
    if not arguments.json:
        for title, facts in report.items():
            print(title)
            for name, fact in facts.items():
                print(f"  {name:<24} {fact}")
        print("self-test")
    found = []
    for check in selftest.checks():
        found.append(check)
        if not arguments.json:
            print(f"  {'ok' if check.holds else 'FAILED':<8} {check.name}: {check.seen}", flush=True)
    failed = sum(not check.holds for check in found)
    if arguments.json:
        print(json.dumps({**report, "self-test": [check._asdict() for check in found], "ok": not failed}, indent=1))
    else:
        print(f"\n{len(found) - failed} of {len(found)} checks passed" + (f", {failed} FAILED" if failed else ""))
    return 1 if failed else 0


def describe():
    """Facts by section; names and values are short enough for one line each."""
    return {"package": package_facts(), "build": build_facts(), "machine": machine_facts(), "memory": memory_facts(),
            "settings": setting_facts(), "other packages": optional_packages()}


def package_facts():
    return {"FrankenTorch": ft.__version__, "stands for PyTorch": torch_version(), "folder": os.path.dirname(os.path.abspath(ft.__file__)),
            "Python": f"{platform.python_version()} ({platform.python_implementation()}), {sys.executable}"}


def torch_version():
    from frankentorch.install import TORCH_VERSION

    return TORCH_VERSION


def build_facts():
    build = host.build()
    return {"compiler": build["compiler"], "flags": " ".join(filter(None, [build["flags"], build["extra_flags"]])),
            "CPU levels built": ", ".join(build["levels"]), "debug checks": "on" if build["debug"] else "off"}


def machine_facts():
    return {"system": platform.platform(), "CPU level in use": host.cpu_level(), "CPU levels offered": ", ".join(host.cpu_levels()),
            "threads in use": host.num_threads(), "usable cores": threads.usable_cores(), "usable memory": readable_size(threads.usable_memory())}


def memory_facts():
    return {name.replace("_bytes", "").replace("_", " "): readable_size(value) if name.endswith("_bytes") else value
            for name, value in host.memory_stats().items()}


def readable_size(nbytes):
    """A number of bytes with the unit that keeps it readable."""
    power = 0
    while power < 3 and nbytes >= 1024 ** (power + 1):
        power += 1
    return f"{nbytes / 1024 ** power:.1f} {'KMG'[power - 1]}iB" if power else f"{nbytes} bytes"


def setting_facts():
    """What each environment variable asks for; None where the default of this machine applies."""
    readers = {config.CPU: config.cpu_level, config.NUM_THREADS: config.num_threads, config.MODE: config.mode, config.CACHE_BYTES: config.cache_bytes}
    return {setting.variable: "not set" if (value := reader()) is None else value for setting, reader in readers.items()}


def optional_packages():
    """Version of each package that some command can use, without importing it."""
    found = {}
    for name in OPTIONAL:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found
