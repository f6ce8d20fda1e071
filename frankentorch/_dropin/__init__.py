"""What a process needs to import FrankenTorch as `torch`: this folder on its path (see `frankentorch.install`)."""
