"""`python -m bench gate`: has a group become slower, beside the oracle, than its last record says?

A group's figure is the geometric mean of oracle / ours over the cases that both the record and this run have, by minima: the
load of neighbours moves those least. Absolute times are not compared, so the record may come from another machine with such a processor; with
another processor it may not, for what each library makes of one differs by more than any tolerance.
"""
import json
import math
import statistics


def ratio_of(row, kind="min"):
    """oracle / ours of one case, None where one side is missing."""
    return None if "missing" in row else row["oracle"][kind] / row["ours"][kind]


def judge(recorded, rows, tolerance):
    """What a run says about a record, both {case: row}.

    Returns
    -------
    dict
        ``before`` and ``now``: geometric means over the common cases (None without any); ``lost``: cases that ran when the
        record was made and do not now; ``added``: cases without a record; ``fell``: cases below their record by more than
        the tolerance, with both ratios, worst first; ``failed``: whether the mean fell by more than the tolerance or a
        case was lost.
    """
    before = {case: ratio_of(row) for case, row in recorded.items() if ratio_of(row) is not None}
    now = {case: ratio_of(row) for case, row in rows.items() if ratio_of(row) is not None}
    common = [case for case in before if case in now]
    lost = [case for case in before if case not in now]
    means = [mean([side[case] for case in common]) for side in (before, now)]
    fell = sorted(((case, before[case], now[case]) for case in common if now[case] < (1 - tolerance) * before[case]),
                  key=lambda item: item[2] / item[1])
    return {"before": means[0], "now": means[1], "lost": lost, "added": [case for case in now if case not in before], "fell": fell,
            "failed": bool(lost) or (bool(common) and means[1] < (1 - tolerance) * means[0])}


def mean(values):
    return math.exp(statistics.fmean(map(math.log, values))) if values else None


def read(path):
    """{case: row} of a record, None if there is none."""
    return json.loads(path.read_text())["cases"] if path.exists() else None


def report(name, verdict):
    if verdict["before"] is None:
        print(f"{name:<14} no case in common with the record")
    else:
        change = verdict["now"] / verdict["before"] - 1
        print(f"{name:<14} {verdict['before']:>7.2f}x {verdict['now']:>7.2f}x {change:>+7.1%}  {'FAILED' if verdict['failed'] else 'ok'}", flush=True)
    for case in verdict["lost"]:
        print(f"  lost: {case}")
    for case, before, now in verdict["fell"][:8]:
        print(f"  {case:<36} {before:>7.2f}x {now:>7.2f}x")


def run(groups, folder, measure, tolerance):
    """Measure every group that has a record; 0 if all hold, 1 if one fell, 2 if nothing could be compared."""
    failed, compared = False, 0
    print(f"{'group':<14} {'record':>8} {'now':>8} {'change':>7}")
    for name in groups:
        recorded = read(folder / f"{name}.json")
        if recorded is None:
            print(f"{name:<14} no record in {folder.name}")
            continue
        verdict = judge(recorded, measure(name), tolerance)
        report(name, verdict)
        compared += 1
        failed = failed or verdict["failed"]
    return 2 if not compared else int(failed)
