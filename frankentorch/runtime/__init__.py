"""Settings, threads, modes and the evidence ledger. A leaf: anything may import it, so nothing heavy is loaded here."""

_LATE = {
    **dict.fromkeys(("record", "verify", "replay", "diff", "explain", "LedgerError"), "ledger"),
    **dict.fromkeys(("set_mode", "get_mode"), "modes"),
    **dict.fromkeys(("memory_stats", "reset_peak_memory_stats", "empty_cache"), "memory"),
    **dict.fromkeys(("use_deterministic_algorithms", "are_deterministic_algorithms_enabled", "is_deterministic_algorithms_warn_only_enabled",
                     "set_deterministic_debug_mode", "get_deterministic_debug_mode"), "determinism"),
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
