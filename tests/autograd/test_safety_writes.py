"""Writes that a backward would suffer from: through the tensor, through what autograd sees, and behind its back."""
import pytest

from tests.autograd.misuse import misuse

GROUP = "Writes"
SILENT = "The gradient is that of what is there now, as in PyTorch"
REFUSED = "RuntimeError: modified … written through an alias; .grad stays as it was"


def product(ft, n=4):
    """Weights w, a factor v saved for w's gradient, and the sum of w v."""
    w, v = ft.ones(n, requires_grad=True), ft.ones(n)
    return w, v, (w * v).sum()


def behind_its_back(ft, mode, write, expected):
    """What both modes do about a write that the version counter does not see."""
    w, v, loss = product(ft)
    write(v)
    settle(mode, w, loss, expected)


def settle(mode, leaf, loss, expected):
    if mode == "hardened":
        with pytest.raises(RuntimeError, match="modified"):
            loss.backward()
        assert leaf.grad is None
    else:
        loss.backward()
        assert expected == leaf.grad.tolist()


@misuse(GROUP, "In-place write to a leaf that requires gradients, or to a view of it", "RuntimeError: a leaf Variable that requires grad; fine under `no_grad`")
def test_writing_a_leaf(ft, mode):
    x = ft.ones(3, requires_grad=True)
    for write in (lambda: x.add_(1), lambda: x[:1].zero_(), lambda: x.set_(ft.ones(2))):
        with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
            write()
    with pytest.raises(RuntimeError, match="cannot resize variables that require grad"):
        x.resize_(5)
    with ft.no_grad():
        x.add_(1)

    assert [2.0] * 3 == x.tolist()


@misuse(GROUP, "In-place write to a value saved for backward, also through `detach()` or under `no_grad`", "RuntimeError: modified by an inplace operation, with both versions")
def test_writing_a_saved_value(ft, mode):
    def under_no_grad(v):
        with ft.no_grad():
            v.mul_(2)
    for write in (lambda v: v.add_(1), lambda v: v.detach().fill_(5), lambda v: v[:2].zero_(), under_no_grad, lambda v: v.set_(ft.zeros(2)), lambda v: v.resize_(100)):
        w, v, loss = product(ft)
        write(v)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            loss.backward()
        assert w.grad is None


@misuse(GROUP, "An optimizer's step between forward and backward", "RuntimeError: modified by an inplace operation")
def test_step_between(ft, mode):
    x = ft.ones(3, requires_grad=True)
    loss = (x * x).sum()
    x.grad = ft.ones(3)
    ft.optim.SGD([x], 0.1).step()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


@misuse(GROUP, "In-place write to one of several views of one op (`unbind`, `split`, `chunk`)", "RuntimeError: is a view and is being modified inplace")
def test_writing_one_of_several_views(ft, mode):
    x = ft.ones(4, requires_grad=True) * 2
    for view in (x.unbind()[0], x.split(2)[0], x.chunk(2)[0]):
        with pytest.raises(RuntimeError, match="is a view and is being modified inplace"):
            view.add_(1)


@misuse(GROUP, "In-place write, while recording, to a view made under `no_grad`", "RuntimeError: A view was created in no_grad mode")
def test_writing_a_view_of_no_grad(ft, mode):
    x = ft.ones(4, requires_grad=True) * 2
    with ft.no_grad():
        view = x[:2]
    with pytest.raises(RuntimeError, match="view was created in no_grad mode"):
        view.mul_(2)


@misuse(GROUP, "`out=` with operands that require gradients", "RuntimeError: don't support automatic differentiation")
def test_out(ft, mode):
    with pytest.raises(RuntimeError, match="don't support automatic differentiation"):
        ft.add(ft.ones(2, requires_grad=True), 1, out=ft.ones(2))


@misuse(GROUP, "`detach_()` of a view", "RuntimeError: Can't detach views in-place")
def test_detach_of_a_view(ft, mode):
    with pytest.raises(RuntimeError, match="Can't detach views in-place"):
        (ft.ones(2, requires_grad=True) * 1)[:1].detach_()


@misuse(GROUP, "Writing a saved value through `.data`", SILENT, REFUSED)
def test_data(ft, mode):
    behind_its_back(ft, mode, lambda v: v.data.fill_(5), [5.0] * 4)


@misuse(GROUP, "Giving a saved tensor other bytes by `.data = `", SILENT, REFUSED)
def test_data_assigned(ft, mode):
    behind_its_back(ft, mode, lambda v: setattr(v, "data", ft.full((4,), 7.0)), [7.0] * 4)


@misuse(GROUP, "Writing a saved value through its NumPy array", SILENT, REFUSED)
def test_numpy(ft, mode):
    def write(v):
        v.numpy()[1] = 7
    behind_its_back(ft, mode, write, [1.0, 7.0, 1.0, 1.0])


@misuse(GROUP, "Writing the NumPy array a saved value was made from", SILENT, REFUSED)
def test_from_numpy(ft, mode):
    numpy = pytest.importorskip("numpy")
    array = numpy.ones(3, dtype="float32")
    w = ft.ones(3, requires_grad=True)
    loss = (w * ft.from_numpy(array)).sum()
    array[:] = 3
    settle(mode, w, loss, [3.0] * 3)


@misuse(GROUP, "Writing a saved value through DLPack", SILENT, REFUSED)
def test_dlpack(ft, mode):
    behind_its_back(ft, mode, lambda v: ft.from_dlpack(v).fill_(9), [9.0] * 4)


@misuse(GROUP, "Writing the buffer a saved value was made from", SILENT, REFUSED)
def test_buffer(ft, mode):
    buffer = bytearray(16)
    w = ft.ones(4, requires_grad=True)
    loss = (w * ft.frombuffer(buffer, dtype=ft.float32)).sum()
    buffer[3] = 64
    settle(mode, w, loss, [2.0, 0.0, 0.0, 0.0])


@misuse(GROUP, "Writing, by any of these ways, what a `Function` saved", SILENT, REFUSED)
def test_saved_by_a_function(ft, mode):
    class Square(ft.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            return 2 * g * ctx.saved_tensors[0]

    for write in (lambda h: h.data.fill_(5), lambda h: h.detach().numpy().fill(5), lambda h: ft.from_dlpack(h.detach()).fill_(5)):
        x = ft.ones(3, requires_grad=True)
        h = x * 1
        loss = Square.apply(h).sum()
        write(h)
        settle(mode, x, loss, [10.0] * 3)


@misuse(GROUP, "Shrinking the storage of a saved value", "Its bytes stay until the storage grows or goes: the gradient is right (PyTorch reads freed memory)")
def test_storage_shrunk(ft, mode, subject_name):
    if subject_name == "torch":
        pytest.skip("the oracle crashes")
    w, v, loss = product(ft, 10_000)
    v.untyped_storage().resize_(0)
    for _ in range(20):
        ft.full((10_000,), 3.0)                      # would take the freed block
    loss.backward()

    assert 0 == v.untyped_storage().nbytes()
    assert [1.0] * 10_000 == w.grad.tolist()


@misuse(GROUP, "Shrinking and growing the storage of a saved value again", "The gradient is that of the zeros there now; PyTorch's bytes are whatever was there", REFUSED)
def test_storage_shrunk_and_grown(ft, mode, subject_name):
    if subject_name == "torch":
        pytest.skip("the oracle's bytes are undefined")
    def write(v):
        size = v.untyped_storage().nbytes()
        v.untyped_storage().resize_(0)
        v.untyped_storage().resize_(size)
    behind_its_back(ft, mode, write, [0.0] * 4)


@misuse(GROUP, "Dropping every name of a saved value", "The graph keeps its memory; the gradient is right")
def test_memory_is_kept(ft, mode):
    w, v, loss = product(ft, 10_000)
    del v
    taken = [ft.full((10_000,), 3.0) for _ in range(20)]
    loss.backward()

    assert [1.0] * 10_000 == w.grad.tolist() and 20 == len(taken)


@misuse(GROUP, "`as_strided` views that show an element twice", "Made, as in PyTorch", "RuntimeError: overlapping")
def test_overlapping_views(ft, mode):
    x = ft.arange(6.0)
    if mode == "hardened":
        with pytest.raises(RuntimeError, match="overlapping"):
            x.as_strided((3, 3), (1, 1))
    else:
        assert [2.0, 3.0, 4.0] == x.as_strided((3, 3), (1, 1))[2].tolist()


@misuse(GROUP, "Views outside the storage", "RuntimeError: out of bounds")
def test_views_outside(ft, mode):
    with pytest.raises(RuntimeError, match="out of bounds"):
        ft.ones(4).as_strided((5,), (1,))
