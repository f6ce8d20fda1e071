"""Commands of `python -m bench`.

compare   ratios (oracle / ours, above 1 we are faster) by median and by minimum, geometric mean per group
record    the same, written to artifacts/bench/<processor>/<group>.json with host, flags and commit
gate      measure again and fail if a group's mean ratio fell below this processor's record by more than the tolerance
sweep     every op in every dtype, shape and layout beside the oracle; prints the cases below a ratio, and each family's geometric mean
goals     what the records say beside what was set out to be reached; fails where something is short
figures   write the table of README.md anew from the records
list      names of groups and cases, of families with --family
"""
import argparse
import importlib
import json
import math
import os
import pathlib
import platform
import re
import statistics
import subprocess
import sys

from bench import checkpoints, figures, ftc, functions, gate, goals, growth, machine, trainings  # noqa: F401  (four of them add groups)
from bench.cases import GROUPS
from bench.sweep import FAMILIES
from bench.sweep import measure as sweep
from bench.timing import interleave, summary, use_threads

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDER = ROOT / "artifacts" / "bench"
PROCESS_GROUP, MEMORY_GROUP, SLOPE_GROUP = "import", "memory", "slope"
ON_DISK = ("checkpoint", "serialization")      # groups measured by both clocks: a disk takes time that no processor spends


def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("compare", "record", "gate", "goals", "figures", "sweep", "list"))
    parser.add_argument("--group", action="append", choices=(*GROUPS, PROCESS_GROUP, MEMORY_GROUP, SLOPE_GROUP), help="only this group (repeatable)")
    parser.add_argument("--case", metavar="RE", help="only cases whose name contains a match")
    parser.add_argument("--family", action="append", choices=tuple(FAMILIES), help="sweep: only this family (repeatable)")
    parser.add_argument("--below", type=float, default=0.95, help="sweep: print cases with a lower ratio (0.95)")
    parser.add_argument("--threads", type=int, default=1, help="threads of both libraries (1)")
    parser.add_argument("--rounds", type=int, help="runs of each side")
    parser.add_argument("--seconds", type=float, default=growth.SECONDS, help=f"memory: how long our training goes on, up to {growth.STEPS} steps ({growth.SECONDS})")
    parser.add_argument("--ours", default="frankentorch", help="module examined (frankentorch)")
    parser.add_argument("--oracle", default="torch", help="module beside it (torch)")
    parser.add_argument("--processor", help="gate, goals: folder of the records (this processor's)")
    parser.add_argument("--tolerance", type=float, default=0.10, help="gate: how far a group's ratio may fall (0.10)")
    options = parser.parse_args(argv)
    use_threads(options.threads)
    special = {PROCESS_GROUP: process_rows, MEMORY_GROUP: memory_rows, SLOPE_GROUP: slope_rows}
    groups = options.group or [*GROUPS, *special]
    if options.command == "sweep":
        return sweep_families(options)
    if options.command == "list":
        listed = {name: GROUPS.get(name, ()) for name in groups}
        if options.family:
            listed = {name: [case.name for case in FAMILIES[name]()] for name in options.family}
        for name, cases in listed.items():
            print(name, *(f"  {case}" for case in cases), sep="\n")
        return 0
    records = FOLDER / (options.processor or machine.folder_name(machine.cpu_name()))
    if options.command == "goals":
        return goals.run(records)
    if options.command == "figures":
        page = ROOT / "README.md"
        page.write_text(figures.rewritten(page.read_text(), FOLDER))
        return 0

    def measure(name):
        return special[name](options) if name in special else timed_rows(name, options)

    if options.command == "gate":
        return gate.run(groups, records, measure, options.tolerance)
    for name in groups:
        rows = measure(name)
        show(name, rows)
        if options.command == "record" and rows:
            write(name, rows, options, records)
    return 0


def timed_rows(name, options):
    """{case: {"ours": summary, "oracle": summary} or {"missing": text}} for one group."""
    ours, oracle = libraries(options).values()
    rows = {}
    for case, maker in GROUPS[name].items():
        if options.case and not re.search(options.case, case):
            continue
        try:
            call = maker(ours)
            first = call()
        except (AttributeError, ImportError, NotImplementedError, TypeError) as error:
            rows[case] = {"missing": f"{type(error).__name__}: {error}".splitlines()[0]}
            continue
        beside = maker(oracle)
        losses = (first, beside()) if name == "train" else ()
        walls = {"ours": [], "oracle": []} if name in ON_DISK else None
        times = interleave({"ours": call, "oracle": beside}, options.rounds, walls)
        rows[case] = {side: summary(seconds) for side, seconds in times.items()}
        if walls:
            rows[case]["wall"] = {side: summary(seconds) for side, seconds in walls.items()}
        if losses:          # the same step from the same seed: a speed that trains something else is no speed
            rows[case]["first loss"] = dict(zip(("ours", "oracle"), (loss.item() for loss in losses)))
    return rows


def libraries(options):
    """{side: module}, with the threads that were asked for."""
    found = {"ours": importlib.import_module(options.ours), "oracle": importlib.import_module(options.oracle)}
    for lib in found.values():
        if hasattr(lib, "set_num_threads"):
            lib.set_num_threads(options.threads)
    return found


def sweep_families(options):
    """The slow cases of each family as it is done, then a line for each family: cases, mean, how many below, missing here, refused by the oracle."""
    sides, lines = libraries(options), []
    for name in options.family or FAMILIES:
        rows = sweep.rows(name, sides, options.below, options.case, options.rounds or sweep.ROUNDS)
        found = sweep.slow(rows, options.below)
        if found:
            show(name, found, mean=False)
        timed = [sweep.ratio(row) for row in rows.values() if sweep.is_timed(row)]
        refused = sum(row is None for row in rows.values())
        counts = sum(value < options.below for value in timed), len(rows) - len(timed) - refused, refused
        if timed:
            lines.append(f"{name:<14} {len(timed):>7} {geometric_mean(timed):>7.2f}x {{:>7}} {{:>8}} {{:>8}}".format(*counts))
    print(f"\n{'family':<14} {'cases':>7} {'mean':>8} {f'< {options.below:g}':>7} {'missing':>8} {'refused':>8}", *lines, sep="\n")
    return 0


def process_rows(options):
    from bench import process

    cost = process.import_cost([options.ours, options.oracle])
    bare = process.bare_bytes()
    sides = {"ours": options.ours, "oracle": options.oracle}
    rows = {"import": {side: summary(cost[module]["seconds"]) for side, module in sides.items()}}
    rows["memory after import"] = {side: plain(statistics.median(cost[module]["bytes"])) for side, module in sides.items()}
    rows["memory of the import alone"] = {
        side: plain(statistics.median(cost[module]["bytes"]) - bare) for side, module in sides.items()}
    rows["installed size"] = {side: plain(process.installed_bytes(module)) for side, module in sides.items()}
    return rows


def memory_rows(options):
    names = [name for name in GROUPS["train"] if not options.case or re.search(options.case, name)]
    return growth.memory_rows(names, {"ours": options.ours, "oracle": options.oracle}, seconds=options.seconds)


def slope_rows(options):
    return growth.slope_rows(libraries(options), re.compile(options.case).search if options.case else None)


def plain(value):
    return growth.figure(value, "bytes")


def ratios(rows):
    """{case: (ratio of medians, ratio of minima)}, oracle / ours."""
    return {case: tuple(row["oracle"][kind] / row["ours"][kind] for kind in ("median", "min"))
            for case, row in rows.items() if "missing" not in row}


def geometric_mean(values):
    return math.exp(statistics.fmean(map(math.log, values)))


def show(name, rows, mean=True):
    found = ratios(rows)
    width = max([36, *map(len, rows)])
    print(f"{name:<{width + 2}} {'ours':>11} {'oracle':>11} {'median':>8} {'minima':>8}")
    for case, row in rows.items():
        if "missing" in row:
            print(f"  {case:<{width}} missing: {row['missing']}")
            continue
        by_median, by_minimum = found[case]
        ours, oracle = (amount(row[side]) for side in ("ours", "oracle"))
        print(f"  {case:<{width}} {ours:>11} {oracle:>11} {by_median:>7.2f}x {by_minimum:>7.2f}x"
              + notes(row), flush=True)
    if found and mean:
        means = [geometric_mean(values) for values in zip(*found.values())]
        print(f"  {'geometric mean of ' + str(len(found)):<{width}} {'':>11} {'':>11} {means[0]:>7.2f}x {means[1]:>7.2f}x")


def notes(row):
    """What a row says beside its figures."""
    found = []
    if "first loss" in row:
        found.append(f"first loss {row['first loss']['ours']:.6f} / {row['first loss']['oracle']:.6f}")
    if "wall" in row:
        found.append("wall clock {:.2f}x {:.2f}x".format(*(row["wall"]["oracle"][kind] / row["wall"]["ours"][kind] for kind in ("median", "min"))))
    if "exponent" in row:
        found.append("grows as the power {ours:.3f} / {oracle:.3f} of the work".format(**row["exponent"]))
    if "growth of ours" in row:
        grown = row["growth of ours"]
        found.append(f"{grown['nbytes'] / 2**20:+.2f} MiB from step {grown['after']} to {grown['steps']}")
    return "  " + ", ".join(found) if found else ""


def amount(side):
    value = side["median"]
    if side.get("unit") == "bytes":
        return f"{value / 2**20:.1f} MiB"
    if "unit" in side:
        return f"{value:.4g} {side['unit']}".rstrip()
    for unit, size in (("s", 1), ("ms", 1e-3), ("us", 1e-6), ("ns", 1e-9)):
        if value >= size:
            break
    return f"{value / size:.4g} {unit}"


def host(options):
    """Where the numbers come from."""
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True)
    libraries = {module: getattr(importlib.import_module(module), "__version__", "?")
                 for module in (options.ours, options.oracle)}
    return {"cpu": machine.cpu_name(), "cores": os.cpu_count(), "load": os.getloadavg()[0], "system": platform.platform(),
            "python": platform.python_version(), "threads": options.threads, "commit": commit.stdout.strip(),
            "libraries": libraries, "level": os.environ.get("FRANKENTORCH_CPU", "best of the host")}


def write(name, rows, options, folder):
    found = ratios(rows)
    record = {"group": name, "host": host(options), "cases": rows}
    if found:
        record["geometric_mean"] = dict(zip(("median", "min"), map(geometric_mean, zip(*found.values()))))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(json.dumps(rounded(record), indent=1) + "\n")
    print(f"wrote {path.relative_to(ROOT)}")


def rounded(value):
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    return value


if __name__ == "__main__":
    sys.exit(main())
