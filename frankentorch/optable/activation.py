"""Rows of the activation family."""
from .family import table

ROWS, op = table()
