"""Seeds, generators and states as users see them."""
import pytest

import frankentorch as ft
from frankentorch import random
from tests import oracle


def test_a_seed_starts_the_same_stream_again():
    ft.manual_seed(3)
    first = ft.rand(5).tolist()
    ft.manual_seed(3)

    assert first == ft.rand(5).tolist()
    assert 3 == ft.initial_seed()


def test_a_state_is_a_tensor_that_resumes_the_stream():
    state = ft.get_rng_state()
    first = ft.randn(20).tolist()
    ft.set_rng_state(state)

    assert ft.uint8 is state.dtype
    assert (5056,) == tuple(state.shape)
    assert first == ft.randn(20).tolist()


def test_fork_leaves_the_outer_stream_alone():
    ft.manual_seed(1)
    expected = ft.rand(3).tolist()
    ft.manual_seed(1)
    with random.fork_rng():
        ft.rand(10)

    assert expected == ft.rand(3).tolist()


def test_fork_gives_the_stream_back_after_an_error():
    ft.manual_seed(1)
    expected = ft.rand(3).tolist()
    ft.manual_seed(1)
    with pytest.raises(KeyError), random.fork_rng():
        ft.manual_seed(99)
        ft.nn.functional.dropout(ft.ones(5))
        raise KeyError

    assert expected == ft.rand(3).tolist()


def test_forks_nest_and_the_inner_stream_goes_on_from_the_outer():
    ft.manual_seed(1)
    first, second = ft.rand(3).tolist(), ft.rand(3).tolist()
    ft.manual_seed(1)
    with random.fork_rng(devices=[]):
        found = [ft.rand(3).tolist()]
        with random.fork_rng():
            found.append(ft.rand(3).tolist())
        found.append(ft.rand(3).tolist())

    assert [first, second, second, first] == [*found, ft.rand(3).tolist()]


def test_fork_that_is_not_enabled_does_nothing():
    ft.manual_seed(1)
    ft.rand(3)
    second = ft.rand(3).tolist()
    ft.manual_seed(1)
    with random.fork_rng(enabled=False):
        ft.rand(3)

    assert second == ft.rand(3).tolist()


def test_a_generator_of_ones_own_does_not_move_the_default():
    state = ft.get_rng_state().tolist()
    one, two = ft.Generator().manual_seed(5), ft.Generator().manual_seed(5)

    assert ft.rand(4, generator=one).tolist() == ft.zeros(4).uniform_(generator=two).tolist()
    assert state == ft.get_rng_state().tolist()
    assert one.clone_state().get_state().tolist() == two.get_state().tolist()


def test_states_are_exchanged_with_the_oracle():
    torch = oracle.require()
    theirs = torch.Generator()
    theirs.set_state(torch.tensor(ft.Generator().manual_seed(9).get_state().tolist(), dtype=torch.uint8))

    assert torch.rand(4, generator=theirs).tolist() == ft.rand(4, generator=ft.Generator().manual_seed(9)).tolist()


@pytest.mark.parametrize("state", [b"", [1, 2], ft.zeros(5056)])
def test_what_is_no_state_is_refused(state):
    with pytest.raises(TypeError):
        ft.set_rng_state(state)
