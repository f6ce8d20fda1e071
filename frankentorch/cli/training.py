"""The demo's two trainings, written as a user would write them; as a program, one of them in a process of its own.

    python -m frankentorch.cli.training '{"model": "cnn", "seed": 0, "epochs": 10, "workers": 0}' [--resume FILE | --compare LEDGER]

trains (from the start, or from a saved state to the same end) and prints one line of JSON with the digest of everything
that training has changed: parameters, buffers, optimizer, schedule, generators, losses. With ``--compare`` every record of
a ledger of the same training is compared while it trains.
"""

import json
import sys
from typing import NamedTuple

from frankentorch.optim.lr_scheduler import CosineAnnealingLR

import frankentorch as ft
from frankentorch import checkpoint, nn
from frankentorch.datasets import digits
from frankentorch.optim import Adam
from frankentorch.runtime import replay
from frankentorch.utils.data import DataLoader, TensorDataset, random_split

LEARN_COUNT, TEST_COUNT = 1437, 360
BATCH_SIZE = 32
INK = 16  # largest pixel value
LEARNING_RATES = {"cnn": 2e-3, "mlp": 4e-3}


class Plan(NamedTuple):
    """What decides a training's result, and how many processes make its batches, which must not."""

    model: str
    seed: int
    epochs: int
    workers: int = 0


def cnn():
    """Two convolutions and two linear layers, for images of shape (batch, 1, 8, 8)."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(),
        nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Dropout(0.25), nn.Linear(32 * 4 * 4, 64), nn.ReLU(), nn.Linear(64, 10))


def mlp():
    """Three linear layers, for images of shape (batch, 1, 8, 8)."""
    return nn.Sequential(
        nn.Flatten(), nn.Linear(64, 256), nn.BatchNorm1d(256), nn.ReLU(), nn.Dropout(0.3),
        nn.Linear(256, 64), nn.ReLU(), nn.Linear(64, 10))


class Training:
    """A model, its data, and all that changes while it learns."""

    def __init__(self, plan):
        self.plan = plan
        ft.manual_seed(plan.seed)
        self.generator = ft.Generator().manual_seed(plan.seed)
        images, labels = digits()
        data = TensorDataset(images.to(ft.float32) / INK, labels)
        learn, test = random_split(data, [LEARN_COUNT, TEST_COUNT], generator=self.generator)
        self.batches = DataLoader(learn, batch_size=BATCH_SIZE, shuffle=True, generator=self.generator, num_workers=plan.workers)
        # Its own generator: a loader draws a number from one at each start, and looking at the test must not change the learning.
        self.test_batches = DataLoader(test, batch_size=TEST_COUNT, generator=ft.Generator())
        self.model = {"cnn": cnn, "mlp": mlp}[plan.model]()
        self.optimizer = Adam(self.model.parameters(), lr=LEARNING_RATES[plan.model])
        self.schedule = CosineAnnealingLR(self.optimizer, plan.epochs)
        self.losses = []  # one per batch

    def learn(self, after_epoch=None):
        """Run the epochs that are left; `after_epoch(training)` is called after each."""
        while self.epoch < self.plan.epochs:
            self.run_epoch()
            if after_epoch is not None:
                after_epoch(self)

    @property
    def epoch(self):
        """Number of epochs done."""
        return len(self.losses) // len(self.batches)

    def run_epoch(self, on_batch=None):
        """Learn from every image once. `on_batch(loss, accuracy so far)` is called after each batch."""
        self.model.train()
        right = seen = 0
        for images, labels in self.batches:
            self.optimizer.zero_grad()
            scores = self.model(images)
            loss = nn.functional.cross_entropy(scores, labels)
            loss.backward()
            self.optimizer.step()
            self.losses.append(loss.item())
            right, seen = right + (scores.argmax(1) == labels).sum().item(), seen + len(labels)
            if on_batch is not None:
                on_batch(self.losses[-1], right / seen)
        self.schedule.step()

    def test_accuracy(self):
        """Share of the held-out images that the model names rightly."""
        self.model.eval()
        with ft.no_grad():
            return sum((self.model(images).argmax(1) == labels).sum().item() for images, labels in self.test_batches) / TEST_COUNT

    def state(self):
        """All that changes, as plain values and tensors."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "generators": [ft.get_rng_state(), self.generator.get_state()],
            "losses": self.losses,
        }

    def load(self, state):
        """Go back to a saved state."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self.losses = state["losses"]
        ft.set_rng_state(state["generators"][0])
        self.generator.set_state(state["generators"][1])


def main(words):
    """Train as the words say and print the digest of the final state."""
    training = Training(Plan(**json.loads(words[0])))
    if words[1:2] == ["--compare"]:
        report = replay(words[2], run=training.learn)
        print(json.dumps({"records": report.records, "steps": report.steps, "threads": report.num_threads, "level": report.cpu_level}))
        return
    if words[1:2] == ["--resume"]:
        training.load(checkpoint.load(words[2]))
    first = training.epoch + 1
    training.learn()
    print(json.dumps({"digest": checkpoint.digest(training.state()), "first_epoch": first, "last_epoch": training.epoch,
                      "threads": ft.get_num_threads()}))


if __name__ == "__main__":
    main(sys.argv[1:])
