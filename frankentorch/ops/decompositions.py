"""Decompositions by numpy.linalg, imported when first needed."""
from frankentorch import ops
from frankentorch._ext import create


def qr(A, mode):
    """Q and R of A = QR; mode reduced, complete or r. RuntimeError unless A is a float or complex matrix (or a batch)."""
    import numpy

    if A.dim() < 2:
        raise RuntimeError(f"linalg.qr: The input tensor A must have at least 2 dimensions, got {A.dim()}")
    if A.dtype not in (ops.float32, ops.float64, ops.complex64, ops.complex128):
        raise RuntimeError(f"linalg.qr: Low precision and integer dtypes not supported. Got {A.dtype}")
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(f"qr received unrecognized mode '{mode}' but expected one of 'reduced' (default), 'r', or 'complete'")
    found = numpy.linalg.qr(A.detach().numpy(), mode)
    parts = (numpy.zeros(0, found.dtype), found) if mode == "r" else found
    return tuple(create.from_buffer(bytearray(part.tobytes()), A.dtype, -1, 0).view(part.shape) if part.size else ops.empty(part.shape, dtype=A.dtype) for part in parts)
