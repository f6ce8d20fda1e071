"""`torch.version`: which PyTorch this package answers for, and what it was built without."""
from frankentorch._version import __version__  # noqa: F401

cuda = None
hip = None
xpu = None
debug = False
git_version = "unknown"
