"""Composite products: what is a view, a transpose and a product."""
from frankentorch import ops


def outer(self, vec2):
    if self.dim() != 1 or vec2.dim() != 1:
        wrong, name = (self, "self") if self.dim() != 1 else (vec2, "vec2")
        raise RuntimeError(f"outer: Expected 1-D argument {name}, but got {wrong.dim()}-D")
    return ops.mul(ops.unsqueeze(self, 1), vec2)
