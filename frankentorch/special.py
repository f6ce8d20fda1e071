"""`torch.special`: functions of mathematics, by SciPy's names."""
from frankentorch import ops as _ops
from frankentorch.ops import (digamma, erf, erfc, erfinv, exp2, expm1, lgamma, log1p, log_softmax, logit, logsumexp, round, sigmoid, sinc, softmax,  # noqa: F401
                              xlogy)

expit, gammaln, psi = sigmoid, lgamma, digamma
globals().update({name.removeprefix("special_"): getattr(_ops, name) for name in vars(_ops) if name.startswith("special_") and not name.endswith("_")})
