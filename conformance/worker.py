"""A process that examines entries one after another: oracle and subject side by side.

Jobs come as JSON lines on standard input, results leave as JSON lines on the original standard
output; anything the libraries print goes to standard error. Where the work stands is written into a
small shared file, so that the parent can name the sample that killed the process.
"""
import json
import mmap
import os
import resource
import sys
import traceback

PROGRESS_BYTES = 96


def main(subject_name, progress_path, memory_bytes):
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    with open(progress_path, "r+b") as file:
        shared = mmap.mmap(file.fileno(), PROGRESS_BYTES)

    def progress(text):
        shared[:] = text.encode()[:PROGRESS_BYTES].ljust(PROGRESS_BYTES)

    examine = examiner(subject_name, progress)
    limit_memory(memory_bytes)
    print(json.dumps({"ready": True}), file=answers, flush=True)
    for line in sys.stdin:
        progress("start")
        print(json.dumps(examine(json.loads(line))), file=answers, flush=True)


def examiner(subject_name, progress=lambda text: None):
    """A function job → result for one subject; also used in-process by `--jobs 0`."""
    import torch

    torch.set_num_threads(1)
    from conformance import subject
    from conformance.check import Checker, ErrorChecker
    from conformance.entries import ERRORS, database

    lib = subject.load(subject_name)
    entries = database()

    def examine(job):
        kind = ErrorChecker if job["dtype"] == ERRORS else Checker
        try:
            checker = kind(entries[job["key"]], job["dtype"], torch, lib, progress)
            return checker.run(job["limit"], reference=job["reference"]).as_dict()
        except MemoryError:
            return {"broken": "memory", "message": "asked for more memory than the limit"}
        except Exception as error:  # noqa: BLE001 - a fault of the harness is reported, not hidden
            where = traceback.extract_tb(error.__traceback__)[-1]
            return {"broken": "harness",
                    "message": f"{type(error).__name__}: {error} at {where.name}:{where.lineno}"}

    return examine


def limit_memory(extra_bytes):
    """Bound what may still be mapped, so that a runaway allocation costs one entry and not the machine."""
    with open("/proc/self/statm") as file:
        mapped = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (mapped + extra_bytes, resource.RLIM_INFINITY))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
