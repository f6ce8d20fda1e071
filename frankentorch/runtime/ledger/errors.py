"""The one exception of the ledger."""


class LedgerError(RuntimeError):
    """A ledger that cannot be written, is not what was written, or is not what a replay gives.

    Attributes
    ----------
    rule : str
        What kind of fault: ``"write"``, ``"magic"``, ``"block"``, ``"chain"``, ``"order"``, ``"record"``, ``"cut"``,
        ``"tail"``, ``"level"``, ``"encoding"``, ``"portable"``, ``"replay"``.
    record : int or None
        Number of the record at fault, or of the first one that is missing.
    offset : int or None
        Byte of the file at which the fault was met.
    details : dict
        More facts for programs.
    """

    def __init__(self, rule, text, record=None, offset=None, **details):
        self.rule, self.record, self.offset, self.details = rule, record, offset, details
        places = [f"record {record}"] * (record is not None) + [f"byte {offset}"] * (offset is not None)
        super().__init__(f"ledger: {text}" + (f"\n  at {', '.join(places)}" if places else "") + f"\n  rule: {rule}")
        self.text = text
