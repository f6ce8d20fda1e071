"""The definition of recurrent layers over all steps and of their gradients, slowly (see frankentorch/_ext/recurrent_run.pyx, scan_steps.pyx)."""
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


def scan(gates, hidden, weight, bias, mode, reverse, sigmoid, tanh):
    """Outputs of a plain recurrence (mode 0 tanh, 1 relu) or a GRU (2), and what the GRU keeps: reset, update, new, state's share of new."""
    steps = len(gates)
    outputs, kept = [None] * steps, [None] * steps
    for t in reversed(range(steps)) if reverse else range(steps):
        state = matmul(hidden, np.ascontiguousarray(weight.T))
        state = state if bias is None else state + bias
        if mode < 2:
            x = gates[t] + state
            hidden = np.where(x <= 0, x.dtype.type(0), x) if mode else tanh(x)
        else:
            (xr, xz, xn), (sr, sz, sn) = np.split(gates[t], 3, 1), np.split(state, 3, 1)
            r, z = sigmoid(xr + sr), sigmoid(xz + sz)
            n = tanh(xn + r * sn)
            kept[t], hidden = (r, z, n, sn), (hidden - n) * z + n
        outputs[t] = hidden
    return np.array(outputs), kept


def scan_gradients(to_output, hidden, weight, outputs, kept, mode, reverse):
    """Of both shares of the gates, of hidden and of weight."""
    steps, one = len(outputs), weight.dtype.type(1)
    order = list(range(steps))[::-1] if reverse else list(range(steps))
    to_hidden, carry = np.zeros_like(hidden), np.zeros_like(hidden)
    gates, state, began = [None] * steps, [None] * steps, [None] * steps
    for at in reversed(range(steps)):
        t = order[at]
        before = began[t] = outputs[order[at - 1]] if at else hidden
        h = to_output[t] + (carry + to_hidden if mode == 2 else to_hidden)
        if mode == 0:
            gates[t] = state[t] = h * (one - outputs[t] * outputs[t])
        elif mode == 1:
            gates[t] = state[t] = np.where(outputs[t] <= 0, one * 0, h)
        else:
            r, z, n, sn = kept[t]
            inner = h * (one - z) * (one - n * n)
            shared = [inner * sn * ((one - r) * r), h * (before - n) * ((one - z) * z)]
            gates[t], state[t] = np.concatenate([*shared, inner], 1), np.concatenate([*shared, inner * r], 1)
            carry = h * z
        to_hidden = matmul(state[t], weight)
    rows = np.concatenate(state)
    return np.array(gates), np.array(state), carry + to_hidden if mode == 2 else to_hidden, matmul(np.ascontiguousarray(rows.T), np.concatenate(began))
