"""Rows of the index family."""
from .family import table

ROWS, op = table()
