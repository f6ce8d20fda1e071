"""Rows of the random family. Fills draw PyTorch's stream in memory order (descending strides)."""
from .family import NONE, table

ROWS, op = table()
FACTORY = "ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=False, bool requires_grad=False"
GENERATOR = "*, Generator? generator=None"
FORMAT = "MemoryFormat? memory_format=None"

# ---- fills in place ----
FILL = {"forms": "inplace", "write": "self", "grad": {"self": "zeros_like(g)"}, "jvp": "zero"}
op(f"uniform(Tensor self, float from=0.0, float to=1.0, {GENERATOR}) -> Tensor", kernel="_ext.random_ops:uniform", doc="self filled with uniform numbers of [from, to).", **FILL)
op(f"normal.fill(Tensor self, float mean=0.0, float std=1.0, {GENERATOR}) -> Tensor", kernel="_ext.random_ops:normal", doc="self filled with normal numbers.", **FILL)
op(f"random(Tensor self, {GENERATOR}) -> Tensor", kernel="_ext.random_ops:random", doc="self filled with integers of the dtype's non-negative range.", **FILL)
op(f"random.from(Tensor self, int from, int? to, {GENERATOR}) -> Tensor", kernel="_ext.random_ops:integers", **FILL)
op(f"random.to(Tensor self, int to, {GENERATOR}) -> Tensor", kernel="_ext.random_ops:integers_below", **FILL)
op(f"exponential(Tensor self, float lambd=1.0, {GENERATOR}) -> Tensor", kernel="_ext.random_ops:exponential", doc="self filled with exponential numbers.", **FILL)
op(f"cauchy(Tensor self, float median=0.0, float sigma=1.0, {GENERATOR}) -> Tensor", kernel="_ext.random_ops:cauchy", doc="self filled with Cauchy numbers.", **FILL)
op(f"geometric(Tensor self, float p, {GENERATOR}) -> Tensor", kernel="_ext.random_ops:geometric", doc="self filled with counts of trials up to a success.", **FILL)
op(f"log_normal(Tensor self, float mean=1.0, float std=2.0, {GENERATOR}) -> Tensor", kernel="_ext.random_ops:log_normal", doc="self filled with log-normal numbers.", **FILL)

# ---- 0 or 1 ----
op(f"bernoulli(Tensor self, {GENERATOR}) -> Tensor", forms="function method out", out="any", kernel="ops.draws:bernoulli", jvp="zero", grad={"self": "zeros_like(g)"}, doc="1 with the probability found in self, else 0.")
op(f"bernoulli.p(Tensor self, float p, {GENERATOR}) -> Tensor", forms="function method out", out="any", kernel="ops.draws:bernoulli_p", jvp="zero", grad={"self": "zeros_like(g)"})
op(f"bernoulli.Tensor_(Tensor self, Tensor p, {GENERATOR}) -> Tensor", forms="inplace", kernel="_ext.random_ops:bernoulli_each", write="self",
   jvp="zero", grad={"self": "zeros_like(g)", "p": "zeros_like(p)"})
op(f"bernoulli.float_(Tensor self, float p=0.5, {GENERATOR}) -> Tensor", kernel="_ext.random_ops:bernoulli", **FILL)

# ---- factories ----
op(f"rand(int[] size, {GENERATOR}, {FACTORY}, {FORMAT}) -> Tensor", forms="function out", out="fill", body="ops.draws:rand", doc="Uniform numbers of [0, 1).")
op(f"randn(int[] size, {GENERATOR}, {FACTORY}, {FORMAT}) -> Tensor", forms="function out", out="fill", body="ops.draws:randn", doc="Normal numbers.")
op(f"randint(int high, int[] size, {GENERATOR}, {FACTORY}) -> Tensor", forms="function out", out="fill", body="ops.draws:randint_below", doc="Integers of [low, high), equally likely.")
op(f"randint.low(int low, int high, int[] size, {GENERATOR}, {FACTORY}) -> Tensor", forms="function out", out="fill", body="ops.draws:randint")
op(f"randperm(int n, {GENERATOR}, {FACTORY}) -> Tensor", forms="function out", out="fill", body="ops.draws:randperm", doc="A permutation of 0 to n - 1.")
op(f"rand_like(Tensor self, {GENERATOR}, {FACTORY}, {FORMAT}) -> Tensor", forms="function", body="ops.draws:rand_like", doc="rand in the shape of self.")
op(f"randn_like(Tensor self, {GENERATOR}, {FACTORY}, {FORMAT}) -> Tensor", forms="function", body="ops.draws:randn_like", doc="randn in the shape of self.")
op(f"randint_like(Tensor self, int high, {GENERATOR}, {FACTORY}, {FORMAT}) -> Tensor", forms="function", body="ops.draws:randint_like_below", doc="randint in the shape of self.")
op(f"randint_like.Tensor(Tensor self, Tensor high, {GENERATOR}, {FACTORY}, {FORMAT}) -> Tensor", forms="function", body="ops.draws:randint_like_below")
op(f"randint_like.low(Tensor self, int low, int high, {GENERATOR}, {FACTORY}, {FORMAT}) -> Tensor", forms="function", body="ops.draws:randint_like")
op(f"normal(Tensor mean, Tensor std, {GENERATOR}) -> Tensor", forms="function out", kernel="ops.draws:normal_tensors", jvp="zero", grad={"mean": "zeros_like(mean)", "std": "zeros_like(std)"},
   doc="Normal numbers of given means and deviations.")
op(f"normal.Tensor_float(Tensor mean, float std=1.0, {GENERATOR}) -> Tensor", forms="function out", kernel="ops.draws:normal_mean", jvp="zero", grad={"mean": "zeros_like(g)"})
op(f"normal.float_Tensor(float mean, Tensor std, {GENERATOR}) -> Tensor", forms="function out", kernel="ops.draws:normal_std", jvp="zero", grad={"std": "zeros_like(g)"})
op(f"normal.float_float(float mean, float std, int[] size, {GENERATOR}, {FACTORY}) -> Tensor", forms="function out", out="fill", body="ops.draws:normal_sized")
op(f"multinomial(Tensor self, int num_samples, bool replacement=False, {GENERATOR}) -> Tensor", forms="function method out", kernel="ops.draws:multinomial", grad=NONE,
   doc="Indices drawn by the weights in each row.")
op(f"poisson(Tensor self, {GENERATOR[3:]}) -> Tensor", forms="function", kernel="_ext.counts:poisson", jvp="zero", grad={"self": "zeros_like(g)"},
   doc="A number of the Poisson distribution for the rate at each place.", source="Knuth, TAOCP 3.4.1.F; Hoermann 1993, PTRS")
op(f"binomial(Tensor count, Tensor prob, {GENERATOR[3:]}) -> Tensor", forms="function", kernel="ops.draws:binomial", grad={"count": "no_derivative('binomial')", "prob": "no_derivative('binomial')"},
   doc="A number of the binomial distribution for the trials and the probability at each place.", source="Hoermann 1993, BTRS")
op(f"_standard_gamma(Tensor self, {GENERATOR[3:]}) -> Tensor", forms="function", kernel="_ext.gammas:standard_gamma", grad={"self": "g * _standard_gamma_grad(self, out)"},
   doc="A number of the gamma distribution of scale 1 for the shape at each place.", source="Marsaglia & Tsang 2000")
op(f"_sample_dirichlet(Tensor self, {GENERATOR[3:]}) -> Tensor", forms="function", kernel="_ext.gammas:sample_dirichlet", grad={"self": "no_derivative('aten::_sample_dirichlet')"},
   doc="Shares that add up to 1 in each row, from the Dirichlet distribution of the row's concentrations.")
op("_standard_gamma_grad(Tensor self, Tensor output) -> Tensor", forms="function", kernel="ops.draws:standard_gamma_grad",
   grad={"self": "no_derivative('_standard_gamma_grad')", "output": "no_derivative('_standard_gamma_grad')"}, doc="How numbers of _standard_gamma move with their shapes.", source="Figurnov et al. 2018")
op("_dirichlet_grad(Tensor x, Tensor alpha, Tensor total) -> Tensor", forms="function", kernel="ops.draws:dirichlet_grad", grad={name: "no_derivative('aten::_dirichlet_grad')" for name in ("x", "alpha", "total")},
   doc="How numbers of _sample_dirichlet move with their concentrations, over 1 - x.", source="Figurnov et al. 2018")

# ---- dropout ----
for name, what in (("dropout", "Elements are zeroed at random, the rest scaled up."), ("feature_dropout", "Whole channels are zeroed at random, the rest scaled up."),
                   ("alpha_dropout", "Elements are set to selu's limit at random; mean and variance are kept."),
                   ("feature_alpha_dropout", "alpha_dropout of whole channels.")):
    op(f"{name}(Tensor input, float p, bool train) -> Tensor", forms="function inplace", body=f"ops.draws:{name}", doc=what)
op("_noise(Tensor self, float keep) -> Tensor", forms="internal", body="ops.draws:noise")
op("native_dropout(Tensor input, float p, bool? train) -> (Tensor out0, Tensor out1)", forms="function", kernel="ops.draws:native_dropout",
   grad={"input": "g0 * out1 * (0 if p == 1 and train is not False else 1 if train is False else 1 / (1 - p))"}, doc="dropout and its mask.")
op(f"rrelu(Tensor self, Scalar lower=0.125, Scalar upper=0.3333333333333333, bool training=False, {GENERATOR[3:]}) -> Tensor", forms="function inplace", body="ops.draws:rrelu",
   doc="leaky_relu whose slope is drawn from [lower, upper].")
