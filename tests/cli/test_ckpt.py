"""`frankentorch ckpt` on good and on damaged files."""

import json

import pytest

from frankentorch import checkpoint, ops

STATE = {"model": {"weight": ops.ones(3, 4), "steps": ops.zeros((), dtype=ops.int64)}, "betas": (0.9, 0.999), "epoch": 7, "name": "x" * 100, "empty": []}


@pytest.fixture
def file(tmp_path):
    checkpoint.save(STATE, tmp_path / "a.ftc", compression="stored")
    return tmp_path / "a.ftc"


def damage(file, at=70, mask=4):
    content = bytearray(file.read_bytes())
    content[at] ^= mask
    file.write_bytes(content)


def test_inspect_lists_every_record(frankentorch_command, file):
    done = frankentorch_command("ckpt", "inspect", file)
    rows = [line.split(None, 1) for line in done.stdout.splitlines()]

    assert 0 == done.returncode
    assert ["model/weight", "float32     [3, 4]"] in rows
    assert ["model/steps", "int64       []"] in rows
    assert ["betas", "tuple of 2  (0.9, 0.999)"] in rows
    assert checkpoint.digest(STATE) in done.stdout


def test_json_is_for_programs(frankentorch_command, file):
    found = json.loads(frankentorch_command("ckpt", "inspect", "--json", file).stdout)

    assert [True, checkpoint.digest(STATE), 6, 3 * 4 * 4 + 8] == [found[name] for name in ("ok", "digest", "records", "tensor_nbytes")]
    assert {"name": "epoch", "type": "int", "value": "7", "nbytes": 0} in found["entries"]


@pytest.mark.parametrize("action", ["verify", "scrub", "repair"])
def test_intact_file(frankentorch_command, file, action):
    before = file.stat()
    done = frankentorch_command("ckpt", action, file)

    assert (0, "") == (done.returncode, done.stderr) and "intact" in done.stdout
    assert (before.st_mtime_ns, before.st_ino) == (file.stat().st_mtime_ns, file.stat().st_ino)


@pytest.mark.parametrize("action", ["inspect", "verify", "scrub"])
def test_damaged_file_exits_with_1_and_names_the_check(frankentorch_command, file, action):
    damage(file)
    done = frankentorch_command("ckpt", action, file)

    assert (1, "") == (done.returncode, done.stdout)
    assert "damaged" in done.stderr and "[digest]" in done.stderr and str(file) in done.stderr and "Traceback" not in done.stderr
    assert not json.loads(frankentorch_command("ckpt", action, "--json", file).stdout)["ok"]


def test_damaged_file_is_repaired(frankentorch_command, file):
    whole = file.read_bytes()
    damage(file)
    done = frankentorch_command("ckpt", "repair", "--json", file)

    assert 0 == done.returncode and json.loads(done.stdout)["ok"]
    assert [1] == [event["symbols_lost"] for event in json.loads(done.stdout)["events"]]
    assert whole == file.read_bytes()


def test_damage_beyond_the_sidecar_exits_with_3(frankentorch_command, file):
    file.write_bytes(bytes(len(file.read_bytes())))
    done = frankentorch_command("ckpt", "repair", file)

    assert 3 == done.returncode and "lost ranges" in done.stderr and "Traceback" not in done.stderr


def test_missing_file_exits_with_4(frankentorch_command):
    for action in ("inspect", "verify", "scrub", "repair", "protect"):
        done = frankentorch_command("ckpt", action, "nowhere")

        assert 4 == done.returncode and "No such file" in done.stderr and "Traceback" not in done.stderr


def test_diff_says_what_differs(frankentorch_command, file, tmp_path):
    other = {**STATE, "model": {"weight": ops.ones(3, 4) + 2.0 ** -23, "steps": ops.ones((), dtype=ops.int64)}, "epoch": 8}
    checkpoint.save(other, tmp_path / "b.ftc", repair=0)
    done = frankentorch_command("ckpt", "diff", "--json", file, tmp_path / "b.ftc")
    found = {row["name"]: row for row in json.loads(done.stdout)["entries"]}

    assert 1 == done.returncode and {"model/weight", "model/steps", "epoch"} == set(found)
    assert [12, 1, 2.0 ** -23] == [found["model/weight"][key] for key in ("count", "max_ulp", "max_abs")]
    assert 0 == frankentorch_command("ckpt", "diff", file, file).returncode


def test_extract_and_convert(frankentorch_command, file, tmp_path):
    assert 0 == frankentorch_command("ckpt", "extract", "--name", "model/weight", file, "w.ftc").returncode
    assert 0 == frankentorch_command("ckpt", "save", "--compression", "stored", "--repair", "0", "w.ftc", "v.ftc").returncode

    assert [[1.0] * 4] * 3 == checkpoint.load(tmp_path / "v.ftc")["model/weight"].tolist()
    assert not (tmp_path / "v.ftc.rq").exists()
    assert 1 == frankentorch_command("ckpt", "extract", "--name", "nothing", file, "w.ftc").returncode
    assert 1 == frankentorch_command("ckpt", "convert", file, "w.xyz").returncode


def test_protect_gives_any_file_a_sidecar(frankentorch_command, tmp_path):
    (tmp_path / "notes.txt").write_bytes(bytes(range(256)) * 40)

    assert 0 == frankentorch_command("ckpt", "protect", "notes.txt").returncode
    damage(tmp_path / "notes.txt", 300)
    assert 1 == frankentorch_command("ckpt", "scrub", "notes.txt").returncode
    assert 0 == frankentorch_command("ckpt", "repair", "notes.txt").returncode
    assert bytes(range(256)) * 40 == (tmp_path / "notes.txt").read_bytes()


@pytest.mark.parametrize("words", [("save", "a"), ("verify",), ("save", "--repair", "2", "a", "b"), ("save", "--compression", "lz4", "a", "b"), ("dance", "a")])
def test_wrong_call_exits_with_2(frankentorch_command, words):
    assert 2 == frankentorch_command("ckpt", *words).returncode


@pytest.mark.parametrize("action", ["save", "inspect", "verify", "scrub", "repair", "protect", "convert", "diff", "extract"])
def test_every_verb_has_json(frankentorch_command, file, tmp_path, action):
    """The whole output is one object with "ok"; an error is one too."""
    words = {"save": [file, tmp_path / "b.ftc"], "convert": [file, tmp_path / "b.pt"], "diff": [file, file], "extract": [file, tmp_path / "c.ftc", "--name", "model/weight"]}.get(action, [file])
    done = frankentorch_command("ckpt", action, "--json", *words)

    assert (0, "", True) == (done.returncode, done.stderr, json.loads(done.stdout)["ok"])
    damage(file)
    words = words[:-1] + [tmp_path / "missing" / "d.ftc"] if action in ("save", "convert") else words
    done = frankentorch_command("ckpt", action, "--json", *words)
    found = json.loads(done.stdout)

    assert found["ok"] == (action in ("repair", "extract")) == (done.returncode == 0) and "" == done.stderr, "what is extracted is whole"


def test_bar_of_a_long_pass(monkeypatch, file):
    """Long is what the codec says; on a terminal each pass over the chunks has its bar."""
    import argparse
    import io
    import sys

    from frankentorch.checkpoint import codec
    from frankentorch.cli import ckpt

    class Terminal(io.StringIO):
        def isatty(self):
            return True
    terminal = Terminal()
    monkeypatch.setattr(codec, "LONG_NBYTES", 0)
    monkeypatch.setattr(sys, "stderr", terminal)
    code = ckpt.execute(argparse.Namespace(action="verify", file=[str(file)], json=False))

    assert 0 == code and codec.watch is None
    assert "verify [########################]" in terminal.getvalue()
    ckpt.execute(argparse.Namespace(action="verify", file=[str(file)], json=True))
    assert 1 == terminal.getvalue().count("########################")
