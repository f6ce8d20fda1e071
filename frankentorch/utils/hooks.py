"""Handles by which a registered hook is taken away again."""

import collections
import weakref

__all__ = ["RemovableHandle"]


class RemovableHandle:
    """Removes one hook from the registry it was put in.

    Parameters
    ----------
    hooks_dict : dict
        Registry, keyed by hook id; held weakly, so a handle never keeps its owner alive.
    extra_dict : dict or list of dict, optional
        Further registries that hold something under the same id.

    Notes
    -----
    As a context manager it removes the hook on exit. Ids only grow within a process, so registries iterate in the
    order of registration.
    """

    next_id = 0

    def __init__(self, hooks_dict, *, extra_dict=None):
        self.id = RemovableHandle.next_id
        RemovableHandle.next_id += 1
        extras = [extra_dict] if isinstance(extra_dict, dict) else list(extra_dict or ())
        self.hooks_dict_ref = weakref.ref(hooks_dict)
        self.extra_dict_ref = tuple(map(weakref.ref, extras))

    def remove(self):
        """Forget the hook. A second call does nothing."""
        for registry_ref in (self.hooks_dict_ref, *self.extra_dict_ref):
            registry = registry_ref()
            if registry is not None:
                registry.pop(self.id, None)

    def __enter__(self):
        return self

    def __exit__(self, exc_type, exc_value, traceback):
        self.remove()

    def __getstate__(self):
        return self.hooks_dict_ref(), self.id, tuple(registry_ref() for registry_ref in self.extra_dict_ref)

    def __setstate__(self, state):
        hooks, self.id, extras = state
        # A registry that was gone at the time of pickling becomes one that nobody holds, that is a dead reference.
        self.hooks_dict_ref, *extra_refs = (
            weakref.ref(collections.OrderedDict() if registry is None else registry) for registry in (hooks, *extras)
        )
        self.extra_dict_ref = tuple(extra_refs)
        RemovableHandle.next_id = max(RemovableHandle.next_id, self.id + 1)
