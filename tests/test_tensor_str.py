"""How tensors print: hand-worked texts, and the oracle's own for random tensors when it is installed."""

import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import frankentorch as ft
from frankentorch import _tensor_str
from frankentorch._tensor_str import _format, _str, get_printoptions, printoptions, set_printoptions

INTEGERS = ["uint8", "int8", "int16", "int32", "int64", "uint16", "uint32", "uint64"]
FLOATS = ["float16", "bfloat16", "float32", "float64"]
COMPLEX = ["complex64", "complex128"]


@pytest.fixture(autouse=True)
def default_options():
    before = get_printoptions()
    yield
    set_printoptions(**before)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([1.0, 2.0], "tensor([1., 2.])"),
        ([1.5, -2.0], "tensor([ 1.5000, -2.0000])"),
        ([0.0, -0.0], "tensor([0., -0.])"),
        ([1.5, -math.inf], "tensor([1.5000,   -inf])"),
        ([math.nan, 1.0], "tensor([nan, 1.])"),
        ([1000.0, 1.0], "tensor([1000.,    1.])"),
        ([1001.0, 1.0], "tensor([1.0010e+03, 1.0000e+00])"),
        ([2e8], "tensor([2.0000e+08])"),
        ([1e-5], "tensor([1.0000e-05])"),
        ([1, -20], "tensor([  1, -20])"),
        ([True, False], "tensor([ True, False])"),
        ([1 + 2j, 3.5 - 1j], "tensor([1.0000+2.j, 3.5000-1.j])"),
        (2.5, "tensor(2.5000)"),
        (7, "tensor(7)"),
        ([], "tensor([])"),
        ([[1, 2], [3, 4]], "tensor([[1, 2],\n        [3, 4]])"),
        ([[[1], [2]], [[3], [4]]], "tensor([[[1],\n         [2]],\n\n        [[3],\n         [4]]])"),
    ],
)
def test_elements(values, text):
    assert _str(ft.tensor(values)) == text


@pytest.mark.parametrize(
    ("dtype", "text"),
    [
        ("int32", "tensor([1], dtype={})"),
        ("int64", "tensor([1])"),
        ("float16", "tensor([1.], dtype={})"),
        ("float64", "tensor([1.], dtype={})"),
        ("complex64", "tensor([1.+0.j])"),
        ("complex128", "tensor([1.+0.j], dtype={})"),
    ],
)
def test_dtype_is_named_unless_it_is_the_default(dtype, text):
    dtype = getattr(ft, dtype)
    assert _str(ft.tensor([1], dtype=dtype)) == text.format(dtype)


def test_empty_tensor_names_its_size_and_every_dtype_but_the_default():
    assert _str(ft.empty(0, 3)) == "tensor([], size=(0, 3))"
    assert _str(ft.empty(0, dtype=ft.int64)) == f"tensor([], dtype={ft.int64})"


def test_gradient_suffixes():
    leaf = ft.ones(2, requires_grad=True)
    assert _str(leaf) == "tensor([1., 1.], requires_grad=True)"
    assert _str(leaf * 2) == "tensor([2., 2.], grad_fn=<MulBackward0>)"


def test_meta_tensor_has_no_elements():
    assert _str(ft.empty(2, 3, device="meta")) == "tensor(..., device='meta', size=(2, 3))"


def test_summary_keeps_the_ends():
    assert _str(ft.arange(1001)) == "tensor([   0,    1,    2,  ...,  998,  999, 1000])"
    with printoptions(threshold=5, edgeitems=1):
        assert _str(ft.arange(9).reshape(3, 3)) == "tensor([[0,  ..., 2],\n        ...,\n        [6,  ..., 8]])"


def test_long_rows_and_suffixes_wrap():
    with printoptions(linewidth=20):
        text = "tensor([ 0,  1,  2,\n         3,  4,  5,\n         6,  7,  8,\n         9, 10],\n       dtype={})"
        assert _str(ft.arange(11, dtype=ft.int32)) == text.format(ft.int32)


def test_contents_can_be_replaced():
    assert _str(ft.ones(2, requires_grad=True), tensor_contents="...") == "tensor(..., requires_grad=True)"


def test_profiles_and_reset_of_sci_mode():
    set_printoptions(profile="short", sci_mode=True)
    assert get_printoptions() == {
        "precision": 2, "threshold": 1000, "edgeitems": 2, "linewidth": 80, "sci_mode": True,
    }  # fmt: skip
    assert _str(ft.tensor([1.5])) == "tensor([1.50e+00])"
    set_printoptions(profile="full")
    assert get_printoptions()["threshold"] == math.inf
    assert get_printoptions()["sci_mode"] is None


def test_options_return_after_an_error():
    before = get_printoptions()
    with pytest.raises(ZeroDivisionError), printoptions(precision=1):
        1 / 0  # noqa: B018
    assert get_printoptions() == before


def test_subclass_gives_its_name():
    class Velocity(_tensor_str.Tensor):
        pass

    assert _str(ft.ones(2, 1).as_subclass(Velocity)) == "Velocity([[1.],\n    [1.]])".replace("    ", " " * 10)


def test_format_of_a_scalar_is_that_of_the_number():
    assert _format(ft.tensor(1.5), ".3f") == "1.500"
    assert _format(ft.tensor(3), "04d") == "0003"
    with pytest.raises(TypeError):
        _format(ft.ones(2), ".3f")


# ---- against the oracle ----

REALS = st.one_of(
    st.sampled_from([0.0, -0.0, 1.0, -1.0, 1e-4, 1e8, 1e-5, 1000.0, 1001.0, math.inf, -math.inf, math.nan]),
    st.integers(-(10**6), 10**6).map(float),
    st.floats(-3, 3, width=32),
    st.floats(width=32),
)
OPTIONS = st.fixed_dictionaries(
    {
        "precision": st.sampled_from([4, 4, 0, 2, 8]),
        "threshold": st.sampled_from([1000, 0, 5, math.inf]),
        "edgeitems": st.sampled_from([3, 0, 1, 2]),
        "linewidth": st.sampled_from([80, 1, 20, 40]),
        "sci_mode": st.sampled_from([None, None, True, False]),
    }
)


@st.composite
def described_tensors(draw):
    """(values, dtype name, shape) of a small tensor."""
    shape = draw(st.lists(st.integers(0, 5), max_size=3))
    name = draw(st.sampled_from(["bool", *INTEGERS, *FLOATS, *COMPLEX]))
    if name in INTEGERS:
        info = ft.iinfo(getattr(ft, name))
        values = st.integers(info.min, info.max) if draw(st.booleans()) else st.integers(0, 9)
    elif name in COMPLEX:
        values = st.builds(complex, REALS, REALS)
    else:
        values = st.booleans() if name == "bool" else REALS
    numel = math.prod(shape)
    return draw(st.lists(values, min_size=numel, max_size=numel)), name, shape


@given(described_tensors(), OPTIONS, st.sampled_from(["float32", "float64", "float16"]), st.booleans())
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_text_is_that_of_the_oracle(described, options, default, wants_grad):
    torch = pytest.importorskip("torch")
    values, name, shape = described
    wants_grad = wants_grad and name in FLOATS + COMPLEX
    texts = []
    for library, set_options, text_of in [
        (torch, torch.set_printoptions, repr),
        (ft, set_printoptions, _str),
    ]:
        before = library.get_default_dtype()
        library.set_default_dtype(getattr(library, default))
        set_options(**options)
        try:
            t = library.tensor(values, dtype=getattr(library, name)).reshape(shape)
            texts.append(text_of(t.requires_grad_(wants_grad)))
        finally:
            library.set_default_dtype(before)
            set_options(profile="default")
    assert texts[0].replace("torch.", "") == texts[1].replace("frankentorch.", "").replace("torch.", "")
