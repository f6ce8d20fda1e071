"""Groups of cases. A case is a name and a maker: maker(torch) prepares and returns the call to time.

The argument is called `torch` because the text is that of any PyTorch program; it is given either
library. Inputs are made by seeded generators, which agree between the two.
"""

GROUPS = {}


def group(name):
    """The dict of a group's cases, made on first use."""
    return GROUPS.setdefault(name, {})


def case(group_name, name):
    """Register a maker under a group."""
    def register(maker):
        cases = group(group_name)
        assert name not in cases, f"two cases {name} in {group_name}"
        cases[name] = maker
        return maker
    return register


def tensors(torch, *shapes, grad=False, dtype="float32"):
    """Normal numbers, the same on either side."""
    torch.manual_seed(0)
    made = [torch.randn(shape).to(getattr(torch, dtype)) for shape in shapes]
    return [item.requires_grad_() for item in made] if grad else made


def forward(expression, *shapes, grad=False, dtype="float32"):
    """A maker from an expression over the inputs x, y, z."""
    def maker(torch):
        code = compile(f"lambda: {expression}", expression, "eval")
        names = dict(zip("xyz", tensors(torch, *shapes, grad=grad, dtype=dtype)))
        return eval(code, {"torch": torch, "F": torch.nn.functional, **names})
    return maker


def both_ways(expression, *shapes, dtype="float32"):
    """Forward and backward: the gradient of the sum of the expression by all inputs."""
    def maker(torch):
        inputs = tensors(torch, *shapes, grad=True, dtype=dtype)
        function = eval(compile(f"lambda x, y=None, z=None: {expression}", expression, "eval"),
                        {"torch": torch, "F": torch.nn.functional})
        g = torch.ones_like(function(*inputs).detach())
        grad = torch.autograd.grad
        return lambda: grad(function(*inputs), inputs, g)
    return maker


# ---- tiny: the cost of a call -------------------------------------------------------------------

TINY = {
    "add": ("x + y", (10,), (10,)), "mul": ("x * y", (10,), (10,)), "relu": ("torch.relu(x)", (10,)),
    "view": ("x.view(2, 5)", (10,)), "t[0]": ("x[0]", (10,)), "sum": ("x.sum()", (10,)),
}
for name, (expression, *shapes) in TINY.items():
    group("tiny")[name] = forward(expression, *shapes)
    group("tiny")[f"{name} grad"] = forward(expression, *shapes, grad=True)

for name, (expression, *shapes) in {
        "scalar add": ("x + 1", (10,)), "matmul 4x4": ("x @ y", (4, 4), (4, 4)), "0-d mul": ("x * y", (), ()),
        "item": ("x.item()", ()), "transpose": ("x.t()", (4, 4)), "reshape": ("x.reshape(-1)", (4, 4)),
        "x[1:3, None]": ("x[1:3, None]", (4, 4)), "in-place add": ("x.add_(0.0)", (10,)), "detach": ("x.detach()", (10,)),
        "cat": ("torch.cat([x, y])", (10,), (10,)), "exp": ("x.exp()", (10,)), "compare": ("x > 0", (10,)),
        "shape": ("x.shape", (4, 4)), "shape[0]": ("x.shape[0]", (4, 4)), "einsum": ("torch.einsum('ij,kj->ik', x, y)", (4, 4), (4, 4)),
        "tensor(list)": ("torch.tensor([1.0, 2.0, 3.0])", (1,)),
        "zeros": ("torch.zeros(10)", (1,)), "softmax": ("torch.softmax(x, 0)", (10,))}.items():
    group("calls")[name] = forward(expression, *shapes)


@case("tiny", "add backward")
def add_backward(torch):
    x, y = tensors(torch, (10,), (10,), grad=True)
    g = torch.ones(10)
    grad = torch.autograd.grad
    return lambda: grad(x + y, (x, y), g)


def mlp(torch, sizes):
    layers = []
    for inner, outer in zip(sizes, sizes[1:]):
        layers += [torch.nn.Linear(inner, outer), torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])


@case("tiny_mlp", "MLP 16-32-32-4 forward+backward")
def tiny_mlp(torch):
    torch.manual_seed(0)
    model = mlp(torch, (16, 32, 32, 4))
    x = torch.randn(1, 16)
    parameters = list(model.parameters())

    def call():
        for parameter in parameters:
            parameter.grad = None
        model(x).sum().backward()
    return call


@case("tiny_mlp", "MLP 16-32-32-4 forward, no_grad")
def tiny_mlp_forward(torch):
    torch.manual_seed(0)
    model = mlp(torch, (16, 32, 32, 4))
    x = torch.randn(1, 16)

    def call():
        with torch.no_grad():
            model(x)
    return call


# ---- elementwise, reductions, rows --------------------------------------------------------------

for name, expression, count in (
        ("add", "x + y", 2), ("mul", "x * y", 2), ("div", "x / y", 2), ("relu", "torch.relu(x)", 1), ("exp", "x.exp()", 1),
        ("tanh", "x.tanh()", 1), ("sigmoid", "x.sigmoid()", 1), ("sin", "x.sin()", 1), ("log", "x.abs().log()", 1),
        ("sqrt", "x.abs().sqrt()", 1), ("gelu", "F.gelu(x)", 1), ("silu", "F.silu(x)", 1), ("pow", "x.abs() ** 1.5", 1),
        ("compare", "x > y", 2), ("where", "torch.where(x > 0, x, y)", 2), ("clamp", "x.clamp(-1, 1)", 1)):
    for size in (1_000, 1_000_000):
        group("elementwise")[f"{name} {size}"] = forward(expression, *[(size,)] * count)
for name, expression, count in (("exp", "x.exp()", 1), ("log", "x.abs().log()", 1), ("tanh", "x.tanh()", 1)):
    group("elementwise")[f"{name} 4096"] = forward(expression, *[(4096,)] * count)
for name, expression, count in (("sigmoid", "x.sigmoid()", 1), ("gelu", "F.gelu(x)", 1), ("gelu tanh", "F.gelu(x, approximate='tanh')", 1)):
    group("elementwise")[f"{name} 262144"] = forward(expression, *[(262_144,)] * count)
for name, expression in (("clamp_", "x.clamp_(-1, 1)"), ("square_", "x.tanh_().square_()"), ("nan_to_num_", "x.nan_to_num_()")):
    group("elementwise")[f"{name} 100000"] = forward(expression, (100_000,))
for dtype in ("float32", "int32", "bfloat16"):
    group("elementwise")[f"add a row 2000x64 {dtype}"] = forward("x + y", (2000, 64), (64,), dtype=dtype)
group("elementwise")["fmod of far quotients 100000"] = forward("torch.fmod(x.mul(1e30), y)", (100_000,), (100_000,))
for name, expression in (               # functions that are met less often
        ("square", "x.square()"), ("pow 2", "x ** 2"), ("pow 3", "x ** 3"), ("pow 0.5", "x.abs() ** 0.5"), ("tan", "x.tan()"), ("atan", "x.atan()"),
        ("asin", "x.clamp(-1, 1).asin()"), ("erfinv", "x.tanh().erfinv()"), ("erfc", "x.erfc()"), ("lgamma", "x.lgamma()"), ("mish", "F.mish(x)"),
        ("softplus", "F.softplus(x)"), ("elu", "F.elu(x)"), ("hardswish", "F.hardswish(x)"), ("nan_to_num", "x.nan_to_num()"),
        ("acos", "x.clamp(-1, 1).acos()"), ("sinh", "x.sinh()"), ("cosh", "x.cosh()"), ("asinh", "x.asinh()"), ("acosh", "(x.abs() + 1).acosh()"),
        ("atanh", "x.tanh().atanh()"), ("expm1", "x.expm1()"), ("log1p", "x.abs().log1p()"), ("log2", "x.abs().log2()"), ("log10", "x.abs().log10()"),
        ("logsigmoid", "F.logsigmoid(x)"), ("selu", "F.selu(x)"), ("hardsigmoid", "F.hardsigmoid(x)"),
        ("remainder", "x.remainder(0.7)"), ("fmod", "x.fmod(0.7)"), ("floor_divide", "x.floor_divide(0.7)")):
    group("elementwise")[f"{name} 262144"] = forward(expression, (262_144,))
for name, expression in (("atan2", "x.atan2(y)"), ("logaddexp", "torch.logaddexp(x, y)"), ("xlogy", "torch.xlogy(x, y.abs())"), ("pow tensors", "x.abs() ** y")):
    group("elementwise")[f"{name} 262144"] = forward(expression, (262_144,), (262_144,))
for name in ("sigmoid", "tanh", "exp", "square", "elu", "softplus", "hardswish", "relu6", "logsigmoid", "mish"):
    module = "F." if name in ("elu", "softplus", "hardswish", "relu6", "logsigmoid", "mish") else "torch."
    group("elementwise")[f"{name} both ways"] = both_ways(f"{module}{name}(x)", (262_144,))
group("elementwise")["pow 2 both ways"] = both_ways("x ** 2", (262_144,))
for name, expression, count in (
        ("sin", "x.sin()", 1), ("cos", "x.cos()", 1), ("tan", "x.tan()", 1), ("atan", "x.atan()", 1), ("tanh", "x.tanh()", 1), ("erf", "x.erf()", 1),
        ("log", "x.abs().log()", 1), ("log1p", "x.abs().log1p()", 1), ("lgamma", "x.lgamma()", 1), ("pow", "x.abs() ** y", 2), ("sigmoid", "x.sigmoid()", 1),
        ("silu", "F.silu(x)", 1)):
    group("elementwise")[f"{name} 100000 float64"] = forward(expression, *[(100_000,)] * count, dtype="float64")
for name in ("silu", "softplus", "logsigmoid"):
    group("elementwise")[f"{name} both ways float64"] = both_ways(f"F.{name}(x)", (100_000,), dtype="float64")
for name, expression, count in (        # fresh output beyond every cache
        ("add", "x + y", 2), ("mul number", "x * 1.5", 1), ("relu", "torch.relu(x)", 1), ("exp", "x.exp()", 1),
        ("where", "torch.where(x > 0, x, y)", 2), ("clamp", "x.clamp(-1, 1)", 1)):
    group("elementwise")[f"{name} 10000000"] = forward(expression, *[(10_000_000,)] * count)
for source, target in (("float32", "float16"), ("float16", "float32"), ("float32", "bfloat16"), ("bfloat16", "float32"),
                       ("float64", "float32"), ("float32", "int64"), ("int64", "float32"), ("int32", "float32")):
    group("elementwise")[f"{source} to {target} 1000000"] = forward(f"x.to(torch.{target})", (1_000_000,), dtype=source)
for dtype in ("float64", "bfloat16", "float16"):
    group("elementwise")[f"add 1000000 {dtype}"] = forward("x + y", (1_000_000,), (1_000_000,), dtype=dtype)
    group("elementwise")[f"exp 1000000 {dtype}"] = forward("x.exp()", (1_000_000,), dtype=dtype)
group("elementwise").update({
    "add transposed 1000x1000": forward("x + y.t()", (1000, 1000), (1000, 1000)),
    "add broadcast row": forward("x + y", (1000, 1000), (1000,)),
    "add broadcast column": forward("x + y", (1000, 1000), (1000, 1)),
    "copy transposed 1000x1000": forward("x.t().contiguous()", (1000, 1000)),
    "to float64": forward("x.double()", (1_000_000,)),
    "gelu both ways": both_ways("F.gelu(x)", (1_000_000,)),
    "add_ 1000000": forward("x.add_(y)", (1_000_000,), (1_000_000,)), "erf 262144": forward("x.erf()", (262_144,)),
    "fill_ 1000000": forward("x.fill_(1.5)", (1_000_000,)), "add alpha 1000000": forward("x.add(y, alpha=0.3)", (1_000_000,), (1_000_000,)),
    "addcmul 1000000": forward("torch.addcmul(x, y, z)", (1_000_000,), (1_000_000,), (1_000_000,)),
    "lerp 1000000": forward("torch.lerp(x, y, 0.3)", (1_000_000,), (1_000_000,)),
    "complex 262144": forward("torch.complex(x, y)", (262_144,), (262_144,)), "stack pairs 262144": forward("torch.stack([x, y], -1)", (262_144,), (262_144,)),
    "round decimals 262144": forward("x.round(decimals=2)", (262_144,)),
    "column of bytes 1000x1000": forward("x.expand(1000, 1000).contiguous()", (1000, 1), dtype="uint8"),
    "mul column by matrix": forward("x * y", (1000, 1), (1000, 1000)), "lerp 262144 float64": forward("torch.lerp(x, y, 0.3)", (262_144,), (262_144,), dtype="float64"),
    "relu 262144 bfloat16": forward("torch.relu(x)", (262_144,), dtype="bfloat16"), "maximum 262144 bfloat16": forward("torch.maximum(x, y)", (262_144,), (262_144,), dtype="bfloat16"),
    "abs 262144 bfloat16": forward("x.abs()", (262_144,), dtype="bfloat16"), "copysign 262144 bfloat16": forward("torch.copysign(x, y)", (262_144,), (262_144,), dtype="bfloat16"),
    **{f"{name} 262144 {dtype}": forward(f"torch.{name}(x * 30, y * y + 3)", (262_144,), (262_144,), dtype=dtype)
       for name in ("floor_divide", "remainder", "fmod") for dtype in ("int8", "int32", "int64")},
    "angle 262144": forward("x.angle()", (262_144,)), "addcmul 262144 bfloat16": forward("torch.addcmul(x, y, z)", (262_144,), (262_144,), (262_144,), dtype="bfloat16"),
})

group("reduce").update({
    "sum 1000": forward("x.sum()", (1000,)), "sum 1000000": forward("x.sum()", (1_000_000,)),
    "sum rows": forward("x.sum(1)", (1000, 1000)), "sum columns": forward("x.sum(0)", (1000, 1000)),
    "sum middle": forward("x.sum(1)", (100, 100, 100)), "sum float64": forward("x.sum()", (1_000_000,), dtype="float64"),
    "sum bfloat16": forward("x.sum()", (1_000_000,), dtype="bfloat16"),
    "mean both ways": both_ways("x.mean(1)", (1000, 1000)), "var": forward("x.var(1)", (1000, 1000)),
    "amax": forward("x.amax(1)", (1000, 1000)), "argmax": forward("x.argmax(1)", (1000, 1000)),
    "max columns": forward("x.max(0)", (1000, 1000)), "all": forward("(x < 9).all()", (1_000_000,)),
    "norm": forward("torch.linalg.vector_norm(x)", (1_000_000,)), "logsumexp": forward("x.logsumexp(1)", (1000, 1000)),
    "cumsum": forward("x.cumsum(1)", (1000, 1000)), "cumsum down": forward("x.cumsum(0)", (1000, 1000)),
    "prod": forward("x.prod(1)", (1000, 1000)),
    "prod rows of 64": forward("x.prod(1)", (10000, 64)),
    "sum columns int64": forward("x.sum(0)", (1000, 1000), dtype="int64"), "sum int64": forward("x.sum()", (1_000_000,), dtype="int64"),
    "nansum": forward("x.nansum()", (1_000_000,)), "norm 3 rows": forward("x.norm(3, 1)", (1000, 1000)), "aminmax": forward("x.aminmax()", (1_000_000,)),
    "amax columns": forward("x.amax(0)", (1000, 1000)), "dot": forward("x.dot(y)", (100_000,), (100_000,)),
    "histogram": forward("torch.histogram(x, 100)[0]", (100_000,)), "logcumsumexp": forward("x.logcumsumexp(1)", (300, 1000)),
    "sum rows of 10": forward("x.sum(1)", (100_000, 10)), "mean columns": forward("x.mean(0)", (1000, 1000)),
    "argmax columns": forward("x.argmax(0)", (1000, 1000)), "var columns": forward("x.var(0)", (1000, 1000)),
    "amax all": forward("x.max()", (1_000_000,)), "norm columns": forward("torch.linalg.vector_norm(x, 2, 0)", (1000, 1000)),
    "prod columns": forward("x.prod(0)", (1000, 1000)), "prod middle": forward("x.prod(1)", (64, 100, 100)),
    **{f"sum columns {dtype}": forward("x.sum(0)", (1000, 1000), dtype=dtype) for dtype in ("bfloat16", "float16")},
    "nansum rows of 9": forward("x.nansum(1)", (100_000, 9)), "any rows of 9": forward("x.any(1)", (100_000, 9)),
    "count_nonzero columns": forward("x.count_nonzero(0)", (1000, 1000)), "argmax float64": forward("x.argmax(1)", (1000, 1000), dtype="float64"),
    "amax int32": forward("x.amax(1)", (1000, 1000), dtype="int32"), "cumsum int64": forward("x.cumsum(1)", (1000, 1000), dtype="int64"),
    "cumsum down float16": forward("x.cumsum(0)", (1000, 1000), dtype="float16"),
    "amax first of three": forward("x.amax(0)", (64, 100, 100)), "amax of three rows": forward("x.amax(0)", (3, 300, 300)),
    "amax middle int16": forward("x.amax(1)", (32, 8, 8, 64), dtype="int16"), "amax short rows int32": forward("x.amax(1)", (10000, 33), dtype="int32"),
    "argmax short rows int64": forward("x.argmax(1)", (10000, 33), dtype="int64"), "argmax short rows uint8": forward("x.argmax(1)", (10000, 16), dtype="uint8"),
    "max rows of 2": forward("x.max(1)[1]", (10000, 2)), "max rows of 3 int32": forward("x.max(1)[1]", (10000, 3), dtype="int32"),
    "amax channels_last": forward("x.permute(0, 3, 1, 2).amax((1, 3))", (8, 28, 28, 32)), "sum channels_last": forward("x.permute(0, 3, 1, 2).sum((1, 3))", (8, 28, 28, 32)),
    "sum dims 1 and 3": forward("x.sum((1, 3))", (8, 32, 28, 28)), "sum dims 0 and 3": forward("x.sum((0, 3))", (8, 32, 28, 28)),
    "sum dims 0 and 2 int64": forward("x.sum((0, 2))", (100, 100, 16), dtype="int64"), "sum of every other": forward("x[:, ::2].sum(1)", (10000, 200)),
    "sum of nine rows": forward("x.sum(0)", (9, 10000)), "prod of eight rows": forward("x.prod(0)", (8, 32, 28, 28)),
    "cumsum rows of 64 float64": forward("x.cumsum(1)", (10000, 64), dtype="float64"), "cumsum rows of 3 float16": forward("x.cumsum(1)", (10000, 3), dtype="float16"),
})

group("rows").update({
    "softmax": forward("torch.softmax(x, 1)", (1000, 1000)), "softmax both ways": both_ways("torch.softmax(x, 1)", (1000, 1000)),
    "softmax short rows": forward("torch.softmax(x, 1)", (10000, 33)),
    "softmax rows of 65": forward("torch.softmax(x, 1)", (4096, 65)),
    "softmax rows of 10 both ways": both_ways("torch.softmax(x, 1)", (4096, 10)),
    "softmax down": forward("torch.softmax(x, 0)", (1000, 1000)),
    "log_softmax down three rows": forward("torch.log_softmax(x, 0)", (3, 100_000)), "log_softmax of 21 channels": forward("torch.log_softmax(x, 1)", (8, 21, 64, 64)),
    "log_softmax rows of 10 both ways": both_ways("torch.log_softmax(x, 1)", (128, 10)),
    "log_softmax": forward("torch.log_softmax(x, 1)", (1000, 1000)),
    "layer_norm": forward("F.layer_norm(x, (768,))", (512, 768)),
    "layer_norm rows of 64": forward("F.layer_norm(x, (64,), y, z)", (4096, 64), (64,), (64,)),
    "rms_norm both ways": both_ways("F.rms_norm(x, (768,), y)", (512, 768), (768,)),
    "group_norm both ways": both_ways("F.group_norm(x, 8)", (8, 64, 28, 28)),
    "layer_norm both ways": both_ways("F.layer_norm(x, (768,), y, z)", (512, 768), (768,), (768,)),
    "group_norm": forward("F.group_norm(x, 8)", (8, 64, 28, 28)),
    "batch_norm training": both_ways("F.batch_norm(x, None, None, y, z, training=True)", (16, 64, 28, 28), (64,), (64,)),
    "batch_norm of a matrix both ways": both_ways("F.batch_norm(x, None, None, y, z, training=True)", (256, 1024), (1024,), (1024,)),
    "batch_norm of 4x4 both ways": both_ways("F.batch_norm(x, None, None, y, z, training=True)", (64, 512, 4, 4), (512,), (512,)),
    "group_norm of a matrix both ways": both_ways("F.group_norm(x, 8, y, z)", (256, 1024), (1024,), (1024,)),
    "glu both ways": both_ways("F.glu(x)", (512, 1000)),
    "smooth_l1_loss bfloat16 both ways": both_ways("F.smooth_l1_loss(x, y)", (512, 1000), (512, 1000), dtype="bfloat16"),
    "batch_norm inference": forward("F.batch_norm(x, y, z)", (16, 64, 28, 28), (64,), (64,)),
    "normalize": forward("F.normalize(x)", (1000, 1000)),
    "sort": forward("x.sort(1)", (300, 1000)), "topk": forward("x.topk(10)", (300, 1000)),
    "dropout": forward("F.dropout(x, 0.5)", (1000, 1000)),
    "mse_loss both ways": both_ways("F.mse_loss(x, y)", (512, 1000), (512, 1000)), "l1_loss both ways": both_ways("F.l1_loss(x, y)", (512, 1000), (512, 1000)),
    "smooth_l1_loss both ways": both_ways("F.smooth_l1_loss(x, y)", (512, 1000), (512, 1000)),
    "huber_loss both ways": both_ways("F.huber_loss(x, y)", (512, 1000), (512, 1000)),
    "cross entropy of logits both ways": both_ways("F.binary_cross_entropy_with_logits(x, y.sigmoid())", (512, 1000), (512, 1000)),
    "cross entropy of probabilities both ways": both_ways("F.binary_cross_entropy(x.sigmoid(), y.sigmoid())", (512, 1000), (512, 1000)),
})


@case("rows", "cross_entropy both ways")
def cross_entropy(torch):
    (x,) = tensors(torch, (256, 1000), grad=True)
    target = torch.randint(0, 1000, (256,))
    return lambda: torch.autograd.grad(torch.nn.functional.cross_entropy(x, target), x)


# ---- matmul, convolution ------------------------------------------------------------------------

for size in (16, 64, 128, 256, 512, 1024):
    group("matmul")[f"{size}x{size}"] = forward("x @ y", (size, size), (size, size))
group("matmul").update({
    "512x512 float64": forward("x @ y", (512, 512), (512, 512), dtype="float64"),
    "512x512 bfloat16": forward("x @ y", (512, 512), (512, 512), dtype="bfloat16"),
    "512x512 both transposed": forward("x.t() @ y.t()", (512, 512), (512, 512)),
    "512x512 both ways": both_ways("x @ y", (512, 512), (512, 512)),
    "gemv 1024": forward("x @ y", (1024, 1024), (1024,)),
    "row x matrix 1024": forward("x @ y", (1, 1024), (1024, 1024)),
    "bmm 64x64x64x64": forward("torch.bmm(x, y)", (64, 64, 64), (64, 64, 64)),
    "linear 32x768 -> 3072": forward("F.linear(x, y, z)", (32, 768), (3072, 768), (3072,)),
    "linear 32x768 -> 3072 both ways": both_ways("F.linear(x, y, z)", (32, 768), (3072, 768), (3072,)),
    "skinny 4096x16x16": forward("x @ y", (4096, 16), (16, 16)),
    "long k 16x16384x16": forward("x @ y", (16, 16384), (16384, 16)),
    "gemv 3072x768": forward("F.linear(x, y)", (1, 768), (3072, 768)),
    "row x [N, K] weights 1024": forward("F.linear(x, y)", (1, 1024), (1024, 1024)),
    "4 rows x [N, K] weights 1024": forward("F.linear(x, y)", (4, 1024), (1024, 1024)),
    "row x [N, K] weights 1024 bfloat16": forward("F.linear(x, y)", (1, 1024), (1024, 1024), dtype="bfloat16"),
    "linear 32x768 -> 3072 bfloat16": forward("F.linear(x, y, z)", (32, 768), (3072, 768), (3072,), dtype="bfloat16"),
    "16 rows x [N, K] weights 3072x768 bfloat16": forward("F.linear(x, y)", (16, 768), (3072, 768), dtype="bfloat16"),
    "32 rows x [N, K] weights 1024x4096 bfloat16": forward("F.linear(x, y)", (32, 4096), (1024, 4096), dtype="bfloat16"),
    "row x [N, K] weights 2048x512 float16": forward("F.linear(x, y)", (1, 512), (2048, 512), dtype="float16"),
    "row x matrix 512x2048 complex64": forward("x @ y", (1, 512), (512, 2048), dtype="complex64"),
    "row x [N, K] matrix 2048x512 complex64": forward("x @ y.t()", (1, 512), (2048, 512), dtype="complex64"),
    "2 rows x [N, K] matrix 512x512 complex64": forward("x @ y.t()", (2, 512), (512, 512), dtype="complex64"),
    "dot of 100000 int32": forward("torch.dot(x, y)", (100_000,), (100_000,), dtype="int32"),
    "row x [N, K] matrix 2048x512 int32": forward("x @ y.t()", (1, 512), (2048, 512), dtype="int32"),
    "2 rows x matrix 512x512 int32": forward("x @ y", (2, 512), (512, 512), dtype="int32"),
    "256 dots of 256": forward("torch.einsum('ij,ij->i', x, y)", (256, 256), (256, 256)),
    "256 dots of 256 bfloat16": forward("torch.einsum('ij,ij->i', x, y)", (256, 256), (256, 256), dtype="bfloat16"),
    "bmm 64x64x64x64 bfloat16": forward("torch.bmm(x, y)", (64, 64, 64), (64, 64, 64), dtype="bfloat16"),
    "tokens 1024x128 -> 384": forward("F.linear(x, y, z)", (1024, 128), (384, 128), (384,)),
    "tokens 1024x128 -> 384 both ways": both_ways("F.linear(x, y, z)", (1024, 128), (384, 128), (384,)),
    "tokens 1024x512 -> 128": forward("F.linear(x, y, z)", (1024, 512), (128, 512), (128,)),
    "step 32x128 -> 512": forward("F.linear(x, y, z)", (32, 128), (512, 128), (512,)),
    "narrow 1024x65x128": forward("x @ y.t()", (1024, 128), (65, 128)),
    "narrow 4096x24x64": forward("x @ y", (4096, 64), (64, 24)),
    "long k 128x128x8192": forward("x.t() @ y", (8192, 128), (8192, 128)),
    "bmm scores 64x4x64x32": forward("x @ y.mT", (64, 4, 64, 32), (64, 4, 64, 32)),
    "bmm values 64x4x64x64x32": forward("x @ y", (64, 4, 64, 64), (64, 4, 64, 32)),
})
ATTEND = "F.scaled_dot_product_attention(x, y, z{})"
for name, more, query, key in (
        ("4x8x128x64", "", (4, 8, 128, 64), (4, 8, 128, 64)), ("4x8x128x64 causal", ", is_causal=True", (4, 8, 128, 64), (4, 8, 128, 64)),
        ("16x4x64x32 causal", ", is_causal=True", (16, 4, 64, 32), (16, 4, 64, 32)),
        ("1x4x1024x64 causal", ", is_causal=True", (1, 4, 1024, 64), (1, 4, 1024, 64)), ("1x4x1024x64", "", (1, 4, 1024, 64), (1, 4, 1024, 64)),
        ("2x8x256x64 grouped", ", enable_gqa=True", (2, 8, 256, 64), (2, 2, 256, 64)), ("one query 8x512x64", "", (1, 8, 1, 64), (1, 8, 512, 64))):
    group("attention")[name] = forward(ATTEND.format(more), query, key, key)
    group("attention")[f"{name} both ways"] = both_ways(ATTEND.format(more), query, key, key)
group("conv").update({
    "LeNet 1->6 5x5": forward("F.conv2d(x, y, padding=2)", (64, 1, 28, 28), (6, 1, 5, 5)),
    "LeNet 6->16 5x5": forward("F.conv2d(x, y)", (64, 6, 14, 14), (16, 6, 5, 5)),
    "ResNet 64 3x3 56": forward("F.conv2d(x, y, padding=1)", (2, 64, 56, 56), (64, 64, 3, 3)),
    "ResNet 256 3x3 14": forward("F.conv2d(x, y, padding=1)", (4, 256, 14, 14), (256, 256, 3, 3)),
    "ResNet 512 3x3 7": forward("F.conv2d(x, y, padding=1)", (4, 512, 7, 7), (512, 512, 3, 3)),
    "stem 7x7 stride 2": forward("F.conv2d(x, y, stride=2, padding=3)", (2, 3, 224, 224), (64, 3, 7, 7)),
    "64 3x3 32 bfloat16": forward("F.conv2d(x, y, padding=1)", (8, 64, 32, 32), (64, 64, 3, 3), dtype="bfloat16"),
    "64 3x3 32 bfloat16 both ways": both_ways("F.conv2d(x, y, padding=1)", (8, 64, 32, 32), (64, 64, 3, 3), dtype="bfloat16"),
    "256 3x3 14 bfloat16": forward("F.conv2d(x, y, padding=1)", (4, 256, 14, 14), (256, 256, 3, 3), dtype="bfloat16"),
    "1x1 256->64": forward("F.conv2d(x, y)", (4, 256, 28, 28), (64, 256, 1, 1)),
    "depthwise 3x3": forward("F.conv2d(x, y, padding=1, groups=64)", (4, 64, 56, 56), (64, 1, 3, 3)),
    "32 3x3 bfloat16": forward("F.conv2d(x, y, padding=1)", (8, 32, 32, 32), (32, 32, 3, 3), dtype="bfloat16"),
    "one image 16 3x3": forward("F.conv2d(x, y, padding=1)", (1, 16, 8, 8), (16, 16, 3, 3)),
    "LeNet 6->16 5x5 both ways": both_ways("F.conv2d(x, y, z)", (64, 6, 14, 14), (16, 6, 5, 5), (16,)),
    "ResNet 256 3x3 14 both ways": both_ways("F.conv2d(x, y, padding=1)", (4, 256, 14, 14), (256, 256, 3, 3)),
    "stride 2 64->128 both ways": both_ways("F.conv2d(x, y, stride=2, padding=1)", (8, 64, 32, 32), (128, 64, 3, 3)),
    "1x1 256->64 both ways": both_ways("F.conv2d(x, y)", (4, 256, 28, 28), (64, 256, 1, 1)),
    "depthwise 3x3 both ways": both_ways("F.conv2d(x, y, padding=1, groups=64)", (4, 64, 56, 56), (64, 1, 3, 3)),
    "conv1d 64->64 k5 both ways": both_ways("F.conv1d(x, y, padding=2)", (8, 64, 256), (64, 64, 5)),
    "64 3x3 28 both ways": both_ways("F.conv2d(x, y, padding=1)", (8, 64, 28, 28), (64, 64, 3, 3)),
    "conv1d 64->64 k5": forward("F.conv1d(x, y, padding=2)", (8, 64, 256), (64, 64, 5)),
    "conv_transpose2d": forward("F.conv_transpose2d(x, y, stride=2)", (8, 32, 14, 14), (32, 16, 3, 3)),
    "max_pool2d": forward("F.max_pool2d(x, 2)", (16, 64, 56, 56)),
    "max_pool2d both ways": both_ways("F.max_pool2d(x, 2)", (16, 64, 56, 56)),
    "avg_pool2d": forward("F.avg_pool2d(x, 2)", (16, 64, 56, 56)),
    "adaptive_avg_pool2d": forward("F.adaptive_avg_pool2d(x, 1)", (16, 512, 7, 7)),
    "interpolate bilinear": forward("F.interpolate(x, scale_factor=2., mode='bilinear')", (4, 16, 56, 56)),
})
for mode in ("constant", "reflect", "replicate", "circular"):
    group("image")[f"pad {mode}"] = forward(f"F.pad(x, (1, 1, 1, 1), mode='{mode}')", (4, 16, 64, 64))
group("image").update({
    "unfold 3x3": forward("F.unfold(x, 3)", (4, 16, 64, 64)), "fold 3x3": forward("F.fold(x, (64, 64), 3)", (4, 144, 3844)),
    "unfold both ways": both_ways("F.unfold(x, 3)", (4, 16, 64, 64)), "pad reflect both ways": both_ways("F.pad(x, (1, 1, 1, 1), mode='reflect')", (4, 16, 64, 64)),
    "grid_sample": forward("F.grid_sample(x, y.tanh(), align_corners=False)", (4, 16, 64, 64), (4, 64, 64, 2)), "interpolate area": forward("F.interpolate(x, size=(30, 30), mode='area')", (4, 16, 64, 64)),
    "interpolate nearest": forward("F.interpolate(x, scale_factor=2.)", (4, 16, 64, 64)), "adaptive_avg_pool2d 7": forward("F.adaptive_avg_pool2d(x, 7)", (4, 16, 64, 64)),
    "max_pool1d": forward("F.max_pool1d(x, 2)", (16, 64, 256)), "avg_pool2d 3x3": forward("F.avg_pool2d(x, 3, 2, 1)", (1, 16, 8, 8)),
    "pixel_shuffle": forward("F.pixel_shuffle(x, 2)", (4, 16, 64, 64)), "max_unpool2d": forward("F.max_unpool2d(*F.max_pool2d(x, 2, return_indices=True), 2)", (4, 16, 64, 64)),
    "cdist": forward("torch.cdist(x, y)", (200, 3), (200, 3)), "cdist 1000x64": forward("torch.cdist(x, y)", (1000, 64), (1000, 64)),
    "cdist both ways": both_ways("torch.cdist(x, y)", (256, 1024), (256, 1024)), "kron short rows": forward("torch.kron(x, y)", (30, 30), (30, 30)),
    "adaptive_avg_pool2d 7 both ways": both_ways("F.adaptive_avg_pool2d(x, 7)", (8, 32, 32, 32)), "pdist": forward("F.pdist(x)", (200, 3)), "kron": forward("torch.kron(x, y)", (64, 64), (8, 8)),
    "combinations": forward("torch.combinations(x)", (200,)), "cross": forward("torch.cross(x, y, dim=1)", (200, 3), (200, 3)),
})

LAST = "torch.channels_last"
for name, expression, shape in (
        ("pad reflect", "F.pad(x, (1, 1, 1, 1), mode='reflect')", (4, 16, 64, 64)), ("pad replicate 224", "F.pad(x, (3, 3, 3, 3), mode='replicate')", (4, 3, 224, 224)),
        ("interpolate linear", "F.interpolate(x, scale_factor=2., mode='linear')", (8, 32, 1024)), ("interpolate bicubic", "F.interpolate(x, scale_factor=2., mode='bicubic')", (8, 32, 32, 32)),
        ("interpolate nearest 1.6", "F.interpolate(x, scale_factor=1.6)", (8, 32, 1024)), ("max_pool3d", "F.max_pool3d(x, 2)", (2, 8, 16, 16, 16))):
    for dtype in ("float32", "bfloat16"):
        group("image")[f"{name} {dtype} both ways"] = both_ways(expression, shape, dtype=dtype)
for name, expression in (("pad reflect", "F.pad(x, (1, 1, 1, 1), mode='reflect')"), ("interpolate bilinear", "F.interpolate(x, scale_factor=2., mode='bilinear')"),
                         ("max_pool2d 3x3", "F.max_pool2d(x, 3, 2, 1)"), ("avg_pool2d", "F.avg_pool2d(x, 2)"), ("adaptive_avg_pool2d 7", "F.adaptive_avg_pool2d(x, 7)")):
    for dtype in ("float32", "bfloat16"):
        group("image")[f"{name} channels_last {dtype} both ways"] = both_ways(expression.replace("(x,", f"(x.contiguous(memory_format={LAST}),"), (8, 32, 32, 32), dtype=dtype)

for name, expression, shape in (("group_norm 3x3", "F.group_norm(x, 8)", (16, 128, 3, 3)), ("group_norm 7x7", "F.group_norm(x, 8)", (16, 128, 7, 7)), ("instance_norm 7x7", "F.instance_norm(x)", (16, 128, 7, 7)),
                                ("batch_norm channels_last", f"F.batch_norm(x.contiguous(memory_format={LAST}), None, None, training=True)", (16, 128, 14, 14))):
    for dtype in ("float32", "bfloat16"):
        group("rows")[f"{name} {dtype} both ways"] = both_ways(expression, shape, dtype=dtype)

for mode in ("bilinear", "nearest", "bicubic"):
    group("image")[f"grid_sample {mode} both ways"] = both_ways(f"F.grid_sample(x, y.tanh(), '{mode}', align_corners=False)", (8, 32, 32, 32), (8, 16, 16, 2))
group("image")["grid_sample at one place both ways"] = both_ways("F.grid_sample(x, y * 0, align_corners=False)", (8, 32, 32, 32), (8, 16, 16, 2))

group("image").update({
    "cdist inf both ways": both_ways("torch.cdist(x, y, p=float('inf'))", (200, 64), (200, 64)), "cdist 1000x64 both ways": both_ways("torch.cdist(x, y)", (1000, 64), (1000, 64)),
    "pdist both ways": both_ways("F.pdist(x)", (300, 64)),
})


# ---- indexing, random ---------------------------------------------------------------------------


def indexed(expression, rows=5000, high=1000, width=128, ways=False):
    """The expression over x of (high, width) and i, random row numbers."""
    def maker(torch):
        (x,) = tensors(torch, (high, width), grad=ways)
        names = {"torch": torch, "F": torch.nn.functional, "x": x, "i": torch.randint(0, high, (rows,)),
                 "j": torch.randint(0, width, (rows,)), "wide": torch.randint(0, high, (rows, width)),
                 "s": torch.randn(rows, width), "across": torch.randint(0, width, (high, width)), "rows": torch.randperm(high),
                 "flat": torch.randint(0, high * width, (rows * width,)), "bags": torch.randint(0, high, (500, 10))}
        function = eval(compile(f"lambda: {expression}", expression, "eval"), names)
        if not ways:
            return function
        g = torch.ones_like(function().detach())
        return lambda: torch.autograd.grad(function(), x, g)
    return maker


group("index").update({
    "embedding": indexed("F.embedding(i, x)"), "embedding both ways": indexed("F.embedding(i, x)", ways=True),
    "index_select": indexed("x.index_select(0, i)"), "x[i]": indexed("x[i]"), "x[i, j]": indexed("x[i, j]"),
    "x[i] both ways": indexed("x[i]", ways=True),
    "gather": indexed("x.gather(0, wide)"), "scatter_add": indexed("x.scatter_add(0, wide, s)"),
    "index_add": indexed("x.index_add(0, i, s)"), "masked_fill": indexed("x.masked_fill(x > 0, 0.)"),
    "mask": indexed("x[x > 0]"), "nonzero": indexed("(x > 0).nonzero()"),
    "slice copy": indexed("x[::2, 1:].contiguous()"), "cat": indexed("torch.cat([x, x])"),
    "stack": indexed("torch.stack([x, x])"), "one_hot": indexed("F.one_hot(i, 1000)"), "flip": indexed("x.flip(0)"),
    "repeat": indexed("x.repeat(2, 2)"), "tril": indexed("x.tril()"), "x[i] = s": indexed("x.__setitem__(i, s)"),
    "gather columns": indexed("x.gather(1, across)"), "gather both ways": indexed("x.gather(1, across)", ways=True),
    "scatter columns": indexed("x.scatter(1, across, s[:1000])"), "scatter value": indexed("x.scatter(1, across, 1.0)"),
    "scatter_add columns": indexed("x.scatter_add(1, across, s[:1000])"),
    "scatter_reduce amax": indexed("x.scatter_reduce(1, across, s[:1000], 'amax')"),
    "index_add 1-d": indexed("x.view(-1).index_add(0, flat, s.view(-1))"),
    "index_copy": indexed("x.index_copy(0, rows, s[:1000])"), "index_fill": indexed("x.index_fill(0, i, 1.0)"),
    "take": indexed("x.take(wide)"), "put_ accumulate": indexed("x.clone().put_(wide, s, accumulate=True)"),
    "x[i, j] accumulate": indexed("x.clone().index_put_((i, j), s[:, 0], accumulate=True)"),
    "masked_select half": indexed("x.masked_select(x > 0)"), "masked_scatter": indexed("x.masked_scatter(x > 0, s)"),
    "nonzero 1-d": indexed("(x > 0).view(-1).nonzero()"), "nonzero sparse": indexed("(x > 2.5).nonzero()"),
    "where indices": indexed("torch.where(x > 0)"),
    "embedding_bag": indexed("F.embedding_bag(bags, x)"), "embedding_bag both ways": indexed("F.embedding_bag(bags, x)", ways=True),
    "embedding tiny": indexed("F.embedding(i[:8], x)"), "index_select tiny": indexed("x.index_select(0, i[:4])"),
    "gather tiny": indexed("x.gather(1, across[:, :1])"), "x[i] tiny": indexed("x[i[:4]]"),
    **{f"transpose copy 256x1024 {dtype}": forward("x.t().contiguous()", (256, 1024), dtype=dtype) for dtype in ("float32", "float64", "bfloat16", "uint8")},
    **{f"channels first {dtype} 224x224x{channels}": forward("x.permute(2, 0, 1).contiguous()", (224, 224, channels), dtype=dtype)
       for dtype, channels in (("uint8", 3), ("float32", 4), ("bfloat16", 16))},
    "roll": indexed("x.roll(3, 1)"), "triu_indices": indexed("torch.triu_indices(500, 500)"),
    "arange": indexed("torch.arange(0, 100000, 1.0)"), "linspace": indexed("torch.linspace(0, 1, 100000)"),
    "repeat_interleave": indexed("x.repeat_interleave(2, 0)"), "unfold copy": indexed("x.unfold(1, 8, 4).contiguous()"),
    "cat columns": indexed("torch.cat([x, x], 1)"), "cat many": indexed("torch.cat(list(x.split(10)))"),
    "embedding bfloat16 both ways": both_ways("F.embedding(torch.arange(1000).repeat(5), x)", (1000, 128), dtype="bfloat16"),
    "index_add bfloat16": forward("x.index_add(0, torch.arange(1000), y)", (1000, 1000), (1000, 1000), dtype="bfloat16"),
    "split": indexed("x.split(100)"), "chunk and stack": indexed("torch.stack(x.chunk(4, 1))"),
})


def sorted_by(expression):
    """The expression over normal numbers x (1000000), whole numbers i, and rows of both."""
    def maker(torch):
        (x,) = tensors(torch, (1_000_000,))
        names = {"torch": torch, "x": x, "i": torch.randint(0, 1_000_000, (1_000_000,)), "small": torch.randint(0, 100, (1_000_000,)),
                 "rows": x.view(1000, 1000), "many": x.view(20_000, 50), "edges": x[:1000].sort()[0], "line": x[:1000]}
        return eval(compile(f"lambda: {expression}", expression, "eval"), names)
    return maker


for name, expression in {
        "sort 1000": "line.sort()", "sort 1000000": "x.sort()", "sort rows": "rows.sort(1)", "sort short rows": "many.sort(1)",
        "sort columns": "rows.sort(0)", "sort descending": "rows.sort(1, descending=True)", "sort int64": "i.sort()",
        "sort small int64": "small.sort()", "argsort int32": "i.int().argsort()", "sort sorted": "edges.sort()",
        "argsort rows": "rows.argsort(1)", "sort float64": "x[:100000].double().sort()", "sort bfloat16": "x.bfloat16().sort()",
        "topk 10 rows": "rows.topk(10)", "topk 100 of 1000000": "x.topk(100)", "topk 5 short rows": "many.topk(5)",
        "topk half": "rows.topk(500)", "kthvalue": "rows.kthvalue(500)", "median": "rows.median(1)", "median all": "x.median()",
        "mode": "small.view(1000, 1000).mode(1)", "unique": "i.unique()", "unique few": "small.unique()",
        "unique inverse": "small.unique(return_inverse=True, return_counts=True)", "unique float": "x.unique()",
        "unique_consecutive": "small.unique_consecutive()", "unique rows": "small.view(-1, 4)[:20000].unique(dim=0)",
        "searchsorted": "torch.searchsorted(edges, x)", "bucketize": "torch.bucketize(x, edges[::100].contiguous())",
        "histc": "x.histc(100, -4, 4)", "bincount": "small.bincount()", "bincount weights": "small.bincount(x)",
        "median int64": "i.median()", "median float64": "x.double().median()", "unique bool": "(x > 0).unique()", "sort bytes": "small.to(torch.uint8).sort()",
        "isin": "torch.isin(i, small[:100])", "quantile": "line.quantile(0.3)"}.items():
    group("sort")[name] = sorted_by(expression)
for name, expression in {
        "rand 1000": "torch.rand(1000)", "rand 1000000": "torch.rand(1_000_000)", "randn 1000000": "torch.randn(1_000_000)",
        "randint 1000000": "torch.randint(0, 100, (1_000_000,))", "randperm 100000": "torch.randperm(100_000)",
        "bernoulli_ 1000000": "x.bernoulli_(0.5)", "uniform_ 1000000": "x.uniform_()", "normal_ 1000000": "x.normal_()",
        "multinomial": "torch.multinomial(x[:1000].abs(), 100, True)",
        "multinomial rows": "torch.multinomial(x[:100_000].view(100, 1000).abs(), 50, True)",
        "multinomial without": "torch.multinomial(x[:1000].abs(), 100, False)", "randn 1000": "torch.randn(1000)",
        "randn 10": "torch.randn(10)", "rand float64": "torch.rand(1_000_000, dtype=torch.float64)",
        "randn bfloat16": "torch.randn(1_000_000, dtype=torch.bfloat16)", "randint small": "torch.randint(0, 2, (1000,))",
        "randperm 1000": "torch.randperm(1000)", "exponential_ 1000000": "x.exponential_()", "random_ 1000000": "x.random_()",
        "bernoulli 1000000": "torch.bernoulli(x.abs().clamp(max=1))", "dropout 1000000": "F.dropout(x, 0.3)",
        "log_normal_ 1000000": "x.log_normal_()", "cauchy_ 1000000": "x.cauchy_()", "geometric_ 1000000": "x.geometric_(0.3)",
        "normal tensors": "torch.normal(x, 1.0)", "rand_like": "torch.rand_like(x)"}.items():
    group("random")[name] = forward(expression, (1_000_000,))


# ---- optimizers ---------------------------------------------------------------------------------


def stepping(name, *shapes, **options):
    """One optimizer step of parameters of the given shapes, gradients held."""
    def maker(torch):
        parameters = tensors(torch, *shapes, grad=True)
        for parameter in parameters:
            parameter.grad = torch.randn(parameter.shape)
        return getattr(torch.optim, name)(parameters, **options).step
    return maker


SIX = ((16, 8), (16,), (16, 16), (16,), (4, 16), (4,))
for name, options in (("SGD", {"lr": 1e-3}), ("SGD", {"lr": 1e-3, "momentum": 0.9}), ("Adam", {}), ("AdamW", {}),
                      ("Adam", {"amsgrad": True}), ("RMSprop", {}), ("Adagrad", {}), ("Adadelta", {}), ("Adamax", {}), ("NAdam", {}),
                      ("RAdam", {}), ("ASGD", {}), ("Rprop", {})):
    label = " ".join([name, *(option for option in options if option != "lr")])
    group("optim")[f"{label}, 6 small"] = stepping(name, *SIX, **options)
    group("optim")[f"{label}, 1000000"] = stepping(name, (1000, 1000), **options)


@case("optim", "zero_grad, 6 small")
def zero_grad(torch):
    parameters = tensors(torch, *SIX, grad=True)
    gradients = [torch.zeros(shape) for shape in SIX]
    optimizer = torch.optim.SGD(parameters, lr=0.1)

    def call():
        for parameter, gradient in zip(parameters, gradients):
            parameter.grad = gradient
        optimizer.zero_grad()
    return call


def clipping(*shapes):
    def maker(torch):
        parameters = tensors(torch, *shapes, grad=True)
        for parameter in parameters:
            parameter.grad = torch.randn(parameter.shape)
        return lambda: torch.nn.utils.clip_grad_norm_(parameters, 1.0)
    return maker


group("optim").update({"clip_grad_norm_, 6 small": clipping(*SIX), "clip_grad_norm_, 1000000": clipping((1000, 1000))})
