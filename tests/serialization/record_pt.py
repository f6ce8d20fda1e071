"""Record what PyTorch writes: `python -m tests.serialization.record_pt` (needs PyTorch) renews recorded_pt.json.

Each entry: the bytes of a `.pt` file (deflated, base64) and the description of the object that was saved.
"""
import base64
import io
import json
import pathlib
import zlib

from tests.serialization import objects

PATH = pathlib.Path(__file__).with_name("recorded_pt.json")


def entries(torch):
    """Yield (name, object, options of torch.save)."""
    for dtype in objects.DTYPES:
        yield f"{dtype} layouts", {layout: objects.laid_out(torch, dtype, layout) for layout in objects.LAYOUTS}, {}
    for container in objects.CONTAINERS:
        yield f"container {container}", objects.contained(torch, objects.laid_out(torch, "float32", "shared"), container), {}
    yield "training", objects.training(torch), {}
    yield "miscellany", objects.miscellany(torch), {}
    yield "without byteorder", [torch.arange(3)], {"_disable_byteorder_record": True}
    for protocol in (3, 4, 5):
        yield f"protocol {protocol}", objects.contained(torch, objects.laid_out(torch, "float32", "shared"), "nested"), {"pickle_protocol": protocol}
    for dtype in ("float32", "bfloat16", "int64", "bool", "complex64"):
        yield f"legacy {dtype}", {layout: objects.laid_out(torch, dtype, layout) for layout in objects.LAYOUTS}, {"_use_new_zipfile_serialization": False}
    yield "legacy training", objects.training(torch), {"_use_new_zipfile_serialization": False}


def main():
    import torch

    found = {"torch": torch.__version__, "files": {}}
    for name, thing, options in entries(torch):
        buffer = io.BytesIO()
        torch.save(thing, buffer, **options)
        found["files"][name] = {"file": base64.b85encode(zlib.compress(buffer.getvalue(), 9)).decode(), "holds": objects.describe(torch, thing)}
    PATH.write_text(json.dumps(found, indent=0, separators=(",", ":")) + "\n")


def load():
    """{name: (bytes of the file, description)}."""
    return {name: (zlib.decompress(base64.b85decode(entry["file"])), entry["holds"]) for name, entry in json.loads(PATH.read_text())["files"].items()}


if __name__ == "__main__":
    main()
