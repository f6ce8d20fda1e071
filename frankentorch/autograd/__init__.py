"""Reverse-mode differentiation: `backward`, `grad`, own functions, and the switches of recording."""
from frankentorch._ext.tensor import Node, is_grad_enabled, is_inference_mode_enabled  # noqa: F401
from frankentorch._tensor import Tensor as Variable  # noqa: F401
from frankentorch.autograd import graph  # noqa: F401
from frankentorch.autograd.backward import backward, grad  # noqa: F401
from frankentorch.autograd.function import Function  # noqa: F401
from frankentorch.autograd.grad_mode import enable_grad, inference_mode, no_grad, set_grad_enabled  # noqa: F401
