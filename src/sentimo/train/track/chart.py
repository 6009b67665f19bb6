"""Line charts of signs, for a terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence

from sentimo.train.track.history import Curve

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # of a braille cell: 4 rows of 2


def chart(curve: Curve, *, width: int, height: int, across: tuple[float, float], up: tuple[float, float]) -> list[str]:
    """Draw a curve in braille, 2 x 4 dots to a sign.

    Args:
        curve: Points, ordered by their first value.
        width, height: Of the drawing, in signs; the scale at the left comes on top.
        across, up: Lowest and highest value of the axes, so that several charts can be compared.

    Returns:
        `height` lines and one with the ends of the axis below.
    """
    columns, rows = 2 * width, 4 * height
    cells = [[0] * width for _ in range(height)]

    def place(value: float, ends: tuple[float, float], n: int) -> int:
        low, high = ends
        return min(n - 1, max(0, round((value - low) / ((high - low) or 1.0) * (n - 1))))

    points = [(place(x, across, columns), place(y, up, rows)) for x, y in curve if math.isfinite(y)]
    for (x, y), (to_x, to_y) in zip(points, points[1:] or points, strict=False):
        n = max(abs(to_x - x), abs(to_y - y), 1)
        for k in range(n + 1):
            column, row = x + round((to_x - x) * k / n), rows - 1 - (y + round((to_y - y) * k / n))
            cells[row // 4][column // 2] |= _DOTS[row % 4][column % 2]
    scale = [f"{up[1]:>8.4g}", *[" " * 8] * (height - 2), f"{up[0]:>8.4g}"] if height > 1 else [f"{up[1]:>8.4g}"]
    lines = [f"{mark} │{''.join(chr(0x2800 + cell) for cell in row)}" for mark, row in zip(scale, cells, strict=True)]
    left, right = f"{across[0]:g}", f"{across[1]:g}"
    return [*lines, " " * 9 + "└" + left + "─" * max(1, width - len(left) - len(right)) + right]


def bounds(curves: Sequence[Curve]) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the axes that all curves fit in: lowest and highest of either value."""
    points = [point for curve in curves for point in curve if math.isfinite(point[1])]
    if not points:
        return (0.0, 1.0), (0.0, 1.0)
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return (min(xs), max(xs)), (min(ys), max(ys))
