"""Our own checkpoints beside PyTorch's files: a state dict of 200 MB in 1,000 tensors. Each side writes and reads its own format;
ours has digests of every byte and is on the disk when the call returns."""
import atexit
import os
import shutil
import tempfile

from bench.cases import case

TENSORS, ELEMENTS = 1000, 50_000
GROUP = "checkpoint"


class Files:
    """State and file of one library; the folder goes at exit."""

    made = {}

    def __init__(self, torch):
        self.torch, self.ours = torch, torch.__name__ != "torch"
        self.folder = tempfile.mkdtemp(prefix="bench-checkpoint-")
        atexit.register(shutil.rmtree, self.folder, ignore_errors=True)
        self.path = os.path.join(self.folder, "state")
        torch.manual_seed(0)
        self.state = {f"layer{number:04d}.weight": torch.randn(ELEMENTS) for number in range(TENSORS)}
        self.save()

    @classmethod
    def of(cls, torch):
        if torch.__name__ not in cls.made:
            cls.made[torch.__name__] = cls(torch)
        return cls.made[torch.__name__]

    def save(self):
        if self.ours:
            self.torch.checkpoint.save(self.state, self.path, repair=0, compression="stored")
        else:
            self.torch.save(self.state, self.path)

    def load(self, mmap=False):
        return self.torch.checkpoint.load(self.path, mmap=mmap) if self.ours else self.torch.load(self.path, mmap=mmap)

    def one(self):
        """PyTorch has no way to read one tensor; mapping the file comes closest."""
        name = "layer0500.weight"
        return self.torch.checkpoint.load(self.path, names=name)[name] if self.ours else self.torch.load(self.path, mmap=True)[name].clone()


@case(GROUP, "save 200 MB")
def save(torch):
    return Files.of(torch).save


@case(GROUP, "load 200 MB")
def load(torch):
    return Files.of(torch).load


@case(GROUP, "map 200 MB")
def mapped(torch):
    files = Files.of(torch)
    return lambda: files.load(mmap=True)


@case(GROUP, "one tensor of 1,000")
def one(torch):
    return Files.of(torch).one
