"""Bodies and kernels of optable/special.py that are not one loop."""
import math

from frankentorch import ops


def frexp(self):
    if not self.is_floating_point():
        raise RuntimeError("torch.frexp() only supports floating-point dtypes")
    return ops._frexp_mantissa(self), ops._frexp_exponent(self).to(ops.int32)


def polygamma(n, self):
    if n < 0:
        raise RuntimeError("polygamma(n, x) does not support negative n.")
    return ops.digamma(self) if n == 0 else ops._polygamma(self, float(n))


def mvlgamma(self, p):
    if p < 1:
        raise RuntimeError("p has to be greater than or equal to 1")
    if self.dtype is ops.bool or self.is_complex():
        raise RuntimeError(f"mvlgamma: the input dtype {self.dtype} is not supported")
    x = self if self.is_floating_point() else self.to(ops.get_default_dtype())
    steps = ops.arange(1 - p, 1, dtype=x.dtype, device=x.device) / 2
    return (x.unsqueeze(-1) + steps).lgamma().sum(-1) + p * (p - 1) * math.log(math.pi) / 4
