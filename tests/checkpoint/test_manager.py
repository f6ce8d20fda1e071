"""The folder of a run: the newest that verifies, and no other save under its name."""

import os
import shutil

import pytest

from frankentorch import checkpoint, ops
from frankentorch.checkpoint import CheckpointError, CheckpointManager, sidecar


def manager(tmp_path, **options):
    return CheckpointManager(tmp_path / "run", **{"repair": 0, **options})


def test_resume_in_one_line(tmp_path):
    assert (0, None) == (manager(tmp_path).load() or (0, None))
    manager(tmp_path).save(7, {"w": ops.ones(2)})
    step, state = manager(tmp_path).load() or (0, None)

    assert (7, [1.0, 1.0]) == (step, state["w"].tolist())


def test_oldest_are_deleted(tmp_path):
    run = manager(tmp_path, keep=2, repair=0.05)
    for step in (10, 20, 30, 40):
        run.save(step, step)

    assert [30, 40] == run.steps() == [int(name) for name in run._chain()]
    assert ["chain.json", "step-000000000030", "step-000000000040"] == sorted(os.listdir(run.folder))
    assert (30, 30) == run.load(30) and os.path.exists(sidecar.path_of(run.path(40)))


def test_latest_is_the_newest_that_verifies(tmp_path):
    run = manager(tmp_path)
    for step in (1, 2, 3):
        run.save(step, {"step": step})
    with open(run.path(3), "r+b") as file:
        file.seek(70)
        file.write(b"????")
    os.truncate(run.path(2), 50)

    assert 1 == run.latest() and (1, {"step": 1}) == run.load()
    assert "damaged" in run.problem(3) and run.problem(1) is None
    with pytest.raises(CheckpointError):
        run.load(3)


def test_rollback_is_told(tmp_path):
    run = manager(tmp_path)
    run.save(1, "old")
    run.save(2, "new")
    shutil.copy(run.path(1), run.path(2))
    with pytest.raises(CheckpointError) as caught:
        run.load(2)

    assert "rollback" == caught.value.rule and 1 == run.latest()


def test_links_are_refused(tmp_path):
    run = manager(tmp_path)
    run.save(1, "x")
    os.makedirs(os.path.dirname(run.path(2)))
    os.symlink(run.path(1), run.path(2))
    os.symlink(os.path.dirname(run.path(1)), os.path.dirname(run.path(3)))
    for step in (2, 3):
        with pytest.raises(CheckpointError) as caught:
            run.load(step)
        assert "link" == caught.value.rule
    with pytest.raises(CheckpointError):
        run.save(3, "y")

    assert 1 == run.latest()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"roots": 1}', '{"roots": {"x": "y"}}', "[" * 100000])
def test_broken_chain_is_refused(tmp_path, content):
    run = manager(tmp_path)
    run.save(1, "x")
    with open(os.path.join(run.folder, "chain.json"), "w") as file:
        file.write(content)
    with pytest.raises(CheckpointError) as caught:
        run.load(1)

    assert "chain" == caught.value.rule


@pytest.mark.parametrize("keep", [0, -1, True, 1.5])
def test_wrong_keep(tmp_path, keep):
    with pytest.raises(ValueError):
        manager(tmp_path, keep=keep)


def test_async_save_has_the_state_of_the_call(tmp_path):
    tensor = ops.zeros(1000)
    futures = []
    for step in range(5):
        tensor.fill_(step)
        futures.append(checkpoint.save_async({"w": tensor, "view": tensor[3:7]}, tmp_path / f"{step}.ftc", repair=0))
    tensor.fill_(-1)
    roots = [future.result() for future in futures]
    for step in range(5):
        back = checkpoint.load(tmp_path / f"{step}.ftc")

        assert [step] * 1000 == back["w"].tolist() and [step] * 4 == back["view"].tolist()
        assert roots[step] == checkpoint.digest(back)


def test_async_save_reports_what_went_wrong(tmp_path):
    with pytest.raises(CheckpointError):
        checkpoint.save_async(object(), tmp_path / "a.ftc")
    with pytest.raises(FileNotFoundError):
        checkpoint.save_async(1, tmp_path / "nowhere" / "a.ftc").result()
