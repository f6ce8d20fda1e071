"""Caching allocator: alignment, reuse, cap, counters, failure, threads, fork."""
import os
import threading

import pytest

from tests.processes import run_python

alloc = pytest.importorskip("frankentorch._ext.alloc")
HUGE = 2 << 20


def is_plain():
    """Under AddressSanitizer blocks come from malloc and nothing is counted."""
    before = alloc.memory_stats()["allocations"]
    alloc.Block(100)
    return alloc.memory_stats()["allocations"] == before


counted = pytest.mark.skipif(is_plain(), reason="no cache under AddressSanitizer")


@pytest.fixture
def cap():
    """Setter of the cache's cap, undone afterwards; the cache is empty at the start."""
    before = alloc.set_cache_cap(1 << 40)
    alloc.set_cache_cap(before)
    alloc.empty_cache()
    yield alloc.set_cache_cap
    alloc.set_cache_cap(before)


@pytest.mark.parametrize("nbytes", [1, 63, 64, 65, 4095, 4096, 4097, 5120, 5121, 100_000, HUGE - 1, HUGE, HUGE + 1, 5 << 20, 33 << 20])
def test_blocks_are_aligned_and_writable_to_the_last_byte(nbytes):
    block = alloc.Block(nbytes)
    view = memoryview(block)
    view[0], view[nbytes - 1] = 1, 2

    assert block.address % 64 == 0
    assert nbytes == len(view)


@counted
@pytest.mark.parametrize("nbytes", [128 << 10, 1 << 20, HUGE, 5 << 20])
def test_large_blocks_start_at_different_places_of_a_page(cap, nbytes):
    """Else loads and stores of one loop would meet in the last twelve bits of their addresses."""
    blocks = [alloc.Block(nbytes + 1) for _ in range(4)]
    places = [block.address % 4096 for block in blocks]

    assert 4 == len(set(places))
    assert [0] * 4 == [place % 64 for place in places]
    if nbytes >= HUGE:
        assert all(block.address % HUGE < 4096 for block in blocks)


def test_blocks_in_use_do_not_overlap():
    blocks = [alloc.Block(nbytes) for nbytes in (*range(1, 3000, 37), *range(4000, 40000, 999), HUGE, HUGE + 5) for _ in range(2)]
    spans = sorted((block.address, block.address + block.nbytes) for block in blocks)

    assert all(end <= start for (_, end), (start, _) in zip(spans, spans[1:], strict=False))


@counted
@pytest.mark.parametrize("nbytes", [1, 100, 5000, HUGE, 9 << 20])
def test_freed_block_is_given_again(cap, nbytes):
    block = alloc.Block(nbytes)
    address = block.address
    del block

    assert address == alloc.Block(nbytes).address


@counted
def test_class_wastes_at_most_a_fifth(cap):
    """Above 4 KiB classes are a quarter of a power of two apart: 4097 bytes get 5120."""
    for nbytes in (4097, 5121, 8193, 100_000, HUGE + 1, 3 * HUGE + 1):
        before = alloc.memory_stats()["allocated_bytes"]
        block = alloc.Block(nbytes)
        taken = alloc.memory_stats()["allocated_bytes"] - before

        del block

        assert nbytes <= taken <= nbytes * 1.25


@pytest.mark.parametrize("nbytes", [1, 100, 5000, HUGE + 3])
def test_zeroed_block_is_zero_when_reused(nbytes):
    block = alloc.Block(nbytes)
    memoryview(block)[:] = b"\xff" * nbytes
    del block

    assert bytes(nbytes) == bytes(alloc.Block(nbytes, True))


def test_empty_block_has_an_address():
    block = alloc.Block(0)

    assert block.address != 0
    assert b"" == bytes(block)


def test_negative_size_is_refused():
    with pytest.raises(RuntimeError, match="-1 bytes"):
        alloc.Block(-1)


@counted
def test_failure_empties_the_cache_and_says_the_size(cap):
    kept = alloc.Block(HUGE)
    del kept
    assert alloc.memory_stats()["cached_bytes"] >= HUGE
    before = alloc.memory_stats()

    with pytest.raises(RuntimeError, match=f"not enough memory: you tried to allocate {1 << 50} bytes"):
        alloc.Block(1 << 50)
    after = alloc.memory_stats()
    assert after["cached_bytes"] == 0
    assert after["failed_allocations"] == before["failed_allocations"] + 1
    assert after["allocated_bytes"] == before["allocated_bytes"]


@counted
def test_counters(cap):
    alloc.reset_peak_memory_stats()
    before = alloc.memory_stats()
    first, second = alloc.Block(64), alloc.Block(6000)
    del first
    third = alloc.Block(60)
    after = alloc.memory_stats()

    assert after["allocations"] - before["allocations"] == 3
    assert after["frees"] - before["frees"] == 1
    assert after["system_allocations"] - before["system_allocations"] == 2
    assert after["cache_hits"] - before["cache_hits"] == 1
    assert after["allocated_bytes"] - before["allocated_bytes"] == 64 + 6144
    assert after["peak_bytes"] - before["peak_bytes"] == 64 + 6144
    assert (second.nbytes, third.nbytes) == (6000, 60)


@counted
def test_cache_stays_below_its_cap(cap):
    cap(10 << 20)
    for _ in range(3):
        blocks = [alloc.Block(nbytes) for nbytes in (1 << 20, 700_000, 5000, 100) for _ in range(30)]
        del blocks

        assert alloc.memory_stats()["cached_bytes"] <= 10 << 20
    alloc.Block(64 << 20)
    assert alloc.memory_stats()["cached_bytes"] <= 10 << 20


@counted
def test_new_sizes_find_room_when_the_cache_is_full_of_old_ones(cap):
    cap(4 << 20)
    old = [alloc.Block(1 << 20) for _ in range(4)]
    del old
    block = alloc.Block(3 << 20)
    address = block.address
    del block

    assert address == alloc.Block(3 << 20).address


@counted
def test_cap_of_zero_keeps_nothing(cap):
    cap(0)
    alloc.Block(100)
    alloc.Block(9 << 20)

    assert alloc.memory_stats()["cached_bytes"] == 0


@counted
def test_empty_cache_gives_everything_back(cap):
    alloc.Block(100)
    alloc.Block(9 << 20)
    cached = alloc.memory_stats()["cached_bytes"]

    assert cached == 128 + (10 << 20)
    assert cached == alloc.empty_cache()
    assert alloc.memory_stats()["cached_bytes"] == 0


def test_negative_cap_is_refused():
    with pytest.raises(ValueError, match="-1"):
        alloc.set_cache_cap(-1)


@counted
def test_threads_without_the_gil_lose_no_block(cap):
    before = alloc.memory_stats()
    crew = [threading.Thread(target=alloc.time_pairs, args=(20000, nbytes)) for nbytes in (64, 64, 5000, 5000, 1 << 20, 64)]
    for thread in crew:
        thread.start()
    for thread in crew:
        thread.join()
    after = alloc.memory_stats()

    assert after["allocations"] - before["allocations"] == 120000
    assert after["frees"] - before["frees"] == 120000
    assert after["allocated_bytes"] == before["allocated_bytes"]


@counted                # AddressSanitizer's own malloc is not safe to fork beside
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_fork_while_others_allocate():
    stop = threading.Event()

    def work():
        while not stop.is_set():
            alloc.time_pairs(1000, 64)
    crew = [threading.Thread(target=work) for _ in range(2)]
    for thread in crew:
        thread.start()
    try:
        for _ in range(30):
            child = os.fork()
            if child == 0:
                alloc.time_pairs(1000, 64)
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
    finally:
        stop.set()
        for thread in crew:
            thread.join()


def test_cap_from_the_environment():
    done = run_python("from frankentorch._ext import alloc; print(alloc.memory_stats()['cache_cap_bytes'])",
                      FRANKENTORCH_CACHE_BYTES="3M")

    assert str(3 << 20) == done.stdout.strip(), done.stderr


def test_bad_cap_in_the_environment_is_refused_at_import():
    done = run_python("from frankentorch._ext import alloc", FRANKENTORCH_CACHE_BYTES="lots")

    assert done.returncode != 0
    assert "FRANKENTORCH_CACHE_BYTES='lots'" in done.stderr
