"""Rows of the norm family."""
from .family import table

ROWS, op = table()
