"""autograd.Function inside vmap: its own rule, the rule made of forward and backward, and what is refused."""
import pytest


def cube(ft, **extra):
    class Cube(ft.autograd.Function):
        @staticmethod
        def forward(x):
            return x ** 3

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(inputs[0])

        @staticmethod
        def backward(ctx, g):
            x, = ctx.saved_tensors
            return 3 * x * x * g
    for name, value in extra.items():
        setattr(Cube, name, value)
    return Cube


@pytest.fixture
def x(ft):
    return ft.tensor([[1., 2.], [3., 4.]])


def test_generated_rule(ft, x):
    apply = cube(ft, generate_vmap_rule=True).apply

    assert ft.vmap(apply)(x).tolist() == [[1.0, 8.0], [27.0, 64.0]]
    assert ft.vmap(ft.func.grad(lambda row: apply(row).sum()))(x).tolist() == [[3.0, 12.0], [27.0, 48.0]]
    assert ft.func.grad(lambda whole: ft.vmap(apply)(whole).sum())(x).tolist() == [[3.0, 12.0], [27.0, 48.0]]


def test_generated_rule_twice_differentiated(ft, x):
    apply = cube(ft, generate_vmap_rule=True).apply
    second = ft.func.grad(lambda whole: ft.vmap(ft.func.grad(lambda row: apply(row).sum()))(whole).sum())(x)

    assert second.tolist() == [[6.0, 12.0], [18.0, 24.0]]


def test_generated_rule_sums_what_all_examples_share(ft, x):
    class Scale(ft.autograd.Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(x, w):
            return x * w

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx, g):
            x, w = ctx.saved_tensors
            return g * w, (g * x).sum()
    w = ft.tensor(2., requires_grad=True)
    ft.vmap(Scale.apply, in_dims=(0, None))(x, w).sum().backward()

    assert w.grad.item() == 10.0


def test_own_rule(ft, x):
    seen = []
    apply = None

    def rule(info, in_dims, value):
        seen.append((info.batch_size, info.randomness, in_dims, tuple(value.shape)))
        return apply(value.t()), 1
    apply = cube(ft, vmap=staticmethod(rule)).apply

    assert ft.vmap(apply)(x).tolist() == [[1.0, 8.0], [27.0, 64.0]]
    assert seen == [(2, "error", (0,), (2, 2))]
    assert ft.vmap(ft.func.grad(lambda row: apply(row).sum()))(x).tolist() == [[3.0, 12.0], [27.0, 48.0]]
    assert ft.func.grad(lambda whole: ft.vmap(apply)(whole).sum())(x).tolist() == [[3.0, 12.0], [27.0, 48.0]]


def test_no_rule(ft, x):
    with pytest.raises(RuntimeError, match="does not have vmap support"):
        ft.vmap(cube(ft).apply)(x)


def test_two_rules(ft, x):
    with pytest.raises(RuntimeError, match="generate_vmap_rule=True and"):
        ft.vmap(cube(ft, generate_vmap_rule=True, vmap=staticmethod(lambda info, in_dims, value: (value, 0))).apply)(x)


def test_context_in_forward_is_refused(ft, x):
    class Old(ft.autograd.Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * 2
    with pytest.raises(RuntimeError, match="setup_context"):
        ft.vmap(Old.apply)(x)
