"""The way from the loss to one gradient: in full, in order, with norms that can be checked."""

import html.parser
import json
import shutil
import subprocess

import pytest

import frankentorch as ft
from frankentorch.runtime import LedgerError, explain, record


@pytest.fixture
def story(tmp_path):
    weight, other = ft.tensor([3.0, 4.0], requires_grad=True), ft.tensor([1.0, 1.0], requires_grad=True)
    with record(tmp_path / "a", level="full", names={"weight": weight, "other": other}):
        hidden = weight * 2
        (hidden + hidden.exp() * 0).sum().backward()
        (other * 5).sum().backward()
    return tmp_path / "a"


def test_every_contribution_is_told_with_its_norm(story):
    found = explain(story, "weight")
    ops = [node["op"] for node in found.nodes]

    assert ops[0] == "SumBackward0" and ops[-1] == "MulBackward0"
    assert "ExpBackward0" in ops
    assert found.nodes[0]["gives"][0]["norm"] == pytest.approx(2 ** 0.5)
    assert found.gradient == [{**found.gradient[0], "before": None, "norm": pytest.approx(8 ** 0.5)}]
    last = found.nodes[-1]["gives"][0]
    assert last["to"][0] == "leaf" and last["digest"] == found.gradient[0]["contribution"]
    summed = [line for node in found.nodes for line in node["gives"] if line["sum"]]
    assert len(summed) == 1 and summed[0]["order"] == 1


def test_other_parameters_have_other_ways(story):
    assert [node["op"] for node in explain(story, "other").nodes] == ["SumBackward0", "MulBackward0"]
    assert explain(story, "weight").walk == 0 and explain(story, "other").walk == 1


def test_an_unknown_name_lists_the_known_ones(story):
    with pytest.raises(LedgerError, match="weight, other"):
        explain(story, "bias")


def test_a_step_ledger_cannot_explain(ledger_of):
    with pytest.raises(LedgerError, match="level 'step'"):
        explain(ledger_of(level="step"), "0.weight")


def test_modules_name_their_parameters(ledger_of):
    found = explain(ledger_of(), "0.weight")

    assert found.step == 2 and found.nodes and "0.weight.grad" in found.text


def test_text_and_json_say_the_same(story):
    found = explain(story, "weight")
    told = json.loads(found.json())

    assert told["nodes"] == found.nodes
    for node in found.nodes:
        assert f"node {node['node']} {node['op']}" in found.text


def test_the_page_is_well_formed_and_fetches_nothing(story, tmp_path):
    explain(story, "weight").save(tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    stack, boxes = [], []

    class Reader(html.parser.HTMLParser):
        def handle_starttag(self, tag, attributes):
            if tag == "rect":
                boxes.append(dict(attributes))
            if tag not in ("meta",):
                stack.append(tag)

        def handle_startendtag(self, tag, attributes):
            if tag == "rect":
                boxes.append(dict(attributes))

        def handle_endtag(self, tag):
            assert stack.pop() == tag
    Reader().feed(text)

    assert stack == []
    assert len(boxes) == len(explain(story, "weight").nodes) + 1
    assert not any(word in text for word in ("<script", "src=", "href=", "@import", "url("))


BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)


@pytest.mark.skipif(BROWSER is None, reason="no browser is installed")
def test_a_browser_draws_the_page(story, tmp_path):
    explain(story, "weight").save(tmp_path / "page.html")
    shown = subprocess.run([BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", (tmp_path / "page.html").as_uri()],
                           capture_output=True, text=True, timeout=120)

    assert shown.returncode == 0 and "ExpBackward0" in shown.stdout
