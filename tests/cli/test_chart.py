"""The chart is well-formed SVG and its curves are where the numbers say."""

import re
import xml.etree.ElementTree as xml

import pytest

from frankentorch.cli.chart import BOTTOM, LEFT, RIGHT, TOP, line_chart

SVG = "{http://www.w3.org/2000/svg}"


def curves(text):
    """Points of each curve, in pixels."""
    paths = [path.get("d") for path in xml.fromstring(text).iter(f"{SVG}path") if path.get("fill") == "none"]
    return [[tuple(map(float, point.split())) for point in re.split("[ML]", path)[1:]] for path in paths]


def test_corners_of_the_data_are_corners_of_the_plot():
    (points,) = curves(line_chart("t", "x", "y", {"a": [(0, 100.0), (5, 10.0), (10, 1.0)]}, width=400, height=300))

    assert [(LEFT, TOP), (LEFT + (400 - LEFT - RIGHT) / 2, (TOP + 300 - BOTTOM) / 2), (400 - RIGHT, 300 - BOTTOM)] == points


def test_every_curve_is_drawn_and_named_and_text_is_escaped():
    root = xml.fromstring(line_chart("a < b & c", "x", "y", {"one": [(0, 1.0), (1, 2.0)], "<two>": [(0, 3.0), (4, 5.0)]}))
    words = [node.text for node in root.iter(f"{SVG}text")]

    assert {"a < b & c", "x", "y", "one", "<two>", "1", "10", "4"} <= set(words)


def test_axis_covers_one_decade_at_least():
    words = [node.text for node in xml.fromstring(line_chart("t", "x", "y", {"a": [(2, 1.0)]})).iter(f"{SVG}text")]

    assert {"1", "10"} <= set(words)


@pytest.mark.parametrize("series", [{}, {"a": []}, {"a": [(0, 0.0)]}, {"a": [(0, float("nan"))]}, {"a": [(float("inf"), 1.0)]}])
def test_numbers_that_cannot_be_drawn_are_refused(series):
    with pytest.raises(ValueError, match="line_chart"):
        line_chart("t", "x", "y", series)
