"""The names of ``torch.utils._pytree``."""
from frankentorch._pytree import (LeafSpec, TreeSpec, _broadcast_to_and_flatten, register_pytree_node, tree_all, tree_any, tree_flatten,  # noqa: F401
                                  tree_leaves, tree_map, tree_map_, tree_map_only, tree_structure, tree_unflatten)

PyTree = object
_register_pytree_node = register_pytree_node
