"""Settings from the environment. No other module of the package reads it.

Each setting is one row below: the variable, how to read it, the values it allows. A value outside them is an error
that names all three; nothing is guessed and nothing is clamped. Functions read at the time of the call, the compiled
parts call them once, when they are imported.
"""

import os
from typing import NamedTuple

CPU_LEVELS = ("baseline", "avx2", "avx512")
MODES = ("strict", "hardened")
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
MAX_THREADS = 1024


class Setting(NamedTuple):
    """One environment variable: its name, what it sets, the values it takes."""

    variable: str
    meaning: str
    allowed: str


CPU = Setting("FRANKENTORCH_CPU", "instruction set of the kernels", "one of " + ", ".join(CPU_LEVELS))
NUM_THREADS = Setting("FRANKENTORCH_NUM_THREADS", "threads of one operation", f"an integer from 1 to {MAX_THREADS}")
MODE = Setting("FRANKENTORCH_MODE", "strict or hardened behaviour", "one of " + ", ".join(MODES))
CACHE_BYTES = Setting(
    "FRANKENTORCH_CACHE_BYTES",
    "freed memory kept for reuse, in bytes",
    "an integer from 0 up, or one with a suffix K, M, G or T (powers of 1024)",
)
SETTINGS = (CPU, NUM_THREADS, MODE, CACHE_BYTES)


def cpu_level():
    """Name of the CPU level asked for, or None to use the best one of the host."""
    return _choice(CPU, CPU_LEVELS, None)


def mode():
    """``"strict"`` or ``"hardened"``."""
    return _choice(MODE, MODES, "strict")


def num_threads():
    """Thread count asked for, or None for one per usable core.

    OMP_NUM_THREADS is honoured when ours is not set, since launchers of several processes limit each of them by it;
    its list form (one number per nesting level) counts by its first number and a malformed one by nothing, as OpenMP does.
    """
    text = _text(NUM_THREADS)
    if text is not None:
        if not (text.isascii() and text.isdigit() and 1 <= int(text) <= MAX_THREADS):
            raise _bad(NUM_THREADS, text)
        return int(text)
    text = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    if text.isascii() and text.isdigit() and int(text) >= 1:
        return min(int(text), MAX_THREADS)
    return None


def cache_bytes():
    """Cap of the allocator's cache in bytes, or None for the default (an eighth of the memory)."""
    text = _text(CACHE_BYTES)
    if text is None:
        return None
    digits, unit = text, ""
    if text[-1].upper() in _UNITS:
        digits, unit = text[:-1], text[-1].upper()
    if not (digits.isascii() and digits.isdigit()) or int(digits) * _UNITS[unit] >= 1 << 62:
        raise _bad(CACHE_BYTES, text)
    return int(digits) * _UNITS[unit]


def _text(setting):
    """The variable's value without outer blanks; None when unset or empty."""
    return os.environ.get(setting.variable, "").strip() or None


def _choice(setting, values, default):
    text = _text(setting)
    if text is None:
        return default
    if text not in values:
        raise _bad(setting, text)
    return text


def _bad(setting, text):
    return ValueError(f"{setting.variable}={text!r}: not a value for the {setting.meaning}\n  allowed: {setting.allowed}")
