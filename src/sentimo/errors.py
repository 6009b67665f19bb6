"""Every error Sentimo raises on purpose.

SentimoError
├── InputError            something the user gave: a file, an option, a text, a recipe
│   ├── DataError         a file or a row cannot be read as asked
│   │   ├── UnknownLabelError
│   │   └── AmbiguousLabelError   a number that may be either of two labels
│   └── RecipeError       a training recipe is wrong
├── BundleError           a model folder is missing, damaged, too new or not trusted
├── MissingExtraError     an optional part of Sentimo is not installed
├── TrainingError         training or saving failed
├── NotPossible           a compressed form cannot be made of this model (sentimo.compress.material)
├── DiskFullError         there is no room for what is written; what was done is kept
├── CompressionError      no compressed model is good enough
└── Interrupted           the user stopped a long piece of work; what was done is kept
    └── CompressionStopped    what was measured until then is told (sentimo.compress.run)

A message names what was found, where, what was expected and the next step. The command line shows it without a
traceback; anything else that escapes is a bug and keeps its traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence


class SentimoError(Exception):
    """Base of all errors that Sentimo raises on purpose."""


class InputError(SentimoError):
    """Something the user gave cannot be used as it is."""


class DataError(InputError):
    """A file or a row cannot be read as asked."""


class UnknownLabelError(DataError):
    """A label is not in its label space.

    Attributes:
        label: The label as found.
        nearest: The closest known label, or None when nothing is close.
    """

    def __init__(self, label: str, space: str, labels: Sequence[str], where: str = "") -> None:
        self.label = label
        self.nearest = nearest(label, labels)
        known = ", ".join(labels[:12]) + (f", ... {len(labels) - 12} more" if len(labels) > 12 else "")
        prefix = f"{where}: " if where else ""
        hint = did_you_mean(label, labels)
        super().__init__(f"{prefix}label {label!r} is not in label space {space!r} ({known}).{hint}")


class AmbiguousLabelError(DataError):
    """A number may stand for either of two labels, and nothing in the file tells for which."""


class RecipeError(InputError):
    """A training recipe is wrong."""


class BundleError(SentimoError):
    """A model folder is missing, damaged, too new or not trusted."""


class MissingExtraError(SentimoError):
    """An optional part of Sentimo is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs an optional part that is not installed. Run: pip install 'sentimo[{extra}]'")


class TrainingError(SentimoError):
    """Training or saving a model failed."""


class DiskFullError(SentimoError):
    """There is no room for what is written; what was done is kept and can be resumed."""


class CompressionError(SentimoError):
    """No compressed model is good enough to be kept."""


class Interrupted(SentimoError):
    """The user stopped a long piece of work; what was done is kept and can be resumed."""


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word closest to `word`, ignoring case, or None when nothing is close.

    Source: Ratcliff & Metzener 1988 similarity (difflib), cut at 0.6.
    """
    by_lower = {k.lower(): k for k in known}
    found = difflib.get_close_matches(word.lower(), list(by_lower), n=1, cutoff=0.6)
    return by_lower[found[0]] if found else None


def did_you_mean(word: str, known: Iterable[str], otherwise: str = "") -> str:
    """Return " Did you mean ...?" with the known word closest to `word`, or `otherwise` when nothing is close."""
    hint = nearest(word, known)
    return f" Did you mean {hint!r}?" if hint else otherwise
