"""The schema grammar: what it reads, and what it refuses."""
import pytest

from frankentorch.optable.schema import REQUIRED, Op, SchemaError


def row(schema, **facts):
    return Op(schema, kernel="none:none", grad="NONE", **facts)


def test_arguments_are_read_with_kind_default_and_place():
    op = row("f.over(Tensor self, int[2] size, float p=0.5, *, ScalarType? dtype=None, str mode='sum') -> Tensor")

    assert (op.name, op.overload, op.full_name) == ("f", "over", "f.over")
    assert [a.kind for a in op.args] == ["Tensor", "int[]", "float", "ScalarType?", "str"]
    assert [a.default for a in op.args] == [REQUIRED, REQUIRED, 0.5, None, "sum"]
    assert [a.keyword_only for a in op.args] == [False, False, False, True, True]
    assert op.args[1].size == 2


def test_named_results():
    assert row("f(Tensor self) -> (Tensor values, Tensor indices)").returns == (("Tensor", "values"), ("Tensor", "indices"))
    assert row("f(Tensor self) -> Tensor").returns == (("Tensor", "out"),)


@pytest.mark.parametrize("schema", ["f", "f(Tensor) -> Tensor", "f(Quaternion self) -> Tensor", "f(Tensor self=) -> Tensor", "f(int x=what) -> Tensor"])
def test_what_does_not_follow_the_grammar_is_refused(schema):
    with pytest.raises(SchemaError):
        row(schema)
