"""Durability of checkpoints under hostile files, mutations, flips, kills and failing system calls; sidecars of the artifacts.

Each run is a function that returns a record of counts; `python -m conformance durability` runs them at full size and writes
artifacts/durability/<run>.json, the tests run them small.
"""
import json
import time


def command(options):
    """`python -m conformance durability`: run, print, and write the records with --update; 1 if anything is wrong."""
    from conformance.durability import artifacts, runs

    if options.check:
        stale = artifacts.check()
        print("\n".join(f"not as in the manifest: {name}" for name in stale) or "every artifact and sidecar is as in the manifest")
        return 1 if stale else 0
    wrong = 0
    for name in options.run or [*runs.RUNS, "artifacts"]:
        begin = time.monotonic()
        if name == "artifacts":
            record, count = artifacts.protect_all(), None
        else:
            function, full = runs.RUNS[name]
            count = None if full is None else options.count or full
            record = function() if count is None else function(count)
        wrong += len(record["wrong"])
        print(f"{name}: {json.dumps(record)} ({time.monotonic() - begin:.0f} s)", flush=True)
        if options.update:
            artifacts.OUT.mkdir(parents=True, exist_ok=True)
            artifacts.write(artifacts.OUT / f"{name}.json", json.dumps({"run": name, "count": count, **record}, indent=1) + "\n")
    return 1 if wrong else 0
