"""`torch.storage`: the classes of `_storage`."""
from frankentorch._storage import TypedStorage, UntypedStorage  # noqa: F401
