"""How often each label occurs, and which counts mislead."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import combinations, pairwise

from sentimo.core.labels import SPACES, LabelSpace
from sentimo.data.diagnosis import Answer, Finding, LabelCount, Sample, counted, listed, shown

_FEW = 5  # rows of a label from which a share of it can be held back
_STRONG = 10.0  # rows of the most frequent label for one of the rarest
_TYPO_SIMILARITY, _TYPO_RARITY, _TYPO_LETTERS = 0.85, 5, 4
_MOST_LABELS = 200  # compared pair by pair; more are hardly labels
_BINS = 5  # parts of a score's range in the label table
_NO_VALUE = frozenset({"nan", "null", "n/a", "#n/a", "na", "undefined"})
_JOINTS = re.compile(r"(?<=\w)[\s_-]+(?=\w)")


def count_labels(
    samples: Sequence[Sample], answers: Sequence[Answer], space: LabelSpace | None, splits: Sequence[str]
) -> tuple[LabelCount, ...]:
    """Return the label table: in the order of the space, or by frequency where there is none."""
    counts: dict[str, Counter[str]] = {split: Counter() for split in splits}
    totals: Counter[str] = Counter()
    for sample, answer in zip(samples, answers, strict=True):
        if answer is not None:
            counts[sample.split].update(_names(answer, space))
            totals[sample.split] += 1
    names = _all_names(space) if space else [name for name, _ in sum(counts.values(), Counter()).most_common()]
    return tuple(
        LabelCount(
            shown(name),
            {split: counts[split][name] for split in splits},
            {split: counts[split][name] / max(totals[split], 1) for split in splits},
        )
        for name in names
    )


def imbalance(counts: Mapping[str, int]) -> float | None:
    """Return the rows of the most frequent label for one row of the rarest that has any; None without two labels."""
    seen = [n for n in counts.values() if n]
    return max(seen) / min(seen) if len(seen) > 1 else None


def judge_balance(counts: Mapping[str, int], space: LabelSpace, *, given: bool) -> Iterator[Finding]:
    """Yield what the label counts of the training rows say.

    Args:
        counts: Label -> rows, for all labels of the space.
        space: The labels; not a score.
        given: Whether the user named the space, so that its labels are right by definition.
    """
    seen = {label: n for label, n in counts.items() if n}
    if not given:
        yield from _missing(seen)
        yield from _joined(seen, space)
        yield from _spellings(seen)
        yield from _typos(seen) if len(seen) <= _MOST_LABELS else ()
    elif absent := [label for label in counts if label not in seen]:
        mend = "Add rows, or name a smaller --space: the model will hardly ever answer a label that it has not seen."
        yield Finding("warning", "absent-label", f"no row has the label {listed(map(repr, absent))}", mend)
    if rare := [f"{label!r} ({counted(n, 'row')})" for label, n in seen.items() if n < _FEW]:
        mend = "Add rows, or join such labels to others: too few to learn from, to hold back and to judge by."
        yield Finding("warning", "rare-label", f"labels with fewer than {_FEW} rows: {listed(rare)}", mend)
    yield from _imbalanced(seen)


def _names(answer: Answer, space: LabelSpace | None) -> list[str]:
    if space is None:
        return [str(label) for label in answer] if isinstance(answer, tuple) else []
    if space.range is not None and isinstance(answer, float):
        low, high = space.range
        return [_all_names(space)[min(int((answer - low) / (high - low) * _BINS), _BINS - 1)]]
    return [space.labels[int(label)] for label in (answer if isinstance(answer, tuple) else (answer or 0,))]


def _all_names(space: LabelSpace) -> Sequence[str]:
    if space.range is None:
        return space.labels
    low, high = space.range
    cuts = [low + (high - low) * part / _BINS for part in range(_BINS + 1)]
    return [f"{start:g} to {end:g}" for start, end in pairwise(cuts)]


def _imbalanced(seen: Mapping[str, int]) -> Iterator[Finding]:
    ratio = imbalance(seen)
    if ratio is None or ratio <= _STRONG:
        return
    most, least = max(seen, key=lambda label: seen[label]), min(seen, key=lambda label: seen[label])
    yield Finding(
        "warning",
        "imbalance",
        f"{ratio:.0f} rows of {most!r} for one of {least!r}: a model may hardly ever answer the rare ones",
        "Let rare labels count in training: `imbalance: sampling` of the task (or weights, logit-adjustment, focal). "
        "Judge by macro F1 instead of accuracy.",
    )


def _missing(seen: Mapping[str, int]) -> Iterator[Finding]:
    if found := [f"{label!r} ({counted(n, 'row')})" for label, n in seen.items() if label.casefold() in _NO_VALUE]:
        mend = "Empty these cells if no value is meant: as they are, each word is a label of its own."
        yield Finding("warning", "missing-value", f"labels that look like missing values: {listed(found)}", mend)


def _joined(seen: Mapping[str, int], space: LabelSpace) -> Iterator[Finding]:
    """Yield where cells look like several labels with a sign between them: cut there, far fewer labels are left."""
    for sign in "|;,/":
        parts = {part.strip() for label in seen for part in label.split(sign)}
        n_joined = sum(sign in label for label in seen)
        if space.kind == "single" and n_joined > len(seen) / 3 and len(parts) <= len(seen) / 2:
            mend = f"If they are, --separator '{sign}' reads them as {len(parts)} labels, several a row."
            yield Finding(
                "warning", "joined-labels", f"{n_joined} of {len(seen)} labels hold {sign!r}: several in one?", mend
            )
            return


def _spellings(seen: Mapping[str, int]) -> Iterator[Finding]:
    alike: dict[str, list[str]] = {}
    for label in seen:
        alike.setdefault(_spelling(label), []).append(label)
    if groups := [labels for labels in alike.values() if len(labels) > 1]:
        found = listed(" / ".join(f"{label!r} ({counted(seen[label], 'row')})" for label in group) for group in groups)
        mend = "Write each label in one way, or give the known labels with --space: letter case is then ignored."
        yield Finding("warning", "label-spelling", f"labels that differ only in letter case or spaces: {found}", mend)


def _spelling(label: str) -> str:
    return _JOINTS.sub(" ", unicodedata.normalize("NFKC", label).casefold())


def _typos(seen: Mapping[str, int]) -> Iterator[Finding]:
    pairs = (sorted(pair, key=lambda label: seen[label]) for pair in combinations(seen, 2))
    found = [
        f"{rare!r} ({counted(seen[rare], 'row')}) beside {usual!r} ({counted(seen[usual], 'row')})"
        for rare, usual in pairs
        if seen[rare] * _TYPO_RARITY <= seen[usual] and _is_typo(rare.casefold(), usual.casefold())
    ]
    if found:
        mend = "Correct the label, or keep it if it is meant: it counts as a label of its own."
        yield Finding("warning", "label-typo", f"labels that look mistyped: {listed(found)}", mend)


def _is_typo(rare: str, usual: str) -> bool:
    """Return whether one word may be the other mistyped; un-, dis- and non- change the meaning and are none."""
    words = all(label.isascii() and not re.search(r"\d", label) for label in (rare, usual))
    if not words or len(rare) < _TYPO_LETTERS or rare in _known_labels() or _spelling(rare) == _spelling(usual):
        return False
    if rare.endswith(usual) or usual.endswith(rare):
        return False
    return SequenceMatcher(None, rare, usual).ratio() >= _TYPO_SIMILARITY


def _known_labels() -> set[str]:
    return {label for space in SPACES.values() for label in space.labels}
