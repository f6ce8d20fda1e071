"""The oracle with known faults, one kind each, to prove that the harness finds what it should find.

`FAULTS` says which check must fail for which entry; tests/conformance/test_harness.py reads it.
"""
import os
import time
import types

# entry -> (fault, check that must report it)
FAULTS = {
    "exp": ("value off by one part in a thousand", "forward"),
    "neg": ("last bit of one element", "forward"),
    "sum": ("wrong dtype for integers", "dtype"),
    "unsqueeze": ("copy instead of a view", "alias"),
    "permute": ("contiguous copy", "strides"),
    "tanh": ("gradient doubled", "grad"),
    "sin": ("gradient cut", "requires_grad"),
    "logsumexp": ("gradient off by one part in a thousand in one element", "grad"),
    "cat": ("wrong type of exception", "error"),
    "sqrt": ("out= ignored", "out"),
    "chunk": ("list instead of tuple", "forward"),
    "mm": ("writes to its argument", "inputs"),
    "ceil": ("the process dies", "crash"),
    "cos": ("never returns", "timeout"),
    "floor": ("asks for all memory", "memory"),
    "flip": ("function missing", "forward"),
    "log": ("raises", "forward"),
}


def library():
    """A module like torch, whose faulty functions shadow the right ones."""
    import torch

    made = types.ModuleType("broken")
    made.__getattr__ = lambda name: missing(name) if name == "flip" else getattr(torch, name)

    class Doubled(torch.autograd.Function):
        @staticmethod
        def forward(ctx, value):
            out = value.tanh()
            ctx.save_for_backward(out)
            return out

        @staticmethod
        def backward(ctx, g):
            (out,) = ctx.saved_tensors
            return 2 * g * (1 - out * out).conj()

    class Slanted(torch.autograd.Function):
        """The identity with one element of its gradient a little off: less than noise, far more than rounding."""

        @staticmethod
        def forward(ctx, value):
            return value.clone()

        @staticmethod
        def backward(ctx, g):
            g = g.clone()
            g.view(-1)[g.abs().argmax()] *= 1.001
            return g

    def neg(value, **kwargs):
        out = torch.neg(value, **kwargs)
        if out.dtype == torch.float32 and out.numel():
            with torch.no_grad():
                flat = out.detach().view(-1)
                flat[:1] = torch.nextafter(flat[:1], torch.tensor(9e9))
        return out

    def total(value, *args, **kwargs):
        out = torch.sum(value, *args, **kwargs)
        return out.to(torch.int32) if out.dtype == torch.int64 else out

    def cat(*args, **kwargs):
        try:
            return torch.cat(*args, **kwargs)
        except Exception as error:
            raise KeyError(str(error)) from None

    def mm(left, right, **kwargs):
        out = torch.mm(left, right, **kwargs)
        with torch.no_grad():
            left.detach().add_(1)
        return out

    def only_float32(right, fault):
        """Costly faults strike one dtype only: every one of them ends a worker."""
        return lambda value, **kwargs: fault() if value.dtype == torch.float32 else right(value, **kwargs)

    def refuse(*args, **kwargs):
        raise RuntimeError("log: refused on purpose")

    made.exp = lambda value, **kwargs: torch.exp(value, **kwargs) * 1.001
    made.neg, made.sum, made.cat, made.mm = neg, total, cat, mm
    made.logsumexp = lambda value, *args, **kwargs: torch.logsumexp(Slanted.apply(value) if value.requires_grad and value.numel() else value, *args, **kwargs)
    made.unsqueeze = lambda value, dim: torch.unsqueeze(value, dim).clone()
    made.permute = lambda value, dims: torch.permute(value, dims).contiguous()
    made.tanh = lambda value, **kwargs: torch.tanh(value, **kwargs) if kwargs else Doubled.apply(value)
    made.sin = lambda value, **kwargs: torch.sin(value.detach(), **kwargs)
    made.sqrt = lambda value, out=None: torch.sqrt(value)
    made.chunk = lambda *args, **kwargs: list(torch.chunk(*args, **kwargs))
    made.ceil = only_float32(torch.ceil, os.abort)
    made.cos = only_float32(torch.cos, lambda: time.sleep(3600))
    made.floor = only_float32(torch.floor, lambda: bytearray(1 << 45))
    made.log = refuse
    return made


def missing(name):
    raise AttributeError(f"module 'broken' has no attribute '{name}'")
