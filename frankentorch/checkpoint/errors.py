"""The one exception that every reader of a file raises."""

from pickle import UnpicklingError  # only as a base class: programs written for pickled files catch it


class CheckpointError(RuntimeError, UnpicklingError):
    """A file cannot be read, or a state cannot be written.

    Attributes
    ----------
    rule : str
        Short fixed name of the check that failed, such as ``"digest"``; for programs.
    path : str or None
        The file.
    record : str or None
        The part of the state, written as a path: ``"model/conv1.weight"``, or the part of the file: ``"header"``.
    offset : int or None
        Byte position inside the file.
    """

    def __init__(self, rule, message, *, path=None, record=None, offset=None):
        self.rule, self.message, self.path, self.record, self.offset = rule, message, path, record, offset
        super().__init__(rule, message)

    def __str__(self):
        place = [f"{name}: {value}" for name in ("path", "record", "offset") if (value := getattr(self, name)) is not None]
        return "\n  ".join([f"{self.message} [{self.rule}]", *place])

    def __reduce__(self):
        return _rebuild, (self.rule, self.message, self.path, self.record, self.offset)


def _rebuild(rule, message, path, record, offset):
    return CheckpointError(rule, message, path=path, record=record, offset=offset)
