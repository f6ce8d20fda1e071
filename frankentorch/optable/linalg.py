"""Rows of the linalg family."""
from .family import table

ROWS, op = table()
