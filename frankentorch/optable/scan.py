"""Rows of the scan family."""
from .family import table

ROWS, op = table()
