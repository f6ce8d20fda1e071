"""Containers as lists and dicts: the same program in both libraries gives the same texts."""
from collections import OrderedDict

import pytest

from frankentorch import nn


def sequential(nn, torch):
    model = nn.Sequential(nn.ReLU(), nn.Tanh(), nn.Sigmoid())
    yield model
    yield model[0:2]
    yield model[-1]
    yield len(model), [type(each).__name__ for each in model]
    del model[1]
    yield model
    yield model.pop(0)
    yield model.append(nn.ELU())
    yield model.insert(1, nn.GELU())
    yield model.insert(-1, nn.SELU())
    yield model.extend([nn.ReLU(), nn.ReLU()])
    yield model.extend(nn.Sequential(nn.Tanh()))
    model[0] = nn.Mish()
    yield model
    yield model + nn.Sequential(nn.ReLU())
    model += nn.Sequential(nn.ReLU())
    yield model
    small = nn.Sequential(nn.ReLU(), nn.Tanh())
    yield small * 2
    yield 3 * small
    small *= 2
    yield small
    del small[1:3]
    yield small
    named = nn.Sequential(OrderedDict(first=nn.Linear(2, 3), second=nn.ReLU()))
    yield named
    yield named[1:]
    yield named.first is named[0]
    del named[0]
    yield named
    yield nn.Sequential()
    yield nn.Sequential(nn.ReLU(), nn.Sequential())


def module_list(nn, torch):
    layers = nn.ModuleList([nn.ReLU(), nn.ReLU(), nn.Tanh()])
    yield layers
    yield layers[1:], layers[-1], len(layers)
    layers.append(nn.Tanh()).extend([nn.Linear(1, 2)])
    yield layers
    layers.insert(0, nn.ELU())
    yield layers
    yield layers.pop(-1)
    del layers[0:2]
    yield layers
    del layers[-1]
    yield layers
    layers[0] = nn.SELU()
    yield layers
    yield layers + [nn.ReLU()]
    layers += [nn.ReLU()]
    yield layers
    yield nn.ModuleList()
    yield nn.ModuleList([nn.ModuleList([nn.ReLU(), nn.ReLU()]), nn.Sequential(nn.ReLU(), nn.Tanh())])
    yield nn.ModuleList(each for each in [nn.ReLU()])
    yield list(nn.ModuleList([nn.Linear(1, 1)]).state_dict())
    yield nn.ModuleList([nn.ReLU(), None])


def module_dict(nn, torch):
    layers = nn.ModuleDict({"b": nn.ReLU(), "a": nn.Tanh()})
    yield layers
    yield list(layers), list(layers.keys()), len(layers), "b" in layers, "c" in layers
    yield [name for name, _ in layers.items()], [type(each).__name__ for each in layers.values()]
    layers["c"] = nn.ELU()
    layers.update([("d", nn.SELU()), ("a", nn.Mish())])
    yield layers
    layers.update(nn.ModuleDict({"e": nn.ReLU()}))
    layers.update(OrderedDict(f=nn.ReLU()))
    yield layers
    yield layers.pop("b")
    del layers["c"]
    yield layers
    layers.clear()
    yield layers


def parameter_list(nn, torch):
    values = nn.ParameterList([torch.ones(2, 3), 3, nn.Parameter(torch.ones(1)), torch.ones((), dtype=torch.float64)])
    yield values
    yield [type(each).__name__ for each in values]
    yield list(values.state_dict()), len(list(values.parameters()))
    values.append(torch.zeros(4)).extend(["text", nn.Linear(1, 1)])
    yield values
    yield values[1:3], values[-2], len(values)
    values[1] = torch.ones(7)
    yield values
    values += [nn.ParameterList([1])]
    yield values
    yield nn.ParameterList()


def parameter_dict(nn, torch):
    values = nn.ParameterDict({"b": torch.ones(2, 3), "a": 3, "c": torch.tensor(1.0)})
    yield values
    yield list(values), list(values.keys()), len(values), "a" in values, list(reversed(values))
    yield [key for key, _ in values.items()], [type(each).__name__ for each in values.values()]
    values["d"] = torch.ones(1, dtype=torch.float64)
    values.update([("z", torch.ones(1)), ("y", 4)])
    yield values
    values.update(OrderedDict(w=1, v=2))
    yield values
    yield values.pop("z").tolist(), values.popitem(), values.get("nothing"), values.get("a"), values.get("nothing", 5)
    yield values.setdefault("a", 9), values.setdefault("new", 9), values.setdefault("none")
    del values["a"]
    yield values
    yield values.copy()
    yield values.fromkeys(["p", "q"], 1)
    yield values | nn.ParameterDict({"r": 1})
    values |= nn.ParameterDict({"s": torch.ones(2)})
    yield values
    yield list(values.state_dict()), list(dict(values.named_parameters()))
    values.clear()
    yield values
    yield nn.ParameterDict([["x", 1], ["a", 2]])


PROGRAMS = [sequential, module_list, module_dict, parameter_list, parameter_dict]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda each: each.__name__)
def test_program_agrees(program, oracle):
    import frankentorch as ft

    expected = [repr(each) for each in program(oracle.nn, oracle)]
    actual = [repr(each) for each in program(nn, ft)]

    assert expected == actual


def test_sequential_calls_in_order():
    import frankentorch as ft

    model = nn.Sequential(nn.ReLU(), nn.Threshold(2.0, -1.0), nn.Tanhshrink())
    out = model(ft.tensor([-5.0, 1.0, 3.0]))

    assert [ft.tensor(-1.0) - ft.tensor(-1.0).tanh()] * 2 == list(out[:2])


def test_parameter_dict_keeps_numeric_names_apart():
    values = nn.ParameterDict({"1": 1, "10": 2})

    assert 2 == values["10"]
    assert ["1", "10"] == list(values)


def test_dir_of_a_list_has_no_numbers():
    assert not [name for name in dir(nn.ModuleList([nn.ReLU()])) if name.isdigit()]


def test_module_in_two_containers_is_trained_once():
    shared = nn.Linear(1, 1)

    assert 2 == len(list(nn.ModuleList([shared, nn.Sequential(shared)]).parameters()))
