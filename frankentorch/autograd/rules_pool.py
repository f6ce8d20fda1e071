"""Derivatives of pooling."""
from frankentorch import ops


def max_pool_pick(g, indices, spatial):
    """g at the places that won, per plane."""
    flat = ops.flatten(g, -spatial, -1) if spatial > 1 else g
    places = ops.flatten(indices, -spatial, -1) if spatial > 1 else indices
    return ops.reshape(ops.gather(flat, -1, places), indices.shape)


def constant_pad_gradient(g, pad):
    return ops.constant_pad_nd(g, tuple(-p for p in pad), 0)
