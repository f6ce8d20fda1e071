"""Initial weights: the oracle's bits for a seed, and the distributions by their definition."""
import math

import pytest

from frankentorch.nn import init
from tests.nn.oracle import assert_close, outcome

CALLS = {
    "uniform_": lambda init, t: init.uniform_(t, -0.3, 0.7),
    "normal_": lambda init, t: init.normal_(t, 1.0, 0.2),
    "trunc_normal_": lambda init, t: init.trunc_normal_(t, 0.1, 0.5, -0.3, 1.0),
    "trunc_normal_ tail": lambda init, t: init.trunc_normal_(t, 0.0, 1.0, 2.0, 3.0),
    "trunc_normal_ narrow": lambda init, t: init.trunc_normal_(t, 0.2, 0.5, 0.1, 0.2),
    "trunc_normal_ far": lambda init, t: init.trunc_normal_(t, 5.0, 1.0, -1.0, 1.0),
    "constant_": lambda init, t: init.constant_(t, 0.3),
    "ones_": lambda init, t: init.ones_(t),
    "zeros_": lambda init, t: init.zeros_(t),
    "eye_": lambda init, t: init.eye_(t),
    "dirac_": lambda init, t: init.dirac_(t),
    "dirac_ groups": lambda init, t: init.dirac_(t, 2),
    "xavier_uniform_": lambda init, t: init.xavier_uniform_(t, 1.3),
    "xavier_normal_": lambda init, t: init.xavier_normal_(t),
    "kaiming_uniform_": lambda init, t: init.kaiming_uniform_(t, 0.2),
    "kaiming_uniform_ fan_out": lambda init, t: init.kaiming_uniform_(t, mode="fan_out", nonlinearity="relu"),
    "kaiming_normal_": lambda init, t: init.kaiming_normal_(t, nonlinearity="tanh"),
    "kaiming mode": lambda init, t: init.kaiming_normal_(t, mode="x"),
    "orthogonal_": lambda init, t: init.orthogonal_(t, 1.5),
    "sparse_": lambda init, t: init.sparse_(t, 0.4),
    "uniform": lambda init, t: init.uniform(t),
    "kaiming_normal": lambda init, t: init.kaiming_normal(t),
}
# Nothing but the random numbers and arithmetic that every machine does alike; QR is allowed its rounding.
SHAPES = [(6, 4), (4, 6), (4, 2, 3), (4, 6, 3, 3), (5,), (0, 3), (2, 2, 1, 2, 2, 2)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", CALLS)
def test_bits_agree(name, shape, oracle):
    """For one seed every value has the oracle's bits; errors have its type, warnings its category."""
    import frankentorch as ft

    results = []
    for library, library_init in ((oracle, oracle.nn.init), (ft, init)):
        library.manual_seed(4)
        tensor = library.empty(shape).fill_(7.0)
        results.append(outcome(lambda: CALLS[name](library_init, tensor)))
    ((expected_kind, expected), expected_warnings), ((actual_kind, actual), actual_warnings) = results

    assert (expected_kind, expected_warnings) == (actual_kind, actual_warnings), (expected, actual)
    if expected_kind == "raises":
        assert type(expected) is type(actual), (expected, actual)
    else:
        tolerance = 1e-6 if "orthogonal" in name else 0
        assert_close(expected, actual, oracle, tolerance, tolerance)


def test_generator_is_used(oracle):
    """The same numbers from a generator of one's own, and the global one untouched."""
    import frankentorch as ft

    ft.manual_seed(0)
    before = ft.rand(1).item()
    ft.manual_seed(0)
    for fill in (init.uniform_, init.normal_, init.trunc_normal_, init.xavier_uniform_, init.xavier_normal_,
                 init.kaiming_uniform_, init.kaiming_normal_, init.orthogonal_):
        expected = getattr(oracle.nn.init, fill.__name__)(oracle.empty(3, 3), generator=oracle.Generator().manual_seed(9))
        actual = fill(ft.empty(3, 3), generator=ft.Generator().manual_seed(9))
        tolerance = 1e-6 if fill is init.orthogonal_ else 0
        assert_close(expected, actual, oracle, tolerance, tolerance)

    assert before == ft.rand(1).item()


GAINS = {"linear": 1, "conv2d": 1, "conv_transpose3d": 1, "sigmoid": 1, "tanh": 5 / 3, "relu": math.sqrt(2),
         "selu": 0.75, "leaky_relu": math.sqrt(2 / (1 + 0.01 ** 2))}


@pytest.mark.parametrize("name, gain", GAINS.items(), ids=GAINS.keys())
def test_gain(name, gain):
    assert gain == init.calculate_gain(name)


def test_gain_of_a_slope():
    assert math.sqrt(2 / 5) == init.calculate_gain("leaky_relu", 2)


@pytest.mark.parametrize("arguments", [("leaky_relu", True), ("leaky_relu", "x"), ("elu",)], ids=str)
def test_gain_refuses(arguments):
    with pytest.raises(ValueError):
        init.calculate_gain(*arguments)


def test_eye_and_dirac_by_hand():
    import frankentorch as ft

    assert [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]] == init.eye_(ft.empty(2, 3)).tolist()
    assert [[[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]], [[0.0, 0.0, 0.0], [0.0, 1.0, 0.0]]] == init.dirac_(
        ft.empty(2, 2, 3)).tolist()


def test_orthogonal_rows_have_length_gain():
    """Fewer rows than columns: Q Q^T = gain**2 I."""
    import frankentorch as ft

    ft.manual_seed(0)
    weight = init.orthogonal_(ft.empty(3, 5, dtype=ft.float64), 2.0)
    error = (weight @ weight.T - 4 * ft.eye(3, dtype=ft.float64)).abs().max().item()

    assert error < 1e-12


def test_sparse_zeroes_the_fraction_of_each_column():
    import frankentorch as ft

    ft.manual_seed(0)
    weight = init.sparse_(ft.empty(10, 4), 0.35)

    assert [4, 4, 4, 4] == (weight == 0).sum(0).tolist()


def test_filling_records_nothing():
    import frankentorch as ft

    weight = ft.empty(2, 2, requires_grad=True)
    init.kaiming_uniform_(weight)

    assert weight.grad_fn is None
    assert weight.requires_grad
