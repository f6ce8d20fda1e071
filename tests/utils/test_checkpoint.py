"""Activation checkpointing: the bits of the plain run, less kept, every misuse named."""
import contextlib
import inspect

import pytest

import frankentorch as ft
from frankentorch import nn
from frankentorch._ext import alloc
from frankentorch.utils.checkpoint import (CheckpointError, CheckpointPolicy, checkpoint, checkpoint_sequential, create_selective_checkpoint_contexts,
                                           set_checkpoint_debug_enabled, set_checkpoint_early_stop)

BOTH = pytest.mark.parametrize("reentrant", [True, False], ids=["reentrant", "not reentrant"])


def wave(x):
    return x.sin().cos()


@pytest.fixture
def x():
    return ft.tensor([0.5, 1.0, 2.0], requires_grad=True)


class Block(nn.Module):
    """A part of a model with parameters, dropout and normalisation."""

    def __init__(self, width):
        super().__init__()
        self.first, self.second, self.norm, self.drop = nn.Linear(width, 4 * width), nn.Linear(4 * width, width), nn.LayerNorm(width), nn.Dropout(0.3)

    def forward(self, x):
        return x + self.drop(self.second(nn.functional.gelu(self.first(self.norm(x)))))


def training(run):
    """Loss, gradients and the generator's state after one backward through three blocks."""
    ft.manual_seed(5)
    blocks = [Block(16) for _ in range(3)]
    x = ft.randn(8, 16, requires_grad=True)
    value = x
    for block in blocks:
        value = run(block, value)
    loss = (value * value).mean()
    loss.backward()
    return [loss.detach(), x.grad, *(p.grad for block in blocks for p in block.parameters()), ft.get_rng_state(), ft.rand(3)]


@BOTH
def test_gradients_have_the_bits_of_the_plain_run(reentrant):
    plain = training(lambda block, value: block(value))
    again = training(lambda block, value: checkpoint(block, value, use_reentrant=reentrant))

    assert len(plain) == 22
    assert all(a.equal(b) for a, b in zip(plain, again))


def test_without_the_generators_state_other_numbers_are_drawn():
    def drop(preserve):
        ft.manual_seed(1)
        x = ft.ones(64, requires_grad=True)
        out = checkpoint(lambda value: nn.functional.dropout(value * 2, 0.5) * value, x, use_reentrant=False, preserve_rng_state=preserve)
        out.sum().backward()
        return (out.detach() != 0).equal(x.grad != 0)

    assert drop(True)
    assert not drop(False)


@BOTH
def test_less_is_kept_and_it_is_freed_afterwards(reentrant):
    def kept(run):
        x = ft.ones(100_000, requires_grad=True)
        before = alloc.memory_stats()["allocated_bytes"]
        out = run(lambda value: value.sin().cos().exp().sin().cos(), x)
        grown = alloc.memory_stats()["allocated_bytes"] - before
        out.sum().backward()
        del out
        x.grad = None
        return grown, alloc.memory_stats()["allocated_bytes"] - before

    plain, after = kept(lambda function, value: function(value))
    less, left = kept(lambda function, value: checkpoint(function, value, use_reentrant=reentrant))

    assert after == left == 0
    assert 4 * less <= plain        # the result, beside the results of four ops and it


def test_the_second_run_ends_early():
    def calls(early):
        log = []

        def part(value):
            log.append("begin")
            value = value.sin()
            value = value + 1
            log.append("end")
            return value

        with set_checkpoint_early_stop(early):
            out = checkpoint(part, ft.ones(2, requires_grad=True), use_reentrant=False)
        out.sum().backward()
        return log

    assert ["begin", "end", "begin"] == calls(True)
    assert ["begin", "end", "begin", "end"] == calls(False)


def test_a_walk_runs_a_part_once(x):
    runs = []

    def part(value):
        runs.append(1)
        return value.sin().cos().exp()

    out = checkpoint(part, x, use_reentrant=False).sum()
    out.backward(retain_graph=True)
    assert 2 == len(runs)
    out.backward()
    assert 3 == len(runs)
    with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
        out.backward()


def test_parts_nest(x):
    plain, = ft.autograd.grad((wave(wave(x)) * 2).sum(), x)
    nested = checkpoint(lambda a: checkpoint(wave, checkpoint(wave, a, use_reentrant=False), use_reentrant=False) * 2, x, use_reentrant=False)
    mixed = checkpoint(lambda a: checkpoint(wave, wave(a), use_reentrant=False) * 2, x, use_reentrant=True)
    mixed.sum().backward()

    assert plain.equal(ft.autograd.grad(nested.sum(), x)[0]) and plain.equal(x.grad)


def test_second_derivatives_go_through(x):
    out = checkpoint(lambda a: a ** 3, x, use_reentrant=False)
    first, = ft.autograd.grad(out.sum(), x, create_graph=True)
    second, = ft.autograd.grad(first.sum(), x)

    assert (6 * x).equal(second)


def test_keywords_any_results_and_inputs_without_gradient(x):
    weight = ft.tensor(3.0, requires_grad=True)
    out = checkpoint(lambda a, *, scale: {"value": weight * a * scale, "note": "kept"}, ft.ones(3), use_reentrant=False, scale=2)
    out["value"].sum().backward()

    assert 6.0 == weight.grad.item() and "kept" == out["note"]


def test_several_results_of_a_reentrant_part(x):
    a, three, none = checkpoint(lambda value, number: (value * number, number, None), x, 3, use_reentrant=True)
    a.sum().backward()

    assert (3, None) == (three, none) and [3.0, 3.0, 3.0] == x.grad.tolist()


def test_a_write_to_an_input_is_noticed(x):
    value = x * 1
    out = checkpoint(wave, value, use_reentrant=False)
    value.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        out.sum().backward()


def changing(first, second):
    runs = []

    def part(value):
        runs.append(1)
        return first(value) if len(runs) == 1 else second(value)
    return part


@pytest.mark.parametrize("second, text", [
    (lambda a: a.sin(), "A different number of tensors was saved"),
    (lambda a: a[:2].sin().cos(), "different metadata"),
    (lambda a: a.double().sin().cos(), "different metadata"),
])
def test_another_second_run_is_named(x, second, text):
    for debug in (False, True):
        out = checkpoint(changing(wave, second), x, use_reentrant=False, debug=debug)
        with pytest.raises(CheckpointError, match=text) as caught:
            out.sum().backward()

        assert ("Operators that ran in the recomputation" in str(caught.value)) is debug
    assert issubclass(CheckpointError, RuntimeError)


def test_too_many_values_are_named_when_the_run_goes_on(x):
    with set_checkpoint_early_stop(False), set_checkpoint_debug_enabled(True):
        out = checkpoint(changing(lambda a: a.sin(), wave), x, use_reentrant=False)
        with pytest.raises(CheckpointError, match="trying to save more tensors during recomputation"):
            out.sum().backward()


def test_contexts_are_around_both_runs(x):
    log = []

    @contextlib.contextmanager
    def noted(name):
        log.append(name)
        yield

    checkpoint(wave, x, use_reentrant=False, context_fn=lambda: (noted("first"), noted("second"))).sum().backward()

    assert ["first", "second"] == log


def test_misuse_is_refused(x):
    for call, error, text in ((lambda: checkpoint(wave, x, use_reentrant=True, scale=1), ValueError, "Unexpected keyword arguments: scale"),
                              (lambda: checkpoint(wave, x, use_reentrant=True, debug=True), ValueError, "only supported when use_reentrant=False"),
                              (lambda: checkpoint(wave, x, use_reentrant=False, determinism_check="much"), ValueError, "determinism_check"),
                              (lambda: ft.autograd.grad(checkpoint(wave, x, use_reentrant=True).sum(), x), RuntimeError, "incompatible with .grad"),
                              (lambda: checkpoint(wave, x, use_reentrant=True).sum().backward(inputs=[x]), RuntimeError, "incompatible with .grad"),
                              (lambda: checkpoint(lambda a: a.detach(), x, use_reentrant=True).sum().backward(), RuntimeError, "none of output has requires_grad=True"),
                              (lambda: checkpoint_sequential([ft.sin], 1, x, use_reentrant=False, more=1), ValueError, "Unexpected keyword"),
                              (lambda: create_selective_checkpoint_contexts([]), NotImplementedError, "torch.ops")):
        with pytest.raises(error, match=text):
            call()
    with pytest.warns(UserWarning, match="use_reentrant parameter should be passed explicitly"):
        checkpoint(wave, x)
    with pytest.warns(UserWarning, match="None of the inputs have requires_grad=True"):
        checkpoint(wave, x.detach(), use_reentrant=True)


@BOTH
def test_a_chain_in_segments(reentrant):
    ft.manual_seed(0)
    chain = nn.Sequential(*[layer for _ in range(4) for layer in (nn.Linear(6, 6), nn.Tanh())])
    x = ft.randn(5, 6, requires_grad=True)
    found = []
    for run in (chain, lambda value: checkpoint_sequential(chain, 3, value, use_reentrant=reentrant)):
        x.grad = None
        chain.zero_grad()
        run(x).sum().backward()
        found.append([x.grad] + [p.grad for p in chain.parameters()])

    assert all(a.equal(b) for a, b in zip(*found))


def test_in_a_graph_recorded_without_gradients_nothing_is_kept(x):
    with ft.no_grad():
        out = checkpoint(wave, x, use_reentrant=False)

    assert not out.requires_grad


def test_works_in_hardened_mode():
    with ft.runtime.set_mode("hardened"):
        plain = training(lambda block, value: block(value))
        again = training(lambda block, value: checkpoint(block, value, use_reentrant=False))

    assert all(a.equal(b) for a, b in zip(plain, again))


def test_policies_have_the_oracle_s_names(oracle):
    from torch.utils import checkpoint as theirs

    assert {p.name: p.value for p in theirs.CheckpointPolicy} == {p.name: p.value for p in CheckpointPolicy}
    for ours in (checkpoint, checkpoint_sequential, create_selective_checkpoint_contexts):
        assert list(inspect.signature(getattr(theirs, ours.__name__)).parameters) == list(inspect.signature(ours).parameters)
