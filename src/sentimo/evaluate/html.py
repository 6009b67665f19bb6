"""A report as one HTML file that opens anywhere, offline: tables and interactive charts."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sentimo.errors import InputError, MissingExtraError
from sentimo.evaluate.bootstrap import Figure
from sentimo.evaluate.metrics import TaskReport
from sentimo.evaluate.report import TITLES, Report, shown_figures

_STYLE = """
body { font-family: system-ui, "Segoe UI", "Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", sans-serif;
       max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1c2430; background: #fff; line-height: 1.5; }
h1 { font-size: 1.6rem; } h2 { margin-top: 2.5rem; border-bottom: 1px solid #d5dbe3; }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .8rem; text-align: right; border-bottom: 1px solid #e8ecf1; }
th:first-child, td:first-child { text-align: left; }
.main { font-weight: 600; } .note, .interval { color: #5d6a7a; font-size: .9em; }
"""
_FONT = "system-ui, 'Segoe UI', 'Noto Sans CJK SC', 'PingFang SC', 'Microsoft YaHei', sans-serif"
_BLUE, _GREY = "#3367b0", "#8b97a6"


def check_html(path: Path) -> None:
    """Raise an error now when a report cannot be written to `path` later; its folder is made.

    Raises:
        MissingExtraError: plotly, part of the extra ``report``, is not installed.
        InputError: `path` is a folder.
    """
    if find_spec("plotly") is None:
        raise MissingExtraError("The HTML report", "report")
    if path.is_dir():
        raise InputError(f"{path} is a folder; name a file for the HTML report, such as {path / 'report.html'}")
    path.parent.mkdir(parents=True, exist_ok=True)


def write_html(report: Report, path: str | Path) -> None:
    """Write the report as one self-contained HTML page.

    Labels and names are shown as plain text, whatever signs they hold. The chart code is inside the page (some 5 MB),
    so nothing is fetched when it is opened.

    Args:
        report: What to show.
        path: The file to write; an existing one is replaced.

    Raises:
        MissingExtraError: plotly, part of the extra ``report``, is not installed.
        OSError: the file cannot be written.
    """
    check_html(Path(path))
    import plotly.graph_objects as charts
    import plotly.offline

    sections = "\n".join(_task_section(charts, name, task) for name, task in report.tasks.items())
    page = f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{escape(report.title)}</title><style>{_STYLE}</style>
<script>{plotly.offline.get_plotlyjs()}</script></head><body>
<h1>{escape(report.title)}</h1>
<p>Model <b>{escape(report.model)}</b> <span class="note">{escape(report.digest)}</span><br>
Data {escape(report.data)}: {report.n_rows} rows judged, {report.n_skipped} unreadable rows skipped.</p>
{sections}
</body></html>
"""
    Path(path).write_text(page, encoding="utf-8")


def _task_section(charts: Any, name: str, task: TaskReport) -> str:
    figures = "".join(
        f"<tr{_main(key == task.main)}><td>{escape(TITLES[key])}</td><td>{_value(value)}</td></tr>"
        for key, value in shown_figures(task).items()
    )
    unanswered = f", {task.unanswered} unanswered rows left out" if task.unanswered else ""
    drawn = "\n".join(_embed(chart) for chart in _charts(charts, task))
    return f"""<section><h2>{escape(name)}</h2>
<p class="note">{escape(task.space.name)} ({task.space.kind}), {task.n} rows{unanswered}; 95% bootstrap intervals from
{task.n_bootstrap} resamples (AUROC and Spearman: at most 200).</p>
<table><tr><th>figure</th><th>value</th></tr>{figures}</table>
{_label_table(task)}
{drawn}</section>"""


def _main(yes: bool) -> str:
    return ' class="main"' if yes else ""


def _value(value: Figure | None) -> str:
    if value is None:
        return "-"
    if value.low is None or value.high is None:
        return f"{value.value:.4f}"
    return f'{value.value:.4f} <span class="interval">[{value.low:.4f}, {value.high:.4f}]</span>'


def _label_table(task: TaskReport) -> str:
    if not task.per_label:
        return ""
    rows = "".join(
        f"<tr><td>{escape(_shown(task, row.label))}</td><td>{row.support}</td><td>{row.predicted}</td>"
        + "".join(f"<td>{_value(value)}</td>" for value in (row.precision, row.recall, row.f1, row.auroc))
        + (f"<td>{row.threshold:.2f}</td>" if row.threshold is not None else "")
        + "</tr>"
        for row in task.per_label
    )
    threshold = "<th>threshold</th>" if task.space.kind == "multi" else ""
    return (
        "<table><tr><th>label</th><th>rows</th><th>given</th><th>precision</th><th>recall</th><th>F1</th>"
        f"<th>AUROC</th>{threshold}</tr>{rows}</table>"
    )


def _shown(task: TaskReport, label: str) -> str:
    """Return the label with its Chinese name where the space has one."""
    chinese = task.space.display(label, "zh")
    return label if chinese == label else f"{label} {chinese}"


def _charts(charts: Any, task: TaskReport) -> Iterator[Any]:
    if not task.per_label:
        return
    # Chart text is read as a small HTML, so a label such as "<b>" must be escaped here as well.
    names = [escape(_shown(task, label)) for label in task.space.labels]
    yield _label_bars(charts, task, names)
    if task.confusion is not None:
        yield _confusion_map(charts, task, names)
    yield _reliability_chart(charts, task)


def _label_bars(charts: Any, task: TaskReport, names: list[str]) -> Any:
    found = [row.f1 or Figure(0.0) for row in task.per_label]
    above = [0.0 if f1.high is None else f1.high - f1.value for f1 in found]
    below = [0.0 if f1.low is None else f1.value - f1.low for f1 in found]
    bars = charts.Bar(
        x=[f1.value for f1 in found],
        y=names,
        orientation="h",
        marker_color=_BLUE,
        error_x={"type": "data", "array": above, "arrayminus": below, "color": _GREY},
        hovertemplate="%{y}: F1 %{x:.3f}<extra></extra>",
    )
    chart = charts.Figure(bars)
    chart.update_xaxes(range=[0, 1], title="F1, with its 95% interval")
    chart.update_yaxes(autorange="reversed", automargin=True, type="category")
    return _styled(chart, "F1 per label", 140 + 26 * len(names))


def _confusion_map(charts: Any, task: TaskReport, names: list[str]) -> Any:
    assert task.confusion is not None  # the caller draws it for tasks that have one
    counts = task.confusion
    shares = counts / counts.sum(axis=1, keepdims=True).clip(1)
    heat = charts.Heatmap(
        z=shares.tolist(),
        x=names,
        y=names,
        text=counts.tolist(),
        texttemplate="%{text}" if len(names) <= 15 else None,
        zmin=0,
        zmax=1,
        colorscale="Blues",
        colorbar={"title": "share of truth"},
        hovertemplate="truth %{y}, answer %{x}: %{text} rows, %{z:.1%}<extra></extra>",
    )
    chart = charts.Figure(heat)
    chart.update_xaxes(title="answer", type="category", automargin=True)
    chart.update_yaxes(title="truth", type="category", autorange="reversed", automargin=True)
    return _styled(chart, "Confusion: rows by truth, coloured by share", 260 + 34 * len(names))


def _reliability_chart(charts: Any, task: TaskReport) -> Any:
    full = [each for each in task.reliability if each.n]
    diagonal = charts.Scatter(x=[0, 1], y=[0, 1], mode="lines", line={"color": _GREY, "dash": "dot"}, hoverinfo="skip")
    found = charts.Scatter(
        x=[each.confidence for each in full],
        y=[each.accuracy for each in full],
        customdata=[each.n for each in full],
        mode="lines+markers",
        marker={"color": _BLUE, "size": 9},
        hovertemplate="sure %{x:.3f}, right %{y:.3f} (%{customdata} answers)<extra></extra>",
    )
    chart = charts.Figure([diagonal, found])
    chart.update_layout(showlegend=False)
    chart.update_xaxes(range=[0, 1], title="mean confidence")
    chart.update_yaxes(range=[0, 1.02], title="share right")
    return _styled(chart, "Reliability: on the dotted line, scores mean what they say", 420)


def _styled(chart: Any, title: str, height: int) -> Any:
    chart.update_layout(title=title, height=height, font={"family": _FONT}, template="plotly_white")
    return chart


def _embed(chart: Any) -> str:
    drawn: str = chart.to_html(full_html=False, include_plotlyjs=False, config={"displaylogo": False})
    return drawn
