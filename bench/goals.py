"""`python -m bench goals`: what the records of one processor say beside what was set out to be reached.

A row of GOALS is a group, which of its cases, the geometric mean of oracle / ours that they shall have together, and what none of
them shall be below. Medians decide, but for the least case, which may be the best of medians and minima: one disturbed case is no fault.
"""
import json
import re

from bench.gate import mean, ratio_of

ANY = ""
ONE_ROW = r"^(gemv|row x)"
GOALS = (
    ("tiny", ANY, 5.0, None), ("elementwise", ANY, 1.0, None), ("elementwise", r"\b10000000$", 4.0, None), ("elementwise", r"^(exp|log|tanh) \d+$", 2.0, None),
    ("functions", ANY, 1.0, 0.5), ("rows", ANY, 1.2, None), ("reduce", ANY, 1.1, None), ("matmul", ANY, 1.05, None), ("matmul", rf"^(?!{ONE_ROW[1:]})", None, 0.95),
    ("matmul", ONE_ROW, None, 0.9), ("conv", r"^(?!.*(both ways|backward|pool|batch_norm))", 1.0, None), ("conv", r"both ways|backward", 1.1, None),
    ("conv", r"pool|batch_norm", 2.0, None), ("index", ANY, 1.2, None), ("sort", ANY, 1.2, None), ("random", ANY, 1.2, None), ("attention", ANY, 1.5, None),
    ("train", r"^MLP", 2.5, None), ("train", "LeNet", 2.0, None), ("train", "GPT", 1.3, None), ("train", "LSTM", 1.25, None), ("train", "ResNet", 1.0, None),
)
ROUNDING = 1e-9       # of a mean of logarithms
OF_ALL = 1.5          # the mean over all cases
NOT_SPEED = ("import", "memory", "slope", "ledger", "checkpoint", "serialization")


def judged(records):
    """[(group, cases, how many, mean, goal, least, floor, the least's name, whether all holds)] for {group: {case: row}}; goals without a case are left out."""
    found = []
    everything = [ratio_of(row, "median") for group, rows in records.items() if group not in NOT_SPEED for row in rows.values() if ratio_of(row) is not None]
    if everything:
        found.append(("all", ANY, len(everything), mean(everything), OF_ALL, None, None, "", mean(everything) >= OF_ALL - ROUNDING))
    for group, pattern, goal, floor in GOALS:
        rows = {case: row for case, row in records.get(group, {}).items() if re.search(pattern, case) and ratio_of(row) is not None}
        if not rows:
            continue
        reached = mean([ratio_of(row, "median") for row in rows.values()])
        best = {case: max(ratio_of(row, kind) for kind in ("median", "min")) for case, row in rows.items()}
        case = min(best, key=best.get)
        holds = (goal is None or reached >= goal - ROUNDING) and (floor is None or best[case] >= floor)
        found.append((group, pattern, len(rows), reached, goal, best[case], floor, case, holds))
    return found


def run(folder):
    """Print the table of one processor's records; 0 if all goals are reached, 1 if not, 2 without records."""
    records = {path.stem: json.loads(path.read_text())["cases"] for path in sorted(folder.glob("*.json"))}
    table = judged(records)
    if not table:
        print(f"no records in {folder}")
        return 2
    print(f"{'group':<12} {'cases':<44} {'number':>6} {'mean':>7} {'goal':>6} {'least':>7} {'goal':>6}")
    for group, pattern, number, reached, goal, least, floor, case, holds in table:
        print(f"{group:<12} {pattern:<44} {number:>6} {reached:>6.2f}x {told(goal):>6} {told(least):>7} {told(floor):>6}"
              + ("" if holds else f"  SHORT{f' ({case})' if floor is not None and least < floor else ''}"))
    return int(not all(row[-1] for row in table))


def told(value):
    return "" if value is None else f"{value:.2f}"
