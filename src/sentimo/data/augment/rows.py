"""Labelled rows written anew: same label, other words."""

from __future__ import annotations

import hashlib
from collections.abc import Container, Mapping, Sequence
from random import Random

from sentimo.core.documents import Document, Example
from sentimo.data.augment import Augmenter
from sentimo.text.normalise import folded

ORIGINAL, METHOD = "augmented_from", "augmented_by"
"""Keys of `Document.meta`, and columns of augmented files: the text that a row was made from, and how."""


def augment_examples(
    examples: Sequence[Example],
    methods: Mapping[str, Augmenter],
    *,
    copies: int = 1,
    share: float = 1.0,
    weight: float = 1.0,
    seed: int = 13,
    avoid: Container[str] = frozenset(),
) -> list[Example]:
    """Return new rows made from labelled ones; the labels are theirs.

    A text that a method cannot change gives no row, nor does one that comes out as a text that is there already.

    Args:
        examples: Rows to learn from. Those that are augmented themselves are not written anew.
        methods: Name -> method; each makes its own rows.
        copies: New rows per row and method.
        share: Of the rows that are written anew, in (0, 1].
        weight: Factor of the weight of a new row.
        seed: Same seed, same rows, whatever the order of the examples; where two come out as one text, the first of
            them counts.
        avoid: Folded texts that no new row may have, such as those held out.
    """
    taken = {folded(each.document.text) for each in examples}
    chosen = {
        (each.document.text, str(each.targets)): each
        for each in examples
        if each.source != "augmented" and _draw(seed, "share", 0, each.document.text).random() < share
    }
    rows = list(chosen.values())
    texts = [each.document.text for each in rows]
    made: list[Example] = []
    for name, method in methods.items():
        for copy in range(copies):
            draws = [_draw(seed, name, copy, text) for text in texts]
            for row, text in zip(rows, method.rewrite(texts, draws), strict=True):
                key = folded(text)
                if key in taken or key in avoid:
                    continue
                taken.add(key)
                meta = {ORIGINAL: row.document.text, METHOD: name}
                document = Document(text, language=row.document.language, meta=meta)
                made.append(Example(document, row.targets, row.weight * weight, "augmented", row.among))
    return made


def _draw(seed: int, what: str, copy: int, text: str) -> Random:
    """Return a generator that depends on the text and not on where it stands."""
    digest = hashlib.sha256(f"{seed}\0{what}\0{copy}\0{text}".encode("utf-8", "surrogatepass")).digest()
    return Random(int.from_bytes(digest[:8], "big"))
