"""Rows of the random family."""
from .family import table

ROWS, op = table()
