"""Compiled steps: the oracle's bits, the same for every layout, state and versions kept, odd groups left to the general path."""

import math

import pytest
from oracle_bridge import to_ours

import frankentorch as ft
from frankentorch import optim
from frankentorch.optim._scalar import power

optim_ops = pytest.importorskip("frankentorch._ext.optim_ops")
if not hasattr(ft, "_ext"):
    pytest.skip("the kernels are those of our core", allow_module_level=True)

# Options whose step the oracle computes from correctly rounded operations only (its vector square root is not one, but
# Adam's steps are too small beside parameters of size 8 for that to show).
EXACT = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.3, "maximize": True}),
    ("Adam", {}),
    ("Adam", {"weight_decay": 0.1, "amsgrad": True}),
    ("Adam", {"betas": (0.3, 0.99), "eps": 1e-3}),
    ("AdamW", {"maximize": True}),
    ("ASGD", {"lr": 0.1, "weight_decay": 0.01}),
    ("ASGD", {"lr": 0.1, "t0": 2, "lambd": 0.1, "maximize": True}),
    ("Rprop", {"lr": 0.1, "step_sizes": (0.05, 0.2)}),
    ("Adamax", {"weight_decay": 0.1}),
    ("NAdam", {"weight_decay": 0.1, "momentum_decay": 0.3}),
    ("NAdam", {"weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("RAdam", {"betas": (0.9, 0.9), "maximize": True}),
    ("RAdam", {"weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("Adadelta", {"weight_decay": 0.1, "rho": 0.7}),
]
EVERY = ["SGD", "Adam", "RMSprop", "Adagrad", "Adadelta", "Adamax", "NAdam", "RAdam", "ASGD", "Rprop"]


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
@pytest.mark.parametrize(("name", "options"), EXACT)
def test_steps_have_the_bits_of_the_oracle(name, options, dtype):
    torch = pytest.importorskip("torch")
    generator = torch.Generator().manual_seed(1)
    some = torch.rand(1000, generator=torch.Generator().manual_seed(0))
    if name == "Adadelta" and dtype == "float32" and (some.sqrt() != some.double().sqrt().float()).any():
        pytest.skip("the oracle's square roots are not the rounded ones on this processor")
    draws = [torch.randn(64, generator=generator, dtype=torch.float64).to(getattr(torch, dtype)) for _ in range(11)]
    draws[0] += 8 if "Adam" in name else 0
    found = []
    for library, convert in ((torch, lambda t: t.clone()), (ft, to_ours)):
        param = convert(draws[0]).requires_grad_()
        optimizer = getattr(library.optim, name)([param], **options)
        for draw in draws[1:]:
            param.grad = convert(draw)
            optimizer.step()
        found.append(param.tolist())

    assert found[0] == found[1]


def states_of(optimizer, param):
    return {name: value.tolist() for name, value in optimizer.state[param].items() if value is not None}


@pytest.mark.parametrize("layout", ["transposed parameter", "transposed gradient", "spread parameter", "all transposed"])
@pytest.mark.parametrize("name", EVERY)
def test_layout_does_not_show_in_the_bits(name, layout):
    ft.manual_seed(0)
    start, grads = ft.randn(5, 7), [ft.randn(5, 7) for _ in range(3)]
    transposed = lambda t: t.t().clone(memory_format=ft.contiguous_format).t()  # noqa: E731
    spread = ft.zeros(5, 14)[:, ::2]
    param = {"transposed gradient": start.clone, "spread parameter": lambda: spread.copy_(start)}.get(
        layout, lambda: transposed(start))()
    options = {"momentum": 0.9} if name == "SGD" else {}
    results = []
    for each, turn in ((start.clone(), lambda t: t), (param, (lambda t: t) if "parameter" in layout else transposed)):
        each.requires_grad_()
        optimizer = getattr(optim, name)([each], lr=0.1, **options)
        for grad in grads:
            each.grad = turn(grad)
            optimizer.step()
        results.append((each.tolist(), states_of(optimizer, each)))

    assert results[0] == results[1]


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
@pytest.mark.parametrize(("name", "options"), EXACT + [("RMSprop", {"centered": True, "momentum": 0.5, "weight_decay": 0.1}), ("Adagrad", {"lr_decay": 0.1})])
def test_kernels_have_the_bits_of_the_operations(name, options, dtype):
    """The compiled step is the general path's: parameter and every state, number by number."""
    results = []
    for compiled in (True, False):
        ft.manual_seed(0)
        param = ft.randn(37, dtype=getattr(ft, dtype)).requires_grad_()
        optimizer = getattr(optim, name)([param], **options)
        if not compiled:
            optimizer._kernel = None
        for _ in range(8):
            param.grad = ft.randn(37, dtype=getattr(ft, dtype))
            optimizer.step()
        results.append((param.tolist(), states_of(optimizer, param), {key: value.dtype for key, value in optimizer.state[param].items() if value is not None}))

    assert results[0] == results[1]


def test_whole_powers_are_those_of_the_scalar_module():
    for base in (0.9, 0.999, 0.5, 0.0, 1.0, 0.8 + 2**-40):
        for exponent in (0, 1, 2, 3, 10, 1000, 123457):
            value = optim_ops.power_of(base, exponent)

            assert value == power(base, exponent) or power(base, exponent) < 1e-130


@pytest.mark.parametrize("name", EVERY)
def test_a_step_counts_as_a_write(name):
    param = ft.ones(3, requires_grad=True)
    product = param * param
    param.grad = ft.ones(3)
    optimizer = getattr(optim, name)([param], lr=0.1)
    before = param._version
    optimizer.step()

    assert before < param._version
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        product.sum().backward()


@pytest.mark.parametrize("name", ["SGD", "Adam"])
def test_a_parameter_named_twice_takes_two_steps(name):
    param, twin = ft.ones(3, requires_grad=True), ft.ones(3, requires_grad=True)
    with pytest.warns(UserWarning, match="duplicate"):
        optimizer = getattr(optim, name)([param, param], lr=0.1)
    param.grad, twin.grad = ft.ones(3), ft.ones(3)
    optimizer.step()
    single = getattr(optim, name)([twin], lr=0.1)
    single.step()
    single.step()

    assert param.tolist() == pytest.approx(twin.tolist(), rel=1e-6)


def test_views_that_overlap_are_taken_one_after_the_other():
    memory = ft.zeros(3)
    left, right = memory[:2].requires_grad_(), memory[1:].requires_grad_()
    left.grad, right.grad = ft.ones(2), ft.ones(2)
    optim.SGD([left, right], lr=1.0).step()

    assert memory.tolist() == [-1.0, -2.0, -1.0]


def test_gradient_that_is_the_parameter_itself():
    param = ft.tensor([2.0, -3.0], requires_grad=True)
    param.grad = param.detach()
    optim.SGD([param], lr=0.25, momentum=0.5).step()

    assert param.tolist() == [1.5, -2.25]


def test_parameters_of_different_ages_are_corrected_apart():
    """Adam's first step is lr * sign(gradient) whenever it comes."""
    first, late = ft.zeros(1, requires_grad=True), ft.zeros(1, requires_grad=True)
    optimizer = optim.Adam([first, late], lr=0.5)
    for step in range(3):
        first.grad = ft.ones(1)
        late.grad = ft.ones(1) if step == 2 else None
        optimizer.step()

    assert optimizer.state[first]["step"].item() == 3
    assert optimizer.state[late]["step"].item() == 1
    assert late.item() == pytest.approx(-0.5, rel=1e-6)
    assert first.item() == pytest.approx(-1.5, rel=1e-6)


def test_half_state_stays_half_and_counters_stay_float():
    param = ft.ones(5, dtype=ft.bfloat16, requires_grad=True)
    optimizer = optim.Adam([param], amsgrad=True)
    param.grad = ft.ones(5, dtype=ft.bfloat16)
    optimizer.step()
    state = optimizer.state[param]

    assert {"exp_avg": ft.bfloat16, "exp_avg_sq": ft.bfloat16, "max_exp_avg_sq": ft.bfloat16, "step": ft.float32} == {
        name: value.dtype for name, value in state.items()}


def test_subclasses_with_overrides_see_the_operations():
    class Watched(ft.Tensor):
        seen = []

        @classmethod
        def __torch_function__(cls, function, types, args=(), kwargs=None):
            cls.seen.append(getattr(function, "__name__", str(function)))
            return super().__torch_function__(function, types, args, kwargs or {})

    param = ft.ones(3).as_subclass(Watched).requires_grad_()
    param.grad = ft.ones(3)
    Watched.seen.clear()
    optim.SGD([param], lr=0.5).step()

    assert any("add" in name for name in Watched.seen)
    assert param.detach().tolist() == [0.5, 0.5, 0.5]


def test_complex_parameters_step_as_pairs():
    pair = ft.tensor([[1.0, -2.0], [0.5, 4.0]], requires_grad=True)
    number = ft.view_as_complex(pair.detach().clone()).requires_grad_()
    grads = ft.tensor([[0.1, 0.2], [-3.0, 1.0]])
    pair.grad, number.grad = grads, ft.view_as_complex(grads.clone())
    optim.Adam([pair], lr=0.1).step()
    optim.Adam([number], lr=0.1).step()

    assert pair.tolist() == ft.view_as_real(number.detach()).tolist()


def test_clipping_scales_all_gradients_by_one_factor():
    params = [ft.zeros(2, requires_grad=True), ft.zeros(1, 2, requires_grad=True)]
    params[0].grad, params[1].grad = ft.tensor([2.0, 4.0]), ft.tensor([[4.0, 8.0]])
    norm = ft.nn.utils.clip_grad_norm_(params, 5.0)
    factor = 5.0 / (10.0 + 1e-6)

    assert norm.item() == 10.0
    assert params[0].grad.tolist() == pytest.approx([2 * factor, 4 * factor], rel=1e-6)
    assert params[1].grad.tolist() == [pytest.approx([4 * factor, 8 * factor], rel=1e-6)]


def test_clipping_leaves_small_gradients_alone():
    param = ft.zeros(2, requires_grad=True)
    param.grad = ft.tensor([0.3, 0.4])
    norm = ft.nn.utils.clip_grad_norm_([param], 5.0)

    assert math.isclose(norm.item(), 0.5, rel_tol=1e-6)
    assert param.grad.tolist() == ft.tensor([0.3, 0.4]).tolist()


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
def test_clipping_has_the_bits_of_multiplying_one_by_one(dtype):
    ft.manual_seed(0)
    params = [ft.zeros(n, dtype=getattr(ft, dtype), requires_grad=True) for n in (5000, 3, 77)]
    for param in params:
        param.grad = ft.randn(param.shape).to(param.dtype)
    norm = ft.linalg.vector_norm(ft.stack([ft.linalg.vector_norm(param.grad) for param in params]))
    factor = ft.clamp(1.0 / (norm + 1e-6), max=1.0)
    expected = [(param.grad * factor).tolist() for param in params]
    found = ft.nn.utils.clip_grad_norm_(params, 1.0)

    assert norm.item() == found.item()
    assert expected == [param.grad.tolist() for param in params]
