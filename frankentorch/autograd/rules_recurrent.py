"""Derivatives of recurrences over all steps.

LSTM, with gates i f n o after their functions, c' = f c + i n, t = tanh c', h = o t:
dc' += dh o (1 - t^2); di = dc' n, df = dc' c, dn = dc' i, do = dh t, each times the slope of its function; dc = dc' f.
"""
from frankentorch import ops
from frankentorch._ext import recurrent_run


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
