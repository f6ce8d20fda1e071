"""The page of an explanation: one HTML file with a drawn graph and a table, no script, nothing fetched."""

from html import escape

CELL, ROW, BOX, TALL = 190, 74, 168, 40
STYLE = """
body{font:14px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:1200px;padding:0 1rem;color:#1d2433;background:#fff}
h1{font-size:1.3rem}code,td.d{font-family:ui-monospace,monospace;font-size:12px}
.graph{overflow:auto;border:1px solid #d5dae3;border-radius:8px;max-height:75vh}
table{border-collapse:collapse;margin-top:1rem}td,th{padding:3px 12px 3px 0;text-align:left;border-bottom:1px solid #e6e9ef}
rect{fill:#eef3fb;stroke:#5877a8}rect.root{fill:#fdf1dc;stroke:#b98322}rect.leaf{fill:#e2f4e6;stroke:#3c8a50}
text{font:12px system-ui,sans-serif;fill:#1d2433}text.s{font-size:10px;fill:#5b6577}path{fill:none;stroke:#8592a8;stroke-width:1.3}
@media(prefers-color-scheme:dark){body{background:#14171d;color:#dde3ee}rect{fill:#1e2a3f;stroke:#6d8dc2}rect.root{fill:#3a2e16}rect.leaf{fill:#173322}
text{fill:#dde3ee}text.s{fill:#9aa6ba}.graph,td,th{border-color:#333b4a}}
"""


def page(explanation):
    """HTML text of an `Explanation`."""
    return (f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(str(explanation.name))}: gradient</title>'
            f"<style>{STYLE}</style></head>\n<body><h1>How <code>{escape(str(explanation.name))}</code> came by its gradient</h1>"
            f"<p>Backward walk {explanation.walk}, after {explanation.step} optimizer steps. {len(explanation.nodes)} nodes lead from the loss to it. "
            "Digests are of dtype, shape and elements.</p>"
            f'<div class="graph">{drawing(explanation)}</div>{listing(explanation)}</body></html>')


def places(explanation):
    """{node: (column, row)}; a row holds the nodes of one distance from the loss, in the order in which they ran."""
    filled, found = {}, {}
    for node in explanation.nodes:
        column = filled.get(node["distance"], 0)
        filled[node["distance"]] = column + 1
        found[node["node"]] = (column, node["distance"])
    last = max((node["distance"] for node in explanation.nodes), default=-1) + 1
    found["leaf"] = (0, last)
    return found, max(filled.values(), default=1), last + 1


def short(digest):
    return digest[:10] if digest else "-"


def figure(norm):
    return "" if norm is None else f"{norm:.5g}"


def drawing(explanation):
    at, columns, rows = places(explanation)
    lines, boxes = [], []
    for node in explanation.nodes:
        x, y = corner(at[node["node"]])
        for line in node["gives"]:
            to = at["leaf"] if isinstance(line["to"], list) else at.get(line["to"])
            if to is None:
                continue
            end_x, end_y = corner(to)
            middle = (y + TALL + end_y) / 2
            title = f"{line['dtype']}{line['sizes']} digest {line['digest']} norm {figure(line['norm']) or 'not recorded'}"
            lines.append(f'<path d="M{x + BOX / 2} {y + TALL}C{x + BOX / 2} {middle} {end_x + BOX / 2} {middle} {end_x + BOX / 2} {end_y}">'
                         f"<title>{escape(title)}</title></path>")
        kind = ' class="root"' if node["distance"] == 0 else ""
        boxes.append(box(x, y, kind, node["op"], f"node {node['node']}  {short(node['gives'][0]['digest'])}"))
    x, y = corner(at["leaf"])
    after = explanation.gradient[-1]["after"] if explanation.gradient else None
    boxes.append(box(x, y, ' class="leaf"', f"{explanation.name}.grad", short(after)))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="graph from the loss to the gradient" width="{columns * CELL + 20}" '
            f'height="{rows * ROW + 20}">{"".join(lines)}{"".join(boxes)}</svg>')


def corner(place):
    return 10 + place[0] * CELL, 10 + place[1] * ROW


def box(x, y, kind, title, note):
    shown = title if len(title) <= 25 else title[:24] + "…"
    return (f'<g><title>{escape(title)}</title><rect{kind} x="{x}" y="{y}" width="{BOX}" height="{TALL}" rx="6"/>'
            f'<text x="{x + 8}" y="{y + 17}">{escape(shown)}</text><text class="s" x="{x + 8}" y="{y + 32}">{escape(note)}</text></g>')


def listing(explanation):
    rows = []
    for node in explanation.nodes:
        for line in node["gives"]:
            target = explanation.name if isinstance(line["to"], list) else f"node {line['to']}"
            rows.append((f"{node['node']}", node["op"], str(target), f"{line['dtype']}{line['sizes']}", str(line["order"]), line["digest"], figure(line["norm"])))
    for leaf in explanation.gradient:
        rows.append(("", "accumulate", f"{explanation.name}.grad", "", "", leaf["after"], figure(leaf["norm"])))
    head = "".join(f"<th>{name}</th>" for name in ("Node", "Op", "Gives to", "Shape", "Order", "Digest", "Norm"))
    body = "".join("<tr>" + "".join(f'<td{" class=d" if at == 5 else ""}>{escape(value)}</td>' for at, value in enumerate(row)) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
