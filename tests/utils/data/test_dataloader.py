"""The loader: batches, options, workers, failures; order and draws against the oracle."""

import gc
import itertools
import os
import random
import signal
import time
import warnings

import pytest

import frankentorch as ft
from frankentorch.utils import data

pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create", "ignore:.*fork.*:DeprecationWarning")


class Squares(data.Dataset):
    def __init__(self, n):
        self.n = n

    def __len__(self):
        return self.n

    def __getitem__(self, index):
        return index * index


class Shares(data.IterableDataset):
    """0 … n-1, split between workers by stride."""

    def __init__(self, n, announced=None):
        self.n = n
        self.announced = announced

    def __iter__(self):
        info = data.get_worker_info()
        start, step = (info.id, info.num_workers) if info else (0, 1)
        return iter(range(start, self.n, step))

    def __len__(self):
        return self.announced


class Failing(data.Dataset):
    def __init__(self, action):
        self.action = action

    def __len__(self):
        return 8

    def __getitem__(self, index):
        if index == 5:
            self.action()
        return index


def lists(loader):
    return [batch.tolist() for batch in loader]


@pytest.mark.parametrize("workers", [0, 1, 2, 3])
def test_batches_do_not_depend_on_workers(workers):
    assert lists(data.DataLoader(Squares(5), 2, num_workers=workers)) == [[0, 1], [4, 9], [16]]
    assert lists(data.DataLoader(Squares(5), 2, num_workers=workers, drop_last=True)) == [[0, 1], [4, 9]]


@pytest.mark.parametrize("workers", [0, 2])
def test_single_samples_without_batching(workers):
    assert list(data.DataLoader(Squares(3), None, num_workers=workers)) == [0, 1, 4]


@pytest.mark.parametrize("workers", [0, 2])
def test_sampler_and_batch_sampler(workers):
    assert lists(data.DataLoader(Squares(5), 2, sampler=[4, 1, 0], num_workers=workers)) == [[16, 1], [0]]
    assert lists(data.DataLoader(Squares(5), batch_sampler=[[4], [1, 0]], num_workers=workers)) == [[16], [1, 0]]


def test_iterable_dataset_is_taken_in_turns():
    assert lists(data.DataLoader(Shares(5), 2)) == [[0, 1], [2, 3], [4]]
    assert lists(data.DataLoader(Shares(5), 2, drop_last=True)) == [[0, 1], [2, 3]]
    assert lists(data.DataLoader(Shares(7), 2, num_workers=2)) == [[0, 2], [1, 3], [4, 6], [5]]


@pytest.mark.parametrize("iterable", [False, True])
def test_persistent_workers_serve_every_epoch_and_survive_a_break(iterable):
    dataset = Shares(6) if iterable else Squares(6)
    loader = data.DataLoader(dataset, 2, num_workers=2, persistent_workers=True)
    first = lists(loader)
    processes = [worker.process.pid for worker in loader._iterator._pool._workers]
    next(iter(loader))

    assert lists(loader) == first
    assert [worker.process.pid for worker in loader._iterator._pool._workers] == processes


def test_batches_as_they_come():
    batches = lists(data.DataLoader(Squares(20), 2, num_workers=2, in_order=False))
    assert sorted(batches) == lists(data.DataLoader(Squares(20), 2))


def test_order_holds_when_one_worker_is_slow():
    def lag(worker_id):
        time.sleep(0.2 * (worker_id == 0))

    assert lists(data.DataLoader(Squares(6), 1, num_workers=2, worker_init_fn=lag)) == [[i * i] for i in range(6)]


class Describing(data.Dataset):
    def __len__(self):
        return 4

    def __getitem__(self, index):
        info = data.get_worker_info()
        return info.id, info.num_workers, info.seed, ft.initial_seed(), type(info.dataset).__name__


def test_worker_info_and_seeds():
    ft.manual_seed(5)
    base_seed = ft.empty((), dtype=ft.int64).random_().item()
    ft.manual_seed(5)
    infos = list(data.DataLoader(Describing(), None, num_workers=2))

    assert infos[:2] == [[worker, 2, base_seed + worker, base_seed + worker, "Describing"] for worker in range(2)]
    assert data.get_worker_info() is None


def test_worker_info_cannot_be_changed():
    from frankentorch.utils.data._utils.worker import WorkerInfo

    info = WorkerInfo(id=1, num_workers=2, seed=3, dataset=None)
    assert repr(info) == "WorkerInfo(id=1, num_workers=2, seed=3, dataset=None)"
    with pytest.raises(RuntimeError, match="Cannot assign"):
        info.id = 2


class TwoArguments(Exception):
    def __init__(self, first, second):
        super().__init__(first, second)


def raiser(error):
    def action():
        raise error

    return action


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ValueError("odd value"), ValueError),
        (KeyError("missing key"), KeyError),
        (TwoArguments("odd", "value"), RuntimeError),
        (StopIteration(), StopIteration),
    ],
)
def test_exception_in_a_worker_comes_back_with_type_worker_and_traceback(error, kind):
    loader = data.DataLoader(Failing(raiser(error)), None, num_workers=2)
    iterator = iter(loader)
    assert [next(iterator) for _ in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(kind) as caught:
        next(iterator)

    text = str(caught.value)
    assert f"Caught {type(error).__name__} in DataLoader worker process 1." in text
    assert "__getitem__" in text
    if kind is not StopIteration:
        assert next(iterator) == 6  # the worker lives on


def test_sample_that_cannot_be_pickled_is_an_error_not_a_hang():
    class Local:
        pass

    loader = data.DataLoader(Failing(int), None, num_workers=1, collate_fn=lambda sample: Local())
    with pytest.raises(Exception, match="Caught .* in DataLoader worker process 0"):
        list(loader)


def test_error_at_the_start_of_a_worker():
    def init(worker_id):
        raise ValueError(f"no luck in {worker_id}")

    with pytest.raises(ValueError, match="no luck in 0"):
        list(data.DataLoader(Squares(4), num_workers=2, worker_init_fn=init))


def test_killed_worker_is_an_error_not_a_hang():
    def die():
        os.kill(os.getpid(), signal.SIGKILL)

    with pytest.raises(RuntimeError, match=r"DataLoader worker \(pid.* exited unexpectedly[\s\S]*SIGKILL"):
        list(data.DataLoader(Failing(die), None, num_workers=2))


def test_slow_worker_meets_the_timeout():
    def sleep():
        time.sleep(30)

    with pytest.raises(RuntimeError, match="timed out after 0.2 seconds"):
        list(data.DataLoader(Failing(sleep), None, num_workers=2, timeout=0.2))


def test_iterator_given_up_leaves_no_process():
    iterator = iter(data.DataLoader(Squares(1000), num_workers=2))
    next(iterator)
    processes = [worker.process for worker in iterator._pool._workers]
    del iterator
    gc.collect()

    assert not any(process.is_alive() for process in processes)


def test_large_batches_do_not_block_the_end():
    loader = data.DataLoader(Squares(50), None, num_workers=2, collate_fn=lambda sample: bytes(1 << 20))
    assert len(next(iter(loader))) == 1 << 20
    assert sum(map(len, loader)) == 50 << 20


def test_length():
    assert len(data.DataLoader(Squares(5), 2)) == 3
    assert len(data.DataLoader(Squares(5), 2, drop_last=True)) == 2
    assert len(data.DataLoader(Squares(5), None)) == 5
    assert len(data.DataLoader(Shares(9, announced=5), 2)) == 3


def test_longer_than_announced_warns():
    loader = data.DataLoader(Shares(3, announced=2))
    assert len(loader) == 2
    with pytest.warns(UserWarning, match="was reported to be 2.* but 3 samples"):
        assert len(list(loader)) == 3


def test_pinning_without_accelerator_warns():
    with pytest.warns(UserWarning, match="pin_memory.* no accelerator"):
        assert lists(data.DataLoader(Squares(2), pin_memory=True)) == [[0], [1]]


@pytest.mark.parametrize(
    "options",
    [
        {"num_workers": -1},
        {"timeout": -1},
        {"prefetch_factor": 2},
        {"num_workers": 1, "prefetch_factor": -1},
        {"persistent_workers": True},
        {"sampler": [1], "shuffle": True},
        {"batch_sampler": [[1]], "batch_size": 2},
        {"batch_sampler": [[1]], "shuffle": True},
        {"batch_sampler": [[1]], "drop_last": True},
        {"batch_sampler": [[1]], "sampler": [1]},
        {"batch_size": None, "drop_last": True},
        {"batch_size": 0},
        {"multiprocessing_context": "fork"},
        {"num_workers": 1, "multiprocessing_context": "elsewhere"},
    ],
)
def test_options_that_clash(options):
    with pytest.raises(ValueError):
        data.DataLoader(Squares(5), **options)


@pytest.mark.parametrize("options", [{"shuffle": True}, {"sampler": [1]}, {"batch_sampler": [[1]]}])
def test_iterable_dataset_has_its_own_order(options):
    with pytest.raises(ValueError, match="IterableDataset"):
        data.DataLoader(Shares(5), **options)


def test_context_must_be_one():
    with pytest.raises(TypeError):
        data.DataLoader(Squares(5), num_workers=1, multiprocessing_context=3)


@pytest.mark.parametrize("name", ["batch_size", "sampler", "batch_sampler", "dataset", "drop_last", "persistent_workers"])
def test_what_is_fixed_after_making(name):
    with pytest.raises(ValueError, match="should not be set"):
        setattr(data.DataLoader(Squares(5)), name, None)


class Noisy:
    """Samples that draw from every global generator."""

    def __len__(self):
        return 11

    def __getitem__(self, index):
        return index, random.random(), ft.rand(()).item()


OPTIONS = [
    {**workers, **batching, **order}
    for workers, batching, order in itertools.product(
        [{}, {"num_workers": 2}, {"num_workers": 2, "persistent_workers": True}],
        [{"batch_size": 1}, {"batch_size": 3, "drop_last": True}, {"batch_size": None}],
        [{}, {"shuffle": True}, {"shuffle": True, "generator": 11}],
    )
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_samples_draws_and_state_after_are_those_of_the_oracle(options):
    """Two epochs in both libraries: the samples, the draws made in workers, and what is left in the generator."""
    torch = pytest.importorskip("torch")
    theirs = pytest.importorskip("torch.utils.data")
    seen = []
    for library, module in [(torch, theirs), (ft, data)]:
        library.manual_seed(7)
        random.seed(1)
        generator = library.Generator().manual_seed(options["generator"]) if "generator" in options else None
        loader = module.DataLoader(
            Noisy() if library is ft else _oracle_noisy(torch),
            collate_fn=lambda samples: samples,
            **{**options, "generator": generator},
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            epochs = [list(loader), list(loader)]
        seen.append((epochs, library.rand(2).tolist(), library.rand(2, generator=generator).tolist()))
    assert seen[0] == seen[1]


def _oracle_noisy(torch):
    class OracleNoisy(Noisy):
        def __getitem__(self, index):
            return index, random.random(), torch.rand(()).item()

    return OracleNoisy()
