"""Metadata of the distribution `torch`, for programs that ask for its version without importing it."""

from importlib.metadata import Distribution


class TorchDistribution(Distribution):
    """A distribution without files."""

    def __init__(self, version):
        self._text = f"Metadata-Version: 2.1\nName: torch\nVersion: {version}\nSummary: FrankenTorch under the name torch\n"

    def read_text(self, filename):
        return self._text if filename in ("METADATA", "PKG-INFO") else None

    def locate_file(self, path):
        raise FileNotFoundError(f"{path}: this distribution has no files of its own")
