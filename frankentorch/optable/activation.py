"""Activations. Scalar arguments of a loop come in the dtype computed in; backward loops are rows of their own."""
from .family import COMPLEX, FLOAT, INT, table

ROWS, op = table()
NN = "nn inplace"

op("relu(Tensor self) -> Tensor", forms="function method inplace nn", loop={INT: "x if x > 0 else 0", FLOAT: "0 if x <= 0 else x"}, vectors=True,
   grad={"self": "_threshold_backward(g, out, 0)"}, doc="Positive part; NaN stays.")
op("_threshold_backward(Tensor grad, Tensor self, Scalar threshold) -> Tensor", forms="internal", loop={INT: "0 if y <= threshold else x", FLOAT: "0 if y <= threshold else x"},
   grad={"grad": "_threshold_backward(g, self, threshold)", "self": "g * 0"}, node="ThresholdBackwardBackward0")
op("threshold(Tensor self, Scalar threshold, Scalar value) -> Tensor", forms="function nn inplace", loop={INT: "value if x <= threshold else x", FLOAT: "value if x <= threshold else x"},
   grad={"self": "_threshold_backward(g, self, threshold)"}, doc="value where self <= threshold, else self.")
op("relu6(Tensor self) -> Tensor", forms="nn inplace", body="ops.activation:relu6", doc="hardtanh between 0 and 6.")
op("leaky_relu(Tensor self, Scalar negative_slope=0.01) -> Tensor", forms=NN, loop={FLOAT: "x if x > 0 else x * negative_slope"}, vectors=True,
   grad={"self": "_leaky_relu_backward(g, self, negative_slope)"}, doc="self where positive, else negative_slope * self.")
op("_leaky_relu_backward(Tensor grad, Tensor self, Scalar negative_slope) -> Tensor", forms="internal", loop={FLOAT: "x if y > 0 else x * negative_slope"},
   grad={"grad": "_leaky_relu_backward(g, self, negative_slope)", "self": "g * 0"})
op("_where_positive(Tensor self, Tensor other, Tensor by) -> Tensor", forms="internal", loop={FLOAT: "x if z > 0 else y"},
   grad={"self": "_where_positive(g, g * 0, by)", "other": "_where_positive(g * 0, g, by)", "by": "g * 0"})
op("_prelu_kernel(Tensor self, Tensor weight) -> Tensor", forms="internal", loop={FLOAT: "x if x > 0 else x * y"}, node="PreluKernelBackward0",
   grad={"self": "_where_positive(g, g * weight, self)", "weight": "_where_positive(g * 0, g * self, self)"})
op("elu(Tensor self, Scalar alpha=1, Scalar scale=1, Scalar input_scale=1) -> Tensor", forms=NN,
   loop={FLOAT: "x * scale if x > 0 else expm1(x * input_scale) * (alpha * scale)"},
   grad={"self": "elu_backward(g, self, alpha, scale, input_scale)"}, doc="self where positive, else alpha * (exp(self) - 1).", source="Clevert et al. 2016")
op("_elu_backward(Tensor grad, Tensor self, Scalar scale, Scalar input_scale, Scalar slope) -> Tensor", forms="internal",
   loop={FLOAT: "x * scale if y > 0 else x * (exp(y * input_scale) * slope)"}, node="EluBackwardBackward0",
   grad={"grad": "_elu_backward(g, self, scale, input_scale, slope)", "self": "elu_double_backward(g, grad, self, input_scale, slope)"})
op("celu(Tensor self, Scalar alpha=1.0) -> Tensor", forms="function nn inplace", body="ops.activation:celu", doc="elu with a slope that is continuous for any alpha.")
op("selu(Tensor self) -> Tensor", forms="function nn inplace", body="ops.activation:selu", doc="Self-normalising elu.", source="Klambauer et al. 2017")
op("gelu(Tensor self, *, str approximate='none') -> Tensor", forms="nn out", kernel="ops.activation:gelu", jvp="elementwise", grad={"self": "gelu_backward(g, self, approximate)"},
   doc="self times the normal distribution function, exact or by tanh.", source="Hendrycks and Gimpel 2016")
op("_gelu_erf(Tensor self) -> Tensor", forms="internal", loop={FLOAT: "gelu(x)"}, grad={"self": "gelu_backward(g, self, 'none')"})
op("_gelu_tanh(Tensor self) -> Tensor", forms="internal", loop={FLOAT: "gelu_tanh(x)"},
   grad={"self": "gelu_backward(g, self, 'tanh')"})
op("_gelu_erf_backward(Tensor grad, Tensor self) -> Tensor", forms="internal",
   loop={FLOAT: "x * (<T> 0.5 * (1 + erf(y * <T> 0.7071067811865476)) + y * exp(y * y * <T> -0.5) * <T> 0.3989422804014327)"},
   grad={"grad": "_gelu_erf_backward(g, self)", "self": "gelu_double_backward(g, grad, self)"})
op("_gelu_tanh_backward(Tensor grad, Tensor self) -> Tensor", forms="internal",
   loop={FLOAT: "x * (<T> 0.5 * (1 + tanh(<T> 0.7978845608028654 * (y + <T> 0.044715 * y * y * y))) + <T> 0.5 * y * (1 - tanh(<T> 0.7978845608028654 * (y + <T> 0.044715 * y * y * y))"
                " * tanh(<T> 0.7978845608028654 * (y + <T> 0.044715 * y * y * y))) * <T> 0.7978845608028654 * (1 + <T> 0.134145 * y * y))"},
   grad={"grad": "_gelu_tanh_backward(g, self)", "self": "gelu_tanh_double_backward(g, grad, self)"})
op("silu(Tensor self) -> Tensor", forms=NN, loop={FLOAT: "silu(x)", COMPLEX: "mul(x, sigmoid(x))"}, grad={"self": "_silu_backward(g, self)"}, doc="self * sigmoid(self).")
op("_silu_backward(Tensor grad, Tensor self) -> Tensor", forms="internal", loop={FLOAT: "silu_backward(x, y)"},
   grad={"grad": "_silu_backward(g, self)", "self": "silu_double_backward(g, grad, self)"})
op("mish(Tensor self) -> Tensor", forms=NN, loop={FLOAT: "mish(x)"}, grad={"self": "mish_backward(g, self)"}, doc="self * tanh(softplus(self)).", source="Misra 2020")
op("softplus(Tensor self, Scalar beta=1, Scalar threshold=20) -> Tensor", forms="nn out", out="exact", loop={FLOAT: "x if x * beta > threshold else log1p(exp(x * beta)) / beta"},
   grad={"self": "_softplus_backward(g, self, beta, threshold)"}, doc="log(1 + exp(beta * self)) / beta, self itself above threshold.")
op("_softplus_backward(Tensor grad, Tensor self, Scalar beta, Scalar threshold) -> Tensor", forms="internal", loop={FLOAT: "x if y * beta > threshold else x * sigmoid(y * beta)"},
   grad={"grad": "_softplus_backward(g, self, beta, threshold)", "self": "softplus_double_backward(g, grad, self, beta, threshold)"}, node="SoftplusBackwardBackward0")
op("_softplus_double_backward(Tensor grad, Tensor self, Scalar beta, Scalar threshold) -> Tensor", forms="internal", loop={FLOAT: "0 if y * beta > threshold else x"},
   grad={"grad": "_softplus_double_backward(g, self, beta, threshold)", "self": "zeros_like(g)"})
op("hardtanh(Tensor self, Scalar min_val=-1, Scalar max_val=1) -> Tensor", forms=NN, loop={INT: "min_val if x < min_val else (max_val if x > max_val else x)", FLOAT: "min_val if x < min_val else (max_val if x > max_val else x)"},
   grad={"self": "_hardtanh_backward(g, self, min_val, max_val)"}, doc="self held between two values.")
op("_hardtanh_backward(Tensor grad, Tensor self, Scalar min_val, Scalar max_val) -> Tensor", forms="internal", loop={FLOAT: "0 if (y <= min_val) | (y >= max_val) else x"},
   grad={"grad": "_hardtanh_backward(g, self, min_val, max_val)", "self": "zeros_like(g)"}, node="HardtanhBackwardBackward0")
op("hardsigmoid(Tensor self) -> Tensor", forms=NN, loop={FLOAT: "minimum(maximum(x + <T> 3, 0), 6) / <T> 6"}, grad={"self": "_hardsigmoid_backward(g, self)"}, doc="Piecewise linear sigmoid.")
op("_hardsigmoid_backward(Tensor grad, Tensor self) -> Tensor", forms="internal",     # times the sixth that float32 has, for every dtype, as the oracle does
   loop={FLOAT: "(x if (y > -3) & (y < 3) else x * 0) * <T> 0.1666666716337204"},
   grad={"grad": "_hardsigmoid_backward(g, self)", "self": "zeros_like(g)"}, node="HardsigmoidBackwardBackward0")
op("hardswish(Tensor self) -> Tensor", forms=NN, loop={FLOAT: "x * minimum(maximum(x + <T> 3, 0), 6) / <T> 6"}, grad={"self": "_hardswish_backward(g, self)"}, doc="self * hardsigmoid(self).")
op("_hardswish_backward(Tensor grad, Tensor self) -> Tensor", forms="internal", loop={FLOAT: "x * 0 if y < -3 else (x * (y / <T> 3 + <T> 0.5) if y <= 3 else x)"},
   grad={"grad": "_hardswish_backward(g, self)", "self": "hardswish_double_backward(g, grad, self)"}, node="HardswishBackwardBackward0")
op("log_sigmoid(Tensor self) -> Tensor", forms="internal out", out="exact", aliases="logsigmoid", loop={FLOAT: "minimum(x, 0) - log1p(exp(-abs(x)))"}, grad={"self": "_log_sigmoid_backward(g, self)"}, doc="log(sigmoid(self)).")
op("_log_sigmoid_backward(Tensor grad, Tensor self) -> Tensor", forms="internal", loop={FLOAT: "x * sigmoid(-y)"},
   grad={"grad": "_log_sigmoid_backward(g, self)", "self": "log_sigmoid_double_backward(g, grad, self)"}, node="LogSigmoidBackwardBackward0")
op("softshrink(Tensor self, Scalar lambd=0.5) -> Tensor", forms="nn out", out="exact", loop={FLOAT: "x - lambd if x > lambd else (x + lambd if x < -lambd else x * 0)"}, grad={"self": "_softshrink_backward(g, self, lambd)"}, doc="self moved towards 0 by lambd.")
op("hardshrink(Tensor self, Scalar lambd=0.5) -> Tensor", forms="function method nn out", out="exact", loop={FLOAT: "0 if (x >= -lambd and x <= lambd) else x"}, grad={"self": "_hardshrink_backward(g, self, lambd)"}, doc="0 within lambd of 0, else self.")
for name in ("hardshrink", "softshrink"):
    op(f"_{name}_backward(Tensor grad, Tensor self, Scalar lambd) -> Tensor", forms="internal", loop={FLOAT: "0 if (y >= -lambd) & (y <= lambd) else x"},
       grad={"grad": f"_{name}_backward(g, self, lambd)", "self": "zeros_like(g)"}, node=f"{name.title()}BackwardBackward0")
