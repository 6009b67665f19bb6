"""Pictures of a few bars or a curve as SVG, which opens anywhere and needs no library."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from html import escape

_FONT = 'font-family="system-ui, \'Segoe UI\', \'Noto Sans CJK SC\', sans-serif" font-size="13" fill="#1c2430"'
_BLUE, _GREY, _PALE, _RED = "#3367b0", "#8b97a6", "#e8ecf1", "#b03333"


def bars(title: str, values: Mapping[str, float]) -> str:
    """Return a picture of horizontal bars.

    Args:
        title: Above it.
        values: Name -> value, 0 or more, drawn in this order.
    """
    most = max([*values.values(), 0.0]) or 1.0
    left = 20 + 8 * max([len(name) for name in values], default=0)
    height = 50 + 26 * len(values)
    lines = [f'<text x="10" y="24" font-weight="600">{escape(title)}</text>']
    for row, (name, value) in enumerate(values.items()):
        top, length = 42 + 26 * row, 360 * value / most
        lines.append(f'<text x="{left - 8}" y="{top + 14}" text-anchor="end">{escape(name)}</text>')
        lines.append(f'<rect x="{left}" y="{top}" width="{length:.1f}" height="18" fill="{_BLUE}"/>')
        lines.append(f'<text x="{left + length + 6:.1f}" y="{top + 14}">{value:.2f}</text>')
    return _svg(left + 430, height, lines)


def log_curve(
    title: str, points: Sequence[tuple[float, float]], marks: Mapping[str, float], *, across: str, up: str
) -> str:
    """Return a picture of a curve over a logarithmic axis.

    Args:
        title: Above it.
        points: (x, y) by rising x, x above 0.
        marks: Name -> x of an upright line.
        across, up: Names of the axes.
    """
    left, top, width, height = 70, 50, 560, 300
    xs, ys = [math.log10(x) for x, _ in points], [y for _, y in points if math.isfinite(y)]
    low, high, floor, roof = min(xs), max(xs), min(ys), max(ys)

    def x_of(value: float) -> float:
        return left + width * (math.log10(value) - low) / ((high - low) or 1.0)

    def y_of(value: float) -> float:
        return top + height * (1 - (value - floor) / ((roof - floor) or 1.0))

    def upright(value: float, style: str) -> str:
        at = x_of(value)
        return f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{top}" y2="{top + height}" {style}/>'

    def parts() -> Iterator[str]:
        yield f'<text x="10" y="24" font-weight="600">{escape(title)}</text>'
        yield f'<rect x="{left}" y="{top}" width="{width}" height="{height}" fill="none" stroke="{_GREY}"/>'
        for power in range(math.ceil(low), math.floor(high) + 1):
            yield upright(10.0**power, f'stroke="{_PALE}"')
            yield f'<text x="{x_of(10.0**power):.1f}" y="{top + height + 18}" text-anchor="middle">1e{power}</text>'
        for value in (floor, (floor + roof) / 2, roof):
            yield f'<text x="{left - 6}" y="{y_of(value) + 4:.1f}" text-anchor="end">{value:.3g}</text>'
        drawn = " ".join(f"{x_of(x):.1f},{y_of(y):.1f}" for x, y in points if math.isfinite(y))
        yield f'<polyline points="{drawn}" fill="none" stroke="{_BLUE}" stroke-width="2"/>'
        for row, (name, value) in enumerate(marks.items()):
            at = x_of(value)
            yield upright(value, f'stroke="{_RED}" stroke-dasharray="4"')
            yield f'<text x="{at + 4:.1f}" y="{top + 16 + 16 * row}" fill="{_RED}">{escape(name)} {value:.2g}</text>'
        yield f'<text x="{left + width / 2}" y="{top + height + 40}" text-anchor="middle">{escape(across)}</text>'
        yield f'<text x="10" y="{top - 10}">{escape(up)}</text>'

    return _svg(left + width + 40, top + height + 60, list(parts()))


def _svg(width: float, height: float, lines: Sequence[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}">'
    body = "\n".join(lines)
    return f'{head}\n<rect width="100%" height="100%" fill="#fff"/>\n<g {_FONT}>\n{body}\n</g>\n</svg>\n'
