"""DataLoader: batches of a dataset, in this process or from workers.

Order is a function of the seed alone: tasks go to the workers in turn and batches are handed out in the order of the
tasks, however fast each worker is. An iterator first draws one base seed from the loader's generator, then asks the
sampler; with workers it asks ahead by ``prefetch_factor * num_workers`` batches. This is PyTorch's order of draws.
"""

import itertools
import multiprocessing
import multiprocessing.context
import os
import warnings

from frankentorch import ops
from frankentorch.utils.data._utils.collate import default_collate, default_convert
from frankentorch.utils.data._utils.fetch import IterableFetcher, MapFetcher
from frankentorch.utils.data._utils.worker import get_worker_info
from frankentorch.utils.data._workers import WorkerPool
from frankentorch.utils.data.dataset import IterableDataset
from frankentorch.utils.data.sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler

__all__ = ["DataLoader", "default_collate", "default_convert", "get_worker_info"]

_DEFAULT_PREFETCH = 2
_FIXED = ("batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers")


class _EndlessSampler(Sampler):
    """None for ever: an iterable dataset is asked without indices until it ends."""

    def __iter__(self):
        return itertools.repeat(None)


class DataLoader:
    """Iterable over the batches of a dataset.

    Parameters
    ----------
    dataset : Dataset
        With indices or iterable.
    batch_size : int, optional
        Samples per batch; None gives single samples.
    shuffle : bool, optional
        Permute anew every epoch.
    sampler : Sampler or iterable, optional
        Order of indices; excludes `shuffle`.
    batch_sampler : Sampler or iterable, optional
        Lists of indices; excludes `batch_size`, `shuffle`, `sampler` and `drop_last`.
    num_workers : int
        Processes that make batches; 0 makes them here.
    collate_fn : callable, optional
        Makes a batch of a list of samples.
    pin_memory : bool
        Accepted; without an accelerator there is nothing to pin for, which a warning says.
    drop_last : bool
        Leave out a last batch that is not full.
    timeout : float
        Seconds to wait for a worker's batch; 0 waits for ever.
    worker_init_fn : callable, optional
        Called in each worker with its number.
    multiprocessing_context : str or context, optional
        How workers are started.
    generator : Generator, optional
        For the base seed and the random sampler; default is the global one.
    prefetch_factor : int, optional
        Batches asked in advance from each worker; default 2.
    persistent_workers : bool
        Keep the workers for the next epoch.
    pin_memory_device : str
        Accepted for compatibility.
    in_order : bool
        Hand batches out in the order of the sampler. False takes them as they come.

    Raises
    ------
    ValueError
        Options that exclude each other or are out of range.
    """

    _iterator = None
    _initialized = False
    _announced_length = None

    def __init__(
        self, dataset, batch_size=1, shuffle=None, sampler=None, batch_sampler=None, num_workers=0, collate_fn=None,
        pin_memory=False, drop_last=False, timeout=0, worker_init_fn=None, multiprocessing_context=None, generator=None,
        *, prefetch_factor=None, persistent_workers=False, pin_memory_device="", in_order=True,
    ):  # fmt: skip
        if num_workers < 0:
            raise ValueError("num_workers option should be non-negative; use num_workers=0 to disable multiprocessing.")
        if timeout < 0:
            raise ValueError("timeout option should be non-negative")
        if num_workers == 0 and prefetch_factor is not None:
            raise ValueError(
                "prefetch_factor option could only be specified in multiprocessing: "
                "let num_workers > 0, or leave prefetch_factor None"
            )
        if num_workers > 0 and prefetch_factor is None:
            prefetch_factor = _DEFAULT_PREFETCH
        elif prefetch_factor is not None and prefetch_factor < 0:
            raise ValueError("prefetch_factor option should be non-negative")
        if persistent_workers and num_workers == 0:
            raise ValueError("persistent_workers option needs num_workers > 0")
        self.dataset = dataset
        self.num_workers = num_workers
        self.prefetch_factor = prefetch_factor
        self.pin_memory = pin_memory
        self.pin_memory_device = pin_memory_device
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.multiprocessing_context = multiprocessing_context
        self.in_order = in_order
        self._is_iterable = isinstance(dataset, IterableDataset)
        if self._is_iterable:
            _refuse_order_of_iterable(shuffle, sampler, batch_sampler)
        if sampler is not None and shuffle:
            raise ValueError("sampler option is mutually exclusive with shuffle")
        if batch_sampler is not None:
            if batch_size != 1 or shuffle or sampler is not None or drop_last:
                raise ValueError(
                    "batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and drop_last"
                )
            batch_size = None
            drop_last = False
        elif batch_size is None and drop_last:
            raise ValueError("batch_size=None option disables auto-batching and is mutually exclusive with drop_last")
        if sampler is None:
            if self._is_iterable:
                sampler = _EndlessSampler()
            elif shuffle:
                sampler = RandomSampler(dataset, generator=generator)
            else:
                sampler = SequentialSampler(dataset)
        if batch_size is not None and batch_sampler is None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.generator = generator
        if collate_fn is None:
            collate_fn = default_collate if self._auto_collation else default_convert
        self.collate_fn = collate_fn
        self.persistent_workers = persistent_workers
        self._initialized = True
        self._warn_of_many_workers()

    def __class_getitem__(cls, item):
        return cls

    def __setattr__(self, name, value):
        if self._initialized and name in _FIXED:
            raise ValueError(f"{name} attribute should not be set after {type(self).__name__} is initialized")
        super().__setattr__(name, value)

    @property
    def multiprocessing_context(self):
        """The context that starts workers, or None for the default."""
        return self._multiprocessing_context

    @multiprocessing_context.setter
    def multiprocessing_context(self, context):
        if context is not None:
            if self.num_workers == 0:
                raise ValueError(
                    "multiprocessing_context can only be used with multi-process loading (num_workers > 0), "
                    "but got num_workers=0"
                )
            if isinstance(context, str):
                methods = multiprocessing.get_all_start_methods()
                if context not in methods:
                    raise ValueError(
                        f"multiprocessing_context option should specify a valid start method in {methods}, "
                        f"but got multiprocessing_context={context!r}"
                    )
                context = multiprocessing.get_context(context)
            if not isinstance(context, multiprocessing.context.BaseContext):
                raise TypeError(
                    "multiprocessing_context option should be a valid context object or a string specifying the "
                    f"start method, but got multiprocessing_context={context}"
                )
        self._multiprocessing_context = context

    @property
    def _auto_collation(self):
        return self.batch_sampler is not None

    @property
    def _index_sampler(self):
        return self.batch_sampler if self._auto_collation else self.sampler

    def _fetcher_options(self):
        kind = IterableFetcher if self._is_iterable else MapFetcher
        return kind, self._auto_collation, self.collate_fn, self.drop_last

    def __iter__(self):
        if not (self.persistent_workers and self.num_workers > 0):
            return self._get_iterator()
        if self._iterator is None:
            self._iterator = self._get_iterator()
        else:
            self._iterator._restart()
        return self._iterator

    def _get_iterator(self):
        return _WorkerIterator(self) if self.num_workers > 0 else _LocalIterator(self)

    def __len__(self):
        if not self._is_iterable:
            return len(self._index_sampler)
        length = self._announced_length = len(self.dataset)
        if self.batch_size is not None:
            length = length // self.batch_size if self.drop_last else -(-length // self.batch_size)
        return length

    def check_worker_number_rationality(self):
        """Warn if there are more workers than processors to run them."""
        self._warn_of_many_workers()

    def _warn_of_many_workers(self):
        if not self.num_workers:
            return
        if hasattr(os, "sched_getaffinity"):
            processors = len(os.sched_getaffinity(0))
        else:
            processors = os.cpu_count() or self.num_workers
        if self.num_workers > processors:
            warnings.warn(
                f"This DataLoader will create {self.num_workers} worker processes in total. Our suggested max number "
                f"of worker in current system is {processors}; more may make loading slow or freeze it.",
                stacklevel=3,
            )


def _refuse_order_of_iterable(shuffle, sampler, batch_sampler):
    """An iterable dataset has an order of its own."""
    for name, value in (("shuffle", shuffle or None), ("sampler", sampler), ("batch_sampler", batch_sampler)):
        if value is not None:
            raise ValueError(f"DataLoader with IterableDataset: expected unspecified {name} option, but got {name}={value}")


class _Iterator:
    """One pass over a loader. A subclass gives `_next_batch`."""

    def __init__(self, loader):
        self._loader = loader
        self._base_seed = ops.empty((), dtype=ops.int64).random_(generator=loader.generator).item()
        if loader.pin_memory:
            warnings.warn(
                "'pin_memory' argument is set as true but no accelerator is found, "
                "then device pinned memory won't be used.",
                stacklevel=4,
            )
        self._begin()

    def _begin(self):
        self._sampler_iter = iter(self._loader._index_sampler)
        self._yielded = 0
        self._announced_length = self._loader._announced_length

    def __iter__(self):
        return self

    def __next__(self):
        batch = self._next_batch()
        self._yielded += 1
        announced = self._announced_length
        if announced is not None and self._yielded > announced and self._loader._is_iterable:
            hint = ""
            if self._loader.num_workers:
                hint = " With workers, each iterates the whole dataset unless it is told its share."
            warnings.warn(
                f"Length of IterableDataset {self._loader.dataset} was reported to be {announced}"
                f"(when accessing len(dataloader)), but {self._yielded} samples have been fetched.{hint}",
                stacklevel=2,
            )
        return batch

    def __len__(self):
        return len(self._loader._index_sampler)

    def __getstate__(self):
        raise NotImplementedError(f"{type(self).__name__} cannot be pickled")


class _LocalIterator(_Iterator):
    """Batches made in this process."""

    def __init__(self, loader):
        if loader.timeout != 0:
            raise AssertionError("timeout option needs num_workers > 0")
        super().__init__(loader)
        make_fetcher, *options = loader._fetcher_options()
        self._fetcher = make_fetcher(loader.dataset, *options)

    def _next_batch(self):
        return self._fetcher.fetch(next(self._sampler_iter))


class _WorkerIterator(_Iterator):
    """Batches made by workers; the pool does the waiting."""

    def __init__(self, loader):
        self._pool = None
        super().__init__(loader)
        self._pool = WorkerPool(loader, self._base_seed)
        self._ask_ahead()

    def _restart(self):
        """Begin a new epoch with the same workers."""
        self._begin()
        self._pool.resume()
        self._ask_ahead()

    def _ask_ahead(self):
        for _ in range(self._loader.prefetch_factor * self._loader.num_workers):
            self._ask()

    def _ask(self):
        """Give the next item of the sampler to the worker whose turn it is. Asks the sampler only if there is one."""
        if self._pool.is_free():
            for index in self._sampler_iter:
                self._pool.put(index)
                return

    def _next_batch(self):
        while self._pool.is_busy():
            has_batch, result = self._pool.get()
            self._ask()
            if has_batch:
                return self._pool.unwrapped(result)
        if not self._loader.persistent_workers:
            self._pool.shut_down()
        raise StopIteration

    def __del__(self):
        if self._pool is not None:
            self._pool.shut_down()
