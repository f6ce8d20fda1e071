"""grad, vjp, jacrev and hessian against derivatives worked out by hand, and composed with vmap."""
import pytest


def test_gradient_of_a_function(ft):
    assert ft.func.grad(lambda x: (x ** 3).sum())(ft.tensor([1., 2.])).tolist() == [3.0, 12.0]


def test_gradient_of_a_gradient(ft):
    second = ft.func.grad(lambda x: ft.func.grad(lambda y: y ** 4)(x) * x)(ft.tensor(2.))

    assert second.item() == 16 * 2 ** 3          # d(4 x^3 x) = 16 x^3


def test_closures_are_constants(ft):
    inner = ft.func.grad(lambda x: x * ft.func.grad(lambda y: x + y)(ft.tensor(1.)))(ft.tensor(3.))

    assert inner.item() == 1.0


def test_argnums_nested_arguments_and_aux(ft):
    def f(a, b):
        return (a["w"] * b).sum(), {"seen": b + 1}
    (first, second), aux = ft.func.grad(f, argnums=(0, 1), has_aux=True)({"w": ft.tensor([2., 3.])}, ft.tensor([5., 7.]))

    assert first["w"].tolist() == [5.0, 7.0] and second.tolist() == [2.0, 3.0]
    assert aux["seen"].tolist() == [6.0, 8.0] and not aux["seen"].requires_grad


def test_value_comes_with_the_gradient(ft):
    g, value = ft.func.grad_and_value(lambda x: (x * x).sum())(ft.tensor([3.]))

    assert (g.tolist(), value.item()) == ([6.0], 9.0)


def test_results_have_no_history_unless_someone_outside_records(ft):
    x = ft.tensor([1., 2.])
    assert not ft.func.grad(lambda v: (v * v).sum())(x).requires_grad

    x.requires_grad_()
    g = ft.func.grad(lambda v: (v ** 3).sum())(x)
    g.sum().backward()
    assert x.grad.tolist() == [6.0, 12.0]

    weight = ft.tensor(2., requires_grad=True)
    ft.func.grad(lambda v: (weight * v * v).sum())(ft.tensor([3.])).sum().backward()
    assert weight.grad.item() == 6.0


def test_no_grad_outside_and_inside(ft):
    with ft.no_grad():
        assert ft.func.grad(lambda x: x * x)(ft.tensor(3.)).item() == 6.0

    def half(x):
        with ft.no_grad():
            shift = x * x
        return x * x + shift
    assert ft.func.grad(half)(ft.tensor(3.)).item() == 6.0


@pytest.mark.parametrize("call, kind, phrase", [
    (lambda ft, x: ft.func.grad(lambda v: v)(x), RuntimeError, "return a scalar Tensor"),
    (lambda ft, x: ft.func.grad(lambda v: 3)(x), RuntimeError, "to return a Tensor"),
    (lambda ft, x: ft.func.grad(lambda v: v.sum())(x.long()), RuntimeError, "floating point"),
    (lambda ft, x: ft.func.grad(lambda v: v.sum(), argnums=1)(x), RuntimeError, "only 1 positional inputs"),
    (lambda ft, x: ft.func.grad(lambda v: v.sum(), argnums=())(x), RuntimeError, "argnums must be non-empty"),
    (lambda ft, x: ft.func.grad(lambda v: v.sum(), has_aux=True)(x), RuntimeError, r"\(output, aux\)"),
    (lambda ft, x: ft.func.grad(lambda v: v)(3.), ValueError, "must be Tensor"),
    (lambda ft, x: ft.func.vjp(lambda v: 3, x), RuntimeError, "to return only tensors"),
    (lambda ft, x: ft.func.vjp(lambda v: (v, v), x)[1](x), RuntimeError, "pytree structure of cotangents"),
    (lambda ft, x: ft.func.vjp(lambda v: v, x)[1](x[0]), RuntimeError, "Mismatch in shape"),
    (lambda ft, x: ft.func.jacrev(lambda v: v, chunk_size=0)(x), ValueError, "should be greater than 0")])
def test_misuse(ft, call, kind, phrase):
    with pytest.raises(kind, match=phrase):
        call(ft, ft.ones(2))


def test_vjp_pulls_back_many_times(ft):
    value, pull = ft.func.vjp(lambda a, b: {"p": a * b, "s": a + b}, ft.tensor([2.]), ft.tensor([5.]))

    assert value["p"].tolist() == [10.0]
    for scale in (1.0, 3.0):
        a, b = pull({"p": ft.tensor([scale]), "s": ft.tensor([1.])})
        assert (a.tolist(), b.tolist()) == ([5 * scale + 1], [2 * scale + 1])


@pytest.mark.parametrize("chunk_size", [None, 1, 2])
def test_jacobian(ft, chunk_size):
    def f(x, y):
        return x * y, y.sum()
    (by_x, by_y), (sum_x, sum_y) = ft.func.jacrev(f, argnums=(0, 1), chunk_size=chunk_size)(ft.tensor([1., 2., 3.]), ft.tensor([4., 5., 6.]))

    assert by_x.tolist() == [[4.0, 0, 0], [0, 5.0, 0], [0, 0, 6.0]]
    assert by_y.tolist() == [[1.0, 0, 0], [0, 2.0, 0], [0, 0, 3.0]]
    assert sum_x.tolist() == [0, 0, 0] and sum_y.tolist() == [1.0, 1.0, 1.0]


def test_hessian_of_a_cubic(ft):
    x = ft.tensor([1., 2., 3.])
    found = ft.func.hessian(lambda v: v[0] * v[1] * v[2] + (v ** 3).sum())(x)

    assert found.tolist() == [[6.0, 3.0, 2.0], [3.0, 12.0, 1.0], [2.0, 1.0, 18.0]]


def test_per_sample_gradient_both_ways_round(ft):
    batch = ft.tensor([[1., 2.], [3., 4.]])

    def cubed(row):
        return (row ** 3).sum()
    per_sample = ft.vmap(ft.func.grad(cubed))(batch)
    outer = ft.func.grad(lambda whole: ft.vmap(ft.func.grad(cubed))(whole).sum())(batch)

    assert per_sample.tolist() == [[3.0, 12.0], [27.0, 48.0]]
    assert outer.tolist() == [[6.0, 12.0], [18.0, 24.0]]


def models(ft):
    nn = ft.nn
    mlp = nn.Sequential(nn.Linear(6, 5), nn.GELU(), nn.LayerNorm(5), nn.Linear(5, 3))
    cnn = nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.GroupNorm(2, 4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16, 3))
    return {"mlp": (mlp, (6,)), "cnn": (cnn, (2, 4, 4))}


@pytest.mark.parametrize("name", ["mlp", "cnn"])
def test_per_sample_gradients_of_a_model(ft, name):
    model, shape = models(ft)[name]
    parameters = {key: value.detach() for key, value in model.named_parameters()}
    inputs, targets = ft.randn(4, *shape), ft.tensor([0, 2, 1, 2])

    def loss(parameters, one, target):
        return ft.nn.functional.cross_entropy(ft.func.functional_call(model, parameters, (one.unsqueeze(0),)), target.unsqueeze(0))
    found = ft.vmap(ft.func.grad(loss), in_dims=(None, 0, 0))(parameters, inputs, targets)

    assert not any(value.requires_grad for value in found.values())
    for k in range(4):
        model.zero_grad()
        ft.nn.functional.cross_entropy(model(inputs[k:k + 1]), targets[k:k + 1]).backward()
        for key, value in model.named_parameters():
            assert ft.allclose(found[key][k], value.grad, rtol=1e-4, atol=1e-6), key


def test_ensemble_of_models(ft):
    members = [ft.nn.Sequential(ft.nn.Linear(3, 4), ft.nn.Tanh(), ft.nn.Linear(4, 2)) for _ in range(3)]
    parameters, buffers = ft.func.stack_module_state(members)
    x = ft.randn(5, 3)

    def run(parameters, buffers, x):
        return ft.func.functional_call(members[0], (parameters, buffers), (x,))
    found = ft.vmap(run, in_dims=(0, 0, None))(parameters, buffers, x)
    found.sum().backward()

    for k, member in enumerate(members):
        assert ft.allclose(found[k], member(x), atol=1e-6)
        member(x).sum().backward()
        assert ft.allclose(parameters["0.weight"].grad[k], member[0].weight.grad, atol=1e-5)


def test_the_oracles_derivatives(ft, oracle):
    rows = [[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]]

    def f(lib, x, w):
        return lib.tanh(x @ w).sum() + (w ** 2).sum() * x[0]
    weights = [[0.1, 0.2], [0.3, -0.4], [0.5, 0.6]]
    found = []
    for lib in (ft, oracle):
        x, w = lib.tensor(rows, dtype=lib.float64), lib.tensor(weights, dtype=lib.float64)
        g = lib.vmap(lib.func.grad(lambda a, b, lib=lib: f(lib, a, b), argnums=(0, 1)), in_dims=(0, None))(x, w)
        h = lib.func.hessian(lambda a, lib=lib, w=w: f(lib, a, w))(x[0])
        j = lib.func.jacrev(lambda a, lib=lib, w=w: lib.sin(a @ w))(x)
        found.append([t.reshape(-1).tolist() for t in (*g, h, j)])

    for ours, theirs in zip(*found):
        assert ours == pytest.approx(theirs, rel=1e-12)


def test_forward_over_reverse_sees_saved_results(ft):
    """tanh and exp save their results for the walk back; they are saved with their tangents."""
    x = ft.tensor([0.5, -1.0], dtype=ft.float64)
    for name in ("tanh", "exp", "sigmoid"):
        function = getattr(ft, name)
        forward = ft.func.jacfwd(ft.func.grad(lambda v, function=function: function(v).sum()))(x)
        reverse = ft.func.jacrev(ft.func.grad(lambda v, function=function: function(v).sum()))(x)

        assert ft.allclose(forward, reverse, atol=1e-12) and forward[0, 0].abs() > 0.01


def test_forward_mode_and_vmap_in_either_order(ft):
    batch, along = ft.tensor([[1., 2.], [3., 4.]]), ft.ones(2)

    def cubed(row):
        return (row ** 3).sum()
    inner = ft.vmap(lambda row: ft.func.jvp(cubed, (row,), (along,))[1])(batch)
    outer = ft.func.jvp(lambda whole: ft.vmap(cubed)(whole), (batch,), (ft.ones(2, 2),))[1]

    assert inner.tolist() == outer.tolist() == [15.0, 75.0]
