"""Saving and loading: the same program text on either library, given as `torch`.

The state of 200 MB is 100 tensors, the small one 1,000 tensors of 16 numbers. Each side reads the file it wrote, from the page cache.
"""
import io
import pathlib
import tempfile

from bench.cases import case

GROUP = "serialization"


def state(torch, count=100, sizes=(500, 1000)):
    torch.manual_seed(0)
    return {f"layers.{i}.weight": torch.randn(sizes) for i in range(count)}


class Place:
    """A file that goes with the last call that uses it."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="frankentorch-bench-")
        self.path = str(pathlib.Path(self.folder.name) / "state.pt")


@case(GROUP, "save 200 MB")
def save_large(torch):
    place, thing = Place(), state(torch)
    return lambda: torch.save(thing, place.path)


@case(GROUP, "load 200 MB")
def load_large(torch):
    place = Place()
    torch.save(state(torch), place.path)
    return lambda: torch.load(place.path)


@case(GROUP, "load 200 MB, mmap")
def map_large(torch):
    place = Place()
    torch.save(state(torch), place.path)
    return lambda: torch.load(place.path, mmap=True)


@case(GROUP, "save 1000 small tensors")
def save_small(torch):
    thing = state(torch, 1000, (16,))
    return lambda: torch.save(thing, io.BytesIO())


@case(GROUP, "load 1000 small tensors")
def load_small(torch):
    buffer = io.BytesIO()
    torch.save(state(torch, 1000, (16,)), buffer)

    def call():
        buffer.seek(0)
        return torch.load(buffer)
    return call


@case(GROUP, "load 1000 small tensors, weights_only=False")
def load_small_trusted(torch):
    buffer = io.BytesIO()
    torch.save(state(torch, 1000, (16,)), buffer)

    def call():
        buffer.seek(0)
        return torch.load(buffer, weights_only=False)
    return call


@case(GROUP, "model and optimizer, both ways")
def round_trip(torch):
    model = torch.nn.Sequential(*(torch.nn.Linear(64, 64) for _ in range(20)))
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.ones(2, 64)).sum().backward()
    optimizer.step()

    def call():
        buffer = io.BytesIO()
        torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, buffer)
        buffer.seek(0)
        return torch.load(buffer)
    return call
