"""Samplers: hand-worked orders, errors, and the oracle's random streams."""

import pytest

import frankentorch as ft
from frankentorch.utils import data


def test_batches():
    assert list(data.BatchSampler(range(5), 2, False)) == [[0, 1], [2, 3], [4]]
    assert list(data.BatchSampler(range(5), 2, True)) == [[0, 1], [2, 3]]
    assert [len(data.BatchSampler(range(5), 2, drop)) for drop in (False, True)] == [3, 2]


def test_sequential():
    assert list(data.SequentialSampler("abc")) == [0, 1, 2]


def test_permutations_visit_everything_once_per_round():
    drawn = list(data.RandomSampler(range(5), num_samples=12, generator=ft.Generator().manual_seed(0)))
    assert sorted(drawn[:5]) == sorted(drawn[5:10]) == list(range(5))
    assert len(set(drawn[10:])) == 2


def test_length_of_random_sampler_follows_the_source():
    source = [1, 2]
    sampler = data.RandomSampler(source)
    source.append(3)
    assert len(sampler) == len(list(sampler)) == 3


def test_zero_weight_is_never_drawn():
    drawn = list(data.WeightedRandomSampler([0.0, 1.0, 2.0], 50, generator=ft.Generator().manual_seed(0)))
    assert set(drawn) == {1, 2}


def test_distributed_shares_are_disjoint_and_padded_from_the_start():
    shares = [list(data.DistributedSampler(range(10), 3, rank, shuffle=False)) for rank in range(3)]
    assert shares == [[0, 3, 6, 9], [1, 4, 7, 0], [2, 5, 8, 1]]
    dropped = [list(data.DistributedSampler(range(10), 3, rank, shuffle=False, drop_last=True)) for rank in range(3)]
    assert dropped == [[0, 3, 6], [1, 4, 7], [2, 5, 8]]
    few = [list(data.DistributedSampler(range(2), 5, rank, shuffle=False)) for rank in range(5)]
    assert few == [[0], [1], [0], [1], [0]]


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: data.BatchSampler(range(5), 0, False), ValueError),
        (lambda: data.BatchSampler(range(5), True, False), ValueError),
        (lambda: data.BatchSampler(range(5), 2, 1), ValueError),
        (lambda: data.RandomSampler(range(0)), ValueError),
        (lambda: data.RandomSampler(range(3), num_samples=0), ValueError),
        (lambda: data.RandomSampler(range(3), num_samples=1.5), ValueError),
        (lambda: data.RandomSampler(range(3), replacement=1), TypeError),
        (lambda: data.WeightedRandomSampler([0.1], 0), ValueError),
        (lambda: data.WeightedRandomSampler([0.1], True), ValueError),
        (lambda: data.WeightedRandomSampler([0.1], 1, replacement=1), ValueError),
        (lambda: data.WeightedRandomSampler([[0.1]], 1), ValueError),
        (lambda: data.DistributedSampler(range(10), 3, 3), ValueError),
        (lambda: data.DistributedSampler(range(10), 3, -1), ValueError),
        (lambda: next(iter(data.Sampler())), NotImplementedError),
        (lambda: len(data.Sampler()), TypeError),
    ],
)
def test_refusals(make, error):
    with pytest.raises(error):
        make()


STREAMS = {
    "permutation": lambda m, g: m.RandomSampler(range(10), generator=g),
    "permutations": lambda m, g: m.RandomSampler(range(10), num_samples=25, generator=g),
    "replacement": lambda m, g: m.RandomSampler(range(10), replacement=True, num_samples=70, generator=g),
    "subset": lambda m, g: m.SubsetRandomSampler([3, 5, 8, 13], generator=g),
    "weighted": lambda m, g: m.WeightedRandomSampler([0.1, 0.9, 0.5], 20, generator=g),
    "weighted without": lambda m, g: m.WeightedRandomSampler([0.1, 0.9, 0.5], 2, replacement=False, generator=g),
}


@pytest.mark.parametrize("own_generator", [True, False])
@pytest.mark.parametrize("name", STREAMS)
def test_stream_is_that_of_the_oracle_through_two_epochs_and_after(name, own_generator):
    torch = pytest.importorskip("torch")
    theirs = pytest.importorskip("torch.utils.data")
    seen = []
    for library, module in [(torch, theirs), (ft, data)]:
        library.manual_seed(3)
        generator = library.Generator().manual_seed(5) if own_generator else None
        sampler = STREAMS[name](module, generator)
        rounds = [list(sampler), list(sampler)]
        seen.append((rounds, library.randint(0, 10**6, (3,), generator=generator).tolist()))
    assert seen[0] == seen[1]


def test_distributed_shuffle_is_that_of_the_oracle():
    theirs = pytest.importorskip("torch.utils.data")
    orders = []
    for module in (theirs, data):
        sampler = module.DistributedSampler(range(23), 4, 2, seed=7)
        first = list(sampler)
        sampler.set_epoch(3)
        orders.append((first, list(sampler), len(sampler)))
    assert orders[0] == orders[1]
