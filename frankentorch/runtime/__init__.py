"""Settings, threads, modes and the evidence ledger. A leaf: anything may import it, so nothing heavy is loaded here."""

_LATE = {
    **dict.fromkeys(("record", "verify", "replay", "diff", "explain", "LedgerError"), "ledger"),
}


def __getattr__(name):
    from importlib import import_module

    if name not in _LATE:
        raise AttributeError(f"module 'frankentorch.runtime' has no attribute '{name}'")
    found = getattr(import_module("frankentorch.runtime." + _LATE[name]), name)
    globals()[name] = found
    return found


def __dir__():
    return sorted({*globals(), *_LATE})
