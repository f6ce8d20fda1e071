"""The examiner of vmap holds for right rules and finds a wrong one."""
import pytest


@pytest.fixture
def entries(oracle):
    from conformance.entries import database
    return database()


@pytest.mark.parametrize("key", ["add", "index_select", "nn.functional.layer_norm"])
def test_right_rules_pass(entries, oracle, ft_module, key):
    from conformance import vmap
    seen = vmap.examine(entries[key], ft_module, oracle, samples=2)

    assert (seen.verdict, seen.failures) == ("passes", []) and seen.held > 5


def test_a_wrong_rule_is_found(entries, oracle, ft_module, monkeypatch):
    from conformance import vmap
    from frankentorch import batching
    monkeypatch.setitem(batching.NAMED, "index_select", lambda call: call.run(call.full(0), 1, call.args[2] if not call.batched[2] else call.args[2][0]))
    seen = vmap.examine(entries["index_select"], ft_module, oracle, samples=3)

    assert seen.verdict == "fails"


def test_results_are_recorded_for_each_tier():
    """At most one entry in twenty of a tier may fail, and each has its reason beside it."""
    import json

    from conformance.vmap import PATH
    for tier, record in json.loads(PATH.read_text()).items():
        assert len(record["fails"]) <= 0.05 * (record["passes"] + len(record["fails"])), tier
        assert all(record["fails"].values())
