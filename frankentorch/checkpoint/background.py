"""Saving while the training goes on."""

import threading

from frankentorch.checkpoint import writer

_lock = threading.Lock()
_pool = None


def save_async(obj, path, *, repair=0.05, compression="zstd", mode="strict"):
    """Like `save`, in the background.

    The tensors are copied before this returns, so the file holds the state as it was at the call, whatever is written to
    them afterwards. Saves are done one after the other in the order of the calls; the process waits for them at its end.

    Returns
    -------
    concurrent.futures.Future
        Its ``result()`` is the content root, or raises what `save` would have raised.

    Raises
    ------
    CheckpointError, ValueError
        The state or the arguments cannot be saved; found before this returns.
    """
    global _pool
    content = writer.Content(obj, compression)
    content.snapshot()
    with _lock:
        if _pool is None:
            from concurrent.futures import ThreadPoolExecutor

            _pool = ThreadPoolExecutor(1, "frankentorch-save")
    return _pool.submit(writer.save_content, content, path, repair, mode)
