"""Casts between all dtypes, random numbers, and tensors made from nothing."""
from bench.sweep.case import COMPLEX, FLOATS, Input, case

DTYPES = (*FLOATS, "int64", "int32", "int16", "int8", "uint8", "bool", *COMPLEX)
SIZES = (100, 10_000, 1_000_000)
FILLS = {            # in place, over y of a dtype
    "uniform_": "y.uniform_()", "uniform_ 2 5": "y.uniform_(2, 5)", "normal_": "y.normal_()", "normal_ 1 2": "y.normal_(1, 2)", "exponential_": "y.exponential_()", "log_normal_": "y.log_normal_()",
    "cauchy_": "y.cauchy_()", "geometric_": "y.geometric_(0.3)", "random_": "y.random_()", "random_ 100": "y.random_(100)", "random_ -5 7": "y.random_(-5, 7)", "bernoulli_": "y.bernoulli_(0.3)",
    "rand_like": "torch.rand_like(y)", "randn_like": "torch.randn_like(y)", "randint_like": "torch.randint_like(y, 10)", "bernoulli": "torch.bernoulli(p)", "dropout": "F.dropout(p, 0.3)",
    "alpha_dropout": "F.alpha_dropout(p, 0.3, True)", "normal tensors": "torch.normal(p, 1.0)", "poisson": "torch.poisson(p)", "multinomial": "torch.multinomial(p[:1000], 20)",
    "multinomial replaced": "torch.multinomial(p[:1000], 20, True)", "multinomial rows": "torch.multinomial(p.view(-1, 100)[:1000], 5)", "multinomial rows replaced": "torch.multinomial(p.view(-1, 100)[:1000], 5, True)",
    "gumbel_softmax": "F.gumbel_softmax(p.view(-1, 100)[:1000])",
}
SEEDLESS = {
    "rand": "torch.rand(n, dtype=kind)", "randn": "torch.randn(n, dtype=kind)", "randint": "torch.randint(0, 100, (n,), dtype=kind)", "randint 2": "torch.randint(0, 2, (n,), dtype=kind)",
    "randperm": "torch.randperm(n, dtype=kind)",
}
CREATED = {
    "empty": "torch.empty(n, dtype=kind)", "zeros": "torch.zeros(n, dtype=kind)", "ones": "torch.ones(n, dtype=kind)", "full": "torch.full((n,), 3, dtype=kind)", "arange": "torch.arange(n, dtype=kind)",
    "arange from": "torch.arange(3, 3 + n, dtype=kind)", "linspace": "torch.linspace(0, 1, n, dtype=kind)", "logspace": "torch.logspace(0, 1, n, dtype=kind)", "eye": "torch.eye(int(n ** 0.5), dtype=kind)",
    "zeros_like": "torch.zeros_like(y)", "full_like": "torch.full_like(y, 2)", "ones square": "torch.ones(int(n ** 0.5), int(n ** 0.5), dtype=kind)", "zero_": "y.zero_()", "fill_": "y.fill_(1)",
    "zero_ strided": "y[::2].zero_()", "tensor of list": "torch.tensor(numbers, dtype=kind)", "tensor of lists": "torch.tensor([numbers[:20]] * 20, dtype=kind)", "hann_window": "torch.hann_window(n, dtype=kind)",
    "tril_indices": "torch.tril_indices(int(n ** 0.5), int(n ** 0.5))", "scalar": "torch.tensor(2.5, dtype=kind)", "tolist": "y[:1000].tolist()", "item": "y[0].item()",
}


def casts():
    for source in DTYPES:
        for target in DTYPES:
            if source == target:
                continue
            for n in SIZES:
                yield case(f"{source} to", f"x.to(torch.{target})", target, (n,), x=Input((n,), source))
            for layout in ("strided", "transposed"):
                yield case(f"{source} to", f"x.to(torch.{target})", target, (100, 100), layout, x=Input((100, 100), source, layout))
            yield case(f"{source} into", "y.copy_(x)", target, (10_000,), x=Input((10_000,), source), y=f"torch.empty(10_000, dtype=torch.{target})")


def random():
    for dtype in (*FLOATS, "int64", "int32", "uint8", "bool"):
        for n in SIZES:
            for label, expression in FILLS.items():
                shares = {"p": Input((n,), dtype, "contiguous", "positive"), "y": f"torch.zeros({n}, dtype=torch.{dtype})"}
                if "bernoulli" in label:
                    shares["p"] = f"torch.rand({n}).to(torch.{dtype})"
                yield case(label, expression, dtype, (n,), **shares)
            for label, expression in SEEDLESS.items():
                yield case(label, expression, dtype, (n,), n=str(n), kind=f"torch.{dtype}")


def create():
    for dtype in (*FLOATS, "int64", "int32", "uint8", "bool", "complex64"):
        for n in SIZES:
            for label, expression in CREATED.items():
                yield case(label, expression, dtype, (n,), n=str(n), kind=f"torch.{dtype}", y="torch.zeros(n, dtype=kind)", numbers="[k % 50 for k in range(min(n, 1000))]")
