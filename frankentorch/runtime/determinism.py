"""PyTorch's switches for deterministic algorithms. Here every algorithm is deterministic, whatever they say.

They keep their state for programs that ask, and one of them has an effect: with `use_deterministic_algorithms(True)` and
``utils.deterministic.fill_uninitialized_memory`` (True by default), `empty` and its kin are filled with NaN or the largest
integer, so that a program that reads memory it never wrote does the same every time.
"""

from importlib import import_module

_DEBUG_MODES = ("default", "warn", "error")


class _State:
    enabled = False
    warn_only = False
    fill = True


def _apply():
    import_module("frankentorch._ext.create").set_fill_uninitialized(_State.enabled and _State.fill)


def use_deterministic_algorithms(mode, *, warn_only=False):
    """Note that only deterministic algorithms are wanted: there are no others here.

    Parameters
    ----------
    mode : bool
    warn_only : bool
        Kept for `is_deterministic_algorithms_warn_only_enabled`.
    """
    if not isinstance(mode, bool):
        raise TypeError(f"use_deterministic_algorithms(): argument 'mode' (position 1) must be bool, not {type(mode).__name__}")
    _State.enabled, _State.warn_only = mode, bool(warn_only)
    _apply()


def are_deterministic_algorithms_enabled():
    """What `use_deterministic_algorithms` was last told; False at the start."""
    return _State.enabled


def is_deterministic_algorithms_warn_only_enabled():
    return _State.warn_only


def set_deterministic_debug_mode(debug_mode):
    """0 or "default": off; 1 or "warn": on, warnings only; 2 or "error": on."""
    if not isinstance(debug_mode, (int, str)):
        raise TypeError(f"debug_mode must be str or int, but got {type(debug_mode)}")
    if isinstance(debug_mode, str):
        if debug_mode not in _DEBUG_MODES:
            raise RuntimeError(f"invalid value of debug_mode, expected one of {', '.join(map(repr, _DEBUG_MODES))}, but got {debug_mode!r}")
        debug_mode = _DEBUG_MODES.index(debug_mode)
    if not 0 <= debug_mode <= 2:
        raise RuntimeError(f"invalid value of debug_mode, expected 0, 1, or 2, but got {debug_mode}")
    use_deterministic_algorithms(debug_mode > 0, warn_only=debug_mode == 1)


def get_deterministic_debug_mode():
    """0, 1 or 2, see `set_deterministic_debug_mode`."""
    return (1 if _State.warn_only else 2) if _State.enabled else 0


def get_fill_uninitialized_memory():
    return _State.fill


def set_fill_uninitialized_memory(value):
    """RuntimeError unless `value` is a bool."""
    if not isinstance(value, bool):
        raise RuntimeError(f"expected a bool, but got {type(value).__name__}")
    _State.fill = value
    _apply()


