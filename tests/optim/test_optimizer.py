"""The base class: groups, hooks, state dicts, pickling, printing and refusals."""

import copy
import gc
import math
import pickle
import random
import warnings
from fractions import Fraction

import pytest
from oracle_bridge import distance

import frankentorch as ft
from frankentorch import optim
from frankentorch.optim import optimizer as base
from frankentorch.optim._scalar import power


def leaf(*values, dtype=None):
    return ft.tensor(list(values) or [1.0], dtype=dtype, requires_grad=True)


def with_gradient(*values):
    param = leaf(*values)
    param.grad = ft.ones_like(param)
    return param


# ---- groups ----


def test_groups_take_defaults_for_what_they_do_not_say():
    optimizer = optim.SGD([{"params": [leaf()], "lr": 0.5, "label": "head"}, {"params": leaf()}], lr=0.1)
    assert [group["lr"] for group in optimizer.param_groups] == [0.5, 0.1]
    assert optimizer.param_groups[0]["label"] == "head"
    assert len(optimizer.param_groups[1]["params"]) == 1


def test_named_parameters_keep_their_names():
    optimizer = optim.SGD([("a", leaf()), ("b", leaf())])
    assert optimizer.param_groups[0]["param_names"] == ["a", "b"]
    assert optimizer.state_dict()["param_groups"][0]["param_names"] == ["a", "b"]


def test_iterators_are_taken_once():
    assert len(optim.SGD(iter([leaf(), leaf()])).param_groups[0]["params"]) == 2


SHARED = leaf()


@pytest.mark.parametrize(
    ("params", "error", "phrase"),
    [
        (lambda: leaf(), TypeError, "iterable of Tensors or dicts"),
        (lambda: [], ValueError, "empty parameter list"),
        (lambda: [1], TypeError, "one of the params is int"),
        (lambda: "abc", TypeError, "one of the params is str"),
        (lambda: [leaf() * 2], ValueError, "non-leaf"),
        (lambda: {leaf()}, TypeError, "ordered collections"),
        (lambda: [{"params": {leaf()}}], TypeError, "ordered collections"),
        (lambda: [{"params": [SHARED]}, {"params": SHARED}], ValueError, "more than one parameter group"),
        (lambda: [("a", leaf()), leaf()], ValueError, "names are missing"),
        (lambda: [{"params": [("a", leaf())]}, {"params": [leaf()]}], ValueError, "with/without names"),
        (lambda: [{"lr": 1}], KeyError, "params"),
    ],
)
def test_refused_parameters(params, error, phrase):
    with pytest.raises(error, match=phrase):
        optim.SGD(params())


def test_group_must_be_a_dict():
    with pytest.raises(TypeError, match="must be a dict"):
        optim.SGD([leaf()]).add_param_group([leaf()])


def test_parameter_twice_in_a_group_warns():
    param = leaf()
    with pytest.warns(UserWarning, match="duplicate parameters"):
        optim.SGD([param, param])


def test_required_option():
    class Needy(base.Optimizer):
        def __init__(self, params):
            super().__init__(params, {"lr": base.required})

    with pytest.raises(ValueError, match="required optimization parameter lr"):
        Needy([leaf()])
    assert Needy([{"params": leaf(), "lr": 1}]).param_groups[0]["lr"] == 1


def test_base_has_no_step():
    with pytest.raises(NotImplementedError):
        base.Optimizer([leaf()], {}).step()


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("SGD", {"lr": -1}),
        ("SGD", {"momentum": -1}),
        ("SGD", {"weight_decay": -1}),
        ("SGD", {"nesterov": True}),
        ("SGD", {"lr": [1.0, 2.0]}),
        ("Adam", {"lr": -1}),
        ("Adam", {"eps": -1}),
        ("Adam", {"betas": (1.0, 0.9)}),
        ("Adam", {"betas": (0.9, 1.0)}),
        ("Adam", {"lr": [0.1], "foreach": True}),
        ("AdamW", {"weight_decay": -1}),
        ("RMSprop", {"alpha": -1}),
        ("RMSprop", {"momentum": -1}),
        ("Adagrad", {"lr_decay": -1}),
        ("Adagrad", {"initial_accumulator_value": -1}),
        ("Adadelta", {"rho": 2}),
        ("Adamax", {"betas": (2, 0.9)}),
        ("NAdam", {"momentum_decay": -1}),
        ("RAdam", {"eps": -1}),
        ("ASGD", {"weight_decay": -1}),
        ("Rprop", {"etas": (0.5, 0.6)}),
    ],
)
def test_options_out_of_range(name, options):
    options = {key: ft.tensor(value) if isinstance(value, list) else value for key, value in options.items()}
    with pytest.raises(ValueError):
        getattr(optim, name)([leaf()], **options)


@pytest.mark.parametrize("clash", [{"foreach": True}, {"differentiable": True}])
@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "Adagrad"])
def test_what_fused_excludes(name, clash):
    with pytest.raises(RuntimeError, match="fused"):
        getattr(optim, name)([leaf()], fused=True, **clash)


def test_capturable_is_refused_at_the_step():
    optimizer = optim.Adam([with_gradient(1.0)], capturable=True)
    with pytest.raises(AssertionError, match="capturable"):
        optimizer.step()


def test_printed_form():
    text = repr(optim.Rprop([{"params": leaf()}, {"params": leaf(), "lr": 0.5}]))
    assert text.splitlines()[:3] == ["Rprop (", "Parameter Group 0", "    capturable: False"]
    assert "\n\nParameter Group 1\n" in text
    assert "    lr: 0.5\n" in text
    assert "params" not in text


# ---- steps, closures, hooks ----


def test_closure_runs_with_gradients_and_its_value_is_returned():
    param = with_gradient(1.0)
    modes = []

    def closure():
        modes.append(ft.is_grad_enabled())
        return 3.5

    optimizer = optim.SGD([param])
    with ft.no_grad():
        assert optimizer.step(closure) == optimizer.step(closure=closure) == 3.5
    assert modes == [True, True]
    assert optimizer.step() is None


def test_parameters_without_gradient_rest_and_get_no_state():
    still, moving = leaf(1.0), with_gradient(1.0)
    optimizer = optim.Adam([still, moving])
    optimizer.step()
    assert still.item() == 1.0
    assert still not in optimizer.state
    assert list(optimizer.state[moving]) == ["step", "exp_avg", "exp_avg_sq"]


def test_step_records_nothing():
    param = with_gradient(1.0)
    optimizer = optim.Adam([param])
    optimizer.step()
    assert param.is_leaf
    assert not optimizer.state[param]["exp_avg"].requires_grad


def test_hooks_run_in_order_and_may_change_arguments():
    optimizer = optim.SGD([with_gradient(1.0)])
    calls = []
    handles = [
        optimizer.register_step_pre_hook(lambda o, args, kwargs: calls.append(("pre", len(args), kwargs))),
        optimizer.register_step_post_hook(lambda o, args, kwargs: calls.append("post")),
        base.register_optimizer_step_pre_hook(lambda o, args, kwargs: calls.append("global pre")),
        base.register_optimizer_step_post_hook(lambda o, args, kwargs: calls.append("global post")),
        optimizer.register_step_pre_hook(lambda o, args, kwargs: ((o, lambda: calls.append("closure")), {})),
    ]
    optimizer.step()
    assert calls == ["global pre", ("pre", 1, {}), "closure", "post", "global post"]
    for handle in handles:
        handle.remove()
    optimizer.step()
    assert len(calls) == 5


def test_hook_with_a_wrong_answer():
    optimizer = optim.SGD([leaf()])
    optimizer.register_step_pre_hook(lambda o, args, kwargs: 5)
    with pytest.raises(RuntimeError, match="must return None or a tuple"):
        optimizer.step()


def test_step_of_a_subclass_is_hooked_too():
    class Mine(base.Optimizer):
        def step(self, closure=None):
            return "mine"

    optimizer = Mine([leaf()], {})
    calls = []
    optimizer.register_step_post_hook(lambda *arguments: calls.append(arguments))
    assert optimizer.step() == "mine"
    assert len(calls) == 1


def test_hook_handle_is_a_context():
    optimizer = optim.SGD([leaf()])
    calls = []
    with optimizer.register_step_post_hook(lambda *arguments: calls.append(1)):
        optimizer.step()
    optimizer.step()
    assert calls == [1]


def test_zero_grad():
    param = with_gradient(1.0, 2.0)
    optimizer = optim.SGD([param])
    gradient = param.grad
    optimizer.zero_grad(set_to_none=False)
    assert param.grad is gradient
    assert gradient.tolist() == [0.0, 0.0]
    optimizer.zero_grad()
    assert param.grad is None


# ---- state ----


def test_state_dict_counts_parameters_through_groups_and_shares_tensors():
    params = [with_gradient(1.0) for _ in range(3)]
    optimizer = optim.Adam([{"params": params[:2]}, {"params": params[2:]}])
    optimizer.step()
    state = optimizer.state_dict()
    assert [group["params"] for group in state["param_groups"]] == [[0, 1], [2]]
    assert list(state["state"]) == [0, 1, 2]
    assert state["state"][2]["exp_avg"] is optimizer.state[params[2]]["exp_avg"]


def test_saved_and_loaded_goes_on_as_if_never_stopped():
    def gradients(step):
        return ft.tensor([0.1 * step, -0.3])

    def run(param, optimizer, steps):
        for step in steps:
            param.grad = gradients(step)
            optimizer.step()

    whole = leaf(1.0, 2.0)
    run(whole, optim.Adam([whole], lr=0.1, amsgrad=True), range(10))
    first = leaf(1.0, 2.0)
    optimizer = optim.Adam([first], lr=0.1, amsgrad=True)
    run(first, optimizer, range(5))
    second = first.detach().clone().requires_grad_()
    resumed = optim.Adam([second])
    resumed.load_state_dict(pickle.loads(pickle.dumps(optimizer.state_dict())))
    run(second, resumed, range(5, 10))
    assert second.tolist() == whole.tolist()


def test_loaded_state_takes_the_dtype_of_its_parameter_except_the_step():
    param = with_gradient(1.0)
    saved = optim.Adam([param])
    saved.step()
    wide = leaf(1.0, dtype=ft.float64)
    optimizer = optim.Adam([wide])
    optimizer.load_state_dict(saved.state_dict())
    assert optimizer.state[wide]["exp_avg"].dtype == ft.float64
    assert optimizer.state[wide]["step"].dtype == ft.float32


def test_numbers_as_steps_and_missing_options_of_older_states_are_completed():
    param = with_gradient(1.0)
    optimizer = optim.Adam([param])
    optimizer.step()
    state = copy.deepcopy(optimizer.state_dict())
    state["state"][0]["step"] = 7
    del state["param_groups"][0]["amsgrad"]
    optimizer.load_state_dict(state)
    optimizer.step()
    assert optimizer.state[param]["step"].item() == 8.0
    assert optimizer.param_groups[0]["amsgrad"] is False


def test_loading_checks_the_shape_of_groups():
    optimizer = optim.SGD([leaf()])
    with pytest.raises(ValueError, match="different number of parameter groups"):
        optimizer.load_state_dict({"state": {}, "param_groups": []})
    with pytest.raises(ValueError, match="doesn't match the size"):
        optimizer.load_state_dict({"state": {}, "param_groups": [{"params": [0, 1]}]})


def test_foreign_keys_of_state_pass_through():
    optimizer = optim.SGD([leaf()])
    optimizer.state["note"] = "kept"
    other = optim.SGD([leaf()])
    other.load_state_dict(optimizer.state_dict())
    assert other.state["note"] == "kept"


def test_hooks_around_state_dicts():
    optimizer = optim.SGD([leaf()])
    calls = []
    optimizer.register_state_dict_pre_hook(lambda o: calls.append("before saving"))
    optimizer.register_state_dict_post_hook(lambda o, state: {**state, "extra": 1})
    optimizer.register_load_state_dict_pre_hook(lambda o, state: calls.append(f"before loading {state['extra']}"))
    optimizer.register_load_state_dict_post_hook(lambda o: calls.append("after loading"))
    optimizer.register_load_state_dict_post_hook(lambda o: calls.append("first after loading"), prepend=True)
    optimizer.load_state_dict(optimizer.state_dict())
    assert calls == ["before saving", "before loading 1", "first after loading", "after loading"]


def test_pickled_and_copied():
    param = with_gradient(1.0)
    optimizer = optim.Adam([param], lr=0.5)
    optimizer.step()
    for twin in (pickle.loads(pickle.dumps(optimizer)), copy.deepcopy(optimizer)):
        (theirs,) = twin.param_groups[0]["params"]
        assert theirs is not param
        assert theirs.tolist() == param.tolist()
        assert twin.state[theirs]["step"].item() == 1.0
        theirs.grad = ft.ones_like(theirs)
        twin.step()


def test_optimizer_makes_no_reference_cycle():
    import weakref

    optimizer = optim.Adam([with_gradient(1.0)])
    optimizer.step()
    witness = weakref.ref(optimizer)
    gc.disable()
    try:
        del optimizer
        assert witness() is None
    finally:
        gc.enable()


# ---- scalars ----


def test_whole_powers_are_correctly_rounded():
    draw = random.Random(0)
    for _ in range(300):
        beta = draw.choice([0.9, 0.999, 0.95, 1 - 2**-20, draw.random()])
        exponent = draw.randint(0, 3000) if beta > 0.9 else draw.randint(0, 60)
        exact = Fraction(beta) ** exponent
        assert power(beta, exponent) == (float(exact) if exact > Fraction(1, 10**130) else math.pow(beta, exponent))


@pytest.mark.parametrize(("base_value", "exponent"), [(0.0, 0), (0.0, 3), (1.0, 10**9), (2.0, 3), (0.5, -2), (0.3, 0.5)])
def test_other_powers(base_value, exponent):
    assert power(base_value, exponent) == pytest.approx(base_value**exponent, rel=1e-15)


def test_state_dicts_of_both_libraries_are_interchangeable():
    """A state dict saved by the oracle is loaded here, and the next step is the oracle's next step."""
    torch = pytest.importorskip("torch")
    theirs = torch.tensor([1.0, 2.0], requires_grad=True)
    theirs.grad = torch.tensor([0.5, -0.25])
    saved = torch.optim.Adam([theirs], lr=0.1)
    saved.step()
    ours = ft.tensor(theirs.tolist(), requires_grad=True)
    state = saved.state_dict()
    state["state"][0] = {name: ft.tensor(value.tolist()) for name, value in state["state"][0].items()}
    optimizer = optim.Adam([ours])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        optimizer.load_state_dict(state)
    ours.grad = ft.tensor([0.5, -0.25])
    saved.step()
    optimizer.step()
    assert distance(theirs.tolist(), ours.tolist()) <= 1e-7
