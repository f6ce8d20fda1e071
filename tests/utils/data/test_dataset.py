"""Datasets: joins, cuts and their errors."""

import warnings

import pytest

import frankentorch as ft
from frankentorch.utils import data


class Counting(data.IterableDataset):
    def __init__(self, n):
        self.n = n

    def __iter__(self):
        return iter(range(self.n))

    def __len__(self):
        return self.n


def test_tensor_dataset_gives_rows():
    dataset = data.TensorDataset(ft.arange(4), ft.arange(8).reshape(4, 2))
    first, second = dataset[2]
    assert len(dataset) == 4
    assert (first.item(), second.tolist()) == (2, [4, 5])
    with pytest.raises(AssertionError, match="Size mismatch between tensors"):
        data.TensorDataset(ft.ones(2), ft.ones(3))


def test_concat_dataset_counts_through_and_from_the_end():
    joined = data.ConcatDataset([[10, 11], [12], [13, 14]])
    assert [joined[i] for i in range(5)] == [10, 11, 12, 13, 14]
    assert (joined[-1], joined[-5]) == (14, 10)
    assert joined.cumulative_sizes == [2, 3, 5]
    with pytest.raises(ValueError, match="absolute value of index"):
        joined[-6]
    with pytest.raises(IndexError):
        joined[5]
    with pytest.raises(AssertionError, match="empty"):
        data.ConcatDataset([])
    with pytest.raises(AssertionError, match="IterableDataset"):
        data.ConcatDataset([Counting(2)])
    with pytest.warns(FutureWarning):
        assert joined.cummulative_sizes == [2, 3, 5]


def test_plus_joins():
    class Rows(data.Dataset):
        def __len__(self):
            return 2

        def __getitem__(self, index):
            return index

    assert [(Rows() + Rows())[i] for i in range(4)] == [0, 1, 0, 1]
    assert list(Counting(2) + Counting(1)) == [0, 1, 0]


def test_chain_dataset():
    assert list(data.ChainDataset([Counting(2), Counting(3)])) == [0, 1, 0, 1, 2]
    assert len(data.ChainDataset([Counting(2), Counting(3)])) == 5
    with pytest.raises(AssertionError, match="only supports IterableDataset"):
        list(data.ChainDataset([[1, 2]]))


def test_stack_dataset_by_position_and_by_name():
    assert data.StackDataset([1, 2], "ab")[1] == (2, "b")
    assert data.StackDataset(x=[1, 2], y="ab")[0] == {"x": 1, "y": "a"}
    assert data.StackDataset([1, 2], "ab").__getitems__([1, 0]) == [(2, "b"), (1, "a")]
    for args, kwargs in [((), {}), (([1],), {"x": [1]}), (([1], [1, 2]), {}), ((), {"x": [1], "y": []})]:
        with pytest.raises(ValueError):
            data.StackDataset(*args, **kwargs)


def test_subset_passes_batches_on():
    class Batches(data.Dataset):
        def __getitems__(self, indices):
            return [100 + i for i in indices]

        def __getitem__(self, index):
            return index

    subset = data.Subset(Batches(), [5, 3, 8])
    assert (len(subset), subset[2], subset.__getitems__([0, 1])) == (3, 8, [105, 103])
    assert data.Subset(ft.arange(10), [5, 3, 8])[[0, 2]].tolist() == [5, 8]


def test_base_classes_ask_for_their_methods():
    with pytest.raises(NotImplementedError, match="__getitem__"):
        data.Dataset()[0]
    with pytest.raises(TypeError, match="abstract"):
        data.IterableDataset()
    with pytest.raises(TypeError, match="no len"):
        len(data.Dataset())


def seeded(seed):
    return ft.Generator().manual_seed(seed)


def test_random_split_covers_everything_once():
    parts = data.random_split(range(10), [3, 7], generator=seeded(1))
    assert [len(part) for part in parts] == [3, 7]
    assert sorted(i for part in parts for i in part.indices) == list(range(10))


def test_random_split_fractions_round_down_and_deal_out_the_rest():
    assert [len(part) for part in data.random_split(range(10), [0.33, 0.33, 0.34], generator=seeded(1))] == [4, 3, 3]
    with pytest.warns(UserWarning, match="index 3 is 0"):
        assert [len(part) for part in data.random_split(range(3), [0.25] * 4, generator=seeded(1))] == [1, 1, 1, 0]


@pytest.mark.parametrize("lengths", [[3, 3], [0.5, 0.6], [0.3, 0.3], [1.5, -0.5]])
def test_random_split_refuses_wrong_sums(lengths):
    with pytest.raises(ValueError):
        data.random_split(range(10), lengths)


@pytest.mark.parametrize("lengths", [[4, 13], [0.1, 0.2, 0.7], [17]])
@pytest.mark.parametrize("own_generator", [True, False])
def test_random_split_is_that_of_the_oracle(lengths, own_generator):
    torch = pytest.importorskip("torch")
    theirs = pytest.importorskip("torch.utils.data")
    chosen = []
    for library, module in [(torch, theirs), (ft, data)]:
        library.manual_seed(4)
        options = {"generator": library.Generator().manual_seed(9)} if own_generator else {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            chosen.append([list(part.indices) for part in module.random_split(range(17), lengths, **options)])
    assert chosen[0] == chosen[1]
