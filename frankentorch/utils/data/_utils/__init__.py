"""Parts of the data loader."""

from frankentorch.utils.data._utils import collate, fetch, worker

__all__ = ["collate", "fetch", "worker"]
