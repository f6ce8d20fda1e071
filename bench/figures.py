"""`python -m bench figures`: README's table of speed, written from the records in artifacts/bench/ and from nothing else."""
import json
import math
import statistics

BEGIN, END = "<!-- figures: written by `python -m bench figures` -->\n", "<!-- end of figures -->"
LABELS = {
    "tiny": "one op on 10 floats", "train": "training steps: tiny MLP, MLP, LeNet, char-GPT, LSTM, ResNet-18", "optim": "optimizer steps",
    "matmul": "matrix products", "attention": "attention", "conv": "convolutions and pools", "image": "padding, patches, sampling, distances", "rows": "softmax, norms, cross entropy",
    "reduce": "sums and other reductions", "elementwise": "elementwise", "functions": "every elementwise function", "index": "gather, scatter, masks, embeddings",
    "random": "random numbers", "sort": "sort, unique, search",
}


def ratios(record, kind="median"):
    """{case: oracle / ours} of one record."""
    return {case: row["oracle"][kind] / row["ours"][kind] for case, row in record["cases"].items() if "missing" not in row}


def cells(record):
    """Geometric mean and slowest case of one record, as cells of a table; empty without one."""
    if record is None:
        return " | "
    found = ratios(record)
    case = min(found, key=found.get)
    return f"{math.exp(statistics.fmean(map(math.log, found.values()))):.2f} | {found[case]:.2f} ({case})"


def block(folder):
    """The marked block of README.md, markers included.

    Parameters
    ----------
    folder : pathlib.Path
        A folder for each processor, with records, one <group>.json each; groups without one have no line.

    Returns
    -------
    str
    """
    machines = [{path.stem: json.loads(path.read_text()) for path in sorted(place.glob("*.json"))} for place in sorted(folder.iterdir()) if place.is_dir()]
    machines = [records for records in machines if any(group in records for group in LABELS)]
    names = [next(record["host"]["cpu"] for group, record in records.items() if group in LABELS) for records in machines]
    shown = [group for group in LABELS if any(group in records for records in machines)]
    text = ["PyTorch's time over ours on one thread, geometric mean of each group (above 1 we are faster) and its slowest case, on each processor",
            "that has records in `artifacts/bench/`, made by `python -m bench record`:", "",
            "| group | " + " | ".join(f"{name} | slowest" for name in names) + " |", "|---|" + "---|---|" * len(names),
            *(f"| {LABELS[group]} | " + " | ".join(cells(records.get(group)) for records in machines) + " |" for group in shown)]
    costs = [ratios(records["import"]) for records in machines if "import" in records]
    if costs:
        cost = {case: min(found[case] for found in costs) for case in costs[0]}
        text += ["", f"Importing takes 1/{cost['import']:.0f} of PyTorch's time, a process 1/{cost['memory after import']:.0f} of its memory after it,"
                 f" the installation 1/{cost['installed size']:.0f} of its size", "(`python -m bench compare --group import`)."]
    return BEGIN + "\n".join(text) + "\n" + END


def rewritten(page, folder):
    """The text of a page with its block written anew."""
    head, rest = page.split(BEGIN, 1)
    return head + block(folder) + rest.split(END, 1)[1]
