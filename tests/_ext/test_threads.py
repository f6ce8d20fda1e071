"""Thread pool: every chunk once, on any number of threads, nested, shared, after fork and at exit."""
import os
import threading

import pytest

from tests.processes import run_python

threads = pytest.importorskip("frankentorch._ext.threads")


@pytest.fixture(autouse=True)
def same_count_afterwards():
    before = threads.get_num_threads()
    yield
    threads.set_num_threads(before)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 8, 16])
@pytest.mark.parametrize("n", [1, 2, 7, 1000, 10007])
def test_every_item_is_handled_once(count, n):
    threads.set_num_threads(count)
    for grain in (1, 3, 64, 20000):
        visits, workers, _ = threads.trace_region(n, grain)

        assert visits == [1] * n
        assert len(workers) == -(-n // grain), "chunks are cut by size, not by threads"
        assert set(workers) <= set(range(count))


def test_one_thread_is_the_caller():
    threads.set_num_threads(1)
    _, workers, _ = threads.trace_region(1000, 10)

    assert set(workers) == {0}
    assert threads.live_workers() == 0


def test_one_chunk_starts_no_worker():
    threads.set_num_threads(1)
    threads.set_num_threads(4)
    threads.trace_region(100, 100)

    assert threads.live_workers() == 0


def test_workers_take_part():
    """With chunks that take a while somebody else gets one, sooner or later."""
    threads.set_num_threads(4)

    assert any(set(threads.trace_region(400, 1, inner=20000)[1]) != {0} for _ in range(100))


def test_nested_regions_run_inside_their_chunk():
    threads.set_num_threads(4)
    visits, _, _ = threads.trace_region(300, 1, inner=50)

    assert visits == [51] * 300


def test_fewer_threads_end_the_workers():
    threads.set_num_threads(8)
    threads.trace_region(1000, 1)
    assert threads.live_workers() == 7
    threads.set_num_threads(2)
    visits, workers, _ = threads.trace_region(1000, 1)

    assert visits == [1] * 1000
    assert set(workers) <= {0, 1}
    assert threads.live_workers() == 1


def test_several_python_threads_may_call_at_once():
    threads.set_num_threads(4)
    wrong = []

    def work():
        wrong.extend(1 for _ in range(100) if threads.trace_region(997, 10)[0] != [1] * 997)
    crew = [threading.Thread(target=work) for _ in range(6)]
    for thread in crew:
        thread.start()
    for thread in crew:
        thread.join()

    assert wrong == []


def test_count_may_change_while_others_compute():
    stop, wrong = threading.Event(), []

    def work():
        while not stop.is_set():
            wrong.extend(1 for _ in range(10) if threads.trace_region(500, 7)[0] != [1] * 500)
    crew = [threading.Thread(target=work) for _ in range(3)]
    for thread in crew:
        thread.start()
    for count in [1, 5, 2, 8, 3] * 10:
        threads.set_num_threads(count)
    stop.set()
    for thread in crew:
        thread.join()

    assert wrong == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_forked_child_starts_without_workers_and_gets_its_own():
    threads.set_num_threads(4)
    threads.trace_region(1000, 1)
    for _ in range(20):
        child = os.fork()
        if child == 0:
            good = threads.live_workers() == 0 and threads.trace_region(1000, 1)[0] == [1] * 1000
            os._exit(0 if good and threads.live_workers() == 3 else 1)
        _, status = os.waitpid(child, 0)

        assert status == 0
    assert threads.live_workers() == 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_fork_while_another_thread_is_in_a_region():
    threads.set_num_threads(4)
    stop = threading.Event()

    def work():
        while not stop.is_set():
            threads.trace_region(200, 1, inner=2000)
    other = threading.Thread(target=work)
    other.start()
    try:
        for _ in range(20):
            child = os.fork()
            if child == 0:
                os._exit(0 if threads.trace_region(1000, 1)[0] == [1] * 1000 else 1)
            assert os.waitpid(child, 0)[1] == 0
    finally:
        stop.set()
        other.join()


@pytest.mark.parametrize("ending", ["", "import os; os._exit(0)", "raise SystemExit(0)",
                                    "import threading; threading.Thread(target=work, daemon=True).start()"])
def test_exit_does_not_wait_for_workers(ending):
    done = run_python("from frankentorch._ext import threads\n"
                      "def work():\n    while True: threads.trace_region(200, 1, 2000)\n"
                      "threads.set_num_threads(8)\nthreads.trace_region(10000, 1)\n" + ending)

    assert done.returncode == 0, done.stderr


def test_workers_keep_denormals_whatever_their_maker_does(oracle):
    threads.set_num_threads(1)
    if not oracle.set_flush_denormal(True):
        pytest.skip("the oracle cannot flush denormals here")
    try:
        threads.set_num_threads(4)
        _, workers, clean = threads.trace_region(3000, 1, inner=500)
    finally:
        oracle.set_flush_denormal(False)

    assert all(good for worker, good in zip(workers, clean, strict=True) if worker)
    assert not any(good for worker, good in zip(workers, clean, strict=True) if not worker), "the caller's mode is its own"


@pytest.mark.parametrize("setter", ["set_num_threads", "set_num_interop_threads"])
@pytest.mark.parametrize(("value", "error"), [(0, RuntimeError), (-1, RuntimeError), (1.5, RuntimeError), (True, RuntimeError),
                                              ("2", RuntimeError), (2**31, ValueError)])
def test_refused_counts(setter, value, error):
    before = threads.get_num_threads()
    with pytest.raises(error, match=setter):
        getattr(threads, setter)(value)

    assert before == threads.get_num_threads()


def test_interop_count_is_set_once():
    done = run_python("from frankentorch._ext import threads\nassert threads.get_num_interop_threads() >= 1\n"
                      "threads.set_num_interop_threads(3)\nprint(threads.get_num_interop_threads())\n"
                      "threads.set_num_interop_threads(4)")

    assert "3" == done.stdout.strip()
    assert "RuntimeError: cannot set number of interop threads" in done.stderr


@pytest.mark.parametrize(("variables", "count"), [({"FRANKENTORCH_NUM_THREADS": "3"}, 3), ({"OMP_NUM_THREADS": "5"}, 5),
                                                  ({"FRANKENTORCH_NUM_THREADS": "3", "OMP_NUM_THREADS": "5"}, 3)])
def test_count_from_the_environment(variables, count):
    done = run_python("from frankentorch._ext import threads; print(threads.get_num_threads())", **variables)

    assert str(count) == done.stdout.strip(), done.stderr


def test_bad_count_in_the_environment_is_refused_at_import():
    done = run_python("from frankentorch._ext import threads", FRANKENTORCH_NUM_THREADS="many")

    assert done.returncode != 0
    assert "FRANKENTORCH_NUM_THREADS='many'" in done.stderr
