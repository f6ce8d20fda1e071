"""The Tensor surface written by hand: construction, facts, storages, overrides, limits of dtypes, absent devices."""
import pytest

import frankentorch as ft
from frankentorch import overrides


class Sub(ft.Tensor):
    pass


# ---- construction and facts ----
def test_legacy_constructor():
    assert (2, 3) == tuple(ft.Tensor(2, 3).shape)
    assert [1.0, 2.0] == ft.Tensor([1, 2]).tolist()
    assert 0 == ft.Tensor().numel()
    assert ft.int64 is ft.LongTensor(2).dtype
    assert isinstance(ft.ones(1), ft.FloatTensor)
    assert not isinstance(ft.ones(1), ft.LongTensor)
    with pytest.raises(TypeError, match="must be a sequence"):
        ft.Tensor(2.5)
    with pytest.raises(TypeError, match="invalid data type 'str'"):
        ft.Tensor("a")


def test_type_names_and_casts():
    assert "torch.FloatTensor" == ft.ones(1).type() == ft.typename(ft.ones(1))
    assert ft.float64 is ft.ones(1).type("torch.DoubleTensor").dtype
    assert ft.int32 is ft.ones(1).type(ft.IntTensor).dtype
    assert ft.int8 is ft.ones(1).type_as(ft.ones(1, dtype=ft.int8)).dtype


def test_python_protocols():
    assert "1.50" == f"{ft.tensor(1.5):.2f}"
    assert 3 == ft.tensor([3]).__index__()
    assert 1 in ft.tensor([1, 2])
    assert {ft.ones(1)} != {ft.ones(1)}
    with pytest.raises(TypeError, match="unsupported format string"):
        f"{ft.ones(2):.2f}"
    with pytest.raises(TypeError, match="0-d tensor"):
        len(ft.tensor(1))
    with pytest.raises(TypeError, match="integer tensors of a single element"):
        ft.tensor([3.0]).__index__()


@pytest.mark.parametrize("name, digits, exponent", [("float16", 11, 15), ("bfloat16", 8, 127), ("float32", 24, 127), ("float64", 53, 1023)])
def test_finfo(name, digits, exponent):
    info = ft.finfo(getattr(ft, name))

    assert (2.0 - 2.0 ** (1 - digits)) * 2.0 ** exponent == info.max == -info.min
    assert 2.0 ** (1 - digits) == info.eps
    assert 2.0 ** (1 - exponent) == info.tiny == info.smallest_normal
    one = ft.ones(1, dtype=getattr(ft, name))
    assert bool(one + info.eps != one)
    assert bool(one + info.eps / 4 == one)


def test_iinfo():
    assert (-128, 127, 8) == (ft.iinfo(ft.int8).min, ft.iinfo(ft.int8).max, ft.iinfo(ft.int8).bits)
    assert (0, 2 ** 64 - 1) == (ft.iinfo(ft.uint64).min, ft.iinfo(ft.uint64).max)
    assert "iinfo(min=-128, max=127, dtype=int8)" == repr(ft.iinfo(ft.int8))
    with pytest.raises(TypeError, match="not supported by torch.iinfo"):
        ft.iinfo(ft.bool)
    with pytest.raises(TypeError, match="Use torch.iinfo"):
        ft.finfo(ft.int8)


def test_limits_are_the_oracles(oracle):
    for name in ("float16", "bfloat16", "float32", "float64", "complex64"):
        assert repr(oracle.finfo(getattr(oracle, name))) == repr(ft.finfo(getattr(ft, name)))
    for name in ("uint8", "int8", "int16", "int32", "int64", "uint16", "uint32", "uint64"):
        assert repr(oracle.iinfo(getattr(oracle, name))) == repr(ft.iinfo(getattr(ft, name)))


def test_absent_devices_say_so():
    assert not ft.cuda.is_available()
    assert 0 == ft.cuda.device_count()
    assert not ft.backends.mps.is_available()
    assert ft.version.cuda is None
    with pytest.raises(AssertionError, match="not compiled with CUDA"):
        ft.ones(1).cuda()
    with pytest.raises(AttributeError, match="compile"):
        ft.compile


def test_default_device():
    ft.set_default_device("meta")
    try:
        assert "meta" == ft.ones(2).device.type == ft.get_default_device().type
        assert "cpu" == ft.ones(2, device="cpu").device.type
    finally:
        ft.set_default_device(None)

    assert "cpu" == ft.ones(2).device.type


# ---- storages ----
def test_storage_is_shared():
    tensor = ft.arange(4, dtype=ft.int16)
    storage = tensor[1:].untyped_storage()
    storage[2] = 9

    assert tensor.untyped_storage() == storage == tensor.data.untyped_storage()
    assert (8, tensor.data_ptr()) == (storage.nbytes(), storage.data_ptr())
    assert [0, 9, 2, 3] == tensor.tolist() == tensor.storage().tolist()


def test_set_and_resize():
    tensor = ft.arange(4)
    other = ft.zeros(0, dtype=ft.int64).set_(tensor.untyped_storage(), 1, (2,), (2,))
    assert [1, 3] == other.tolist()
    assert not other.is_set_to(tensor)

    tensor.resize_(2, 3)
    assert [[0, 1, 2], [3, 0, 0]] == tensor.tolist()
    assert [1, 3] == other.tolist()
    with pytest.raises(RuntimeError, match="require grad"):
        ft.ones(2, requires_grad=True).resize_(3)
    with pytest.raises(RuntimeError, match="out of bounds"):
        ft.ones(2).set_(ft.ones(4).untyped_storage(), 2, (5,), (2,))


def test_apply_and_map():
    assert [2.0, 3.0] == ft.tensor([1.0, 2.0]).apply_(lambda value: value + 1).tolist()
    assert [3.0, 2.0] == ft.tensor([1.0, 2.0]).map_(ft.tensor([3.0, 1.0]), lambda a, b: a * b).tolist()
    with pytest.raises(RuntimeError, match="apply_"):
        ft.ones(1, requires_grad=True).apply_(abs)


# ---- overrides ----
def test_results_take_the_subclass():
    tensor = ft.ones(2, 2).as_subclass(Sub)
    results = [tensor + 1, 1 - tensor, -tensor, tensor[0], tensor.t(), tensor.clone(), tensor == 1, ft.add(ft.ones(2), tensor), *tensor.unbind(0)]

    assert {Sub} == {type(result) for result in results}
    assert type(ft.nn.Parameter(ft.ones(2)) + 1) is ft.Tensor


def test_subclass_takes_part_in_autograd():
    x = ft.ones(2, requires_grad=True)
    y = (x * 3).as_subclass(Sub)
    (y * y).backward(ft.ones(2))

    assert [18.0, 18.0] == x.grad.tolist()
    assert type(x.grad) is ft.Tensor


def test_own_constructor_arguments():
    class Named(ft.Tensor):
        @staticmethod
        def __new__(cls, data, name):
            return super().__new__(cls, data)

        def __init__(self, data, name):
            self.name = name

    tensor = Named([1.0, 2.0], "weights")

    assert ("weights", [2.0, 4.0], Named) == (tensor.name, (tensor * 2).tolist(), type(tensor * 2))


class Duck:
    """Not a tensor, but it may answer for one."""

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        return func.__name__, len(args), types == (cls,)


def test_duck_types_take_over():
    assert ("add", 2, True) == ft.add(Duck(), 1) == ft.ones(2) + Duck() == ft.ones(2).add(Duck())
    assert ("cat", 1, True) == ft.cat([ft.ones(1), Duck()])


def test_everyone_declining_is_an_error():
    class Shy:
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            return NotImplemented

    with pytest.raises(TypeError, match="all __torch_function__ handlers returned NotImplemented"):
        ft.add(Shy(), 1)
    with overrides.DisableTorchFunctionSubclass(), pytest.raises(TypeError, match="must be Tensor"):
        ft.add(Shy(), 1)


def test_subclasses_are_asked_before_their_bases():
    asked = []

    class Base(ft.Tensor):
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            asked.append(cls.__name__)
            return NotImplemented if cls.__name__ == "Derived" else "base"

    class Derived(Base):
        pass

    result = ft.add(ft.ones(1).as_subclass(Base), ft.ones(1).as_subclass(Derived))

    assert ("base", ["Derived", "Base"]) == (result, asked)


def test_modes_see_every_op():
    seen = []

    class Log(overrides.TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            seen.append(func.__name__)
            return func(*args, **(kwargs or {}))

    with Log():
        ft.ones(2) + 1
    ft.ones(2)

    assert ["ones", "add"] == seen


def test_overridable_python_functions():
    def described(thing, label="x"):
        if overrides.has_torch_function((thing,)):
            return overrides.handle_torch_function(described, (thing,), thing, label=label)
        return "plain"

    assert "plain" == described(ft.ones(1))
    assert ("described", 1, True) == described(Duck())
    assert overrides.is_tensor_like(Duck())
    assert not overrides.is_tensor_like(3)


# ---- named results ----
def test_named_results():
    result = ft.max(ft.tensor([[1.0, 2.0]]), 1)

    assert isinstance(result, ft.return_types.max)
    assert ([2.0], [1]) == (result.values.tolist(), result.indices.tolist())
    assert "torch.return_types.max(\nvalues=tensor([2.]),\nindices=tensor([1]))" == repr(result)


def test_numbers_on_the_left_reach_overrides():
    seen = []

    class Log(overrides.TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            seen.append(func.__name__)
            return func(*args, **(kwargs or {}))

    tensor = ft.ones(2).as_subclass(Sub)
    with Log():
        results = [1 - tensor, 4 / tensor, 2 ** tensor, 3 + tensor]

    assert ["__rsub__", "__rtruediv__", "__rpow__", "__radd__"] == seen
    assert [[0.0, 0.0], [4.0, 4.0], [2.0, 2.0], [4.0, 4.0]] == [result.tolist() for result in results]


def test_the_conjugate_of_a_real_tensor_is_the_tensor():
    x, z = ft.randn(3, requires_grad=True), ft.tensor([1 + 2j, -3j], requires_grad=True)

    assert ft.conj_physical(x) is x
    assert ft.conj_physical(z).data_ptr() != z.data_ptr()
    assert ft.conj_physical(z).tolist() == [1 - 2j, 3j]
    assert ft.tensor([1, 2]).conj_physical_().tolist() == [1, 2]
    assert ft.autograd.grad(ft.conj_physical(z), z, ft.tensor([1j, 2.0]))[0].tolist() == [-1j, 2.0]
