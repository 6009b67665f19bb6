"""`sentimo compress`: a smaller or faster model from a trained one, kept only if it is good enough."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sentimo.cli import options
from sentimo.cli.console import err, out, print_json

if TYPE_CHECKING:
    from sentimo.data.reading import Reading

_Files = list[Path] | None


def compress(
    model: Annotated[Path, typer.Argument(help="Model folder.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Model folder to make, if a candidate passes.")],
    dev: Annotated[
        _Files, typer.Option(help="Labelled file the model was not trained on; one per task. Two thirds of it judge.")
    ] = None,
    max_drop: Annotated[float, typer.Option(help="Most points of the main figure that may be lost.")] = 0.5,
    min_speedup: Annotated[float, typer.Option(help="Least throughput, as a multiple of the model's.")] = 1.5,
    train: Annotated[
        _Files, typer.Option(help="File of texts to learn the model's own answers from. May be repeated.")
    ] = None,
    most_train: Annotated[int, typer.Option(min=1, help="Of these texts, as many are drawn.")] = 20_000,
    texts: Annotated[
        _Files, typer.Option(help="File of texts whose tokens a smaller vocabulary keeps. May be repeated.")
    ] = None,
    only: Annotated[
        str | None, typer.Option(metavar="NAME,...", help="Candidates to try, such as dynamic8,vocabulary+dynamic8.")
    ] = None,
    task: options.DevTasks = None,
    text: options.TextColumn = None,
    label: options.LabelColumn = None,
    separator: options.Separator = None,
    mapping: options.Mapping = None,
    on_unknown: options.Unknown = options.OnUnknown.error,
    delimiter: options.Delimiter = None,
    encoding: options.Encoding = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the thirds, of learning and of the bootstrap.")] = 13,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of timing.")] = 7,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a model that is already there.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print what was found as one line of JSON.")] = False,
) -> None:
    """Try smaller and faster forms of a model, measure them here, and keep the best that is good enough.

    Example: sentimo compress models/mine -o models/mine-small --max-drop 0.5 --min-speedup 1.5 --dev dev.parquet
    """
    from sentimo.compress import parse_chain
    from sentimo.compress.gate import Gate
    from sentimo.compress.report import print_outcome
    from sentimo.compress.run import CompressionStopped, refusal
    from sentimo.compress.run import compress as run
    from sentimo.core.bundle import Bundle, check_target
    from sentimo.errors import InputError

    if not dev:
        raise InputError(
            "compression needs --dev, a labelled file the model was not trained on: without it nobody knows what a "
            "smaller model gets wrong"
        )
    gate = Gate(max_drop, min_speedup)
    chains = () if only is None else tuple(each.strip() for each in only.split(","))
    for chain in chains:
        parse_chain(chain)
    check_target(output, overwrite=overwrite, read=(model,))
    spaces = {each.name: each.space for each in Bundle.open(model).manifest.tasks}
    reading = options.reading_of(
        text,
        label,
        separator=separator,
        mapping=mapping,
        on_unknown=on_unknown,
        delimiter=delimiter,
        encoding=encoding,
    )
    rows = options.labelled_rows(dev, spaces, reading, task)
    if unlabelled := [name for name in spaces if name not in rows]:
        err.print(
            f"No labelled rows for {', '.join(unlabelled)}: every answer that changes there counts as lost",
            markup=False,
        )
    stopped = None
    try:
        with _Bars() as bars:
            outcome = run(
                model,
                output,
                rows,
                gate,
                train=_texts(train, reading),
                most_train=most_train,
                corpus=_texts(texts, reading),
                only=chains,
                seed=seed,
                rounds=rounds,
                overwrite=overwrite,
                show=bars.show,
                step=bars.step,
            )
    except CompressionStopped as error:
        stopped, outcome = error, error.outcome
    if json:
        print_json({"model": str(model), "output": str(output) if outcome.bundle else None, **outcome.to_dict()})
    else:
        print_outcome(outcome, gate, out)
    if stopped:
        raise stopped
    if outcome.best is None:
        raise refusal(outcome, gate)
    err.print(f"Saved {outcome.best.chain} as {output}", markup=False)


def _texts(paths: list[Path] | None, reading: Reading) -> list[str]:
    """Return the texts of files; a column that is named must be there, else it is guessed file by file."""
    parts = [options.texts_of(path, reading.text, reading.delimiter, reading.encoding) for path in paths or ()]
    return [text for part in parts for text in part]


class _Bars:
    """Shows which candidate is tried, and how far one that learns has come."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self._bars = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=err
        )
        self._candidates = self._bars.add_task("candidates", total=None, visible=False)
        self._steps = self._bars.add_task("learning", total=None, visible=False)

    def __enter__(self) -> _Bars:
        self._bars.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bars.stop()

    def show(self, chain: str, done: int, total: int) -> None:
        self._bars.update(self._candidates, description=chain, completed=done, total=total, visible=True)
        self._bars.update(self._steps, visible=False)
        if not err.is_terminal:
            err.print(f"trying {chain} ({done + 1} of {total})", markup=False)

    def step(self, done: int, steps: int) -> None:
        self._bars.update(self._steps, completed=done, total=steps, visible=True)
