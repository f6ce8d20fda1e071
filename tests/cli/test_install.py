"""`install()`: `torch` and everything below it are this package. Each test has a process of its own."""

import pytest

START = "import frankentorch; frankentorch.install(); import sys; import torch\n"


@pytest.fixture
def installed(run_python):
    """`installed(text)`: standard output of a program that starts with install(); it must end well and print no error."""
    def run(text):
        done = run_python("-c", START + text)
        assert ("", 0) == (done.stderr, done.returncode)
        return done.stdout.strip()

    return run


@pytest.mark.parametrize("statement, shown", [
    ("import torch.nn.functional as F", "F is frankentorch.nn.functional"),
    ("from torch import nn", "nn is frankentorch.nn"),
    ("import torch.nn as nn", "nn is frankentorch.nn is torch.nn"),
    ("from torch.utils.data import DataLoader", "DataLoader is frankentorch.utils.data.DataLoader"),
    ("import torch.optim.lr_scheduler", "torch.optim.lr_scheduler.StepLR is frankentorch.optim.lr_scheduler.StepLR"),
    ("from torch import tensor, manual_seed", "tensor is frankentorch.tensor"),
    ("from torch import *", "tensor is frankentorch.tensor"),
])
def test_import_gives_our_own_object(installed, statement, shown):
    assert "True" == installed(f"{statement}\nimport frankentorch.nn.functional, frankentorch.utils.data, frankentorch.optim.lr_scheduler\nprint({shown})")


def test_modules_stay_ours_under_their_second_name(installed):
    assert "frankentorch.nn frankentorch.nn" == installed("import torch.nn; print(torch.nn.__name__, torch.nn.__spec__.name)")


def test_version_is_pytorchs_with_our_mark(installed):
    assert "2.13.0+frankentorch 2.13.0+frankentorch" == installed("import importlib.metadata as m; print(torch.__version__, m.version('torch'))")
    assert "False" == installed("print(frankentorch.__version__ == torch.__version__)")


def test_second_call_changes_nothing(installed):
    assert "True 1 1" == installed(
        "before = torch; frankentorch.install(); import torch, os\n"
        "print(torch is before, sum(f.__name__ == '_Finder' for f in sys.meta_path if hasattr(f, '__name__')), os.environ['PYTHONPATH'].count('_dropin'))")


def test_real_pytorch_already_imported_is_refused(run_python):
    done = run_python("-c", "import sys, types; sys.modules['torch'] = types.ModuleType('torch'); import frankentorch; frankentorch.install()")

    assert "RuntimeError: install: the real PyTorch is already imported" in done.stderr and done.returncode == 1


@pytest.mark.parametrize("statement, error", [
    ("torch.no_such_thing", "AttributeError: module 'torch' has no attribute 'no_such_thing': FrankenTorch does not have it [gap torch.no_such_thing]"),
    ("import torch.no_such_module", "ModuleNotFoundError: No module named 'torch.no_such_module'"),
    ("import torch.nn.no_such_module", "ModuleNotFoundError: No module named 'torch.nn.no_such_module'"),
    ("from torch import no_such_thing", "ImportError: cannot import name 'no_such_thing' from 'torch'"),
    ("import torch.cli", "ModuleNotFoundError: No module named 'torch.cli'"),
    ("torch.runtime", "AttributeError: module 'torch' has no attribute 'runtime'"),
])
def test_what_is_missing_is_named(installed, statement, error):
    shown = installed(f"try:\n    {statement}\nexcept Exception as error: print(type(error).__name__ + ': ' + str(error))")

    assert shown.startswith(error)


def test_hasattr_and_find_spec_can_probe(installed):
    assert "False True" == installed("print(hasattr(torch, 'no_such_thing'), hasattr(torch, 'tensor'))")
    assert "None True" == installed("import importlib.util as u; print(u.find_spec('torch.no_such_module'), u.find_spec('torch.nn') is not None)")


def test_children_of_an_installed_process_have_it_too(installed):
    child = "[sys.executable, '-c', 'import torch; print(torch.__version__)']"

    assert "2.13.0+frankentorch" == installed(f"import subprocess; print(subprocess.check_output({child}, text=True))")


def test_patching_a_submodule_is_seen_under_both_names(installed):
    assert "1" == installed("import torch.nn.functional as F; F.relu = 1; import frankentorch.nn.functional; print(frankentorch.nn.functional.relu)")


def test_pickled_classes_load_without_the_alias(installed, run_python):
    """What is saved names our modules, so that a process without install() can read it."""
    assert "frankentorch." in installed("import pickle, torch.nn; print(pickle.dumps(torch.nn.Linear))")
