"""What a run of compression found, as a table for people and as a part of the model card."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sentimo.compress.gate import Gate, pareto
from sentimo.compress.trial import Trial

if TYPE_CHECKING:
    from sentimo.compress.run import Outcome

HEADINGS = ("candidate", "points lost [95%]", "agreement", "MB", "speed-up", "one text", "ms", "texts/s")
"""Speed-up and "one text" are multiples of the original's, for many texts at once and one by one; ms is for one."""

_WIDE = 110  # columns; on a narrower terminal the times, which travel least, are left out
_NARROW = 6  # cells shown there


def print_outcome(outcome: Outcome, gate: Gate, console: Console) -> None:
    """Print one row per candidate, the fastest first; * marks those that no other beats, bold those that pass."""
    console.print(Text(_title(outcome)))
    table = Table()
    shown = len(HEADINGS) if console.width >= _WIDE else _NARROW
    for number, heading in enumerate(HEADINGS[:shown]):
        table.add_column(heading, justify="right" if number else "left", overflow="fold")
    front = pareto(outcome.trials)
    for trial in _by_speed(outcome):
        style = "bold" if gate.passes(trial) else ""
        mark = " *" if trial.chain in front else ""
        table.add_row(*(Text(cell, style=style) for cell in (trial.chain + mark, *_cells(trial))[:shown]))
    console.print(table)
    console.print(Text("* no other candidate is at least as good, as fast and as small; bold: passes"))
    if outcome.confirmed:
        console.print(Text(_confirmation(outcome)))
    if few := _few_rows(outcome, gate):
        console.print(Text(few))
    for note in dict.fromkeys(note for trial in outcome.trials for note in trial.notes):
        console.print(Text(note))
    chains: dict[str, list[str]] = {}
    for chain, why in outcome.left_out.items():
        chains.setdefault(why, []).append(chain)
    for why, names in chains.items():
        console.print(Text(f"left out: {', '.join(names)}: {why}"))


def compression_card(outcome: Outcome, gate: Gate) -> str:
    """Return the section of the card, as Markdown."""
    assert outcome.best is not None  # a card is written for what was kept
    lines = [
        "## Compression",
        "",
        f"Made by `sentimo compress`: {outcome.best.chain}. {_title(outcome)}. Kept to at most {gate.max_drop:g} "
        f"points lost and at least {gate.min_speedup:g} times the throughput. Times are those of the machine that made "
        "it. The figures above, if any, are those of the original.",
        "",
        f"| {' | '.join(HEADINGS)} |",
        "| --- |" + " ---: |" * (len(HEADINGS) - 1),
        *(f"| {' | '.join((each.chain, *_cells(each)))} |" for each in _by_speed(outcome)),
        "",
        f"- {_confirmation(outcome)}",
        *(f"- {few}" for few in [_few_rows(outcome, gate)] if few),
        *(f"- {note}" for note in outcome.best.notes),
        "- every figure: `compression.json`",
    ]
    return "\n".join(lines) + "\n"


def _title(outcome: Outcome) -> str:
    processor = outcome.processor or "none (no VNNI, AMX or ARM dot product)"
    return (
        f"{outcome.megabytes:.1f} MB before; {outcome.n_judged} rows to choose by, {outcome.n_calibration} others to "
        f"calibrate on; instructions for 8-bit products: {processor}"
    )


def _confirmation(outcome: Outcome) -> str:
    assert outcome.confirmed is not None  # told of what was chosen
    lost, agreement = _cells(outcome.confirmed)[:2]
    return (
        f"{outcome.confirmed.chain} on {outcome.n_confirmed} rows that chose nothing: {lost} points lost [95%], "
        f"{agreement} agreement"
    )


def _few_rows(outcome: Outcome, gate: Gate) -> str:
    """Return a warning where the rows are too few to show what the gate asks; "" where they are not.

    Where no answer of n rows differs, up to 3 / n of all answers may (95 %; Hanley & Lippman-Hand 1983): a bootstrap
    of rows that agree gives an interval of no width.
    """
    n, needed = outcome.n_judged, 300 / gate.max_drop if gate.max_drop else float("inf")
    if n >= needed:
        return ""
    wanted = f"give {3 * needed:,.0f} labelled rows or more" if gate.max_drop else "no number of rows can show that"
    return (
        f"{n} rows judge: even where all answers agree, {300 / n:.1f} points may be lost on others; to show at most "
        f"{gate.max_drop:g}, {wanted}"
    )


def _by_speed(outcome: Outcome) -> list[Trial]:
    return sorted(outcome.trials, key=lambda each: -each.speed.bulk_ratio)


def _cells(trial: Trial) -> tuple[str, ...]:
    worst = max(trial.tasks.values(), key=lambda each: each.lost)
    drop = worst.drop
    interval = f" [{drop.low:+.2f}, {drop.high:+.2f}]" if drop and drop.low is not None else ""
    return (
        f"{worst.lost:+.2f}{interval}",
        f"{trial.agreement:.2%}",
        f"{trial.megabytes:.1f}",
        f"{trial.speed.bulk_ratio:.2f}",
        f"{trial.speed.single_ratio:.2f}",
        f"{trial.speed.single_ms:.1f}",
        f"{trial.speed.texts_per_s:.0f}",
    )
