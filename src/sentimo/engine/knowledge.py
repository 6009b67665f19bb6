"""What a model knows of a text beside its tokens: what the rules make of each window, as columns before its token ids.

A network with knowledge takes windows of ``[f1 ... f12, token ids]``: the features of `sentimo.text.rules` in
thousandths, as whole numbers, so that a graph keeps its two inputs and everything that batches, pads, counts or
compresses windows stays as it is. The network cuts them off before it looks any token up.
"""

from __future__ import annotations

from functools import cached_property

from sentimo.core.bundle import LEXICON, Bundle
from sentimo.errors import BundleError, InputError
from sentimo.text.lexicon import Lexicon
from sentimo.text.rules import FEATURES, VERSION, Rules

RULES, KNOWLEDGE = "rules", "knowledge"
"""Settings of a bundle: the version of the rules it was made with, and the number of columns before the token ids."""

N_COLUMNS = len(FEATURES)

STEPS = 1000
"""What a feature of 1 is as a whole number."""


class Knowledge:
    """Reads texts by a lexicon.

    Args:
        lexicon: The words.
    """

    def __init__(self, lexicon: Lexicon) -> None:
        self.lexicon = lexicon

    @cached_property
    def _rules(self) -> Rules:
        return Rules(self.lexicon)

    def columns(self, text: str) -> list[int]:
        """Return the features of a text in thousandths, (12,) from -1000 to 1000."""
        return [round(STEPS * each) for each in self._rules.read(text).features]


def knowledge_of(bundle: Bundle) -> Knowledge | None:
    """Return what a bundle knows, None where it reads tokens alone.

    Raises:
        BundleError: its words cannot be read, or it was made with other rules.
    """
    columns = bundle.manifest.settings.get(KNOWLEDGE)
    if columns is None:
        return None
    lexicon = lexicon_of(bundle)
    if columns != N_COLUMNS:
        raise BundleError(f"{bundle.path}: the setting {KNOWLEDGE} is {columns!r}; expected {N_COLUMNS}")
    return Knowledge(lexicon)


def lexicon_of(bundle: Bundle) -> Lexicon:
    """Return the words that a bundle holds.

    Raises:
        BundleError: they cannot be read, or the bundle was made with other rules.
    """
    if (made_with := bundle.manifest.settings.get(RULES)) != VERSION:
        raise BundleError(
            f"{bundle.path} was made with version {made_with} of the rules; this Sentimo has version {VERSION} and "
            "would read texts otherwise. Train it anew, or use the Sentimo that it was made with."
        )
    try:
        return Lexicon.from_json(bundle.file(LEXICON).read_text("utf-8"))
    except InputError as error:
        raise BundleError(f"{bundle.file(LEXICON)}: {error}") from error
