"""Module: registries, walks, conversions, state, copies. Values worked out by hand; no oracle needed."""
import copy
import pickle
from collections import OrderedDict

import pytest

from frankentorch import nn


class Net(nn.Module):
    """A layer used twice, a buffer, a buffer that is not saved, an empty slot of each kind."""

    def __init__(self):
        import frankentorch as ft

        super().__init__()
        self.first = nn.Linear(2, 2)
        self.second = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
        self.again = self.first
        self.scale = nn.Parameter(ft.ones(2))
        self.register_buffer("count", ft.zeros(1))
        self.register_buffer("cache", ft.zeros(1), persistent=False)
        self.register_parameter("no_weight", None)
        self.register_buffer("no_buffer", None)
        self.no_module = None
        self.add_module("empty", None)

    def forward(self, x):
        return self.again(self.second(self.first(x))) * self.scale


@pytest.fixture
def net():
    return Net()


PARAMETERS = ["scale", "first.weight", "first.bias", "second.0.weight", "second.0.bias", "second.1.weight",
              "second.1.bias"]


def test_named_parameters_are_in_order_and_once(net):
    assert PARAMETERS == [name for name, _ in net.named_parameters()]
    assert 7 == len(list(net.parameters()))
    assert ["scale"] == [name for name, _ in net.named_parameters(recurse=False)]
    assert ["p.scale"] == [name for name, _ in net.named_parameters("p", recurse=False)]


def test_named_parameters_with_duplicates(net):
    names = [name for name, _ in net.named_parameters(remove_duplicate=False)]

    assert PARAMETERS + ["again.weight", "again.bias"] == names


def test_named_buffers(net):
    assert ["count", "cache", "second.1.running_mean", "second.1.running_var", "second.1.num_batches_tracked"] == [
        name for name, _ in net.named_buffers()]
    assert 5 == len(list(net.buffers()))


def test_named_modules(net):
    assert ["", "first", "second", "second.0", "second.1"] == [name for name, _ in net.named_modules()]
    assert ["", "first", "second", "second.0", "second.1", "again"] == [
        name for name, _ in net.named_modules(remove_duplicate=False)]
    assert 5 == len(list(net.modules()))
    assert ["first", "second"] == [name for name, _ in net.named_children()]
    assert [net.first, net.second] == list(net.children())


def test_get_by_path(net):
    assert net is net.get_submodule("")
    assert net.second[1] is net.get_submodule("second.1")
    assert net.second[0].weight is net.get_parameter("second.0.weight")
    assert net.second[1].running_var is net.get_buffer("second.1.running_var")


def test_set_submodule(net):
    new = nn.ReLU()
    net.set_submodule("second.1", new)
    net.set_submodule("second.extra", nn.Tanh())

    assert new is net.second[1]
    assert 3 == len(net.second)


def test_assignment_moves_a_name_between_registries(net):
    import frankentorch as ft

    net.plain = 3
    net.plain = nn.Parameter(ft.ones(1))
    assert "plain" not in net.__dict__
    net.plain = None
    assert net._parameters["plain"] is None
    del net.plain
    net.plain = nn.ReLU()
    assert "plain" in net._modules
    net.plain = nn.Parameter(ft.ones(1))
    assert "plain" not in net._modules
    net.count = ft.ones(1)
    assert [1.0] == net._buffers["count"].tolist()
    net.count = nn.Buffer(ft.ones(2), persistent=False)
    assert "count" in net._non_persistent_buffers_set


def test_none_before_assignment_is_a_plain_attribute(net):
    assert net.__dict__["no_module"] is None
    net.no_module = nn.ReLU()
    assert "no_module" not in net.__dict__


def test_delete(net):
    del net.scale, net.cache, net.second
    assert not hasattr(net, "scale")
    assert "cache" not in net._non_persistent_buffers_set
    assert ["first"] == [name for name, _ in net.named_children()]


def test_dir_lists_registered_names(net):
    names = dir(net)
    assert {"first", "scale", "count", "training", "forward"} <= set(names)
    assert not any(name[0].isdigit() for name in dir(net.second))


def test_train_and_eval(net):
    assert net is net.eval()
    assert [False] * 5 == [module.training for module in net.modules()]
    assert net is net.train()
    assert net.second[1].training


def test_apply_goes_children_first(net):
    seen = []
    net.apply(lambda module: seen.append(type(module).__name__))

    assert ["Linear", "Linear", "BatchNorm1d", "Sequential", "Net"] == seen


def test_double_keeps_integers_and_identity(net):
    import frankentorch as ft

    before = list(net.parameters())
    net.double()

    assert all(one is other for one, other in zip(before, net.parameters()))
    assert {ft.float64} == {each.dtype for each in net.parameters()}
    assert ft.int64 == net.second[1].num_batches_tracked.dtype
    assert ft.float64 == net.second[1].running_mean.dtype
    assert net.again is net.first


@pytest.mark.parametrize("method, dtype", [("float", "float32"), ("half", "float16"), ("bfloat16", "bfloat16")])
def test_casts(method, dtype, net):
    import frankentorch as ft

    getattr(net, method)()
    assert {getattr(ft, dtype)} == {each.dtype for each in net.parameters()}


def test_to_takes_every_form(net):
    import frankentorch as ft

    for arguments, options in [((ft.float64,), {}), (("cpu",), {}), (("cpu", ft.float32), {}),
                               ((ft.device("cpu"), None, True), {}), ((ft.ones(1, dtype=ft.float64),), {}),
                               ((), {"dtype": ft.float32, "device": "cpu"}), ((), {})]:
        assert net is net.to(*arguments, **options)
    assert ft.float32 == net.scale.dtype


def test_cast_converts_gradients(net):
    import frankentorch as ft

    net(ft.ones(3, 2)).sum().backward()
    grad = net.scale.grad.tolist()
    net.double()

    assert ft.float64 == net.scale.grad.dtype
    assert grad == net.scale.grad.tolist()


def test_type_casts_everything(net):
    import frankentorch as ft

    net.type(ft.float64)
    assert ft.float64 == net.second[1].num_batches_tracked.dtype


def test_meta_and_to_empty():
    import frankentorch as ft

    layer = nn.Linear(2, 3, device="meta")
    assert layer.weight.is_meta
    layer.to_empty(device="cpu")

    assert "cpu" == layer.weight.device.type
    assert (3, 2) == tuple(layer.weight.shape)
    assert isinstance(layer.weight, nn.Parameter)
    assert ft.float32 == layer.weight.dtype


def test_requires_grad_and_zero_grad(net):
    import frankentorch as ft

    net(ft.ones(3, 2)).sum().backward()
    net.zero_grad(set_to_none=False)
    assert [0.0, 0.0] == net.scale.grad.tolist()
    net.zero_grad()
    assert net.scale.grad is None
    assert net is net.requires_grad_(False)
    assert not any(each.requires_grad for each in net.parameters())


STATE = ["scale", "count", "first.weight", "first.bias", "second.0.weight", "second.0.bias", "second.1.weight",
         "second.1.bias", "second.1.running_mean", "second.1.running_var", "second.1.num_batches_tracked",
         "again.weight", "again.bias"]


def test_state_dict_names_sharing_and_versions(net):
    state = net.state_dict()

    assert STATE == list(state)
    assert isinstance(state, OrderedDict)
    assert state["scale"].data_ptr() == net.scale.data_ptr()
    assert not state["scale"].requires_grad
    assert net.scale is net.state_dict(keep_vars=True)["scale"]
    assert ["", "first", "second", "second.0", "second.1", "again"] == list(state._metadata)
    assert {"version": 2} == state._metadata["second.1"]


def test_state_dict_destination_and_prefix(net):
    given = OrderedDict()

    assert given is net.state_dict(destination=given, prefix="x.")
    assert ["x." + name for name in STATE] == list(given)


def test_load_copies_in_place(net):
    other = Net()
    other.scale.data.fill_(9)
    other.count.fill_(4)
    pointer = net.scale.data_ptr()
    answer = net.load_state_dict(other.state_dict())

    assert "<All keys matched successfully>" == str(answer) == repr(answer)
    assert ([], []) == tuple(answer)
    assert [9.0, 9.0] == net.scale.tolist()
    assert [4.0] == net.count.tolist()
    assert pointer == net.scale.data_ptr()


def test_load_assign_takes_the_tensors_themselves():
    import frankentorch as ft

    layer = nn.Linear(1, 1)
    layer.bias.requires_grad_(False)
    weight, bias = ft.ones(1, 1, dtype=ft.float64), nn.Parameter(ft.zeros(1))
    layer.load_state_dict({"weight": weight, "bias": bias}, assign=True)

    assert ft.float64 == layer.weight.dtype
    assert weight.data_ptr() == layer.weight.data_ptr()
    assert isinstance(layer.weight, nn.Parameter)
    assert bias is layer.bias
    assert not bias.requires_grad


def test_load_strict_names_everything(net):
    import frankentorch as ft

    state = net.state_dict()
    del state["scale"], state["first.bias"]
    state["more"] = ft.ones(1)
    state["first.more"] = ft.ones(1)
    state["second.0.weight"] = ft.ones(3, 2)
    with pytest.raises(RuntimeError) as caught:
        net.load_state_dict(state)
    text = str(caught.value)

    assert "Error(s) in loading state_dict for Net:" in text
    assert 'Missing key(s) in state_dict: "scale", "first.bias". ' in text
    assert 'Unexpected key(s) in state_dict: "more", "first.more". ' in text
    assert "size mismatch for second.0.weight: copying a param with shape torch.Size([3, 2]) from checkpoint" in text


def test_load_not_strict_reports(net):
    answer = net.load_state_dict({"scale": net.scale.detach() * 0, "more": 1}, strict=False)

    assert ["more"] == answer.unexpected_keys
    assert [name for name in STATE[1:] if "num_batches_tracked" not in name] == answer.missing_keys
    assert [0.0, 0.0] == net.scale.tolist()


def test_load_reads_one_element_as_scalar():
    import frankentorch as ft

    module = nn.Module()
    module.register_buffer("count", ft.zeros(()))
    module.load_state_dict({"count": ft.ones(1)})

    assert 1.0 == module.count.item()


def test_load_of_an_old_batch_norm():
    """Version 1 had no batch counter."""
    import frankentorch as ft

    layer = nn.BatchNorm1d(2)
    layer.num_batches_tracked.fill_(7)
    state = {name: value for name, value in layer.state_dict().items() if name != "num_batches_tracked"}
    layer.load_state_dict(state)

    assert 7 == layer.num_batches_tracked.item()
    with_version = OrderedDict(state)
    with_version._metadata = {"": {"version": 2}}
    with pytest.raises(RuntimeError, match="num_batches_tracked"):
        nn.BatchNorm1d(2).load_state_dict(with_version)
    assert ft.int64 == layer.num_batches_tracked.dtype


def test_extra_state():
    class Counted(nn.Module):
        def __init__(self):
            super().__init__()
            self.calls = 0

        def get_extra_state(self):
            return {"calls": self.calls}

        def set_extra_state(self, state):
            self.calls = state["calls"]

    module = nn.Sequential(Counted())
    module[0].calls = 5
    state = module.state_dict()
    other = nn.Sequential(Counted())
    other.load_state_dict(state)

    assert ["0._extra_state"] == list(state)
    assert 5 == other[0].calls
    with pytest.raises(RuntimeError, match="Missing key"):
        other.load_state_dict({})
    with pytest.raises(RuntimeError, match="Unexpected key"):
        nn.Sequential(nn.ReLU()).load_state_dict(state)


def test_deepcopy_is_separate_and_keeps_ties(net):
    twin = copy.deepcopy(net)

    assert twin.first is twin.again
    assert twin.first is not net.first
    twin.scale.data.fill_(3)
    assert [1.0, 1.0] == net.scale.tolist()


def test_pickle_round_trip(net):
    again = pickle.loads(pickle.dumps(net.eval()))

    assert repr(net) == repr(again)
    assert again.first is again.again
    assert not again.training
    for name, value in net.state_dict().items():
        assert value.tolist() == again.state_dict()[name].tolist()


def test_setstate_fills_what_old_pickles_lack():
    layer = nn.Linear(1, 1)
    state = dict(layer.__dict__)
    for name in ("_backward_pre_hooks", "_forward_hooks_with_kwargs", "_load_state_dict_post_hooks"):
        del state[name]
    old = nn.Linear.__new__(nn.Linear)
    old.__setstate__(state)

    assert {} == old._forward_hooks_with_kwargs
    old(layer.weight.detach())


def test_repr_of_nested_modules():
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.ModuleList([nn.ReLU(), nn.ReLU(), nn.Tanh()])
            self.add_module("empty", None)

        def extra_repr(self):
            return "one=1\ntwo=2"

    expected = """Block(
  one=1
  two=2
  (layers): ModuleList(
    (0-1): 2 x ReLU()
    (2): Tanh()
  )
  (empty): None
)"""
    assert expected == repr(Block())


def test_call_super_init_passes_arguments_on():
    class Other:
        def __init__(self, colour=None):
            self.colour = colour

    class Both(nn.Module, Other):
        call_super_init = True

        def __init__(self):
            super().__init__(colour="red")

    assert "red" == Both().colour


def test_forward_assigned_to_the_instance_is_called():
    layer = nn.ReLU()
    layer.forward = lambda x: x + 1

    assert 3 == layer(2)


def test_compile_is_not_there_yet():
    with pytest.raises(AttributeError):
        nn.ReLU().compile()


def test_linear_by_hand():
    import frankentorch as ft

    layer = nn.Linear(2, 1)
    layer.weight.data.copy_(ft.tensor([[2.0, 3.0]]))
    layer.bias.data.fill_(1.0)

    assert [[9.0], [6.0]] == layer(ft.tensor([[1.0, 2.0], [1.0, 1.0]])).tolist()


def test_importing_nn_loads_no_layer(monkeypatch):
    """`import frankentorch` must stay quick: files are read when asked for."""
    import importlib
    import sys

    import frankentorch as ft

    monkeypatch.setattr(ft, "nn", nn, raising=False)
    for name in [name for name in sys.modules if name.startswith("frankentorch.nn")]:
        monkeypatch.delitem(sys.modules, name)
    fresh = importlib.import_module("frankentorch.nn")
    loaded = {name for name in sys.modules if name.startswith("frankentorch.nn")}

    assert {"frankentorch.nn", "frankentorch.nn.modules"} == loaded
    assert fresh is not nn
    for name in loaded:
        monkeypatch.delitem(sys.modules, name)
