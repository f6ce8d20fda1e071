"""Rows of the loss family."""
from .family import table

ROWS, op = table()
