"""Saving states to files and reading them back.

`save_state` and `load_state` write and read nested plain values and tensors in one small format without pickle: reading
a file never runs code from it. `encode` holds the values' bytes, `container` the file around them.
"""

from frankentorch.serialization.container import load_state, save_state, state_from_bytes, state_to_bytes
from frankentorch.serialization.encode import state_digest

__all__ = ["load_state", "save_state", "state_digest", "state_from_bytes", "state_to_bytes"]
