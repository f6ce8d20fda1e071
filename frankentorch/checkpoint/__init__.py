"""Checkpoints: files that hold a training state, say when they are damaged, and can be repaired.

Names are imported when first used: `import frankentorch` must stay light.
"""

from frankentorch.checkpoint.errors import CheckpointError

_PLACES = {
    "save": "writer", "dumps": "writer", "digest": "writer",
    "load": "reader", "loads": "reader", "is_checkpoint": "reader",
    "verify": "rescue", "scrub": "rescue", "repair": "rescue", "protect": "rescue",
    "diff": "comparison", "save_async": "background", "CheckpointManager": "manager",
}
__all__ = ["CheckpointError", *_PLACES]


def __getattr__(name):
    if name not in _PLACES:
        raise AttributeError(f"module 'frankentorch.checkpoint' has no attribute '{name}'")
    from importlib import import_module

    found = getattr(import_module(f"frankentorch.checkpoint.{_PLACES[name]}"), name)
    globals()[name] = found
    return found
