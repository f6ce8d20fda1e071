"""The group `functions`: every public elementwise function of one or two tensors that the op table has, so that none is slow unseen.

Cases are made from the table: a new row is a new case. 65536 numbers each from where the function has values, in float32 and float64, and both
ways (forward, and the gradient of the sum) where it has a gradient.
"""
from bench.cases import group
from frankentorch import optable
from frankentorch.optable.schema import REQUIRED

COUNT = 65536
UNIT = frozenset("asin acos atanh erfinv".split())                                                         # between -1 and 1
POSITIVE = frozenset("log log2 log10 log1p sqrt rsqrt pow float_power lgamma digamma xlogy logit polygamma entr ndtri xlog1py igamma igammac".split())     # between 0 and 1
ABOVE_ONE = frozenset("acosh zeta".split())
SIDES = {"float32": ("float32", False), "float64": ("float64", False), "both ways": ("float32", True)}


def rows():
    """Rows with a loop over one or two tensors of floats and nothing else that has to be given."""
    for row in optable.rows():
        public = row.loop is not None and not row.overload and not row.name.startswith("_") and "internal" not in row.forms
        if public and len(row.operand_args) <= 2 and any("f32" in codes for codes in row.loop):
            if all(arg in row.operand_args or arg.default is not REQUIRED for arg in row.args):
                yield row


def numbers(torch, name, dtype, seed):
    torch.manual_seed(seed)
    x = torch.rand(COUNT, dtype=getattr(torch, dtype)) * 0.9 + 0.05
    if name in POSITIVE:
        return x
    if name in ABOVE_ONE:
        return x * 3 + 1
    return (x * 2 - 1) * (1 if name in UNIT else 3)


def maker(row_name, operands, dtype, ways):
    name = row_name.removeprefix("special_")

    def made(torch):
        owners = (torch.special,) if row_name.startswith("special_") else (torch, torch.nn.functional, torch.Tensor)
        function = next(getattr(owner, name) for owner in owners if hasattr(owner, name))
        inputs = [numbers(torch, name, dtype, seed) for seed in range(operands)]
        if not ways:
            return lambda: function(*inputs)
        inputs = [x.requires_grad_() for x in inputs]
        g = torch.ones(COUNT, dtype=inputs[0].dtype)
        grad = torch.autograd.grad
        return lambda: grad(function(*inputs), inputs, g)
    return made


for row in rows():
    for side, (dtype, ways) in SIDES.items():
        if row.differentiable or not ways:
            group("functions")[f"{row.name} {side}"] = maker(row.name, len(row.operand_args), dtype, ways)
