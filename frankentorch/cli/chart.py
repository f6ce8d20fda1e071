"""Line charts as SVG, without a plotting library."""

import math
from html import escape

COLOURS = ("#1f5fa8", "#c2571a", "#3b7d3b", "#7a4fa0")  # told apart by colour-blind readers, dark enough on white
LEFT, RIGHT, TOP, BOTTOM = 64, 24, 44, 48


def line_chart(title, x_label, y_label, series, width=720, height=420):
    """SVG text of curves over a common x axis; the y axis is logarithmic.

    Parameters
    ----------
    title, x_label, y_label : str
    series : dict of str to list of (x, y) pairs
        Name of each curve and its points, all y above 0.
    width, height : int
        In pixels.

    Returns
    -------
    str
    """
    points = [point for curve in series.values() for point in curve]
    if not points or any(not (math.isfinite(x) and math.isfinite(y) and y > 0) for x, y in points):
        raise ValueError("line_chart: needs at least one point, all finite, y above 0")
    xs = [x for x, _ in points]
    x_range = (math.floor(min(xs)), math.ceil(max(xs)))
    x_range = (x_range[0], max(x_range[1], x_range[0] + 1))
    decades = (math.floor(math.log10(min(y for _, y in points))), math.ceil(math.log10(max(y for _, y in points))))
    decades = (decades[0], max(decades[1], decades[0] + 1))

    def place(x, y):
        right = (x - x_range[0]) / (x_range[1] - x_range[0])
        up = (math.log10(y) - decades[0]) / (decades[1] - decades[0])
        return LEFT + right * (width - LEFT - RIGHT), height - BOTTOM - up * (height - TOP - BOTTOM)

    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
             'font-family="sans-serif" font-size="12" fill="#222">',
             f"<title>{escape(title)}</title>",
             f'<rect width="{width}" height="{height}" fill="#fff"/>',
             f'<text x="{LEFT}" y="24" font-size="15" font-weight="bold">{escape(title)}</text>']
    parts += _y_axis(decades, x_range, place) + _x_axis(x_range, decades, place)
    parts += [f'<text x="{(LEFT + width - RIGHT) / 2:.0f}" y="{height - 10}" text-anchor="middle">{escape(x_label)}</text>',
              f'<text transform="translate(16 {(TOP + height - BOTTOM) / 2:.0f}) rotate(-90)" text-anchor="middle">{escape(y_label)}</text>']
    for number, (name, curve) in enumerate(series.items()):
        parts += _curve(name, curve, COLOURS[number % len(COLOURS)], place, width - RIGHT - 150, TOP + 8 + 18 * number)
    return "\n".join([*parts, "</svg>", ""])


def _y_axis(decades, x_range, place):
    parts = []
    for decade in range(decades[0], decades[1] + 1):
        for factor in range(1, 10 if decade < decades[1] else 2):
            left, y = place(x_range[0], factor * 10.0 ** decade)
            right, _ = place(x_range[1], 1)
            parts.append(f'<path d="M{left:.1f} {y:.1f}H{right:.1f}" stroke="{"#bbb" if factor == 1 else "#eee"}"/>')
            if factor == 1:
                parts.append(f'<text x="{left - 8:.1f}" y="{y + 4:.1f}" text-anchor="end">{10.0 ** decade:g}</text>')
    return parts


def _x_axis(x_range, decades, place):
    """Ticks at round steps, about eight of them."""
    rough = (x_range[1] - x_range[0]) / 8
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    first, last = math.ceil(x_range[0] / step), math.floor(x_range[1] / step + 1e-9)
    parts = []
    for tick in range(first, last + 1):
        x, y = place(tick * step, 10.0 ** decades[0])
        parts += [f'<path d="M{x:.1f} {y:.1f}v5" stroke="#222"/>', f'<text x="{x:.1f}" y="{y + 19:.1f}" text-anchor="middle">{tick * step:g}</text>']
    return parts


def _curve(name, curve, colour, place, legend_x, legend_y):
    path = "L".join("{:.1f} {:.1f}".format(*place(x, y)) for x, y in curve)
    return [f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="1.6" stroke-linejoin="round"/>',
            f'<path d="M{legend_x} {legend_y}h24" stroke="{colour}" stroke-width="3"/>',
            f'<text x="{legend_x + 32}" y="{legend_y + 4}">{escape(name)}</text>']
