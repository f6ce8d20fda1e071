"""The demo: what it claims is tested by it, and a claim that does not hold makes it fail."""

import json
import xml.etree.ElementTree as xml

import pytest

import frankentorch as ft
from frankentorch import checkpoint
from frankentorch.cli import demo, training
from frankentorch.cli.training import Plan, Training


def test_quick_demo_shows_all_its_claims(frankentorch_command, tmp_path):
    done = frankentorch_command("demo", "--quick", "--out", "out")

    assert ("", 0) == (done.stderr, done.returncode), done.stdout
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert all(claim["holds"] for claim in report["claims"]) and len(report["claims"]) >= 5
    assert "FAILED" not in done.stdout and done.stdout.count("shown") >= len(report["claims"])
    assert xml.parse(tmp_path / "out" / "loss.svg").getroot().tag.endswith("svg")
    assert {"model", "optimizer", "schedule", "generators", "losses"} == set(checkpoint.load(tmp_path / "out" / "cnn-halfway.ftc"))


def test_training_is_a_function_of_its_seed():
    digests = []
    for seed in (0, 0, 1):
        run = Training(Plan("mlp", seed, 2))  # seeds the stream that dropout draws from, so one after the other
        run.run_epoch()
        digests.append(checkpoint.digest(run.model.state_dict()))

    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize("model", ["mlp", "cnn"])
def test_resumed_training_equals_one_that_never_stopped(tmp_path, model):
    whole = Training(Plan(model, 3, 2))
    whole.run_epoch()
    checkpoint.save(whole.state(), tmp_path / "half")
    whole.run_epoch()
    digest = checkpoint.digest(whole.state())
    resumed = Training(Plan(model, 3, 2))
    resumed.load(checkpoint.load(tmp_path / "half"))
    assert 1 == resumed.epoch
    resumed.run_epoch()

    assert digest == checkpoint.digest(resumed.state())


def test_looking_at_the_test_does_not_change_the_learning():
    digests = []
    for looks in (0, 3):
        run = Training(Plan("cnn", 0, 1))
        for _ in range(looks):
            run.test_accuracy()
        run.run_epoch()
        digests.append(checkpoint.digest(run.state()))

    assert digests[0] == digests[1]


def test_learning_and_test_images_are_apart_and_together_all():
    run = Training(Plan("mlp", 5, 1))
    learn, test = run.batches.dataset.indices, run.test_batches.dataset.indices

    assert set(range(1797)) == {int(index) for index in [*learn, *test]}
    assert (1437, 360) == (len(learn), len(test))


def test_other_bits_fail_the_claim(capsys):
    """A repetition with another seed: its digest differs, and the demo says so."""
    (claim,) = demo.replay_claims([demo.Replay("same bits", Plan("mlp", 1, 1))], "0" * 64)

    assert not claim.holds and "DIFFERENT" in claim.evidence
    assert "DIFFERENT" in capsys.readouterr().out


def test_child_that_fails_fails_the_claim(tmp_path, capsys):
    (claim,) = demo.replay_claims([demo.Replay("same bits", Plan("mlp", 1, 1), resume=str(tmp_path / "missing"))], "0" * 64)

    assert not claim.holds and "exit code 1: FileNotFoundError" in claim.evidence


def test_accepted_damage_fails_the_claim(tmp_path, monkeypatch):
    checkpoint.save(1, tmp_path / "x")
    monkeypatch.setattr(checkpoint, "loads", lambda content: None)

    assert not demo.damage_claim(tmp_path / "x").holds


def test_repair_that_changes_nothing_fails_the_claim(tmp_path, monkeypatch):
    checkpoint.save(ft.arange(5000), tmp_path / "x", compression="stored")
    assert demo.repair_claim(tmp_path / "x").holds

    monkeypatch.setattr(checkpoint, "repair", checkpoint.scrub)

    assert not demo.repair_claim(tmp_path / "x").holds


def test_bad_model_fails_the_accuracy_claim():
    assert not demo.accuracy_claim(Training(Plan("mlp", 0, 1))).holds


def test_failed_claim_makes_the_exit_code_1(monkeypatch, tmp_path, capsys):
    class Arguments:
        quick, seed, out = True, 0, str(tmp_path)

    monkeypatch.setattr(demo, "EPOCHS", {"quick": {"mlp": 1, "cnn": 2}})
    monkeypatch.setattr(demo, "replays", lambda plan, checkpoint, quick: [])

    assert 1 == demo.execute(Arguments)
    assert "FAILED" in capsys.readouterr().out


def test_models_give_ten_scores_per_image():
    images = ft.zeros(3, 1, 8, 8)

    assert [(3, 10), (3, 10)] == [tuple(make()(images).shape) for make in (training.cnn, training.mlp)]
