"""A loader's worker process, and the messages between it and the loader.

Each worker has two pipes of its own: tasks in, results out. So a worker that dies, even in the middle of a message,
cannot block or confuse the others, and results of one worker arrive in the order of its tasks. Results are pickled in
the worker's main thread, so that a sample which cannot be pickled is reported like any other error, and written by a
second thread, so that the next batch is made while the loader is still busy with the last one.

Messages to a worker: ``(TASK, index)``, ``(RESUME, None)`` for a new epoch, ``(STOP, None)``.
Messages from a worker: ``(DATA, batch)``, ``(ERROR, WorkerError)``, ``(END, None)`` when an iterable dataset has no
more, ``(READY, None)`` after RESUME.
"""

import importlib.util
import multiprocessing
import multiprocessing.connection
import pickle
import queue
import random
import threading
import traceback

from frankentorch import ops
from frankentorch import random as random_stream
from frankentorch._ext import threads

__all__ = ["WorkerInfo", "get_worker_info"]

TASK, RESUME, STOP = "task", "resume", "stop"
DATA, ERROR, END, READY = "data", "error", "end", "ready"

_worker_info = None


class WorkerInfo:
    """What a worker process knows of itself.

    Attributes
    ----------
    id : int
        From 0 on.
    num_workers : int
    seed : int
        Seed of this worker's generators: base seed of the epoch plus `id`.
    dataset : Dataset
        The worker's own copy.
    """

    def __init__(self, **fields):
        self.__dict__.update(fields)
        self.__dict__["_names"] = tuple(fields)

    def __setattr__(self, name, value):
        raise RuntimeError(f"Cannot assign attributes to {type(self).__name__} objects")

    def __repr__(self):
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)}' for name in self._names)})"


def get_worker_info():
    """The `WorkerInfo` of this process, or None outside of a loader's worker."""
    return _worker_info


class _Text(str):
    """A message whose repr is itself: KeyError shows the repr of its argument, line breaks and all."""

    __slots__ = ()

    def __repr__(self):
        return str(self)


class WorkerError:
    """An exception on its way from a worker to the loader: its type and its traceback as text."""

    def __init__(self, error, worker_id):
        self.kind = type(error)
        lines = "".join(traceback.format_exception(error))
        self.text = f"Caught {self.kind.__name__} in DataLoader worker process {worker_id}.\nOriginal {lines}"

    def reraise(self):
        """Raise the exception again, as RuntimeError if its type cannot be made from one text."""
        text = _Text(self.text) if self.kind is KeyError else self.text
        try:
            error = self.kind(text)
        except Exception:  # an __init__ of the user's may raise anything
            error = RuntimeError(text)
        raise error


def _pickled(message, worker_id):
    """`message` as bytes; if it cannot be pickled, the bytes of a message that says so."""
    try:
        return pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        if message[0] == ERROR:  # an exception class that cannot be found by name
            message[1].kind = RuntimeError
            return pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
        return _pickled((ERROR, WorkerError(error, worker_id)), worker_id)


def _seed_all(seed, base_seed, worker_id):
    """Seed the package's, Python's and, where installed, NumPy's global generators."""
    random_stream.manual_seed(seed)
    random.seed(seed)
    if importlib.util.find_spec("numpy") is not None:
        import numpy

        # The words of a seed sequence, as 32-bit numbers: worker, low and high half of the base seed, and a zero.
        words = numpy.random.SeedSequence([worker_id, base_seed & 0xFFFFFFFF, base_seed >> 32, 0])
        numpy.random.seed(words.generate_state(4))


def _tasks(connection):
    """Messages of the loader, until it says stop or is gone."""
    parent = multiprocessing.parent_process()
    while True:
        ready = multiprocessing.connection.wait([connection, parent.sentinel])
        if connection not in ready:
            return
        try:
            kind, content = connection.recv()
        except (EOFError, ConnectionError):
            return
        if kind == STOP:
            return
        yield kind, content


def _write_all(connection, messages):
    while (message := messages.get()) is not None:
        try:
            connection.send_bytes(message)
        except (BrokenPipeError, ConnectionError):  # the loader is gone, and with it the reason to go on
            return


def run_worker(worker_id, num_workers, base_seed, tasks, results, dataset, fetcher_options, worker_init_fn):
    """Body of a worker process.

    Parameters
    ----------
    worker_id, num_workers, base_seed : int
    tasks, results : Connection
        Ends to read from and to write to.
    dataset : Dataset
    fetcher_options : tuple
        Fetcher class and its arguments after the dataset.
    worker_init_fn : callable or None
        Called with `worker_id` after seeding.
    """
    global _worker_info
    outbox = queue.SimpleQueue()
    writer = threading.Thread(target=_write_all, args=(results, outbox), daemon=True)
    writer.start()
    try:
        threads.set_num_threads(1)
        seed = base_seed + worker_id
        make_fetcher, *options = fetcher_options
        fetcher = None
        startup_error = None
        try:
            _seed_all(seed, base_seed, worker_id)
            _worker_info = WorkerInfo(id=worker_id, num_workers=num_workers, seed=seed, dataset=dataset)
            if worker_init_fn is not None:
                worker_init_fn(worker_id)
            fetcher = make_fetcher(dataset, *options)
        except Exception as error:
            startup_error = WorkerError(error, worker_id)
        ended = False
        for kind, index in _tasks(tasks):
            if kind == RESUME:
                outbox.put(_pickled((READY, None), worker_id))
                ended = False
                try:
                    fetcher = make_fetcher(dataset, *options)
                except Exception as error:
                    startup_error = WorkerError(error, worker_id)
                continue
            if ended:  # tasks that were under way when the data came to its end
                continue
            if startup_error is not None:
                message, startup_error = (ERROR, startup_error), None
            else:
                try:
                    message = (DATA, fetcher.fetch(index))
                except Exception as error:
                    ended = isinstance(error, StopIteration) and hasattr(fetcher, "iterator")
                    message = (END, None) if ended else (ERROR, WorkerError(error, worker_id))
            outbox.put(_pickled(message, worker_id))
            del message  # the batch is not kept while the next one is awaited
    except KeyboardInterrupt:
        return  # the main process reports it
    outbox.put(None)
    writer.join(timeout=1.0)
