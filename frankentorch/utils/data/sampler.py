"""Samplers: the order in which a loader asks for samples.

Random draws and their order are part of the interface: for one state of a generator the indices are those of PyTorch.
"""

import itertools

from frankentorch import ops
from frankentorch import random as random_stream

__all__ = [
    "BatchSampler",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "SubsetRandomSampler",
    "WeightedRandomSampler",
]

_DRAW_CHUNK = 32  # indices per draw with replacement; changing it changes the stream


def _is_positive_whole(value):
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


class Sampler:
    """An iterable of indices, or of lists of indices. A subclass gives ``__iter__`` and mostly ``__len__``."""

    def __class_getitem__(cls, item):
        return cls

    def __iter__(self):
        raise NotImplementedError(f"{type(self).__name__} has no __iter__")


class SequentialSampler(Sampler):
    """0, 1, … up to the length of `data_source`."""

    def __init__(self, data_source):
        self.data_source = data_source

    def __iter__(self):
        return iter(range(len(self.data_source)))

    def __len__(self):
        return len(self.data_source)


class RandomSampler(Sampler):
    """Indices of `data_source` in random order.

    Parameters
    ----------
    data_source : sized
    replacement : bool
        Draw every index anew instead of going through permutations.
    num_samples : int, optional
        How many to draw; default the length of `data_source`.
    generator : Generator, optional
        By default each iteration makes one, seeded by a draw from the global generator.
    """

    def __init__(self, data_source, replacement=False, num_samples=None, generator=None):
        self.data_source = data_source
        self.replacement = replacement
        self._num_samples = num_samples
        self.generator = generator
        if not isinstance(replacement, bool):
            raise TypeError(f"replacement should be a boolean value, but got replacement={replacement}")
        if not isinstance(self.num_samples, int) or self.num_samples <= 0:
            raise ValueError(f"num_samples should be a positive integer value, but got num_samples={self.num_samples}")

    @property
    def num_samples(self):
        """How many indices one iteration gives; follows the data source unless set."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def __iter__(self):
        count = len(self.data_source)
        generator = self.generator
        if generator is None:
            generator = random_stream.Generator()
            generator.manual_seed(ops.empty((), dtype=ops.int64).random_().item())
        wanted = self.num_samples
        if self.replacement:
            for start in range(0, wanted, _DRAW_CHUNK):
                size = min(_DRAW_CHUNK, wanted - start)
                yield from ops.randint(high=count, size=(size,), dtype=ops.int64, generator=generator).tolist()
            return
        for _ in range(wanted // count):
            yield from ops.randperm(count, generator=generator).tolist()
        # Drawn even when nothing is left to give: the stream after an epoch depends on it.
        yield from ops.randperm(count, generator=generator).tolist()[: wanted % count]

    def __len__(self):
        return self.num_samples


class SubsetRandomSampler(Sampler):
    """The given indices in random order.

    Parameters
    ----------
    indices : sequence
    generator : Generator, optional
        Default is the global one.
    """

    def __init__(self, indices, generator=None):
        self.indices = indices
        self.generator = generator

    def __iter__(self):
        for place in ops.randperm(len(self.indices), generator=self.generator).tolist():
            yield self.indices[place]

    def __len__(self):
        return len(self.indices)


class WeightedRandomSampler(Sampler):
    """Indices drawn with given weights.

    Parameters
    ----------
    weights : sequence of float
        Need not sum to one.
    num_samples : int
        How many to draw.
    replacement : bool
        Whether an index can come again.
    generator : Generator, optional
        Default is the global one.
    """

    def __init__(self, weights, num_samples, replacement=True, generator=None):
        if not _is_positive_whole(num_samples):
            raise ValueError(f"num_samples should be a positive integer value, but got num_samples={num_samples}")
        if not isinstance(replacement, bool):
            raise ValueError(f"replacement should be a boolean value, but got replacement={replacement}")
        weights = ops.as_tensor(weights, dtype=ops.float64)
        if weights.ndim != 1:
            raise ValueError(f"weights should be a 1d sequence but given weights have shape {tuple(weights.shape)}")
        self.weights = weights
        self.num_samples = num_samples
        self.replacement = replacement
        self.generator = generator

    def __iter__(self):
        drawn = ops.multinomial(self.weights, self.num_samples, self.replacement, generator=self.generator)
        yield from iter(drawn.tolist())

    def __len__(self):
        return self.num_samples


class BatchSampler(Sampler):
    """Lists of `batch_size` consecutive items of another sampler.

    Parameters
    ----------
    sampler : iterable
    batch_size : int
    drop_last : bool
        Leave out a last list that is not full.
    """

    def __init__(self, sampler, batch_size, drop_last):
        if not _is_positive_whole(batch_size):
            raise ValueError(f"batch_size should be a positive integer value, but got batch_size={batch_size}")
        if not isinstance(drop_last, bool):
            raise ValueError(f"drop_last should be a boolean value, but got drop_last={drop_last}")
        self.sampler = sampler
        self.batch_size = batch_size
        self.drop_last = drop_last

    def __iter__(self):
        items = iter(self.sampler)
        while batch := list(itertools.islice(items, self.batch_size)):
            if self.drop_last and len(batch) < self.batch_size:
                return
            yield batch

    def __len__(self):
        count = len(self.sampler)
        return count // self.batch_size if self.drop_last else -(-count // self.batch_size)
