"""Random changes to checkpoint files: `python -m tests.serialization.fuzz --count 1000000 --seed 1`.

What may come of a changed file is a CheckpointError or, in formats with checksums, an object equal to the original. Files without
checksums (safetensors, PyTorch's legacy streams, and pickles whose archive was made right again after the change) may hold another
object; any other exception, and any payload that runs, is a failure.
"""
import argparse
import io
import os
import random
import struct
import sys
import time
import zlib

from tests.serialization import hostile, objects

INTERESTING = (b"\0", b"\xff", b"\x7f\xff", b"\xff\xff\xff\xff", b"\0\0\0\0", b"\xff" * 8, b".", b"R", b"(", b"PK\1\2", b"PK\5\6", b"PK\3\4", b"cos\nsystem\n", b"}", b"]", b"t", b"\x85", b"b", b"Q")


def originals(ft):
    """{name: (bytes, whether every byte that matters is under a checksum)}."""
    thing = {"a": ft.arange(6.).reshape(2, 3).t(), "b": [ft.ones(2, dtype=ft.bfloat16), (1, 2.5, None)], "p": ft.nn.Parameter(ft.zeros(2)), "s": "text", "u": ft.tensor([True, False])}
    found = {}
    for name, options in {"pt": {}, "pt protocol 4": {"pickle_protocol": 4}, "legacy": {"_use_new_zipfile_serialization": False}}.items():
        buffer = io.BytesIO()
        ft.save(thing, buffer, **options)
        found[name] = buffer.getvalue(), name != "legacy"
    from frankentorch.serialization import npz, safetensors

    plain = {"a": ft.arange(6.).reshape(2, 3), "b": ft.tensor([True, False]), "c": ft.zeros(0, 2)}
    buffer = io.BytesIO()
    npz.save_npz(plain, buffer)
    found["npz"] = buffer.getvalue(), True
    found["safetensors"] = safetensors.save(plain, {"made": "by hand"}), False
    found["pickle"] = hostile.GOOD, False
    return found


def mutate(content, rng):
    """One to four random changes: bits, bytes, pieces inserted, removed, repeated or cut off."""
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 4))):
        at = rng.randrange(len(data) + 1) if data else 0
        kind = rng.randrange(9)
        if kind <= 2 and at < len(data):
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 3 and at < len(data):
            data[at] = rng.randrange(256)
        elif kind == 4:
            piece = rng.choice(INTERESTING)
            data[at:at + len(piece)] = piece
        elif kind == 5:
            data[at:at] = rng.choice(INTERESTING)
        elif kind == 6:
            del data[at:at + rng.choice((1, 2, 4, 8, 64))]
        elif kind == 7 and data:
            start = rng.randrange(len(data))
            data[at:at] = data[start:start + rng.choice((1, 4, 16, 64))]
        elif kind == 8 and rng.random() < 0.3:
            del data[at:]
        elif len(data) >= 4:
            at = rng.randrange(len(data) - 3)
            struct.pack_into("<I", data, at, (struct.unpack_from("<I", data, at)[0] + rng.choice((-1, 1, 64, 1 << 31))) & 0xFFFFFFFF)
    return bytes(data)


def outcome(ft, name, content):
    """None for a refusal, else the description of what was loaded. Everything else is raised."""
    file = hostile.archive(content) if name == "pickle" else content
    try:
        return objects.describe(ft, ft.load(io.BytesIO(file)))
    except ft.CheckpointError:
        return None


def run(ft, count, seed, report=None):
    """Number of refused, equal and (where there is no checksum) other files; AssertionError names a file that breaks the rule."""
    files = originals(ft)
    expected = {name: outcome(ft, name, content) for name, (content, _) in files.items()}
    found = {name: [0, 0, 0] for name in files}
    names = list(files)
    for number in range(count):
        rng = random.Random(seed * 1_000_003 + number)
        name = names[number % len(names)]
        content, checked = files[name]
        changed = mutate(content, rng)
        try:
            got = outcome(ft, name, changed)
        except Exception as error:
            raise AssertionError(f"{name}, seed {seed}, number {number}: {type(error).__name__}: {error}") from error
        place = 0 if got is None else 1 if got == expected[name] else 2
        assert not (checked and place == 2), f"{name}, seed {seed}, number {number}: another object was loaded"
        assert hostile.MARKER not in os.environ
        found[name][place] += 1
        if report and number % 10000 == 9999:
            report(number + 1, found)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    import frankentorch as ft

    begun = time.monotonic()
    found = run(ft, options.count, options.seed, lambda done, _: print(f"{done} files, {time.monotonic() - begun:.0f} s", end="\r", file=sys.stderr, flush=True))
    print(f"{options.count} changed files, seed {options.seed}, {zlib.crc32(repr(found).encode()):08x}")
    for name, (refused, equal, other) in found.items():
        print(f"{name:14} refused {refused:8}  equal {equal:8}  other {other:8}")


if __name__ == "__main__":
    main()
