"""Derivatives of recurrences over all steps.

LSTM, with gates i f n o after their functions, c' = f c + i n, t = tanh c', h = o t:
dc' += dh o (1 - t^2); di = dc' n, df = dc' c, dn = dc' i, do = dh t, each times the slope of its function; dc = dc' f.

GRU, with gates r z and n = tanh(x + r s) after their functions, h' = (h - n) z + n: dz = dh (h - n), dn = dh (1 - z),
dr = dn (1 - n^2) s, ds = dn (1 - n^2) r; the state before has dh z beside what comes by its product. One gate: dx = dh times its slope.
"""
from frankentorch import ops
from frankentorch._ext import recurrent_run, scan_steps


def lstm_scan_gradients(g, g_cell, gates, hidden, cell, weight, bias, output, kept, cells, reverse):
    if ops.differentiated(g, g_cell, gates, hidden, cell, weight, bias, output, kept, cells):
        return _composed(g, g_cell, gates, hidden, cell, weight, bias, reverse)
    to_gates, to_hidden, to_cell, to_weight = recurrent_run.lstm_scan_backward(g, g_cell, hidden, cell, weight, output, kept, cells, reverse)
    return to_gates, to_hidden, to_cell, to_weight, None if bias is None else ops.sum(to_gates, (0, 1))


def _composed(g, g_cell, gates, hidden, cell, weight, bias, reverse):
    """The same by separate ops, which can be differentiated again."""
    order = list(range(gates.size(0)))
    if reverse:
        order.reverse()
    passed = []
    for t in order:
        i, f, n, o = ops.chunk(gates[t] + ops.linear(hidden, weight, bias), 4, 1)
        i, f, n, o = ops.sigmoid(i), ops.sigmoid(f), ops.tanh(n), ops.sigmoid(o)
        after = f * cell + i * n
        top = ops.tanh(after)
        passed.append((i, f, n, o, cell, top, hidden))
        hidden, cell = o * top, after
    dh = ops.zeros_like(hidden)
    dc = ops.zeros_like(cell) if g_cell is None else g_cell
    to_gates, to_weight = [None] * len(order), 0
    for t, (i, f, n, o, before, top, began) in zip(reversed(order), reversed(passed)):
        if g is not None:
            dh = g[t] + dh
        dc = dc + dh * o * (1 - top * top)
        d = ops.cat([dc * n * (1 - i) * i, dc * before * (1 - f) * f, dc * i * (1 - n * n), dh * top * (1 - o) * o], 1)
        to_gates[t], to_weight = d, to_weight + ops.mm(ops.t(d), began)
        dc, dh = dc * f, ops.mm(d, weight)
    stacked = ops.stack(to_gates)
    return stacked, dh, dc, to_weight, None if bias is None else ops.sum(stacked, (0, 1))


def scan_steps_gradients(g, gates, hidden, weight, bias, output, kept, mode, reverse):
    if g is None:
        return None, None, None, None
    if ops.differentiated(g, gates, hidden, weight, bias):
        return _composed_scan(g, gates, hidden, weight, bias, mode, reverse)
    to_gates, to_state, to_hidden, to_weight = scan_steps.scan_backward(g, hidden, weight, output, kept, mode, reverse)
    return to_gates, to_hidden, to_weight, None if bias is None else ops.sum(to_state, (0, 1))


def _composed_scan(g, gates, hidden, weight, bias, mode, reverse):
    """The same by separate ops, which can be differentiated again."""
    order = list(range(gates.size(0)))
    if reverse:
        order.reverse()
    passed = []
    for t in order:
        state = ops.linear(hidden, weight, bias)
        if mode < 2:
            parts, after = None, (ops.relu if mode else ops.tanh)(gates[t] + state)
        else:
            (xr, xz, xn), (sr, sz, sn) = ops.chunk(gates[t], 3, 1), ops.chunk(state, 3, 1)
            r, z = ops.sigmoid(xr + sr), ops.sigmoid(xz + sz)
            n = ops.tanh(xn + r * sn)
            parts, after = (r, z, n, sn), (hidden - n) * z + n
        passed.append((parts, hidden, after))
        hidden = after
    dh, to_weight = ops.zeros_like(hidden), 0
    to_gates, to_state = [None] * len(order), [None] * len(order)
    for t, (parts, before, after) in zip(reversed(order), reversed(passed)):
        dh = g[t] + dh
        direct = 0
        if mode == 0:
            to_gates[t] = to_state[t] = dh * (1 - after * after)
        elif mode == 1:
            to_gates[t] = to_state[t] = ops.where(after > 0, dh, ops.zeros_like(dh))
        else:
            r, z, n, sn = parts
            inner, direct = dh * (1 - z) * (1 - n * n), dh * z
            shared = [inner * sn * (1 - r) * r, dh * (before - n) * (1 - z) * z]
            to_gates[t], to_state[t] = ops.cat([*shared, inner], 1), ops.cat([*shared, inner * r], 1)
        to_weight = to_weight + ops.mm(ops.t(to_state[t]), before)
        dh = ops.mm(to_state[t], weight) + direct
    return ops.stack(to_gates), dh, to_weight, None if bias is None else ops.sum(ops.stack(to_state), (0, 1))
