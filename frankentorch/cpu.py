"""`torch.cpu`: the one device that computes."""
from contextlib import nullcontext as _nullcontext


def is_available():
    return True


def device_count():
    return 1


def current_device():
    return "cpu"


def synchronize(device=None):
    """Calls return when they are done: nothing to wait for."""


def stream(stream):
    return _nullcontext(stream)


def set_device(device):
    """There is one CPU device: nothing to choose."""
