"""Reverse-mode differentiation: `backward`, `grad`, own functions, and the switches of recording."""
from frankentorch._ext.tensor import Node, is_grad_enabled, is_inference_mode_enabled  # noqa: F401
from frankentorch._tensor import Tensor as _Tensor
from frankentorch.autograd import graph  # noqa: F401
from frankentorch.autograd.anomaly_mode import detect_anomaly, set_detect_anomaly  # noqa: F401
from frankentorch.autograd.backward import backward, grad  # noqa: F401
from frankentorch.autograd.function import Function  # noqa: F401
from frankentorch.autograd.gradcheck import gradcheck, gradgradcheck  # noqa: F401
from frankentorch.autograd.grad_mode import enable_grad, inference_mode, no_grad, set_grad_enabled  # noqa: F401


class _VariableType(type):
    """Every tensor counts as a Variable."""

    def __instancecheck__(cls, value):
        return isinstance(value, _Tensor)


class Variable(metaclass=_VariableType):
    """The old name of a tensor that may take part in autograd: ``Variable(data, requires_grad)`` gives the tensor."""

    def __new__(cls, data=None, requires_grad=False, volatile=None):
        from frankentorch import ops
        out = ops.empty(0) if data is None else data.detach()
        return out.requires_grad_(requires_grad)


_LATE = ("forward_ad", "functional", "profiler", "profiler_util")          # imported when first asked for


def __getattr__(name):
    if name in _LATE:
        from importlib import import_module
        try:
            return import_module("frankentorch.autograd." + name)
        except ModuleNotFoundError as error:
            if error.name != "frankentorch.autograd." + name:
                raise
    raise AttributeError(f"module 'frankentorch.autograd' has no attribute '{name}'")
