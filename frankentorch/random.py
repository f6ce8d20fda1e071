"""The stream of random numbers users steer: seeds, states, and generators of their own."""
import contextlib

from frankentorch._ext import create, dispatch
from frankentorch._ext import random as _random
from frankentorch._ext.dtype import ALL as _DTYPES, device as _device
from frankentorch._ext.tensor import Tensor

__all__ = ["Generator", "default_generator", "fork_rng", "get_rng_state", "initial_seed", "manual_seed", "seed", "set_rng_state"]

_UINT8 = _DTYPES[1]


class Generator(_random.Generator):
    """A source of random numbers with its own state; states are uint8 tensors of 5056 bytes, exchangeable with PyTorch's.

    Parameters
    ----------
    device : device or str, optional
        Only the CPU has one.
    """

    def __init__(self, device="cpu"):
        super().__init__(getattr(device, "type", device))

    @property
    def device(self):
        return _device("cpu")

    def get_state(self):
        """The whole state as a uint8 tensor."""
        return create.from_buffer(bytearray(super().get_state()), _UINT8, -1, 0)

    def set_state(self, state):
        """Go on from a state of `get_state`. TypeError when it is no uint8 tensor, RuntimeError when it is no state."""
        if not isinstance(state, Tensor):
            raise TypeError(f"expected a torch.ByteTensor, but got {type(state).__name__}")
        if state.dtype is not _UINT8:
            raise TypeError(f"RNG state must be a torch.ByteTensor, got {state.dtype}")
        super().set_state(bytes(state.reshape(-1).tolist()))
        return self

    def clone_state(self):
        """A new generator in the same state."""
        return Generator().set_state(self.get_state())

    def __setstate__(self, state):
        if isinstance(state, tuple):        # as PyTorch pickles one: (seed, offset, state)
            self.set_state(state[2])
        else:
            _random.Generator.set_state(self, state)


default_generator = Generator()
default_generator.seed()
_random.set_default_generator(default_generator)
dispatch.set_generator_class(_random.Generator)


def manual_seed(seed):
    """Start the default stream of `seed`; returns the default generator."""
    return default_generator.manual_seed(seed if isinstance(seed, int) else int(seed))


def seed():
    """Start a default stream nobody can foresee; returns its seed."""
    return default_generator.seed()


def initial_seed():
    """The seed the default stream was started from."""
    return default_generator.initial_seed()


def get_rng_state():
    """State of the default stream, a uint8 tensor."""
    return default_generator.get_state()


def set_rng_state(new_state):
    """Put the default stream into a state of `get_rng_state`."""
    default_generator.set_state(new_state)


@contextlib.contextmanager
def fork_rng(devices=None, enabled=True, _caller="fork_rng", _devices_kw="devices", device_type="cpu"):
    """Within the block, draws do not move the default stream outside. `devices` is accepted and names nothing here."""
    if not enabled:
        yield
        return
    state = get_rng_state()
    try:
        yield
    finally:
        set_rng_state(state)
