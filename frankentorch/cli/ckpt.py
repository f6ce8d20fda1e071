"""`frankentorch ckpt`: look into checkpoints, check, repair, compare and convert them.

Exit codes: 0 done, and the file is whole; 1 damaged, refused or different; 2 a wrong call; 3 cannot be repaired; 4 the
system refused (no such file, no permission, no space). With --json the last line of output is one JSON object with "ok".
"""

import contextlib
import json
import os
import sys

from frankentorch import checkpoint
from frankentorch._tensor import Tensor
from frankentorch.checkpoint import CheckpointError
from frankentorch.cli.progress import Progress, table

DONE, WRONG, UNRECOVERABLE, SYSTEM = 0, 1, 3, 4
ACTIONS = {
    "save": "write any readable file again as a checkpoint, with a repair sidecar",
    "inspect": "list what a file holds",
    "verify": "read files whole and check every byte",
    "scrub": "check files and their repair sidecars; change nothing",
    "repair": "rebuild what is damaged from the repair sidecar",
    "protect": "write the repair sidecar of an existing file",
    "convert": "write a file in another format, told by the name: .ftc .pt .pth .safetensors .npz",
    "diff": "compare two files, tensor by tensor",
    "extract": "write some tensors of a file to another",
}


def add_arguments(parser):
    actions = parser.add_subparsers(dest="action", metavar="action", required=True)
    for name, purpose in ACTIONS.items():
        action = actions.add_parser(name, help=purpose, description=purpose[0].upper() + purpose[1:] + ".", epilog=__doc__.split("\n\n", 1)[1])
        several = name in ("verify", "scrub", "repair", "protect")
        if name in ("save", "convert", "extract"):
            action.add_argument("source")
            action.add_argument("target")
        elif name == "diff":
            action.add_argument("first")
            action.add_argument("second")
            action.add_argument("--all", action="store_true", help="list what is equal too")
        else:
            action.add_argument("file", nargs="+" if several else None)
        if name == "extract":
            action.add_argument("--name", action="append", required=True, help="a tensor's name, as inspect shows it (repeatable)")
        if name in ("save", "convert", "extract", "protect"):
            action.add_argument("--repair", type=share, default=0.05, metavar="SHARE", help="share of the file that can be rebuilt (default 0.05; 0: no sidecar)")
        if name in ("save", "convert", "extract"):
            action.add_argument("--compression", type=compression, default="zstd", help="zstd, stored, or a zstd level from 1 to 19")
        action.add_argument("--json", action="store_true", help="print JSON for programs")


def share(text):
    value = float(text)
    if not 0 <= value <= 1:
        raise ValueError
    return value


def compression(text):
    value = int(text) if text.isdecimal() else text
    if value not in ("zstd", "stored", *range(1, 20)):
        raise ValueError
    return value


def execute(arguments):
    name = arguments.action
    try:
        with progress(arguments):
            return {"inspect": inspect, "verify": check, "scrub": check, "repair": check, "protect": protect, "diff": diff,
                    "save": rewrite, "convert": rewrite, "extract": extract}[name](arguments)
    except CheckpointError as error:
        return _failed(arguments, error, UNRECOVERABLE if error.rule in ("unrecoverable", "sidecar-stale") else WRONG)
    except OSError as error:
        return _failed(arguments, error, SYSTEM)


@contextlib.contextmanager
def progress(arguments):
    """A bar on the terminal for each long pass over a file: reading, writing, repair symbols."""
    from frankentorch.checkpoint import codec

    if arguments.json or not sys.stderr.isatty():
        yield
        return
    bar = None

    def watch(done, total):
        nonlocal bar
        if done == 1:
            bar = Progress(arguments.action, total, sys.stderr)
        bar.step("")
        if done == total:
            bar.end("")
    before, codec.watch = codec.watch, watch
    try:
        yield
    finally:
        codec.watch = before


def inspect(arguments):
    state = checkpoint.load(arguments.file)
    records = list(leaves(state))
    summary = {"file": arguments.file, "ok": True, "digest": checkpoint.digest(state), "records": len(records),
               "tensor_nbytes": sum(record["nbytes"] for record in records)}
    if arguments.json:
        print(json.dumps({**summary, "entries": records}, indent=1))
        return DONE
    print(table(["Name", "Type", "Value or shape"], [[record["name"], record["type"], record["value"]] for record in records]))
    print(f"{arguments.file}: intact, {len(records)} records, {summary['tensor_nbytes']:,} bytes of tensors, content root {summary['digest']}")
    return DONE


def check(arguments):
    """verify, scrub and repair: one report per file."""
    function = getattr(checkpoint, arguments.action)
    reports, code = [], DONE
    bar = Progress(arguments.action, len(arguments.file), sys.stderr) if len(arguments.file) > 1 and not arguments.json and sys.stderr.isatty() else None
    for file in arguments.file:
        try:
            report = function(file).as_dict()
            this = DONE if report["ok"] else WRONG
        except CheckpointError as error:
            this = UNRECOVERABLE if arguments.action == "repair" else WRONG
            report = {"path": file, "ok": False, "problems": [{"rule": error.rule, "message": error.message, "record": error.record, "offset": error.offset}]}
        except OSError as error:
            this, report = SYSTEM, {"path": file, "ok": False, "problems": [{"rule": "system", "message": str(error), "record": None, "offset": None}]}
        code = max(code, this)
        reports.append(report)
        if bar:
            bar.step(file)
    if bar:
        bar.end("")
    if arguments.json:
        print(json.dumps(reports[0] if len(reports) == 1 else {"ok": code == DONE, "files": reports}, indent=1))
        return code
    for report in reports:
        print(report_text(arguments.action, report), file=sys.stdout if report["ok"] else sys.stderr)
    return code


def report_text(action, report):
    lines = []
    if report["ok"]:
        done = f"repaired, {sum(event['symbols_lost'] for event in report['events'])} symbols rebuilt" if report.get("events") else "intact"
        lines.append(f"{report['path']}: {done}, {report['nbytes']:,} bytes" + (f", content root {report['root']}" if report["root"] else ""))
    else:
        lines.append(f"frankentorch ckpt {action}: {report['path']}: not whole")
        lines += [f"  {one['message']} [{one['rule']}]" + (f" in {one['record']}" if one["record"] else "") + (f" at {one['offset']}" if one["offset"] is not None else "")
                  for one in report["problems"]]
    if report.get("sidecar"):
        lines.append(f"  repair sidecar: {report['sidecar']}")
    for key, title in (("lost", "damaged ranges" if not report["ok"] else "rebuilt ranges"), ("tensors", "damaged tensors")):
        found = report.get(key)
        if found:
            lines.append(f"  {title}: " + ", ".join(f"{one[0]}-{one[1]}" if key == "lost" else one for one in found[:12]) + (f" and {len(found) - 12} more" if len(found) > 12 else ""))
    if report.get("repairable") is not None and not report["ok"]:
        lines.append("  the sidecar has enough symbols: run frankentorch ckpt repair" if report["repairable"] else "  more is lost than the sidecar can replace")
    return "\n".join(lines)


def protect(arguments):
    made = [checkpoint.protect(file, arguments.repair) for file in arguments.file]
    if arguments.json:
        print(json.dumps({"ok": True, "sidecars": [{"path": path, "nbytes": os.path.getsize(path)} for path in made]}, indent=1))
    else:
        print("\n".join(f"{path}: {os.path.getsize(path):,} bytes" for path in made))
    return DONE


def diff(arguments):
    rows = checkpoint.diff(*(read_any(path) for path in (arguments.first, arguments.second)), equal=arguments.all)
    different = sum(row.status != "equal" for row in rows)
    if arguments.json:
        print(json.dumps({"ok": not different, "different": different, "entries": [row._asdict() for row in rows]}, indent=1))
    else:
        if rows:
            print(table(["Name", "Status", "First", "Second", "Elements", "Max ulp", "Max abs"],
                        [[row.name, row.status, row.first, row.second, str(row.count or ""), "" if row.max_ulp is None else str(row.max_ulp),
                          "" if row.max_abs is None else f"{row.max_abs:.4g}"] for row in rows]))
        print(f"{different} entries differ" if different else "equal")
    return WRONG if different else DONE


def rewrite(arguments):
    """save and convert."""
    target = arguments.target if arguments.action == "convert" or arguments.target.endswith(".ftc") else arguments.target + ".ftc"
    return _written(arguments, target, read_any(arguments.source))


def extract(arguments):
    return _written(arguments, arguments.target, checkpoint.load(arguments.source, names=arguments.name))


def _written(arguments, target, state):
    root = write_any(state, target, arguments)
    if arguments.json:
        print(json.dumps({"ok": True, "file": target, "nbytes": os.path.getsize(target), "root": root}, indent=1))
    else:
        print(f"{target}: {os.path.getsize(target):,} bytes" + (f", content root {root}" if root else ""))
    return DONE


def read_any(path):
    """The state in a file of any format, found by its first bytes."""
    with open(path, "rb") as file:
        head = file.read(16)
    if checkpoint.is_checkpoint(head):
        return checkpoint.load(path)
    from frankentorch import serialization

    return serialization.load(path)


def write_any(state, path, arguments):
    """Write in the format the name asks for; the content root of a checkpoint, else None."""
    ending = os.path.splitext(path)[1].lower()
    if ending == ".ftc":
        return checkpoint.save(state, path, repair=arguments.repair, compression=arguments.compression)
    from frankentorch import serialization
    from frankentorch.serialization import npz, safetensors

    if ending in (".pt", ".pth"):
        serialization.save(state, path)
    elif ending == ".safetensors":
        safetensors.save_file(dict(checkpoint_leaves(state)), path)
    elif ending == ".npz":
        npz.save_npz(dict(checkpoint_leaves(state)), path)
    else:
        raise CheckpointError("format", f"no format has the ending {ending!r}; known: .ftc .pt .pth .safetensors .npz", path=path)
    return None


def checkpoint_leaves(state):
    """(name, tensor) pairs; formats of tensors only cannot hold anything else."""
    from frankentorch.checkpoint.comparison import leaves as named

    for name, value in named(state):
        if not isinstance(value, Tensor):
            raise CheckpointError("type", f"this format holds only tensors; {name!r} is of type {type(value).__name__}", record=name)
        yield name, value


def leaves(value):
    """Every value of a nested state that is not itself a container with something in it; short plain lists are one."""
    from frankentorch.checkpoint.comparison import describe
    from frankentorch.checkpoint.names import step

    def walk(value, name):
        if isinstance(value, dict) and value:
            for key, item in value.items():
                yield from walk(item, step(name, key))
        elif isinstance(value, (list, tuple)) and value:
            if all(isinstance(item, (bool, int, float, str, type(None))) for item in value):
                yield {"name": name, "type": f"{type(value).__name__} of {len(value)}", "value": describe(value), "nbytes": 0}
            else:
                for position, item in enumerate(value):
                    yield from walk(item, step(name, position))
        elif isinstance(value, Tensor):
            yield {"name": name, "type": str(value.dtype).rpartition(".")[2], "value": str(list(value.shape)), "nbytes": value.numel() * value.element_size()}
        else:
            yield {"name": name, "type": type(value).__name__, "value": describe(value), "nbytes": 0}

    yield from walk(value, "")


def _failed(arguments, error, code):
    """Report what went wrong, in the form asked for."""
    if arguments.json:
        print(json.dumps({"ok": False, "rule": getattr(error, "rule", "system"), "error": str(error)}, indent=1))
    else:
        print(f"frankentorch ckpt {arguments.action}: {error}", file=sys.stderr)
    return code
