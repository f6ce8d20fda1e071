"""The loader's side of its worker processes: start, hand out tasks, collect results in order, notice deaths, stop."""

import collections
import itertools
import multiprocessing
import os
import pickle
import signal
import time
from multiprocessing.connection import wait

from frankentorch.utils.data._utils import worker as protocol

_PATIENCE_SECONDS = 5.0  # for a worker to leave by itself before it is terminated


class _Worker:
    """One process with its two pipes and what is outstanding."""

    def __init__(self, context, worker_id, loader, base_seed):
        task_reader, self.tasks = context.Pipe(duplex=False)
        self.results, result_writer = context.Pipe(duplex=False)
        arguments = (
            worker_id, loader.num_workers, base_seed, task_reader, result_writer, loader.dataset,
            loader._fetcher_options(), loader.worker_init_fn,
        )  # fmt: skip
        self.id = worker_id
        self.process = context.Process(target=protocol.run_worker, args=arguments, daemon=True)
        self.process.start()
        # Only the worker holds its ends, so that its death ends the pipes, and workers started later inherit none.
        task_reader.close()
        result_writer.close()
        self.exhausted = False
        self.stopped = False
        self.outstanding = 0

    def send(self, kind, content=None):
        self.tasks.send((kind, content))

    def stop(self):
        """Ask the process to leave."""
        if not self.stopped:
            self.stopped = True
            try:
                self.send(protocol.STOP)
            except OSError:
                pass  # it has left already
            self.tasks.close()

    def fate(self):
        self.process.join(timeout=0.1)  # lets the exit code arrive
        code = self.process.exitcode
        how = f"killed by signal {signal.Signals(-code).name}" if code is not None and code < 0 else f"exit code {code}"
        return f"worker {self.id}: {how}"


class WorkerPool:
    """The workers of one iterator.

    Parameters
    ----------
    loader : DataLoader
    base_seed : int
        Worker i seeds its generators with ``base_seed + i``.
    """

    def __init__(self, loader, base_seed):
        if loader.num_workers <= 0 or loader.prefetch_factor <= 0:
            raise AssertionError(
                "workers need num_workers > 0 and prefetch_factor > 0, "
                f"got {loader.num_workers} and {loader.prefetch_factor}"
            )
        context = loader.multiprocessing_context or multiprocessing
        self._timeout = loader.timeout
        self._persistent = loader.persistent_workers
        self._in_order = loader.in_order
        self._most_outstanding = loader.prefetch_factor
        self._closed = False
        self._owner = os.getpid()
        self._workers = []
        try:
            for worker_id in range(loader.num_workers):
                self._workers.append(_Worker(context, worker_id, loader, base_seed))
        except BaseException:
            self.shut_down()
            raise
        self._begin()

    def _begin(self):
        self._order = itertools.cycle(self._workers)
        self._next = None
        self._pending = collections.deque()  # workers in the order of tasks not yet answered
        for worker in self._workers:
            worker.exhausted = False
            worker.outstanding = 0

    def resume(self):
        """Let workers begin a new epoch; answers to tasks of the last one are thrown away."""
        for worker in self._workers:
            self._send(worker, protocol.RESUME)
        for worker in self._workers:
            while self._receive([worker])[1][0] != protocol.READY:
                pass
        self._begin()

    # ---- tasks ----

    def is_free(self):
        """Whether some worker can take a task; settles whose turn it is."""
        for _ in self._workers:
            if self._next is None:
                self._next = next(self._order)
            full = not self._in_order and self._next.outstanding >= self._most_outstanding
            if not (self._next.exhausted or full):
                return True
            self._next = None
        return False

    def put(self, index):
        """Give a task to the worker whose turn it is; `is_free` comes before."""
        worker, self._next = self._next, None
        self._send(worker, protocol.TASK, index)
        worker.outstanding += 1
        self._pending.append(worker)

    def is_busy(self):
        """Whether an answer is still to come."""
        while self._pending and self._pending[0].exhausted:
            self._pending.popleft()
        return any(not worker.exhausted for worker in self._pending)

    def get(self):
        """Wait for the next answer.

        Returns
        -------
        has_batch : bool
            False when a worker's share of an iterable dataset has come to its end.
        result : tuple
            For `unwrapped`.
        """
        if self._in_order:
            candidates = [self._pending[0]]
        else:
            candidates = [worker for worker in self._workers if worker.outstanding and not worker.exhausted]
        worker, result = self._receive(candidates)
        self._pending.remove(worker)
        worker.outstanding -= 1
        if result[0] != protocol.END:
            return True, result
        worker.exhausted = True
        if not self._persistent:
            worker.stop()
        return False, result

    @staticmethod
    def unwrapped(result):
        """The batch in an answer; an exception of the worker is raised here."""
        kind, content = result
        if kind == protocol.ERROR:
            content.reraise()
        return content

    # ---- pipes ----

    def _send(self, worker, kind, content=None):
        try:
            worker.send(kind, content)
        except (BrokenPipeError, ConnectionError) as error:
            raise self._death([worker]) from error

    def _receive(self, workers):
        """(worker, message) of the first of `workers` that has one; lowest number first."""
        for worker in workers:
            if worker.results.poll(0):
                return worker, self._read(worker)
        channels = [worker.results for worker in workers]
        sentinels = [worker.process.sentinel for worker in self._workers if not worker.stopped]
        deadline = time.monotonic() + self._timeout if self._timeout > 0 else None
        while True:
            ready = wait(channels + sentinels, None if deadline is None else max(0.0, deadline - time.monotonic()))
            for worker in workers:
                if worker.results in ready:
                    return worker, self._read(worker)
            if ready:
                raise self._death([worker for worker in self._workers if worker.process.sentinel in ready])
            raise RuntimeError(f"DataLoader timed out after {self._timeout} seconds")

    def _read(self, worker):
        try:
            return pickle.loads(worker.results.recv_bytes())
        except (EOFError, ConnectionError) as error:
            raise self._death([worker]) from error

    def _death(self, workers):
        pids = ", ".join(str(worker.process.pid) for worker in workers)
        fates = "; ".join(worker.fate() for worker in workers)
        self.shut_down()
        return RuntimeError(f"DataLoader worker (pid(s) {pids}) exited unexpectedly\n  {fates}")

    def shut_down(self):
        """Stop all workers and wait for them; a second call does nothing.

        Nor does a call in a process forked since: it holds a copy of the pipes, but the workers are not its own.
        """
        if self._closed or os.getpid() != self._owner:
            return
        self._closed = True
        for worker in self._workers:
            worker.stop()
            worker.results.close()  # a writer that waits for us to read is set free
        deadline = time.monotonic() + _PATIENCE_SECONDS
        for worker in self._workers:
            worker.process.join(timeout=max(0.0, deadline - time.monotonic()))
            if worker.process.is_alive():
                worker.process.terminate()
                worker.process.join(timeout=1.0)
