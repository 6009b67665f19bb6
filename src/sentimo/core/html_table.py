"""Answers as a table for notebooks."""

from __future__ import annotations

import html
from collections.abc import Sequence

from sentimo.core.predictions import Choice, Prediction


def html_table(rows: Sequence[Prediction], more: int = 0) -> str:
    """Return an HTML table of some answers, and how many more there are."""
    names = list(dict.fromkeys(name for row in rows for name in row.tasks))
    head = "".join(f"<th>{html.escape(name)}</th>" for name in ("text", *names, "confidence"))
    body = "".join(f"<tr>{_cells(row, names)}</tr>" for row in rows)
    rest = f"<p>and {more} more</p>" if more else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{rest}"


def _cells(row: Prediction, names: Sequence[str]) -> str:
    text = row.text if len(row.text) <= 120 else row.text[:119] + "…"
    cells = [f'<td style="text-align:left">{html.escape(text)}</td>']
    if row.error is not None:
        return cells[0] + f'<td colspan="{len(names) + 1}"><i>{html.escape(row.error)}</i></td>'
    for name in names:
        value = row.tasks.get(name)
        if isinstance(value, Choice):
            shown = ", ".join(f"{each} {value.probabilities[each]:.2f}" for each in value.labels[:3]) or "none"
        else:
            shown = "" if value is None else f"{value:.2f}"
        cells.append(f"<td>{html.escape(shown)}</td>")
    cells.append(f"<td>{'' if row.confidence is None else f'{row.confidence:.2f}'}</td>")
    return "".join(cells)
