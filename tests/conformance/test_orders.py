"""The count of derivatives that agree."""
from conformance.report import orders


def entry(passed, **failed):
    return {"results": [{"dtypes": "float64", "passed": passed, **({"failed": failed} if failed else {})}]}


def test_derivatives_are_counted_by_what_was_compared():
    entries = {"a": entry("forward grad grad2"), "b": entry("forward grad", grad2="sample 0: value"), "c": entry("forward grad"),
               "d": entry("", forward="sample 0: no such function: x"), "e": entry("forward", grad="sample 1: raised"), "f": entry("forward")}
    first, second = orders(entries, {"a", "b", "c", "d", "e"}, {"a", "b", "c", "d", "e"})

    assert first.startswith("first-order gradients: 3 of 4 entries that are there (75.0 %), 0 of them with nothing to compare; 1 are not there; differing: e")
    assert second.startswith("second-order gradients: 2 of 4 entries that are there (50.0 %), 1 of them with nothing to compare; 1 are not there; differing: b e")
