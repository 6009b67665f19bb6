"""`sentimo label`: ask for the labels that help most, in the terminal, by files, or with Label Studio."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from sentimo.cli import options
from sentimo.cli.console import err
from sentimo.text.printable import printable

if TYPE_CHECKING:
    from sentimo.core.labels import LabelSpace
    from sentimo.train.active.answers import Answers
    from sentimo.train.active.pool import LabelPool

_HELP = "number or label; s: skip, u: undo, q: quit"


class Form(StrEnum):
    """How texts to label are written."""

    jsonl = "jsonl"
    label_studio = "label-studio"


def label(
    data: Annotated[Path, typer.Argument(help="Texts to label: CSV, TSV, JSONL, Parquet or text.")],
    labels: Annotated[str, typer.Option(help="Known label space, or the labels with commas between.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="File of answers (.jsonl); what is in it is gone on with.")
    ] = Path("labels.jsonl"),
    text: options.TextColumn = None,
    several: Annotated[bool, typer.Option("--several", help="A text may have several labels, or none.")] = False,
    strategy: Annotated[
        str,
        typer.Option(help="margin, uncertainty, entropy, bald, core_set, discriminative or random: what comes next."),
    ] = "margin",
    base: Annotated[
        str | None,
        typer.Option(
            help="Choose by what an encoder makes of the texts (minilm, zh-small, a folder, a hub id), not by "
            "n-grams: slower to begin with, fewer labels needed."
        ),
    ] = None,
    batch: Annotated[int, typer.Option(min=1, help="Texts asked for before the model learns anew.")] = 10,
    ask: Annotated[int, typer.Option(min=0, help="Write this many texts to stdout instead of asking here.")] = 0,
    form: Annotated[Form, typer.Option("--format", help="Of --ask.")] = Form.jsonl,
    answers: Annotated[
        Path | None,
        typer.Option(help="Take answers from a file: lines of --ask with labels, or a Label Studio export."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the draws.")] = 13,
    delimiter: options.Delimiter = None,
    encoding: options.Encoding = None,
) -> None:
    """Ask for labels, first those that a model of the labels so far learns most from. Stop at any time.

    Every answer is on disk before the next text is shown. The same command goes on where it stopped, and the file of
    answers is a training file: sentimo train --data labels.jsonl.

    Example: sentimo label reviews.csv --labels negative,neutral,positive -o labels.jsonl
    """
    from sentimo.errors import InputError
    from sentimo.train.active.answers import Answers
    from sentimo.train.active.choose import check_strategy
    from sentimo.train.active.pool import LabelPool

    check_strategy(strategy)
    if output.suffix != ".jsonl":
        raise InputError(f"{output}: answers are kept as JSON Lines; name a file that ends in .jsonl")
    space = _space(labels, several)
    found = options.numbered_texts(data, text, delimiter, encoding)
    texts = found.texts
    kept = Answers(output, texts, found.rows)
    if answers is not None:
        n = _take(answers, kept, space)
        err.print(f"{n:,} labels taken from {answers}; {output} holds {_n_labels(kept):,}", markup=False)
        if not ask:
            return
    pool = LabelPool(_features(texts, base, output), space, {}, out=_copies(texts))
    for row, given in kept.labels.items():
        pool.add(row, _target(space, given))
    if ask:
        _write(kept, _next(pool, strategy, ask, seed), form)
    else:
        _loop(pool, texts, space, kept, lambda: _next(pool, strategy, batch, seed))
        n = _n_labels(kept)
        err.print(f"{n:,} texts are labelled in {output}. The same command goes on.", markup=False)


def _space(labels: str, several: bool) -> LabelSpace:
    from sentimo.core.labels import chosen_space
    from sentimo.errors import InputError

    space = chosen_space(options.space_of(labels), "label", "multi" if several else None)
    assert space is not None  # labels are given
    if space.kind == "score":
        raise InputError(f"--labels {labels}: a score has no labels; give labels with commas between")
    return space


def _features(texts: list[str], base: str | None, output: Path) -> Any:
    from sentimo.train.active.pool import ngram_features

    if base is None:
        return ngram_features(texts)
    from rich.progress import Progress

    from sentimo.errors import MissingExtraError

    try:
        from sentimo.train.active.vectors import encoder_features
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"--base ({error.name})", "train") from None

    with Progress(console=err, transient=True) as progress:
        bar = progress.add_task(f"reading the texts with {base}", total=len(texts))
        cache = output.with_suffix(".vectors.npz")
        return encoder_features(texts, base, cache=cache, tell=lambda done: progress.update(bar, completed=done))


def _copies(texts: list[str]) -> list[int]:
    """Return the rows whose text stood before: one answer is enough."""
    first: dict[str, int] = {}
    return [row for row, text in enumerate(texts) if first.setdefault(text, row) != row]


def _n_labels(kept: Answers) -> int:
    return sum(each is not None for each in kept.labels.values())


def _target(space: LabelSpace, given: Any) -> Any:
    if given is None:
        return None
    if space.kind == "multi":
        return tuple(sorted(space.id_of(each, "answers") for each in given))
    return space.id_of(given, "answers")


def _next(pool: LabelPool, strategy: str, n: int, seed: int) -> list[tuple[int, list[str], float]]:
    """Return (row, suggested labels, score of the first) of the texts to ask for."""
    from sentimo.train.active.choose import choose

    rows = choose(pool, strategy, n, seed)
    if not pool.can_learn:
        return [(row, [], 0.0) for row in rows]
    return [(row, *pool.suggestion(row)) for row in rows]


def _loop(
    pool: LabelPool,
    texts: list[str],
    space: LabelSpace,
    kept: Answers,
    following: Callable[[], list[tuple[int, list[str], float]]],
) -> None:
    for number, name in enumerate(space.labels, 1):
        err.print(Text(f"{number:>3} {name}"))
    err.print(_HELP, markup=False)
    waiting: list[tuple[int, list[str], float]] = []
    try:
        while waiting or (waiting := following()):
            row, suggested, score = waiting[0]
            about = f"  [{', '.join(suggested)} {score:.0%}]" if suggested else ""
            err.print(Text(f"\n{_n_labels(kept) + 1:,}  {printable(texts[row])}{about}"))
            answer = _asked(space)
            if answer == "q":
                return
            if answer == "u":
                undone = kept.undo()
                if undone is not None:
                    pool.remove(undone)
                    waiting.insert(0, (undone, [], 0.0))
                continue
            kept.give(row, answer)
            pool.add(row, _target(space, answer))
            waiting.pop(0)
        err.print("Every text has an answer.")
    except (KeyboardInterrupt, EOFError):
        err.print()


def _asked(space: LabelSpace) -> Any:
    """Return "q", "u", None for a skipped text, or what was chosen."""
    while True:
        typed = input("> ").strip()
        if typed in ("q", "u"):
            return typed
        if typed == "s":
            return None
        parts = [part.strip() for part in typed.split(",") if part.strip()]
        found = [_label_named(part, space) for part in parts]
        if None not in found and (space.kind == "multi" or len(found) == 1):
            return found if space.kind == "multi" else found[0]
        several = ", several with commas between, nothing for none" if space.kind == "multi" else ""
        err.print(Text(f"{typed!r} is no answer here: {_HELP}{several}"))


def _label_named(typed: str, space: LabelSpace) -> str | None:
    """Return the label of a number, a name, or the beginning of one name alone."""
    if typed.isdecimal() and 1 <= int(typed) <= len(space):
        return space.labels[int(typed) - 1]
    if typed in space.labels:
        return typed
    begin = [name for name in space.labels if name.lower().startswith(typed.lower())]
    return begin[0] if len(begin) == 1 else None


def _write(kept: Answers, found: list[tuple[int, list[str], float]], form: Form) -> None:
    """Write what `_next` found to stdout, for people to label elsewhere."""
    from json import dumps

    from sentimo.data.label_studio import to_task

    chosen = [(kept.rows[row], kept.text(row), suggested, score) for row, suggested, score in found]
    if form == Form.label_studio:
        tasks = [to_task(*each) for each in chosen]
        typer.echo(dumps(tasks, ensure_ascii=False, indent=1))
        return
    for row, text, suggested, score in chosen:
        line = {"row": row, "text": text, "suggested": suggested, "score": round(score, 4), "label": None}
        typer.echo(dumps(line, ensure_ascii=False))


def _take(path: Path, kept: Answers, space: LabelSpace) -> int:
    """Keep the answers of a file; return how many there are."""
    from sentimo.errors import DataError

    found = _answers_in(path)
    twice = [row for row, n in Counter(row for row, _, _ in found).items() if n > 1]
    if twice:
        raise DataError(f"{path}: row {twice[0]} is answered twice; leave one answer")
    places = []
    for row, text, given in found:
        for each in given:
            space.id_of(each, f"{path}, row {row}")
        place = kept.place(row)
        if place is None:
            raise DataError(f"{path}: there is no row {row} among the texts; give the file that was asked about")
        if text is not None and text != kept.text(place):
            raise DataError(
                f"{path}: row {row} is an answer to {text[:40]!r}, but row {row} of the texts is "
                f"{kept.text(place)[:40]!r}. Give the file that was asked about, as it was; nothing was taken."
            )
        if space.kind != "multi" and len(given) != 1:
            raise DataError(f"{path}, row {row}: {len(given)} labels, one is wanted; for several give --several")
        places.append(place)
    for place, (_, _, given) in zip(places, found, strict=True):
        kept.give(place, given if space.kind == "multi" else given[0])
    return len(found)


def _answers_in(path: Path) -> list[tuple[int, str | None, list[str]]]:
    from json import loads

    from sentimo.data.label_studio import answers_in
    from sentimo.errors import DataError

    try:
        content = path.read_text("utf-8")
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: answers cannot be read: {error}") from error
    if path.suffix != ".jsonl":
        try:
            exported = loads(content)
        except ValueError as error:
            raise DataError(
                f"{path}: not JSON ({error}). Answers are lines of --ask in a .jsonl file, or a Label Studio export."
            ) from error
        return answers_in(exported, str(path))
    found = []
    for number, line in enumerate(content.split("\n"), 1):
        if not line.strip():
            continue
        try:
            each = loads(line)
            if (label := each.get("label")) is not None:
                found.append((int(each["row"]), each.get("text"), [label] if isinstance(label, str) else list(label)))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise DataError(
                f"{path}, line {number}: no answer. Expected a line of --ask with a label: an object "
                "with row and label."
            ) from None
    return found
