"""`sentimo evaluate`: what a model is worth on a labelled file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sentimo.cli import options
from sentimo.cli.console import err, out, print_json


def evaluate(
    model: options.ModelArgument,
    data: Annotated[Path, typer.Argument(help="Labelled file: CSV, TSV, JSONL or Parquet.")],
    task: Annotated[
        str | None, typer.Option(help="Task to judge. Default: the one that the label column or its labels point to.")
    ] = None,
    text: options.TextColumn = None,
    label: options.LabelColumn = None,
    separator: options.Separator = None,
    mapping: options.Mapping = None,
    on_unknown: options.Unknown = options.OnUnknown.error,
    delimiter: options.Delimiter = None,
    encoding: options.Encoding = None,
    base: options.BaseFolder = None,
    json: Annotated[bool, typer.Option("--json", help="Print the report as one line of JSON.")] = False,
    html: Annotated[Path | None, typer.Option(help="Also write the report as a self-contained HTML page.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the bootstrap intervals.")] = 13,
    n_bootstrap: Annotated[int, typer.Option(min=0, help="Resamples for the intervals; 0 leaves them out.")] = 1000,
    attack: Annotated[
        str | None,
        typer.Option(metavar="NAME,...", help="Also change the texts to mislead the model: all, typos, swaps, ..."),
    ] = None,
    attack_share: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the words of a text that an attack may change.")
    ] = 0.2,
    attack_rows: Annotated[int, typer.Option(min=1, help="Rows to attack; drawn where there are more.")] = 500,
) -> None:
    """Judge a model on a labelled file: every figure with its 95% interval.

    Example: sentimo evaluate models/mine test.csv --label mood --html report.html
    """
    from sentimo.engine.analyzer import Analyzer
    from sentimo.evaluate.labelled import load_labelled
    from sentimo.evaluate.report import evaluate as judge
    from sentimo.evaluate.report import print_report
    from sentimo.train.marks import learnt_note

    reading = options.reading_of(
        text,
        label,
        separator=separator,
        mapping=mapping,
        on_unknown=on_unknown,
        delimiter=delimiter,
        encoding=encoding,
    )
    if html is not None:
        from sentimo.evaluate.html import check_html

        check_html(html)
    if attack is not None:
        from sentimo.evaluate.attack.search import attack as run_attack
        from sentimo.evaluate.attack.search import parse_changes, print_attack

        changes = parse_changes(attack)
    analyzer = Analyzer.load(model, base=base)
    name, dataset = load_labelled(data, analyzer.spaces, reading, task=task)
    if dataset.note:
        err.print(dataset.note, markup=False)
    if note := learnt_note(dataset.examples, model):
        err.print(note, markup=False)
    err.print(f"Judging task {name} on {len(dataset.examples)} rows", markup=False)
    report = judge(
        analyzer,
        {name: dataset.examples},
        data=str(data),
        n_skipped=len(dataset.skipped),
        n_bootstrap=n_bootstrap,
        seed=seed,
    )
    attacked = None
    if attack is not None:
        err.print(f"Attacking with {', '.join(changes)}", markup=False)
        attacked = run_attack(
            analyzer,
            name,
            dataset.examples,
            changes=changes,
            most_changed=attack_share,
            most_rows=attack_rows,
            n_bootstrap=n_bootstrap,
            seed=seed,
        )
    if html is not None:
        from sentimo.evaluate.html import write_html

        write_html(report, html)
        err.print(f"Wrote {html}", markup=False)
    if json:
        print_json({**report.to_dict(), **({"attack": attacked.to_dict()} if attacked else {})})
        return
    print_report(report, out)
    if attacked:
        print_attack(attacked, out)
