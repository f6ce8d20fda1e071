"""Serves each part `frankentorch._ext.<part>` from the one extension file `_core*.so` beside this file.

Every part keeps its own module init function in the bundle, so loading a part is: same file, other symbol.
"""
import os.path
import sys
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader
from importlib.util import spec_from_loader


def _find_bundle():
    for suffix in EXTENSION_SUFFIXES:
        path = __path__[0] + "/_core" + suffix
        if os.path.isfile(path):
            return path
    raise ImportError(f"frankentorch: no compiled extension in {__path__[0]}; run `python setup.py build_ext --inplace` or `pip install .`")


class _PartFinder:
    """Meta-path finder for the parts listed by the bundle root."""

    bundle = _find_bundle()
    parts = frozenset()

    @classmethod
    def find_spec(cls, fullname, path=None, target=None):
        package, _, part = fullname.rpartition(".")
        if package != __name__ or (part != "_core" and part not in cls.parts):
            return None
        return spec_from_loader(fullname, ExtensionFileLoader(fullname, cls.bundle), origin=cls.bundle)


sys.meta_path.insert(0, _PartFinder)
from frankentorch._ext import _core  # noqa: E402  (the finder above serves it)

_PartFinder.parts = frozenset(_core.parts)
