"""Augmentation: more training texts from those there are. A new method is one file and one line here.

A method is a class with ``rewrite(texts, draws) -> texts``: each text written anew, or as it was where it cannot be.
All that is random comes from the draw of the text, so that a text becomes the same whatever stands beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Protocol

from sentimo.text.language import Language

AUGMENTERS: Mapping[str, str] = {
    "synonym": "sentimo.data.augment.synonym:Synonym",
    "insert": "sentimo.data.augment.insert:Insert",
    "swap": "sentimo.data.augment.swap:Swap",
    "delete": "sentimo.data.augment.delete:Delete",
    "keyboard": "sentimo.data.augment.keyboard:Keyboard",
    "homophone": "sentimo.data.augment.homophone:Homophone",
    "shape": "sentimo.data.augment.shape:Shape",
    "surround": "sentimo.data.augment.surround:Surround",
    "mask": "sentimo.train.augment.mask:Mask",
    "back_translation": "sentimo.train.augment.back_translation:BackTranslation",
}


BOUND: Mapping[str, Language] = {"keyboard": "en", "homophone": "zh", "shape": "zh"}
"""Method -> the language whose texts alone it can change."""


class Augmenter(Protocol):
    """Writes texts anew."""

    def rewrite(self, texts: Sequence[str], draws: Sequence[Random]) -> list[str]:
        """Return each text written anew; a text that cannot be comes back as it was."""
        ...
