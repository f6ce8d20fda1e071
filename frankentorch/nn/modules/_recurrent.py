"""Recurrences over time, layers and directions, with the arguments of the ops `lstm`, `gru`, `rnn_tanh`, `rnn_relu`.

The product with the inputs of all steps is one `linear` per layer and direction; only the product with the state is done
step by step. A state is a tuple of tensors, (h,) or (h, c).

Packed data is (total rows, width) with the number of rows of each step in `batch_sizes`, never growing: forward in time
rows drop out at the end, backward in time they come in.
"""
from frankentorch import ops


def _rnn_step(activation):
    def step(gates_bx, state, w_hh, b_hh, w_hr):
        return (activation(gates_bx + ops.linear(state[0], w_hh, b_hh)),)

    return step


def _lstm_step(gates_bx, state, w_hh, b_hh, w_hr):
    hidden, cell = state
    gates = gates_bx + ops.linear(hidden, w_hh, b_hh)
    enter, forget, candidate, leave = gates.chunk(4, 1)
    cell = ops.sigmoid(forget) * cell + ops.sigmoid(enter) * ops.tanh(candidate)
    hidden = ops.sigmoid(leave) * ops.tanh(cell)
    if w_hr is not None:
        hidden = ops.linear(hidden, w_hr, None)
    return hidden, cell


def _gru_step(gates_bx, state, w_hh, b_hh, w_hr):
    hidden = state[0]
    x_reset, x_update, x_new = gates_bx.chunk(3, 1)
    h_reset, h_update, h_new = ops.linear(hidden, w_hh, b_hh).chunk(3, 1)
    reset = ops.sigmoid(x_reset + h_reset)
    update = ops.sigmoid(x_update + h_update)
    new = ops.tanh(x_new + reset * h_new)
    return ((hidden - new) * update + new,)


STEPS = {
    "LSTM": _lstm_step,
    "GRU": _gru_step,
    "RNN_TANH": _rnn_step(lambda x: ops.tanh(x)),
    "RNN_RELU": _rnn_step(lambda x: ops.relu(x)),
}

SCANS = {"RNN_TANH": 0, "RNN_RELU": 1, "GRU": 2}       # mode of the op of all steps


def _scan(step, steps_bx, state, weights, reverse):
    """Outputs of all steps in order of time, and the last state."""
    outputs = []
    for gates_bx in reversed(steps_bx) if reverse else steps_bx:
        state = step(gates_bx, state, *weights)
        outputs.append(state[0])
    if reverse:
        outputs.reverse()
    return outputs, state


def _scan_packed(step, steps_bx, batch_sizes, state, weights):
    """Forward in time: the states of rows that end are set aside, and come back in their order."""
    outputs, ended = [], []
    last = batch_sizes[0]
    for gates_bx, count in zip(steps_bx, batch_sizes):
        if count < last:
            ended.append(tuple(each.narrow(0, count, last - count) for each in state))
            state = tuple(each.narrow(0, 0, count) for each in state)
            last = count
        state = step(gates_bx, state, *weights)
        outputs.append(state[0])
    ended.append(state)
    ended.reverse()
    return outputs, tuple(ops.cat(parts, 0) for parts in zip(*ended))


def _scan_packed_reverse(step, steps_bx, batch_sizes, first, weights):
    """Backward in time: rows start with their initial state at their own last step."""
    outputs = []
    last = batch_sizes[-1]
    state = tuple(each.narrow(0, 0, last) for each in first)
    for gates_bx, count in zip(reversed(steps_bx), reversed(batch_sizes)):
        if count > last:
            state = tuple(ops.cat([each, start.narrow(0, last, count - last)], 0) for each, start in zip(state, first))
            last = count
        state = step(gates_bx, state, *weights)
        outputs.append(state[0])
    outputs.reverse()
    return outputs, state


def _scans(gates):
    """Whether the op of all steps takes these gates."""
    return gates.dtype in (ops.float32, ops.float64) and not gates.is_meta and gates.size(0) > 0


def _run(mode, input, batch_sizes, hx, params, has_biases, num_layers, dropout, train, bidirectional):
    """All layers over (T, B, width), or packed over (rows, width). Gives the output and the states, stacked."""
    step = STEPS[mode]
    directions = 2 if bidirectional else 1
    per_layer = len(params) // (num_layers * directions)
    starts = list(zip(*[each.unbind(0) for each in hx]))
    finals = []
    for layer in range(num_layers):
        halves = []
        for direction in range(directions):
            which = layer * directions + direction
            w_ih, w_hh, *rest = params[which * per_layer:(which + 1) * per_layer]
            b_ih, b_hh = (rest.pop(0), rest.pop(0)) if has_biases else (None, None)
            weights = (w_hh, b_hh, rest[0] if rest else None)
            gates = ops.linear(input, w_ih, b_ih)
            if mode == "LSTM" and batch_sizes is None and weights[2] is None and _scans(gates):
                output, last, _, _ = ops._lstm_scan(gates, *starts[which], w_hh, b_hh, direction == 1)
                state = (output[0 if direction else -1], last)
                halves.append(output)
            elif mode != "LSTM" and batch_sizes is None and _scans(gates):
                output, _ = ops._scan_steps(gates, starts[which][0], w_hh, b_hh, SCANS[mode], direction == 1)
                state = (output[0 if direction else -1],)
                halves.append(output)
            elif batch_sizes is None:
                outputs, state = _scan(step, gates.unbind(0), starts[which], weights, direction == 1)
                halves.append(ops.stack(outputs, 0))
            else:
                steps_bx = gates.split(batch_sizes, 0)
                scan = _scan_packed if direction == 0 else _scan_packed_reverse
                outputs, state = scan(step, steps_bx, batch_sizes, starts[which], weights)
                halves.append(ops.cat(outputs, 0))
            finals.append(state)
        input = halves[0] if directions == 1 else ops.cat(halves, -1)
        if dropout != 0 and train and layer < num_layers - 1:
            input = ops.dropout(input, dropout, True)
    return (input, *(ops.stack(parts, 0) for parts in zip(*finals)))


def run_padded(mode, input, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first):
    """Output and last states for (T, B, width), or (B, T, width) with `batch_first`."""
    if batch_first:
        input = input.transpose(0, 1)
    output, *states = _run(mode, input, None, hx, params, has_biases, num_layers, dropout, train, bidirectional)
    return (output.transpose(0, 1) if batch_first else output, *states)


def run_packed(mode, data, batch_sizes, hx, params, has_biases, num_layers, dropout, train, bidirectional):
    """Output rows and last states for packed data."""
    return _run(mode, data, batch_sizes.tolist(), hx, params, has_biases, num_layers, dropout, train, bidirectional)
