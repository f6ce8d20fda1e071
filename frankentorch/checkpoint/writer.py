"""`save`: a state to a file. Same state, same bytes: tensors in the order of their names, nothing of the clock, host or path."""

import os

from frankentorch.checkpoint import codec, index, sidecar
from frankentorch.checkpoint.atomic import DIRECT_NBYTES, NewFile, sync_folder, system_call
from frankentorch.checkpoint.errors import CheckpointError
from frankentorch.checkpoint.geometry import gather
from frankentorch.checkpoint.values import DTYPES, Flattener

LEVEL = 1
_WIDTHS = {"bool": 0, "uint8": 0, "int8": 0, "int16": 2, "uint16": 2, "float16": 2, "bfloat16": 2, "int32": 4, "uint32": 4, "float32": 4, "complex64": 4}


def save(obj, path, *, repair=0.05, compression="zstd", mode="strict"):
    """Write a state to a file, atomically, and repair symbols beside it.

    Parameters
    ----------
    obj : None, bool, int, float, complex, str, bytes, dtype, device, Size, Tensor, or list, tuple, dict, OrderedDict of them
        Dict keys are str or int. Tied tensors and views stay tied. Plain dicts are written, and come back, in sorted order.
    path : str or os.PathLike
        An existing file is replaced in one step, and only after the new bytes are on the disk.
    repair : float in [0, 1], optional
        Share of the file that may be damaged and still be rebuilt, by the sidecar ``path + ".rq"``. 0: none is written,
        and that of an earlier save is removed.
    compression : "zstd", "stored" or int
        An int is a zstd level from 1 to 19. Stored files can be memory-mapped.
    mode : "strict" or "hardened"
        Hardened reads the file back and verifies it before the old one is replaced.

    Returns
    -------
    str
        The content root: 64 hexadecimal digits that name the state, whatever the compression.

    Raises
    ------
    CheckpointError
        The state holds a value of another type, more than 65,536 tensors, or more than 500,000 other values. Nothing was written.
    OSError
        The system refused a call, named in the message. The old file is as it was and the temporary one is gone.
    """
    return save_content(Content(obj, compression), path, repair, mode)


def save_content(content, path, repair, mode):
    """`save` of a state already flattened."""
    if mode not in ("strict", "hardened"):
        raise ValueError(f"save: mode must be 'strict' or 'hardened', not {mode!r}")
    overhead = sidecar.checked_overhead(repair)
    # What is read back at once, for the sidecar or to verify, should be in the page cache.
    with NewFile(path, direct=content.nbytes >= DIRECT_NBYTES and not overhead and mode == "strict") as file:
        root = content.write(file.write)
        file.keep_mode()
        file.sync()
        if mode == "hardened":
            _read_back(file.temporary, root)
        if overhead:
            with NewFile(sidecar.path_of(file.path)) as beside:
                sidecar.write_sidecar(file.temporary, beside.write, overhead, root)
                beside.sync()
                file.commit()
                beside.commit()
        else:
            file.commit()
            if os.path.lexists(sidecar.path_of(file.path)):
                with system_call("unlink", sidecar.path_of(file.path)):
                    os.unlink(sidecar.path_of(file.path))
    sync_folder(file.folder)
    return root.hex()


def dumps(obj, *, compression="zstd"):
    """The bytes `save` writes."""
    pieces = []
    Content(obj, compression).write(lambda *more: pieces.extend(bytes(piece) for piece in more))
    return b"".join(pieces)


def digest(obj):
    """Content root of a state, as 64 hexadecimal digits: equal for equal states, on any machine.

    Raises
    ------
    CheckpointError
        The state holds a value that cannot be saved.
    """
    content = Content(obj, "stored")
    jobs = content.jobs()
    digests = list(codec.in_parallel(lambda job: index.blake3(job.view), jobs, content.nbytes))
    return index.blake3(content.state(digests)).hex()


def _read_back(path, root):
    from frankentorch.checkpoint.reader import Reader

    with Reader(path) as reader:
        reader.verify()
        if reader.index.root != root:
            raise CheckpointError("read-back", "the file just written holds another state", path=path)


class _Job:
    """One chunk to write."""

    __slots__ = ("view", "storage", "width")

    def __init__(self, view, storage, width):
        self.view, self.storage, self.width = view, storage, width


class Content:
    """A state, flattened, with the buffers of its tensors; what a file will hold."""

    def __init__(self, obj, compression):
        self.header = _header(compression)
        flat = Flattener()
        flat.add(obj)
        self.tree, tensors = flat.finish()
        if len(tensors) > index.MAX_TENSORS:
            raise CheckpointError("range", f"the state holds {len(tensors)} tensors; at most {index.MAX_TENSORS}")
        self.records, self.buffers = gather(tensors)
        self.nbytes = sum(len(buffer.view) for buffer in self.buffers)
        self.widths = [0] * len(self.buffers)
        if self.header.codec == index.ZSTD:
            for record in self.records:
                if record.storage < len(self.widths):
                    self.widths[record.storage] = _WIDTHS.get(DTYPES[record.dtype], 8)

    def snapshot(self):
        """Copy the bytes of all tensors: later writes to them are not saved."""
        for buffer in self.buffers:
            buffer.view, buffer.storage = memoryview(bytearray(buffer.view)), None

    def jobs(self):
        size = index.CHUNK_NBYTES
        return [_Job(buffer.view[at:at + size], number, self.widths[number])
                for number, buffer in enumerate(self.buffers) for at in range(0, len(buffer.view), size)]

    def state(self, digests):
        """The state section."""
        storages, first = [], 0
        for buffer in self.buffers:
            storages.append((len(buffer.view), first))
            first += -(-len(buffer.view) // index.CHUNK_NBYTES)
        return index.pack_state(self.records, storages, digests, self.tree)

    def write(self, write):
        """Hand all bytes of the file to `write`, in order; return the content root."""
        jobs = self.jobs()
        if self.header.codec == index.ZSTD:
            found = self._write_frames(write, jobs)
            if found is not None:
                return self._finish(write, *found)
            self.header, self.widths = _header("stored"), [0] * len(self.buffers)  # shrinks so much that a reader would take it for a bomb
        digests = self._write_stored(write, jobs)
        return self._finish(write, self.stored_chunks(digests), digests)

    def _write_frames(self, write, jobs):
        """Compress and write; (chunks, content digests). None, with nothing written, when the content shrinks too much.

        Frames are held back until it is sure that it does not.
        """
        packer = codec.Packer(self.header.level)
        chunks, digests, held, at = [], [], [self.header.pack()], index.HEADER_NBYTES
        for frame, stored, content in codec.in_parallel(lambda job: packer.pack(job.view, job.width), jobs, self.nbytes):
            chunks.append((at, len(frame), stored))
            digests.append(content)
            held.append(frame)
            at += len(frame)
            if self.nbytes <= index.FREE_NBYTES + index.MAX_RATIO * at:
                write(*held)
                held = []
        if self.nbytes > index.FREE_NBYTES + index.MAX_RATIO * at:
            return None
        write(*held)
        return chunks, digests

    def _write_stored(self, write, jobs):
        """Write and hash at the same time; return the digests."""
        found = codec.in_parallel(lambda job: index.blake3(job.view), jobs, self.nbytes)
        digests, batch, gathered = [], [self.header.pack()], 0
        for job, digest_of_job in zip(jobs, found):
            digests.append(digest_of_job)
            batch.append(job.view)
            gathered += len(job.view)
            if len(digests) == len(jobs) or jobs[len(digests)].storage != job.storage:
                batch.append(bytes(-len(self.buffers[job.storage].view) % index.ALIGNMENT))
            if gathered >= 8 * index.CHUNK_NBYTES:
                write(*batch)
                batch, gathered = [], 0
        write(*batch)
        return digests

    def stored_chunks(self, digests):
        chunks, at, found = [], index.HEADER_NBYTES, iter(digests)
        for buffer in self.buffers:
            at += -at % index.ALIGNMENT
            for place in range(0, len(buffer.view), index.CHUNK_NBYTES):
                length = min(index.CHUNK_NBYTES, len(buffer.view) - place)
                chunks.append((at, length, next(found)))
                at += length
        return chunks

    def _finish(self, write, chunks, digests):
        end = sum(chunks[-1][:2]) if chunks else index.HEADER_NBYTES
        gap = -end % index.ALIGNMENT
        state, layout = self.state(digests), index.pack_layout(self.widths, chunks)
        root = index.blake3(state)
        at = end + gap
        footer = index.Footer(at + len(state) + len(layout) + index.FOOTER_NBYTES, at, len(state), at + len(state), len(layout), root, index.blake3(layout))
        padding = bytes(gap) if self.header.codec == index.ZSTD or not chunks else b""  # a stored buffer brought its own
        write(padding, state, layout, footer.pack())
        return root


def _header(compression):
    if compression in ("stored", None):
        return index.Header(index.STORED, 0, 0)
    level = LEVEL if compression == "zstd" else compression
    if isinstance(level, bool) or not isinstance(level, int) or not 1 <= level <= 19:
        raise ValueError(f"save: compression must be 'zstd', 'stored' or a level from 1 to 19, not {compression!r}")
    return index.Header(index.ZSTD, level, codec.library_version())
