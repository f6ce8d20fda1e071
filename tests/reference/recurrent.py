"""The definition of an LSTM layer over all steps and of its gradients, slowly (see frankentorch/_ext/recurrent_run.pyx)."""
import numpy as np

from .gemm import matmul


def lstm(gates, hidden, cell, weight, bias, reverse, sigmoid, tanh):
    """Outputs, cells and what each step keeps: gates after their functions and tanh of the cell. sigmoid, tanh: the library's own."""
    steps = len(gates)
    outputs, cells, kept = [None] * steps, [None] * steps, [None] * steps
    for t in reversed(range(steps)) if reverse else range(steps):
        product = matmul(hidden, np.ascontiguousarray(weight.T))
        i, f, g, o = np.split(gates[t] + (product if bias is None else product + bias), 4, 1)
        i, f, g, o = sigmoid(i), sigmoid(f), tanh(g), sigmoid(o)
        cell = f * cell + i * g
        top = tanh(cell)
        hidden = o * top
        outputs[t], cells[t], kept[t] = hidden, cell, (i, f, g, o, top)
    return np.array(outputs), np.array(cells), kept


def lstm_gradients(to_output, to_cell, hidden, cell, weight, outputs, cells, kept, reverse):
    """Of gates, hidden, cell and weight."""
    steps, one = len(kept), weight.dtype.type(1)
    order = list(range(steps))[::-1] if reverse else list(range(steps))
    to_hidden, gates, began = np.zeros_like(hidden), [None] * steps, [None] * steps
    for at in reversed(range(steps)):
        t = order[at]
        before, began[t] = (cells[order[at - 1]], outputs[order[at - 1]]) if at else (cell, hidden)
        i, f, g, o, top = kept[t]
        to_hidden = to_output[t] + to_hidden
        d = to_cell + to_hidden * o * (one - top * top)
        gates[t] = np.concatenate([d * g * ((one - i) * i), d * before * ((one - f) * f), d * i * (one - g * g),
                                   to_hidden * top * ((one - o) * o)], 1)
        to_cell = d * f
        to_hidden = matmul(gates[t], weight)
    rows = np.concatenate(gates)
    return np.array(gates), to_hidden, to_cell, matmul(np.ascontiguousarray(rows.T), np.concatenate(began))
