"""`frankentorch demo`: train on real digits, then show, with evidence, what this package promises.

Every claim is tested in the run itself: the same training is repeated in other processes (resumed from a file, with
another number of threads, at other CPU levels, with batches from worker processes) and the digests of everything it
changed are compared. One claim that fails makes the exit code 1.
"""

import json
import os
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from frankentorch import checkpoint as checkpoints
from frankentorch import ops
from frankentorch.checkpoint import CheckpointError
from frankentorch.cli import host
from frankentorch.cli.chart import line_chart
from frankentorch.cli.progress import Progress, table
from frankentorch.runtime import LedgerError, diff, explain, record, verify
from frankentorch.runtime.child import command
from frankentorch.cli.training import LEARN_COUNT, TEST_COUNT, Plan, Training

WANTED_ACCURACY = {"cnn": 0.97, "mlp": 0.97}
EPOCHS = {"full": {"cnn": 10, "mlp": 16}, "quick": {"cnn": 4, "mlp": 12}}
RECORDED = {"full": 4, "quick": 2}  # epochs of the training that is recorded
FLIPS = 256
LEDGER_FLIPS = 64
REPAIR = 0.05
CHILD_SECONDS = 600


class Claim(NamedTuple):
    """A sentence, what was seen, and whether it holds."""

    text: str
    evidence: str
    holds: bool


class Replay(NamedTuple):
    """The CNN's training once more, in another process, under other circumstances that must not matter."""

    claim: str
    plan: Plan
    environment: dict = {}
    resume: str = None


def add_arguments(parser):
    parser.add_argument("--quick", action="store_true", help="shorter trainings and fewer repetitions")
    parser.add_argument("--seed", type=int, default=0, help="first number of every generator (default 0)")
    parser.add_argument("--out", default="frankentorch-demo", metavar="DIR",
                        help="folder for the checkpoint, the loss curve and the report (default ./frankentorch-demo)")


def execute(arguments):
    begin = time.monotonic()
    size = "quick" if arguments.quick else "full"
    os.makedirs(arguments.out, exist_ok=True)
    print(f"Handwritten digits, 8 x 8 pixels: {LEARN_COUNT} to learn from, {TEST_COUNT} held out. Seed {arguments.seed}, "
          f"{counted_threads(host.num_threads())}, CPU level {host.cpu_level()}.\n")
    plans = {model: Plan(model, arguments.seed, epochs) for model, epochs in EPOCHS[size].items()}
    checkpoint = os.path.join(arguments.out, "cnn-halfway.ftc")
    trainings = {"mlp": train(plans["mlp"]), "cnn": train(plans["cnn"], checkpoint)}
    digest = checkpoints.digest(trainings["cnn"].state())  # the last one trained: its generator is still where it stopped
    claims = [accuracy_claim(training) for training in trainings.values()]
    claims += [damage_claim(checkpoint), repair_claim(checkpoint)]
    print("\nThe same training again, in other processes; those that resume do so from the repaired file:")
    claims += replay_claims(replays(plans["cnn"], checkpoint, arguments.quick), digest)
    claims += ledger_claims(Plan("mlp", arguments.seed, RECORDED[size]), arguments.out)
    curve = os.path.join(arguments.out, "loss.svg")
    with open(curve, "w", encoding="utf-8") as file:
        file.write(loss_chart(trainings))
    with open(os.path.join(arguments.out, "report.json"), "w", encoding="utf-8") as file:
        json.dump({"seed": arguments.seed, "size": size, "claims": [claim._asdict() for claim in claims]}, file, indent=1)
    print("\nWhat was proved:\n" + table(["Claim", "Evidence", "Verdict"], [[claim.text, claim.evidence, "shown" if claim.holds else "FAILED"] for claim in claims]))
    failed = sum(not claim.holds for claim in claims)
    print(f"\n{len(claims) - failed} of {len(claims)} claims shown in {time.monotonic() - begin:.1f} s. Loss curve: {curve}")
    return 1 if failed else 0


def train(plan, checkpoint=None):
    """Train one model to the end, saving its state halfway."""
    training = Training(plan)
    while training.epoch < plan.epochs:
        bar = Progress(f"{plan.model} epoch {training.epoch + 1:>2}/{plan.epochs}", len(training.batches))
        training.run_epoch(lambda loss, accuracy, bar=bar: bar.step(f"loss {loss:.4f}  accuracy {100 * accuracy:5.1f} %"))
        recent = training.losses[-len(training.batches):]
        bar.end(f"loss {sum(recent) / len(recent):.4f}  test accuracy {100 * training.test_accuracy():5.1f} %")
        if checkpoint and training.epoch == plan.epochs // 2:
            checkpoints.save(training.state(), checkpoint, repair=REPAIR)
    return training


def accuracy_claim(training):
    model, accuracy = training.plan.model, training.test_accuracy()
    wanted = WANTED_ACCURACY[model]
    return Claim(f"{model.upper()} names at least {100 * wanted:.0f} % of unseen digits",
                 f"{100 * accuracy:.1f} %: {round(accuracy * TEST_COUNT)} of {TEST_COUNT} after {training.plan.epochs} epochs", accuracy >= wanted)


def replays(plan, checkpoint, quick):
    """The repetitions to run; each names what differs.

    The lowest level has no fused multiply-add in hardware and is many times slower, so levels go on from the checkpoint.
    """
    threads = 1 if host.num_threads() > 1 else 4
    levels = [level for level in host.cpu_levels() if level != host.cpu_level()]
    found = [Replay(f"Stopped after epoch {plan.epochs // 2}, saved, loaded elsewhere, resumed: same bits", plan, resume=checkpoint),
             Replay(f"{counted_threads(threads)} instead of {host.num_threads()}: same bits", plan, {"FRANKENTORCH_NUM_THREADS": str(threads)})]
    found += [Replay(f"CPU level {level} instead of {host.cpu_level()} from there on: same bits", plan, {"FRANKENTORCH_CPU": level}, checkpoint)
              for level in (levels[-1:] if quick else levels)]
    if not quick:
        found.append(Replay("Batches made by 2 worker processes: same bits", plan._replace(workers=2)))
    return found


def replay_claims(jobs, digest):
    """Run the repetitions, two at a time, and compare their digests with `digest`."""
    with ThreadPoolExecutor(2) as pool:
        claims = []
        for job, (result, problem) in zip(jobs, pool.map(run_replay, jobs)):
            if problem:
                evidence = problem
            else:
                equal = "equal" if result["digest"] == digest else "DIFFERENT: " + digest[:12]
                epochs = f"epochs {result['first_epoch']}-{result['last_epoch']}"
                evidence = f"{epochs}, {counted_threads(result['threads'])}; state {result['digest'][:12]}, {equal}"
            claims.append(Claim(job.claim, evidence, not problem and result["digest"] == digest))
            print(f"  {job.claim.partition(':')[0]}: {evidence}", flush=True)
    return claims


def run_replay(job):
    """(result, "") of one repetition, or (None, why it failed)."""
    words = command("frankentorch.cli.training", json.dumps(job.plan._asdict()))
    words += ["--resume", job.resume] if job.resume else []
    try:
        child = subprocess.run(words, env={**os.environ, **job.environment}, capture_output=True, text=True, timeout=CHILD_SECONDS)
    except subprocess.TimeoutExpired:
        return None, f"no end after {CHILD_SECONDS} s"
    if child.returncode:
        lines = child.stderr.strip().splitlines()
        return None, f"exit code {child.returncode}: {lines[-1] if lines else 'no message'}"
    return json.loads(child.stdout), ""


def damage_claim(path):
    """Flip single bits all over the checkpoint: each must be refused."""
    with open(path, "rb") as file:
        content = bytearray(file.read())
    refused = 0
    for flip in range(FLIPS):
        bit = flip * (8 * len(content) - 1) // (FLIPS - 1)
        content[bit // 8] ^= 1 << bit % 8
        try:
            checkpoints.loads(content)
        except CheckpointError:
            refused += 1
        content[bit // 8] ^= 1 << bit % 8
    return Claim("A checkpoint with one wrong bit is refused", f"{refused} of {FLIPS} flips in {len(content):,} bytes refused", refused == FLIPS)


def repair_claim(path):
    """Overwrite a piece of the checkpoint as large as its sidecar can replace: it is refused, then rebuilt bit by bit."""
    text = f"A checkpoint with {100 * REPAIR:.0f} % of its bytes destroyed is refused, then repaired: same bits"
    with open(path, "rb") as file:
        content = file.read()
    begin, count = len(content) // 3, int(REPAIR * len(content))
    with open(path, "r+b") as file:
        file.seek(begin)
        file.write(bytes(byte ^ 0xFF for byte in content[begin:begin + count]))
    try:
        checkpoints.load(path)
        return Claim(text, "the damaged file was loaded", False)
    except CheckpointError as error:
        refusal = error.rule
    try:
        report = checkpoints.repair(path)
    except CheckpointError as error:
        return Claim(text, str(error).splitlines()[0], False)
    with open(path, "rb") as file:
        same = file.read() == content
    symbols = sum(event["symbols_lost"] for event in report.events)
    return Claim(text, f"{count:,} of {len(content):,} bytes overwritten, refused by rule {refusal}; {symbols} symbols decoded, "
                 + ("file as before" if same else "file DIFFERENT"), same and bool(report.events))


def ledger_claims(plan, folder):
    """Record a training at level node; check the file, repeat it elsewhere, plant a change of one ulp and find it."""
    print("\nA training recorded, repeated elsewhere, and searched for a planted fault:")
    path, planted, page = (os.path.join(folder, name) for name in ("run.ledger", "planted.ledger", "gradient.html"))
    training = Training(plan)
    with record(path, level="node"):
        training.learn()
    report = verify(path)
    claims = [Claim("A training is recorded node by node, and the file verifies", f"{report.records:,} records of {report.steps} steps in "
                    f"{os.path.getsize(path):,} bytes; root {report.root[:12]}", report.complete),
              ledger_damage_claim(path), repeated_claim(plan, path), planted_claim(plan, path, planted)]
    explain(path, "1.weight").save(page)
    for claim in claims:
        print(f"  {claim.text}: {claim.evidence}", flush=True)
    print(f"  How one weight came by its gradient: {page}")
    return claims


def ledger_damage_claim(path):
    with open(path, "rb") as file:
        content = file.read()
    refused, damaged = 0, path + ".damaged"
    for flip in range(LEDGER_FLIPS):
        bit = flip * (8 * len(content) - 1) // (LEDGER_FLIPS - 1)
        changed = bytearray(content)
        changed[bit // 8] ^= 1 << bit % 8
        with open(damaged, "wb") as file:
            file.write(changed)
        try:
            verify(damaged)
        except LedgerError:
            refused += 1
    os.remove(damaged)
    return Claim("A ledger with one wrong bit is refused", f"{refused} of {LEDGER_FLIPS} flips found and named", refused == LEDGER_FLIPS)


def repeated_claim(plan, path):
    """The training again in another process, every record compared."""
    levels = [level for level in host.cpu_levels() if level not in (host.cpu_level(), "baseline")] or [host.cpu_level()]
    environment = {"FRANKENTORCH_NUM_THREADS": "1" if host.num_threads() > 1 else "4", "FRANKENTORCH_CPU": levels[-1]}
    text = f"Repeated with {counted_threads(int(environment['FRANKENTORCH_NUM_THREADS']))} at CPU level {levels[-1]}: every digest equal"
    words = command("frankentorch.cli.training", json.dumps(plan._asdict()), "--compare", path)
    child = subprocess.run(words, env={**os.environ, **environment}, capture_output=True, text=True, timeout=CHILD_SECONDS)
    if child.returncode:
        lines = child.stderr.strip().splitlines()
        return Claim(text, lines[-1] if lines else f"exit code {child.returncode}", False)
    found = json.loads(child.stdout)
    return Claim(text, f"{found['records']:,} records compared, {found['steps']} steps", True)


def planted_claim(plan, path, planted):
    """One weight moved by one unit of the last place after the first epoch: the comparison must name it."""
    training = Training(plan)
    with record(planted, level="node") as ledger:
        def plant(training):
            if training.epoch == 1:
                with ledger.paused(), ops.no_grad():
                    training.model[1].weight.view(-1).view(ops.int32)[7] += 1
        training.learn(plant)
    steps = len(training.batches)
    found = diff(path, planted)
    holds = found is not None and (found.step, found.cause, found.name) == (steps, "weights", "1.weight") and found.node is not None
    evidence = "no difference found" if found is None else f"step {found.step}, parameter {found.name}, first used by {found.op} (node {found.node})"
    return Claim(f"A weight moved by 1 ulp after step {steps - 1} is found", evidence, holds)


def counted_threads(count):
    return f"{count} thread{'s' if count > 1 else ''}"


def loss_chart(trainings):
    """Curves of the mean loss over each fifth of an epoch."""
    series = {}
    for model, training in trainings.items():
        span = len(training.batches) // 5
        means = [sum(training.losses[at:at + span]) / span for at in range(0, len(training.losses) - span + 1, span)]
        series[model.upper()] = [((at + 0.5) * span / len(training.batches), max(mean, 1e-9)) for at, mean in enumerate(means)]
    return line_chart("Loss on handwritten digits while learning", "epoch", "cross entropy", series)
