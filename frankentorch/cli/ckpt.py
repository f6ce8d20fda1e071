"""`frankentorch ckpt`: look into a file written by `serialization.save_state`, and check it."""

import json
import sys

from frankentorch._tensor import Tensor

from frankentorch.checkpoint.errors import CheckpointError
from frankentorch.cli.progress import table
from frankentorch.serialization import load_state, state_digest

TEXT_WIDTH = 60


def add_arguments(parser):
    actions = parser.add_subparsers(dest="action", metavar="action", required=True)
    for name, purpose in {"inspect": "list what the file holds", "verify": "read it whole and check every byte"}.items():
        action = actions.add_parser(name, help=purpose)
        action.add_argument("file")
        action.add_argument("--json", action="store_true", help="print JSON for programs")


def execute(arguments):
    try:
        state = load_state(arguments.file)
    except (CheckpointError, OSError) as error:
        return _failed(arguments, error)
    records = list(leaves(state))
    summary = {"file": arguments.file, "ok": True, "digest": state_digest(state), "records": len(records),
               "tensor_nbytes": sum(record["nbytes"] for record in records)}
    if arguments.action == "inspect":
        summary["entries"] = records
    if arguments.json:
        print(json.dumps(summary, indent=1))
        return 0
    if arguments.action == "inspect":
        print(table(["Name", "Type", "Value or shape"], [[record["name"], record["type"], record["value"]] for record in records]))
    print(f"{arguments.file}: intact, {len(records)} records, {summary['tensor_nbytes']:,} bytes of tensors, digest {summary['digest']}")
    return 0


def leaves(value, name=""):
    """Every value of a nested state that is not itself a dict, list or tuple with something in it."""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from leaves(item, f"{name}.{key}" if name else str(key))
    elif isinstance(value, (list, tuple)) and value:
        if all(isinstance(item, (bool, int, float, str, type(None))) for item in value):
            yield _leaf(name, f"{type(value).__name__} of {len(value)}", repr(value))
        else:
            for position, item in enumerate(value):
                yield from leaves(item, f"{name}.{position}" if name else str(position))
    elif isinstance(value, Tensor):
        yield _leaf(name, str(value.dtype).rpartition(".")[2], str(list(value.shape)), value.numel() * value.element_size())
    else:
        yield _leaf(name, type(value).__name__, repr(value))


def _leaf(name, kind, text, nbytes=0):
    return {"name": name, "type": kind, "value": text if len(text) <= TEXT_WIDTH else text[:TEXT_WIDTH - 3] + "...", "nbytes": nbytes}


def _failed(arguments, error):
    """Report a file that cannot be read, in the form asked for."""
    if arguments.json:
        print(json.dumps({"file": arguments.file, "ok": False, "rule": getattr(error, "rule", "system"), "error": str(error)}, indent=1))
    else:
        print(f"frankentorch ckpt {arguments.action}: {error}", file=sys.stderr)
    return 1
