"""Recurrent layers and their single-step cells: Elman RNN, LSTM (Hochreiter & Schmidhuber 1997), GRU (Cho et al. 2014)."""
import math
import numbers
import warnings

from frankentorch import ops
from frankentorch.nn import init
from frankentorch.nn.modules import _recurrent
from frankentorch.nn.modules.module import Module
from frankentorch.nn.parameter import Parameter
from frankentorch.nn.utils.rnn import PackedSequence

__all__ = ["GRU", "GRUCell", "LSTM", "LSTMCell", "RNN", "RNNBase", "RNNCell", "RNNCellBase"]

_GATES = {"LSTM": 4, "GRU": 3, "RNN_TANH": 1, "RNN_RELU": 1}


def _permuted(tensor, permutation):
    return tensor if permutation is None else tensor.index_select(1, permutation)


class RNNBase(Module):
    """Weights, checks and the forward pass of all recurrent layers; see `LSTM` for the arguments."""

    __constants__ = ["mode", "input_size", "hidden_size", "num_layers", "bias", "batch_first", "dropout", "bidirectional",
                     "proj_size"]
    __jit_unused_properties__ = ["all_weights"]

    def __init__(self, mode, input_size, hidden_size, num_layers=1, bias=True, batch_first=False, dropout=0.0,
                 bidirectional=False, proj_size=0, device=None, dtype=None):
        super().__init__()
        self.mode = mode
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        self._check_arguments(dropout)
        if mode not in _GATES:
            raise ValueError("Unrecognized RNN mode: " + mode)
        rows = _GATES[mode] * hidden_size
        output_size = proj_size if proj_size > 0 else hidden_size
        self._flat_weights_names = []
        self._all_weights = []
        for layer in range(num_layers):
            for suffix in ("", "_reverse")[:self._directions]:
                layer_input = input_size if layer == 0 else output_size * self._directions
                shapes = [("weight_ih", (rows, layer_input)), ("weight_hh", (rows, output_size))]
                if bias:
                    shapes += [("bias_ih", (rows,)), ("bias_hh", (rows,))]
                if proj_size > 0:
                    shapes += [("weight_hr", (proj_size, hidden_size))]
                names = []
                for kind, shape in shapes:
                    name = f"{kind}_l{layer}{suffix}"
                    setattr(self, name, Parameter(ops.empty(shape, device=device, dtype=dtype)))
                    names.append(name)
                self._flat_weights_names += names
                self._all_weights.append(names)
        self.reset_parameters()

    def _check_arguments(self, dropout):
        if not isinstance(dropout, numbers.Number) or isinstance(dropout, bool) or not 0 <= dropout <= 1:
            raise ValueError("dropout should be a number in range [0, 1] representing the probability of an element being "
                             f"zeroed, got {dropout!r}")
        if dropout > 0 and self.num_layers == 1:
            warnings.warn("dropout option adds dropout after all but last recurrent layer, so non-zero dropout expects "
                          f"num_layers greater than 1, but got dropout={dropout} and num_layers={self.num_layers}",
                          stacklevel=4)
        if not isinstance(self.hidden_size, int):
            raise TypeError(f"hidden_size should be of type int, got: {type(self.hidden_size).__name__}")
        if self.hidden_size <= 0:
            raise ValueError("hidden_size must be greater than zero")
        if self.num_layers <= 0:
            raise ValueError("num_layers must be greater than zero")
        if self.proj_size < 0:
            raise ValueError("proj_size should be a positive integer or zero to disable projections")
        if self.proj_size >= self.hidden_size:
            raise ValueError("proj_size has to be smaller than hidden_size")

    @property
    def _directions(self):
        return 2 if self.bidirectional else 1

    @property
    def _flat_weights(self):
        return [getattr(self, name, None) for name in self._flat_weights_names]

    def __getstate__(self):
        """The attributes, and the list that PyTorch's layers keep beside them, so that a pickled layer loads there."""
        return {**self.__dict__, "_flat_weights": self._flat_weights}

    def __setstate__(self, state):
        # PyTorch's list and references of weights: ours are looked up by name
        super().__setstate__({name: value for name, value in state.items() if name not in ("_flat_weights", "_flat_weight_refs")})

    @property
    def all_weights(self):
        """The Parameters, one list per layer and direction."""
        return [[getattr(self, name) for name in names] for names in self._all_weights]

    def flatten_parameters(self):
        """Nothing to do: the weights are used where they are."""

    def reset_parameters(self):
        """Draw new initial weights: uniform in +-1 / sqrt(hidden_size)."""
        bound = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def check_input(self, input, batch_sizes):
        """Raise when width, dims or dtype of `input` do not fit."""
        weight = self._flat_weights[0]
        if input.dtype != weight.dtype:
            raise ValueError(f"RNN input dtype ({input.dtype}) does not match weight dtype ({weight.dtype}). Convert input: "
                             "input.to(dtype)")
        ndim = 2 if batch_sizes is not None else 3
        if input.dim() != ndim:
            raise RuntimeError(f"input must have {ndim} dimensions, got {input.dim()}")
        if self.input_size != input.size(-1):
            raise RuntimeError(f"input.size(-1) must be equal to input_size. Expected {self.input_size}, got "
                               f"{input.size(-1)}")

    def _batch_size(self, input, batch_sizes):
        if batch_sizes is not None:
            return int(batch_sizes[0])
        return input.size(0) if self.batch_first else input.size(1)

    def get_expected_hidden_size(self, input, batch_sizes):
        """Shape of h: (layers * directions, batch, proj_size or hidden_size)."""
        width = self.proj_size if self.proj_size > 0 else self.hidden_size
        return self.num_layers * self._directions, self._batch_size(input, batch_sizes), width

    def check_hidden_size(self, hx, expected_hidden_size, msg="Expected hidden size {}, got {}"):
        """Raise when a state has another shape."""
        if tuple(hx.size()) != tuple(expected_hidden_size):
            raise RuntimeError(msg.format(expected_hidden_size, list(hx.size())))

    def check_forward_args(self, input, hidden, batch_sizes):
        """Raise when input or state do not fit."""
        self.check_input(input, batch_sizes)
        self.check_hidden_size(hidden, self.get_expected_hidden_size(input, batch_sizes))

    def permute_hidden(self, hx, permutation):
        """The state with its batch in another order."""
        return _permuted(hx, permutation)

    def extra_repr(self):
        text = f"{self.input_size}, {self.hidden_size}"
        if self.proj_size != 0:
            text += f", proj_size={self.proj_size}"
        if self.num_layers != 1:
            text += f", num_layers={self.num_layers}"
        if self.bias is not True:
            text += f", bias={self.bias}"
        if self.batch_first is not False:
            text += f", batch_first={self.batch_first}"
        if self.dropout != 0:
            text += f", dropout={self.dropout}"
        if self.bidirectional is not False:
            text += f", bidirectional={self.bidirectional}"
        return text

    # The state passes through these as a tuple, (h,) or (h, c).

    def _check_state_dims(self, state, is_batched):
        if state[0].dim() != (3 if is_batched else 2):
            kind = "batched 3-D" if is_batched else "unbatched 2-D"
            raise RuntimeError(f"For {kind} input, hx should also be {3 if is_batched else 2}-D but got "
                               f"{state[0].dim()}-D tensor")

    def _zero_state(self, input, batch):
        width = self.proj_size if self.proj_size > 0 else self.hidden_size
        return (ops.zeros((self.num_layers * self._directions, batch, width), dtype=input.dtype, device=input.device),)

    def _from_user(self, hx):
        return (hx,)

    def _to_user(self, state):
        return state[0]

    def forward(self, input, hx=None):
        """Output of every step, and the last state of every layer and direction.

        Parameters
        ----------
        input : Tensor, shape (T, N, width), or (N, T, width) with `batch_first`, or (T, width); or PackedSequence
        hx : Tensor, shape (layers * directions, N, hidden_size), optional
            Zeros if not given; an LSTM takes a pair (h, c).
        """
        original = input
        if isinstance(input, PackedSequence):
            input, batch_sizes, sorted_indices, unsorted_indices = original
            is_batched = True
        else:
            batch_sizes = sorted_indices = unsorted_indices = None
            if input.dim() not in (2, 3):
                raise ValueError(f"{type(self).__name__}: Expected input to be 2D or 3D, got {input.dim()}D tensor instead")
            is_batched = input.dim() == 3
            batch_dim = 0 if self.batch_first else 1
            if not is_batched:
                input = input.unsqueeze(batch_dim)
        if hx is None:
            state = self._zero_state(input, self._batch_size(input, batch_sizes))
        else:
            state = self._from_user(hx)
            if batch_sizes is None:
                self._check_state_dims(state, is_batched)
                if not is_batched:
                    state = tuple(each.unsqueeze(1) for each in state)
            state = tuple(_permuted(each, sorted_indices) for each in state)
        self.check_forward_args(input, self._to_user(state), batch_sizes)
        arguments = (state, self._flat_weights, self.bias, self.num_layers, self.dropout, self.training,
                     self.bidirectional)
        if batch_sizes is not None:
            output, *state = _recurrent.run_packed(self.mode, input, batch_sizes, *arguments)
            output = PackedSequence(output, batch_sizes, sorted_indices, unsorted_indices)
            return output, self._to_user(tuple(_permuted(each, unsorted_indices) for each in state))
        output, *state = _recurrent.run_padded(self.mode, input, *arguments, self.batch_first)
        if not is_batched:
            output = output.squeeze(batch_dim)
            state = [each.squeeze(1) for each in state]
        return output, self._to_user(tuple(state))


class RNN(RNNBase):
    """h' = act(W_ih x + b_ih + W_hh h + b_hh), act being `nonlinearity`: "tanh" or "relu"; see `LSTM`."""

    def __init__(self, *args, **kwargs):
        if "proj_size" in kwargs:
            raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
        if len(args) > 3:
            self.nonlinearity = args[3]
            args = args[:3] + args[4:]
        else:
            self.nonlinearity = kwargs.pop("nonlinearity", "tanh")
        if self.nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"Unknown nonlinearity '{self.nonlinearity}'. Select from 'tanh' or 'relu'.")
        super().__init__("RNN_" + self.nonlinearity.upper(), *args, **kwargs)


class LSTM(RNNBase):
    """Long short-term memory.

    i, f, g, o are the quarters of W_ih x + b_ih + W_hh h + b_hh;
    c' = sigmoid(f) * c + sigmoid(i) * tanh(g); h' = sigmoid(o) * tanh(c'), times W_hr if `proj_size`.

    Parameters
    ----------
    input_size, hidden_size : int
    num_layers : int
        Layers on top of each other.
    bias : bool
    batch_first : bool
        Input and output are (N, T, width).
    dropout : float
        Of the output of every layer but the last, in training.
    bidirectional : bool
        A second set of weights runs backward in time; outputs are put side by side.
    proj_size : int
        Width of h if smaller than `hidden_size`; 0 for no projection.

    Attributes
    ----------
    weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, weight_hr_l0, ..., weight_ih_l0_reverse, ... : Parameter
    """

    def __init__(self, *args, **kwargs):
        super().__init__("LSTM", *args, **kwargs)

    def get_expected_cell_size(self, input, batch_sizes):
        """Shape of c: (layers * directions, batch, hidden_size)."""
        return self.num_layers * self._directions, self._batch_size(input, batch_sizes), self.hidden_size

    def check_forward_args(self, input, hidden, batch_sizes):
        """Raise when input or states do not fit."""
        self.check_input(input, batch_sizes)
        self.check_hidden_size(hidden[0], self.get_expected_hidden_size(input, batch_sizes),
                               "Expected hidden[0] size {}, got {}")
        self.check_hidden_size(hidden[1], self.get_expected_cell_size(input, batch_sizes),
                               "Expected hidden[1] size {}, got {}")

    def permute_hidden(self, hx, permutation):
        """The states with their batch in another order."""
        return tuple(_permuted(each, permutation) for each in hx)

    def _check_state_dims(self, state, is_batched):
        ndim = 3 if is_batched else 2
        if state[0].dim() != ndim or state[1].dim() != ndim:
            kind = "batched 3-D" if is_batched else "unbatched 2-D"
            raise RuntimeError(f"For {kind} input, hx and cx should also be {ndim}-D but got ({state[0].dim()}-D, "
                               f"{state[1].dim()}-D) tensors")

    def _zero_state(self, input, batch):
        cell = ops.zeros((self.num_layers * self._directions, batch, self.hidden_size), dtype=input.dtype,
                         device=input.device)
        return (*super()._zero_state(input, batch), cell)

    def _from_user(self, hx):
        return tuple(hx)

    def _to_user(self, state):
        return state


class GRU(RNNBase):
    """Gated recurrent unit; see `LSTM` for the arguments.

    r = sigmoid(x_r + h_r), z = sigmoid(x_z + h_z), n = tanh(x_n + r * h_n), h' = (1 - z) * n + z * h,
    where x = W_ih x + b_ih and h = W_hh h + b_hh are cut in thirds.
    """

    def __init__(self, *args, **kwargs):
        if "proj_size" in kwargs:
            raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
        super().__init__("GRU", *args, **kwargs)


class RNNCellBase(Module):
    """Weights and checks of the cells."""

    __constants__ = ["input_size", "hidden_size", "bias"]

    def __init__(self, input_size, hidden_size, bias, num_chunks, device=None, dtype=None):
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        rows = num_chunks * hidden_size
        self.weight_ih = Parameter(ops.empty((rows, input_size), device=device, dtype=dtype))
        self.weight_hh = Parameter(ops.empty((rows, hidden_size), device=device, dtype=dtype))
        if bias:
            self.bias_ih = Parameter(ops.empty(rows, device=device, dtype=dtype))
            self.bias_hh = Parameter(ops.empty(rows, device=device, dtype=dtype))
        else:
            self.register_parameter("bias_ih", None)
            self.register_parameter("bias_hh", None)
        self.reset_parameters()

    def reset_parameters(self):
        """Draw new initial weights: uniform in +-1 / sqrt(hidden_size)."""
        bound = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def extra_repr(self):
        text = f"{self.input_size}, {self.hidden_size}"
        if self.bias is not True:
            text += f", bias={self.bias}"
        if self.__dict__.get("nonlinearity", "tanh") != "tanh":
            text += f", nonlinearity={self.nonlinearity}"
        return text

    def _step(self, mode, input, state):
        """One step of a batch, or of one sample."""
        name = type(self).__name__
        if input.dim() not in (1, 2):
            raise ValueError(f"{name}: Expected input to be 1D or 2D, got {input.dim()}D instead")
        for each in state or ():
            if each.dim() not in (1, 2):
                raise ValueError(f"{name}: Expected hidden to be 1D or 2D, got {each.dim()}D instead")
        is_batched = input.dim() == 2
        if not is_batched:
            input = input.unsqueeze(0)
        if state is None:
            zeros = ops.zeros(input.size(0), self.hidden_size, dtype=input.dtype, device=input.device)
            state = (zeros, zeros) if mode == "LSTM" else (zeros,)
        elif not is_batched:
            state = tuple(each.unsqueeze(0) for each in state)
        self._check_sizes(input, state)
        gates = ops.linear(input, self.weight_ih, self.bias_ih)
        state = _recurrent.STEPS[mode](gates, state, self.weight_hh, self.bias_hh, None)
        return state if is_batched else tuple(each.squeeze(0) for each in state)

    def _check_sizes(self, input, state):
        if input.size(1) != self.input_size:
            raise RuntimeError(f"input has inconsistent input_size: got {input.size(1)} expected {self.input_size}")
        for number, each in enumerate(state):
            if each.size(0) != input.size(0):
                raise RuntimeError(f"Input batch size {input.size(0)} doesn't match hidden{number} batch size "
                                   f"{each.size(0)}")
            if each.size(1) != self.hidden_size:
                raise RuntimeError(f"hidden{number} has inconsistent hidden_size: got {each.size(1)}, expected "
                                   f"{self.hidden_size}")


class RNNCell(RNNCellBase):
    """One step of `RNN`: (N, input_size) and h (N, hidden_size) to the next h."""

    __constants__ = ["input_size", "hidden_size", "bias", "nonlinearity"]

    def __init__(self, input_size, hidden_size, bias=True, nonlinearity="tanh", device=None, dtype=None):
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input, hx=None):
        if self.nonlinearity not in ("tanh", "relu"):
            raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}")
        return self._step("RNN_" + self.nonlinearity.upper(), input, None if hx is None else (hx,))[0]


class LSTMCell(RNNCellBase):
    """One step of `LSTM`: (N, input_size) and (h, c) to the next (h, c)."""

    def __init__(self, input_size, hidden_size, bias=True, device=None, dtype=None):
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)

    def forward(self, input, hx=None):
        return self._step("LSTM", input, None if hx is None else tuple(hx))


class GRUCell(RNNCellBase):
    """One step of `GRU`: (N, input_size) and h (N, hidden_size) to the next h."""

    def __init__(self, input_size, hidden_size, bias=True, device=None, dtype=None):
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)

    def forward(self, input, hx=None):
        return self._step("GRU", input, None if hx is None else (hx,))[0]
