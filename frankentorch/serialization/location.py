"""Where storages go when a file says where they came from: `map_location`, and the packages registered for devices."""

from frankentorch._storage import UntypedStorage

from frankentorch import ops
from frankentorch.checkpoint.errors import CheckpointError

_registry = []   # (priority, tagger, deserializer), by priority


def register_package(priority, tagger, deserializer):
    """Offer functions for storages of other devices: tagger(storage) → location or None, deserializer(storage, location) → storage or None."""
    _registry.append((priority, tagger, deserializer))
    _registry.sort(key=lambda row: row[0])


def location_tag(storage):
    """The location a storage is saved with."""
    for _, tagger, _ in _registry:
        found = tagger(storage)
        if found is not None:
            return found
    raise RuntimeError(f"don't know how to determine data location of {type(storage).__name__}")


def default_restore_location(storage, location):
    """A storage, read into memory, where it was when it was saved.

    Raises
    ------
    CheckpointError (a RuntimeError)
        The device does not exist here.
    """
    for _, _, deserializer in _registry:
        found = deserializer(storage, location)
        if found is not None:
            return found
    place = location.partition(":")[0]
    if place == "cuda":
        raise CheckpointError("location", "Attempting to deserialize object on a CUDA device but torch.cuda.is_available() is False. "
                              "If you are running on a CPU-only machine, please use torch.load with map_location=torch.device('cpu') to map your storages to the CPU.")
    raise CheckpointError("location", f"don't know how to restore data location of {type(storage).__name__} (tagged with {location!r:.80}); map_location='cpu' reads it into memory")


def restore(storage, location, map_location):
    """Where a storage goes."""
    if map_location is None:
        return default_restore_location(storage, location)
    if isinstance(map_location, dict):
        return default_restore_location(storage, map_location.get(location, location))
    if isinstance(map_location, (str, bytes)):
        return default_restore_location(storage, map_location if isinstance(map_location, str) else map_location.decode())
    if isinstance(map_location, ops.device):
        return default_restore_location(storage, str(map_location))
    found = map_location(storage, location)
    if found is None:
        return default_restore_location(storage, location)
    return found if isinstance(found, UntypedStorage) else found.untyped()


register_package(10, lambda storage: "cpu" if storage.device.type == "cpu" else None, lambda storage, location: storage if location == "cpu" else None)
register_package(22, lambda storage: "meta" if storage.device.type == "meta" else None,
                 lambda storage, location: UntypedStorage(storage.nbytes(), device="meta") if location == "meta" else None)
