"""Rows of the reduce family."""
from .family import table

ROWS, op = table()
