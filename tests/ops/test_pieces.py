"""Functions cut into pieces have the bits of their slow reference, in any place of a vector."""
import numpy as np
import pytest

import frankentorch as ft
from tests.reference import pieces

FUNCTIONS = {"tanh": ft.tanh, "erf": ft.erf, "sigmoid": ft.sigmoid, "silu": ft.nn.functional.silu, "gelu": ft.nn.functional.gelu}


def inputs():
    rng = np.random.default_rng(3)
    wide = rng.standard_normal(4000) * np.exp(rng.uniform(-30, 4, 4000))
    return np.concatenate([wide, rng.uniform(-20, 20, 4000), [0.0, -0.0, 1e-45, -1e-45]]).clip(-100, 100).astype(np.float32)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_bits_of_the_reference(name):
    x = inputs()

    assert getattr(pieces, name)(x).tobytes() == FUNCTIONS[name](ft.from_numpy(x)).numpy().tobytes()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_an_element_does_not_know_its_neighbours(name):
    x = ft.from_numpy(inputs()[:67])
    alone = ft.stack([FUNCTIONS[name](x[i]) for i in range(67)])

    assert alone.tolist() == FUNCTIONS[name](x).tolist() == FUNCTIONS[name](ft.stack([x, x], 1))[:, 1].tolist()


@pytest.mark.parametrize(("name", "far"), [("tanh", [-1.0, 1.0]), ("erf", [-1.0, 1.0]), ("sigmoid", [0.0, 1.0]),
                                           ("silu", [float("nan"), float("inf")]), ("gelu", [float("nan"), float("inf")])])
@pytest.mark.parametrize("dtype", [ft.float32, ft.float64])
def test_infinities(name, far, dtype):
    """minus infinity times a limit of 0 is no number."""
    found = FUNCTIONS[name](ft.tensor([float("-inf"), float("inf")], dtype=dtype)).tolist()

    assert found == pytest.approx(far, nan_ok=True)
