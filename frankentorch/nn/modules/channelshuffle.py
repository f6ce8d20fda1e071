"""Channels dealt out over groups (Zhang et al. 2017)."""
from frankentorch import ops
from frankentorch.nn.modules.module import Module

__all__ = ["ChannelShuffle"]


class ChannelShuffle(Module):
    """(N, C, ...) with its C channels, in `groups` groups, dealt out one of each group after the other."""

    __constants__ = ["groups"]

    def __init__(self, groups):
        super().__init__()
        self.groups = groups

    def forward(self, input):
        return ops.channel_shuffle(input, self.groups)

    def extra_repr(self):
        return f"groups={self.groups}"
