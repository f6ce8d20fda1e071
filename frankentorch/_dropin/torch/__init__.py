"""First `import torch` of a process whose path holds this folder: hand over to FrankenTorch.

`install` replaces this module in sys.modules, and that is what the import returns. The package this file belongs to is
loaded, whatever else is on the path: parent and child must run the same one.
"""

import importlib.util
import os
import sys

__frankentorch__ = True


def _load_package():
    folder = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    spec = importlib.util.spec_from_file_location("frankentorch", os.path.join(folder, "__init__.py"), submodule_search_locations=[folder])
    module = importlib.util.module_from_spec(spec)
    sys.modules["frankentorch"] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop("frankentorch", None)
        raise


if "frankentorch" not in sys.modules:
    _load_package()

from frankentorch.install import install  # noqa: E402  (the package must be there first)

install()
