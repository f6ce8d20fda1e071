"""Commands of `python -m conformance`.

run      compare entries with the live oracle; write or guard artifacts/parity.json
show     one sample of one entry in full, in this process
record   write recorded answers (see record.py)
vmap     is every entry the same inside vmap? (see vmap.py)
promotion  write the recorded table of dtype promotion (see promotion.py)
drift    check the known differences, or write artifacts/drift.json (see drift.py)
durability  hostile, mutated, flipped and killed checkpoints, failing system calls, sidecars of artifacts (see durability/)
determinism  do the bits depend on anything but the call? (see determinism.py)
ledger   do recorded runs replay equal elsewhere, and are damaged ledgers found? (see ledger.py)
list     keys, dtypes and sample counts of the entries
"""
import argparse
import os
import sys
import time

from conformance import report
from conformance.subject import SUBJECTS


def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m conformance", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)

    run = commands.add_parser("run", help="compare with the live oracle")
    choice(run)
    run.add_argument("--jobs", type=int, default=2, help="worker processes (2); 0 works in this process, unprotected")
    run.add_argument("--quick", action="store_true", help="float32, int64 and errors; at most 20 samples")
    run.add_argument("--samples", type=int, help="at most this many samples of each entry and dtype")
    run.add_argument("--reference", action="store_true", help="the database's reference inputs instead of its samples")
    run.add_argument("--forward", action="store_true", help="tangents of forward mode instead of everything else; recorded in artifacts/forward.json")
    run.add_argument("--seconds", type=float, default=90, help="time limit for one entry and dtype (90)")
    run.add_argument("--fail-fast", action="store_true", help="stop at the first failing entry")
    run.add_argument("--verbose", action="store_true", help="print every failing check, and the workers' stderr")
    run.add_argument("--ratchet", action="store_true", default=bool_environment("CI"),
                     help="fail if something recorded as passing no longer does (default where CI is set)")
    run.add_argument("--update", action="store_true", help="write the results to the parity file")
    run.add_argument("--parity", default=str(report.PATH), help="path of the parity file")

    show = commands.add_parser("show", help="one sample in full")
    show.add_argument("entry")
    show.add_argument("dtype", help="a dtype, or `errors`")
    show.add_argument("sample", type=int)
    show.add_argument("--forward", action="store_true", help="its tangents")
    show.add_argument("--subject", choices=SUBJECTS, default="frankentorch")

    listing = commands.add_parser("list", help="entries")
    choice(listing)

    record = commands.add_parser("record", help="write recorded answers")
    choice(record)
    record.add_argument("--path", help="file to write")

    mapped = commands.add_parser("vmap", help="is every entry the same inside vmap?")
    choice(mapped)
    mapped.add_argument("--samples", type=int, default=4, help="samples of each entry (4)")
    mapped.add_argument("--verbose", action="store_true", help="every failing check")
    mapped.add_argument("--update", action="store_true", help="write the tier's results to artifacts/vmap.json")

    commands.add_parser("promotion", help="write the recorded promotion table")

    drift = commands.add_parser("drift", help="known differences from the oracle, each with the case that shows it")
    drift.add_argument("--update", action="store_true", help="write artifacts/drift.json")

    durability = commands.add_parser("durability", help="checkpoints under damage")
    durability.add_argument("--run", action="append", choices=("speed", "hostile", "hostile-pt", "heavy", "flips", "mutations", "mutations-pt", "kills", "kills-pt", "repairs", "determinism", "faults", "artifacts"), help="only this one (repeatable)")
    durability.add_argument("--count", type=int, help="how many flips, mutations or kills (100,000, 1,000,000 and 1,000), or megabytes of `speed` (200)")
    durability.add_argument("--update", action="store_true", help="write artifacts/durability/<run>.json")
    durability.add_argument("--check", action="store_true", help="only compare the artifacts with their manifest")

    steady = commands.add_parser("determinism", help="the same bits along every axis of the contract")
    steady.add_argument("--op", metavar="RE", help="entries whose whole key matches; then no large cases and no trainings")
    steady.add_argument("--subject", choices=("frankentorch", "torch", "unsteady"), default="frankentorch")
    steady.add_argument("--samples", type=int, default=3, help="samples of each entry and dtype (3)")
    steady.add_argument("--repeats", type=int, default=3, help="repeats in one process (3)")
    steady.add_argument("--show", type=int, default=20, help="differences printed for each axis (20)")
    steady.add_argument("--golden", action="store_true", help="write artifacts/golden.json")
    steady.add_argument("--child", help=argparse.SUPPRESS)

    ledger = commands.add_parser("ledger", help="recorded runs replayed elsewhere, damaged ledgers")
    ledger.add_argument("--run", action="append", choices=("graphs", "trainings", "damages"), help="only this one (repeatable)")
    ledger.add_argument("--graphs", type=int, default=1000, help="random graphs (1,000)")
    ledger.add_argument("--damages", type=int, default=200, help="damaged copies of a ledger of each level (200)")
    ledger.add_argument("--update", action="store_true", help="write artifacts/ledger.json")

    options = parser.parse_args(argv)
    if options.command == "run" and options.forward and options.parity == str(report.PATH):
        options.parity = str(report.FORWARD)
    return {"durability": durability_command, "run": run_command, "show": show_command, "list": list_command, "record": record_command,
            "promotion": promotion_command, "vmap": vmap_command, "drift": drift_command, "ledger": ledger_command, "determinism": determinism_command}[options.command](options)


def vmap_command(options):
    from conformance.vmap import command

    return command(options)


def ledger_command(options):
    from conformance.ledger import command

    return command(options)


def determinism_command(options):
    from conformance.determinism import command

    return command(options)


def choice(parser):
    parser.add_argument("--op", metavar="RE", help="entries whose whole key matches, e.g. 'sum|nn.functional.*'")
    parser.add_argument("--tier", type=int, default=1, help="1, 2, 3, or 0 for all (1)")
    parser.add_argument("--dtype", action="append", help="only this dtype (repeatable; `errors` for refused samples)")
    parser.add_argument("--subject", choices=SUBJECTS, default="frankentorch")


def bool_environment(name):
    return os.environ.get(name, "") not in ("", "0", "false")


def run_command(options):
    from conformance.entries import QUICK_DTYPES, QUICK_SAMPLES, select
    from conformance.pool import Pool

    begun = time.monotonic()
    entries = select(options.tier, options.op)
    limit = options.samples or (QUICK_SAMPLES if options.quick else None)
    wanted = options.dtype or (QUICK_DTYPES if options.quick else None)
    if options.forward:
        from conformance.forward import DTYPES
        wanted = [dtype for dtype in DTYPES if wanted is None or dtype in wanted]
        entries = [entry for entry in entries if entry.op.supports_forward_ad]
    jobs = [{"key": entry.key, "dtype": dtype, "limit": limit, "reference": options.reference, "forward": options.forward}
            for entry in entries for dtype in entry.dtypes() if wanted is None or dtype in wanted]
    if not jobs:
        print("conformance: no entry matches")
        return 2
    tiers = {entry.key: entry.tier for entry in entries}
    found = {}
    stopped = False
    for job, result in Pool(options.subject, options.jobs, options.seconds, options.verbose).run(jobs):
        found.setdefault(job["key"], {})[job["dtype"]] = result
        failed = report.summarise(result)[1]
        if failed and options.verbose:
            for check, message in failed.items():
                print(f"{job['key']} {job['dtype']} {check}: {message}", flush=True)
        if failed and options.fail_fast:
            stopped = True
            break

    order = {(job["key"], job["dtype"]): number for number, job in enumerate(jobs)}
    results = {}
    for key in tiers:
        if key in found:
            by_dtype = dict(sorted(found[key].items(), key=lambda item: order[key, item[0]]))
            results[key] = report.entry_record(tiers[key], by_dtype)
    before = report.load(options.parity)
    print_failures(results, options.verbose)
    print("\n".join(report.table(results)))
    differentiable = {entry.key for entry in entries if entry.op.supports_autograd}
    print("\n".join(report.orders(results, differentiable, {entry.key for entry in entries if entry.key in differentiable and entry.op.supports_gradgrad})))
    samples = sum(record["samples"] for record in results.values())
    print(f"{samples} samples, {time.monotonic() - begun:.0f} s, {options.jobs} workers, subject {options.subject}")

    status = 0
    if options.ratchet:
        losses = report.lost(before["entries"], results)
        for key, dtype, check, message in losses:
            print(f"LOST {key} {dtype} {check}: {message}")
        print(f"ratchet: {len(losses)} lost" if losses else "ratchet: nothing lost")
        status = 1 if losses else 0
    if options.update:
        import torch

        report.save(report.merge(before["entries"], results),
                    {"oracle": torch.__version__.partition("+")[0], "subject": options.subject}, options.parity)
        print(f"wrote {options.parity}")
    if not options.ratchet and not options.update:
        status = 0 if all(map(report.whole, results.values())) else 1
    return 1 if stopped else status


def print_failures(results, verbose):
    """One line per failing entry, with a command that shows its first failure."""
    for key, record in results.items():
        if report.whole(record) or verbose:
            continue
        line = next(line for line in record["results"] if "failed" in line)
        check, message = next(iter(line["failed"].items()))
        dtype = line["dtypes"].split()[0]
        sample = message.removeprefix("sample ").split(":")[0]
        hint = f"   [show {key} {dtype} {sample}]" if sample.isdigit() else ""
        count = sum(len(line["dtypes"].split()) for line in record["results"] if "failed" in line)
        print(f"FAIL {key} ({count} dtypes) {dtype} {check}: {message}{hint}")


def show_command(options):
    import torch

    from conformance import subject
    from conformance.check import Checker, ErrorChecker
    from conformance.entries import ERRORS, database
    from conformance.forward import ForwardChecker

    torch.set_num_threads(1)
    entry = database()[options.entry]
    kind = ErrorChecker if options.dtype == ERRORS else ForwardChecker if options.forward else Checker
    samples = entry.error_samples() if options.dtype == ERRORS else entry.samples(options.dtype)
    for number, packed, _ in samples:
        if number == options.sample:
            print(f"{entry.key} {options.dtype} sample {number}")
            print("  args  ", show_tree(packed and packed[0]))
            print("  kwargs", show_tree(packed and packed[1]))
            break

    def explain(label, expected, actual):
        print(f"  {label}\n    oracle {show_tree(expected)}\n    ours   {show_tree(actual)}")

    checker = kind(entry, options.dtype, torch, subject.load(options.subject), explain=explain)
    passed, failed = report.summarise(checker.run(options.sample + 1, options.sample).as_dict())
    print("  passed", " ".join(passed))
    for check, message in failed.items():
        print(f"  FAILED {check}: {message}")
    return 1 if failed else 0


def show_tree(value):
    """A neutral tree with its values, shortened."""
    from conformance.carrier import Builder, Sequence, TensorSpec
    from conformance.compare import Seen, decode

    if isinstance(value, TensorSpec):
        import torch

        return f"{value!r} {Builder(torch).build(value).detach().tolist()!s:.400}"
    if isinstance(value, Seen):
        values = "undefined" if value.raw is None else decode(value.raw, value.dtype).reshape(value.sizes).tolist()
        return f"{value!r} {values!s:.400}"
    if isinstance(value, Sequence):
        return f"{value.kind}({', '.join(show_tree(item) for item in value.items)})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}={show_tree(item)}" for key, item in value.items()) + "}"
    return repr(value)


def list_command(options):
    from conformance.entries import select

    for entry in select(options.tier, options.op):
        dtypes = [dtype for dtype in entry.dtypes() if not options.dtype or dtype in options.dtype]
        print(f"{entry.key} (tier {entry.tier or '-'}): {' '.join(dtypes)}")
    return 0


def record_command(options):
    from conformance import record

    return record.write(options)


def promotion_command(_):
    from conformance import promotion

    return promotion.write()


def durability_command(options):
    from conformance import durability

    return durability.command(options)


def drift_command(options):
    from conformance import drift

    return drift.write(options.update)


if __name__ == "__main__":
    sys.exit(main())
