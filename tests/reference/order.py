"""Slow references of order: stable, NaN the greatest, zeros of both signs equal."""
import numpy as np


def key(value):
    return (1, 0.0) if value != value else (0, value)


def sort_places(row, descending=False):
    """Equals stay in the order they come in, whichever way."""
    places = range(len(row))
    if not descending:
        return np.array(sorted(places, key=lambda i: key(row[i])), np.int64)
    return np.array(sorted(places, key=lambda i: key(row[i]), reverse=True), np.int64)       # Python's sort keeps equals in order here too


def kth_place(row, k):
    """Of the k-th least, from 1, in the stable order."""
    return sort_places(row)[k - 1]


def median_place(row):
    """The lower of the two in the middle; the first NaN if there is one."""
    missing = np.flatnonzero(row != row)
    return missing[0] if len(missing) else kth_place(row, (len(row) + 1) // 2)


def distinct(row):
    """(values ascending, place of each element among them, counts)."""
    values, places = [], np.empty(len(row), np.int64)
    for i in sort_places(row):
        if not values or values[-1] != row[i]:
            values.append(row[i])
        places[i] = len(values) - 1
    return np.array(values, row.dtype), places, np.bincount(places, minlength=len(values)).astype(np.int64)
