"""The sweep's cases and what the command prints; frankentorch stands on both sides, so PyTorch is not needed."""
import pytest

from bench import __main__ as main
from bench.sweep import FAMILIES, measure
from bench.sweep.case import Input, case

TIMES = {"median": 1.0, "min": 1.0}


@pytest.fixture
def two(monkeypatch):
    """A family of two tiny cases, and threads put back afterwards."""
    import frankentorch

    threads = frankentorch.get_num_threads()
    cases = [case(label, text, "float32", (10,), x=Input((10,)), unused="no.such()") for label, text in (("add", "x + x"), ("exp", "x.exp()"))]
    monkeypatch.setitem(FAMILIES, "two", lambda: iter(cases))
    yield "two"
    frankentorch.set_num_threads(threads)


def row(ours, oracle):
    return {"ours": dict.fromkeys(TIMES, ours), "oracle": dict.fromkeys(TIMES, oracle)}


def swept(*options):
    return main.main(["sweep", "--family", "two", "--oracle", "frankentorch", "--rounds", "1", *options])


@pytest.mark.parametrize("family", FAMILIES)
def test_names_are_unique_and_families_are_not_empty(family):
    names = [found.name for found in FAMILIES[family]()]

    assert names
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_asked_for_is_there_to_ask(family):
    """Expressions are Python, and dtypes are ours."""
    for found in FAMILIES[family]():
        compile(found.expression, found.name, "eval")
        for _, what in found.names:
            if not isinstance(what, Input):
                compile(what, found.name, "eval")


@pytest.mark.parametrize(("layout", "strides"), [("contiguous", (4, 1)), ("strided", (8, 2)), ("transposed", (1, 3)), ("offset", (5, 1))])
def test_layouts(ft_module, layout, strides):
    x = case("", "x", x=Input((3, 4), "int32", layout)).call(ft_module)()

    assert (tuple(x.shape), x.stride(), x.dtype) == ((3, 4), strides, ft_module.int32)


def test_every_name_has_numbers_of_its_own(ft_module):
    """Two operands that were one tensor would be compared, or divided, at once."""
    x, y, again = case("", "x, y, z", x=Input((9,)), y=Input((9,)), z="x").call(ft_module)()

    assert not x.equal(y)
    assert again is x


def test_every_op_of_the_table_has_a_case():
    from bench.sweep import elementwise
    from frankentorch import optable

    labels = {label for special in (False, True) for label, *_ in elementwise.table(special)}

    assert {"add", "exp", "relu", "special_erfcx", "lerp"} <= labels
    assert labels == {op.name for op in optable.rows() if op.loop and op.forms & {"function", "nn"} and "internal" not in op.forms}


def test_slow_cases_are_printed_worst_first_and_families_counted(two, capsys, monkeypatch):
    rows = {"add float32 10": row(2.0, 1.0), "exp float32 10": row(4.0, 1.0)}
    monkeypatch.setattr(measure, "one", lambda found, *_: rows[found.name])

    assert swept() == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[:3]] == ["two", "exp", "add"]
    assert lines[-1].split() == ["two", "2", "0.35x", "2", "0", "0"]


def test_real_times_of_two_cases(two, capsys):
    assert swept("--below", "1e9", "--case", "exp") == 0

    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines if line] == ["two", "exp", "family", "two"]
    assert lines[-1].split()[1] == "1"


def test_nothing_slow_is_only_counted(two, capsys):
    assert swept("--below", "0") == 0

    assert [line.split()[:2] for line in capsys.readouterr().out.splitlines() if line][1:] == [["two", "2"]]


def test_a_disturbed_case_is_no_finding(ft_module, monkeypatch):
    """Slow once, as fast the second time: the better measurement counts."""
    times = [row(2.0, 1.0), row(1.0, 1.0)]
    monkeypatch.setattr(measure, "timed", lambda *_: times.pop(0))
    sides = {"ours": ft_module, "oracle": ft_module}
    tiny = case("add", "x + 1", x=Input((1,)))

    assert measure.one(tiny, sides, 0.95, 1) == row(1.0, 1.0)
    assert times == []


def test_missing_is_what_only_we_refuse(ft_module):
    class Without:
        """The library without one function."""

        nn = ft_module.nn

        def __getattr__(self, name):
            if name == "exp":
                raise AttributeError("no exp here")
            return getattr(ft_module, name)

    tiny = case("exp", "torch.exp(x)", x=Input((1,)))

    assert measure.one(tiny, {"ours": Without(), "oracle": ft_module}, 0.95, 1) == {"missing": "AttributeError: no exp here"}
    assert measure.one(tiny, {"ours": ft_module, "oracle": Without()}, 0.95, 1) is None


def test_the_better_of_medians_and_minima_counts():
    assert measure.ratio({"ours": {"median": 4.0, "min": 1.0}, "oracle": {"median": 4.0, "min": 3.0}}) == 3.0


def test_missing_comes_first():
    found = {"a": row(1.0, 0.5), "b": row(1.0, 2.0), "c": {"missing": "no"}, "d": row(1.0, 0.25), "e": None}

    assert list(measure.slow(found, 0.95)) == ["c", "d", "a"]


def test_families_are_listed(two, capsys):
    assert main.main(["list", "--family", "two"]) == 0

    assert capsys.readouterr().out.splitlines() == ["two", "  add float32 10", "  exp float32 10"]
