"""Rows of the composite family."""
from .family import table

ROWS, op = table()
