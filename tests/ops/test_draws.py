"""Random tensors: the oracle's stream in memory order, generators and their states, refusals, dropout's arithmetic."""
import pytest

import frankentorch as ft
from frankentorch import ops
from tests import oracle


def same_stream(make, seed=7):
    """Both libraries, both seeded: the same values, shape and strides."""
    torch = oracle.require()
    torch.manual_seed(seed)
    ft.manual_seed(seed)
    expected, actual = make(torch), make(ft)

    assert tuple(expected.shape) == tuple(actual.shape)
    assert expected.stride() == actual.stride()
    assert expected.tolist() == actual.tolist()


@pytest.mark.parametrize("size", [(), (0,), (3,), (16,), (4, 5), (3, 40)])
@pytest.mark.parametrize("name", ["rand", "randn"])
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_factories_draw_the_oracles_stream(name, size, dtype):
    same_stream(lambda m: getattr(m, name)(size, dtype=getattr(m, dtype)))


@pytest.mark.parametrize(("name", "args"), [("uniform_", (1.0, 2.0)), ("normal_", (1.0, 2.0)), ("exponential_", (2.0,)), ("cauchy_", (1.0, 2.0)),
                                            ("geometric_", (0.3,)), ("log_normal_", (0.5, 1.0)), ("random_", ()), ("random_", (5,)), ("random_", (-3, 9)),
                                            ("bernoulli_", (0.3,))])
@pytest.mark.parametrize("layout", [lambda t: t, lambda t: t.t(), lambda t: t[:, ::2], lambda t: t.t()[1:]])
def test_fills_draw_in_memory_order(name, args, layout):
    same_stream(lambda m: getattr(layout(m.zeros(6, 14)), name)(*args))


def test_results_of_draws_by_weights():
    same_stream(lambda m: m.bernoulli(m.rand(5, 6).t()))
    same_stream(lambda m: m.zeros(5, 6).t().bernoulli_(m.rand(6, 5)))
    same_stream(lambda m: m.multinomial(m.rand(5, 60), 7))
    same_stream(lambda m: m.multinomial(m.rand(5, 60), 100, replacement=True))
    same_stream(lambda m: m.normal(m.rand(6, 5), m.rand(6, 5)))
    same_stream(lambda m: m.randint(-5, 10, (3, 4)))
    same_stream(lambda m: m.randint_like(m.zeros(5, 4), 2, 10))
    same_stream(lambda m: m.randperm(20))


def test_counts_are_the_oracles():
    """Recorded from PyTorch 2.13."""
    ft.manual_seed(3)
    assert ft.poisson(ft.tensor([0, 0.3, 2, 9.99, 10, 50, 1e3, 1e5])).tolist() == [0, 0, 2, 11, 5, 66, 1015, 99276]
    assert ft.rand(1, dtype=ft.float64).item() == 0.44117820628416327
    ft.manual_seed(3)
    n, p = ft.tensor([0, 1, 20, 20, 300, 300, 1e5, 7]), ft.tensor([0.5, 0.3, 0.1, 0.9, 0.02, 0.5, 0.7, 1])
    assert ft.binomial(n, p).tolist() == [0, 0, 2, 18, 6, 176, 70202, 7]
    assert ft.binomial(n.double(), p.double()).tolist() == [0, 1, 2, 19, 6, 139, 70146, 7]


@pytest.mark.parametrize("top", [8, 40, 1e6])
def test_counts_follow_the_oracles_stream(top):
    same_stream(lambda m: m.poisson(m.rand(50, 61).t() * top))
    same_stream(lambda m: m.poisson(m.rand(50, 61, dtype=m.float64)[:, ::2] * top))
    same_stream(lambda m: m.poisson(m.rand(9, dtype=m.bfloat16) * 20))
    same_stream(lambda m: m.binomial((m.rand(50, 61).t() * top).floor(), m.rand(61, 50)))
    same_stream(lambda m: m.binomial((m.rand(50, 61, dtype=m.float64) * top).floor(), m.rand(61, dtype=m.float64).expand(50, 61)))


def test_counts_refuse():
    for rate in (-1.0, float("nan")):
        with pytest.raises(RuntimeError, match="non-negative"):
            ft.poisson(ft.tensor([rate]))
    with pytest.raises(NotImplementedError, match="poisson_cpu"):
        ft.poisson(ft.tensor([3]))
    with pytest.raises(ValueError, match="floating-point"):
        ft.binomial(ft.tensor([3]), ft.tensor([0.5]))
    with pytest.raises(RuntimeError, match="expected"):
        ft.binomial(ft.tensor([3.0]), ft.tensor([0.5], dtype=ft.float64))


def test_gammas_are_the_oracles():
    """Recorded from PyTorch 2.13."""
    shapes = ft.tensor([0, 0.01, 0.3, 0.9, 1, 2.5, 30, 1e4])
    ft.manual_seed(3)
    assert ft._standard_gamma(shapes).tolist() == [1.1754943508222875e-38, 0.012491471134126186, 0.03413909301161766, 0.5210511088371277, 1.0649166107177734,
                                                   1.0912903547286987, 26.473405838012695, 10041.9267578125]
    assert ft.rand(1, dtype=ft.float64).item() == 0.9490077029994213
    ft.manual_seed(3)
    assert ft._standard_gamma(shapes.double()).tolist() == pytest.approx([2.2250738585072014e-308, 0.012491471517039384, 0.034139097052595484, 0.5210511028459391,
                                                                          1.0649166700218065, 1.091290268765242, 26.473405534582845, 10041.926382403446], rel=1e-15)
    shapes = shapes[1:7].view(2, 3)
    assert ft._sample_dirichlet(shapes.double()).flatten().tolist() == pytest.approx(
        [6.561266964330473e-130, 0.02462918284955073, 0.9753708171504493, 0.002732871717269806, 0.09067886573721866, 0.9065882625455115], rel=1e-14)
    assert ft._sample_dirichlet(shapes).tolist() == [[7.631882908754051e-05, 0.009408115409314632, 0.9905155897140503], [0.007679017726331949, 0.11628075689077377, 0.8760402202606201]]


@pytest.mark.parametrize("top", [0.03, 1.2, 40, 1e6])
def test_gammas_follow_the_oracles_stream(top):
    """All but the last bit of a double, which is the C library's power in the oracle."""
    same_stream(lambda m: m._standard_gamma(m.rand(50, 61).t() * top))
    same_stream(lambda m: m._standard_gamma(m.rand(50, 61, dtype=m.float64)[:, ::2] * top).float())
    same_stream(lambda m: m._sample_dirichlet(m.rand(50, 7).t() * top))
    same_stream(lambda m: m._sample_dirichlet(m.rand(20, 3, 4, dtype=m.float64) * top).float())


SLOPES = [((0.625, 6.25), 3.248183956991669), ((1.0, 1.0), 1.1735630272247268), ((30.0, 25.0), 0.9166815997356572), ((30.0, 33.0), 1.054254683510781),
          ((0.0625, 0.5), 7.899837944285063), ((2000.0, 2050.0), 1.0124814851858415), ((2000.0, 1500.0), 0.8631179430961633),
          ((0.625, 31.5, 40.5), 0.022380831940554926), ((0.25, 0.5, 2.0), 0.7813024128964863), ((0.75, 0.5, 2.0), 1.3919776113745888), ((0.5, 100.0, 200.0), 0.005016699951906953)]


@pytest.mark.parametrize(("place", "expected"), SLOPES)
def test_slopes_of_gammas_are_the_derivatives(place, expected):
    """By a central difference of the distribution function in 250 bits, over its density (mpmath)."""
    function = ft._standard_gamma_grad if len(place) == 2 else ft._dirichlet_grad
    assert function(*(ft.tensor(x, dtype=ft.float64) for x in place)).item() == pytest.approx(expected, rel=2e-8)


def test_slopes_of_gammas_are_near_the_oracles():
    torch = oracle.require()
    ft.manual_seed(0)
    a = (12 * ft.rand(400, 1, dtype=ft.float64) - 6).exp()
    x = ft._standard_gamma(a) + 1e-9
    total = a + (8 * ft.rand(400, 1, dtype=ft.float64) - 4).exp()
    share = (x / (x + ft._standard_gamma(total - a))).clamp(1e-6, 1 - 1e-6)
    for name, args in (("_standard_gamma_grad", (a, x)), ("_dirichlet_grad", (share, a, total))):
        expected = getattr(torch, name)(*(torch.from_numpy(t.numpy()) for t in args))
        assert getattr(ft, name)(*args).flatten().tolist() == pytest.approx(expected.flatten().tolist(), rel=3e-3, abs=1e-8)


def test_gammas_have_the_oracles_derivatives():
    a = ft.tensor([2.0, 3.0], requires_grad=True)
    out = ft._standard_gamma(a)
    g, = ft.autograd.grad(out.sum(), a, create_graph=True)

    assert g.tolist() == ft._standard_gamma_grad(a.detach(), out.detach()).tolist()
    with pytest.raises(NotImplementedError, match="_standard_gamma_grad"):
        g.sum().backward()
    with pytest.raises(NotImplementedError, match="_sample_dirichlet"):
        ft._sample_dirichlet(a).sum().backward()
    with pytest.raises(NotImplementedError, match="gamma_cpu"):
        ft._standard_gamma(ft.tensor([3]))
    with pytest.raises(RuntimeError, match="expected"):
        ft._standard_gamma_grad(ft.ones(2), ft.ones(2, dtype=ft.float64))


def test_dropout_zeroes_and_scales_what_it_keeps():
    ft.manual_seed(0)
    x = ft.ones(1000, requires_grad=True)
    out = ft.dropout(x, 0.25, True)
    out.sum().backward()

    assert {0.0, float(ft.tensor(1 / 0.75))} == set(out.tolist())
    assert out.tolist() == x.grad.tolist()
    assert 150 < (out == 0).sum().item() < 350


def test_dropout_that_drops_nothing_returns_its_input():
    x = ft.ones(3)

    assert ft.dropout(x, 0.5, False) is x
    assert [0.0] * 3 == ft.dropout(x, 1.0, True).tolist()


def test_feature_dropout_drops_whole_channels():
    ft.manual_seed(1)
    out = ft.feature_dropout(ft.ones(4, 8, 5), 0.5, True)

    assert all(len(set(channel)) == 1 for sample in out.tolist() for channel in sample)


def test_meta_tensors_draw_nothing():
    state = ft.get_rng_state()

    assert (3, 4) == tuple(ft.rand(3, 4, device="meta").shape)
    assert (3,) == tuple(ft.dropout(ft.ones(3, device="meta"), 0.5, True).shape)
    assert ops.equal(state, ft.get_rng_state()) if hasattr(ops, "equal") else state.tolist() == ft.get_rng_state().tolist()


@pytest.mark.parametrize("call", [lambda: ft.dropout(ft.ones(3), 1.5, True), lambda: ft.multinomial(ft.ones(3), 5), lambda: ft.multinomial(-ft.ones(3), 2),
                                  lambda: ft.multinomial(ft.zeros(3), 2), lambda: ft.randint(5, 5, (2,)), lambda: ft.zeros(3).normal_(0, -1),
                                  lambda: ft.bernoulli(ft.full((3,), 1.5)), lambda: ft.zeros(1).expand(3).uniform_()])
def test_impossible_draws_are_refused(call):
    with pytest.raises(RuntimeError):
        call()
