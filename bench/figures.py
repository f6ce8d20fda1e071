"""`python -m bench figures`: README's table of speed, written from the records in artifacts/bench/ and from nothing else."""
import json
import math
import statistics

BEGIN, END = "<!-- figures: written by `python -m bench figures` -->\n", "<!-- end of figures -->"
LABELS = {
    "tiny": "one op on 10 floats", "train": "training steps: tiny MLP, MLP, LeNet, char-GPT, LSTM, ResNet-18", "optim": "optimizer steps",
    "matmul": "matrix products", "attention": "attention", "conv": "convolutions and pools", "image": "padding, patches, sampling, distances", "rows": "softmax, norms, cross entropy",
    "reduce": "sums and other reductions", "elementwise": "elementwise", "index": "gather, scatter, masks, embeddings",
    "random": "random numbers", "sort": "sort, unique, search",
}


def ratios(record, kind="median"):
    """{case: oracle / ours} of one record."""
    return {case: row["oracle"][kind] / row["ours"][kind] for case, row in record["cases"].items() if "missing" not in row}


def line(record, label):
    found = ratios(record)
    mean = math.exp(statistics.fmean(map(math.log, found.values())))
    case = min(found, key=found.get)
    return f"| {label} | {mean:.2f} | {found[case]:.2f} ({case}) |"


def block(folder):
    """The marked block of README.md, markers included.

    Parameters
    ----------
    folder : pathlib.Path
        Records, one <group>.json each; groups without one have no line.

    Returns
    -------
    str
    """
    records = {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}
    shown = [(records[group], label) for group, label in LABELS.items() if group in records]
    hosts = sorted({record["host"]["cpu"] for record, _ in shown})
    text = [f"PyTorch's time over ours on one thread ({'; '.join(hosts)}), geometric mean of each group (above 1 we are faster)",
            "and its slowest case, as recorded in `artifacts/bench/` by `python -m bench record`:", "",
            "| group | mean | slowest |", "|---|---|---|", *(line(record, label) for record, label in shown)]
    if "import" in records:
        cost = ratios(records["import"])
        text += ["", f"Importing takes 1/{cost['import']:.0f} of PyTorch's time, a process 1/{cost['memory after import']:.0f} of its memory after it,"
                 f" the installation 1/{cost['installed size']:.0f} of its size", "(`python -m bench compare --group import`)."]
    return BEGIN + "\n".join(text) + "\n" + END


def rewritten(page, folder):
    """The text of a page with its block written anew."""
    head, rest = page.split(BEGIN, 1)
    return head + block(folder) + rest.split(END, 1)[1]
