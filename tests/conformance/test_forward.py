"""The forward-mode checks pass on our library and report each planted fault."""
import types

import pytest

import frankentorch as ft
from tests.oracle import require


def check(key, dtype, subject, samples=2):
    torch = require()
    from conformance import report
    from conformance.entries import database
    from conformance.forward import ForwardChecker

    return report.summarise(ForwardChecker(database()[key], dtype, torch, subject).run(samples).as_dict())


def altered(change):
    """The package with tangents changed on their way out."""
    made = types.ModuleType("altered")
    made.__getattr__ = lambda name: getattr(ft, name)
    made.autograd = types.ModuleType("altered.autograd")
    made.autograd.__getattr__ = lambda name: getattr(ft.autograd, name)
    forward = ft.autograd.forward_ad
    made.autograd.forward_ad = types.SimpleNamespace(
        dual_level=forward.dual_level, make_dual=forward.make_dual,
        unpack_dual=lambda t: types.SimpleNamespace(tangent=change(forward.unpack_dual(t).tangent)))
    return made


@pytest.mark.parametrize("key", ["mul", "sort", "nn.functional.layer_norm", "add"])
def test_our_tangents_pass(key):
    passed, failed = check(key, "float64", ft)

    assert {} == failed
    assert {"jvp", "jvp_grad"} <= set(passed)


def test_a_tangent_off_by_a_thousandth_is_reported():
    passed, failed = check("mul", "float64", altered(lambda t: t * 1.001))

    assert "jvp" in failed and "jvp_grad" in failed


def test_a_lost_tangent_is_reported():
    assert "jvp" in check("exp", "float32", altered(lambda t: None))[1]


def test_a_wrong_rule_is_reported(monkeypatch):
    """`linear` on sin would give sin(t)."""
    from frankentorch.autograd import rules_forward

    monkeypatch.setattr(rules_forward, "elementwise", rules_forward.linear)
    failed = check("sin", "float64", ft)[1]

    assert "sin (elementwise): differs" in failed["jvp_rule"]
    assert "jvp" in failed


def test_dtypes_without_forward_mode_are_passed_over():
    assert ((), {}) == check("mul", "int64", ft)
