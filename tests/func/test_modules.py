"""functional_call, stack_module_state, rearrange and the small rest."""
import pytest


class Tied:
    def __new__(cls, ft):
        class Module(ft.nn.Module):
            def __init__(self):
                super().__init__()
                self.a = ft.nn.Parameter(ft.ones(1))
                self.b = self.a
                self.register_buffer("count", ft.zeros(1))

            def forward(self, x):
                self.count = self.count + 1
                return x * self.a + self.b
        return Module()


def test_a_module_runs_with_other_tensors(ft):
    model = ft.nn.Linear(2, 1)
    kept = model.weight
    out = ft.func.functional_call(model, {"weight": ft.tensor([[2., 3.]]), "bias": ft.tensor([1.])}, ft.tensor([1., 1.]))

    assert out.tolist() == [6.0] and model.weight is kept


def test_a_module_has_its_own_back_after_an_error(ft):
    model = ft.nn.Linear(2, 1)
    kept = model.weight
    with pytest.raises(RuntimeError):
        ft.func.functional_call(model, {"weight": ft.ones(1, 5)}, ft.ones(2))

    assert model.weight is kept


def test_tied_parameters(ft):
    model = Tied(ft)

    assert ft.func.functional_call(model, {"a": ft.zeros(1)}, ft.ones(1)).tolist() == [0.0]
    assert ft.func.functional_call(model, {"a": ft.zeros(1)}, ft.ones(1), tie_weights=False).tolist() == [1.0]
    with pytest.raises(ValueError, match="which are tied"):
        ft.func.functional_call(model, {"a": ft.zeros(1), "b": ft.ones(1)}, ft.ones(1))


def test_strict_names(ft):
    model = ft.nn.Linear(2, 1)
    with pytest.raises(RuntimeError, match=r"Missing key\(s\): 'bias'"):
        ft.func.functional_call(model, {"weight": model.weight}, ft.ones(2), strict=True)
    with pytest.raises(RuntimeError, match=r"Unexpected key\(s\): 'x'"):
        ft.func.functional_call(model, {"weight": model.weight, "bias": model.bias, "x": model.bias}, ft.ones(2), strict=True)


def test_dicts_may_not_overlap(ft):
    model = ft.nn.Linear(2, 1)
    with pytest.raises(ValueError, match="appeared in multiple dictionaries"):
        ft.func.functional_call(model, ({"weight": model.weight}, {"weight": model.weight}), ft.ones(2))
    with pytest.raises(ValueError, match="to be a dict"):
        ft.func.functional_call(model, 3, ft.ones(2))


def test_what_the_module_sets_goes_into_the_dict(ft):
    given = {"count": ft.tensor([4.])}
    ft.func.functional_call(Tied(ft), given, ft.ones(1))

    assert given["count"].tolist() == [5.0]


def test_the_old_name_warns(ft):
    from importlib import import_module
    stateless = import_module(ft.__name__ + ".nn.utils.stateless")
    model = ft.nn.Linear(1, 1)
    with pytest.warns(FutureWarning):
        stateless.functional_call(model, {"weight": ft.tensor([[2.]]), "bias": ft.tensor([0.])}, ft.ones(1))


def test_stacked_state(ft):
    parameters, buffers = ft.func.stack_module_state([ft.nn.BatchNorm1d(2) for _ in range(3)])

    assert tuple(parameters["weight"].shape) == (3, 2) and parameters["weight"].requires_grad and parameters["weight"].is_leaf
    assert tuple(buffers["num_batches_tracked"].shape) == (3,)
    with pytest.raises(RuntimeError, match="at least one model"):
        ft.func.stack_module_state([])
    with pytest.raises(RuntimeError, match="same class"):
        ft.func.stack_module_state([ft.nn.Linear(1, 1), ft.nn.ReLU()])
    with pytest.raises(RuntimeError, match="training/eval"):
        ft.func.stack_module_state([ft.nn.Linear(1, 1), ft.nn.Linear(1, 1).eval()])


def test_batch_norm_without_running_statistics(ft):
    model = ft.func.replace_all_batch_norm_modules_(ft.nn.Sequential(ft.nn.BatchNorm1d(2)))

    assert model[0].running_mean is None
    assert tuple(ft.vmap(model)(ft.randn(3, 4, 2)).shape) == (3, 4, 2)


def test_batch_norm_refuses_to_share_running_statistics(ft):
    with pytest.raises(RuntimeError, match="Batch norm got a batched tensor as input"):
        ft.vmap(ft.nn.BatchNorm1d(2))(ft.randn(3, 4, 2))


@pytest.mark.parametrize("pattern, sizes, shape", [
    ("a b c -> c (a b)", {}, (4, 6)), ("a b (c d) -> a b c d", {"c": 2}, (2, 3, 2, 2)), ("... c -> c ...", {}, (4, 2, 3)), ("a b c -> a 1 b c", {}, (2, 1, 3, 4)),
    ("a b c -> () a b c", {}, (1, 2, 3, 4)), ("a (b) ... -> (a ...) b", {}, (8, 3))])
def test_rearranged_shapes(ft, pattern, sizes, shape):
    assert tuple(ft.func.rearrange(ft.zeros(2, 3, 4), pattern, **sizes).shape) == shape


def test_rearranged_values(ft):
    assert ft.func.rearrange(ft.arange(6).reshape(2, 3), "a b -> (b a)").tolist() == [0, 3, 1, 4, 2, 5]


@pytest.mark.parametrize("pattern", ["a b -> b a", "a b c -> b a", "a b c b a", "a (...) c -> a c"])
def test_patterns_that_do_not_fit(ft, pattern):
    with pytest.raises(ValueError):
        ft.func.rearrange(ft.zeros(2, 3, 4), pattern)


def test_unwrapping_an_example(ft):
    seen = []
    ft.vmap(lambda row: (seen.append(ft.func.debug_unwrap(row)), row)[1])(ft.ones(2, 3))

    assert tuple(seen[0].shape) == (2, 3)
    assert ft.func.debug_unwrap(ft.ones(2)).tolist() == [1.0, 1.0]
