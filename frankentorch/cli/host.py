"""What the compiled part says about itself and about this machine; the only module of the commands that asks it."""

from frankentorch._ext import _core, alloc, cpu, threads

LEVELS = ("baseline", "avx2", "avx512")


def cpu_level():
    """Instruction set of the kernels in use, by the names FRANKENTORCH_CPU takes."""
    return cpu.level_name()


def cpu_levels():
    """The levels this host can run and this build holds, lowest first."""
    host = LEVELS.index(cpu.host_level_name())
    return [level for level in LEVELS[:host + 1] if level in _core.levels]


def num_threads():
    """Threads of one operation."""
    return threads.get_num_threads()


def memory_stats():
    """Counters of the allocator."""
    return alloc.memory_stats()


def build():
    """Facts of the build, by name."""
    return {"compiler": _core.compiler, "flags": _core.flags, "extra_flags": _core.extra_flags,
            "levels": list(_core.levels), "debug": bool(_core.debug)}
