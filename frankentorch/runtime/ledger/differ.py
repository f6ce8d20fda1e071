"""`diff`: the first place at which two runs part, and what parted there."""

import json
import os
from itertools import zip_longest

from frankentorch.runtime.ledger.distance import first_difference, told
from frankentorch.runtime.ledger.errors import LedgerError
from frankentorch.runtime.ledger.file import read

CAUSES = {
    "inputs": "the data that came in", "weights": "a parameter, changed by something other than its optimizer or different from the start",
    "generator": "the state of a random generator", "operator": "an operator: same inputs, different result", "program": "the program: it did something else",
    "gradients": "gradients; levels below 'node' cannot tell inputs from operators", "length": "nothing but the length: one run went on",
}


class Difference:
    """Where two runs part.

    Attributes: ``step`` (optimizer steps done before), ``kind`` of record, ``op`` (op, node or optimizer), ``node`` (its number on
    the tape, or None), ``name`` (parameter, or None), ``cause`` (a key of `CAUSES`), ``shapes``, ``elements`` (see
    `distance.first_difference`; None unless both ledgers hold the elements), ``records`` (numbers in a and b), ``text``.
    """

    ok = False

    def __init__(self, **facts):
        self.__dict__.update(facts)

    def as_dict(self):
        return {key: repr(value) if isinstance(value, complex) else value for key, value in self.__dict__.items()}

    def __str__(self):
        return self.text


def diff(a, b, *, partial=False):
    """Find where two runs first part.

    Parameters
    ----------
    a, b : str or PathLike
        Ledgers; of different levels only their optimizer steps are compared. They may be of different machines.
    partial : bool
        Accept ledgers of killed runs.

    Returns
    -------
    Difference or None
        None if the runs are equal.

    Raises
    ------
    LedgerError
        One of them is damaged.
    """
    first, second = Story(a, partial), Story(b, partial)
    heads = next(first.records), next(second.records)
    levels = [head.fields[0]["level"] for head in heads]
    only_steps = levels[0] != levels[1]
    lanes = (first.steps_only(), second.steps_only()) if only_steps or levels[0] == "step" else (first.events(), second.events())
    for x, y in zip_longest(*lanes):
        if x is None or y is None:
            return ended(first, second, x, y)
        if x.kind == y.kind and x.fields == y.fields:
            continue
        return parted(first, second, x, y)
    return None


class Story:
    """One ledger as it is read, with what must be remembered to name things."""

    def __init__(self, path, partial):
        self.path, self.partial = os.fspath(path), partial
        self.records = read(path, partial)
        self.step, self.tensors, self.stepped = 0, {}, False

    def events(self):
        for record in self.records:
            if record.kind == "end":
                record.fields = [record.fields[0]["stopped"]]
            yield record
            self.remember(record)

    def remember(self, record):
        if record.kind == "tensor":
            number, dtype, sizes, _, name, asks = record.fields
            self.tensors[number] = {"name": name, "asks": asks, "dtype": dtype, "sizes": sizes, "digest": record.fields[3]}
        elif record.kind == "op":
            for number, dtype, sizes, digest in record.fields[6]:
                self.tensors.setdefault(number, {"name": None, "asks": False, "dtype": dtype, "sizes": sizes})["digest"] = digest
            for number, digest in record.fields[7]:
                self.tensors[number]["digest"] = digest
        elif record.kind == "changed":
            self.tensors[record.fields[0]]["digest"] = record.fields[1]
        elif record.kind == "stepped":
            for _, (number, digest), _ in record.fields[1]:
                self.tensors.get(number, {})["digest"] = digest
        elif record.kind == "step":
            self.step += 1

    def steps_only(self):
        """Step records and the last digests, in one form for all levels."""
        for record in self.records:
            if record.kind == "step":
                number, optimizer, name, options, generator, lines, _, closure = record.fields
                lines = [line if len(line) == 3 else [line[0], line[2], line[3] and line[3][1]] for line in lines]
                options = [[item for item in group if not isinstance(item[1], dict)] for group in options]
                record.fields = [number, optimizer, name, options, generator, lines, [], closure]
            elif record.kind != "final":
                continue
            yield record
            self.remember(record)

    def elements(self):
        """{digest: (dtype, sizes, bytes)} of what is stored; of level full."""
        found = {}
        for record in read(self.path, self.partial):
            for note, data in zip(record.notes, record.data, strict=True):
                found[note[0]] = (note[1], note[2], data)
        return found


def ended(first, second, x, y):
    longer = second if x is None else first
    record = x or y
    text = f"equal up to there, but {longer.path} goes on with record {record.number} ({record.kind})"
    return Difference(step=first.step, kind=record.kind, op=None, node=None, name=None, cause="length", shapes=None, elements=None,
                      records=[x and x.number, y and y.number], text=text)


def parted(first, second, x, y):
    """Name what differs between two records that stand at the same place."""
    facts = {"step": first.step, "kind": x.kind, "op": None, "node": None, "name": None, "shapes": None}
    if x.kind != y.kind:
        special = next((record for kind in ("generator", "changed", "tensor") for record in (x, y) if record.kind == kind), None)
        cause, digests = cause_alone(special, first if special is x else second, facts) if special else ("program", None)
        facts["kind"] = special.kind if special else x.kind
    else:
        cause, digests = NAMERS.get(x.kind, name_plain)(x.fields, y.fields, first, facts)
    if cause in ("weights", "inputs") or x.kind in ("changed", "tensor", "generator"):
        name_user(first, facts, x, y)
    elements = distance_of(first, second, digests)
    lines = [f"step {facts['step']}: the runs part at record {x.number} ({facts['kind']})"
             + (f", op {facts['op']}" if facts["op"] else "") + (f", node {facts['node']}" if facts["node"] is not None else "")
             + (f", parameter {facts['name']}" if facts["name"] else "")]
    if facts["shapes"]:
        lines.append(f"  shape {facts['shapes']}")
    lines.append(f"  what parted: {CAUSES[cause]}")
    lines += [f"  {line}" for line in facts.pop("more", [])]
    if digests:
        lines.append(f"  digests {digests[0]} and {digests[1]}")
    if elements:
        lines.append("  " + told(elements))
    return Difference(cause=cause, elements=elements, records=[x.number, y.number], text="\n".join(lines), **facts)


def cause_alone(record, story, facts):
    """Cause of a record that the other run does not have at this place."""
    if record.kind == "generator":
        return "generator", None
    known = story.tensors.get(record.fields[0], {}) if record.kind == "changed" else {"name": record.fields[4], "asks": record.fields[5], "sizes": record.fields[2]}
    facts.update(name=known.get("name"), shapes=known.get("sizes"))
    digests = [known.get("digest"), record.fields[1]] if record.kind == "changed" else None
    return ("weights" if known.get("asks") or known.get("name") else "inputs"), digests


def name_user(story, facts, x, y):
    """The op that next uses what parted: one of the two records, or the next of the first run."""
    ops = [record for record in (x, y) if record.kind == "op"]
    for following in ops or story.records:
        if following.kind == "op":
            facts["op"], facts["node"] = following.fields[1], following.fields[8]
        if following.kind in ("op", "walk", "step"):
            return


def name_tensor(x, y, story, facts):
    facts.update(name=x[4], shapes=x[2])
    if x[1:3] != y[1:3] or x[4:] != y[4:]:
        return "program", None
    return ("weights" if x[5] or x[4] else "inputs"), [x[3], y[3]]


def name_changed(x, y, story, facts):
    known = story.tensors.get(x[0], {})
    facts.update(name=known.get("name"), shapes=known.get("sizes"))
    if x[0] != y[0]:
        return "program", None
    return ("weights" if known.get("asks") or known.get("name") else "inputs"), [x[1], y[1]]


def name_generator(x, y, story, facts):
    return "generator", [x[1], y[1]]


def name_op(x, y, story, facts):
    facts.update(op=x[1], node=x[8], shapes=[out[2] for out in x[6]])
    if x[:6] != y[:6] or [out[:3] for out in x[6]] != [out[:3] for out in y[6]] or x[8] != y[8]:
        facts["more"] = [f"the other run: op {y[1]} with {json.dumps(y[4])[:120]}"]
        return "program", None
    for one, other in (*zip(x[6], y[6]), *zip(x[7], y[7])):
        if one[-1] != other[-1]:
            return "operator", [one[-1], other[-1]]
    return "generator", [x[9], y[9]]


def name_walk(x, y, story, facts):
    pairs = [(one[1], other[1]) for one, other in zip(x[1], y[1]) if one != other]
    facts["node"] = x[2][0] if x[2] else None
    if x[2:] != y[2:] or not pairs:
        return "program", None
    return "inputs", list(pairs[0]) if isinstance(pairs[0][0], str) else None


def name_node(x, y, story, facts):
    facts.update(op=x[1], node=x[0])
    if x[:2] != y[:2] or [line and line[:2] for line in x[3]] != [line and line[:2] for line in y[3]]:
        facts["more"] = [f"the other run: node {y[0]}, {y[1]}"]
        return "program", None
    if x[4] != y[4]:
        facts["more"] = ["versions of saved tensors differ"]
        return "program", None
    for one, other in zip(x[2], y[2]):
        if one != other:
            facts["more"] = ["a hook changed the gradient that came in"] if x[5] or y[5] else ["the gradient that came in differs"]
            return "operator", [one, other]
    for one, other in zip(x[3], y[3]):
        if one != other:
            facts["shapes"] = one[6]
            facts["more"] = [f"its gradient for {one[0]} (contribution {one[3]})" if one[2] != other[2] else f"the sum of contributions at {one[0]}"]
            return "operator", [one[2], other[2]] if one[2] != other[2] else [one[4], other[4]]
    return "program", None


def name_leaf(x, y, story, facts):
    facts.update(name=x[1], op="accumulate", shapes=story.tensors.get(x[0], {}).get("sizes"))
    if x[:2] != y[:2]:
        return "program", None
    if x[2] != y[2]:
        facts["more"] = ["its gradient differed before this contribution"]
        return "program", None
    return "operator", [x[3], y[3]] if x[3] != y[3] else [x[4][1], y[4][1]]


def name_step(x, y, story, facts):
    facts["op"] = x[2]
    if x[:3] != y[:3] or [line[0] for line in x[5]] != [line[0] for line in y[5]]:
        return "program", None
    if x[3] != y[3]:
        pairs = [(one, other) for a, b in zip(x[3], y[3]) for one, other in zip(a, b) if one != other]
        facts["more"] = [f"option {one[0]}: {one[1]} and {other[1]}" for one, other in pairs]
        return "program", None
    for one, other in zip(x[5], y[5]):
        digests = [one[-2], other[-2]]
        if digests[0] != digests[1]:
            facts.update(name=one[0])
            if story.step:
                facts["more"] = [f"the parameters were equal before step {story.step - 1}, and so were its gradients and options"]
            return ("operator" if story.step else "weights"), digests
    if x[4] != y[4]:
        return "generator", [x[4], y[4]]
    for one, other in zip(x[5], y[5]):
        if one[-1] != other[-1]:
            facts["name"] = one[0]
            return "gradients", [item if isinstance(item, str) or item is None else item[1] for item in (one[-1], other[-1])]
    return "program", None


def name_stepped(x, y, story, facts):
    facts["step"] = x[0]
    for one, other in zip(x[1], y[1]):
        if one != other:
            facts.update(name=one[0], op="optimizer step")
            pairs = [(a, b) for a, b in zip([one[1], *(item[1] for item in one[2])], [other[1], *(item[1] for item in other[2])]) if a != b]
            return "operator", [pairs[0][0][1], pairs[0][1][1]] if pairs else None
    return "program", None


def name_final(x, y, story, facts):
    for one, other in zip((line for group in x[0] for line in group), (line for group in y[0] for line in group)):
        if one != other:
            facts.update(name=one[0], op="optimizer step", step=story.step - 1 if story.step else 0)
            return "operator", [one[1], other[1]]
    return "program", None


def name_plain(x, y, story, facts):
    return "program", None


NAMERS = {"tensor": name_tensor, "changed": name_changed, "generator": name_generator, "op": name_op, "walk": name_walk, "node": name_node,
          "leaf": name_leaf, "step": name_step, "stepped": name_stepped, "final": name_final}


def distance_of(first, second, digests):
    if not digests or None in digests:
        return None
    try:
        a, b = first.elements().get(digests[0]), second.elements().get(digests[1])
    except LedgerError:
        return None
    if a is None or b is None or a[:2] != b[:2] or a[0] == "generator":
        return None
    return first_difference(a[0], a[1], a[2], b[2])
