"""States and files that several runs use."""
from frankentorch import ops


def example():
    return {"model": {"w": ops.arange(60, dtype=ops.float32).reshape(6, 10), "tied": ops.ones(4), "flags": ops.tensor([True, False])}, "steps": [1, -300, None, "x", 2.5], "lr": 0.1}


def numbered(number, elements=20_000):
    """A state that says which save it is of."""
    return {"number": number, "w": ops.full((elements,), float(number)), "v": ops.full((7,), number, dtype=ops.int64)}


def put(path, content):
    with open(path, "wb") as file:
        file.write(content)


def get(path):
    with open(path, "rb") as file:
        return file.read()
