"""`torch.autograd.graph`: nodes and edges of the recorded graph, and hooks over several of them."""
import collections
import functools
import threading

from frankentorch._ext import engine
from frankentorch._ext.tensor import Node, Tensor, pop_saved_hooks, push_saved_hooks

__all__ = ["Node", "GradientEdge", "get_gradient_edge", "increment_version", "register_multi_grad_hook", "saved_tensors_hooks", "save_on_cpu", "disable_saved_tensors_hooks"]

GradientEdge = collections.namedtuple("GradientEdge", ["node", "output_nr", "ownership_token"], defaults=(None,))
GradientEdge.__doc__ = "Where the gradient of a tensor flows to: output `output_nr` of `node`."


def get_gradient_edge(tensor):
    """The edge of a tensor that requires grad; may stand for it in ``backward(inputs=…)`` and ``grad``."""
    if not tensor.requires_grad:
        raise RuntimeError("It is not possible to get the gradient edge for a Tensor that does not require gradients")
    return GradientEdge(*engine.gradient_edge_of(tensor))


def increment_version(tensor):
    """Count a write that autograd did not see, in one tensor or several."""
    for item in (tensor,) if isinstance(tensor, Tensor) else tensor:
        engine.bump_version(item)


class _Handles:
    """Removes several hooks at once."""

    def __init__(self, handles):
        self.handles = tuple(handles)

    def remove(self):
        for handle in self.handles:
            handle.remove()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        self.remove()


def register_multi_grad_hook(tensors, fn, *, mode="all"):
    """Call `fn` when the gradients of several tensors are there.

    Parameters
    ----------
    tensors : sequence of Tensor, all requiring grad
    fn : callable
        ``fn(list of gradients or None)`` once per walk for ``mode="all"``, when the last of the gradients the walk computes has come;
        ``fn(gradient)`` with the first one for ``mode="any"``.
    """
    if mode not in ("all", "any"):
        raise ValueError(f"Expects mode to be one of ('all', 'any') but got {mode}")
    if not all(tensor.requires_grad for tensor in tensors):
        raise AssertionError("register_multi_grad_hook: Expected gradient function to be set, but a tensor requires no grad")
    lock = threading.Lock()
    state = {"walk": None}
    if mode == "any":
        def first(grad):
            walk = engine.current_walk()
            with lock:
                if state["walk"] == walk:
                    return
                state["walk"] = walk
            fn(grad)
        return _Handles([tensor.register_hook(first) for tensor in tensors])
    edges = [engine.gradient_edge_of(tensor) for tensor in tensors]

    def arrived(place, grad):
        walk = engine.current_walk()
        with lock:
            if state["walk"] != walk:
                state.update(walk=walk, grads=[None] * len(tensors), left=sum(engine.will_run(node) for node, _ in edges))
            state["grads"][place] = grad
            state["left"] -= 1
            done = state["left"] == 0
        if done:
            fn(state["grads"])
    return _Handles([tensor.register_hook(functools.partial(arrived, i)) for i, tensor in enumerate(tensors)])




_disabled = []


class saved_tensors_hooks:
    """Inside, tensors saved for backward go through `pack_hook` when saved and `unpack_hook` when needed.

    Parameters
    ----------
    pack_hook : callable
        ``pack_hook(tensor)`` may return anything; called without recording. It must not write the tensor.
    unpack_hook : callable
        ``unpack_hook(what pack_hook returned)`` gives back a tensor of the same values, shape and dtype. TypeError when it is no tensor.
    """

    def __init__(self, pack_hook, unpack_hook):
        self.pack_hook, self.unpack_hook = pack_hook, unpack_hook

    def __enter__(self):
        if _disabled:
            raise RuntimeError(_disabled[-1])
        push_saved_hooks(self.pack_hook, self.unpack_hook)

    def __exit__(self, *error):
        pop_saved_hooks()


class save_on_cpu(saved_tensors_hooks):
    """Saved tensors are kept on the CPU, where they already are here; as in PyTorch no copy is made then."""

    def __init__(self, pin_memory=False, device_type="cuda"):
        super().__init__(lambda tensor: (tensor.device, tensor.cpu()), lambda packed: packed[1].to(packed[0]))


class disable_saved_tensors_hooks:
    """Inside, `saved_tensors_hooks` refuses with a RuntimeError of the given message."""

    def __init__(self, error_message):
        self.error_message = error_message

    def __enter__(self):
        _disabled.append(self.error_message)

    def __exit__(self, *error):
        _disabled.pop()
