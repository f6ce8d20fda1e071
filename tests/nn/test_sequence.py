"""Packed sequences and the recurrent layers over them; stacks of transformer layers."""
import pytest

from frankentorch import nn
from frankentorch.nn.utils import rnn
from tests.nn.oracle import assert_close, copy_state, leaves, outcome, to_subject

LENGTHS = {"falling": [5, 5, 3, 1], "equal": [4, 4], "one": [6], "unsorted": [1, 4, 2, 4]}


def padded(oracle, lengths, batch_first):
    oracle.manual_seed(2)
    shape = (len(lengths), max(lengths), 3) if batch_first else (max(lengths), len(lengths), 3)
    return oracle.randn(shape, dtype=oracle.float64)


@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS.keys())
@pytest.mark.parametrize("batch_first", [False, True], ids=["time first", "batch first"])
def test_pack_and_pad_agree(lengths, batch_first, oracle):
    """All four fields of the packed sequence, its gradient, and the way back."""
    import frankentorch as ft

    results = []
    for library, utils, x in ((oracle, oracle.nn.utils.rnn, padded(oracle, lengths, batch_first)),
                              (ft, rnn, to_subject(padded(oracle, lengths, batch_first), oracle))):
        x.requires_grad_()
        packed = utils.pack_padded_sequence(x, lengths, batch_first, enforce_sorted=False)
        back, counts = utils.pad_packed_sequence(packed, batch_first, padding_value=-7.0, total_length=max(lengths) + 2)
        back.cos().sum().backward()
        results.append([*packed, back, counts, x.grad])
    *moved, expected_grad = zip(*results)
    for expected, actual in moved:
        assert_close(expected, actual, oracle, 0, 0)
    assert_close(*expected_grad, oracle, 1e-15, 1e-16)  # sines are rounded by each library in its own way


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
@pytest.mark.parametrize("options", [{}, {"num_layers": 2, "bidirectional": True}, {"bias": False, "batch_first": True}],
                         ids=str)
@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS.keys())
@pytest.mark.parametrize("with_state", [False, True], ids=["no state", "state"])
def test_recurrent_layer_over_packed_agrees(kind, options, lengths, with_state, oracle):
    """Outputs in packed form, last states in the order of the batch, all gradients."""
    import frankentorch as ft

    ours = getattr(nn, kind)(3, 4, **options).double()
    theirs = getattr(oracle.nn, kind)(3, 4, **options).double()
    copy_state(ours, theirs, oracle)
    batch_first = options.get("batch_first", False)
    x = padded(oracle, lengths, batch_first)
    count = options.get("num_layers", 1) * (2 if options.get("bidirectional") else 1)
    state = [oracle.randn(count, len(lengths), 4, dtype=oracle.float64) for _ in range(2 if kind == "LSTM" else 1)]
    results = []
    for library, utils, layer, x, state in ((oracle, oracle.nn.utils.rnn, theirs, x, state),
                                            (ft, rnn, ours, to_subject(x, oracle), to_subject(state, oracle))):
        for each in (x, *state):
            each.requires_grad_()
        packed = utils.pack_padded_sequence(x, lengths, batch_first, enforce_sorted=False)
        hx = None if not with_state else tuple(state) if kind == "LSTM" else state[0]
        out, last = layer(packed, hx)
        sum(each.cos().sum() for each in (out.data, *leaves(last))).backward()
        grads = [each.grad for each in (x, *(state if with_state else ()), *layer.parameters())]
        results.append([*out, *leaves(last), *grads])
    for expected, actual in zip(*results):
        assert (expected is None) == (actual is None)
        if expected is not None:
            assert_close(expected, actual, oracle, rtol=1e-9)


@pytest.mark.parametrize("padding_side", ["left", "right"])
@pytest.mark.parametrize("batch_first", [False, True])
def test_pad_sequence_agrees(padding_side, batch_first, oracle):
    given = [oracle.randn(length, 2) for length in (3, 1, 2)]
    expected = oracle.nn.utils.rnn.pad_sequence(given, batch_first, 9.0, padding_side)
    actual = rnn.pad_sequence(to_subject(given, oracle), batch_first, 9.0, padding_side)

    assert_close(expected, actual, oracle, 0, 0)


def test_pack_by_hand():
    """Rows of step 0 of all sequences, then of step 1 of those that are so long."""
    import frankentorch as ft

    packed = rnn.pack_sequence([ft.tensor([1, 2, 3]), ft.tensor([4, 5]), ft.tensor([6])])

    assert [1, 4, 6, 2, 5, 3] == packed.data.tolist()
    assert [3, 2, 1] == packed.batch_sizes.tolist()
    assert packed.sorted_indices is None
    assert [[1, 2, 3], [4, 5], [6]] == [each.tolist() for each in rnn.unpack_sequence(packed)]


def test_unsorted_pack_by_hand():
    import frankentorch as ft

    packed = rnn.pack_sequence([ft.tensor([6]), ft.tensor([1, 2, 3])], enforce_sorted=False)

    assert [1, 6, 2, 3] == packed.data.tolist()
    assert [1, 0] == packed.sorted_indices.tolist()
    assert [1, 0] == packed.unsorted_indices.tolist()
    assert [[6], [1, 2, 3]] == [each.tolist() for each in rnn.unpack_sequence(packed)]


def test_packed_sequence_casts():
    import frankentorch as ft

    packed = rnn.pack_sequence([ft.ones(2), ft.ones(1)])

    assert packed is packed.cpu()
    assert packed is packed.float()
    assert ft.float64 == packed.double().data.dtype
    assert ft.int32 == packed.int().data.dtype
    assert not packed.is_cuda


def test_invert_permutation():
    import frankentorch as ft

    assert [2, 0, 1] == rnn.invert_permutation(ft.tensor([1, 2, 0])).tolist()
    assert rnn.invert_permutation(None) is None


def test_unpad_sequence():
    import frankentorch as ft

    given = [ft.tensor([1.0, 2.0]), ft.tensor([3.0])]
    again = rnn.unpad_sequence(rnn.pad_sequence(given), ft.tensor([2, 1]))

    assert [[1.0, 2.0], [3.0]] == [each.tolist() for each in again]


ERRORS = {
    "not sorted": lambda rnn, torch: rnn.pack_padded_sequence(torch.ones(3, 2), [1, 3]),
    "length 0": lambda rnn, torch: rnn.pack_padded_sequence(torch.ones(3, 2), [3, 0]),
    "wrong count": lambda rnn, torch: rnn.pack_padded_sequence(torch.ones(3, 2), [3]),
    "empty": lambda rnn, torch: rnn.pack_padded_sequence(torch.ones(0, 2), [3, 1]),
    "total length": lambda rnn, torch: rnn.pad_packed_sequence(rnn.pack_sequence([torch.ones(3)]), total_length=2),
    "padding side": lambda rnn, torch: rnn.pad_sequence([torch.ones(1)], padding_side="up"),
    "no sequences": lambda rnn, torch: rnn.pad_sequence([]),
    "no iterable": lambda rnn, torch: rnn.pad_sequence(3),
}


@pytest.mark.parametrize("call", ERRORS.values(), ids=ERRORS.keys())
def test_errors_agree(call, oracle):
    import frankentorch as ft

    (kind, expected), warnings = outcome(lambda: call(oracle.nn.utils.rnn, oracle))
    (our_kind, actual), our_warnings = outcome(lambda: call(rnn, ft))

    assert "raises" == kind == our_kind, (expected, actual)
    assert type(expected) is type(actual), (expected, actual)
    assert warnings == our_warnings


def test_longer_than_the_padding_is_refused():
    """The oracle reads past the step that exists here, or fails inside: a plain error is ours."""
    import frankentorch as ft

    with pytest.raises(RuntimeError, match="at most 3"):
        rnn.pack_padded_sequence(ft.ones(3, 1), [4])


def causal(torch):
    return torch.full((5, 5), float("-inf")).triu(1).double()


STACKS = {
    "plain": lambda torch: {},
    "mask": lambda torch: {"mask": causal(torch)},
    "causal": lambda torch: {"mask": causal(torch), "is_causal": True},
    "padding": lambda torch: {"src_key_padding_mask": torch.tensor([[False] * 5, [False] * 3 + [True] * 2])},
}


@pytest.mark.parametrize("make_masks", STACKS.values(), ids=STACKS.keys())
@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("norm_first", [False, True])
def test_encoder_stack_agrees(make_masks, batch_first, norm_first, oracle):
    """Three layers and a norm; text, names, output, gradients."""
    import frankentorch as ft

    results = []
    oracle.manual_seed(7)
    x = oracle.randn(*((2, 5) if batch_first else (5, 2)), 8, dtype=oracle.float64)
    for library, library_nn, x in ((oracle, oracle.nn, x), (ft, nn, to_subject(x, oracle))):
        library.manual_seed(0)
        layer = library_nn.TransformerEncoderLayer(8, 2, 16, batch_first=batch_first, norm_first=norm_first)
        model = library_nn.TransformerEncoder(layer, 3, library_nn.LayerNorm(8), enable_nested_tensor=False).double()
        x.requires_grad_()
        out = model(x, **make_masks(library))
        out.cos().sum().backward()
        results.append((repr(model), list(model.state_dict()), [out, x.grad, *(each.grad for each in model.parameters())]))
    (text, names, expected), (our_text, our_names, actual) = results

    assert text == our_text
    assert names == our_names
    for one, other in zip(expected, actual):
        assert_close(one, other, oracle, rtol=1e-8, atol=1e-11)


def test_decoder_stack_agrees(oracle):
    import frankentorch as ft

    results = []
    oracle.manual_seed(7)
    inputs = [oracle.randn(5, 2, 8, dtype=oracle.float64), oracle.randn(4, 2, 8, dtype=oracle.float64)]
    for library, library_nn, (tgt, memory) in ((oracle, oracle.nn, inputs), (ft, nn, to_subject(inputs, oracle))):
        library.manual_seed(0)
        model = library_nn.TransformerDecoder(library_nn.TransformerDecoderLayer(8, 2, 16, dropout=0.3), 2).double()
        out = model(tgt, memory, tgt_mask=causal(library),
                    memory_key_padding_mask=library.tensor([[False] * 4, [True] + [False] * 3]))
        results.append((repr(model), out))

    assert results[0][0] == results[1][0]
    assert_close(results[0][1], results[1][1], oracle)


def test_causal_mask_by_hand():
    inf = float("inf")

    assert [[0.0, -inf], [0.0, 0.0]] == nn.Transformer.generate_square_subsequent_mask(2).tolist()


def test_causal_attention_does_not_look_ahead():
    """A change at the last position leaves all outputs before it as they were."""
    import frankentorch as ft

    ft.manual_seed(0)
    layer = nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0)
    mask = nn.Transformer.generate_square_subsequent_mask(3)
    x = ft.randn(3, 1, 4)
    changed = x.clone()
    changed[2] += 1

    before, after = layer(x, mask), layer(changed, mask)
    assert before[:2].tolist() == after[:2].tolist()
    assert before[2].tolist() != after[2].tolist()


def test_lstm_by_hand():
    """One step with all weights 0: gates sigmoid(0) = 1/2, candidate 0, so c = c0 / 2 and h = tanh(c) / 2."""
    import frankentorch as ft

    layer = nn.LSTM(1, 1)
    for weight in layer.parameters():
        weight.data.zero_()
    out, (hidden, cell) = layer(ft.ones(1, 1, 1), (ft.zeros(1, 1, 1), ft.full((1, 1, 1), 2.0)))

    assert 1.0 == cell.item()
    assert (ft.tensor(1.0).tanh() * 0.5).item() == hidden.item() == out.item()


def test_gru_by_hand():
    """All weights 0: update 1/2 and candidate 0, so h halves at every step."""
    import frankentorch as ft

    layer = nn.GRU(1, 1)
    for weight in layer.parameters():
        weight.data.zero_()
    out, _ = layer(ft.ones(3, 1, 1), ft.full((1, 1, 1), 8.0))

    assert [4.0, 2.0, 1.0] == out.flatten().tolist()


def test_all_weights():
    layer = nn.LSTM(2, 3, 2, bias=False)

    expected = [[layer.weight_ih_l0, layer.weight_hh_l0], [layer.weight_ih_l1, layer.weight_hh_l1]]
    assert [[id(each) for each in row] for row in expected] == [[id(each) for each in row] for row in layer.all_weights]
    assert layer.flatten_parameters() is None


def test_replaced_weight_is_used():
    """A Parameter set later takes part at once."""
    import frankentorch as ft

    layer = nn.RNN(1, 1, bias=False)
    layer.weight_ih_l0 = nn.Parameter(ft.zeros(1, 1))
    layer.weight_hh_l0 = nn.Parameter(ft.zeros(1, 1))

    assert [0.0, 0.0] == layer(ft.ones(2, 1, 1))[0].flatten().tolist()
