"""A few worker processes over one queue of (entry, dtype) jobs; a death or a hang costs one job."""
import json
import mmap
import os
import selectors
import signal
import time

from conformance import worker as worker_module
from conformance.entries import database
from conformance.worker import PROGRESS_BYTES, examiner

STARTUP_SECONDS = 120


class Worker:
    """The parent's end of one forked worker."""

    def __init__(self, subject, verbose):
        self.shared = mmap.mmap(-1, PROGRESS_BYTES)
        self.shared[:] = b"start".ljust(PROGRESS_BYTES)
        jobs, self.jobs = os.pipe()
        self.answers, answers = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            os.close(self.jobs)
            os.close(self.answers)
            worker_module.main(subject, jobs, answers, self.shared, verbose)
        os.close(jobs)
        os.close(answers)
        self.reader = os.fdopen(self.answers)
        self.job = None
        self.ready = False
        self.deadline = time.monotonic() + STARTUP_SECONDS

    def send(self, job, seconds):
        self.job = job
        self.deadline = time.monotonic() + seconds
        try:
            os.write(self.jobs, (json.dumps(job) + "\n").encode())
        except BrokenPipeError:
            pass                         # read() sees the end of the stream and reports it

    def read(self):
        """One answer, or None when the process is gone."""
        line = self.reader.readline()
        return json.loads(line) if line.endswith("\n") else None

    def where(self):
        return bytes(self.shared).decode(errors="replace").strip()

    def stop(self, kill=False):
        """End the process if need be; its exit code, negative for a signal."""
        if kill:
            os.kill(self.pid, signal.SIGKILL)
        os.close(self.jobs)
        code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        self.reader.close()
        self.shared.close()
        return code


class Pool:
    """Feeds jobs to `count` workers in order; yields (job, result) as they come."""

    def __init__(self, subject, count, seconds_per_job, verbose=False):
        self.subject = subject
        self.count = count
        self.seconds = seconds_per_job
        self.verbose = verbose

    def run(self, jobs):
        if not self.count:               # in this process: for a debugger, without isolation
            examine = examiner(self.subject)
            yield from ((job, examine(job)) for job in jobs)
            return
        import torch

        torch.set_num_threads(1)         # a process with running threads must not fork
        database()
        jobs = list(jobs)
        waiting = iter(jobs)
        selector = selectors.DefaultSelector()
        workers = set()
        left = len(jobs)
        fruitless = 0
        try:
            for _ in range(min(self.count, left)):
                self.start(selector, workers)
            while left:
                for key, _ in selector.select(timeout=0.5):
                    worker = key.data
                    answer = worker.read()
                    if answer is None:
                        job, result = self.bury(selector, workers, worker)
                        fruitless += job is None
                        if fruitless > 3:
                            raise RuntimeError("conformance: workers die before their first job; run with --verbose")
                        self.start(selector, workers)
                    elif not worker.ready:
                        worker.ready, job = True, None
                    else:
                        job, result = worker.job, answer
                        worker.job = None
                    if job is not None:
                        left -= 1
                        yield job, result
                    if answer is not None:
                        self.feed(worker, waiting)
                for worker in [worker for worker in workers if time.monotonic() > worker.deadline]:
                    job, result = self.bury(selector, workers, worker, "timeout")
                    self.start(selector, workers)
                    if job is not None:
                        left -= 1
                        yield job, result
        finally:
            for worker in workers:
                worker.stop(kill=True)
            selector.close()

    def start(self, selector, workers):
        worker = Worker(self.subject, self.verbose)
        workers.add(worker)
        selector.register(worker.reader, selectors.EVENT_READ, worker)

    def feed(self, worker, waiting):
        job = next(waiting, None)
        if job is None:
            worker.deadline = float("inf")
        else:
            worker.send(job, self.seconds)

    def bury(self, selector, workers, worker, reason=None):
        """Remove a dead or hanging worker; say at which sample and check it stood."""
        where = worker.where()
        selector.unregister(worker.reader)
        workers.discard(worker)
        code = worker.stop(kill=reason is not None)
        message = f"no answer in {self.seconds:g} s" if reason else f"process ended with {signal_name(code)}"
        return worker.job, {"broken": reason or "crash", "message": f"{message} at sample {where}"}


def signal_name(code):
    return signal.Signals(-code).name if code < 0 else str(code)
