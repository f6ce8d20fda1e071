"""The tree itself: imports go one way, files stay small, the environment is read in one place.

Everything here is read from the sources by `ast` or text; only the last tests start a process.
"""
import ast
import functools
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "frankentorch"
LARGEST = 800
# Longer files, each with the reason why it is one piece. A file that shrinks must leave the list.
LONGER = {}

# Layers from the bottom; a file may import its own layer's files, lower layers and the leaves.
LAYERS = (
    ("optable", "_size", "_version", "_pytree"),
    ("_ext",),
    ("ops", "random", "autograd.rules_conv"),
    ("batching",),
    ("_storage", "_limits", "_overrides", "return_types"),
    ("autograd.backward", "autograd.rules"),
    ("_protocols",),
    ("_tensor", "_tensor_str"),
    ("_settings", "functional", "linalg", "special", "fft", "overrides", "storage", "version", "cuda", "mps", "xpu", "cpu", "backends"),
    ("autograd", "utils.hooks"),
    ("nn",),
    ("func",),
    ("optim",),
    ("autograd.profiler",),
    ("utils", "profiler"),
    ("serialization", "checkpoint"),
    ("datasets", "distributed"),
    ("cli", "install", "_dropin", "__main__"),
)
LEAVES = ("runtime", "errors")
# The facade gathers public names; only the outermost layer may import it.
FACADE_USERS = ("cli", "install", "_dropin", "__main__", "__init__", "datasets")


def sources(*patterns):
    return sorted(path for pattern in patterns for path in PACKAGE.rglob(pattern) if "__pycache__" not in path.parts)


def module_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@functools.cache
def modules():
    """{module name: (path, syntax tree)} of the package."""
    found = {}
    for path in sources("*.py"):
        if "_dropin" in path.parts and path.parts[-1] != "__init__.py":
            continue
        found[module_of(path)] = path, ast.parse(path.read_text(), str(path))
    return found


def resolve(name):
    """The package's module that an imported dotted name refers to, or None."""
    while name:
        if name in modules():
            return name
        name = name.rpartition(".")[0]
    return None


def imported(module, node):
    """Modules of the package that one import statement loads."""
    path = modules()[module][0]
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            package = module if path.name == "__init__.py" else module.rpartition(".")[0]
            parts = package.split(".")
            parts = parts[:len(parts) - node.level + 1]
            base = ".".join(parts + ([base] if base else []))
        names = [f"{base}.{alias.name}" for alias in node.names]
    else:
        return set()
    found = {resolve(name) for name in names if name == "frankentorch" or name.startswith("frankentorch.")}
    return {name for name in found if name and name != module}


@functools.cache
def graph():
    """Every import, late ones inside functions included; blocks for type checkers left out."""
    edges = {}
    for module, (_, tree) in modules().items():
        skipped = {id(inner) for node in ast.walk(tree) if isinstance(node, ast.If) and is_type_checking(node.test)
                   for inner in ast.walk(node)}
        edges[module] = set().union(*(imported(module, node) for node in ast.walk(tree) if id(node) not in skipped))
    return edges


def is_type_checking(test):
    return getattr(test, "id", getattr(test, "attr", "")) == "TYPE_CHECKING"


def circles(edges):
    """Strongly connected parts of more than one module (Tarjan's algorithm, with an explicit stack)."""
    number, low, on_stack, stack, found = {}, {}, set(), [], []
    for root in sorted(edges):
        if root in number:
            continue
        work = [(root, iter(sorted(edges[root])))]
        number[root] = low[root] = len(number)
        stack.append(root)
        on_stack.add(root)
        while work:
            node, rest = work[-1]
            for following in rest:
                if following not in number:
                    number[following] = low[following] = len(number)
                    stack.append(following)
                    on_stack.add(following)
                    work.append((following, iter(sorted(edges.get(following, ())))))
                    break
                if following in on_stack:
                    low[node] = min(low[node], number[following])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == number[node]:
                    part = []
                    while not part or part[-1] != node:
                        part.append(stack.pop())
                        on_stack.discard(part[-1])
                    if len(part) > 1:
                        found.append(sorted(part))
    return found


def layer_of(module):
    """Position of a module's layer, None for the facade and the leaves."""
    parts = module.split(".")
    if len(parts) == 1 or parts[1] in LEAVES:
        return None
    inner = ".".join(parts[1:3])
    for name in (inner, "autograd.rules" if inner.startswith("autograd.rules") else inner, parts[1]):
        for position, names in enumerate(LAYERS):
            if name in names:
                return position
    raise AssertionError(f"{module} is in no layer: add it to LAYERS of this test")


def test_circle_finder_finds_a_circle():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [["a", "b", "c"]]
    assert circles({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_no_import_circle():
    assert circles(graph()) == []


def test_imports_go_one_way():
    wrong = [f"{module} imports {target}" for module, targets in graph().items() for target in sorted(targets)
             if layer_of(module) is not None and layer_of(target) is not None and layer_of(target) > layer_of(module)]

    assert wrong == []


def test_leaves_import_only_leaves_and_the_extension():
    wrong = [f"{module} imports {target}" for module, targets in graph().items() if module.split(".")[1:2] in
             [[leaf] for leaf in LEAVES] for target in sorted(targets)
             if target.split(".")[1:2] not in [[leaf] for leaf in (*LEAVES, "_ext")] and target != "frankentorch"]

    assert wrong == []


def test_optable_imports_only_the_standard_library():
    known = sys.stdlib_module_names
    wrong = []
    for module, (_, tree) in modules().items():
        if not module.startswith("frankentorch.optable"):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                wrong += [f"{module}: {alias.name}" for alias in node.names if alias.name.split(".")[0] not in known]
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module.split(".")[0] not in known:
                if not node.module.startswith("frankentorch.optable") and {alias.name for alias in node.names} != {"optable"}:
                    wrong.append(f"{module}: {node.module}")

    assert wrong == []


def test_the_facade_is_for_the_outermost_layer():
    wrong = [module for module, targets in graph().items() if "frankentorch" in targets
             and module.split(".")[1:2] not in [[user] for user in FACADE_USERS]]

    assert wrong == []


def written_by_hand():
    names = ("frankentorch", "tests", "conformance", "bench")
    endings = (".py", ".pyx", ".pxd", ".pxi", ".in", ".h", ".c")
    paths = [path for name in names for path in (ROOT / name).rglob("*") if path.name.endswith(endings)]
    paths += [path for path in (ROOT / "setup.py",) if path.exists()]
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if tracked.returncode == 0:
        kept = set(tracked.stdout.splitlines())
        paths = [path for path in paths if path.relative_to(ROOT).as_posix() in kept]
    return sorted(path for path in paths if not re.match(r"\S+ ?generated", path.read_text()[:80], re.I))


def test_files_stay_small():
    sizes = {path.relative_to(ROOT).as_posix(): len(path.read_text().splitlines()) for path in written_by_hand()}
    larger = {name: count for name, count in sizes.items() if count > LARGEST}

    assert {name for name in larger if name not in LONGER} == set(), larger
    assert set(LONGER) <= set(larger), "a file of LONGER is small again: take it off the list"


def test_environment_is_read_in_one_place():
    reads = re.compile(r"\bos\.(environ|getenv|environb)\b|\bfrom os import .*\b(environ|getenv)\b|\bgetenv *\(")
    allowed = {"frankentorch/runtime/config.py"}
    # These hand the environment on to a child process; they decide nothing by it.
    passing_on = re.compile(r"env *= *(\{\*\*os\.environ|dict\(os\.environ|os\.environ\.copy)|\*\*os\.environ|"
                            r"dict\(os\.environ|child_environment\(os\.environ")
    wrong = []
    for path in sources("*.py", "*.pyx", "*.pxd", "*.pxi", "*.pyx.in", "*.h"):
        name = path.relative_to(ROOT).as_posix()
        if name in allowed:
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if reads.search(line) and not passing_on.search(line):
                wrong.append(f"{name}:{number}: {line.strip()}")

    assert wrong == []


def test_text_says_nothing_of_any_workplace():
    private = re.compile("/" + r"(work|root|home)/[a-z]")
    wrong = [path.relative_to(ROOT).as_posix() for path in written_by_hand() if private.search(path.read_text())]

    assert wrong == []


def loaded_after(statement):
    done = subprocess.run([sys.executable, "-c", f"{statement}\nimport sys\nprint(*sorted(sys.modules))"],
                          cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.parametrize("heavy", ["numpy", "zstandard", "torch", "asyncio", "multiprocessing", "unittest", "sqlite3"])
def test_import_stays_light(ft_module, heavy):
    assert heavy not in loaded_after("import frankentorch")
