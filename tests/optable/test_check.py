"""The whole-table check stops on each kind of row that cannot work."""
import pytest

from frankentorch import optable
from frankentorch.optable.check import check_table
from frankentorch.optable.schema import NONE, Op, SchemaError


def refused(*rows, rules=None):
    with pytest.raises(SchemaError) as error:
        check_table(rows, rules)
    return str(error.value)


def test_the_table_itself_passes_with_every_rule_known():
    from frankentorch.autograd import rules
    from frankentorch.ops import registry

    check_table(optable.rows(), set(dir(rules)) | set(registry.functions))


def test_two_bodies_are_refused():
    assert "exactly one of" in refused(Op("f(Tensor self) -> Tensor", loop={("f32",): "x"}, body="a:b", grad=NONE, doc="d"))


def test_a_missing_derivative_is_refused():
    assert "no derivative" in refused(Op("f(Tensor self) -> Tensor", loop={("f32",): "x"}, doc="d"))


def test_a_derivative_of_nothing_is_refused():
    assert "unknown argument" in refused(Op("f(Tensor self) -> Tensor", loop={("f32",): "x"}, grad={"other": "g"}, doc="d"))


def test_a_formula_with_an_unknown_name_is_refused():
    assert "unknown value 'nonsense'" in refused(Op("f(Tensor self) -> Tensor", loop={("f32",): "x"}, grad={"self": "nonsense(g)"}, doc="d"), rules={"known"})


def test_a_repeated_row_is_refused():
    row = Op("f(Tensor self) -> Tensor", loop={("f32",): "x"}, grad=NONE, doc="d")

    assert "declared twice" in refused(row, row)


def test_two_loops_for_one_dtype_are_refused():
    assert "two loops for f32" in refused(Op("f(Tensor self) -> Tensor", loop={("f32",): "x", ("f32", "f64"): "x"}, grad=NONE, doc="d"))


def test_loops_over_vectors_keep_the_dtype():
    assert "vectors= is of a loop row whose result" in refused(Op("f(Tensor self) -> Tensor", loop={("f32",): "x"}, vectors="x", result="bool", grad=NONE, doc="d"))


def test_a_row_without_a_text_is_refused():
    assert "no doc" in refused(Op("f(Tensor self) -> Tensor", loop={("f32",): "x"}, grad=NONE))


@pytest.mark.parametrize("facts, words", [
    ({"jvp": "linear", "grad": NONE}, "without a derivative"),
    ({"jvp": "none", "grad": {"self": "g"}}, "says that there is no derivative"),
    ({"jvp": "elementwise", "grad": {"self": "g"}}, "follows from the row"),
    ({"jvp": "no name", "grad": {"self": "g"}}, "no name of a rule"),
    ({"jvp": "nonsense", "grad": {"self": "g"}}, "no rule of forward mode is named 'nonsense'"),
])
def test_a_kind_of_forward_mode_that_cannot_be_is_refused(facts, words):
    with pytest.raises(SchemaError, match=words):
        check_table([Op("f(Tensor self) -> Tensor", loop={("f32",): "x"}, doc="d", **facts)], forward_names={"known"})


def test_a_view_has_no_elementwise_tangent():
    with pytest.raises(SchemaError, match="the tangent of a view is a view of the tangent"):
        check_table([Op("f(Tensor self) -> Tensor", kernel="a:b", view="single", grad={"self": "g"}, jvp="elementwise", doc="d")])


def test_every_rule_of_forward_mode_is_there():
    from frankentorch.autograd import rules_forward

    check_table(optable.rows(), forward_names=set(dir(rules_forward)))
