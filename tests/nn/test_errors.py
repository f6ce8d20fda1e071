"""What goes wrong goes wrong like the oracle's: the same exception type, the same categories of warnings."""
import copy
import pickle

import pytest

from frankentorch import nn
from tests.nn.oracle import outcome


def _uninitialised(nn, value):
    class Broken(nn.Module):
        def __init__(self):
            self.x = value

    return Broken()


def _sequential(nn):
    return nn.Sequential(nn.ReLU(), nn.Tanh())


# (nn, torch) -> anything. Each runs once with the package and once with the oracle.
CALLS = {
    "register_parameter with a dot": lambda nn, torch: nn.Linear(2, 2).register_parameter("a.b", None),
    "register_parameter without a name": lambda nn, torch: nn.Linear(2, 2).register_parameter("", None),
    "register_parameter again": lambda nn, torch: nn.Linear(2, 2).register_parameter("weight", None),
    "register_parameter over an attribute": lambda nn, torch: nn.Linear(2, 2).register_parameter("in_features", None),
    "register_parameter of int name": lambda nn, torch: nn.Linear(2, 2).register_parameter(3, None),
    "register_parameter of a tensor": lambda nn, torch: nn.Linear(2, 2).register_parameter("q", torch.ones(2)),
    "register_buffer of an int": lambda nn, torch: nn.Linear(2, 2).register_buffer("q", 3),
    "register_buffer over a parameter": lambda nn, torch: nn.Linear(2, 2).register_buffer("weight", None),
    "register_buffer with a dot": lambda nn, torch: nn.Linear(2, 2).register_buffer("a.b", None),
    "register_buffer without a name": lambda nn, torch: nn.Linear(2, 2).register_buffer("", None),
    "register_buffer of int name": lambda nn, torch: nn.Linear(2, 2).register_buffer(1, None),
    "add_module of an int": lambda nn, torch: nn.Linear(2, 2).add_module("x", 3),
    "add_module of int name": lambda nn, torch: nn.Linear(2, 2).add_module(3, None),
    "add_module over an attribute": lambda nn, torch: nn.Linear(2, 2).add_module("in_features", None),
    "add_module with a dot": lambda nn, torch: nn.Linear(2, 2).add_module("a.b", None),
    "add_module without a name": lambda nn, torch: nn.Linear(2, 2).add_module("", None),
    "set a parameter to a number": lambda nn, torch: setattr(nn.Linear(2, 2), "weight", 3),
    "set a parameter to a tensor": lambda nn, torch: setattr(nn.Linear(2, 2), "weight", torch.ones(2)),
    "set a buffer to a number": lambda nn, torch: setattr(nn.BatchNorm1d(2), "running_mean", 3),
    "set a module to a number": lambda nn, torch: setattr(nn.TransformerEncoderLayer(4, 1), "linear1", 3),
    "missing attribute": lambda nn, torch: nn.Linear(2, 2).nothing,
    "delete a missing attribute": lambda nn, torch: delattr(nn.Linear(2, 2), "nothing"),
    "Module of an argument": lambda nn, torch: nn.Module(3),
    "Module of a keyword": lambda nn, torch: nn.Module(a=3),
    "no forward": lambda nn, torch: nn.Module()(3),
    "get_submodule of nothing": lambda nn, torch: nn.Linear(2, 2).get_submodule("x.y"),
    "get_submodule of a parameter": lambda nn, torch: nn.Linear(2, 2).get_submodule("weight"),
    "get_parameter of nothing": lambda nn, torch: nn.Linear(2, 2).get_parameter("x"),
    "get_parameter of an attribute": lambda nn, torch: nn.Linear(2, 2).get_parameter("in_features"),
    "get_buffer of a parameter": lambda nn, torch: nn.Linear(2, 2).get_buffer("weight"),
    "get_buffer of nothing": lambda nn, torch: nn.Linear(2, 2).get_buffer("x"),
    "set_submodule of no name": lambda nn, torch: nn.Linear(2, 2).set_submodule("", nn.ReLU()),
    "set_submodule strictly": lambda nn, torch: nn.Linear(2, 2).set_submodule("a", nn.ReLU(), strict=True),
    "set_submodule to an int": lambda nn, torch: nn.Linear(2, 2).set_submodule("a", 3),
    "set_submodule over a parameter": lambda nn, torch: nn.Linear(2, 2).set_submodule("weight", nn.ReLU()),
    "set_submodule below nothing": lambda nn, torch: nn.Linear(2, 2).set_submodule("x.a", nn.ReLU()),
    "to an integer dtype": lambda nn, torch: nn.Linear(2, 2).to(torch.int32),
    "to a complex dtype": lambda nn, torch: nn.Linear(2, 2).to(torch.complex64),
    "to too much": lambda nn, torch: nn.Linear(2, 2).to("cpu", torch.float32, True, False, 5),
    "to an unknown keyword": lambda nn, torch: nn.Linear(2, 2).to(colour="red"),
    "train of an int": lambda nn, torch: nn.Linear(2, 2).train(3),
    "get_extra_state": lambda nn, torch: nn.Linear(2, 2).get_extra_state(),
    "set_extra_state": lambda nn, torch: nn.Linear(2, 2).set_extra_state(1),
    "load_state_dict of an int": lambda nn, torch: nn.Linear(2, 2).load_state_dict(3),
    "load_state_dict of a part": lambda nn, torch: nn.Linear(2, 2).load_state_dict({"weight": torch.ones(2, 2)}),
    "load_state_dict of too much": lambda nn, torch: nn.Linear(2, 2).load_state_dict(
        {"weight": torch.ones(2, 2), "bias": torch.ones(2), "more": torch.ones(1)}),
    "load_state_dict of a shape": lambda nn, torch: nn.Linear(2, 2).load_state_dict(
        {"weight": torch.ones(2, 3), "bias": torch.ones(2)}),
    "load_state_dict of no tensor": lambda nn, torch: nn.Linear(2, 2).load_state_dict(
        {"weight": 3, "bias": torch.ones(2)}),
    "state_dict by position": lambda nn, torch: nn.Linear(2, 2).state_dict({}, "p.") and None,
    "parameter before init": lambda nn, torch: _uninitialised(nn, nn.Parameter(torch.ones(1))),
    "module before init": lambda nn, torch: _uninitialised(nn, nn.Linear(1, 1)),
    "buffer before init": lambda nn, torch: _uninitialised(nn, nn.Buffer(torch.ones(1))),
    "register before init": lambda nn, torch: _uninitialised(nn, 3).register_buffer("y", None),
    "call before init": lambda nn, torch: _uninitialised(nn, 3)(3),
    "state_dict before init": lambda nn, torch: _uninitialised(nn, 3).state_dict(),
    "repr before init": lambda nn, torch: repr(_uninitialised(nn, 3)),
    "integer Parameter": lambda nn, torch: nn.Parameter(torch.ones(2, dtype=torch.int64)),
    "Parameter of an int": lambda nn, torch: nn.Parameter(3),
    "both kinds of backward hooks": lambda nn, torch: [
        m.register_full_backward_hook(print) and m.register_backward_hook(print) for m in [nn.Linear(1, 1)]],
    "wrong answer of a pre hook": lambda nn, torch: [
        (m.register_forward_pre_hook(lambda *args: 3, with_kwargs=True), m(torch.ones(1, 1))) for m in [nn.Linear(1, 1)]],
    "wrong answer of a load hook": lambda nn, torch: [
        (m.register_load_state_dict_post_hook(lambda *args: 3), m.load_state_dict(m.state_dict()))
        for m in [nn.Linear(1, 1)]],
    "Sequential index": lambda nn, torch: _sequential(nn)[2],
    "Sequential index by name": lambda nn, torch: _sequential(nn)["a"],
    "Sequential times 0": lambda nn, torch: _sequential(nn) * 0,
    "Sequential times 1.5": lambda nn, torch: _sequential(nn) * 1.5,
    "Sequential plus 3": lambda nn, torch: _sequential(nn) + 3,
    "Sequential insert far": lambda nn, torch: _sequential(nn).insert(3, nn.ReLU()),
    "Sequential insert of an int": lambda nn, torch: _sequential(nn).insert(0, 3),
    "Sequential append of an int": lambda nn, torch: _sequential(nn).append(3),
    "Sequential pop far": lambda nn, torch: _sequential(nn).pop(5),
    "Sequential extend of an int": lambda nn, torch: _sequential(nn).extend(3),
    "Sequential set to an int": lambda nn, torch: _sequential(nn).__setitem__(0, 3),
    "Sequential set far": lambda nn, torch: _sequential(nn).__setitem__(5, nn.ReLU()),
    "Sequential of a dict": lambda nn, torch: nn.Sequential({"a": nn.ReLU()}),
    "ModuleList index": lambda nn, torch: nn.ModuleList([nn.ReLU()])[1],
    "ModuleList index by name": lambda nn, torch: nn.ModuleList([nn.ReLU()])["a"],
    "ModuleList append of an int": lambda nn, torch: nn.ModuleList([nn.ReLU()]).append(3),
    "ModuleList pop far": lambda nn, torch: nn.ModuleList([nn.ReLU()]).pop(9),
    "ModuleList extend of an int": lambda nn, torch: nn.ModuleList([nn.ReLU()]).extend(3),
    "ModuleList call": lambda nn, torch: nn.ModuleList([nn.ReLU()])(3),
    "ModuleDict missing key": lambda nn, torch: nn.ModuleDict({"a": nn.ReLU()})["b"],
    "ModuleDict update of an int": lambda nn, torch: nn.ModuleDict().update(3),
    "ModuleDict update of a list": lambda nn, torch: nn.ModuleDict().update([3]),
    "ModuleDict update of triples": lambda nn, torch: nn.ModuleDict().update([(1, 2, 3)]),
    "ModuleDict update of an int value": lambda nn, torch: nn.ModuleDict().update([("a", 3)]),
    "ModuleDict key of a method": lambda nn, torch: nn.ModuleDict({"keys": nn.ReLU()}),
    "ParameterList of an int": lambda nn, torch: nn.ParameterList(3),
    "ParameterList of a tensor": lambda nn, torch: nn.ParameterList(torch.ones(2)),
    "ParameterList index": lambda nn, torch: nn.ParameterList([1])[3],
    "ParameterList call": lambda nn, torch: nn.ParameterList([1])(),
    "ParameterDict int key": lambda nn, torch: nn.ParameterDict({"a": 1})[3],
    "ParameterDict missing key": lambda nn, torch: nn.ParameterDict({"a": 1})["b"],
    "ParameterDict pop of nothing": lambda nn, torch: nn.ParameterDict({"a": 1}).pop("b"),
    "ParameterDict delete of nothing": lambda nn, torch: nn.ParameterDict({"a": 1}).__delitem__("b"),
    "ParameterDict update of an int": lambda nn, torch: nn.ParameterDict().update(3),
    "ParameterDict call": lambda nn, torch: nn.ParameterDict({"a": 1})(3),
    "Container": lambda nn, torch: nn.Container(a=nn.ReLU()) and None,
    "Linear of wrong width": lambda nn, torch: nn.Linear(2, 3)(torch.ones(1, 3)),
    "Bilinear of nothing": lambda nn, torch: nn.Bilinear(0, 1, 1),
    "Conv groups 0": lambda nn, torch: nn.Conv2d(2, 2, 1, groups=0),
    "Conv in by groups": lambda nn, torch: nn.Conv2d(3, 2, 1, groups=2),
    "Conv out by groups": lambda nn, torch: nn.Conv2d(2, 3, 1, groups=2),
    "Conv padding word": lambda nn, torch: nn.Conv2d(2, 2, 1, padding="big"),
    "Conv same with stride": lambda nn, torch: nn.Conv2d(2, 2, 1, 2, padding="same"),
    "Conv padding mode": lambda nn, torch: nn.Conv2d(2, 2, 1, padding_mode="big"),
    "ConvTranspose padding mode": lambda nn, torch: nn.ConvTranspose2d(2, 2, 1, padding_mode="reflect"),
    "ConvTranspose output size": lambda nn, torch: nn.ConvTranspose1d(1, 1, 3, 2)(torch.ones(1, 1, 4), [20]),
    "ConvTranspose output dims": lambda nn, torch: nn.ConvTranspose1d(1, 1, 3, 2)(torch.ones(1, 1, 4), [9, 9]),
    "BatchNorm1d dims": lambda nn, torch: nn.BatchNorm1d(2)(torch.ones(2)),
    "BatchNorm2d dims": lambda nn, torch: nn.BatchNorm2d(2)(torch.ones(2, 2)),
    "BatchNorm3d dims": lambda nn, torch: nn.BatchNorm3d(2)(torch.ones(2, 2)),
    "BatchNorm1d one value": lambda nn, torch: nn.BatchNorm1d(2)(torch.ones(1, 2)),
    "InstanceNorm2d dims": lambda nn, torch: nn.InstanceNorm2d(2)(torch.ones(2, 2)),
    "InstanceNorm1d channels": lambda nn, torch: nn.InstanceNorm1d(3, affine=True)(torch.ones(2, 2, 2)),
    "InstanceNorm1d other channels": lambda nn, torch: nn.InstanceNorm1d(3)(torch.ones(2, 2, 2)).shape,
    "InstanceNorm1d one value": lambda nn, torch: nn.InstanceNorm1d(2)(torch.ones(2, 2, 1)),
    "GroupNorm groups": lambda nn, torch: nn.GroupNorm(2, 3),
    "GroupNorm one value": lambda nn, torch: nn.GroupNorm(2, 2)(torch.ones(1, 2)),
    "LayerNorm shape": lambda nn, torch: nn.LayerNorm(3)(torch.ones(2, 2)),
    "Dropout probability": lambda nn, torch: nn.Dropout(1.5),
    "Dropout1d dims": lambda nn, torch: nn.Dropout1d()(torch.ones(2)),
    "Dropout2d of 3 dims": lambda nn, torch: nn.Dropout2d()(torch.ones(2, 2, 2)).shape,
    "Dropout3d of 2 dims": lambda nn, torch: nn.Dropout3d()(torch.ones(2, 2)).shape,
    "Hardtanh order": lambda nn, torch: nn.Hardtanh(1, -1),
    "Hardtanh old names": lambda nn, torch: repr(nn.Hardtanh(min_value=-2, max_value=2)),
    "Softmax without dim": lambda nn, torch: nn.Softmax()(torch.ones(2, 2)).shape,
    "Softmax2d dims": lambda nn, torch: nn.Softmax2d()(torch.ones(2, 2)),
    "GLU of a scalar": lambda nn, torch: nn.GLU()(torch.ones(())),
    "MultiheadAttention widths": lambda nn, torch: nn.MultiheadAttention(5, 2),
    "MultiheadAttention of nothing": lambda nn, torch: nn.MultiheadAttention(0, 2),
    "MultiheadAttention dims": lambda nn, torch: nn.MultiheadAttention(4, 2)(*[torch.ones(4)] * 3),
    "MultiheadAttention mixed dims": lambda nn, torch: nn.MultiheadAttention(4, 2)(
        torch.ones(2, 1, 4), torch.ones(2, 4), torch.ones(2, 4)),
    "MultiheadAttention mask shape": lambda nn, torch: nn.MultiheadAttention(4, 2)(
        *[torch.ones(2, 1, 4)] * 3, attn_mask=torch.zeros(3, 3)),
    "MultiheadAttention mask dims": lambda nn, torch: nn.MultiheadAttention(4, 2)(
        *[torch.ones(2, 1, 4)] * 3, attn_mask=torch.zeros(3)),
    "MultiheadAttention padding shape": lambda nn, torch: nn.MultiheadAttention(4, 2)(
        *[torch.ones(2, 1, 4)] * 3, key_padding_mask=torch.zeros(3, 3)),
    "MultiheadAttention integer mask": lambda nn, torch: nn.MultiheadAttention(4, 2)(
        *[torch.ones(2, 1, 4)] * 3, attn_mask=torch.zeros(2, 2, dtype=torch.int64)),
    "MultiheadAttention causal without mask": lambda nn, torch: nn.MultiheadAttention(4, 2)(
        *[torch.ones(2, 1, 4)] * 3, is_causal=True),
    "MultiheadAttention key and value": lambda nn, torch: nn.MultiheadAttention(4, 2)(
        torch.ones(2, 1, 4), torch.ones(2, 1, 4), torch.ones(3, 1, 4)),
    "MultiheadAttention mixed masks": lambda nn, torch: nn.MultiheadAttention(4, 2)(
        *[torch.ones(2, 1, 4)] * 3, attn_mask=torch.zeros(2, 2), key_padding_mask=torch.zeros(1, 2).bool())[0].shape,
    "Transformer activation": lambda nn, torch: nn.TransformerEncoderLayer(4, 2, activation="tanh"),
    "Transformer batch": lambda nn, torch: nn.Transformer(
        4, 2, 1, 1, 4, batch_first=True)(torch.ones(2, 2, 4), torch.ones(3, 2, 4)),
    "Transformer width": lambda nn, torch: nn.Transformer(
        4, 2, 1, 1, 4, batch_first=True)(torch.ones(2, 2, 3), torch.ones(2, 2, 3)),
    "RNN nonlinearity": lambda nn, torch: nn.RNN(2, 2, nonlinearity="x"),
    "RNN proj_size": lambda nn, torch: nn.RNN(2, 2, proj_size=1),
    "GRU proj_size": lambda nn, torch: nn.GRU(2, 2, proj_size=1),
    "LSTM proj_size negative": lambda nn, torch: nn.LSTM(2, 2, proj_size=-1),
    "LSTM proj_size large": lambda nn, torch: nn.LSTM(2, 2, proj_size=2),
    "LSTM dropout": lambda nn, torch: nn.LSTM(2, 2, dropout=2),
    "LSTM dropout of one layer": lambda nn, torch: repr(nn.LSTM(2, 2, dropout=0.5)),
    "LSTM hidden of float": lambda nn, torch: nn.LSTM(2, 2.0),
    "LSTM hidden 0": lambda nn, torch: nn.LSTM(2, 0),
    "LSTM layers 0": lambda nn, torch: nn.LSTM(2, 2, 0),
    "RNNBase mode": lambda nn, torch: nn.RNNBase("X", 2, 2),
    "LSTM dims": lambda nn, torch: nn.LSTM(2, 2)(torch.ones(2)),
    "LSTM width": lambda nn, torch: nn.LSTM(2, 2)(torch.ones(2, 1, 3)),
    "LSTM dtype": lambda nn, torch: nn.LSTM(2, 2)(torch.ones(2, 1, 2, dtype=torch.float64)),
    "LSTM state dims": lambda nn, torch: nn.LSTM(2, 2)(torch.ones(2, 1, 2), (torch.ones(1, 2), torch.ones(1, 2))),
    "LSTM state shape": lambda nn, torch: nn.LSTM(2, 2)(torch.ones(2, 1, 2), (torch.ones(1, 1, 3), torch.ones(1, 1, 3))),
    "GRU state dims": lambda nn, torch: nn.GRU(2, 2)(torch.ones(2, 1, 2), torch.ones(1, 2)),
    "GRU unbatched state dims": lambda nn, torch: nn.GRU(2, 2)(torch.ones(2, 2), torch.ones(1, 1, 2)),
    "GRU state shape": lambda nn, torch: nn.GRU(2, 2)(torch.ones(2, 1, 2), torch.ones(2, 1, 2)),
    "RNNCell dims": lambda nn, torch: nn.RNNCell(2, 2)(torch.ones(1, 2, 2)),
    "RNNCell width": lambda nn, torch: nn.RNNCell(2, 2)(torch.ones(1, 3)),
    "RNNCell state": lambda nn, torch: nn.RNNCell(2, 2)(torch.ones(1, 2), torch.ones(1, 3)),
    "RNNCell state rows": lambda nn, torch: nn.RNNCell(2, 2)(torch.ones(1, 2), torch.ones(2, 2)),
    "RNNCell nonlinearity": lambda nn, torch: nn.RNNCell(2, 2, nonlinearity="x")(torch.ones(1, 2)),
    "LSTMCell state dims": lambda nn, torch: nn.LSTMCell(2, 2)(torch.ones(1, 2), (torch.ones(1, 1, 2),) * 2),
    "Embedding padding": lambda nn, torch: nn.Embedding(2, 2, 2),
    "Embedding given weight": lambda nn, torch: nn.Embedding(2, 2, _weight=torch.ones(3, 2)),
    "Embedding pretrained dims": lambda nn, torch: nn.Embedding.from_pretrained(torch.ones(2)),
    "Embedding out of range": lambda nn, torch: nn.Embedding(2, 2)(torch.tensor([2])),
    "FractionalMaxPool without size": lambda nn, torch: nn.FractionalMaxPool2d(2),
    "FractionalMaxPool with both": lambda nn, torch: nn.FractionalMaxPool2d(2, 2, 0.5),
    "FractionalMaxPool ratio": lambda nn, torch: nn.FractionalMaxPool2d(2, output_ratio=1.5),
    "Unflatten size": lambda nn, torch: nn.Unflatten(1, 3),
    "Unflatten element": lambda nn, torch: nn.Unflatten(1, (1.5,)),
    "Unflatten dim": lambda nn, torch: nn.Unflatten(1.5, (1,)),
    "Unflatten name": lambda nn, torch: nn.Unflatten("a", [1]),
    "CircularPad1d dims": lambda nn, torch: nn.CircularPad1d(1)(torch.ones(2)),
    "CrossMapLRN2d dims": lambda nn, torch: nn.CrossMapLRN2d(2)(torch.ones(2)),
    "AdaptiveLogSoftmax no cutoffs": lambda nn, torch: nn.AdaptiveLogSoftmaxWithLoss(2, 4, []),
    "AdaptiveLogSoftmax cutoffs": lambda nn, torch: nn.AdaptiveLogSoftmaxWithLoss(2, 4, [2, 1]),
    "AdaptiveLogSoftmax target": lambda nn, torch: nn.AdaptiveLogSoftmaxWithLoss(2, 4, [2])(
        torch.ones(1, 2), torch.tensor([4])),
    "AdaptiveLogSoftmax sizes": lambda nn, torch: nn.AdaptiveLogSoftmaxWithLoss(2, 4, [2])(
        torch.ones(1, 2), torch.tensor([1, 1])),
    "loss with old flags": lambda nn, torch: nn.MSELoss(size_average=False).reduction,
    "loss with two old flags": lambda nn, torch: nn.MSELoss(size_average=False, reduce=False).reduction,
    "loss reduction": lambda nn, torch: nn.MSELoss(reduction="x")(torch.ones(1), torch.ones(1)),
    "NLLLoss2d": lambda nn, torch: repr(nn.NLLLoss2d()),
    "MultiMarginLoss p": lambda nn, torch: nn.MultiMarginLoss(3),
    "MultiMarginLoss weight": lambda nn, torch: nn.MultiMarginLoss(weight=torch.ones(2, 2)),
    "TripletMarginLoss margin": lambda nn, torch: nn.TripletMarginLoss(0),
    "TripletMarginWithDistanceLoss margin": lambda nn, torch: nn.TripletMarginWithDistanceLoss(margin=0),
    "deepcopy of a non-leaf": lambda nn, torch: copy.deepcopy(torch.ones(1, requires_grad=True) * 2),
    "pickle of a lambda hook": lambda nn, torch: [
        (m.register_forward_hook(lambda *args: None), pickle.dumps(m)) for m in [nn.ReLU()]],
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_outcome_agrees(call, oracle):
    """The same exception type, or the same plain result; and the same categories of warnings."""
    import frankentorch as ft

    (expected_kind, expected), expected_warnings = outcome(lambda: call(oracle.nn, oracle))
    (actual_kind, actual), actual_warnings = outcome(lambda: call(nn, ft))

    assert (expected_kind, expected_warnings) == (actual_kind, actual_warnings), (expected, actual)
    if expected_kind == "raises":
        assert type(expected) is type(actual), (expected, actual)
    elif isinstance(expected, (str, int, tuple)):
        assert expected == actual
