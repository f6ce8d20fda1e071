"""Rows of the pool family."""
from .family import table

ROWS, op = table()
