"""Sequences of different length in one tensor: padded, or packed step by step.

Packed data holds, for each step, the rows of those sequences that are that long. Sequences are sorted by falling length,
so that the rows of a step are always the first ones.
"""
from collections import namedtuple

from frankentorch import ops
from frankentorch._tensor import Tensor

__all__ = ["PackedSequence", "invert_permutation", "pack_padded_sequence", "pack_sequence", "pad_packed_sequence",
           "pad_sequence", "unpack_sequence", "unpad_sequence"]

PackedSequence_ = namedtuple("PackedSequence", ["data", "batch_sizes", "sorted_indices", "unsorted_indices"])


class PackedSequence(PackedSequence_):
    """A packed batch. Made by `pack_padded_sequence` and `pack_sequence`, not by hand.

    Attributes
    ----------
    data : Tensor, shape (sum of lengths, ...)
    batch_sizes : int64 Tensor on the CPU, shape (longest length,)
        How many sequences reach each step.
    sorted_indices : int64 Tensor, shape (N,), or None
        Which sequence each row of a step belongs to; None when they were sorted from the start.
    unsorted_indices : int64 Tensor, shape (N,), or None
        The inverse permutation.
    """

    __slots__ = ()

    def __new__(cls, data, batch_sizes=None, sorted_indices=None, unsorted_indices=None):
        if batch_sizes is None:
            # data is then the pair (data, batch_sizes)
            if not (isinstance(data, (list, tuple)) and len(data) == 2):
                raise AssertionError("PackedSequence needs data and batch_sizes")
            data, batch_sizes = data
            return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        if batch_sizes.device.type != "cpu":
            raise ValueError("batch_sizes should always be on CPU. Instances of PackedSequence should never be created "
                             "manually. They should be instantiated by functions like pack_sequence and "
                             "pack_padded_sequences in nn.utils.rnn.")
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def to(self, *args, **kwargs):
        """`data` moved or cast as by `Tensor.to`; the indices follow to the device."""
        data = self.data.to(*args, **kwargs)
        if data is self.data:
            return self
        sorted_indices = None if self.sorted_indices is None else self.sorted_indices.to(data.device)
        unsorted_indices = None if self.unsorted_indices is None else self.unsorted_indices.to(data.device)
        return type(self)(data, self.batch_sizes, sorted_indices, unsorted_indices)

    def cpu(self, *args, **kwargs):
        """Moved to the CPU."""
        return self.to("cpu")

    def cuda(self, *args, **kwargs):
        """Moved to a CUDA device; the tensor says that there is none."""
        return self.to("cuda")

    def pin_memory(self):
        """In pinned memory."""
        return type(self)(self.data.pin_memory(), self.batch_sizes, self.sorted_indices, self.unsorted_indices)

    def double(self):
        """Cast to float64."""
        return self.to(dtype=ops.float64)

    def float(self):
        """Cast to float32."""
        return self.to(dtype=ops.float32)

    def half(self):
        """Cast to float16."""
        return self.to(dtype=ops.float16)

    def long(self):
        """Cast to int64."""
        return self.to(dtype=ops.int64)

    def int(self):
        """Cast to int32."""
        return self.to(dtype=ops.int32)

    def short(self):
        """Cast to int16."""
        return self.to(dtype=ops.int16)

    def char(self):
        """Cast to int8."""
        return self.to(dtype=ops.int8)

    def byte(self):
        """Cast to uint8."""
        return self.to(dtype=ops.uint8)

    @property
    def is_cuda(self):
        """Whether `data` is on a CUDA device."""
        return self.data.is_cuda

    def is_pinned(self):
        """Whether `data` is in pinned memory."""
        return self.data.is_pinned()


def invert_permutation(permutation):
    """The permutation that undoes `permutation`, or None for None."""
    if permutation is None:
        return None
    inverse = ops.empty_like(permutation)
    inverse.scatter_(0, permutation, ops.arange(0, permutation.numel(), device=permutation.device))
    return inverse


def pack_padded_sequence(input, lengths, batch_first=False, enforce_sorted=True):
    """Leave out the padding.

    Parameters
    ----------
    input : Tensor, shape (T, N, ...), or (N, T, ...) with `batch_first`
    lengths : sequence of int, or int64 Tensor on the CPU, shape (N,)
        Each at least 1, at most T.
    enforce_sorted : bool
        Lengths must not increase; without it the batch is sorted here.

    Returns
    -------
    PackedSequence

    Raises
    ------
    RuntimeError
        Lengths that are not sorted, not positive, or of another count than the batch.
    """
    if not isinstance(lengths, Tensor):
        lengths = ops.tensor(lengths, dtype=ops.int64, device="cpu")
    else:
        lengths = lengths.to(dtype=ops.int64)
    if lengths.device.type != "cpu":
        raise RuntimeError("'lengths' argument should be a 1D CPU int64 tensor, but got "
                           f"{lengths.dim()}D {lengths.device} {lengths.dtype} tensor")
    if lengths.dim() != 1:
        raise RuntimeError(f"'lengths' argument should be a 1D CPU int64 tensor, but got {lengths.dim()}D tensor")
    if input.numel() == 0:
        raise RuntimeError("Cannot pack empty tensors.")
    sorted_indices = None
    if not enforce_sorted:
        lengths, sorted_indices = ops.sort(lengths, descending=True)
        sorted_indices = sorted_indices.to(input.device)
        input = input.index_select(0 if batch_first else 1, sorted_indices)
    if batch_first:
        input = input.transpose(0, 1)
    counts = lengths.tolist()
    if len(counts) != input.size(1):
        raise RuntimeError(f"Expected `len(lengths)` to be equal to batch_size, but got {len(counts)} (batch_size="
                           f"{input.size(1)})")
    if any(later > earlier for earlier, later in zip(counts, counts[1:])):
        raise RuntimeError("`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You can pass "
                           "`enforce_sorted=False` to pack_padded_sequence and/or pack_sequence to sidestep this "
                           "requirement if you do not need ONNX exportability.")
    if counts[-1] <= 0:
        raise RuntimeError("Length of all samples has to be greater than 0, but found an element in 'lengths' that is <= 0")
    if counts[0] > input.size(0):
        raise RuntimeError(f"Expected lengths of at most {input.size(0)} (the padded length), but got {counts[0]}")
    # Steps between two distinct lengths hold the same number of rows: one slice each.
    parts, batch_sizes = [], []
    start = 0
    for row in range(len(counts) - 1, -1, -1):
        if counts[row] > start:
            rows = row + 1
            parts.append(input[start:counts[row], :rows].reshape(-1, *input.shape[2:]))
            batch_sizes += [rows] * (counts[row] - start)
            start = counts[row]
    data = parts[0] if len(parts) == 1 else ops.cat(parts)
    return PackedSequence(data, ops.tensor(batch_sizes, dtype=ops.int64), sorted_indices, None)


def pad_packed_sequence(sequence, batch_first=False, padding_value=0.0, total_length=None):
    """Undo `pack_padded_sequence`.

    Parameters
    ----------
    sequence : PackedSequence
    total_length : int, optional
        Pad up to this length, at least the longest.

    Returns
    -------
    (Tensor of shape (T, N, ...) or (N, T, ...), int64 Tensor of the lengths)
    """
    data, batch_sizes, _, unsorted_indices = sequence
    counts = batch_sizes.tolist()
    steps = len(counts)
    if total_length is not None:
        if total_length < steps:
            raise ValueError("Expected total_length to be at least the length of the longest sequence in input, but got "
                             f"total_length={total_length} and max sequence length being {steps}")
        steps = total_length
    batch = counts[0]
    shape = (steps, batch, *data.shape[1:])
    padded = ops.full(shape, padding_value, dtype=data.dtype, device=data.device)
    lengths = []
    first = start = 0
    for step in range(1, len(counts) + 1):
        if step == len(counts) or counts[step] != counts[first]:
            rows, count = counts[first], step - first
            part = data[start:start + rows * count].reshape(count, rows, *data.shape[1:])
            padded[first:step, :rows] = part
            start += rows * count
            ended = rows - (counts[step] if step < len(counts) else 0)
            lengths = [step] * ended + lengths
            first = step
    # rows that end later stand in front: the list was built back to front
    lengths = ops.tensor(lengths, dtype=ops.int64)
    if batch_first:
        padded = padded.transpose(0, 1)
    if unsorted_indices is not None:
        batch_dim = 0 if batch_first else 1
        return padded.index_select(batch_dim, unsorted_indices), lengths[unsorted_indices.cpu()]
    return padded, lengths


def pad_sequence(sequences, batch_first=False, padding_value=0.0, padding_side="right"):
    """Stack tensors of different length in their first dim, with padding at one side.

    Parameters
    ----------
    sequences : sequence of Tensor, shapes (L_i, ...)
    padding_side : {"right", "left"}

    Returns
    -------
    Tensor, shape (T, N, ...), or (N, T, ...) with `batch_first`
    """
    if not hasattr(sequences, "__iter__"):
        raise RuntimeError(f"pad_sequence: Expected iterable for input sequences, but got arg of type: {type(sequences)}")
    sequences = tuple(sequences.unbind(0) if isinstance(sequences, Tensor) else sequences)
    if padding_side not in ("right", "left"):
        raise RuntimeError(f"Expected padding_side to be one of left or right, but got {padding_side}.")
    if not sequences:
        raise RuntimeError("received an empty list of sequences")
    longest = max(each.size(0) for each in sequences)
    rest = sequences[0].shape[1:]
    sizes = (len(sequences), longest) if batch_first else (longest, len(sequences))
    padded = ops.full((*sizes, *rest), padding_value, dtype=sequences[0].dtype, device=sequences[0].device)
    for position, each in enumerate(sequences):
        length = each.size(0)
        span = slice(0, length) if padding_side == "right" else slice(longest - length, longest)
        if batch_first:
            padded[position, span] = each
        else:
            padded[span, position] = each
    return padded


def unpad_sequence(padded_sequences, lengths, batch_first=False):
    """The sequences in a padded tensor, as a list of tensors of their own length."""
    if not batch_first:
        padded_sequences = padded_sequences.transpose(0, 1)
    return [each[:int(length)] for each, length in zip(padded_sequences, lengths)]


def pack_sequence(sequences, enforce_sorted=True):
    """Pack a list of tensors of shapes (L_i, ...)."""
    lengths = ops.tensor([each.size(0) for each in sequences])
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences):
    """The list of tensors that `pack_sequence` packed."""
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)
