"""NumPy, DLPack, buffers, pickles and copies: what is shared, what is refused."""
import copy
import pickle

import pytest

import frankentorch as ft

np = pytest.importorskip("numpy")
NUMPY_DTYPES = ["bool", "uint8", "int8", "int16", "int32", "int64", "uint16", "uint32", "uint64", "float16", "float32", "float64", "complex64", "complex128"]


# ---- NumPy ----
@pytest.mark.parametrize("name", NUMPY_DTYPES)
def test_array_and_tensor_share_bytes_both_ways(name):
    array = np.arange(6).astype(name).reshape(2, 3)
    tensor = ft.from_numpy(array)
    back = tensor.numpy()
    array[0, 0] = 1

    assert (name, (2, 3), (3, 1)) == (tensor.dtype.name, tuple(tensor.shape), tensor.stride())
    assert array.tolist() == tensor.tolist() == back.tolist()
    assert back.dtype == array.dtype
    assert back.ctypes.data == array.ctypes.data == tensor.data_ptr()


def test_strides_are_kept():
    assert (1, 4) == ft.from_numpy(np.arange(12.0).reshape(3, 4).T).stride()
    assert (4, 12) == ft.ones(2, 3).t().numpy().strides
    assert (0, 3) == ft.ones(0, 3).numpy().shape
    assert () == ft.tensor(3.0).numpy().shape


@pytest.mark.parametrize("array, error, text", [
    ([1], TypeError, "expected np.ndarray"),
    (np.array(["a"]), TypeError, "can't convert np.ndarray of type numpy.str_"),
    (np.arange(4)[::-1], ValueError, "negative"),
    (np.arange(4, dtype=">i4"), ValueError, "byte order"),
    (np.zeros(2, dtype="i1,i4")["f1"], ValueError, "multiple of the element byte size"),
])
def test_arrays_refused(array, error, text):
    with pytest.raises(error, match=text):
        ft.from_numpy(array)


@pytest.mark.parametrize("tensor, error, text", [
    (lambda: ft.ones(2, dtype=ft.bfloat16), TypeError, "BFloat16"),
    (lambda: ft.ones(2, requires_grad=True), RuntimeError, "requires grad"),
    (lambda: ft.ones(2, device="meta"), TypeError, "meta"),
])
def test_tensors_refused(tensor, error, text):
    with pytest.raises(error, match=text):
        tensor().numpy()


def test_force_detaches():
    assert [1.0, 1.0] == ft.ones(2, requires_grad=True).numpy(force=True).tolist()


def test_numpy_asks_by_itself():
    assert [0.0, 0.0] == np.sin(ft.zeros(2)).tolist()
    assert "float64" == np.asarray(ft.ones(2), dtype="float64").dtype.name
    assert np.array_equal(np.arange(3), ft.arange(3))


def test_array_on_the_left_of_an_operator():
    total = np.ones(2) + ft.ones(2)

    assert (ft.float64, [2.0, 2.0]) == (total.dtype, total.tolist())
    assert [0.5, 0.5] == (np.float32(0.5) * ft.ones(2)).tolist()


def test_array_outlives_its_tensor():
    array = (ft.ones(1000) * 7).numpy()
    [ft.zeros(1000) for _ in range(10)]

    assert 7000.0 == array.sum()


def test_read_only_array_warns():
    array = np.ones(2)
    array.flags.writeable = False
    with pytest.warns(UserWarning, match="not writable"):
        ft.from_numpy(array)


def test_tensor_copies_and_asarray_shares():
    array = np.ones(2)
    copied, shared = ft.tensor(array), ft.asarray(array)
    array[0] = 5

    assert [1.0, 1.0] == copied.tolist()
    assert [5.0, 1.0] == shared.tolist()
    assert ft.float64 is copied.dtype
    with pytest.raises(ValueError, match="alias"):
        ft.asarray([1.0], copy=False)
    with pytest.raises(ValueError, match="alias"):
        ft.asarray(array, dtype=ft.float32, copy=False)


# ---- DLPack and buffers ----
def test_dlpack_both_ways():
    array = np.arange(6.0).reshape(2, 3).T
    tensor = ft.from_dlpack(array)
    array[0, 0] = 9

    assert array.tolist() == tensor.tolist()
    assert (1, 0) == tensor.__dlpack_device__()
    assert tensor.tolist() == np.from_dlpack(tensor).tolist()


def test_dlpack_carries_bfloat16_and_is_used_once():
    capsule = ft.ones(2, dtype=ft.bfloat16).__dlpack__()
    tensor = ft.from_dlpack(capsule)

    assert ft.bfloat16 is tensor.dtype
    with pytest.raises(RuntimeError, match="only once"):
        ft.from_dlpack(capsule)


def test_dlpack_refuses_gradients():
    with pytest.raises(BufferError, match="require gradient"):
        ft.ones(2, requires_grad=True).__dlpack__()


def test_unused_capsule_frees_its_tensor():
    tensor = ft.ones(2)
    before = tensor.untyped_storage()
    capsule = tensor.__dlpack__()
    del capsule

    assert before == tensor.untyped_storage()
    assert [1.0, 1.0] == tensor.tolist()


def test_exchange_with_the_oracle(oracle):
    theirs = oracle.arange(4.0)
    ours = ft.from_dlpack(theirs)
    theirs[0] = 7

    assert [7.0, 1.0, 2.0, 3.0] == ours.tolist() == oracle.from_dlpack(ours).tolist()


def test_memoryview_shows_elements():
    tensor = ft.arange(6, dtype=ft.int32).reshape(2, 3)
    view = memoryview(tensor)
    view[0, 1] = 50

    assert ("i", (2, 3), (12, 4)) == (view.format, view.shape, view.strides)
    assert [[0, 50, 2], [3, 4, 5]] == view.tolist() == tensor.tolist()
    with pytest.raises(BufferError, match="requires grad"):
        memoryview(ft.ones(2, requires_grad=True))
    with pytest.raises(BufferError, match="bfloat16"):
        memoryview(ft.ones(2, dtype=ft.bfloat16))


def test_memory_under_a_buffer_does_not_move():
    tensor = ft.arange(4)
    view = memoryview(tensor)
    with pytest.raises(RuntimeError, match="not resizable"):
        tensor.resize_(1000)

    assert [0, 1, 2, 3] == view.tolist()


def test_frombuffer_shares():
    data = bytearray(b"\x01\x00\x02\x00")
    tensor = ft.frombuffer(data, dtype=ft.int16)
    data[0] = 5

    assert [5, 2] == tensor.tolist()


# ---- pickles ----
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickle_keeps_geometry_and_flag(protocol):
    tensor = ft.arange(6.0).reshape(2, 3).t().requires_grad_()
    again = pickle.loads(pickle.dumps(tensor, protocol))

    assert tensor.tolist() == again.tolist()
    assert ((3, 2), (1, 3), True) == (tuple(again.shape), again.stride(), again.requires_grad)


def test_pickle_keeps_sharing():
    whole = ft.zeros(3)
    again, part = pickle.loads(pickle.dumps((whole, whole[1:])))
    again.fill_(7)

    assert [7.0, 7.0] == part.tolist()


@pytest.mark.parametrize("value", [ft.float32, ft.bfloat16, ft.Size([1, 2]), ft.device("cpu"), ft.contiguous_format, ft.strided, ft.add],
                         ids=str)
def test_singletons_survive_a_pickle(value):
    assert value == pickle.loads(pickle.dumps(value))


def test_parameter_survives_a_pickle():
    parameter = pickle.loads(pickle.dumps(ft.nn.Parameter(ft.ones(2))))

    assert isinstance(parameter, ft.nn.Parameter)
    assert parameter.requires_grad


class Marked(ft.Tensor):
    pass


def test_subclass_and_attributes_survive_a_pickle():
    tensor = ft.ones(2).as_subclass(Marked)
    tensor.note = "kept"
    again = pickle.loads(pickle.dumps(tensor))

    assert (Marked, "kept") == (type(again), again.note)


# ---- copies ----
def test_deepcopy_keeps_sharing_gradient_and_flag():
    whole = ft.zeros(3, requires_grad=True)
    whole.grad = ft.ones(3)
    part = whole.detach()[1:]
    first, second, third = copy.deepcopy([whole, part, whole])
    first.detach().fill_(7)

    assert first is third
    assert [7.0, 7.0] == second.tolist()
    assert [0.0, 0.0, 0.0] == whole.tolist()
    assert [1.0, 1.0, 1.0] == first.grad.tolist()
    assert first.grad is not whole.grad
    assert first.requires_grad


def test_deepcopy_refuses_history():
    with pytest.raises(RuntimeError, match="graph leaves"):
        copy.deepcopy(ft.ones(2, requires_grad=True) * 2)


def test_copy_shares_bytes():
    tensor = ft.ones(2)

    assert tensor.data_ptr() == copy.copy(tensor).data_ptr()


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("code", ["?", "u1", "i1", "i2", "i4", "i8", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16"])
def test_arrays_are_shared_and_copies_keep_their_order(code, order):
    array = np.array(np.arange(12).reshape(3, 4), dtype=code, order=order)
    shared, copy = ft.from_numpy(array), ft.tensor(array)
    array[0, 1] = 0

    assert array.tolist() == shared.tolist() and shared[0, 1] == 0 and copy[0, 1] == 1
    assert shared.stride() == copy.stride() == tuple(step // array.itemsize for step in array.strides)
    assert np.shares_memory(array, shared.numpy()) and array.dtype == shared.numpy().dtype and array.strides == shared.numpy().strides


def test_arrays_that_no_tensor_can_share_say_why():
    for refused, error, match in ((np.ones(4)[::-1], ValueError, "stride"), (np.ones(2, ">f4"), ValueError, "byte order"), (np.ones(2, "M8[s]"), TypeError, "can't convert"),
                                  (np.zeros(2, [("a", "f4"), ("b", "i1")])["a"], ValueError, "multiple of the element")):
        with pytest.raises(error, match=match):
            ft.from_numpy(refused)


def test_memory_that_an_array_holds_stays_where_it_is():
    x = ft.ones(3, requires_grad=True)
    with ft.no_grad():
        array = x.numpy()
    array[0] = 5

    assert [5, 1, 1] == x.tolist()
    with pytest.raises(RuntimeError, match="resiz"):
        x.detach().resize_(1000)


@pytest.mark.parametrize("numbers, dtype", [([1.5, 2.5], ft.float32), ([1, -2**63], ft.int64), ([True, False], ft.bool), ([1, 2.5], ft.float32), ([1, True], ft.int64), ([1.0, 2j], ft.complex64)], ids=str)
def test_lists_become_tensors_of_what_they_hold_and_lists_again(numbers, dtype):
    for rows in (numbers, [numbers, numbers], [tuple(numbers), numbers]):
        t = ft.tensor(rows)

        assert t.dtype is dtype
        assert [list(row) for row in (rows if isinstance(rows[0], (list, tuple)) else [rows])] == (t.tolist() if t.dim() > 1 else [t.tolist()])
    assert ft.tensor(numbers, dtype=ft.complex128).tolist() == numbers


def test_integers_beyond_64_bits_are_refused():
    for large in ([1, 2**63], [[1, 2], [3, -2**63 - 1]]):
        with pytest.raises(ValueError, match="Overflow"):
            ft.tensor(large)
