"""`frankentorch ledger`: check, repeat, compare and read records of runs."""

import json
import sys

from frankentorch.cli.progress import table
from frankentorch.runtime import LedgerError, diff, explain, replay, verify

ACTIONS = {
    "verify": "check every byte of a ledger",
    "replay": "do again what a ledger of level full says, in another process, and compare",
    "diff": "find where two runs part",
    "explain": "show how a parameter came by its gradient",
    "show": "list the records",
}
WIDTH = 100


def add_arguments(parser):
    actions = parser.add_subparsers(dest="action", metavar="action", required=True)
    for name, purpose in ACTIONS.items():
        action = actions.add_parser(name, help=purpose, description=purpose[0].upper() + purpose[1:] + ".")
        action.add_argument("file")
        action.add_argument("--json", action="store_true", help="print JSON for programs")
        action.add_argument("--partial", action="store_true", help="accept the ledger of a killed run, up to its last whole block")
        if name == "replay":
            action.add_argument("--threads", type=int, help="threads of the replaying process (other than here)")
            action.add_argument("--cpu", help="its CPU level (the next lower one)")
            action.add_argument("--here", action="store_true", help="replay in this process")
        if name == "diff":
            action.add_argument("other")
        if name == "explain":
            action.add_argument("name", help="a parameter's name")
            action.add_argument("--walk", type=int, help="number of the backward walk (the last one)")
            action.add_argument("--html", metavar="FILE", help="write a page with a graph")
        if name == "show":
            action.add_argument("--kind", help="only records of this kind")
            action.add_argument("--first", type=int, default=0, help="from this record on")
            action.add_argument("--count", type=int, default=40, help="at most so many (40; 0 for all)")


def execute(arguments):
    try:
        return globals()["do_" + arguments.action](arguments)
    except LedgerError as error:
        if arguments.json:
            print(json.dumps({"file": arguments.file, "ok": False, "rule": error.rule, "text": error.text, "record": error.record,
                              "offset": error.offset, "details": error.details}, default=repr))
        else:
            print(f"frankentorch ledger {arguments.action}: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"frankentorch ledger {arguments.action}: {error}", file=sys.stderr)
        return 1


def show_report(arguments, report):
    print(json.dumps(report.as_dict(), default=repr) if arguments.json else report)
    return 0


def do_verify(arguments):
    return show_report(arguments, verify(arguments.file, partial=arguments.partial))


def do_replay(arguments):
    report = replay(arguments.file, num_threads=arguments.threads, cpu_level=arguments.cpu, in_process=arguments.here, partial=arguments.partial)
    show_report(arguments, report)
    if not arguments.json:
        print(f"replayed with {report.num_threads} threads at CPU level {report.cpu_level}: every digest equal")
    return 0


def do_diff(arguments):
    found = diff(arguments.file, arguments.other, partial=arguments.partial)
    if arguments.json:
        print(json.dumps({"equal": found is None, "difference": found and found.as_dict()}, default=repr))
    else:
        print("equal" if found is None else found)
    return 0 if found is None else 1


def do_explain(arguments):
    found = explain(arguments.file, int(arguments.name) if arguments.name.isdigit() else arguments.name, walk=arguments.walk, partial=arguments.partial)
    if arguments.html:
        found.save(arguments.html)
    print(found.json() if arguments.json else found.text)
    return 0


def do_show(arguments):
    from frankentorch.runtime.ledger.file import read

    rows = []
    for record in read(arguments.file, arguments.partial):
        if record.number < arguments.first or (arguments.kind and record.kind != arguments.kind):
            continue
        rows.append(record)
        if arguments.count and len(rows) == arguments.count:
            break
    if arguments.json:
        print(json.dumps([{"number": row.number, "kind": row.kind, "fields": row.fields, "attached": row.notes, "digest": row.digest.hex()} for row in rows]))
    else:
        print(table(["Record", "Kind", "Content"], [[str(row.number), row.kind, shortened(row.fields)] for row in rows]))
    return 0


def shortened(fields):
    text = json.dumps(fields, separators=(",", ":"))
    return text if len(text) <= WIDTH else text[:WIDTH - 3] + "..."
