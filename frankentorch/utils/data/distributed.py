"""A sampler that gives each of several processes its own share of a dataset."""

import importlib

from frankentorch import ops
from frankentorch import random as random_stream
from frankentorch.utils.data.sampler import Sampler

__all__ = ["DistributedSampler"]


class DistributedSampler(Sampler):
    """Every `num_replicas`-th index of one common order, from `rank` on.

    Parameters
    ----------
    dataset : sized
    num_replicas, rank : int, optional
        Number of processes and which of them this is; default those of the process group.
    shuffle : bool
        Permute, anew for each epoch; see `set_epoch`.
    seed : int
        Must be the same in all processes.
    drop_last : bool
        Cut the tail so that shares are equal, instead of repeating indices from the start.
    """

    def __init__(self, dataset, num_replicas=None, rank=None, shuffle=True, seed=0, drop_last=False):
        if num_replicas is None or rank is None:
            group = importlib.import_module("frankentorch.distributed")
            num_replicas = group.get_world_size() if num_replicas is None else num_replicas
            rank = group.get_rank() if rank is None else rank
        if not 0 <= rank < num_replicas:
            raise ValueError(f"Invalid rank {rank}, rank should be in the interval [0, {num_replicas - 1}]")
        self.dataset = dataset
        self.num_replicas = num_replicas
        self.rank = rank
        self.epoch = 0
        self.drop_last = drop_last
        count = len(dataset)
        self.num_samples = count // num_replicas if drop_last else -(-count // num_replicas)
        self.total_size = self.num_samples * num_replicas
        self.shuffle = shuffle
        self.seed = seed

    def __iter__(self):
        count = len(self.dataset)
        if self.shuffle:
            generator = random_stream.Generator()
            generator.manual_seed(self.seed + self.epoch)
            indices = ops.randperm(count, generator=generator).tolist()
        else:
            indices = list(range(count))
        if not self.drop_last and indices:
            indices *= -(-self.total_size // count)
        return iter(indices[self.rank : self.total_size : self.num_replicas])

    def __len__(self):
        return self.num_samples

    def set_epoch(self, epoch):
        """Name the epoch, so that the next order differs from the last and is the same in all processes."""
        self.epoch = epoch
