"""Small computations whose bits are known: does this installation, on this machine, compute what it must?

`CASES` are computed in this process, at other thread counts, at every CPU level the host has (one process each) and in a
forked child. All must give the digests in `golden.json`, which were made by this program:

    python -m frankentorch.cli.selftest > frankentorch/cli/golden.json
"""

import json
import os
import select
import subprocess
from typing import NamedTuple

import frankentorch as ft
from frankentorch.cli import host
from frankentorch.nn import functional as F
from frankentorch import checkpoint
from frankentorch.runtime.child import command

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden.json")
THREAD_COUNTS = (1, 2, 5)
CHILD_SECONDS = 120


class Check(NamedTuple):
    """One thing tested: its name, whether it holds, what was seen."""

    name: str
    holds: bool
    seen: str


def grid(*sizes, dtype=None):
    """Numbers between -4 and 4 without a generator: multiples of 1/128, exact in every float type of 11 bits and more."""
    count = 1
    for size in sizes:
        count *= size
    return ((ft.arange(count) * 7919) % 1025 - 512).to(dtype or ft.float32).div(128).reshape(sizes)


def _training_step():
    """Gradients of a small network, by every kind of layer the demo uses."""
    ft.manual_seed(7)
    net = ft.nn.Sequential(ft.nn.Conv2d(1, 4, 3, padding=1), ft.nn.BatchNorm2d(4), ft.nn.ReLU(), ft.nn.MaxPool2d(2), ft.nn.Flatten(), ft.nn.Linear(64, 10))
    F.cross_entropy(net(grid(32, 1, 8, 8)), ft.arange(32) % 10).backward()
    return [parameter.grad for parameter in net.parameters()]


def _random_numbers():
    ft.manual_seed(7)
    return [ft.rand(1000), ft.randn(1000), ft.randperm(100), ft.randint(0, 1000, (100,))]


CASES = {
    "exp": lambda: grid(100_003).exp(),
    "tanh": lambda: grid(100_003).tanh(),
    "log float64": lambda: grid(100_003, dtype=ft.float64).abs().add(1).log(),
    "sum": lambda: [grid(100_003).sum(), grid(301, 331).sum(0), grid(301, 331).sum(1)],
    "matmul": lambda: grid(67, 600) @ grid(600, 93),
    "conv2d": lambda: F.conv2d(grid(4, 3, 33, 35), grid(8, 3, 3, 3), padding=1),
    "softmax": lambda: F.softmax(grid(200, 301), 1),
    "layer_norm": lambda: F.layer_norm(grid(200, 301), (301,)),
    "sort": lambda: list(grid(30_011).sort(stable=True)),
    "bfloat16": lambda: grid(10_007).to(ft.bfloat16).mul(3).add(1),
    "random numbers": _random_numbers,
    "training step": _training_step,
}


def digests():
    """Digest of every case, or the error it raised."""
    found = {}
    for name, case in CASES.items():
        try:
            found[name] = checkpoint.digest(case())
        except Exception as error:  # any failure is a finding about this case, not the end of the test
            found[name] = f"{type(error).__name__}: {error}"
    return found


def checks():
    """Run all checks, one after the other; a generator of Check."""
    try:
        with open(GOLDEN, encoding="utf-8") as file:
            golden = json.load(file)
    except (OSError, ValueError) as error:
        yield Check("recorded digests", False, f"cannot be read: {error}")
        return
    yield _compare(f"{len(CASES)} computations", golden, digests())
    before = ft.get_num_threads()
    for count in THREAD_COUNTS:
        ft.set_num_threads(count)
        yield _compare(f"the same with {count} thread{'s' * (count > 1)}", golden, digests())
    ft.set_num_threads(before)
    for level in host.cpu_levels():
        yield _compare(f"the same at CPU level {level}", golden, _child_digests({"FRANKENTORCH_CPU": level}))
    yield _compare("the same in a forked child", golden, _forked_digests())
    yield _gradient_check()
    yield _file_check()


def _compare(name, golden, found):
    if isinstance(found, str):
        return Check(name, False, found)
    wrong = [case if len(found.get(case, "")) == 64 else f"{case} ({found.get(case, 'missing')})"
             for case in golden if found.get(case) != golden[case]]
    return Check(name, not wrong, "bits differ from the recorded ones: " + ", ".join(wrong) if wrong else f"{len(golden)} digests equal the recorded ones")


def _child_digests(environment):
    """Digests of another process, or a sentence on why there are none."""
    try:
        child = subprocess.run(command("frankentorch.cli.selftest"), env={**os.environ, **environment},
                               capture_output=True, text=True, timeout=CHILD_SECONDS)
    except subprocess.TimeoutExpired:
        return f"no end after {CHILD_SECONDS} s"
    if child.returncode:
        return f"exit code {child.returncode}: {(child.stderr.strip().splitlines() or ['no message'])[-1]}"
    return json.loads(child.stdout)


def _forked_digests():
    """Digests of a forked child, made after this process has used its threads: a pool that hangs there shows here."""
    if not hasattr(os, "fork"):
        return "this system cannot fork"
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            with open(writable, "w", encoding="utf-8") as file:
                json.dump(digests(), file)
        finally:
            os._exit(0)
    os.close(writable)
    try:
        if not select.select([readable], [], [], CHILD_SECONDS)[0]:
            os.kill(child, 9)
            return f"no answer after {CHILD_SECONDS} s"
        with open(readable, encoding="utf-8", closefd=False) as file:
            text = file.read()
        return json.loads(text) if text else "the child ended without an answer"
    finally:
        os.close(readable)
        os.waitpid(child, 0)


def _gradient_check():
    """Backward against central differences, in float64: error of the difference quotient is below 1e-8 here."""
    def loss(x):
        return (F.softmax(x @ grid(5, 4, dtype=ft.float64), 1) * grid(3, 4, dtype=ft.float64)).tanh().sum()

    x = grid(3, 5, dtype=ft.float64).div(4).requires_grad_()
    loss(x).backward()
    step, worst = 1e-5, 0.0
    for at in range(15):
        bump = ft.zeros(15, dtype=ft.float64)
        bump[at] = step
        bump = bump.reshape(3, 5)
        with ft.no_grad():
            slope = (loss(x + bump) - loss(x - bump)).item() / (2 * step)
        worst = max(worst, abs(slope - x.grad.reshape(-1)[at].item()))
    return Check("gradients agree with finite differences", worst < 1e-8, f"largest difference {worst:.1e}")


def _file_check():
    state = {"weight": grid(7, 5), "step": 3, "name": "x"}
    same = checkpoint.digest(checkpoint.loads(checkpoint.dumps(state))) == checkpoint.digest(state)
    return Check("a saved state comes back", same, "digests equal" if same else "digests differ")


if __name__ == "__main__":
    print(json.dumps(digests(), indent=1))
