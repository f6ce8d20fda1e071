"""How much of the machine this process may use: cores and memory, by affinity mask and control group.

Only files under /proc and /sys are read, and a file that is missing or unreadable sets no limit. Nothing here depends
on the compiled parts; they call it once, when they are imported.
"""

import os

_UNLIMITED = 1 << 62


def usable_cores(root="/"):
    """Number of cores worth one thread each: the affinity mask, cut by the CPU quota of the control group.

    Parameters
    ----------
    root : str
        Folder that holds ``proc`` and ``sys``; another one for tests.
    """
    try:
        cores = len(os.sched_getaffinity(0))
    except (AttributeError, OSError):
        cores = os.cpu_count() or 1
    return max(1, min(cores, cpu_quota(root) or cores))


def cpu_quota(root="/"):
    """Cores allowed by the control group's CPU quota, rounded up, or None without one."""
    quotas = []
    for folder in _folders(root, "cpu"):
        pair = _words(os.path.join(folder, "cpu.max"))
        if len(pair) != 2:
            pair = _words(os.path.join(folder, "cpu.cfs_quota_us")) + _words(os.path.join(folder, "cpu.cfs_period_us"))
        if len(pair) == 2 and pair[0].isdigit() and pair[1].isdigit() and int(pair[1]) > 0:
            quotas.append(max(1, -(-int(pair[0]) // int(pair[1]))))
    return min(quotas, default=None)


def usable_memory(root="/"):
    """Bytes of memory this process may fill: the machine's, cut by the control group."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for folder in _folders(root, "memory"):
        for name in ("memory.max", "memory.limit_in_bytes"):
            words = _words(os.path.join(folder, name))
            if words and words[0].isdigit() and int(words[0]) < _UNLIMITED:
                limits.append(int(words[0]))
    return min(limits)


def _folders(root, controller):
    """Folders of this process's control group and of its parents, innermost first; version 2 and version 1."""
    folders = []
    for line in _lines(os.path.join(root, "proc/self/cgroup")):
        fields = line.split(":", 2)
        if len(fields) != 3:
            continue
        if fields[1] == "":
            base = os.path.join(root, "sys/fs/cgroup")
        elif controller in fields[1].split(","):
            base = os.path.join(root, "sys/fs/cgroup", controller)
        else:
            continue
        parts = [part for part in fields[2].split("/") if part not in ("", "..")]
        for depth in range(len(parts), -1, -1):
            folders.append(os.path.join(base, *parts[:depth]))
    return folders


def _lines(path):
    try:
        with open(path) as file:
            return file.read().splitlines()
    except (OSError, UnicodeDecodeError):
        return []


def _words(path):
    return " ".join(_lines(path)).split()
