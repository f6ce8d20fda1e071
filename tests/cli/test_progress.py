"""The bar and the table, as text."""

import io

from frankentorch.cli.progress import Progress, table


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_elsewhere_than_on_a_terminal_one_line_is_printed():
    stream = io.StringIO()
    bar = Progress("load", 4, stream)
    for _ in range(4):
        bar.step("busy")
    bar.end("done")

    assert stream.getvalue().startswith("load [########################]   4/4  done  0.")
    assert 1 == stream.getvalue().count("\n")


def test_on_a_terminal_the_line_is_drawn_over(monkeypatch):
    monkeypatch.setattr("frankentorch.cli.progress.REDRAW_SECONDS", 0)
    stream = Terminal()
    bar = Progress("load", 2, stream)
    bar.step("busy")
    bar.end("done")
    first, second = stream.getvalue().split("\r")[1:]

    assert "load [############............]   1/2  busy" in first
    assert second.endswith("\n")


def test_bar_of_nothing_is_drawn():
    assert " 0/0 " in Progress("load", 0, io.StringIO()).line()


def test_table_fits_the_width_by_wrapping_the_widest_column():
    text = table(["Name", "Words"], [["a", "one two three four five six seven"], ["bb", "x"]], width=28)

    assert ["Name  Words", "----  " + "-" * 22, "a     one two three four", "      five six seven", "bb    x"] == text.splitlines()
