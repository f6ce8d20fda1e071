"""`explain`: how one parameter came by its gradient, contribution by contribution."""

import json
import os

from frankentorch.runtime.ledger.errors import LedgerError
from frankentorch.runtime.ledger.file import read


class Explanation:
    """The way from the loss to one parameter's gradient.

    ``nodes`` in the order in which they ran, each with ``node``, ``op``, ``distance`` from the loss, ``gives`` (where its gradients
    went that lead on to the parameter: ``to``, ``digest``, ``norm``, ``order``, ``sum``); ``gradient``: what arrived, before and after.
    `text` is for people, `as_dict` for programs, `html` a page of its own with a graph.
    """

    def __init__(self, **facts):
        self.__dict__.update(facts)

    def as_dict(self):
        return dict(self.__dict__)

    @property
    def text(self):
        lines = [f"{self.name}: gradient of walk {self.walk}, step {self.step}; {len(self.nodes)} nodes from the loss"]
        for node in self.nodes:
            lines.append(f"{'  ' * min(node['distance'], 12)}node {node['node']} {node['op']}")
            for line in node["gives"]:
                summed = f", contribution {line['order']}, sum {line['sum'][:12]}" if line["sum"] else ""
                lines.append(f"{'  ' * min(node['distance'], 12)}  -> {place(line['to'])}  {line['dtype']}{line['sizes']}  {line['digest'][:12]}{norm_text(line['norm'])}{summed}")
        for leaf in self.gradient:
            before = f"{leaf['before'][:12]} + " if leaf["before"] else ""
            lines.append(f"{self.name}.grad = {before}{leaf['contribution'][:12]} -> {leaf['after'][:12]}{norm_text(leaf['norm'])}")
        return "\n".join(lines)

    def __str__(self):
        return self.text

    def json(self):
        return json.dumps(self.as_dict(), indent=1)

    def html(self):
        from frankentorch.runtime.ledger.page import page

        return page(self)

    def save(self, path):
        """Write the page, or JSON or text by the ending of `path`."""
        path = os.fspath(path)
        content = self.json() if path.endswith(".json") else self.text if path.endswith(".txt") else self.html()
        with open(path, "w", encoding="utf-8") as file:
            file.write(content + "\n")


def place(target):
    return f"leaf {target[1]}" if isinstance(target, list) else f"node {target}"


def norm_text(norm):
    return "" if norm is None else f"  norm {norm:.6g}"


def explain(path, name, *, walk=None, partial=False):
    """Show the way from the loss to the gradient of one parameter.

    Parameters
    ----------
    path : str or PathLike
        A ledger of level node or full.
    name : str or int
        The parameter's name as its module or optimizer has it, or its number in the ledger.
    walk : int, optional
        Which backward walk; the last one that reached the parameter by default.

    Returns
    -------
    Explanation

    Raises
    ------
    LedgerError
        The file is damaged, its level is ``"step"``, or no walk reached such a parameter; the names it holds are listed then.
    """
    numbers, chosen, current, step, level = {}, None, None, 0, None
    for record in read(path, partial):
        fields = record.fields
        if record.kind == "ledger":
            level = fields[0]["level"]
        elif record.kind == "tensor" and fields[5]:
            numbers[fields[4] or f"tensor {fields[0]}"] = fields[0]
        elif record.kind == "walk":
            current = {"walk": fields[0], "step": step, "roots": fields[2], "nodes": [], "leaves": [], "data": {}}
        elif record.kind == "step":
            step += 1
            for line in fields[5]:
                if len(line) == 4:
                    numbers.setdefault(line[0], line[1])
        elif current is not None and record.kind in ("node", "leaf"):
            current[{"node": "nodes", "leaf": "leaves"}[record.kind]].append(fields)
            current["data"].update((note[0], (note[1], data)) for note, data in zip(record.notes, record.data, strict=True))
        elif record.kind == "walked" and current is not None:
            number = numbers.get(name, name)
            if any(leaf[0] == number for leaf in current["leaves"]) and walk in (None, current["walk"]):
                chosen = current
            current = None
    if level == "step":
        raise LedgerError("level", f"{os.fspath(path)!r} has level 'step': it holds no nodes; record at level 'node' or 'full'")
    if chosen is None:
        known = ", ".join(list(numbers)[:40]) or "none"
        raise LedgerError("name", f"no backward walk{'' if walk is None else f' {walk}'} reaches {name!r}\n  names: {known}")
    number = numbers.get(name, name)
    label = name if isinstance(name, str) else next((key for key, value in numbers.items() if value == number), f"tensor {number}")
    return assembled(chosen, number, label)


def assembled(chosen, number, label):
    """Keep the nodes that lead to the leaf, with their distance from the root."""
    from frankentorch.runtime.ledger.distance import norm_of

    leads, kept = {json.dumps(["leaf", number])}, []
    for node in reversed(chosen["nodes"]):
        lines = [line for line in node[3] if line and json.dumps(line[0]) in leads]
        if lines:
            leads.add(json.dumps(node[0]))
            kept.append((node, lines))
    kept.reverse()
    distance, nodes = {}, []
    for node, lines in kept:
        far = distance.setdefault(node[0], 0)
        for line in lines:
            if not isinstance(line[0], list):
                distance[line[0]] = max(distance.get(line[0], 0), far + 1)
        nodes.append({"node": node[0], "op": node[1], "distance": far, "receives": node[2], "saved_versions": node[4], "hooked": node[5], "gives": [
            {"to": line[0], "place": line[1], "digest": line[2], "order": line[3], "sum": line[4], "dtype": line[5], "sizes": line[6],
             "norm": norm_of(*chosen["data"][line[2]]) if line[2] in chosen["data"] else None} for line in lines]})
    leaves = [{"before": leaf[2][1] if leaf[2] else None, "contribution": leaf[3], "after": leaf[4][1], "norm": leaf[5]}
              for leaf in chosen["leaves"] if leaf[0] == number]
    if leaves:  # what a last edge gives is what arrives
        for line in (line for node in nodes for line in node["gives"] if isinstance(line["to"], list) and line["norm"] is None):
            if line["digest"] == leaves[0]["contribution"]:
                line["norm"] = leaves[0]["norm"]
    return Explanation(name=label, number=number, walk=chosen["walk"], step=chosen["step"], nodes=nodes, gradient=leaves)
