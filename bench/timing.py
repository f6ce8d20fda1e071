"""The clock: short runs of both libraries in turn, median and minimum of each.

One run repeats a call until it lasts RUN_SECONDS; runs alternate between the sides, in an order that
swaps each round, so that a change of clock speed or a neighbour's load falls on both. With one thread
the clock is the processor's (time in which the process ran), with several it is the wall's.
"""
import gc
import statistics
import time

RUN_SECONDS = 0.004
ROUNDS = 25
LONG_ROUNDS = 7
clock = time.process_time


def use_threads(count):
    """Choose the clock that can time this many threads."""
    global clock
    clock = time.process_time if count == 1 else time.perf_counter


def calibrate(call, run_seconds=RUN_SECONDS):
    """Repetitions that make one run last about run_seconds (at least 1)."""
    count = 1
    call()                       # the first pays for imports and caches
    while True:
        seconds = run(call, count)
        if seconds >= run_seconds / 2 or count >= 1 << 22:
            return max(1, round(count * run_seconds / max(seconds, 1e-9)))
        count *= 4


def run(call, count):
    """Seconds that `count` calls take."""
    repeat = range(count)
    begun = clock()
    for _ in repeat:
        call()
    return clock() - begun


def interleave(calls, rounds=None, walls=None, run_seconds=RUN_SECONDS):
    """{side: [seconds per call, one of each round]} for {side: call}; `walls`, lists by side, gets the same by the wall's clock."""
    counts = {side: calibrate(call, run_seconds) for side, call in calls.items()}
    if rounds is None:
        longest = max(run(call, 1) for call in calls.values())
        rounds = ROUNDS if longest < 0.05 else LONG_ROUNDS
    times = {side: [] for side in calls}
    order = list(calls)
    enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            for side in order:
                begun = time.perf_counter()
                times[side].append(run(calls[side], counts[side]) / counts[side])
                if walls is not None:
                    walls[side].append((time.perf_counter() - begun) / counts[side])
            order.reverse()
    finally:
        if enabled:
            gc.enable()
    return times


def summary(seconds):
    """Median, minimum and spread (quartile distance over median) of a list of times."""
    ordered = sorted(seconds)
    quarter = len(ordered) // 4
    median = statistics.median(ordered)
    return {"median": median, "min": ordered[0], "spread": (ordered[-1 - quarter] - ordered[quarter]) / median,
            "runs": len(ordered)}
