"""A progress bar of one line, and a table, for terminals and for files."""

import shutil
import sys
import textwrap
import time

WIDTH = 24
REDRAW_SECONDS = 0.1


class Progress:
    """One line that shows how far a loop is.

    On a terminal the line is drawn again and again; elsewhere it is printed once, when the loop ends.

    Parameters
    ----------
    label : str
    total : int
        Number of steps.
    stream : text file, optional
    """

    def __init__(self, label, total, stream=None):
        self.label, self.total, self.done, self.note = label, total, 0, ""
        self.stream = sys.stdout if stream is None else stream
        self.live = self.stream.isatty()
        self.begin = self.drawn = time.monotonic()

    def step(self, note):
        """One step is done; `note` is the text beside the bar."""
        self.done, self.note = self.done + 1, note
        now = time.monotonic()
        if self.live and now - self.drawn >= REDRAW_SECONDS:
            self.drawn = now
            self.stream.write("\r" + self.line())
            self.stream.flush()

    def end(self, note):
        """The loop is over: leave its last line standing."""
        self.note = note
        self.stream.write(("\r" if self.live else "") + self.line() + "\n")
        self.stream.flush()

    def line(self):
        """The line as it is now; blanks at its end cover a longer one drawn before."""
        filled = WIDTH * self.done // max(self.total, 1)
        seconds = time.monotonic() - self.begin
        return f"{self.label} [{'#' * filled}{'.' * (WIDTH - filled)}] {self.done:>3}/{self.total}  {self.note}  {seconds:.1f} s  "


def table(heads, rows, width=None):
    """Text of a table; the widest column is wrapped so that a line fits the terminal.

    Parameters
    ----------
    heads : list of str
    rows : list of lists of str, each as long as `heads`
    width : int, optional
    """
    width = width or min(shutil.get_terminal_size((110, 24)).columns, 130)
    widths = [max(len(row[column]) for row in [heads, *rows]) for column in range(len(heads))]
    excess = sum(widths) + 2 * (len(widths) - 1) - width
    if excess > 0:
        widest = widths.index(max(widths))
        widths[widest] = max(20, widths[widest] - excess)
    lines = [_row(heads, widths), "  ".join("-" * size for size in widths)]
    return "\n".join(lines + [_row(row, widths) for row in rows])


def _row(cells, widths):
    wrapped = [textwrap.wrap(cell, size) or [""] for cell, size in zip(cells, widths)]
    height = max(map(len, wrapped))
    columns = [lines + [""] * (height - len(lines)) for lines in wrapped]
    return "\n".join("  ".join(part.ljust(size) for part, size in zip(parts, widths)).rstrip() for parts in zip(*columns))
