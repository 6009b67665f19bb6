"""Split labelled rows into parts that are alike and share no text."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence

from sentimo.core.documents import Example, Target
from sentimo.errors import DataError
from sentimo.text.normalise import folded

_SCORE_BINS = 10


def usual_fractions(*, has_test: bool) -> tuple[float, float, float]:
    """Return the shares of train, dev and test that are split off rows without a dev file of their own."""
    return (0.9, 0.1, 0.0) if has_test else (0.8, 0.1, 0.1)


def split_examples(
    examples: Sequence[Example],
    task: str,
    *,
    fractions: tuple[float, float, float] = (0.8, 0.1, 0.1),
    seed: int = 13,
    placed: Mapping[str, int] | None = None,
) -> tuple[list[Example], list[Example], list[Example]]:
    """Split into train, dev and test, stratified by target; copies of a text stay in one part.

    A multi-label row counts for its rarest label, a score for its tenth of the rows. A label with few rows is in train
    first.

    Args:
        examples: Rows with a target for the task.
        task: The task.
        fractions: Share of each part; they add up to 1. A part of 0 is empty.
        seed: Same seed, same parts.
        placed: Folded text -> part (0, 1, 2) it is already in, for another task over the same rows.

    Raises:
        DataError: too few rows for every part to get one.
    """
    parts: tuple[list[Example], list[Example], list[Example]] = ([], [], [])
    placed = placed or {}
    groups: dict[str, list[Example]] = {}
    for each in examples:
        text = folded(each.document.text)
        if text in placed:
            parts[placed[text]].append(each)
        else:
            groups.setdefault(text, []).append(each)
    keys = _strata([members[0].targets[task] for members in groups.values()])
    strata: dict[int, list[list[Example]]] = {}
    for key, members in zip(keys, groups.values(), strict=True):
        strata.setdefault(key, []).append(members)
    draw = random.Random(seed)
    n, given = 0, [0, 0, 0]
    for _, stratum in sorted(strata.items()):
        draw.shuffle(stratum)
        for place, members in enumerate(stratum):
            n += 1
            # The first of a label is for train; then the part that is most behind its share gets the next group.
            behind = max(range(3), key=lambda part: fractions[part] * n - given[part]) if place else 0
            given[behind] += 1
            parts[behind].extend(members)
    if any(share > 0 and not part for share, part in zip(fractions, parts, strict=True)):
        raise DataError(
            f"task {task!r}: {len(examples)} rows are too few to hold some back for dev and test. Give more rows, or "
            "dev and test files of their own."
        )
    for part in parts:
        draw.shuffle(part)
    return parts


def _strata(targets: Sequence[Target]) -> list[int]:
    """Return a key per target: alike targets share one."""
    if any(isinstance(target, float) for target in targets):
        order = sorted(range(len(targets)), key=lambda row: targets[row])
        bins = {row: place * _SCORE_BINS // len(targets) for place, row in enumerate(order)}
        return [bins[row] for row in range(len(targets))]
    count = Counter(label for target in targets for label in _ids(target))
    return [min(_ids(target), key=lambda label: (count[label], label), default=-1) for target in targets]


def _ids(target: Target) -> tuple[int, ...]:
    return target if isinstance(target, tuple) else (int(target),)
