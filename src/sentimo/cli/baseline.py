"""`sentimo baseline`: what n-grams reach on a labelled file, in seconds, and as a model if wanted."""

from __future__ import annotations

from enum import StrEnum
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from sentimo.cli import options
from sentimo.cli.console import err, out, print_json

if TYPE_CHECKING:
    from sentimo.evaluate.report import Report
    from sentimo.train.baselines import Baseline
    from sentimo.train.lexicon_baseline import LexiconBaseline
    from sentimo.train.planes import Method as PlaneMethod
    from sentimo.train.tasks import TaskData


class Method(StrEnum):
    """The ways to fit a baseline."""

    logistic = "logistic"
    svm = "svm"
    bayes = "bayes"
    lexicon = "lexicon"


def baseline(
    data: Annotated[list[Path], typer.Argument(help="Labelled file or files: CSV, TSV, JSONL or Parquet.")],
    text: options.TextColumn = None,
    label: options.LabelColumn = None,
    task: Annotated[str | None, typer.Option(help="Name of the task. Default: seen from the labels.")] = None,
    dev: Annotated[Path | None, typer.Option(help="File to choose and calibrate on. Default: split off.")] = None,
    test: Annotated[Path | None, typer.Option(help="File to report on. Default: split off, unless --dev.")] = None,
    kind: options.Kind = None,
    space: options.Space = None,
    separator: options.Separator = None,
    mapping: options.Mapping = None,
    on_unknown: options.Unknown = options.OnUnknown.error,
    delimiter: options.Delimiter = None,
    encoding: options.Encoding = None,
    method: Annotated[Method, typer.Option(help="How to fit n-grams; `lexicon` has words and rules instead.")] = (
        Method.logistic
    ),
    lexicon: Annotated[
        Path | None, typer.Option(help="With --method lexicon: file of words instead of those of Sentimo.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Model folder to make. Default: none.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a model that is in --output.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of the split, the fit and the intervals.")] = 13,
    json: Annotated[bool, typer.Option("--json", help="Print the report as one line of JSON.")] = False,
) -> None:
    """Fit an n-gram model (or words and rules) and judge it on rows it has not seen. Chinese needs no segmenter.

    Example: sentimo baseline reviews.csv --text review --label stars -o models/base
    """
    from sentimo.core.bundle import check_target
    from sentimo.evaluate.report import print_report
    from sentimo.train.baselines import fit_baseline
    from sentimo.train.tasks import drop_leaks, load_task

    if lexicon is not None and method is not Method.lexicon:
        err.print("sentimo: --lexicon goes with --method lexicon")
        raise typer.Exit(2)
    if output is not None:
        check_target(output, overwrite=overwrite)
    files = {"name": task, "train": data, "dev": dev, "test": test}
    cells = {"kind": kind, "space": space, "separator": separator, "mapping": mapping, "on_unknown": on_unknown.value}
    columns = {"text": text, "label": label, "delimiter": delimiter, "encoding": encoding}
    recipe = options.recipe_of_files({**files, **columns, **cells})
    name = recipe.tasks[0].name
    rows = drop_leaks({name: load_task(recipe.tasks[0], seed)})
    for note in rows[name].notes:
        err.print(note, markup=False)
    err.print(f"Fitting {method.value} on {len(rows[name].train)} rows", markup=False)
    fitted: Baseline | LexiconBaseline
    if method is Method.lexicon:
        from sentimo.train.lexicon_baseline import fit_lexicon_baseline

        fitted = fit_lexicon_baseline(rows, lexicon=lexicon, seed=seed)
    else:
        fitted = fit_baseline(rows, method=cast("PlaneMethod", method.value), seed=seed)
    title = "lexicon baseline" if method is Method.lexicon else "n-gram baseline"
    report = _judge(fitted, name, rows[name], seed, title)
    if output is not None:
        _save(fitted, output, report, rows[name], [options.utf8_name(each) for each in data], overwrite=overwrite)
        err.print(f"Saved {output}", markup=False)
    if json:
        print_json(report.to_dict())
    else:
        print_report(report, out)


def _judge(fitted: Baseline | LexiconBaseline, name: str, rows: TaskData, seed: int, title: str) -> Report:
    from sentimo.evaluate.report import evaluate

    # Dev rows chose strength and temperature, so figures on them are a little too good; the heading says which it is.
    where = "the test rows" if rows.test else "the dev rows"
    return evaluate(fitted.predictor(), {name: rows.test or rows.dev}, title=title, data=where, seed=seed)


def _save(
    fitted: Baseline | LexiconBaseline,
    output: Path,
    report: Report,
    rows: TaskData,
    files: list[str],
    *,
    overwrite: bool,
) -> None:
    from sentimo.text.language import main_languages
    from sentimo.train.card import model_card

    about: dict[str, Any] = {
        "name": options.utf8_name(output),
        "languages": main_languages(each.document.text for each in rows.train),
        "provenance": {"files": files, "rows": [len(rows.train), len(rows.dev), len(rows.test)]},
    }

    def add_card(folder: Path) -> None:
        card = model_card(fitted.manifest(**about), {"baseline": report}, notes=rows.notes)
        (folder / "README.md").write_text(card, "utf-8")
        (folder / "report.json").write_text(dumps(report.to_dict(), ensure_ascii=False, indent=1) + "\n", "utf-8")

    fitted.write(output, **about, overwrite=overwrite, extra=add_card)
