"""Rows of the sort family."""
from .family import table

ROWS, op = table()
