"""`frankentorch ckpt` on good and on damaged files."""

import json

import pytest

from frankentorch import ops
from frankentorch.serialization import save_state, state_digest

STATE = {"model": {"weight": ops.ones(3, 4), "steps": ops.zeros((), dtype=ops.int64)}, "betas": (0.9, 0.999), "epoch": 7, "name": "x" * 100, "empty": []}


@pytest.fixture
def file(tmp_path):
    save_state(STATE, tmp_path / "a.state")
    return tmp_path / "a.state"


def test_inspect_lists_every_record(frankentorch_command, file):
    done = frankentorch_command("ckpt", "inspect", file)
    rows = [line.split(None, 1) for line in done.stdout.splitlines()]

    assert 0 == done.returncode
    assert ["model.weight", "float32     [3, 4]"] in rows
    assert ["model.steps", "int64       []"] in rows
    assert ["betas", "tuple of 2  (0.9, 0.999)"] in rows
    assert state_digest(STATE) in done.stdout


def test_json_is_for_programs(frankentorch_command, file):
    found = json.loads(frankentorch_command("ckpt", "inspect", "--json", file).stdout)

    assert [True, state_digest(STATE), 6, 3 * 4 * 4 + 8] == [found[name] for name in ("ok", "digest", "records", "tensor_nbytes")]
    assert {"name": "epoch", "type": "int", "value": "7", "nbytes": 0} in found["entries"]


def test_verify_accepts_an_intact_file(frankentorch_command, file):
    done = frankentorch_command("ckpt", "verify", file)

    assert 0 == done.returncode and "intact" in done.stdout


@pytest.mark.parametrize("action", ["inspect", "verify"])
def test_damaged_file_exits_with_1_and_names_the_check(frankentorch_command, file, action):
    content = bytearray(file.read_bytes())
    content[100] ^= 4
    file.write_bytes(content)
    done = frankentorch_command("ckpt", action, file)

    assert (1, "") == (done.returncode, done.stdout)
    assert "damaged" in done.stderr and "[digest]" in done.stderr and str(file) in done.stderr and "Traceback" not in done.stderr
    assert "digest" == json.loads(frankentorch_command("ckpt", action, "--json", file).stdout)["rule"]


def test_missing_file_exits_with_1(frankentorch_command):
    done = frankentorch_command("ckpt", "verify", "nowhere")

    assert 1 == done.returncode and "No such file" in done.stderr and "Traceback" not in done.stderr
