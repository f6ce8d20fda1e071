"""Checkpoints: files that hold a training state and say when they are damaged."""

from frankentorch.checkpoint.errors import CheckpointError

__all__ = ["CheckpointError"]
