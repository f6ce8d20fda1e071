"""Bodies and kernels of optable/activation.py."""
from frankentorch import ops

SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805


def relu6(self):
    return ops.hardtanh(self, 0, 6)


def celu(self, alpha):
    if alpha == 0:
        raise RuntimeError("ZeroDivisionError: alpha cannot be 0 for CELU")
    return ops.elu(self, alpha, 1.0, 1.0 / alpha)


def selu(self):
    return ops.elu(self, SELU_ALPHA, SELU_SCALE, 1)


def gelu(self, approximate):
    if approximate not in ("none", "tanh"):
        raise RuntimeError(f"approximate argument must be either none or tanh, got {approximate!r}")
    return ops._gelu_erf(self) if approximate == "none" else ops._gelu_tanh(self)
