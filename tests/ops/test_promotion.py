"""Promotion of dtypes: every pair, against the recorded table of the oracle."""
import functools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance import promotion
from conformance.promotion import DTYPES, SCALARS, load, tables

CATEGORY = {"bool": 0, **dict.fromkeys(DTYPES[1:9], 1), **dict.fromkeys(DTYPES[9:13], 2), **dict.fromkeys(DTYPES[13:], 3)}
ITEMS = load()["tables"] if promotion.PATH.exists() else {}


WIDE = ("uint16", "uint32", "uint64")


def offers_more(left, theirs, column, table):
    """Where the oracle refuses and we compute: arithmetic of the wide unsigned types, float16 beside a complex number,
    powers of bool by bool."""
    if theirs != ".":
        return False
    return left in WIDE or (table in promotion.UNARY and column in WIDE) or (left == "float16" and column == "complex") or (table == "pow" and left == column == "bool")


@functools.cache
def ours(module):
    return tables(module)


@pytest.mark.parametrize("table", sorted(ITEMS))
def test_table_agrees_with_the_recorded_one(ft, table):
    columns = list(SCALARS) if table.endswith("scalar") else list(DTYPES)
    rows = ours(ft)[table]
    differing = [(DTYPES[i] if len(rows) > 1 else table, columns[j], mine, theirs)
                 for i, pair in enumerate(zip(rows, ITEMS[table])) for j, (mine, theirs) in enumerate(zip(*pair))
                 if mine != theirs and theirs != promotion.HALF_COMPLEX
                 and not offers_more(DTYPES[i] if len(rows) > 1 else table, theirs, columns[j], table)]

    assert differing == []


def test_recorded_table_is_complete():
    assert len(ITEMS["promote_types"]) == 15
    assert all(len(row) == 15 for row in ITEMS["promote_types"])


def test_recorded_table_is_the_oracles(oracle):
    assert tables(oracle) == ITEMS


def test_python_float_follows_the_default_dtype(ft):
    ft.set_default_dtype(ft.float64)

    assert ft.result_type(ft.ones(2, dtype=ft.int32), 1.5) == ft.float64
    assert (ft.ones(2, dtype=ft.int32) + 1.5).dtype == ft.float64
    assert (ft.ones(2, dtype=ft.float32) + 1.5).dtype == ft.float32
    assert ft.result_type(ft.ones(2, dtype=ft.int32), 1j) == ft.complex128


names = st.sampled_from(DTYPES)
# The oracle refuses to mix the wide unsigned dtypes with others; the tables above hold those refusals.
mixable = st.sampled_from([name for name in DTYPES if name not in ("uint16", "uint32", "uint64")])


@given(names, names)
def test_promotion_is_symmetric(left, right):
    table = ITEMS["promote_types"]

    assert table[DTYPES.index(left)][DTYPES.index(right)] == table[DTYPES.index(right)][DTYPES.index(left)]


operands = st.tuples(mixable, st.sampled_from(["dim", "0-d"]))


@given(operands, operands)
def test_dimensioned_operand_keeps_its_category(ft_module, first, second):
    """An operand without dimensions widens a dimensioned one only to a higher category."""
    ft = ft_module
    left, right = (promotion.operand(ft, getattr(ft, name), kind == "0-d") for name, kind in (first, second))
    if first[1] == "dim" and second[1] == "0-d" and CATEGORY[second[0]] <= CATEGORY[first[0]]:
        assert ft.result_type(left, right) == left.dtype
    else:
        assert ft.result_type(left, right) == ft.result_type(right, left)


@given(mixable, st.sampled_from(sorted(SCALARS)))
def test_python_number_widens_by_category_only(ft_module, name, scalar):
    ft = ft_module
    value = ft.ones(2, dtype=getattr(ft, name))
    if CATEGORY[name] >= list(SCALARS).index(scalar):
        assert ft.result_type(value, SCALARS[scalar]) == value.dtype
    else:
        assert ft.result_type(value, SCALARS[scalar]) != value.dtype
