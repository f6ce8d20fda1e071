"""Rules of out=: dtype, shape, memory shared with inputs, device, gradients. Refused before anything is written."""
import warnings

import pytest

import frankentorch as ft
from frankentorch.ops import registry

F32, F64, I64, I32, BOOL = ft.float32, ft.float64, ft.int64, ft.int32, ft.bool


def empty(*size, dtype=F32, **options):
    return ft.empty(size, dtype=dtype, **options)


def ints(*values):
    return ft.tensor(values)


EXACT = {
    "gather": lambda out: ft.gather(ft.ones(3), 0, ints(0, 1), out=out),
    "index_select": lambda out: ft.index_select(ft.ones(3), 0, ints(0, 1), out=out),
    "mm": lambda out: ft.mm(ft.ones(2, 3), ft.ones(3, 2), out=out),
    "neg": lambda out: ft.neg(ft.ones(2), out=out),
    "ceil": lambda out: ft.ceil(ft.ones(2), out=out),
    "softmax": lambda out: ft.softmax(ft.ones(2), 0, out=out),
    "where": lambda out: ft.where(ints(1, 0) > 0, ft.ones(2), ft.zeros(2), out=out),
    "tril": lambda out: ft.tril(ft.ones(2, 2), out=out),
    "amax": lambda out: ft.amax(ft.ones(2, 2), 0, out=out),
}


@pytest.mark.parametrize("name", EXACT)
def test_a_wider_dtype_is_refused_where_the_result_has_its_own(name):
    with pytest.raises(RuntimeError, match="dtype"):
        EXACT[name](empty(0, dtype=F64))


def test_loops_cast_to_a_wider_output():
    out = empty(2, dtype=F64)

    assert ft.add(ints(1, 2), 0.5, out=out) is out
    assert out.tolist() == [1.5, 2.5]


@pytest.mark.parametrize(("call", "kind"), [
    (lambda: ft.add(ft.ones(2), 1, out=empty(2, dtype=I64)), RuntimeError),
    (lambda: ft.exp(ft.ones(2), out=empty(2, dtype=I64)), RuntimeError),
    (lambda: ft.cat([ft.ones(2), ft.ones(2)], out=empty(4, dtype=I64)), TypeError),
    (lambda: ft.stack([ft.ones(2), ft.ones(2)], out=empty(2, 2, dtype=I64)), TypeError),
    (lambda: ft.argmax(ft.ones(3), out=empty(dtype=I32)), RuntimeError),
    (lambda: ft.multinomial(ft.ones(4), 2, out=empty(2)), RuntimeError),
    (lambda: ft.nonzero(ft.ones(2), out=empty(2, 1, dtype=I32)), RuntimeError),
    (lambda: ft.any(ft.ones(2), out=empty()), RuntimeError),
])
def test_a_result_that_does_not_fit_is_refused_with_the_oracles_type(call, kind):
    with pytest.raises(kind):
        call()


def test_a_dtype_argument_follows_the_output():
    assert ft.sum(ft.tensor([1.75, 2.75]), 0, out=empty(dtype=I32)).item() == 3
    assert ft.cumsum(ft.tensor([1.75, 2.75]), 0, out=empty(2, dtype=I64)).tolist() == [1, 3]
    assert ft.full((2,), 1.5, out=empty(2, dtype=I32)).tolist() == [1, 1]
    assert ft.eye(2, out=empty(2, 2, dtype=I64)).tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize("call", [
    lambda: ft.zeros(2, dtype=F32, out=empty(2, dtype=F64)),
    lambda: ft.sum(ft.ones(2), 0, dtype=F32, out=empty(dtype=F64)),
    lambda: ft.cumsum(ft.ones(2), 0, dtype=F32, out=empty(2, dtype=F64)),
])
def test_a_dtype_argument_must_agree_with_the_output(call):
    with pytest.raises(RuntimeError, match="does not match dtype of out"):
        call()


def partly(call):
    base = ft.arange(6.0)
    return lambda: call(base[:4], base[1:5])


@pytest.mark.parametrize("call", [
    partly(lambda x, out: ft.add(x, 1, out=out)), partly(lambda x, out: ft.cumsum(x, 0, out=out)), partly(lambda x, out: ft.clamp(x, 0, 1, out=out)),
    partly(lambda x, out: ft.where(x > 1, x, x, out=out)), partly(lambda x, out: ft.div(x, 2, rounding_mode="floor", out=out)),
    partly(lambda x, out: ft.cat([x[:2], x[2:]], out=out)), partly(lambda x, out: ft.gather(x, 0, ints(0, 1, 2, 3), out=out)),
    partly(lambda x, out: ft.scatter(x, 0, ints(0), x, out=out)),
])
def test_memory_shared_in_part_with_an_input_is_refused(call):
    with pytest.raises(RuntimeError, match="refer to a single memory location"):
        call()


def test_an_input_itself_may_be_written_by_loops_but_not_by_gathers():
    x = ft.arange(4.0)

    assert ft.mul(x, 2, out=x).tolist() == [0.0, 2.0, 4.0, 6.0]
    with pytest.raises(RuntimeError, match="refer to a single memory location"):
        ft.gather(x, 0, ints(0, 1, 2, 3), out=x)
    with pytest.raises(RuntimeError, match="refer to a single memory location"):
        ft.index_select(x, 0, ints(0, 1, 2, 3), out=x)


@pytest.mark.parametrize("call", [lambda out: ft.add(ft.ones(3), 1, out=out), lambda out: ft.sum(ft.ones(3, 2), 1, out=out), lambda out: ft.cat([ft.ones(3)], out=out)])
def test_an_expanded_output_is_refused(call):
    with pytest.raises(RuntimeError, match="more than one element of the written-to tensor"):
        call(ft.empty(1).expand(3))


@pytest.mark.parametrize("call", [lambda x, out: ft.exp(x, out=out), lambda x, out: ft.add(x, x, out=out), lambda x, out: ft.mm(x, x, out=out), lambda x, out: ft.sum(x, 0, out=out)])
def test_devices_of_inputs_and_output_agree(call):
    with pytest.raises(RuntimeError):
        call(ft.ones(2, 2), empty(2, 2, device="meta"))
    with pytest.raises(RuntimeError):
        call(ft.ones(2, 2, device="meta"), empty(2, 2))
    assert call(ft.ones(2, 2, device="meta"), empty(0, device="meta")).is_meta


def test_gradients_and_outputs_do_not_mix():
    leaf = ft.ones(2, requires_grad=True)

    with pytest.raises(RuntimeError, match="automatic differentiation"):
        ft.exp(leaf, out=empty(2))
    for call in (lambda out: ft.where(ints(1, 0) > 0, ft.ones(2), ft.ones(2), out=out), lambda out: ft.clamp(ft.ones(2), 0, out=out),
                 lambda out: ft.zeros(2, out=out), lambda out: ft.std(ft.ones(2, 2), 0, out=out)):
        with pytest.raises(RuntimeError, match="automatic differentiation"):
            call(empty(2, requires_grad=True))
    with ft.no_grad():
        assert ft.exp(leaf * 0, out=empty(2)).tolist() == [1.0, 1.0]


def test_ops_without_a_derivative_write_outputs_beside_gradients():
    leaf = ft.ones(2, requires_grad=True)

    assert ft.eq(leaf, 1, out=empty(2, dtype=BOOL)).tolist() == [True, True]
    assert ft.argmax(leaf, 0, out=empty(dtype=I64)).item() == 0


@pytest.mark.parametrize("out", [3, [ft.ones(2)], (ft.ones(2),), "x"])
def test_what_is_no_tensor_is_a_type_error(out):
    with pytest.raises(TypeError, match="argument 'out' must be Tensor"):
        ft.exp(ft.ones(2), out=out)


def test_several_outputs_need_as_many_tensors():
    with pytest.raises(TypeError, match="argument 'out' must be"):
        ft.sort(ft.ones(2), out=(empty(2),))
    with pytest.raises(TypeError, match="argument 'out' must be"):
        ft.sort(ft.ones(2), out=empty(2))


def test_nonzero_as_a_tuple_takes_no_output():
    with pytest.raises(TypeError, match="argument 'out' must be Tensor"):
        ft.nonzero(ft.ones(2), as_tuple=True, out=(empty(2, dtype=I64),))
    with pytest.raises(RuntimeError):
        ft.nonzero(ft.ones(2), as_tuple=True, out=empty(2, dtype=I64))


def test_resizing_warns_unless_empty_or_made_by_a_factory():
    with pytest.warns(UserWarning, match="was resized"):
        ft.add(ft.ones(2), 1, out=empty(3))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert ft.add(ft.ones(2), 1, out=empty(0)).shape == (2,)
        assert ft.zeros(2, out=empty(3)).tolist() == [0.0, 0.0]


def test_every_op_with_an_output_refuses_a_number_there():
    """Generic over the table: the kind of out= is looked at before any work."""
    tried = 0
    for name, function in registry.namespaces["torch"].items():
        for overload in getattr(function, "overloads", ()):
            if "out" in overload.forms and [kind for _, kind, *_ in overload.row[2]][:1] == [0] and all(arg[3] for arg in overload.row[2][1:]):
                tried += 1
                with pytest.raises((TypeError, NotImplementedError)):
                    function(ft.ones(2, 2), out=3)
    assert tried > 60


def test_a_list_of_results_takes_a_list_of_outputs():
    outs = [empty(2), empty(2)]

    ft.unbind_copy(ft.arange(4.0).reshape(2, 2), out=outs)
    assert [out.tolist() for out in outs] == [[0.0, 1.0], [2.0, 3.0]]
    with pytest.raises(TypeError, match="tuple of 2 Tensors"):
        ft.unbind_copy(ft.arange(4.0).reshape(2, 2), out=[empty(2)])
