"""The page of accuracy is the record's, and the record is of these bits."""
import math

import numpy as np
import pytest

from bench import accuracy, accuracy_special

RECORD = accuracy.read()


def test_page_shows_the_record():
    page = accuracy.PAGE.read_text()

    assert accuracy.rewritten(page, RECORD) == page, "run `python -m bench.accuracy --page`"


@pytest.mark.parametrize(("name", "kind"), [(name, kind) for name, row in RECORD.items() for kind in row])
def test_figures_are_of_these_bits(name, kind):
    dtype = "float64" if kind in ("float64", "many") else "float32"

    assert RECORD[name][kind]["digest"] == accuracy.digest(name, dtype), "run `python -m bench.accuracy`"


@pytest.mark.parametrize("name", [*accuracy.RANGES, *accuracy_special.CASES])
def test_every_function_has_both_figures(name):
    assert {"float32", "float64"} <= RECORD[name].keys()


def test_errors_count_in_last_places():
    exact = np.array([1.0, 1.0, 3e-45, np.nan, np.nan, np.inf, 3.4028236e38, 1.0])
    got = np.array([1.0, np.nextafter(np.float32(1), np.float32(2)), 2.8e-45, np.nan, 1.0, np.inf, np.inf, np.nan], np.float32)
    least = math.ldexp(1, -149)

    assert accuracy.errors(got, exact).tolist() == pytest.approx(
        [0.0, 1.0, abs(2 * least - 3e-45) / least, 0.0, math.inf, 0.0, (2.0**128 - 3.4028236e38) / 2.0**104, math.inf], rel=1e-3)


def test_stripes_meet_every_input_once():
    """167 is odd, so stripe * 167 mod 256 runs over all remainders; a stripe of a short range has each 256th pattern."""
    counts = [accuracy.swept("exp", first, accuracy.STRIPES, end=1000)[2] for first in range(accuracy.STRIPES)]

    assert sum(counts) == 1000
    assert sorted(stripe * 167 % accuracy.STRIPES for stripe in range(accuracy.STRIPES)) == list(range(accuracy.STRIPES))


@pytest.mark.parametrize("name", accuracy.SURE)
def test_errors_against_extended_precision_are_those_against_mpmath(name):
    mp = pytest.importorskip("mpmath").mp
    if np.finfo(np.longdouble).nmant != 63:
        pytest.skip("needs a C long double of 64 bits")

    ulp, at, count = accuracy.sampled_widely(name, 0, count=3000, block=1000)

    with mp.workprec(2400):
        exact = getattr(mp, name)(mp.mpf(at))
        error = abs(mp.mpf(float(accuracy.evaluate(name, np.array([at]))[0])) - exact) / mp.ldexp(1, mp.frexp(exact)[1] - 53)
    assert count == 3000
    assert ulp == pytest.approx(float(error), abs=2e-3)


@pytest.mark.parametrize(("name", "arguments", "value"), [
    ("igamma", (0.5, 2), lambda mp: mp.erf(mp.sqrt(2))),
    ("igammac", (3, 9), lambda mp: mp.exp(-9) * (1 + 9 + mp.mpf(81) / 2)),
    ("igammac", (3, 1), lambda mp: mp.exp(-1) * (1 + 1 + mp.mpf(1) / 2)),
    ("ndtri", (0.25,), lambda mp: -mp.sqrt(2) * mp.erfinv(0.5)),
    ("ndtri", (0.75,), lambda mp: mp.sqrt(2) * mp.erfinv(0.5)),
    ("log_ndtr", (-3,), lambda mp: mp.log(mp.ncdf(-3))),
    ("log_ndtr", (6,), lambda mp: mp.log(mp.ncdf(6))),
    ("mish", (-2,), lambda mp: -2 * mp.tanh(mp.log(1 + mp.exp(-2)))),
])
def test_exact_values_are_exact(name, arguments, value):
    mp = pytest.importorskip("mpmath").mp
    with mp.workprec(300):
        found = getattr(accuracy_special.Exact(mp), name)(*map(mp.mpf, arguments))

        assert abs(found / value(mp) - 1) < 1e-60


def test_a_wrong_result_is_found(monkeypatch):
    pytest.importorskip("mpmath")
    right = accuracy_special.evaluate
    monkeypatch.setattr(accuracy_special, "evaluate", lambda name, arrays: right(name, arrays) * (1 + 2.0**-40))

    assert accuracy_special.measured("hypot", "float64")[0] == pytest.approx(2.0**13, rel=0.01)
