"""Rows of the shape family."""
from .family import table

ROWS, op = table()
