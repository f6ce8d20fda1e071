"""Module hooks: what they see, in which order, and what their answers change. Scenarios run in both libraries."""
import gc
import warnings
import weakref

import pytest

from frankentorch import nn
from tests.nn.oracle import outcome


def numbers(value):
    """Tensors as lists, in any tree; all else as it is."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, dict):
        return {key: numbers(each) for key, each in value.items()}
    if isinstance(value, (tuple, list)):
        return tuple(numbers(each) for each in value)
    return value


def ones_linear(nn, width, out):
    layer = nn.Linear(width, out)
    for parameter in layer.parameters():
        parameter.data.fill_(1)
    return layer


def full_hooks(nn, torch, log):
    """Both full hooks of one layer, on an input that needs a gradient."""
    layer = ones_linear(nn, 2, 1)
    layer.register_full_backward_hook(lambda module, *grads: log.append(("full", numbers(grads))))
    layer.register_full_backward_pre_hook(lambda module, *grads: log.append(("pre", numbers(grads))))
    x = torch.tensor([[1.0, 2.0]], requires_grad=True)
    out = layer(x)
    log.append(out.grad_fn.name())
    out.sum().backward()
    log.append(numbers([x.grad, layer.weight.grad, layer.bias.grad]))


def full_hooks_without_input_gradient(nn, torch, log):
    layer = ones_linear(nn, 2, 1)
    layer.register_full_backward_hook(lambda module, *grads: log.append(numbers(grads)))
    layer(torch.ones(1, 2)).sum().backward()
    log.append(numbers(layer.weight.grad))


def full_hook_replaces(nn, torch, log):
    """The answer of the hook is what flows on, the answer of the pre hook is what comes in."""
    layer = ones_linear(nn, 2, 1)
    layer.register_full_backward_hook(lambda module, grad_input, grad_output: (grad_input[0] * 10,))
    layer.register_full_backward_hook(lambda module, grad_input, grad_output: log.append(numbers(grad_input)))
    layer.register_full_backward_pre_hook(lambda module, grad_output: (grad_output[0] * 3,))
    x = torch.ones(1, 2, requires_grad=True)
    layer(x).sum().backward()
    log.append(numbers([x.grad, layer.weight.grad]))


def full_hook_prepended(nn, torch, log):
    layer = ones_linear(nn, 1, 1)
    layer.register_full_backward_hook(lambda *args: log.append("first registered"))
    layer.register_full_backward_hook(lambda *args: log.append("prepended"), prepend=True)
    layer(torch.ones(1, 1, requires_grad=True)).backward()


class TwoToTwo:
    """Makes a module of two inputs and two outputs in either library."""

    @staticmethod
    def make(nn):
        class Two(nn.Module):
            def forward(self, x, y, scale=1):
                return x * 2 * scale, y * 3

        return Two()


def full_hook_of_two_outputs(nn, torch, log):
    module = TwoToTwo.make(nn)
    module.register_full_backward_hook(lambda module, *grads: log.append(numbers(grads)))
    x, y = torch.ones(1, requires_grad=True), torch.ones(1, requires_grad=True)
    one, two = module(x, y)
    one.sum().backward()
    log.append(numbers([x.grad, y.grad]))
    one, two = module(x, y)
    (one + two).sum().backward()


def full_hook_with_other_arguments(nn, torch, log):
    module = TwoToTwo.make(nn)
    module.register_full_backward_hook(lambda module, *grads: log.append(numbers(grads)))
    x = torch.ones(1, requires_grad=True)
    one, two = module(x, 5, scale=4)
    log.append(two)
    one.backward()


def full_hook_with_integer_input(nn, torch, log):
    class Pick(nn.Module):
        def forward(self, x, index):
            return x[index], index

    module = Pick()
    module.register_full_backward_hook(lambda module, *grads: log.append(numbers(grads)))
    x = torch.ones(3, requires_grad=True)
    picked, index = module(x, torch.tensor([1, 1]))
    log.append(index.requires_grad)
    picked.sum().backward()


def full_hook_of_a_dict(nn, torch, log):
    class ToDict(nn.Module):
        def forward(self, x):
            return {"a": x * 2}

    module = ToDict()
    module.register_full_backward_hook(lambda module, *grads: log.append(numbers(grads)))
    module(torch.ones(1, requires_grad=True))["a"].backward()


def full_hook_without_grad_mode(nn, torch, log):
    layer = ones_linear(nn, 1, 1)
    layer.register_full_backward_hook(lambda *args: log.append("never"))
    with torch.no_grad():
        log.append(layer(torch.ones(1, requires_grad=True)).requires_grad)


def full_hook_wrong_count(nn, torch, log):
    layer = nn.ReLU()
    layer.register_full_backward_hook(lambda module, grad_input, grad_output: (grad_input[0],) * 2)
    layer(torch.ones(1, requires_grad=True)).backward()


def pre_hook_wrong_count(nn, torch, log):
    layer = nn.ReLU()
    layer.register_full_backward_pre_hook(lambda module, grad_output: (grad_output[0],) * 2)
    layer(torch.ones(1, requires_grad=True)).backward()


def full_hook_answers_without_input_gradient(nn, torch, log):
    layer = ones_linear(nn, 1, 1)
    layer.register_full_backward_hook(lambda module, grad_input, grad_output: (torch.ones(1),))
    layer(torch.ones(1)).backward()


def inplace_after_full_hook(nn, torch, log):
    layer = nn.ReLU()
    layer.register_full_backward_hook(lambda *args: None)
    out = layer(torch.ones(1, requires_grad=True))
    out += 1


def non_full_hook(nn, torch, log):
    class Mul(nn.Module):
        def forward(self, x):
            return x * 2

    module = Mul()
    module.register_backward_hook(lambda module, *grads: log.append(numbers(grads)))
    x = torch.ones(2, requires_grad=True)
    module(x * 1).sum().backward()


def non_full_hook_in_the_middle(nn, torch, log):
    class Deep(nn.Module):
        def forward(self, x):
            return (x * 2).exp()

    module = Deep()
    module.register_backward_hook(lambda module, *grads: log.append(len(grads)))
    module(torch.zeros(2, requires_grad=True)).sum().backward()


def non_full_hook_of_a_list(nn, torch, log):
    class ToList(nn.Module):
        def forward(self, x):
            return [x * 2, x * 3]

    module = ToList()
    module.register_backward_hook(lambda module, *grads: log.append(numbers(grads)))
    one, two = module(torch.ones(1, requires_grad=True))
    two.backward()
    one.backward()


def forward_hooks(nn, torch, log):
    """Pre hooks change arguments, hooks change the output; each sees what the one before made."""
    class Scale(nn.Module):
        def forward(self, x, factor=1):
            log.append(("forward", numbers(x), factor))
            return x * factor

    module = Scale()
    module.register_forward_pre_hook(lambda module, args: log.append(("pre", numbers(args))))
    module.register_forward_pre_hook(lambda module, args: args[0] + 1)
    module.register_forward_pre_hook(lambda module, args, kwargs: (args, {"factor": 3}), with_kwargs=True)
    module.register_forward_pre_hook(lambda module, args: log.append(("first", numbers(args))), prepend=True)
    module.register_forward_hook(lambda module, args, out: out * 2)
    module.register_forward_hook(lambda module, args, kwargs, out: log.append((numbers(args), kwargs, numbers(out))),
                                 with_kwargs=True)
    module.register_forward_hook(lambda module, args, out: log.append(("before all", numbers(out))), prepend=True)
    log.append(numbers(module(torch.ones(1))))


def always_called(nn, torch, log):
    class Bad(nn.Module):
        def forward(self, x):
            raise ValueError("no")

    module = Bad()
    module.register_forward_hook(lambda module, args, out: log.append(("always", args, out)), always_call=True)
    module.register_forward_hook(lambda *args: log.append("never"))
    module.register_forward_hook(lambda module, args, kwargs, out: log.append(("kwargs", kwargs)), always_call=True,
                                 with_kwargs=True)
    module.register_forward_hook(lambda *args: 1 / 0, always_call=True)
    try:
        module(3)
    except ValueError as error:
        log.append(str(error))


def always_called_once(nn, torch, log):
    """A hook that has run is not run again when a later one fails."""
    module = nn.ReLU()
    module.register_forward_hook(lambda *args: log.append("once"), always_call=True)
    module.register_forward_hook(lambda *args: 1 / 0)
    module.register_forward_hook(lambda *args: log.append("after"), always_call=True)
    try:
        module(torch.ones(1))
    except ZeroDivisionError:
        log.append("raised")


def global_hooks(nn, torch, log):
    """Hooks for all modules run before a module's own."""
    from_module = nn.modules.module
    handles = [
        from_module.register_module_forward_pre_hook(lambda module, args: log.append(("pre", type(module).__name__))),
        from_module.register_module_forward_hook(lambda module, args, out: log.append(("hook", type(module).__name__))),
        from_module.register_module_forward_hook(
            lambda module, args, kwargs, out: log.append(("kwargs", kwargs)), with_kwargs=True, always_call=True),
        from_module.register_module_full_backward_pre_hook(lambda module, grad: log.append(("back", numbers(grad)))),
        from_module.register_module_full_backward_hook(lambda module, *grads: log.append(("full", numbers(grads)))),
    ]
    try:
        module = nn.Sequential(nn.ReLU(), nn.Tanh())
        module[0].register_forward_hook(lambda *args: log.append("own"))
        module[0].register_forward_pre_hook(lambda *args: log.append("own pre"))
        module(torch.zeros(1, requires_grad=True)).backward()
    finally:
        for handle in handles:
            handle.remove()
    module(torch.zeros(1))


def registration_hooks(nn, torch, log):
    from_module = nn.modules.module
    handles = [register(lambda module, name, value, kind=kind: log.append((kind, type(module).__name__, name)))
               for kind, register in (("buffer", from_module.register_module_buffer_registration_hook),
                                      ("module", from_module.register_module_module_registration_hook),
                                      ("parameter", from_module.register_module_parameter_registration_hook))]
    replace = from_module.register_module_parameter_registration_hook(
        lambda module, name, value: nn.Parameter(value.data * 0))
    try:
        module = nn.Module()
        module.layer = nn.BatchNorm1d(1)
        module.add_module("other", nn.ReLU())
        module.own = nn.Parameter(torch.ones(1))
        module.register_parameter("second", nn.Parameter(torch.ones(1)))
        module.register_buffer("state", torch.ones(1))
        module.state = torch.zeros(1)
        log.append(numbers([module.own, module.second]))
    finally:
        for handle in (*handles, replace):
            handle.remove()


def state_hooks(nn, torch, log):
    module = nn.Sequential(ones_linear(nn, 1, 1))
    inner = module[0]
    inner.register_state_dict_pre_hook(lambda module, prefix, keep_vars: log.append(("pre", prefix, keep_vars)))
    inner.register_state_dict_post_hook(
        lambda module, state, prefix, metadata: log.append(("post", list(state), prefix, metadata)))
    module._register_state_dict_hook(lambda module, state, prefix, metadata: {**state, "added": 1})
    state = module.state_dict(prefix="p.")
    log.append(list(state))
    inner.register_load_state_dict_pre_hook(
        lambda module, state, prefix, metadata, strict, missing, unexpected, errors: log.append(
            ("load", type(module).__name__, sorted(state), prefix, metadata, strict)))
    inner._register_load_state_dict_pre_hook(lambda state, prefix, *args: state.pop(prefix + "bias"))
    module.register_load_state_dict_post_hook(lambda module, keys: log.append(("done", *map(tuple, keys))))
    module.register_load_state_dict_post_hook(lambda module, keys: keys.missing_keys.clear())
    log.append(repr(module.load_state_dict({"0.weight": torch.ones(1, 1), "0.bias": torch.ones(1)})))


SCENARIOS = [
    full_hooks, full_hooks_without_input_gradient, full_hook_replaces, full_hook_prepended, full_hook_of_two_outputs,
    full_hook_with_other_arguments, full_hook_with_integer_input, full_hook_of_a_dict, full_hook_without_grad_mode,
    full_hook_wrong_count, pre_hook_wrong_count, full_hook_answers_without_input_gradient, inplace_after_full_hook,
    non_full_hook, non_full_hook_in_the_middle, non_full_hook_of_a_list, forward_hooks, always_called, always_called_once,
    global_hooks, registration_hooks, state_hooks,
]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda each: each.__name__)
def test_scenario_agrees(scenario, oracle):
    """The same calls in the same order with the same values, the same error and the same warnings."""
    import frankentorch as ft

    expected_log, actual_log = [], []
    (expected_kind, expected), expected_warnings = outcome(lambda: scenario(oracle.nn, oracle, expected_log))
    (actual_kind, actual), actual_warnings = outcome(lambda: scenario(nn, ft, actual_log))

    assert expected_log == actual_log
    assert (expected_kind, type(expected)) == (actual_kind, type(actual)), (expected, actual)
    assert expected_warnings == actual_warnings


def test_full_hook_sees_hand_computed_gradients():
    """y = w x + b with w = (1, 1): dy/dx = w, seen by the hook and left in x.grad."""
    import frankentorch as ft

    seen = []
    layer = ones_linear(nn, 2, 1)
    layer.register_full_backward_hook(lambda module, *grads: seen.append(numbers(grads)))
    x = ft.tensor([[3.0, 5.0]], requires_grad=True)
    layer(x).backward(ft.tensor([[2.0]]))

    assert [((((2.0, 2.0),),), (((2.0,),),))] == [tuple(tuple(map(_tuples, each)) for each in seen[0])]
    assert [[2.0, 2.0]] == x.grad.tolist()
    assert [[6.0, 10.0]] == layer.weight.grad.tolist()


def _tuples(value):
    return tuple(map(_tuples, value)) if isinstance(value, (list, tuple)) else value


def test_handle_removes_its_hook_once():
    calls = []
    layer = nn.Identity()
    handle = layer.register_forward_hook(lambda *args: calls.append(1))
    layer(0)
    handle.remove()
    handle.remove()
    layer(0)
    with layer.register_forward_pre_hook(lambda *args: calls.append(2)):
        layer(0)
    layer(0)

    assert [1, 2] == calls


def test_handle_does_not_keep_the_module():
    layer = nn.Identity()
    handle = layer.register_forward_hook(print)
    reference = weakref.ref(layer)
    del layer
    gc.collect()

    assert reference() is None
    handle.remove()


def test_no_warning_without_hooks():
    import frankentorch as ft

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nn.Sequential(nn.Linear(1, 1), nn.ReLU())(ft.ones(1, 1)).sum().backward()
