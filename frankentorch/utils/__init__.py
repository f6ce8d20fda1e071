"""Helpers around the tensor library: removable hooks and data loading."""
