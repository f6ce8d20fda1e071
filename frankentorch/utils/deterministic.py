"""`torch.utils.deterministic`: one attribute, ``fill_uninitialized_memory`` (bool, True at the start)."""

import sys
import types

from frankentorch.runtime import determinism


class _Module(types.ModuleType):
    @property
    def fill_uninitialized_memory(self):
        """Whether `empty` fills its memory while deterministic algorithms are wanted."""
        return determinism.get_fill_uninitialized_memory()

    @fill_uninitialized_memory.setter
    def fill_uninitialized_memory(self, value):
        determinism.set_fill_uninitialized_memory(value)


sys.modules[__name__].__class__ = _Module
