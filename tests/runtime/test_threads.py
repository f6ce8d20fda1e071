"""Limits of the control group, read from a made-up /proc and /sys."""
import os

import pytest

from frankentorch.runtime import threads
from tests.processes import run_python


@pytest.fixture
def machine(tmp_path):
    """Writer of files below a root folder: machine({"proc/self/cgroup": "0::/a"})."""
    def write(files):
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return str(tmp_path)
    return write


@pytest.mark.parametrize(("files", "cores"), [
    ({}, None),
    ({"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/cpu.max": "max 100000\n"}, None),
    ({"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/cpu.max": "300000 100000\n"}, 3),
    ({"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/cpu.max": "150000 100000\n"}, 2),
    ({"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/cpu.max": "1000 100000\n"}, 1),
    ({"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/cpu.max": "800000 100000\n",
      "sys/fs/cgroup/a/cpu.max": "200000 100000\n"}, 2),
    ({"proc/self/cgroup": "0::/../..\n", "sys/fs/cgroup/cpu.max": "400000 100000\n"}, 4),
    ({"proc/self/cgroup": "4:cpu,cpuacct:/a\n0::/\n", "sys/fs/cgroup/cpu/a/cpu.cfs_quota_us": "250000\n",
      "sys/fs/cgroup/cpu/a/cpu.cfs_period_us": "50000\n"}, 5),
    ({"proc/self/cgroup": "4:cpu:/a\n", "sys/fs/cgroup/cpu/a/cpu.cfs_quota_us": "-1\n",
      "sys/fs/cgroup/cpu/a/cpu.cfs_period_us": "100000\n"}, None),
    ({"proc/self/cgroup": "4:cpu:/a\n", "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "100000\n",
      "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n"}, 1),
    ({"proc/self/cgroup": "nonsense\n", "sys/fs/cgroup/cpu.max": "x y\n"}, None),
    ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "100000 0\n"}, None),
], ids=["none", "unlimited", "three", "one and a half", "a hundredth", "parent's", "outside the namespace", "version 1",
        "version 1 unlimited", "version 1 parent's", "malformed", "no period"])
def test_cpu_quota(machine, files, cores):
    assert cores == threads.cpu_quota(machine(files))


def test_cores_are_cut_by_mask_and_quota(machine):
    mask = len(os.sched_getaffinity(0))
    root = machine({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "100000 100000\n"})

    assert 1 == threads.usable_cores(root)
    machine({"sys/fs/cgroup/cpu.max": "99900000 100000\n"})
    assert mask == threads.usable_cores(root)


def test_memory_is_cut_by_the_group(machine):
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    root = machine({"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/memory.max": "max\n"})

    assert whole == threads.usable_memory(root)
    machine({"sys/fs/cgroup/memory.max": "1000000\n"})
    assert 1000000 == threads.usable_memory(root)


def test_memory_of_version_1(machine):
    root = machine({"proc/self/cgroup": "9:memory:/a\n", "sys/fs/cgroup/memory/a/memory.limit_in_bytes": "2000000\n",
                    "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"})

    assert 2000000 == threads.usable_memory(root)


def test_this_machine():
    assert threads.usable_cores() >= 1
    assert threads.usable_memory() > 1 << 20


def test_a_process_starts_with_the_threads_of_its_mask():
    """Bound to one core, it has one thread, and a training step runs with it."""
    program = ("import os\nos.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\nimport frankentorch as ft\nfrom frankentorch._ext import threads\n"
               "layer = ft.nn.Linear(300, 300)\nlayer(ft.rand(300, 300)).sum().backward()\nprint(ft.get_num_threads(), threads.live_workers(), layer.weight.grad.shape[0])")
    done = run_python(program)

    assert "1 0 300" == done.stdout.strip(), done.stderr
