"""The model card: what a bundle is, was made of, and is worth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sentimo.core.manifest import Manifest
from sentimo.evaluate.report import TITLES, Report, shown_figures


def model_card(
    manifest: Manifest,
    reports: Mapping[str, Report],
    *,
    notes: Sequence[str] = (),
    about: str = "",
) -> str:
    """Return the card as Markdown.

    Args:
        manifest: What the bundle is.
        reports: Heading of a column -> report on the same rows; the first is the model's own. None: not judged.
        notes: What happened on the way, in sentences.
        about: Paragraphs on data, licences and limits, written by whoever knows them.
    """
    return "\n".join(_lines(manifest, reports, notes, about)) + "\n"


def _lines(manifest: Manifest, reports: Mapping[str, Report], notes: Sequence[str], about: str) -> Iterator[str]:
    yield f"# {manifest.name}"
    yield ""
    languages = ", ".join(manifest.languages) or "any language"
    yield f"A Sentimo bundle ({manifest.backend}) for {languages}; open it with"
    yield '`Analyzer.load("<this folder>")` or `sentimo analyze --model <this folder> "text"`.'
    yield ""
    yield "| task | kind | labels |"
    yield "| --- | --- | --- |"
    for task in manifest.tasks:
        labels = ", ".join(task.space.labels).replace("|", r"\|")  # a bare bar would end the cell
        bounds = f", {task.space.range[0]:g} to {task.space.range[1]:g}" if task.space.range else ""
        yield f"| {task.name} | {task.space.kind} | {labels}{bounds} |"
    yield ""
    if about:
        yield about.strip()
        yield ""
    if reports:
        yield from _figures(reports)
    yield "## How it was made"
    yield ""
    for name, value in manifest.provenance.items():
        yield f"- {name}: {value}"
    yield from (f"- {note}" for note in notes)
    if manifest.backend == "onnx" and reports:
        yield "- every choice: `recipe.yaml`; every figure: `report.json`"


def _figures(reports: Mapping[str, Report]) -> Iterator[str]:
    own = next(iter(reports.values()))
    yield "## Figures"
    yield ""
    yield f"On {own.data or 'the held-out rows'}, with 95 % bootstrap intervals."
    yield ""
    for task, report in own.tasks.items():
        yield f"**{task}** ({report.n} rows)"
        yield ""
        yield f"| figure | {' | '.join(reports)} |"
        yield "| --- |" + " --- |" * len(reports)
        for name in shown_figures(report):
            cells = [
                str(found.figures[name]) if (found := each.tasks.get(task)) and name in found.figures else "-"
                for each in reports.values()
            ]
            yield f"| {TITLES[name]} | {' | '.join(cells)} |"
        yield ""
