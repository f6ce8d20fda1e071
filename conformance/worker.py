"""A process that examines entries one after another: oracle and subject side by side.

It is forked from a parent that has loaded the oracle and its database already, so that replacing a
dead worker costs milliseconds. Jobs come and results leave as JSON lines over two pipes; what the
libraries print goes to standard error. Where the work stands is kept in a small shared mapping, so
that the parent can name the sample that killed the process.
"""
import json
import os
import resource
import traceback

PROGRESS_BYTES = 96
MEMORY_BYTES = 6 << 30


def main(subject_name, jobs, answers, shared, verbose):
    """Serve until the pipe of jobs is closed. Never returns to the parent's code."""
    status = 1
    try:
        os.dup2(2, 1)
        if not verbose:
            silence = os.open(os.devnull, os.O_WRONLY)
            os.dup2(silence, 1)
            os.dup2(silence, 2)

        def progress(text):
            shared[:] = text.encode()[:PROGRESS_BYTES].ljust(PROGRESS_BYTES)

        examine = examiner(subject_name, progress)
        limit_memory(MEMORY_BYTES)
        with os.fdopen(answers, "w") as out, os.fdopen(jobs) as lines:
            print(json.dumps({"ready": True}), file=out, flush=True)
            for line in lines:
                progress("start")
                print(json.dumps(examine(json.loads(line))), file=out, flush=True)
        status = 0
    except BaseException:  # noqa: BLE001 - a forked child must not fall back into its parent's stack
        traceback.print_exc()
    finally:
        os._exit(status)


def examiner(subject_name, progress=lambda text: None):
    """A function job → result for one subject; also used in-process by `--jobs 0`."""
    import torch

    torch.set_num_threads(1)
    from conformance import subject
    from conformance.check import Checker, ErrorChecker
    from conformance.entries import ERRORS, database
    from conformance.forward import ForwardChecker

    lib = subject.load(subject_name)
    entries = database()

    def examine(job):
        kind = ErrorChecker if job["dtype"] == ERRORS else ForwardChecker if job.get("forward") else Checker
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

