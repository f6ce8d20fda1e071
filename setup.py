"""Build: expand the op table into .pyx, .pyx into C, C into ONE extension `frankentorch/_ext/_core*.so`. Nothing else.

Every step is cached by the hash of what goes into it (build/cache, or $FT_BUILD_CACHE), so a changed .pyx costs one
Cython run, one C compile and the link. A part whose text holds an `FT_FILL_` symbol is *levelled*: its C is compiled once
per CPU level and has no module of its own. FT_DEBUG=1 turns bounds checks and asserts on; FT_CFLAGS is appended to every
compile and link (sanitizers).
"""
import contextlib
import hashlib
import multiprocessing
import os
import platform
import queue
import re
import subprocess
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
EXT = ROOT / "frankentorch" / "_ext"
GENERATED = ROOT / "build" / "generated"
CACHE = Path(os.environ.get("FT_BUILD_CACHE", ROOT / "build" / "cache"))
DEBUG = os.environ.get("FT_DEBUG") == "1"
JOBS = int(os.environ.get("FT_BUILD_JOBS", len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 2))

X86 = platform.machine().lower() in ("x86_64", "amd64")
LEVELS = {"baseline": []}
if X86:
    LEVELS["avx2"] = ["-mavx2", "-mfma", "-mf16c"]
    LEVELS["avx512"] = ["-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl", "-mfma", "-mf16c"]
COMMON = ["-fPIC", "-g0", "-fno-strict-aliasing", "-ffp-contract=off", "-fvisibility=hidden", "-fwrapv", "-w"]
KERNEL = ["-O3", "-fno-math-errno", "-fno-trapping-math"]
BINDING = ["-O1"]
# Parts that every call passes through, or that loop over elements themselves; for the rest -O1 halves the compile.
HOT = re.compile(r"alloc|create|dispatch|dtype|elementwise|engine|image_ops|index|iterate|jsontext|pool_ops|scan_steps|search|sort|tensor|threads|views|\w+_run")
# Measured no faster, or slower, with wider vectors: the avx2 build serves avx512 too.
NARROW = re.compile(r"loops_complex\w*|optim_half|pool|resample|scan")
DIRECTIVES = {"language_level": 3, "binding": False, "embedsignature": False}


def digest(*parts):
    """Hash of texts and bytes, as a file name."""
    h = hashlib.sha256()
    for part in parts:
        h.update(part if isinstance(part, bytes) else str(part).encode())
        h.update(b"\0")
    return h.hexdigest()[:32]


def write_if_changed(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def load_table():
    """The op table, imported without the package around it (which needs the extension)."""
    sys.path.insert(0, str(ROOT / "frankentorch"))
    try:
        import optable
        import optable.check
        import optable.emit
    finally:
        sys.path.pop(0)
    return optable


def write_package_files(optable):
    """Write the Python files that are made from the table."""
    for name, text in optable.emit.package_files().items():
        write_if_changed(ROOT / "frankentorch" / name, text)


def expand():
    """Write every generated source; return {part: path of its .pyx}."""
    optable = load_table()
    optable.check.check_table(optable.rows())
    from Cython import Tempita
    parts = {p.stem: p for p in sorted(EXT.glob("*.pyx"))}
    LEVELLED.update(stem for stem, path in parts.items() if is_levelled(path.read_text()))
    for template in sorted(EXT.glob("*.in")):
        for name, context in optable.emit.expansions(template.name[:-3]):
            text = f"# Generated from {template.name} and the op table. Edit those.\n" + Tempita.sub(template.read_text(), **context)
            target = GENERATED / "frankentorch" / "_ext" / name
            write_if_changed(target, text)
            if name.endswith(".pyx"):
                parts[target.stem] = target
                if is_levelled(text):
                    LEVELLED.add(target.stem)
    write_package_files(optable)
    for name, text in optable.emit.extension_files().items():
        write_if_changed(GENERATED / "frankentorch" / "_ext" / name, text)
        if name.endswith(".pyx"):
            parts[Path(name).stem] = GENERATED / "frankentorch" / "_ext" / name
    for name, text in levels_source(parts).items():
        write_if_changed(GENERATED / "frankentorch" / "_ext" / name, text)
    parts["levels"] = GENERATED / "frankentorch" / "_ext" / "levels.pyx"
    flags = " ".join(COMMON + KERNEL)
    write_if_changed(GENERATED / "frankentorch" / "_ext" / "_core.pyx", core_source(sorted(parts) + ["_core"], flags))
    parts["_core"] = GENERATED / "frankentorch" / "_ext" / "_core.pyx"
    return parts


def levels_of(part):
    """The CPU levels that a levelled part is compiled for."""
    return [level for level in LEVELS if level != "avx512" or not NARROW.fullmatch(part)]


def levels_source(parts):
    """levels.pyx/.pxd: for each exported filler of a levelled part, one that picks the CPU level's build."""
    fillers = sorted((name, levels_of(part)) for part in LEVELLED for name in re.findall(r"cdef public void (\w+)", parts[part].read_text()))
    head = "# Generated by setup.py: kernel tables of one CPU level, fill_*_at, and of the level in use, fill_*.\n"
    pyx = [head + "from frankentorch._ext.cpu cimport cpu_level, LEVEL_AVX2, LEVEL_AVX512\n"]
    for filler, levels in fillers:
        pyx += [f"cdef extern void {filler}_{level}(void** table) noexcept nogil" for level in levels]
        pyx += ["", "", f"cdef void {filler}_at(int level, void** table) noexcept nogil:"]
        if "avx512" in LEVELS:
            pyx += [f"    if level == LEVEL_AVX512:\n        {filler}_{levels[-1]}(table)\n        return",
                    f"    if level == LEVEL_AVX2:\n        {filler}_avx2(table)\n        return"]
        pyx += [f"    {filler}_baseline(table)", "", "",
                f"cdef void {filler}(void** table) noexcept nogil:\n    {filler}_at(cpu_level(), table)", "", ""]
    pxd = head + "".join(f"cdef void {filler}(void** table) noexcept nogil\ncdef void {filler}_at(int level, void** table) noexcept nogil\n"
                         for filler, _ in fillers)
    return {"levels.pyx": "\n".join(pyx), "levels.pxd": pxd}


def core_source(parts, flags):
    """The bundle root: build facts and the list of parts served from this .so."""
    served = tuple(p for p in parts if p not in LEVELLED)
    return ("# Generated by setup.py: what this build is.\n"
            "cdef extern from *:\n"
            '    """\n'
            "    #if defined(__clang__)\n    #define FT_COMPILER \"clang \" __clang_version__\n"
            "    #elif defined(__GNUC__)\n    #define FT_COMPILER \"gcc \" __VERSION__\n"
            "    #else\n    #define FT_COMPILER \"unknown\"\n    #endif\n"
            '    """\n'
            "    const char* FT_COMPILER\n"
            "compiler = FT_COMPILER.decode()\n"
            f"flags = {flags!r}\n"
            f"extra_flags = {os.environ.get('FT_CFLAGS', '')!r}\n"
            f"levels = {tuple(LEVELS)!r}\n"
            f"debug = {DEBUG!r}\n"
            f"parts = {served!r}\n")


LEVELLED = set()


def is_levelled(text):
    return '"FT_FILL_' in text


PXD_IMPORT = re.compile(r"from\s+frankentorch\._ext\.(\w+)\s+cimport|cimport\s+frankentorch\._ext\.(\w+)|include\s+\"(\w+)\.pxi\"")


@contextlib.contextmanager
def making(target):
    """Hold the lock of one cache entry, so that builds side by side do not make the same file twice."""
    CACHE.mkdir(parents=True, exist_ok=True)
    try:
        import fcntl
    except ImportError:
        yield
        return
    with open(CACHE / (target.name + ".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def find_header(name):
    for folder in (EXT, GENERATED / "frankentorch" / "_ext"):
        for suffix in (".pxd", ".pxi"):
            if (folder / (name + suffix)).exists():
                return folder / (name + suffix)
    return None


def with_headers(path):
    """Text of a part followed by every .pxd it reaches, for the cache key."""
    seen, texts, queue = set(), [path.read_text()], [path.stem]
    own = find_header(path.stem)
    if own is not None:
        texts.append(own.read_text())
    seen.add(path.stem)
    scan = list(texts)
    while scan:
        for groups in PXD_IMPORT.findall(scan.pop()):
            name = next(g for g in groups if g)
            if name in seen:
                continue
            seen.add(name)
            header = find_header(name)
            if header is not None:
                texts.append(header.read_text())
                scan.append(texts[-1])
    return "\n".join([texts[0]] + sorted(texts[1:]))


def serve_cython(pipe):
    """A child's life: translate (module name, .pyx, .c, directives) as they come, answering with the number of errors.

    One process for many parts saves loading Cython and its tables for each, half the time of a small part; its garbage is
    collected between the parts, not while it works."""
    import gc
    import traceback
    from Cython.Compiler import Options
    from Cython.Compiler.Main import CompilationOptions, compile, default_options
    os.chdir(ROOT)
    Options.emit_code_comments = False
    gc.disable()
    while True:
        try:
            name, source, target, directives = pipe.recv()
        except EOFError:
            os._exit(0)
        try:
            options = CompilationOptions(default_options, include_path=[str(GENERATED), str(ROOT)], output_file=str(target),
                                         compiler_directives=dict(directives), language_level=3)
            errors = compile(str(source), options, full_module_name=name).num_errors
        except Exception:
            traceback.print_exc()
            errors = 1
        pipe.send(errors)
        gc.collect()


class Translators:
    """As many children that run Cython as there are jobs, forked while this process has one thread."""

    def __init__(self):
        self.free = queue.SimpleQueue()

    def start(self):
        context = multiprocessing.get_context("fork")
        ends = []
        for _ in range(JOBS):
            ours, theirs = context.Pipe()

            def live(theirs=theirs, others=(*ends, ours)):
                for end in others:           # so that a pipe ends when this process closes its side
                    end.close()
                serve_cython(theirs)
            context.Process(target=live, daemon=True).start()
            theirs.close()
            ends.append(ours)
            self.free.put(ours)

    def run(self, *job):
        pipe = self.free.get()
        try:
            pipe.send(job)
            errors = pipe.recv()
        finally:
            self.free.put(pipe)
        if errors:
            raise RuntimeError(f"Cython found {errors} errors in {job[1]}")


translators = Translators()


def cythonize_part(name, path):
    """C text of one part, from the cache when nothing it depends on moved."""
    import Cython
    directives = dict(DIRECTIVES)
    key = digest("c", with_headers(path), Cython.__version__, sorted(directives.items()), DEBUG)
    target = CACHE / f"{name}-{key}.c"
    if target.exists():
        return target
    source = path
    if DEBUG:     # file-head directives win over the command line, so the debug build edits them
        text = path.read_text().replace("boundscheck=False", "boundscheck=True").replace("wraparound=False", "wraparound=True")
        source = ROOT / "build" / "debug" / "frankentorch" / "_ext" / path.name
        write_if_changed(source, text)
        for header in list(EXT.glob("*.px[di]")) + list((GENERATED / "frankentorch" / "_ext").glob("*.pxd")):
            write_if_changed(source.parent / header.name, header.read_text())
    partial = target.with_suffix(f".{os.getpid()}.c")
    with making(target):
        if target.exists():
            return target
        translators.run(f"frankentorch._ext.{name}", source, partial, directives)
        header = partial.with_suffix(".h")
        if header.exists():
            header.unlink()
        os.replace(partial, target)
    return target


def compile_object(name, c_path, level, levelled, compiler):
    """One object file, cached by C text and flags."""
    flags = COMMON + (KERNEL if levelled else ["-O2"] if HOT.fullmatch(name) else BINDING)
    if levelled:
        if X86 and level == "baseline" or name == "optim_half":     # x86 without AVX2 is rare, and so are optimizers of halves
            flags = ["-O2" if f == "-O3" else f for f in flags]
        flags = flags + LEVELS[level] + [f"-DFT_LEVEL={level}", f"-DPyInit_{name}=PyInit_{name}_{level}",
                                        f"-D__pyx_module_is_main_frankentorch___ext__{name}=ft_is_main_{name}_{level}"]
    if name == "gemm" and not is_clang(compiler):     # clones for single callers take a third of its compile
        flags = flags + ["-fno-ipa-cp-clone"]
    if name.startswith("loops_real") and not is_clang(compiler):  # lets the chains of two vectors run side by side; order changes no bit
        flags = flags + ["-fschedule-insns", "-fsched-pressure"]
    if name.startswith("loops_complex"):          # scalar code: forced inlining only makes it huge
        flags = flags + ["-DFT_PLAIN_INLINE"]
    if DEBUG:
        flags = [f for f in flags if f not in ("-O2", "-O3", "-g0")] + ["-O1", "-g", "-UNDEBUG", "-DFT_DEBUG=1"]
    else:
        flags = flags + ["-DNDEBUG"]
    flags += os.environ.get("FT_CFLAGS", "").split()
    include = ["-I", sysconfig.get_path("include"), "-I", str(EXT)]
    text = re.sub(rb"/\*.*?\*/", b"", c_path.read_bytes(), flags=re.S)
    key = digest("o", text, flags, compiler_id(compiler), sys.version_info[:2])
    target = CACHE / f"{name}-{level}-{key}.o"
    if not target.exists():
        partial = target.with_suffix(f".{os.getpid()}.o")
        with making(target):
            if not target.exists():
                subprocess.run([*compiler, "-c", *flags, *include, str(c_path), "-o", str(partial)], check=True)
                os.replace(partial, target)
    return target


COMPILER_IDS = {}


def compiler_id(compiler):
    key = tuple(compiler)
    if key not in COMPILER_IDS:
        COMPILER_IDS[key] = subprocess.run([*compiler, "--version"], capture_output=True, text=True).stdout.splitlines()[:1]
    return COMPILER_IDS[key]


def is_clang(compiler):
    return any("clang" in line for line in compiler_id(compiler))


class BuildPython(build_py):
    """Makes the files that come from the table before setuptools collects the modules."""

    def run(self):
        write_package_files(load_table())
        super().run()


class BuildCore(build_ext):
    """Builds the one extension; setuptools only says where it goes."""

    def build_extension(self, ext):
        compiler = os.environ.get("CC", "cc").split()
        parts = expand()
        objects = []
        translators.start()
        with ThreadPoolExecutor(JOBS) as pool:
            def build(item):
                name, path = item
                c_path = cythonize_part(name, path)
                levelled = name in LEVELLED
                return [compile_object(name, c_path, level, levelled, compiler) for level in (levels_of(name) if levelled else ("plain",))]
            order = sorted(parts.items(), key=lambda item: -item[1].stat().st_size)   # long ones first
            for result in pool.map(build, order):
                objects += result
        target = Path(self.get_ext_fullpath(ext.name))
        target.parent.mkdir(parents=True, exist_ok=True)
        extra = os.environ.get("FT_CFLAGS", "").split()
        shared = ["-bundle", "-undefined", "dynamic_lookup"] if sys.platform == "darwin" else ["-shared"]
        partial = target.with_suffix(".partial")
        strip = [] if DEBUG or os.environ.get("FT_SYMBOLS") or sys.platform == "darwin" else ["-s"]
        subprocess.run([*compiler, *shared, *strip, *extra, *map(str, sorted(objects)), "-lm", "-lpthread", "-o", str(partial)], check=True)
        os.replace(partial, target)


if __name__ == "__main__":
    setup(ext_modules=[Extension("frankentorch._ext._core", sources=[])], cmdclass={"build_py": BuildPython, "build_ext": BuildCore})
