"""Gradient clipping, parameter vectors, skip_init, helpers of sizes."""
import math
from collections import OrderedDict

import pytest

from frankentorch import nn
from frankentorch.nn import utils
from frankentorch.nn.modules.utils import _list_with_default, _pair, _reverse_repeat_tuple, _single, _triple
from frankentorch.nn.modules.utils import consume_prefix_in_state_dict_if_present
from tests.nn.oracle import assert_close, outcome


def with_grads(torch, *grads, dtype=None):
    parameters = []
    for grad in grads:
        parameter = torch.zeros(len(grad), dtype=dtype, requires_grad=True)
        parameter.grad = torch.tensor(grad, dtype=parameter.dtype)
        parameters.append(parameter)
    return parameters


def grads(parameters):
    return [each.grad.tolist() for each in parameters]


def test_norm_by_hand():
    """3-4-12: the norm is 13; nothing changes below the limit."""
    import frankentorch as ft

    parameters = with_grads(ft, [3.0, 4.0], [12.0])
    norm = utils.clip_grad_norm_(parameters, 20.0)

    assert 13.0 == norm.item()
    assert [[3.0, 4.0], [12.0]] == grads(parameters)


def test_clipped_to_half():
    """The factor is 6.5 / (13 + 1e-6)."""
    import frankentorch as ft

    parameters = with_grads(ft, [3.0, 4.0], [12.0], dtype=ft.float64)
    utils.clip_grad_norm_(iter(parameters), 6.5)
    factor = 6.5 / (13 + 1e-6)

    assert [[3 * factor, 4 * factor], [12 * factor]] == [[pytest.approx(each, rel=1e-14) for each in row]
                                                         for row in grads(parameters)]


@pytest.mark.parametrize("norm_type, expected", [(1, 19.0), (math.inf, 12.0), ("inf", 12.0), (0, 2.0)], ids=str)
def test_other_norms(norm_type, expected):
    """Norm 0 counts what is not zero, in each tensor and then among the two counts: 2."""
    import frankentorch as ft

    given = [each.grad for each in with_grads(ft, [3.0, -4.0], [12.0])]

    assert expected == utils.get_total_norm(given, norm_type).item()


def test_no_gradients_is_norm_zero():
    import frankentorch as ft

    assert 0.0 == utils.clip_grad_norm_([ft.ones(1, requires_grad=True)], 1.0).item()
    assert utils.clip_grads_with_norm_([ft.ones(1, requires_grad=True)], 1.0, ft.tensor(1.0)) is None


def test_nonfinite_norm_raises_when_asked():
    import frankentorch as ft

    parameters = with_grads(ft, [math.nan])
    with pytest.raises(RuntimeError, match="non-finite"):
        utils.clip_grad_norm_(parameters, 1.0, error_if_nonfinite=True)
    assert math.isnan(utils.clip_grad_norm_(parameters, 1.0).item())


def test_value_clipping_by_hand():
    import frankentorch as ft

    parameters = with_grads(ft, [3.0, -4.0, 0.5])
    utils.clip_grad_value_(parameters, 1)

    assert [[1.0, -1.0, 0.5]] == grads(parameters)


CALLS = {
    "norm": lambda utils, torch, p: utils.clip_grad_norm_(p, 1.0),
    "norm of one": lambda utils, torch, p: utils.clip_grad_norm_(p[0], 1.0),
    "norm 3": lambda utils, torch, p: utils.clip_grad_norm_(p, 1.0, 3.0),
    "norm inf": lambda utils, torch, p: utils.clip_grad_norm_(p, 1.0, math.inf),
    "norm 0": lambda utils, torch, p: utils.clip_grad_norm_(p, 1.0, 0),
    "norm foreach False": lambda utils, torch, p: utils.clip_grad_norm_(p, 1.0, foreach=False),
    "norm foreach True": lambda utils, torch, p: utils.clip_grad_norm_(p, 1.0, foreach=True),
    "norm of a generator": lambda utils, torch, p: utils.clip_grad_norm_((each for each in p), 1.0),
    "norm of an empty generator": lambda utils, torch, p: utils.clip_grad_norm_((each for each in []), 1.0),
    "norm of nothing": lambda utils, torch, p: utils.clip_grad_norm_([], 1.0),
    "old name": lambda utils, torch, p: utils.clip_grad_norm(p, 1.0),
    "total": lambda utils, torch, p: utils.get_total_norm(
        [each.grad for each in p if each.grad is not None], 2.0),
    "total of one": lambda utils, torch, p: utils.get_total_norm(p[0].grad, 2.0),
    "with norm": lambda utils, torch, p: utils.clip_grads_with_norm_(p, 1.0, torch.tensor(4.0)),
    "value": lambda utils, torch, p: utils.clip_grad_value_(p, 0.7),
    "value foreach": lambda utils, torch, p: utils.clip_grad_value_(p, 0.7, foreach=True),
}


@pytest.mark.parametrize("dtype", ["float32", "float64", "mixed"])
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_clipping_agrees(call, dtype, oracle):
    import frankentorch as ft

    results = []
    for library, library_utils in ((oracle, oracle.nn.utils), (ft, utils)):
        names = ["float32", "float64"] if dtype == "mixed" else [dtype] * 2
        parameters = [parameter for name, values in zip(names, ([0.3, 4.1], [-1.7, 0.0, 2.9]))
                      for parameter in with_grads(library, values, dtype=getattr(library, name))]
        parameters.insert(1, library.ones(1, requires_grad=True))
        (kind, result), warnings = outcome(lambda: call(library_utils, library, parameters))
        results.append((kind, warnings, result, [each.grad for each in parameters]))
    (kind, warnings, expected, expected_grads), (our_kind, our_warnings, actual, actual_grads) = results

    assert (kind, warnings) == (our_kind, our_warnings), (expected, actual)
    for one, other in zip([expected, *expected_grads], [actual, *actual_grads]):
        assert (one is None) == (other is None)
        if one is not None:
            assert_close(one, other, oracle, rtol=1e-6)


def test_vector_of_parameters_and_back():
    import frankentorch as ft

    layer = nn.Linear(2, 1)
    layer.weight.data.copy_(ft.tensor([[1.0, 2.0]]))
    layer.bias.data.fill_(3.0)
    vector = utils.parameters_to_vector(layer.parameters())
    assert [1.0, 2.0, 3.0] == vector.tolist()
    new = ft.tensor([4.0, 5.0, 6.0])
    utils.vector_to_parameters(new, layer.parameters())

    assert [[4.0, 5.0]] == layer.weight.tolist()
    assert [6.0] == layer.bias.tolist()
    assert isinstance(layer.weight, nn.Parameter)
    with pytest.raises(TypeError, match="expected torch.Tensor"):
        utils.vector_to_parameters([1.0], layer.parameters())


def test_skip_init_makes_the_module_without_drawing():
    import frankentorch as ft

    ft.manual_seed(0)
    expected = ft.rand(1).item()
    ft.manual_seed(0)
    layer = utils.skip_init(nn.Linear, 3, 2)

    assert expected == ft.rand(1).item()
    assert (2, 3) == tuple(layer.weight.shape)
    assert "cpu" == layer.weight.device.type
    with pytest.raises(RuntimeError, match="Expected a Module"):
        utils.skip_init(int)
    with pytest.raises(RuntimeError, match="must support a 'device' arg"):
        utils.skip_init(nn.ReLU)


def test_size_helpers():
    assert ((1,), (1, 1), (1, 1, 1), (1, 2)) == (_single(1), _pair(1), _triple(1), _pair([1, 2]))
    assert (2, 2, 1, 1) == _reverse_repeat_tuple((1, 2), 2)
    assert [5, 7] == _list_with_default((None, 7), [2, 3, 5, 6])
    assert 3 == _list_with_default(3, [2, 2])


def test_prefix_is_consumed():
    state = OrderedDict({"module.a": 1, "b": 2})
    state._metadata = OrderedDict({"": 0, "module": 1, "module.x": 2})
    consume_prefix_in_state_dict_if_present(state, "module.")

    assert {"a": 1, "b": 2} == state
    assert {"": 1, "x": 2} == state._metadata
