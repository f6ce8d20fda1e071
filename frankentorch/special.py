"""`torch.special`: functions of mathematics, by SciPy's names."""
from frankentorch.ops import (digamma, erf, erfc, erfinv, exp2, expm1, lgamma, log1p, log_softmax, logit, logsumexp, round, sigmoid, sinc, softmax,  # noqa: F401
                              xlogy)

expit, gammaln, psi = sigmoid, lgamma, digamma
