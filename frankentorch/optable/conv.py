"""Rows of the conv family."""
from .family import table

ROWS, op = table()
