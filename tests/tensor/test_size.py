"""`Size`: a tuple whose slices, sums and products are sizes."""
import copy
import pickle
import sys

import pytest

import frankentorch as ft


@pytest.mark.parametrize("size", [ft.ones(2, 3, 4).shape, ft.ones(2, 3, 4).size(), ft.Size([2, 3, 4]), ft.Size((2, 3, 4))])
def test_is_a_tuple(size):
    assert type(size) is ft.Size and isinstance(size, tuple) and size == (2, 3, 4) and hash(size) == hash((2, 3, 4))
    assert size[0] == 2 and size[-1] == 4 and size[True] == 3 and size.numel() == 24 and len(size) == 3 and list(size) == [2, 3, 4]
    assert repr(size) == "torch.Size([2, 3, 4])" and size.index(4) == 2
    for bad, error in ((3, IndexError), (-4, IndexError), ("0", TypeError)):
        with pytest.raises(error):
            size[bad]


def test_slices_sums_and_products_are_sizes():
    size = ft.ones(2, 3, 4).shape
    for made, values in ((size[1:], (3, 4)), (size[::-1], (4, 3, 2)), (size[:], (2, 3, 4)), (size[3:], ()), (size + (1,), (2, 3, 4, 1)),
                         ((1,) + size, (1, 2, 3, 4)), (size * 2, (2, 3, 4, 2, 3, 4)), (ft.Size(), ()), (ft.ones(()).shape, ())):
        assert type(made) is ft.Size and made == values


def test_copies_and_subclasses():
    size = ft.ones(2, 0).shape
    for other in (pickle.loads(pickle.dumps(size)), copy.copy(size), copy.deepcopy(size)):
        assert type(other) is ft.Size and other == (2, 0)

    class Named(ft.Size):
        pass

    assert Named((5, 6))[1] == 6 and Named((5, 6))[:1] == (5,) and Named((5, 6)).numel() == 30


def test_numbers_are_counted():
    """A number that is in no cache of small ones is held once by each size made, and let go."""
    t = ft.ones(1).expand(10 ** 6 + 3)
    sizes = [t.shape for _ in range(100)]
    number = sizes[0][0]
    before = sys.getrefcount(number)
    pieces = [sizes[0][:1] for _ in range(50)]
    assert sys.getrefcount(number) == before + 50
    del pieces
    assert sys.getrefcount(number) == before
