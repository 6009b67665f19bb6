"""`sentimo doctor`: what is in labelled files, what is wrong with them, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sentimo.cli import options
from sentimo.cli.console import err, out, print_json

if TYPE_CHECKING:
    from sentimo.data.diagnosis import Diagnosis, Finding, LabelCount, Level

_MOST_LABELS = 40  # rows of the label table; JSON has all
_BAR = 20  # columns of the longest bar
_LOOKS: dict[Level, tuple[str, str]] = {"error": ("✗", "red"), "warning": ("!", "yellow"), "note": ("·", "cyan")}


def doctor(
    data: Annotated[
        list[Path] | None,
        typer.Argument(help="Labelled files to train on: CSV, TSV, JSONL or Parquet. Default: look at the engine."),
    ] = None,
    dev: Annotated[list[Path] | None, typer.Option(help="Files held out to choose by.")] = None,
    test: Annotated[list[Path] | None, typer.Option(help="Files held out to report.")] = None,
    text: options.TextColumn = None,
    label: options.LabelColumn = None,
    kind: options.Kind = None,
    space: options.Space = None,
    separator: options.Separator = None,
    mapping: options.Mapping = None,
    on_unknown: options.Unknown = options.OnUnknown.error,
    delimiter: options.Delimiter = None,
    encoding: options.Encoding = None,
    max_tokens: Annotated[int, typer.Option(min=1, help="Most tokens that training reads of a text.")] = 128,
    base: Annotated[
        str | None, typer.Option(help="Count tokens exactly: minilm, zh-small or the folder of a base model.")
    ] = None,
    model: Annotated[str, typer.Option(help="Without files: the model to look at, as of `sentimo analyze`.")] = "auto",
    json: Annotated[bool, typer.Option("--json", help="Print the diagnosis as one line of JSON.")] = False,
) -> None:
    """Examine labelled files before training; exit code 1 if training would fail.

    Without files: say what runs the models on this machine (backend, threads, precision), and why.

    Example: sentimo doctor reviews.csv --text review --label stars
    """
    if not data:
        _examine_engine(model, json=json)
        return
    from sentimo.core.labels import chosen_space
    from sentimo.data.doctor import examine
    from sentimo.data.lengths import tokenizer_lengths

    reading = options.reading_of(
        text,
        label,
        kind=kind,
        separator=separator,
        mapping=mapping,
        on_unknown=on_unknown,
        delimiter=delimiter,
        encoding=encoding,
    ).with_columns(data[0])
    chosen_text, task = reading.columns
    if text is None or label is None:
        err.print(
            f"Reading texts from column {chosen_text!r}, labels from {task!r}; --text and --label choose others",
            markup=False,
        )
    diagnosis = examine(
        {"train": data, "dev": dev or [], "test": test or []},
        reading,
        task=task,
        space=chosen_space(options.space_of(space), task, reading.kind),
        max_tokens=max_tokens,
        lengths=tokenizer_lengths(base) if base else None,
    )
    if json:
        print_json(diagnosis.to_dict())
    else:
        print_diagnosis(diagnosis, out)
    if not diagnosis.ok:
        raise typer.Exit(1)


def _examine_engine(model: str, *, json: bool) -> None:
    from sentimo.core.bundle import Bundle
    from sentimo.engine.analyzer import model_folders
    from sentimo.engine.runtime import choose_runtime
    from sentimo.evaluate.speed.machine import describe_machine

    machine = describe_machine()
    bundles = [Bundle.open(folder) for folder in model_folders(model).values()]
    found = {bundle.manifest.name: choose_runtime(bundle) for bundle in bundles}
    if json:
        print_json({"machine": machine, "models": {name: each.to_dict() for name, each in found.items()}})
        return
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    table.add_column()
    machine |= {"versions": [" ".join(pair) for pair in machine["versions"].items()]}
    for key, value in machine.items():
        words = ", ".join(value) if isinstance(value, list) else str(value)
        table.add_row(key.replace("_", " "), Text("none" if value in (None, []) else words))
    out.print(table)
    for name, runtime in found.items():
        out.print(Text(f"\n{name}", style="bold"))
        table = Table.grid(padding=(0, 2))
        for part, why in runtime.reasons.items():
            table.add_row(Text(f"  {part}", style="dim"), Text(str(getattr(runtime, part)), style="bold"), Text(why))
        out.print(table)


def print_diagnosis(diagnosis: Diagnosis, console: Console) -> None:
    """Print a diagnosis: figures, label table, findings by level, verdict."""
    console.print(_overview(diagnosis))
    if diagnosis.labels:
        console.print(_label_table(diagnosis))
    for level in _LOOKS:
        findings = diagnosis.of_level(level)
        if findings:
            console.print(Text(f"\n{_count(findings, level)}", style=f"bold {_LOOKS[level][1]}"))
            for line in chain.from_iterable(map(_lines, findings)):
                console.print(line)
    console.print()
    console.print(_verdict(diagnosis))


def _overview(diagnosis: Diagnosis) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    table.add_column()
    for split, n in diagnosis.rows.items():
        usable = diagnosis.usable[split]
        left_out = f", {n - usable:,} of them not usable" if usable < n else ""
        table.add_row(split, Text(f"{n:,} rows{left_out}"))
    total = sum(diagnosis.languages.values())
    shares = [f"{language} {n:,} ({n / total:.1%})" for language, n in diagnosis.languages.items()]
    table.add_row("languages", Text(", ".join(shares) or "-"))
    table.add_row("labels", Text(_labels_in_words(diagnosis)))
    if lengths := diagnosis.lengths:
        about = "" if lengths.exact else " (approximate; --base counts exactly)"
        figures = f"median {lengths.median}, 95% up to {lengths.p95}, longest {lengths.longest:,}"
        table.add_row("tokens", Text(f"{figures}; {lengths.over:.1%} over {lengths.limit}{about}"))
    return table


def _labels_in_words(diagnosis: Diagnosis) -> str:
    if diagnosis.kind is None:
        return "not understood, see below"
    if diagnosis.kind == "score":
        return f"a score ({diagnosis.space})"
    ratio = diagnosis.imbalance or 1.0
    balance = f"{ratio:.1f} rows of the most frequent for one of the rarest" if ratio >= 1.5 else "evenly frequent"
    return f"{len(diagnosis.labels)}, {diagnosis.kind} ({diagnosis.space}); {balance}"


def _label_table(diagnosis: Diagnosis) -> Table:
    splits = list(diagnosis.usable)
    table = Table()
    table.add_column("label")
    for split in splits:
        table.add_column(split, justify="right")
        table.add_column("share", justify="right")
    table.add_column("")
    most = max(row.share[splits[0]] for row in diagnosis.labels) or 1.0
    for row in diagnosis.labels[:_MOST_LABELS]:
        table.add_row(*_label_cells(row, splits), Text("█" * round(_BAR * row.share[splits[0]] / most), style="cyan"))
    if (hidden := len(diagnosis.labels) - _MOST_LABELS) > 0:
        table.add_row(f"... {hidden:,} more")
    return table


def _label_cells(row: LabelCount, splits: list[str]) -> list[Text]:
    figures = (Text(figure) for split in splits for figure in (f"{row.rows[split]:,}", f"{row.share[split]:.1%}"))
    return [Text(row.label), *figures]


def _lines(finding: Finding) -> Iterator[Text]:
    sign, colour = _LOOKS[finding.level]
    yield Text.assemble((f" {sign} ", f"bold {colour}"), (finding.message, "bold"), (f"  [{finding.code}]", "dim"))
    yield Text.assemble(("   → ", "green"), finding.mend)
    yield from (Text(f"     {example}", style="dim") for example in finding.examples)


def _verdict(diagnosis: Diagnosis) -> Text:
    warnings = diagnosis.of_level("warning")
    if not diagnosis.ok:
        return Text(f"✗ Training would fail: {_count(diagnosis.of_level('error'), 'error')}.", style="bold red")
    if warnings:
        return Text(f"! Training would run, but mind {_count(warnings, 'warning')}.", style="bold yellow")
    return Text("✓ Ready to train.", style="bold green")


def _count(findings: list[Finding], level: str) -> str:
    return f"{len(findings)} {level}" + ("s" if len(findings) != 1 else "")
