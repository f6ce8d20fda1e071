"""Faults at the calls to the system themselves; the shim counts every call that a trace of the kernel shows."""
import os
import re
import shutil
import subprocess

import pytest

from conformance.durability import syscalls

# As the kernel names them, and as the C library does. Left out: ioctl, by which Python's open() asks whether a file is a terminal.
KERNEL = {"newfstatat": {"stat64", "lstat64", "fstat64", "fstatat64"}, "fstat": {"fstat64"}, "stat": {"stat64"}, "lstat": {"lstat64"}, "openat": {"open64", "openat64"}, "open": {"open64"},
          "fcntl": {"fcntl64"}, "mmap": {"mmap64"}, "lseek": {"lseek64"}, "preadv2": {"preadv64v2"}, "preadv": {"preadv64v2"}, "pwritev2": {"pwritev64v2"}, "ftruncate": {"ftruncate64"},
          "rename": {"rename"}, "renameat2": {"rename"}, "unlink": {"unlink"}, "unlinkat": {"unlink"}, "faccessat": {"access"}}


@pytest.fixture
def shim(tmp_path):
    if "libasan" in os.environ.get("LD_PRELOAD", ""):
        pytest.skip("AddressSanitizer wants to be the first library preloaded")
    try:
        return syscalls.build(str(tmp_path))
    except syscalls.Unavailable as reason:
        pytest.skip(str(reason))


@pytest.mark.parametrize("kind", ["EIO", "short", "kill"])
def test_faults(shim, kind):
    record = syscalls.faults([kind], "small")

    assert [] == record["wrong"] and 50 < record["faults"]
    assert record["killed"] == (record["faults"] if kind == "kill" else 0)
    assert 0 < record["refused" if kind == "EIO" else "killed" if kind == "kill" else "done"]


def test_a_save_in_place_is_found_out(shim):
    record = syscalls.faults(["EIO", "kill"], "control")

    assert record["wrong"]


def test_the_shim_sees_every_call_of_the_kernel(shim, tmp_path):
    """strace beside the shim: between the marks, the same calls on the same files in the same order."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    trace, folder = tmp_path / "trace", tmp_path / "files"
    if subprocess.run(["strace", "-o", str(trace), "true"], capture_output=True).returncode:
        pytest.skip("strace may not trace here")
    record = syscalls.json.loads(syscalls.child(shim, ["none", "small", str(folder)], ["strace", "-f", "-y", "-o", str(trace)])[-1])
    armed, traced = False, []
    for line in trace.read_text(errors="replace").splitlines():
        if "/frankentorch-shim-" in line:
            armed = "-armed" in line
            traced += [[]] if armed else []
        elif armed and str(folder) in line and (call := re.match(r"\d+ +(\w+)\(", line)) and call[1] not in ("ioctl", "munmap"):
            traced[-1].append(call[1])
    counted = list(record["calls"].values())

    assert len(counted) == len(traced) > 5
    for names, seen in zip(counted, traced):
        assert len(names) == len(seen)
        assert all(name in KERNEL.get(call, {call}) for name, call in zip(names, seen)), (names, seen)
