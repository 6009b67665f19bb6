"""`sentimo compare`: which of two models is better on a labelled file, if the file can tell."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sentimo.cli import options
from sentimo.cli.console import err, out, print_json


def compare(
    a: Annotated[str, typer.Argument(metavar="A", help="First model, as of `sentimo evaluate`.")],
    b: Annotated[str, typer.Argument(metavar="B", help="Second model.")],
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
    json: Annotated[bool, typer.Option("--json", help="Print the comparison as one line of JSON.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the paired bootstrap.")] = 13,
    n_bootstrap: Annotated[int, typer.Option(min=1, help="Resamples of the paired bootstrap.")] = 1000,
) -> None:
    """Compare two models on the same rows; no winner is named when the difference may be noise.

    Example: sentimo compare models/mine models/baseline test.csv --label mood
    """
    from sentimo.engine.analyzer import Analyzer
    from sentimo.errors import InputError
    from sentimo.evaluate.compare import compare as judge
    from sentimo.evaluate.compare import print_comparison
    from sentimo.evaluate.labelled import load_labelled
    from sentimo.evaluate.report import task_of

    reading = options.reading_of(
        text,
        label,
        separator=separator,
        mapping=mapping,
        on_unknown=on_unknown,
        delimiter=delimiter,
        encoding=encoding,
    )
    first, second = Analyzer.load(a), Analyzer.load(b)
    shared = {name: space for name, space in first.spaces.items() if name in second.spaces}
    if not shared:
        found = f"{a} has {', '.join(first.spaces)}; {b} has {', '.join(second.spaces)}"
        raise InputError(f"the two models share no task to compare: {found}")
    name, dataset = load_labelled(data, shared, reading, task=task)
    if dataset.note:
        err.print(dataset.note, markup=False)
    err.print(f"Comparing task {name} on {len(dataset.examples)} rows", markup=False)
    examples = [example for example in dataset.examples if name in example.targets]
    texts = [example.document.text for example in examples]
    comparison = judge(
        task_of(first.predict(texts), name),
        task_of(second.predict(texts), name),
        [example.targets[name] for example in examples],
        names=(a, b),
        n_bootstrap=n_bootstrap,
        seed=seed,
    )
    if json:
        print_json({"task": name, "data": str(data), "models": [a, b], **comparison.to_dict()})
    else:
        print_comparison(comparison, out, (a, b))
