"""`sentimo analyze`: what a text feels like."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from sentimo.cli import options
from sentimo.cli.console import err, out, print_json
from sentimo.text.printable import printable

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

    from sentimo.core.predictions import Choice, Prediction
    from sentimo.core.trace import Fired

_COLOURS = {"negative": "red", "neutral": "bright_black", "positive": "green"}
_BAR = 24  # columns
_SHOWN = 5  # labels of a task


def analyze(
    texts: Annotated[
        list[str] | None,
        typer.Argument(help="Texts, behind -- if one begins with a dash. Default: the lines of stdin."),
    ] = None,
    model: options.Model = "auto",
    cascade: options.CascadeFolder = None,
    base: options.BaseFolder = None,
    rules: options.RulesFile = None,
    trace: Annotated[
        bool, typer.Option("--trace", help="Also show which rules fired, of --rules or --model lexicon.")
    ] = False,
    attention: Annotated[
        bool, typer.Option("--attention", help="Also show which words the model's attention heads weigh.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line instead.")] = False,
) -> None:
    """Say the polarity, intensity and emotions of texts, or what else the model was trained for.

    Example: sentimo analyze "I love it" "物流太慢了，差评！"
    """
    given = texts if texts else _lines()
    if not given:
        err.print("sentimo: no text: give texts as arguments, or one a line on stdin")
        raise typer.Exit(2)
    analyzer = options.open_models(model, cascade, base=base, rules=rules)
    n_fired = 0
    for prediction in analyzer.predict(given):
        weights = analyzer.attention(prediction.text) if attention and prediction.error is None else {}
        fired = (*(prediction.trace or ()), *analyzer.explain_rules(prediction.text)) if trace else ()
        n_fired += len(fired)
        if json:
            told = {"trace": [each.to_dict() for each in fired]} if trace else {}
            print_json({**prediction.to_dict(), **told, **({"attention": weights} if attention else {})})
        else:
            out.print(_panel(prediction))
            for each in fired:
                out.print(_fired(each, prediction.language))
            for task, places in weights.items():
                out.print(_weighed(prediction.text, task, places))
    if trace and not n_fired and rules is None:
        err.print("No rule fired: --trace shows those of --rules FILE and of --model lexicon.")
    if attention and not json and not weights:
        err.print("This model has no attention head; train one with --head attention.")


def _lines() -> list[str]:
    if sys.stdin.isatty():
        return []
    from sentimo.data.diagnosis import counted
    from sentimo.data.readers.encoding import decode, n_broken

    raw = sys.stdin.buffer.read()
    content = decode(raw)
    if "\ufffd" in content and (n := n_broken(raw)):
        err.print(f"stdin: {counted(n, 'broken character')} read as \ufffd (expected UTF-8 or GB18030)")
    if not content.strip():
        return []
    # As many answers as lines, blank ones too: whoever pipes lines in pairs them with what comes out.
    return [line.removesuffix("\r") for line in content.removesuffix("\n").split("\n")]


def _panel(prediction: Prediction) -> RenderableType:
    from rich.console import Group
    from rich.panel import Panel
    from rich.table import Table
    from rich.text import Text

    from sentimo.core.predictions import INTENSITY, Choice

    text = prediction.text if len(prediction.text) <= 300 else prediction.text[:299] + "…"
    shown = Text(printable(text), style="italic", overflow="fold", no_wrap=False)
    facts = (
        f"{prediction.language} · {prediction.tokens} tokens · {prediction.model.name} {prediction.model.digest[:12]}"
    )
    if prediction.error is not None:
        lines: list[RenderableType] = [shown, Text(f"no answer: {prediction.error}", style="red")]
        return Panel(Group(*lines), subtitle=Text(facts), subtitle_align="right")
    grid = Table.grid(padding=(0, 2))
    for name, value in prediction.tasks.items():
        if isinstance(value, Choice):
            _add_choice(grid, name, value, prediction.language)
        elif name != INTENSITY:
            grid.add_row(Text(name, style="bold"), "", "", f"{value:.2f}")
    if (intensity := prediction.intensity) is not None:
        grid.add_row(Text(INTENSITY, style="bold"), "", _bar(intensity, "cyan"), f"{intensity:.2f}")
    lines = [shown, Text(), grid]
    if prediction.coverage == 0:
        lines.append(Text("a guess: the model's vocabulary holds nothing of this text", style="red"))
    elif prediction.windows:
        lines.append(Text(_long(prediction), style="bright_black"))
    return Panel(Group(*lines), subtitle=Text(facts), subtitle_align="right")


def _add_choice(grid: object, name: str, choice: Choice, language: str) -> None:
    from rich.table import Table
    from rich.text import Text

    assert isinstance(grid, Table)
    order = choice.space.labels
    if len(order) > 3:  # a long list reads best from the likeliest down
        order = tuple(sorted(order, key=lambda label: -choice.probabilities[label]))[:_SHOWN]
    for place, label in enumerate(order):
        given = label in choice.labels
        colour = _COLOURS.get(choice.space.polarity.get(label, ""), "cyan")
        localised = choice.space.display(label, language)
        shown = label if localised == label else f"{localised} {label}"
        grid.add_row(
            Text(name if place == 0 else "", style="bold"),
            Text(shown, style=f"bold {colour}" if given else ""),
            _bar(choice.probabilities[label], colour if given else "bright_black"),
            Text(f"{choice.probabilities[label]:.2f}", style="bold" if given else ""),
        )


def _bar(share: float, colour: str) -> RenderableType:
    from rich.text import Text

    full = round(_BAR * min(1.0, max(0.0, share)))
    return Text("█" * full, style=colour) + Text("░" * (_BAR - full), style="bright_black")


def _weighed(text: str, task: str, places: list[tuple[int, int, float]]) -> Text:
    """Return the words of a text, the brighter the more the head weighs them."""
    from rich.text import Text

    line = Text(f"{task} looks at: ", style="bold")
    most = max((weight for *_, weight in places), default=1.0)
    for start, end, weight in places:
        shade = 90 + round(165 * weight / most)
        line.append(f"{printable(text[start:end])} ", style=f"rgb({shade},{shade},90)")
    return line


def _fired(fired: Fired, language: str) -> Text:
    """Return in a line which rule fired where."""
    from rich.text import Text

    told = fired.zh if language == "zh" else fired.en
    return Text(f"  {fired.start}-{fired.end} {fired.rule}: ", style="bright_black") + Text(
        printable(told), style="default"
    )


def _long(prediction: Prediction) -> str:
    read = "all of it was read" if not prediction.truncated else f"{prediction.coverage:.0%} of it was read"
    return f"a long text: {len(prediction.windows)} windows, {read} (--json shows each)"
