"""Repair sidecars of the long-lived artifacts, with evidence that they work.

Writes `<artifact>.rq` beside each, and to artifacts/durability/: manifest.json (what is protected, every digest computed anew
from the bytes), scrub.json (a scrub of each) and proofs.jsonl (the events of decoding each from a planted loss, in a copy).
"""
import json
import os
import pathlib
import shutil
import tempfile

from frankentorch import checkpoint
from frankentorch.checkpoint import sidecar
from frankentorch.checkpoint.index import blake3

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "artifacts"
OUT = FOLDER / "durability"
OVERHEAD = 0.05


def long_lived():
    """Artifacts that later runs are compared with."""
    return sorted(path for path in FOLDER.rglob("*.json") if OUT not in path.parents and path.stat().st_size)


def entry(path):
    """One line of the manifest, from the bytes."""
    content, beside = path.read_bytes(), pathlib.Path(sidecar.path_of(path)).read_bytes()
    found = sidecar.Sidecar(beside)
    identity = found.identity
    table = sidecar.table_of(memoryview(content), identity.plan)
    return {"path": path.relative_to(ROOT).as_posix(), "nbytes": len(content), "blake3": blake3(content).hex(), "file_id": identity.file_id.hex(),
            "file_id_of_bytes": sidecar.file_id(identity.plan, table).hex(), "sidecar_nbytes": len(beside), "sidecar_blake3": blake3(beside).hex(),
            "symbol_nbytes": identity.symbol, "symbols": identity.plan.symbols, "objects": identity.objects, "repair_symbols_per_object": identity.repair,
            "records": identity.count, "records_whole": len(found.records)}


def planted(path):
    """Events of repairing a copy that lost as much as the sidecar promises; None if the bytes are not the same afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        copy = os.path.join(folder, path.name)
        shutil.copy(path, copy)
        shutil.copy(sidecar.path_of(path), sidecar.path_of(copy))
        content = path.read_bytes()
        with open(sidecar.path_of(copy), "rb") as file:
            identity = sidecar.Sidecar(file.read()).identity
        lost = min((identity.repair - sidecar.SPARE) * identity.objects, identity.plan.symbols) or 1
        begin = (identity.plan.symbols - lost) // 2 * identity.symbol
        with open(copy, "r+b") as file:
            file.seek(begin)
            file.write(bytes(byte ^ 0xFF for byte in content[begin:begin + lost * identity.symbol]))
        report = checkpoint.repair(copy, log=False)
        with open(copy, "rb") as file:
            return report.events if file.read() == content else None


def protect_all():
    """Protect, scrub and prove; returns the record. Everything under "wrong" is a finding."""
    OUT.mkdir(parents=True, exist_ok=True)
    manifest, scrubs, proofs, wrong = [], [], [], []
    for path in long_lived():
        report = checkpoint.scrub(path)
        if not report.ok:
            checkpoint.protect(path, OVERHEAD)
            report = checkpoint.scrub(path)
        line = entry(path)
        manifest.append(line)
        name = line["path"]
        scrubs.append({**report.as_dict(), "path": name})
        if not report.ok or line["file_id"] != line["file_id_of_bytes"] or line["records"] != line["records_whole"]:
            wrong.append(f"{name}: the sidecar is not whole")
        events = planted(path)
        if events is None:
            wrong.append(f"{name}: not the same bytes after the repair")
        proofs += [{**event, "file": name} for event in events or ()]
    write(OUT / "manifest.json", json.dumps({"overhead": OVERHEAD, "artifacts": manifest}, indent=1) + "\n")
    write(OUT / "scrub.json", json.dumps({"reports": scrubs}, indent=1) + "\n")
    write(OUT / "proofs.jsonl", "".join(json.dumps(event, sort_keys=True) + "\n" for event in proofs))
    return {"artifacts": len(manifest), "proof_events": len(proofs), "symbols_decoded": sum(event["symbols_lost"] for event in proofs), "wrong": wrong}


def check():
    """Compare the manifest with the bytes as they are now: names of artifacts that changed since or are damaged."""
    with open(OUT / "manifest.json", encoding="utf-8") as file:
        lines = json.load(file)["artifacts"]
    return [line["path"] for line in lines if not (ROOT / line["path"]).is_file() or not checkpoint.scrub(ROOT / line["path"]).ok or entry(ROOT / line["path"]) != line]


def write(path, text):
    path.write_text(text, encoding="utf-8")
