"""`sentimo phenomena`: what a model makes of negation, contrast, emoji, sarcasm and the like."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sentimo.cli import options
from sentimo.cli.console import err, out, print_json
from sentimo.text.printable import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from sentimo.evaluate.phenomena.judge import Failure, SuiteReport, Tally


class Language(StrEnum):
    """Languages of the suites that come with Sentimo."""

    en = "en"
    zh = "zh"


def phenomena(
    model: options.ModelArgument,
    language: Annotated[
        Language | None, typer.Option(help="Suite that comes with Sentimo. Default: those of the model's languages.")
    ] = None,
    file: Annotated[Path | None, typer.Option(help="Suite of your own: CSV, TSV, JSONL or Parquet.")] = None,
    rules: options.RulesFile = None,
    failures: Annotated[bool, typer.Option("--failures", help="Also show every case that was not right.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the reports as one line of JSON.")] = False,
) -> None:
    """Test a model on sentences written for it: negation, contrast, emoji, sarcasm, facts, names and more.

    Example: sentimo phenomena models/mine --language en --failures
    """
    from sentimo.engine.analyzer import Analyzer
    from sentimo.evaluate.phenomena.judge import judge
    from sentimo.evaluate.phenomena.suite import built_in_suite, load_suite

    if file is not None and language is not None:
        err.print("sentimo: --language chooses a suite that comes with Sentimo, --file one of your own; give one")
        raise typer.Exit(2)
    suites = [load_suite(file)] if file is not None else [built_in_suite(each) for each in _languages(model, language)]
    analyzer = Analyzer.load(model, rules=rules)
    reports = [judge(analyzer, suite) for suite in suites]
    if json:
        print_json({"reports": [report.to_dict() for report in reports]})
        return
    for report in reports:
        out.print(_table(report))
        for reason, n in report.left_out.items():
            err.print(f"{n} cases left out: {reason}", markup=False)
        if failures:
            out.print(_failures(report.failures))


def _languages(model: str, language: Language | None) -> list[str]:
    """Return the languages whose suites are meant: the one asked for, else those of the model, else all."""
    from sentimo.core.bundle import Bundle
    from sentimo.engine.analyzer import model_folders

    if language is not None:
        return [language.value]
    known = {each for folder in model_folders(model).values() for each in Bundle.open(folder).manifest.languages}
    return [each.value for each in Language if each.value in known] or [each.value for each in Language]


def _table(report: SuiteReport) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(f"{report.model} ({report.digest[:12] or 'no digest'}), suite {report.suite}"))
    table.title_justify = "left"
    table.add_column("group")
    for heading in ("cases", "right", "share [95% interval]"):
        table.add_column(heading, justify="right")
    for name, tally in report.groups.items():
        table.add_row(Text(name), *_cells(tally))
    table.add_section()
    table.add_row("all", *_cells(report.total), style="bold")
    return table


def _cells(tally: Tally) -> tuple[str, str, str]:
    share = tally.share
    return str(tally.n), str(tally.right), f"{share.value:.2f} \\[{share.low:.2f}, {share.high:.2f}]"


def _failures(failures: Sequence[Failure]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table()
    for heading in ("group", "expected", "found", "text"):
        table.add_column(heading, overflow="fold")
    for failure in failures:
        case = failure.case
        table.add_row(*map(Text, (case.group, case.expect, failure.found, "\n".join(map(printable, case.texts)))))
    return table
