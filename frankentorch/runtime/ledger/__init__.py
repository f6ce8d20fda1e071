"""The evidence ledger: what a run did, in one file that proves it again. DETERMINISM is the promise, this is the proof.

    with frankentorch.runtime.record("run.ledger", level="node"):
        train()
    frankentorch.runtime.verify("run.ledger")

`record` writes, `verify` checks the file, `replay` does again what it says and compares, `diff` finds where two runs part,
`explain` shows how one parameter came by its gradient. `file` holds the format, `recorder` what is told.
"""

from frankentorch.runtime.ledger.differ import diff
from frankentorch.runtime.ledger.errors import LedgerError
from frankentorch.runtime.ledger.explainer import explain
from frankentorch.runtime.ledger.replayer import replay
from frankentorch.runtime.ledger.session import record
from frankentorch.runtime.ledger.verifier import verify

__all__ = ["LedgerError", "diff", "explain", "record", "replay", "verify"]
