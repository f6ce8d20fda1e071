"""A few worker processes over one queue of (entry, dtype) jobs; a death or a hang costs one job."""
import json
import os
import selectors
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from conformance.worker import PROGRESS_BYTES, examiner

ROOT = Path(__file__).resolve().parent.parent
STARTUP_SECONDS = 120
MEMORY_BYTES = 6 << 30


class Worker:
    def __init__(self, subject, verbose):
        handle, self.progress_path = tempfile.mkstemp(prefix="conformance-")
        os.write(handle, b" " * PROGRESS_BYTES)
        os.close(handle)
        command = [sys.executable, "-m", "conformance.worker", subject, self.progress_path, str(MEMORY_BYTES)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, text=True,
            stderr=None if verbose else subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])})
        self.job = None
        self.ready = False
        self.deadline = time.monotonic() + STARTUP_SECONDS

    def send(self, job, seconds):
        self.job = job
        self.deadline = time.monotonic() + seconds
        try:
            self.process.stdin.write(json.dumps(job) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass                         # read() sees the end of the stream and reports it

    def read(self):
        """One answer, or None when the process is gone."""
        line = self.process.stdout.readline()
        return json.loads(line) if line.endswith("\n") else None

    def where(self):
        return Path(self.progress_path).read_bytes().decode().strip()

    def stop(self, kill=False):
        if kill:
            self.process.kill()
        self.process.stdin.close()
        code = self.process.wait()
        self.process.stdout.close()
        os.unlink(self.progress_path)
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
        selector.register(worker.process.stdout, selectors.EVENT_READ, worker)

    def feed(self, worker, waiting):
        job = next(waiting, None)
        if job is None:
            worker.deadline = float("inf")
        else:
            worker.send(job, self.seconds)

    def bury(self, selector, workers, worker, reason=None):
        """Remove a dead or hanging worker; say at which sample and check it stood."""
        where = worker.where()
        selector.unregister(worker.process.stdout)
        workers.discard(worker)
        code = worker.stop(kill=reason is not None)
        message = f"no answer in {self.seconds:g} s" if reason else f"process ended with {code}"
        return worker.job, {"broken": reason or "crash", "message": f"{message} at sample {where}"}
