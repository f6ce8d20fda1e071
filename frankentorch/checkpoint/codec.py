"""Chunks to bytes of the file and back.

Each chunk is one zstd frame made by one thread, with content size and checksum; frames are made and read side by side,
and the bytes depend on the content, the level and the version of zstd only.
"""

import threading

from frankentorch._ext import filters, threads

from frankentorch.checkpoint.errors import CheckpointError
from frankentorch.checkpoint.index import blake3

MAX_WINDOW = 1 << 24
PARALLEL_NBYTES = 4 << 20  # below this, threads cost more than they bring
LONG_NBYTES = 64 << 20  # from here on it is worth a progress bar
_own = threading.local()  # each thread's decompressor
watch = None  # called with (jobs done, jobs in all), for those who wait


def library_version():
    """zstd's version as zstd.h numbers it."""
    import zstandard

    major, minor, patch = zstandard.ZSTD_VERSION
    return major * 10000 + minor * 100 + patch


def in_parallel(function, jobs, nbytes):
    """`function` of each job, in their order, on the package's number of threads; `watch`, if it is set, hears of each of a long row."""
    found = _in_parallel(function, jobs, nbytes)
    if watch is None or nbytes < LONG_NBYTES:
        return found
    return _watched(found, len(jobs), watch)


def _watched(found, total, hear):
    for done, item in enumerate(found, 1):
        hear(done, total)
        yield item


def _in_parallel(function, jobs, nbytes):
    count = min(threads.get_num_threads(), len(jobs))
    if count < 2 or nbytes < PARALLEL_NBYTES:
        yield from map(function, jobs)
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(count) as pool:
        ahead, position = [pool.submit(function, job) for job in jobs[:4 * count]], 4 * count
        try:
            while ahead:
                found = ahead.pop(0).result()
                if position < len(jobs):
                    ahead.append(pool.submit(function, jobs[position]))
                    position += 1
                yield found
        finally:
            for job in ahead:
                job.cancel()


class Packer:
    """Compresses chunks at one level; each thread has its own compressor."""

    def __init__(self, level):
        self.level, self.own = level, threading.local()

    def pack(self, view, width):
        """(frame, its digest, digest of the content) of one chunk; `width` is the shuffle filter, 0 for none."""
        import zstandard

        if not hasattr(self.own, "packer"):
            self.own.packer = zstandard.ZstdCompressor(level=self.level, write_checksum=True, write_content_size=True, write_dict_id=False)
        frame = self.own.packer.compress(shuffled(view, width))
        return frame, blake3(frame), blake3(view)


def shuffled(view, width):
    if not width:
        return view
    out = bytearray(len(view))
    filters.split(view, out, width)
    return out


def unpacked(frame, nbytes, record, offset):
    """Content of one frame, whose digest is checked: `nbytes` bytes, still shuffled."""
    import zstandard

    try:
        found = zstandard.get_frame_parameters(frame)
        if found.content_size != nbytes or not found.has_checksum or found.dict_id or found.window_size > MAX_WINDOW:
            raise CheckpointError("frame", "a zstd frame is not one that save writes", record=record, offset=offset)
        if not hasattr(_own, "unpacker"):
            _own.unpacker = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW)
        content = _own.unpacker.decompress(frame, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise CheckpointError("frame", f"a zstd frame cannot be decompressed: {error}", record=record, offset=offset) from None
    if len(content) != nbytes:
        raise CheckpointError("frame", f"a zstd frame holds {len(content)} bytes, not {nbytes}", record=record, offset=offset)
    return content


def unpack(frame, out, width, record, offset):
    """Decompress one frame, whose digest is checked, into `out`, whose length it must have."""
    content = unpacked(frame, len(out), record, offset)
    if width:
        filters.join(content, out, width)
    else:
        out[:] = content
