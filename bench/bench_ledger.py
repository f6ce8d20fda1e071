"""What a ledger costs: a training step of the character transformer at each level.

`pytest bench/bench_ledger.py` times the cases; `python -m bench.bench_ledger [--update]` measures levels by turns in CPU time of this process, so that
what else the machine does weighs little, and prints (writes to artifacts/bench/ledger.json) their cost over the plain step.
"""
import argparse
import contextlib
import json
import pathlib
import statistics
import tempfile
import time

import pytest

LEVELS = ("off", "step", "node", "full")
GOALS = {"step": 3.0, "node": 15.0}            # per cent
RECORD = pathlib.Path(__file__).resolve().parent.parent / "artifacts" / "bench" / "ledger.json"


def training():
    """The library and one training step of the character transformer."""
    import frankentorch
    from bench.trainings import train_gpt

    frankentorch.set_num_threads(1)
    return frankentorch, train_gpt(frankentorch)


def recording(frankentorch, level, folder):
    """The context that writes a ledger of a level; none for `off`."""
    return contextlib.nullcontext() if level == "off" else frankentorch.runtime.record(pathlib.Path(folder) / f"{level}.ftl", level=level)


@pytest.mark.benchmark(group="ledger")
@pytest.mark.parametrize("level", LEVELS)
def test_training_step(benchmark, level, tmp_path):
    frankentorch, step = training()
    step()
    with recording(frankentorch, level, tmp_path):
        step()
        benchmark.pedantic(step, rounds=10, iterations=1)


def measure(rounds, steps, levels):
    """{level: [CPU seconds of the fastest step of each round]}; the first step under a ledger, which introduces every parameter, is not counted."""
    frankentorch, step = training()
    found = {level: [] for level in levels}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(2):
            step()
        for _ in range(rounds):
            for level in levels:
                with recording(frankentorch, level, folder):
                    step()
                    times = []
                    for _ in range(steps):
                        begun = time.process_time()
                        step()
                        times.append(time.process_time() - begun)
                found[level].append(min(times))
    return found


def main():
    parser = argparse.ArgumentParser(prog="python -m bench.bench_ledger", description=__doc__)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--steps", type=int, default=5, help="steps of each level in a round (5)")
    parser.add_argument("--level", action="append", choices=LEVELS[1:], help="only this level (repeatable)")
    parser.add_argument("--update", action="store_true", help=f"write {RECORD.name}")
    options = parser.parse_args()
    levels = ("off", *(options.level or LEVELS[1:]))
    found = measure(options.rounds, options.steps, levels)
    record = {"group": "ledger", "case": "char-GPT training step, one thread, CPU seconds", "rounds": options.rounds, "levels": {}}
    plain = min(found["off"])
    for level in levels:
        cost = 100 * (min(found[level]) / plain - 1)
        middle = 100 * statistics.median(with_it / without - 1 for with_it, without in zip(found[level], found["off"]))
        record["levels"][level] = {"milliseconds": round(1000 * min(found[level]), 2), "cost_percent": round(cost, 1), "cost_percent_median": round(middle, 1)}
        goal = f"   goal {GOALS[level]:.0f} %" if level in GOALS else ""
        print(f"{level:5} {1000 * min(found[level]):8.2f} ms   {cost:+6.1f} % (median of rounds {middle:+.1f} %){goal}")
    if options.update:
        RECORD.write_text(json.dumps(record, indent=1) + "\n")
        print(f"wrote {RECORD}")


if __name__ == "__main__":
    main()
