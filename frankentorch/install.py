"""`install()`: from now on `import torch` means this package, here and in child processes.

`torch` becomes a module of its own (its `__version__` differs from ours) that hands out our public names; below it
`torch.nn` and `frankentorch.nn` are one and the same module object under two names, so that a class has one identity
whichever way it was imported. A meta-path finder makes the second name when it is first asked for.

Child processes find the folder `_dropin` through PYTHONPATH (and through sys.path, which `multiprocessing` passes on);
its `torch` package calls `install()` there. So the alias costs nothing in a child that never imports torch.
"""

import importlib
import importlib.machinery
import importlib.util
import os
import sys
import types

TORCH_VERSION = "2.13.0"
DROPIN_FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "_dropin")
# Ours, without a counterpart of that name in PyTorch, or (ops) with another meaning there: not visible as torch.*
OWN_NAMES = frozenset({"_dropin", "_ext", "checkpoint", "cli", "datasets", "errors", "install", "ops", "optable", "runtime"})
_PACKAGE = __name__.partition(".")[0]


def install():
    """Make `import torch` and `import torch.*` mean this package.

    Works in this process and in the processes it starts (PYTHONPATH of the environment and sys.path are changed).
    Calling it again does nothing. There is no way back: modules that hold our objects may be anywhere by then.

    Raises
    ------
    RuntimeError
        The real PyTorch is already imported: two libraries under one name would mix their tensors.
    """
    present = sys.modules.get("torch")
    if isinstance(present, _Torch):
        return
    if present is not None and getattr(present, "__frankentorch__", False) is not True:
        raise RuntimeError(f"install: the real PyTorch is already imported ({getattr(present, '__file__', None)})\n"
                           "  call frankentorch.install() before the first `import torch`, or start the program by `frankentorch run`")
    sys.meta_path.insert(0, _Finder)
    sys.modules["torch"] = _Torch(importlib.import_module(_PACKAGE))
    _pass_on()


def child_environment(environment):
    """A copy of an environment in which Python programs find our `torch` first."""
    parts = [part for part in environment.get("PYTHONPATH", "").split(os.pathsep) if part and part != DROPIN_FOLDER]
    return {**environment, "PYTHONPATH": os.pathsep.join([DROPIN_FOLDER, *parts])}


def _pass_on():
    os.environ.update(child_environment(os.environ))
    if DROPIN_FOLDER not in sys.path:
        sys.path.insert(1, DROPIN_FOLDER)  # behind the program's own folder, where PYTHONPATH would stand


class _Torch(types.ModuleType):
    """The module `torch`: our public names, PyTorch's version."""

    def __init__(self, package):
        super().__init__("torch", package.__doc__)
        # Copied, so that torch.add costs one dict look-up; what our package makes later is fetched by __getattr__.
        self.__dict__.update({name: value for name, value in vars(package).items()
                              if name == "__all__" or name not in OWN_NAMES and not (name.startswith("__") and name.endswith("__"))})
        self.__dict__.update(__frankentorch__=True, __version__=f"{TORCH_VERSION}+frankentorch", __path__=[], __file__=package.__file__,
                             __spec__=_alias_spec("torch", True), __package__="torch")

    def __getattr__(self, name):
        if name not in OWN_NAMES and not (name.startswith("__") and name.endswith("__")):
            try:
                return getattr(sys.modules[_PACKAGE], name)
            except AttributeError:
                pass
        raise AttributeError(f"module 'torch' has no attribute {name!r}: FrankenTorch does not have it [gap torch.{name}]",
                             name=name, obj=self)

    def __dir__(self):
        return sorted({*vars(self), *dir(sys.modules[_PACKAGE])} - OWN_NAMES)

    def __repr__(self):
        return f"<module 'torch' served by FrankenTorch from {self.__file__!r}>"


def _alias_spec(name, is_package):
    return importlib.machinery.ModuleSpec(name, _Loader, origin=f"{_PACKAGE}.install", is_package=is_package)


class _Loader:
    """Gives a module of ours a second name."""

    @staticmethod
    def create_module(spec):
        module = importlib.import_module(_PACKAGE + spec.name[len("torch"):])
        spec.loader_state = getattr(module, "__spec__", None)
        return module

    @staticmethod
    def exec_module(module):
        """Undo what importlib did to the module: it stays ours, spec and all."""
        if module.__spec__ is not None and module.__spec__.loader is _Loader:
            module.__spec__ = module.__spec__.loader_state


class _Finder:
    """Finds `torch.*` among our modules; a name that is not there is left to fail as any missing module does."""

    @staticmethod
    def find_spec(fullname, path=None, target=None):
        parts = fullname.split(".")
        if parts[0] != "torch" or len(parts) == 1 or parts[1] in OWN_NAMES:
            return None
        try:
            found = importlib.util.find_spec(_PACKAGE + fullname[len("torch"):])
        except ModuleNotFoundError as error:
            if error.name is None or error.name.partition(".")[0] != _PACKAGE:
                raise  # one of ours needs a library that is not installed: say so
            return None
        return found and _alias_spec(fullname, found.submodule_search_locations is not None)

    @staticmethod
    def find_distributions(context=None):
        """`importlib.metadata.version("torch")` answers like `torch.__version__`."""
        if context is not None and context.name is not None and context.name.lower() != "torch":
            return []
        from frankentorch._dropin.metadata import TorchDistribution

        return [TorchDistribution(f"{TORCH_VERSION}+frankentorch")]
