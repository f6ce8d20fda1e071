"""Every algorithm, step by step: hand-worked first steps, and twenty steps against the oracle with state and options."""

import math

import pytest
from oracle_bridge import IS_ONE_LIBRARY, distance, to_ours

import frankentorch as ft
from frankentorch import optim


def stepped(name, grads, start=1.0, **options):
    """Value of one scalar parameter after a step for each of `grads`."""
    param = ft.tensor([start], dtype=ft.float64, requires_grad=True)
    optimizer = getattr(optim, name)([param], **options)
    for grad in grads:
        param.grad = ft.tensor([grad], dtype=ft.float64)
        optimizer.step()
    return param.item()


@pytest.mark.parametrize(
    ("name", "options", "grads", "expected"),
    [
        ("SGD", {"lr": 0.1}, [2.0], 1 - 0.1 * 2),
        ("SGD", {"lr": 0.1, "maximize": True}, [2.0], 1 + 0.1 * 2),
        ("SGD", {"lr": 0.1, "momentum": 0.5}, [2.0, 4.0], 1 - 0.1 * 2 - 0.1 * (0.5 * 2 + 4)),
        ("SGD", {"lr": 0.1, "momentum": 0.5, "dampening": 0.25}, [2.0, 4.0], 1 - 0.1 * 2 - 0.1 * (1 + 0.75 * 4)),
        ("SGD", {"lr": 0.1, "momentum": 0.5, "nesterov": True}, [2.0], 1 - 0.1 * (2 + 0.5 * 2)),
        ("SGD", {"lr": 0.1, "weight_decay": 0.5}, [2.0], 1 - 0.1 * (2 + 0.5)),
        ("Adam", {"lr": 0.1}, [2.0], 1 - 0.1 * 2 / (2 + 1e-8)),
        ("AdamW", {"lr": 0.1, "weight_decay": 0.5}, [2.0], 1 * (1 - 0.05) - 0.1 * 2 / (2 + 1e-8)),
        ("RMSprop", {"lr": 0.1, "alpha": 0.75, "eps": 0.5}, [2.0], 1 - 0.1 * 2 / (1 + 0.5)),
        ("Adagrad", {"lr": 0.1, "eps": 0.0}, [3.0, 4.0], 1 - 0.1 - 0.1 * 4 / 5),
        ("Adagrad", {"lr": 0.1, "eps": 0.0, "lr_decay": 1.0}, [3.0, 4.0], 1 - 0.1 - 0.05 * 4 / 5),
        ("Adadelta", {"rho": 0.5, "eps": 1.0}, [2.0], 1 - 2 / math.sqrt(2 + 1)),
        ("Adamax", {"lr": 0.1, "eps": 0.0}, [2.0], 1 - 0.1),
        ("RAdam", {"lr": 0.1}, [2.0], 1 - 0.1 * 2),
        ("ASGD", {"lr": 0.125, "lambd": 0.5}, [2.0], 1 * (1 - 0.0625) - 0.125 * 2),
        ("Rprop", {"lr": 0.1}, [2.0, 3.0, -1.0, -1.0], 1 - 0.1 - 0.12 - 0.0 + 0.06),
    ],
)
def test_hand_worked_steps(name, options, grads, expected):
    assert stepped(name, grads, **options) == pytest.approx(expected, rel=1e-12)


def test_amsgrad_never_scales_by_less_than_before():
    big_then_small = [100.0] + [0.01] * 50
    plain = stepped("Adam", big_then_small, betas=(0.0, 0.5), lr=0.1)
    held = stepped("Adam", big_then_small, betas=(0.0, 0.5), lr=0.1, amsgrad=True)

    assert 1 - held < 1 - plain


CASES = [
    ("SGD", [{}, {"lr": 0.1, "momentum": 0.9}, {"lr": 0.1, "momentum": 0.9, "dampening": 0.3}]),
    ("SGD", [{"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}, {"maximize": True}]),
    ("SGD", [{"lr": "tensor"}, {"lr": "tensor", "momentum": 0.5}, {"weight_decay": "tensor"}]),
    ("Adam", [{}, {"lr": 0.1, "betas": (0.8, 0.99), "eps": 1e-3}, {"weight_decay": 0.1}, {"amsgrad": True, "lr": 0.1}]),
    ("Adam", [{"maximize": True, "weight_decay": 0.1, "amsgrad": True}, {"lr": "tensor"}]),
    ("Adam", [{"decoupled_weight_decay": True, "weight_decay": 0.1, "lr": "tensor"}]),
    ("AdamW", [{}, {"lr": 0.1, "amsgrad": True}, {"lr": "tensor"}, {"maximize": True}]),
    ("RMSprop", [{}, {"momentum": 0.9}, {"centered": True}, {"centered": True, "momentum": 0.9, "weight_decay": 0.1}]),
    ("RMSprop", [{"maximize": True}, {"lr": "tensor"}, {"alpha": 0.5, "eps": 0.1}]),
    ("Adagrad", [{}, {"lr_decay": 0.1}, {"initial_accumulator_value": 0.5, "eps": 0.1}, {"lr": "tensor"}]),
    ("Adadelta", [{}, {"rho": 0.5, "weight_decay": 0.1}, {"lr": "tensor"}]),
    ("Adamax", [{}, {"weight_decay": 0.1, "maximize": True}, {"lr": "tensor"}, {"betas": (0.5, 0.6)}]),
    ("NAdam", [{}, {"weight_decay": 0.1}, {"lr": "tensor"}, {"decoupled_weight_decay": True, "weight_decay": 0.1}]),
    ("RAdam", [{}, {"weight_decay": 0.1}, {"lr": "tensor"}, {"betas": (0.5, 0.6)}]),
    ("ASGD", [{}, {"weight_decay": 0.1}, {"lr": "tensor"}, {"t0": 3, "alpha": 0.5, "lambd": 0.1}]),
    ("Rprop", [{}, {"maximize": True}, {"lr": "tensor"}, {"etas": (0.3, 1.5), "step_sizes": (1e-3, 0.1)}]),
]
SHAPES = [(3, 4), (5,), (), (2, 3, 2)]
STEPS = 20


def trained(torch, library, convert, name, options, dtype):
    """Parameters and state dict after twenty steps on recorded random gradients, some of them missing."""
    options = {key: convert(torch.tensor(0.1)) if value == "tensor" else value for key, value in options.items()}
    generator = torch.Generator().manual_seed(3)
    draw = lambda shape: convert(torch.randn(shape, generator=generator, dtype=dtype))  # noqa: E731
    params = [draw(shape).requires_grad_() for shape in SHAPES]
    optimizer = getattr(library, name)(params[:2], **options)
    optimizer.add_param_group({"params": params[2:], "weight_decay": 0.2} if name != "Rprop" else {"params": params[2:]})
    for step in range(STEPS):
        for place, param in enumerate(params):
            grad = draw(param.shape)
            param.grad = None if (step + place) % 7 == 3 else grad
        optimizer.step()
    return [param.detach() for param in params], optimizer.state_dict()


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16", "complex64"])
@pytest.mark.parametrize(("name", "options"), [(name, each) for name, several in CASES for each in several])
def test_twenty_steps_agree_with_the_oracle(name, options, dtype):
    """Equal bits where the ops below are the oracle's own; a few ulp otherwise, for roots and sums may round apart.

    Complex parameters differ in the last bit where the oracle multiplies them as complex numbers and we as pairs.
    """
    torch = pytest.importorskip("torch")
    dtype = getattr(torch, dtype)
    expected = trained(torch, torch.optim, lambda t: t, name, options, dtype)
    actual = trained(torch, optim, to_ours, name, options, dtype)

    exact = IS_ONE_LIBRARY and not dtype.is_complex
    allowed = 0.0 if exact else 50 * torch.finfo(dtype).eps
    assert distance(expected, actual) <= allowed


@pytest.mark.parametrize(
    "name", ["SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "Adamax", "NAdam", "RAdam", "ASGD", "Rprop"]
)
def test_differentiable_step_takes_the_same_path_and_carries_gradients(name):
    leaf = ft.tensor([1.0, -2.0], dtype=ft.float64, requires_grad=True)
    grad = ft.tensor([0.5, 0.25], dtype=ft.float64, requires_grad=True)
    param = leaf.clone()
    optimizer = getattr(optim, name)([param], lr=0.1, differentiable=True)
    for _ in range(2):
        param.grad = grad.clone()
        optimizer.step()
    param.sum().backward()
    twin = leaf.detach().clone().requires_grad_()
    plain_optimizer = getattr(optim, name)([twin], lr=0.1)
    for _ in range(2):
        twin.grad = grad.detach()
        plain_optimizer.step()

    assert distance(twin.tolist(), param.tolist()) < 1e-12
    assert leaf.grad is not None
    if name not in ("Rprop",):  # only the sign of the gradient enters
        assert all(math.isfinite(value) for value in grad.grad.tolist())


def test_learning_rate_tensor_can_be_differentiated():
    lr = ft.tensor(0.1, dtype=ft.float64, requires_grad=True)
    param = ft.tensor([3.0], dtype=ft.float64, requires_grad=True).clone()
    param.grad = ft.tensor([2.0], dtype=ft.float64)
    optim.SGD([param], lr=lr, differentiable=True).step()
    param.sum().backward()

    assert lr.grad.item() == -2.0


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("Adafactor", {}),
        ("Adafactor", {"weight_decay": 0.1, "maximize": True}),
        ("Adafactor", {"lr": "tensor"}),
        ("Adafactor", {"d": 2.0, "eps": (1e-3, 1e-2), "beta2_decay": -0.5}),
        ("Muon", {}),
        ("Muon", {"lr": 0.1, "adjust_lr_fn": "match_rms_adamw"}),
        ("Muon", {"lr": 0.1, "ns_steps": 2, "adjust_lr_fn": "original", "weight_decay": 0.0}),
    ],
)
def test_matrix_algorithms_agree_with_the_oracle(name, options, dtype):
    torch = pytest.importorskip("torch")
    dtype = getattr(torch, dtype)
    seen = []
    for library, convert in [(torch.optim, lambda t: t), (optim, to_ours)]:
        generator = torch.Generator().manual_seed(3)
        shapes = [(3, 4), (9, 5)] if name == "Muon" else SHAPES
        params = [convert(torch.randn(shape, generator=generator, dtype=dtype)).requires_grad_() for shape in shapes]
        named = {key: convert(torch.tensor(0.1)) if value == "tensor" else value for key, value in options.items()}
        optimizer = getattr(library, name)(params, **named)
        for _ in range(8):
            for param in params:
                param.grad = convert(torch.randn(tuple(param.shape), generator=generator, dtype=dtype))
            optimizer.step()
        seen.append(([param.detach() for param in params], optimizer.state_dict()))

    # Muon's products are in bfloat16 whatever the parameter: another order of summation shows at once.
    allowed = 0.0 if IS_ONE_LIBRARY else (0.02 if name == "Muon" else 100 * torch.finfo(dtype).eps)
    assert distance(*seen) <= allowed


def test_muon_direction_has_singular_values_near_one():
    from frankentorch.optim._muon import _orthogonal

    direction = _orthogonal(ft.tensor([[3.0, 0.0], [0.0, -0.5], [0.0, 0.0]]), (3.4445, -4.775, 2.0315), 5, 1e-7)
    diagonal = [direction[0, 0].item(), direction[1, 1].item()]
    assert [0.6 < abs(value) < 1.3 for value in diagonal] == [True, True]
    assert diagonal[1] < 0 < diagonal[0]


def test_adafactor_keeps_rows_and_columns_only():
    param = ft.ones(3, 4, requires_grad=True)
    param.grad = ft.ones(3, 4)
    optimizer = optim.Adafactor([param])
    optimizer.step()
    assert {name: tuple(value.shape) for name, value in optimizer.state[param].items()} == {
        "step": (), "row_var": (3, 1), "col_var": (1, 4),
    }  # fmt: skip


@pytest.mark.parametrize("name", ["Adafactor", "Muon"])
@pytest.mark.parametrize("options", [{"lr": -1.0}, {"weight_decay": -1}, {"d": 0.5}, {"ns_steps": 100}, {"eps": (-1, 1)}])
def test_matrix_algorithms_refuse(name, options):
    if name == "Muon" and set(options) & {"d", "eps"} or name == "Adafactor" and "ns_steps" in options:
        options = {"momentum": -1} if name == "Muon" else {"beta2_decay": 1}
    with pytest.raises(ValueError):
        getattr(optim, name)([ft.ones(2, 2, requires_grad=True)], **options)
