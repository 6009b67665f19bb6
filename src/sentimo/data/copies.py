"""Texts that stand in the data more than once: within a split, across splits, with different labels."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, combinations, combinations_with_replacement, islice, zip_longest

from sentimo.core.labels import LabelSpace
from sentimo.data.diagnosis import Answer, Finding, Sample, counted, shown
from sentimo.data.near_duplicates import near_duplicates, similarity
from sentimo.data.targets import labels_in
from sentimo.text.normalise import folded

_SCORE_APART = 0.25  # share of a score's range from which two scores of one text contradict each other
_MANY = 0.01  # share of repeated rows in a split from which its figures shift
_MOST_EXAMPLES = 3

Pair = tuple[str, str]
"""Two splits, the earlier one first; or twice the same."""


def find_copies(samples: Sequence[Sample], answers: Sequence[Answer], space: LabelSpace | None) -> Iterator[Finding]:
    """Yield contradictions, duplicates, leaks across splits, and the last two of texts that are almost the same.

    Copies are what training takes for copies (`sentimo.text.normalise.folded`): they agree but for letter case, spaces
    and punctuation. Contradictions must agree in punctuation too, for :) and :( are not the same.

    Args:
        samples: Rows with a label, split after split, training rows first.
        answers: The label of each.
        space: Its label space, if one fits.
    """
    copies = _grouped(folded(sample.text) for sample in samples)
    sizes = Counter(sample.split for sample in samples)
    yield from _contradictions(samples, answers, space)
    yield from _duplicates(samples, copies.values(), sizes)
    yield from _leaks(samples, copies.values(), sizes)
    yield from _near(samples, copies, sizes)


def contradictions(texts: Sequence[str], answers: Sequence[Answer], space: LabelSpace | None) -> list[tuple[int, int]]:
    """Return two rows of each text that stands with different labels: the first, and the first that differs from it.

    Texts are the same but for letter case, blanks and widths; two scores differ from a quarter of their range on.
    """
    keys = (" ".join(unicodedata.normalize("NFKC", text).casefold().split()) for text in texts)
    found = []
    for rows in _grouped(keys).values():
        other = next((row for row in rows[1:] if _differ(answers[rows[0]], answers[row], space)), None)
        if other is not None:
            found.append((rows[0], other))
    return found


def _grouped(keys: Iterable[str]) -> dict[str, list[int]]:
    groups: dict[str, list[int]] = {}
    for row, key in enumerate(keys):
        groups.setdefault(key, []).append(row)
    return groups


def _contradictions(
    samples: Sequence[Sample], answers: Sequence[Answer], space: LabelSpace | None
) -> Iterator[Finding]:
    if found := contradictions([sample.text for sample in samples], answers, space):
        yield Finding(
            "warning",
            "conflicting-labels",
            f"{counted(len(found), 'text')} with different labels in different rows",
            "Decide on one label for each text, or leave them out: a model cannot learn both.",
            tuple(
                f"{one.place} ({_label(one)}) and {other.place} ({_label(other)}): {shown(one.text)}"
                for one, other in ((samples[one], samples[other]) for one, other in found[:_MOST_EXAMPLES])
            ),
        )


def _differ(one: Answer, other: Answer, space: LabelSpace | None) -> bool:
    if space is not None and space.range is not None and isinstance(one, float) and isinstance(other, float):
        low, high = space.range
        return abs(one - other) > _SCORE_APART * (high - low)
    return one != other


def _label(sample: Sample) -> str:
    return shown(", ".join(labels_in(sample.cell)), 30)


def _duplicates(samples: Sequence[Sample], copies: Iterable[list[int]], sizes: Counter[str]) -> Iterator[Finding]:
    repeats: Counter[str] = Counter()
    examples: dict[str, list[str]] = {}
    for rows in copies:
        first: dict[str, int] = {}
        for row in rows:
            split = samples[row].split
            if first.setdefault(split, row) != row:
                repeats[split] += 1
                examples.setdefault(split, []).append(_example(samples, first[split], row))
    if repeats:
        counts = [f"{counted(n, 'row')} of {split} ({n / sizes[split]:.1%})" for split, n in repeats.items()]
        yield Finding(
            "warning" if any(n >= _MANY * sizes[split] for split, n in repeats.items()) else "note",
            "duplicates",
            f"{', '.join(counts)} with the text of an earlier row",
            "Keep one of each: repeats count double in training, and in figures.",
            _few(examples.values()),
        )


def _leaks(samples: Sequence[Sample], copies: Iterable[list[int]], sizes: Counter[str]) -> Iterator[Finding]:
    leaks: dict[Pair, list[tuple[int, int]]] = {pair: [] for pair in combinations(sizes, 2)}
    only_in_train = False
    for rows in copies:
        first = _first_rows(samples, rows)
        only_in_train |= list(first) == ["train"]
        for earlier, later in combinations(first, 2):
            leaks[earlier, later] += [(first[earlier], row) for row in rows if samples[row].split == later]
    found = {pair: rows for pair, rows in leaks.items() if rows}
    if found:
        counts = [
            f"{counted(len(rows), 'row')} of {later} ({len(rows) / sizes[later]:.1%}) in {earlier}"
            for (earlier, later), rows in found.items()
        ]
        nothing_left = "train" in sizes and not only_in_train
        yield Finding(
            "error" if nothing_left else "warning",
            "leakage",
            f"texts stand in several splits: {', '.join(counts)}"
            + ("; no text is left for train alone" if nothing_left else ""),
            "Remove them from all splits but one. Training leaves texts of dev and test out of train by itself.",
            _few([_example(samples, *each) for each in rows[:_MOST_EXAMPLES]] for rows in found.values()),
        )


def _near(samples: Sequence[Sample], copies: Mapping[str, list[int]], splits: Iterable[str]) -> Iterator[Finding]:
    texts = list(copies)
    first = [_first_rows(samples, rows) for rows in copies.values()]
    counts: Counter[Pair] = Counter()
    examples: dict[Pair, list[str]] = {pair: [] for pair in combinations_with_replacement(splits, 2)}
    for group in near_duplicates(texts):
        for (earlier, later), told in examples.items():
            there = [text for text in group if earlier in first[text]]
            # A text that leaks as it is was told as leakage already.
            here = [text for text in group if later in first[text] and (earlier == later or earlier not in first[text])]
            if not there or not here or len({*there, *here}) < 2:
                continue
            counts[earlier, later] += len(here)
            if len(told) < _MOST_EXAMPLES:
                one, other = there[0], here[-1]
                alike = f" ({similarity(texts[one], texts[other]):.0%} alike)"
                told.append(_example(samples, first[one][earlier], first[other][later], alike))
    yield from _near_findings(counts, examples)


def _near_findings(counts: Mapping[Pair, int], examples: Mapping[Pair, Sequence[str]]) -> Iterator[Finding]:
    across = [pair for pair in examples if counts[pair] and pair[0] != pair[1]]
    within = [pair for pair in examples if counts[pair] and pair[0] == pair[1]]
    if across:
        found = [f"{counted(counts[pair], 'text')} of {pair[1]} in {pair[0]}" for pair in across]
        message = f"texts with a near-copy in another split: {', '.join(found)}"
        mend = "Remove them from one of the two: figures on held-out rows are too high."
        yield Finding("warning", "near-leakage", message, mend, _few(examples[pair] for pair in across))
    if within:
        found = [f"{counted(counts[pair], 'text')} of {pair[0]}" for pair in within]
        message = f"{', '.join(found)} with a near-copy in the same split"
        mend = "Keep one of each kind where they come from a template or a forwarded post."
        yield Finding("note", "near-duplicates", message, mend, _few(examples[pair] for pair in within))


def _first_rows(samples: Sequence[Sample], rows: Iterable[int]) -> dict[str, int]:
    """Return the first of some rows in each split, in the order of the splits."""
    first: dict[str, int] = {}
    for row in rows:
        first.setdefault(samples[row].split, row)
    return first


def _example(samples: Sequence[Sample], a: int, b: int, how: str = "") -> str:
    one, other = samples[a], samples[b]
    same_file = one.file == other.file
    where = f"{one.file}, rows {one.number} and {other.number}" if same_file else f"{one.place} and {other.place}"
    return f"{where}{how}: {shown(other.text)}"


def _few(examples: Iterable[Iterable[str]]) -> tuple[str, ...]:
    """Return a few examples, one of each group in turn."""
    in_turn = chain.from_iterable(zip_longest(*examples))
    return tuple(islice((example for example in in_turn if example), _MOST_EXAMPLES))
