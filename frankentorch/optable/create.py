"""Rows of the create family."""
from .family import table

ROWS, op = table()
