"""Hooks of every kind: their order, what they may give back, what they may not."""
import gc
import weakref

import pytest

from tests.autograd.misuse import misuse

GROUP = "Hooks"


@misuse(GROUP, "Order of hooks", "Tensor hooks and `retain_grad` of an output, pre-hooks of its node, the node, its hooks; then the same for what it leads to; hooks of a leaf, its "
                                 "`.grad`, its post-accumulate hooks; a multi-grad hook when the last gradient is there")
def test_order(ft, mode):
    log = []

    def note(name):
        return lambda *_: log.append(name)
    x, w = ft.ones(2, requires_grad=True), ft.ones(2, requires_grad=True)
    y = x * 2
    z = y * w
    for name, value in (("z", z), ("y", y), ("w", w), ("x", x)):
        value.register_hook(note(f"{name} first"))
        value.register_hook(note(f"{name} second"))
    for name, value in (("z", z), ("y", y)):
        value.grad_fn.register_prehook(note(f"before {name}"))
        value.grad_fn.register_hook(note(f"after {name}"))
    ft.autograd.graph.register_multi_grad_hook([x, y, w], note("all of x, y, w"))
    ft.autograd.graph.register_multi_grad_hook([x, y], note("any of x, y"), mode="any")
    for name, leaf in (("x", x), ("w", w)):
        leaf.register_post_accumulate_grad_hook(note(f"{name}.grad"))
    z.sum().backward()

    # leaves are filled after all nodes; among them the oracle's order is w, x as well
    assert ["z first", "z second", "before z", "after z"] == log[:4]
    order = {name: place for place, name in enumerate(log)}
    for earlier, later in (("z second", "y first"), ("y first", "y second"), ("y second", "before y"), ("any of x, y", "before y"), ("before y", "after y"), ("after y", "x first"),
                           ("x first", "x second"), ("x second", "x.grad"), ("w first", "w second"), ("w second", "w.grad"), ("x second", "all of x, y, w"),
                           ("w second", "all of x, y, w"), ("y second", "all of x, y, w")):
        assert order[earlier] < order[later], (earlier, later)
    assert len(log) == len(set(log)) == 16


@misuse(GROUP, "Hooks on saved values", "Packed when saved, unpacked once per use, the innermost pair of hooks only")
def test_saved_tensor_hooks(ft, mode):
    log = []

    def pair(name):
        def pack(value):
            log.append(f"pack {name}")
            return value * 1

        def unpack(value):
            log.append(f"unpack {name}")
            return value
        return ft.autograd.graph.saved_tensors_hooks(pack, unpack)
    x = ft.ones(2, requires_grad=True)
    with pair("outer"):
        y = x.exp()
        with pair("inner"):
            z = y.sin()
    z.sum().backward()

    assert ["pack outer", "pack inner", "unpack inner", "unpack outer"] == log


@misuse(GROUP, "Hooks of a module: full backward and its pre-hook", "Pre-hook, then the inside, then the hook with the gradients of the inputs")
def test_module_hooks(ft, mode):
    log = []
    layer = ft.nn.Linear(2, 2)
    layer.register_full_backward_pre_hook(lambda module, grads: log.append("before"))
    layer.register_full_backward_hook(lambda module, given, got: log.append(("after", given[0].shape, got[0].shape)))
    layer.weight.register_hook(lambda g: log.append("weight"))
    x = ft.ones(3, 2, requires_grad=True)
    out = layer(x)
    out.register_hook(lambda g: log.append("output"))
    out.sum().backward()

    assert "output" == log[0] and "before" == log[1]
    assert {"weight", ("after", (3, 2), (3, 2))} == set(log[2:])


@misuse(GROUP, "Hooks that give something wrong", "TypeError for what is no tensor; RuntimeError for another size; TypeError for an unpack hook without a tensor")
def test_wrong_results_of_hooks(ft, mode):
    x = ft.ones(2, requires_grad=True)
    for result, error in (("text", TypeError), (ft.ones(3), RuntimeError)):
        with x.register_hook(lambda g, result=result: result), pytest.raises(error):
            (x * 2).sum().backward()
    with ft.autograd.graph.saved_tensors_hooks(lambda value: value, lambda value: "text"):
        loss = (x * x).sum()
    with pytest.raises(TypeError, match="unpack_hook expected to be a Tensor"):
        loss.backward()

    assert x.grad is None


@misuse(GROUP, "A pack hook that writes what it is given", "RuntimeError: A saved tensor pack hook is modifying its input in place")
def test_pack_hook_that_writes(ft, mode):
    x = ft.ones(2, requires_grad=True) * 1
    with pytest.raises(RuntimeError, match="pack hook is modifying its input in place"):
        with ft.autograd.graph.saved_tensors_hooks(lambda value: value.mul_(2), lambda value: value):
            x * x


@misuse(GROUP, "Hooks where there can be none", "RuntimeError: tensors without gradients, post-accumulate hooks of results; AssertionError: multi-grad hooks")
def test_hooks_where_there_can_be_none(ft, mode):
    x = ft.ones(2, requires_grad=True)
    for call, error in ((lambda: ft.ones(2).register_hook(print), RuntimeError), (lambda: (x * 2).register_post_accumulate_grad_hook(print), RuntimeError),
                        (lambda: ft.ones(2).retain_grad(), RuntimeError), (lambda: ft.autograd.graph.get_gradient_edge(ft.ones(2)), RuntimeError),
                        (lambda: ft.autograd.graph.register_multi_grad_hook([ft.ones(2)], print), AssertionError)):
        with pytest.raises(error):
            call()


@misuse(GROUP, "Hooks forbidden on saved values", "RuntimeError with the message given")
def test_forbidden_saved_hooks(ft, mode):
    with ft.autograd.graph.disable_saved_tensors_hooks("not here"):
        with pytest.raises(RuntimeError, match="not here"):
            with ft.autograd.graph.saved_tensors_hooks(lambda value: value, lambda value: value):
                pass


@misuse(GROUP, "A hook that keeps its own tensor or graph alive", "The cycle is found by `gc.collect()`")
def test_hook_cycles_are_freed(ft, mode, subject_name):
    if subject_name == "torch":
        pytest.skip("the oracle keeps such cycles")
    gone = []
    for kind in ("leaf", "result", "node", "post"):
        x = ft.ones(1000, requires_grad=True)
        y = x * 2
        keeps = [x, y]
        if kind == "leaf":
            x.register_hook(lambda g, keeps=keeps: None)
        elif kind == "result":
            y.register_hook(lambda g, keeps=keeps: None)
        elif kind == "node":
            y.grad_fn.register_hook(lambda given, got, keeps=keeps: None)
        else:
            x.register_post_accumulate_grad_hook(lambda leaf, keeps=keeps: None)
        y.sum().backward()
        gone += [weakref.ref(x), weakref.ref(y)]
        del x, y, keeps
    gc.collect()

    assert [None] * 8 == [ref() for ref in gone]
