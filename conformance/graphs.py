"""Random programs over tensors: forward ops of many kinds, in-place writes, views, draws, and backward walks."""

import random

import frankentorch as ft

UNARY = ("tanh", "sin", "exp", "sigmoid", "relu", "neg", "abs", "square", "erf", "t", "contiguous", "clone")
BINARY = ("add", "mul", "sub", "matmul", "maximum", "minimum", "fmod", "atan2")


def random_program(seed):
    """Make leaves, compute a graph of 4 to 20 ops on 5 x 5 tensors, and walk back once or twice."""
    rng = random.Random(seed)
    ft.manual_seed(seed)
    leaves = [ft.randn(5, 5, dtype=rng.choice((ft.float32, ft.float64)), requires_grad=rng.random() < 0.8) for _ in range(rng.randint(1, 4))]
    leaves[0].requires_grad_()

    def run():
        made = list(leaves)
        for _ in range(rng.randint(4, 20)):
            made.append(one_op(rng, made))
        loss = sum(tensor.double().tanh().sum() for tensor in rng.sample(made, min(3, len(made)))) + leaves[0].sum()
        walks = rng.randint(1, 2)
        for walk in range(walks):
            if rng.random() < 0.3:
                ft.autograd.grad(loss, [leaf for leaf in leaves if leaf.requires_grad], retain_graph=True, allow_unused=True, create_graph=rng.random() < 0.3)
            loss.backward(retain_graph=walk + 1 < walks)
    return run


def one_op(rng, made):
    x, y = rng.choice(made), rng.choice(made)
    kind = rng.randrange(10)
    if kind < 4:
        return getattr(ft.clamp(x, -3, 3), rng.choice(UNARY))()
    if kind < 7:
        return getattr(ft, rng.choice(BINARY))(x, y.to(x.dtype))
    if kind == 7:
        out = x * 1.5
        out[rng.randrange(5)] = 0.25
        return out.add_(1)
    if kind == 8:
        return ft.nn.functional.dropout(x, 0.3) + ft.rand(5, 5, dtype=x.dtype)
    return ft.cat([x[:2], x[2:].flip(0)]) + ft.softmax(x, rng.randrange(2)).cumsum(1) + x.sum(0, keepdim=True)
