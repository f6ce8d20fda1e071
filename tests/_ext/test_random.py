"""Random fills: PyTorch's stream bit for bit, at every CPU level; states that can be exchanged; PyTorch's refusals.

`recorded_random.json` holds the oracle's bytes (recorded by `python -m tests._ext.record_random`, which needs PyTorch).
"""
import copy
import json
import math
import pathlib
import pickle
import threading

import numpy as np
import pytest

from tests.reference import random as reference

random = pytest.importorskip("frankentorch._ext.random")
stream = pytest.importorskip("frankentorch._ext.randstream")
RECORDED = json.loads((pathlib.Path(__file__).parent / "recorded_random.json").read_text())
CODES = {name: code for code, name in enumerate(random.NAMES)}
WIDTHS = dict(zip(random.NAMES, (1, 1, 1, 2, 4, 8, 2, 4, 8, 2, 2, 4, 8, 8, 16), strict=True))
# Where PyTorch asks the C library for a float64 function, whose last bit differs between versions of that library. In
# ulp of the result; an exponential or an added mean stretches what is one ulp before it. Everything else is exact.
ULPS = {"normal": 64, "exponential": 2, "cauchy": 64, "log_normal": 64}


def generator(seed):
    return random.Generator().manual_seed(seed)


def filled(fill, rng, dtype, n, *args):
    """Bytes of n elements of one fill."""
    out = bytearray(n * WIDTHS[dtype])
    getattr(random, fill)(rng, CODES[dtype], out, *args)
    return bytes(out)


def array(fill, rng, dtype, n, *args):
    return np.frombuffer(filled(fill, rng, dtype, n, *args), dtype)


@pytest.fixture(params=["baseline", "avx2", "avx512"])
def level(request):
    """Runs the test at each CPU level of this host."""
    from frankentorch._ext import cpu

    names = ["baseline", "avx2", "avx512"]
    if names.index(request.param) > names.index(cpu.host_level_name()):
        pytest.skip(f"this host cannot run {request.param}")
    stream.use_level(names.index(request.param))
    yield request.param
    stream.use_level(-1)


def ulps_between(expected, actual):
    a, b = (np.frombuffer(x, np.int64) for x in (expected, actual))
    return int(np.abs(a - b).max(initial=0))


@pytest.mark.parametrize("case", RECORDED, ids=lambda case: "-".join(map(str, case["call"])))
def test_fill_gives_the_recorded_bytes(case, level):
    fill, dtype, n, seed, *args = case["call"]
    expected = bytes.fromhex(case["bytes"])

    actual = filled(fill, generator(seed), dtype, n, *args)

    if dtype == "float64" and fill in ULPS:
        assert ulps_between(expected, actual) <= ULPS[fill]
    else:
        assert expected == actual


def test_state_after_a_fill_is_the_recorded_one():
    """`next` and `left` say how many words were drawn."""
    for case in RECORDED:
        fill, dtype, n, seed, *args = case["call"]
        rng = generator(seed)
        filled(fill, rng, dtype, n, *args)

        assert case["words"] == drawn(rng.get_state()), case["call"]


def drawn(state):
    """Words drawn since the last twist, and the generator's count until the next."""
    return [int.from_bytes(state[16:24], "little"), int.from_bytes(state[8:12], "little")]


@pytest.mark.parametrize("n", [1, 2, 3, 15, 16, 17, 31, 32, 33, 511, 512, 513, 700])
def test_fills_agree_with_the_plain_statement_of_the_stream(n, level):
    for seed in (0, 7, 2**40 + 3):
        def ours(fill, dtype, *args, seed=seed):
            return array(fill, generator(seed), dtype, n, *args)

        def theirs(function, *args, seed=seed):
            return np.asarray(function(reference.Twister(seed), n, *args))

        assert np.array_equal(theirs(reference.uniform32, -1 / 3, 0.7), ours("uniform", "float32", -1 / 3, 0.7))
        assert np.array_equal(theirs(reference.uniform64, -1 / 3, 0.7), ours("uniform", "float64", -1 / 3, 0.7))
        assert np.array_equal(theirs(reference.uniform16, -1 / 3, 0.7), ours("uniform", "float16", -1 / 3, 0.7))
        assert np.array_equal(theirs(reference.normal32), ours("normal", "float32"))
        np.testing.assert_array_max_ulp(theirs(reference.normal64), ours("normal", "float64"), 4)
        assert np.array_equal(theirs(reference.integers, -5, 1000), ours("integers", "int64", -5, 1000))
        assert np.array_equal(theirs(reference.integers, 0, 1 << 28), ours("integers", "int64", 0, 1 << 28))
        assert np.array_equal(theirs(reference.permutation), ours("permutation", "int64"))
        assert np.array_equal(theirs(reference.bernoulli, 0.3), ours("bernoulli", "uint8", 0.3))
        assert np.array_equal(theirs(reference.geometric, 0.3), ours("geometric", "int64", 0.3))
        assert np.array_equal(theirs(reference.exponential).astype(np.float32), ours("exponential", "float32"))
        assert np.array_equal(theirs(reference.cauchy, 0.3, 1.7).astype(np.float32), ours("cauchy", "float32", 0.3, 1.7))
        assert np.array_equal(theirs(reference.log_normal).astype(np.float32), ours("log_normal", "float32"))


def test_levels_give_the_same_bits():
    from frankentorch._ext import cpu

    hosts = ["baseline", "avx2", "avx512"].index(cpu.host_level_name())
    cases = [("uniform", "float64", ()), ("normal", "float64", (0.1, 1.7)), ("exponential", "float64", (1.7,)),
             ("cauchy", "float64", (0.3, 1.7)), ("log_normal", "float64", ()), ("geometric", "float64", (0.01,)),
             ("normal", "bfloat16", ()), ("normal", "float32", ()), ("uniform", "float16", (0.1, 0.9))]
    try:
        for fill, dtype, args in cases:
            results = []
            for number in range(hosts + 1):
                stream.use_level(number)
                results.append(filled(fill, generator(3), dtype, 5000, *args))

            assert len(set(results)) == 1, (fill, dtype)
    finally:
        stream.use_level(-1)


def test_first_words_are_those_of_the_published_generator():
    """Seed 5489 starts with 3499211612 in the authors' own output; the 10000th word is 4123659995 (C++ standard, [rand.predef])."""
    words = array("integers", generator(5489), "int64", 10000, 0, (1 << 28) - 1)

    assert 3499211612 % ((1 << 28) - 1) == words[0]
    assert 4123659995 % ((1 << 28) - 1) == words[-1]


def test_half_that_rounds_up_to_the_end_becomes_the_start():
    """bfloat16 has 8 bits: about one value in 512 of [0, 1) rounds to 1."""
    bits = np.frombuffer(filled("uniform", generator(7), "bfloat16", 20000), np.uint16)

    assert 0x3F80 not in bits
    assert (bits == 0).sum() > 10


@pytest.mark.parametrize(("dtype", "low"), [("float32", 2.0**23), ("float64", 2.0**52)])
def test_value_that_rounds_up_to_the_end_becomes_the_start(dtype, low):
    """Only the two ends are representable, so half of the values round up."""
    values = array("uniform", generator(3), dtype, 1000, low, low + 1)

    assert (values == low).all()


def test_second_normal_of_a_pair_waits_through_a_block_fill():
    rng, again = generator(3), generator(3)
    first = array("normal", rng, "float64", 1)
    array("normal", rng, "float64", 16)
    second = array("normal", rng, "float64", 1)

    assert np.array_equal(array("normal", again, "float64", 2), [first[0], second[0]])


def test_seeding_drops_the_waiting_normal():
    rng = generator(3)
    array("normal", rng, "float32", 1)

    assert generator(4).get_state() == rng.manual_seed(4).get_state()


def test_strided_normals_are_drawn_singly():
    """blocks=False: what a tensor that is not row-major takes, whatever its size."""
    rng = generator(3)
    expected = np.concatenate([array("normal", rng, "float64", 10) for _ in range(4)])

    assert np.array_equal(expected, array("normal", generator(3), "float64", 40, 0.0, 1.0, False))


@pytest.mark.parametrize("fill", ["uniform", "exponential", "bernoulli", "cauchy", "log_normal", "random"])
def test_two_fills_continue_one_stream(fill):
    whole = filled(fill, generator(9), "float32", 1500)
    rng = generator(9)

    assert whole == filled(fill, rng, "float32", 701) + filled(fill, rng, "float32", 799)


def test_probabilities_per_element():
    p = np.array([0.0, 1.0, 0.5, 0.25] * 100, np.float32)
    out = bytearray(400)
    random.bernoulli_each(generator(5), CODES["bool"], out, CODES["float32"], p)
    u = reference.uniform32(reference.Twister(5), 400)

    assert np.array_equal(u < p, np.frombuffer(out, bool))


def test_float64_probabilities_take_two_words():
    p = np.array([0.5, 0.25] * 100)
    out = bytearray(200)
    random.bernoulli_each(generator(5), CODES["bool"], out, CODES["float64"], p)

    assert np.array_equal(reference.uniform64(reference.Twister(5), 200) < p, np.frombuffer(out, bool))


def test_choices_follow_the_running_shares():
    weights = np.array([0.1, 0.0, 2.0, 0.7, 0.2], np.float32)
    out = np.empty(1000, np.int64)
    random.choices(generator(5), CODES["float32"], weights, out)

    assert reference.choices(reference.Twister(5), 1000, weights) == out.tolist()
    assert 1 not in out


@pytest.mark.parametrize("n", [1, 7, 8, 9, 520])
@pytest.mark.parametrize("categories", [1, 2, 3, 64, 1000])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_choices_of_any_number_among_any_number(dtype, categories, n):
    weights = (np.arange(categories) * 7 % 11 + 1).astype(dtype)
    exact = np.cumsum(weights, dtype=np.float64) / np.sum(weights, dtype=np.float64)
    out = np.empty(n, np.int64)
    random.choices(generator(3), CODES[np.dtype(dtype).name], weights, out)

    if dtype is np.float64:
        rng = reference.Twister(3)
        assert [int(np.searchsorted(exact, rng.unit53())) for _ in range(n)] == out.tolist()
    else:
        assert reference.choices(reference.Twister(3), n, weights) == out.tolist()


@pytest.mark.parametrize(("weights", "message"), [([0.5, -0.1], "inf"), ([0.5, math.nan], "nan"), ([math.inf, 1], "inf"),
                                                  ([0.0, 0.0], "sum of probabilities")])
def test_impossible_weights_are_refused(weights, message):
    with pytest.raises(RuntimeError, match=message):
        random.choices(generator(0), CODES["float64"], np.array(weights), np.empty(3, np.int64))


def test_integer_ranges_of_floats_move_to_representable_ends():
    """2^28 - 1 is no float32: PyTorch stops at 2^28 - 17, and the range is narrow enough for one word."""
    with pytest.warns(UserWarning, match="to - 1 is out of bounds"):
        values = array("integers", generator(7), "float32", 200, 0, 1 << 28)

    assert np.array_equal(np.array([x % (2**28 - 16) for x in words(7, 200)], np.float32), values)


def words(seed, n):
    twister = reference.Twister(seed)
    return [twister.word() for _ in range(n)]


def test_full_range_of_64_bits():
    twister = reference.Twister(7)
    expected = [(x + 2**63) % 2**64 - 2**63 for x in (twister.two_words() for _ in range(50))]

    assert expected == array("integers", generator(7), "int64", 50, -(2**63), None).tolist()


@pytest.mark.parametrize(("call", "error", "message"), [
    (("uniform", "float32", 1.0, 0.0), RuntimeError, r"\[from, to\)"),
    (("uniform", "float32", -3e38, 3e38), RuntimeError, "to-from"),
    (("uniform", "float32", -math.inf, 0.0), RuntimeError, "from is out of bounds"),
    (("uniform", "float16", 0.0, 1e6), RuntimeError, "to is out of bounds"),
    (("uniform", "int64"), NotImplementedError, "check_uniform_bounds"),
    (("normal", "float32", 0.0, -0.1), RuntimeError, "std >= 0"),
    (("normal", "float32", 0.0, math.nan), RuntimeError, "std >= 0"),
    (("normal", "int64"), NotImplementedError, "normal_"),
    (("bernoulli", "float32", 1.1), RuntimeError, "p to be in"),
    (("bernoulli", "float32", math.nan), RuntimeError, "p to be in"),
    (("exponential", "float32", 0.0), RuntimeError, "lambda > 0"),
    (("exponential", "int64"), RuntimeError, "dtype must be a floating point"),
    (("cauchy", "float32", 0.0, 0.0), RuntimeError, "sigma > 0"),
    (("geometric", "float32", 0.0), RuntimeError, r"p to be in \(0, 1\)"),
    (("geometric", "float32", 1.0), RuntimeError, r"p to be in \(0, 1\)"),
    (("log_normal", "float32", 0.0, 0.0), RuntimeError, "std > 0"),
    (("integers", "int64", 5, 5), RuntimeError, "'from' to be less than 'to'"),
    (("integers", "uint8", 0, 257), RuntimeError, "to - 1 is out of bounds"),
    (("integers", "uint8", -1, 3), RuntimeError, "from is out of bounds"),
    (("integers", "float16", 0, 70000), RuntimeError, "to - 1 is out of bounds"),
    (("integers", "int32", -(2**63), None), RuntimeError, "handles only int64"),
    (("integers", "int64", 0, 2**64), ValueError, "Overflow"),
    (("random", "uint32"), NotImplementedError, "random_"),
])
def test_what_the_oracle_refuses(call, error, message):
    fill, dtype, *args = call
    rng = generator(0)
    before = rng.get_state()

    with pytest.raises(error, match=message):
        filled(fill, rng, dtype, 4, *args)
    assert before == rng.get_state()


def test_wide_range_of_a_narrow_float_warns():
    with pytest.warns(UserWarning, match="out of bounds"):
        filled("integers", generator(0), "float16", 4, 0, 5000)


@pytest.mark.parametrize(("seed", "initial"), [(0, 0), (-1, 2**64 - 1), (2**63, 2**63), (2**64 - 1, 2**64 - 1),
                                               (-(2**63), 2**63), (np.int64(5), 5)])
def test_seeds(seed, initial):
    assert initial == generator(seed).initial_seed()


@pytest.mark.parametrize(("seed", "error"), [(2**64, ValueError), (-(2**63) - 1, ValueError), (1.5, RuntimeError),
                                             ("a", RuntimeError), (None, RuntimeError), (True, RuntimeError)])
def test_refused_seeds(seed, error):
    with pytest.raises(error, match="manual_seed"):
        random.Generator().manual_seed(seed)


def test_only_the_low_32_bits_choose_the_stream():
    assert filled("uniform", generator(5), "float32", 9) == filled("uniform", generator(2**32 + 5), "float32", 9)


def test_new_generator_has_the_documented_seed():
    assert 67280421310721 == random.Generator().initial_seed()


def test_seed_is_not_foreseeable():
    rng = random.Generator()
    first, second = rng.seed(), rng.seed()

    assert first != second
    assert second == rng.initial_seed()


@pytest.mark.parametrize("drawn_before", [0, 1, 5, 623, 624, 625, 2000])
def test_state_restores_the_stream(drawn_before):
    rng = generator(11)
    array("uniform", rng, "float32", drawn_before)
    array("normal", rng, "float32", 1)
    state = rng.get_state()
    rest = filled("normal", rng, "float32", 7) + filled("uniform", rng, "float64", 700)

    other = random.Generator()
    other.set_state(bytearray(state))

    assert 5056 == len(state)
    assert state == other.get_state()
    assert rest == filled("normal", other, "float32", 7) + filled("uniform", other, "float64", 700)
    assert 11 == other.initial_seed()


def changed(state, at, value):
    return state[:at] + value + state[at + len(value):]


@pytest.mark.parametrize(("at", "value"), [(12, bytes(4)), (8, bytes(4)), (8, (625).to_bytes(4, "little")),
                                           (16, (700).to_bytes(8, "little"))], ids=["unseeded", "left 0", "left 625", "next 700"])
def test_broken_states_are_refused(at, value):
    with pytest.raises(RuntimeError, match="Invalid mt19937 state"):
        random.Generator().set_state(changed(generator(1).get_state(), at, value))


def test_state_of_wrong_size_is_refused():
    with pytest.raises(RuntimeError, match="RNG state size to be 3"):
        random.Generator().set_state(b"abc")


def test_state_that_claims_more_words_than_there_are_stays_inside():
    rng = random.Generator()
    rng.set_state(changed(generator(1).get_state(), 8, (600).to_bytes(4, "little") + b"\x01\0\0\0" + (600).to_bytes(8, "little")))

    values = array("uniform", rng, "float32", 2000)

    assert ((values >= 0) & (values < 1)).all()


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda rng: pickle.loads(pickle.dumps(rng)),
                                       lambda rng: rng.clone_state()], ids=["copy", "deepcopy", "pickle", "clone_state"])
def test_duplicates_go_their_own_way(duplicate):
    rng = generator(5)
    array("normal", rng, "float32", 3)
    other = duplicate(rng)
    array("uniform", rng, "float32", 3)
    array("uniform", other, "float32", 3)

    assert other is not rng
    assert rng.get_state() == other.get_state()


@pytest.mark.parametrize("call", [lambda rng: rng.get_offset(), lambda rng: rng.set_offset(3)])
def test_there_is_no_offset(call):
    with pytest.raises(RuntimeError, match="does not use offset"):
        call(random.Generator())


def test_other_devices_are_refused():
    assert "cpu" == random.Generator("cpu").device
    with pytest.raises(RuntimeError, match="cuda"):
        random.Generator("cuda")


def test_threads_share_a_generator_without_loss():
    """Each of 8 threads takes 50 fills: together they take the first 400 fills of the stream, in some order."""
    rng, got = generator(1), []

    def work():
        for _ in range(50):
            got.append(filled("uniform", rng, "float32", 600))
    crew = [threading.Thread(target=work) for _ in range(8)]
    for thread in crew:
        thread.start()
    for thread in crew:
        thread.join()
    whole = filled("uniform", generator(1), "float32", 600 * 400)

    assert sorted(whole[i:i + 2400] for i in range(0, len(whole), 2400)) == sorted(got)


def test_states_are_exchanged_with_the_oracle(oracle):
    for before in (0, 3, 624, 1000):
        theirs, ours = oracle.Generator().manual_seed(9), generator(9)
        oracle.rand(before, generator=theirs)
        oracle.randn(1, generator=theirs)
        ours.set_state(bytes(theirs.get_state().numpy()))
        expected = oracle.randn(5, generator=theirs).numpy()

        assert np.array_equal(expected, array("normal", ours, "float32", 5))
        theirs.set_state(oracle.tensor(list(ours.get_state()), dtype=oracle.uint8))
        assert np.array_equal(oracle.rand(700, generator=theirs).numpy(), array("uniform", ours, "float32", 700))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_normals_are_the_oracles_bits(oracle, dtype):
    for seed in (0, 5, 12345):
        for n in (1, 2, 15, 16, 17, 31, 100, 513, 5000):
            theirs = oracle.empty(n, dtype=getattr(oracle, dtype)).normal_(0.1, 1.7, generator=oracle.Generator().manual_seed(seed))

            expected = bytes(theirs.view(oracle.uint8).numpy())
            assert expected == filled("normal", generator(seed), dtype, n, 0.1, 1.7), (seed, n)
