"""torch.linalg: products and whatever rows of the table have the namespace "linalg"."""
from frankentorch import ops
from frankentorch.ops.decompositions import LinAlgError  # noqa: F401
from frankentorch.ops.registry import namespaces as _namespaces

globals().update(_namespaces.get("linalg", {}))

cross = ops.linalg_cross
matmul = ops.matmul
multi_dot = ops.linalg_multi_dot
vecdot = ops.linalg_vecdot


def diagonal(A, *, offset=0, dim1=-2, dim2=-1):
    """View of the diagonals of the last two dims."""
    return ops.diagonal(A, offset, dim1, dim2)


def __getattr__(name):
    found = getattr(ops, "linalg_" + name, None)
    if found is None:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return found
