"""Every layer against the oracle's: text, names, initial weights, outputs, gradients."""
import inspect
import warnings

import pytest

from frankentorch import nn
from tests.nn.cases import LAYERS
from tests.nn.oracle import assert_close, copy_state, leaves, to_subject

each_layer = pytest.mark.parametrize("case", LAYERS, ids=lambda case: case.id)


@pytest.fixture(autouse=True)
def _quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def build(library_nn, manual_seed, case):
    manual_seed(20)
    return getattr(library_nn, case.name)(*case.args, **case.kwargs)


def make_inputs(case, oracle):
    oracle.manual_seed(5)
    return [each(oracle) if callable(each) else oracle.randn(each, dtype=oracle.float64) for each in case.inputs]


def differentiable_inputs(case, inputs):
    """The first input if it is floating point, and every other that the case gives as a shape: targets stay out."""
    chosen = [each for position, (given, each) in enumerate(zip(case.inputs, inputs)) if position == 0
              or isinstance(given, tuple)]
    return [leaf for each in chosen for leaf in leaves(each) if leaf.is_floating_point()]


@each_layer
def test_construction_agrees(case, oracle):
    """Same text, same names in the same order, and the same bits in every initial weight for one seed."""
    import frankentorch as ft

    expected = build(oracle.nn, oracle.manual_seed, case)
    actual = build(nn, ft.manual_seed, case)

    assert repr(expected) == repr(actual)
    assert list(expected.state_dict()) == list(actual.state_dict())
    assert expected.state_dict()._metadata == actual.state_dict()._metadata
    for name, weight in expected.state_dict().items():
        assert_close(weight, actual.state_dict()[name], oracle, 0, 0)


@each_layer
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
def test_output_and_gradients_agree(case, training, oracle):
    """Same weights, inputs and generator state give the same outputs, gradients and buffers."""
    import frankentorch as ft

    actual = build(nn, ft.manual_seed, case).double().train(training)
    expected = build(oracle.nn, oracle.manual_seed, case).double().train(training)
    copy_state(actual, expected, oracle)
    expected_inputs = make_inputs(case, oracle)
    actual_inputs = to_subject(expected_inputs, oracle)
    results = []
    for library, module, inputs in ((oracle, expected, expected_inputs), (ft, actual, actual_inputs)):
        floats = differentiable_inputs(case, inputs)
        inplace = getattr(module, "inplace", False)
        for each in floats:
            each.requires_grad_(not inplace)
        library.manual_seed(11)
        outputs = leaves(module(*inputs))
        total = sum((each * each.detach().cos()).sum() for each in outputs if each.is_floating_point())
        if total.requires_grad:
            total.backward()
        grads = [each.grad for each in (*floats, *module.parameters())]
        results.append((outputs, grads, list(module.buffers())))
    (outputs, grads, buffers), (our_outputs, our_grads, our_buffers) = results

    assert len(outputs) == len(our_outputs)
    for expected_tensor, actual_tensor in zip(outputs + buffers, our_outputs + our_buffers):
        assert_close(expected_tensor, actual_tensor, oracle)
    assert [each is None for each in grads] == [each is None for each in our_grads]
    for expected_grad, actual_grad in zip(grads, our_grads):
        if expected_grad is not None and case.differentiable:
            # The oracle's slope of hardsigmoid is 1/6 rounded to float32, whatever the dtype; ours is 1/6.
            assert_close(expected_grad, actual_grad, oracle, rtol=1e-7 if case.name == "Hardsigmoid" else 1e-9)


@pytest.mark.parametrize("name", nn.__all__)
def test_signature_agrees(name, oracle):
    """Arguments of construction and of forward have the oracle's names, order and defaults."""
    ours, theirs = getattr(nn, name), getattr(oracle.nn, name)
    methods = ["__init__"] if name in ("Buffer", "Parameter", "RNNBase") else ["__init__", "forward"]
    for method in methods:
        expected = inspect.signature(getattr(theirs, method)).parameters.values()
        actual = inspect.signature(getattr(ours, method)).parameters.values()
        expected_arguments = [(each.name, each.kind, _default(each)) for each in expected]
        actual_arguments = [(each.name, each.kind, _default(each)) for each in actual]

        assert expected_arguments == actual_arguments, method


def _default(parameter):
    """Functions are compared by name, all else by value."""
    default = parameter.default
    return getattr(default, "__name__", default) if callable(default) else default


def test_every_layer_has_a_case():
    """A new layer must be added to the table of cases."""
    not_here = {"Buffer", "Parameter", "Module", "Container", "ModuleDict", "ModuleList", "ParameterDict", "ParameterList",
                "Sequential", "RNNBase", "RNNCellBase", "NLLLoss2d", "MaxUnpool1d", "MaxUnpool2d", "MaxUnpool3d",
                "TransformerEncoder", "TransformerDecoder"}

    assert set(nn.__all__) - not_here == {case.name for case in LAYERS}
