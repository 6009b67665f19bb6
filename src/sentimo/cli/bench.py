"""`sentimo bench`: how fast a model is on this machine, on your texts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sentimo.cli import options
from sentimo.cli.console import err, out, print_json

if TYPE_CHECKING:
    from rich.table import Table

    from sentimo.core.bundle import Bundle
    from sentimo.evaluate.speed.bench import Rival

_FEWEST = 8  # texts of a model; with fewer there is nothing to measure


def bench(
    source: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="File of texts. Default: texts that come with Sentimo.")
    ] = None,
    model: options.Model = "auto",
    text: options.TextColumn = None,
    rows: Annotated[int, typer.Option(min=_FEWEST, help="Texts for each model: the first of the file.")] = 1000,
    seconds: Annotated[
        float, typer.Option(min=1, help="How long to measure each model; opening and start-up come on top.")
    ] = 20.0,
    alone: Annotated[
        bool, typer.Option("--alone", help="Leave the Hugging Face pipeline out even if torch is there.")
    ] = False,
    profile: Annotated[bool, typer.Option("--profile", help="Also show where the time of a bulk job goes.")] = False,
    delimiter: options.Delimiter = None,
    encoding: options.Encoding = None,
    json: Annotated[bool, typer.Option("--json", help="Print the figures as one line of JSON.")] = False,
) -> None:
    """Measure a model on this machine: throughput, latency, start-up, beside the Hugging Face pipeline.

    Example: sentimo bench reviews.csv --text review --model models/mine
    """
    from sentimo.evaluate.speed.bench import Bench
    from sentimo.evaluate.speed.machine import describe_machine, is_busy

    given = None if source is None else _texts(source, text, delimiter, encoding, rows)
    machine, benches, stopped = describe_machine(), [], False
    with err.status("") as status:
        try:
            for folder, texts in _choose(model, given, rows):
                each = Bench(
                    folder,
                    texts,
                    seconds=seconds,
                    open_rival=None if alone else _open_rival,
                    on_step=lambda step: status.update(step),
                )
                benches.append(each)
                each.run()
        except KeyboardInterrupt:
            stopped = True
    found = [each.to_dict() for each in benches]
    if json:
        name = source.name if source else None
        print_json({"machine": machine, "source": name, "models": found})
    else:
        name = source.name if source else "those that come with Sentimo; for your own: sentimo bench FILE"
        err.print(f"Texts: {name}", markup=False)
        if is_busy(machine):
            err.print(
                f"The machine was busy (load {machine['load']} on {machine['usable_cores']} cores). Threads that wait "
                "for each other, those of the pipeline above all, look slower than they are; measure on a quiet one."
            )
        for report in found:
            _print(report, machine, profile=profile)
    if stopped:
        err.print("Stopped before the end; what was measured until then is shown.")
        raise typer.Exit(130)


def _texts(source: Path, text: str | None, delimiter: str | None, encoding: str | None, rows: int) -> list[str]:
    """Return the texts of a file: enough for two models of `rows` each, read from its beginning."""
    from sentimo.errors import DataError

    found = options.texts_of(source, text, delimiter, encoding, most=2 * rows)
    if len(found) < _FEWEST:
        raise DataError(f"{source} has {len(found)} texts; at least {_FEWEST} are needed to measure")
    return found


def _choose(model: str, given: Sequence[str] | None, rows: int) -> list[tuple[Path, list[str]]]:
    """Return (bundle, texts) of each model to measure: with "auto" every built-in one, on texts of its language."""
    from sentimo.core.bundle import Bundle
    from sentimo.engine.analyzer import AUTO, model_folders
    from sentimo.evaluate.speed.texts import SENTENCES, written_texts
    from sentimo.text.language import language_of

    folders = model_folders(model)
    if model != AUTO:
        folder = next(iter(folders.values()))
        if given is None:
            known = Bundle.open(folder).manifest.languages
            languages = [each for each in known if each in SENTENCES] or list(SENTENCES)
            parts = [written_texts(language, -(-rows // len(languages))) for language in languages]
            given = [text for texts in zip(*parts, strict=True) for text in texts]
        return [(folder, list(given[:rows]))]
    chosen = []
    for language in SENTENCES:
        if given is None:
            texts = written_texts(language, rows)
        else:
            texts = [text for text in given if (language_of(text) == "zh") == (language == "zh")][:rows]
        if len(texts) >= _FEWEST and language in folders:
            chosen.append((folders[language], texts))
    return chosen


def _open_rival(bundle: Bundle) -> Rival:
    from sentimo.errors import MissingExtraError

    try:
        from sentimo.train.pipeline import HuggingFacePipeline
    except ImportError:
        raise MissingExtraError("the pipeline", "train") from None
    return HuggingFacePipeline(bundle)


def _print(found: dict[str, Any], machine: dict[str, Any], *, profile: bool) -> None:
    from rich.text import Text

    out.print(_table(found, machine))
    if profile and found["profile"]:
        out.print(_profile_table(found))
    for note in found["notes"]:
        out.print(Text(note))


def _table(found: dict[str, Any], machine: dict[str, Any]) -> Table:
    from rich.table import Table
    from rich.text import Text

    model, texts = found["model"], found["texts"]
    instructions = ", ".join(machine["instructions"]) or machine["architecture"]
    title = (
        f"{model['name']} {model['digest'][:12]}: {texts['n']:,} texts of {texts['tokens_per_text']:.1f} tokens; "
        f"{machine['threads']} threads of {machine['processor']} ({instructions})"
    )
    table = Table(title=Text(title), title_justify="left")
    table.add_column("", no_wrap=True)
    for each in found["contenders"]:
        table.add_column(Text(each["name"]), justify="right")
    for name, cell in _ROWS.items():
        cells = [cell(each) for each in found["contenders"]]
        if any(each is not None for each in cells):
            table.add_row(Text(name), *(Text(each or "") for each in cells))
    return table


def _median(value: dict[str, float] | None, form: str = "{:,.0f}") -> str | None:
    return None if value is None else form.format(value["median"])


def _spread(value: dict[str, float] | None) -> str | None:
    return None if value is None else "x{median:.1f} [{low:.1f}, {high:.1f}]".format(**value)


def _milliseconds(each: dict[str, Any], clock: str, share: str) -> str | None:
    return f"{each['latency'][clock][share]:.1f}" if each["latency"] else None


def _share(each: dict[str, Any], name: str) -> str | None:
    return f"{each['work'][name]:.1%}" if each["work"] and each["work"][name] else None


def _agreement(each: dict[str, Any]) -> str | None:
    return f"{min(each['agreement'].values()):.1%}" if each["agreement"] else None


_ROWS = {
    "texts/s": lambda each: _median(each["texts_per_second"]),
    "tokens/s": lambda each: _median(each["tokens_per_second"]),
    "texts per CPU s": lambda each: _median(each["texts_per_cpu_second"]),
    "Sentimo faster by": lambda each: _spread(each["sentimo_times_faster"]),
    "padding": lambda each: _share(each, "padding"),
    "repeated, answered once": lambda each: _share(each, "repeated"),
    "asked again, unsure": lambda each: _share(each, "asked_again"),
    "by the cheap model": lambda each: _share(each, "cheap"),
    "of fp32 matrix peak": lambda each: _median(each["peak_share"].get("fp32"), "{:.0%}"),
    "of int8 matrix peak": lambda each: _median(each["peak_share"].get("int8"), "{:.0%}"),
    "one text, ms p50": lambda each: _milliseconds(each, "wall_ms", "p50"),
    "one text, ms p95": lambda each: _milliseconds(each, "wall_ms", "p95"),
    "one text, ms p99": lambda each: _milliseconds(each, "wall_ms", "p99"),
    "one text, CPU ms p50": lambda each: _milliseconds(each, "cpu_ms", "p50"),
    "one text, CPU ms p99": lambda each: _milliseconds(each, "cpu_ms", "p99"),
    "start, CPU s": lambda each: f"{each['start']['cpu_seconds']:.2f}" if each["start"] else None,
    "start, peak MB": lambda each: f"{each['start']['peak_mb']:.0f}" if each["start"] else None,
    "labels as in fp32": _agreement,
}


def _profile_table(found: dict[str, Any]) -> Table:
    from rich.table import Table
    from rich.text import Text

    whole = found["profile"]
    table = Table(title="Where the time of a bulk job goes, on one core", title_justify="left")
    table.add_column("")
    for name in ("share", "us a token", "GOP/s"):
        table.add_column(name, justify="right")
    for part in whole["parts"]:
        rate = f"{part['n_operations'] / part['seconds'] / 1e9:.0f}" if part["n_operations"] else ""
        spent = f"{part['seconds'] / whole['n_tokens'] * 1e6:.2f}" if whole["n_tokens"] else ""
        table.add_row(Text(part["name"]), f"{part['seconds'] / whole['seconds']:.1%}", spent, rate)
    return table
