"""kill -9 at random moments of saves that overwrite one file: the file loads, whole, and is one of those that were saved."""
import os
import random
import signal
import tempfile
import time

from conformance.durability.states import numbered
from frankentorch import checkpoint, serialization
from frankentorch._ext import threads

KEPT = 5
LARGE = 1_500_000  # elements, every fourth save of a .pt file: written past the page cache, and longer


def kills(count=1000, seed=0):
    """Saves of `.ftc` files with a sidecar, compressed in turn with those that are not."""
    def save(number, path):
        checkpoint.save(numbered(number), path, compression="stored" if number % 2 else "zstd")

    record = {"sidecar_intact": 0, "sidecar_other": 0}

    def look(path):
        record["sidecar_intact" if checkpoint.scrub(path).sidecar == "intact" else "sidecar_other"] += 1

    return {**overwritten(count, seed, "a.ftc", save, checkpoint.load, look), **record}


def kills_pt(count=1000, seed=0):
    """Saves of `.pt` files, small and large."""
    return overwritten(count, seed, "a.pt", lambda number, path: serialization.save(pt_state(number), path), serialization.load, lambda path: None, pt_state)


def pt_state(number):
    return numbered(number, 20_000 if number % 4 else LARGE)


def overwritten(count, seed, name, save, load, look, state_of=numbered):
    """The record of `count` kills."""
    rng = random.Random(seed)
    record = {"kills": 0, "saves_seen": 0, "killed_with_a_temporary_file": 0, "temporary_files": 0, "wrong": []}
    threads.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, name)
        save(0, path)
        last = 0
        for _ in range(count):
            child = os.fork()
            if not child:
                saving(save, path, last)
            time.sleep(rng.uniform(0.0, 0.05))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            problem, last = whole(load, path, last, state_of, record)
            record["kills"] += 1
            if problem and len(record["wrong"]) < KEPT:
                record["wrong"].append(f"after save {last}: {problem}")
            look(path)
            left = [one for one in os.listdir(folder) if one.endswith(".tmp")]
            record["killed_with_a_temporary_file"] += bool(left)
            record["temporary_files"] += len(left)
            for one in left:
                os.unlink(os.path.join(folder, one))
    return record


def saving(save, path, number):
    """Save on and on; never returns."""
    try:
        while True:
            number += 1
            save(number, path)
    finally:
        os._exit(1)


def whole(load, path, last, state_of, record):
    """(problem or None, the number of the state found)."""
    try:
        found = load(path)
    except BaseException as error:
        return f"{type(error).__name__}: {error}", last
    number = found["number"]
    record["saves_seen"] += number > last
    same = number >= last and checkpoint.digest(found) == checkpoint.digest(state_of(number))
    return (None if same else f"state {number} after {last} is not what was saved"), number
