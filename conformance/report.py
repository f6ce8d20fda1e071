"""artifacts/parity.json: what agrees today, in a form that is small, sorted and free of clocks.

Per entry, dtypes with the same outcome share a line:
    {"dtypes": "float32 float64", "passed": "forward dtype ...", "failed": {"grad": "sample 3: ..."}}
The ratchet compares two such files by (entry, dtype, check).
"""
import json
from pathlib import Path

PATH = Path(__file__).resolve().parent.parent / "artifacts" / "parity.json"
FORWARD = PATH.with_name("forward.json")          # the same of forward mode: checks jvp and jvp_inplace
ORDER = ("forward", "dtype", "shape", "strides", "alias", "requires_grad", "inputs", "grad", "grad2", "inplace", "out",
         "method", "noncontiguous", "jvp", "jvp_inplace", "jvp_rule", "jvp_grad", "error", "crash", "timeout", "memory", "harness")


def reason_class(check, message):
    """Coarse cause of a failure, for counting."""
    if check in ("crash", "timeout", "memory", "harness"):
        return check
    if "no such function" in message:
        return "missing"
    if "NotImplementedError" in message:
        return "not implemented"
    if "raised" in message or "did not raise" in message:
        return "exception"
    return check


def summarise(result):
    """(passed checks, {failed check: message}) of one job's result."""
    if "broken" in result:
        return (), {result["broken"]: result["message"]}
    failed = {check: f"sample {result['first'][check][0]}: {result['first'][check][1]}"
              for check in ORDER if result["failed"].get(check)}
    passed = tuple(check for check in ORDER if result["passed"].get(check) and check not in failed)
    return passed, failed


def entry_record(tier, results):
    """One entry of the file, from {dtype: job result}."""
    lines = []
    for dtype, result in results.items():
        passed, failed = summarise(result)
        for line in lines:
            if line["passed"] == passed and line["failed"].keys() == failed.keys():
                line["dtypes"].append(dtype)
                break
        else:
            lines.append({"dtypes": [dtype], "passed": passed, "failed": failed})
    ulps = [result["max_ulp"] for result in results.values() if result.get("max_ulp")]
    record = {"tier": tier, "samples": sum(result.get("samples", 0) for result in results.values())}
    if ulps:
        record["max_ulp"] = float(f"{max(ulps):.3g}")
    saved = sum(result.get("saved_by_truth", 0) for result in results.values())
    if saved:
        record["nearer_than_oracle"] = saved
    drift = {}
    for result in results.values():
        for name, count in result.get("drift", {}).items():
            drift[name] = drift.get(name, 0) + count
    if drift:
        record["drift"] = drift          # answers that differ as a record of artifacts/drift.json allows
    record["results"] = [
        {"dtypes": " ".join(line["dtypes"]), "passed": " ".join(line["passed"]),
         **({"failed": line["failed"], "reason": sorted({reason_class(*item) for item in line["failed"].items()})}
            if line["failed"] else {})} for line in lines]
    return record


def whole(record):
    return not any("failed" in line for line in record["results"])


def passing(record):
    """{(dtype, check)} that passed, and the dtypes that were examined."""
    passed, seen = set(), set()
    for line in record["results"]:
        for dtype in line["dtypes"].split():
            seen.add(dtype)
            passed.update((dtype, check) for check in line["passed"].split())
    return passed, seen


def load(path=PATH):
    try:
        return json.loads(Path(path).read_text())
    except FileNotFoundError:
        return {"entries": {}}


def save(entries, about, path=PATH):
    """Write one entry per line, sorted by name."""
    lines = [f" {json.dumps(key)}: {json.dumps(entries[key], ensure_ascii=False)}" for key in sorted(entries)]
    head = json.dumps(about, ensure_ascii=False)[1:-1]
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text("{" + head + ',\n"entries": {\n' + ",\n".join(lines) + "\n}}\n")


def lost(before, after):
    """What passed before and does not now: [(entry, dtype, check, message)]. Only what was examined counts."""
    losses = []
    for key, record in sorted(after.items()):
        if key not in before:
            continue
        was, _ = passing(before[key])
        now, seen = passing(record)
        for dtype, check in sorted(was - now):
            if dtype in seen:
                losses.append((key, dtype, check, failure_message(record, dtype, check)))
    return losses


def failure_message(record, dtype, check):
    for line in record["results"]:
        if dtype in line["dtypes"].split():
            failed = line.get("failed", {})
            return failed.get(check) or "; ".join(f"{name}: {text}" for name, text in failed.items()) or "not examined"
    return "not examined"


def merge(before, after):
    """New results over old ones, dtype by dtype, so that a partial run does not forget the rest."""
    merged = dict(before)
    for key, record in after.items():
        old = before.get(key)
        _, seen = passing(record)
        kept = []
        for line in old["results"] if old else ():
            rest = [dtype for dtype in line["dtypes"].split() if dtype not in seen]
            if rest:
                kept.append({**line, "dtypes": " ".join(rest)})
        merged[key] = {**record, "results": record["results"] + kept}
    return merged


def table(entries):
    """Lines of the summary: whole entries and passing (entry, dtype) pairs per tier, then causes."""
    lines = [f"{'tier':>4} {'whole':>7} {'entries':>8} {'':>6} {'pairs':>7} {'of':>6}"]
    causes = {}
    for tier in sorted({record["tier"] for record in entries.values()}, key=lambda tier: (tier == 0, tier)):
        records = [record for record in entries.values() if record["tier"] == tier]
        complete = sum(map(whole, records))
        pairs = [("failed" not in line, len(line["dtypes"].split())) for r in records for line in r["results"]]
        good, total = sum(n for ok, n in pairs if ok), sum(n for _, n in pairs)
        lines.append(f"{tier or '-':>4} {complete:>7} {len(records):>8} {complete / len(records):>6.1%} {good:>7} {total:>6}")
        for record in records:
            for line in record["results"]:
                for reason in line.get("reason", ()):
                    causes[reason] = causes.get(reason, 0) + len(line["dtypes"].split())
    if causes:
        lines.append("failing pairs by cause: " + ", ".join(f"{name} {count}" for name, count in
                                                            sorted(causes.items(), key=lambda item: (-item[1], item[0]))))
    return lines


ABSENT = ("no such function", "has no attribute")


def orders(entries, first, second):
    """Lines that count derivatives: of the entries of the database marked differentiable (`first`) and twice so (`second`), how many of those we have agree.

    Entries without a second derivative to compare (gradients that depend on nothing, random results) are told apart.
    """
    lines = []
    for name, marked, check in (("first", first, "grad"), ("second", second, "grad2")):
        agree, differ, nothing, absent = [], [], [], []
        for key in sorted(marked & entries.keys()):
            results = entries[key]["results"]
            failed = {what: text for line in results for what, text in line.get("failed", {}).items()}
            passed = {what for line in results for what in line["passed"].split()}
            if any(word in text for text in failed.values() for word in ABSENT):
                absent.append(key)
            elif check in failed:
                differ.append(key)
            elif check in passed:
                agree.append(key)
            else:
                (differ if {"forward", "grad"} & failed.keys() else nothing).append(key)
        have = len(agree) + len(differ) + len(nothing)
        if have:
            lines.append(f"{name}-order gradients: {have - len(differ)} of {have} entries that are there ({100 * (have - len(differ)) / have:.1f} %), {len(nothing)} of them with nothing "
                         f"to compare; {len(absent)} are not there" + (f"; differing: {' '.join(differ)}" if differ else ""))
    return lines
