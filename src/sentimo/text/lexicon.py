"""Lexicons: which words carry a feeling, and how much of it.

A valence lies in [-1, 1]. A word of valence 0 carries none: it is listed because a part of it would (好像, "like a").
Texts are read token by token, the longest entry first, so that Chinese needs no word segmenter.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from typing import Any, NamedTuple, Self

from sentimo.errors import InputError
from sentimo.text.scripts import HAN

LANGUAGES = ("en", "zh")

_HAN = rf"\u3005\u3007\u3040-\u30ff{HAN}"
_MUTE = "\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\U0001f3fb-\U0001f3ff\U000e0000-\U000e007f"
_LETTERS = rf"(?:(?![{_HAN}])[^\W_])+"
_TOKENS = re.compile(
    r"(https?://[\x21-\x7e]+|www\.[\x21-\x7e]+|@[A-Za-z0-9_]+)"  # an address is not read
    rf"|([{_HAN}])|({_LETTERS}(?:['’]{_LETTERS})*)|(?<=[^\W_])-(?=[^\W_])|([^\w\s{_MUTE}]|_)"
)
_LONG_DRAWN = re.compile(r"(.)\1{2,}")


class Token(NamedTuple):
    """A Han character, a word, or one sign.

    Attributes:
        form: As it is looked up: NFKC, lower case.
        start, end: Its place in the text.
        is_sign: Whether it is neither a character nor a word.
    """

    form: str
    start: int
    end: int
    is_sign: bool


def tokens_of(text: str) -> list[Token]:
    """Return the tokens of a text in order; hyphens between letters, links and @names are none."""
    found = []
    for match in _TOKENS.finditer(text):
        if match.lastindex is not None and match.lastindex > 1:
            form = unicodedata.normalize("NFKC", match[0]).lower().replace("’", "'")
            found.append(Token(form, match.start(), match.end(), match.lastindex == 4))
    return found


class Match(NamedTuple):
    """An entry found in a text.

    Attributes:
        first, last: Its tokens, ``tokens[first:last]``.
        key: The entry, as its tokens.
        is_drawn: Whether a letter was drawn out, as in "sooo goood".
    """

    first: int
    last: int
    key: tuple[str, ...]
    is_drawn: bool


class Entries:
    """Words and phrases to find in texts, the longest at each place.

    Args:
        words: What to find; each is cut into tokens as texts are.
    """

    def __init__(self, words: Iterable[str]) -> None:
        self._keys = {key for word in words if (key := key_of(word))}
        self._forms = {form for key in self._keys for form in key}
        sizes: dict[str, set[int]] = {}
        for key in self._keys:
            sizes.setdefault(key[0], set()).add(len(key))
        self._sizes = {first: sorted(each, reverse=True) for first, each in sizes.items()}

    def find(self, tokens: Sequence[Token]) -> Iterator[Match]:
        """Yield the entries in the order of the text; they do not overlap."""
        read = [self._spelt(token) for token in tokens]
        forms, at = [form for form, _ in read], 0
        while at < len(forms):
            for size in self._sizes.get(forms[at], ()):
                key = tuple(forms[at : at + size])
                if len(key) == size and key in self._keys:
                    yield Match(at, at + size, key, any(drawn for _, drawn in read[at : at + size]))
                    at += size
                    break
            else:
                at += 1

    def _spelt(self, token: Token) -> tuple[str, bool]:
        """Return a token as the entries spell it, and whether letters were drawn out."""
        if token.form in self._forms or token.is_sign:
            return token.form, False
        for times in (2, 1):
            short = _LONG_DRAWN.sub(lambda match, times=times: match[1] * times, token.form)  # type: ignore[misc]
            if short != token.form and short in self._forms:
                return short, True
        return token.form, False


def key_of(word: str) -> tuple[str, ...]:
    """Return a word or phrase as the forms of its tokens."""
    return tuple(token.form for token in tokens_of(word))


@dataclass(frozen=True)
class Lexicon:
    """Words of feeling.

    Attributes:
        words: Language ("en", "zh") -> word or phrase -> valence in [-1, 1].

    Raises:
        InputError: another language, or a valence that is no number from -1 to 1.
    """

    words: Mapping[str, Mapping[str, float]]

    def __post_init__(self) -> None:
        for language, words in self.words.items():
            if language not in LANGUAGES:
                raise InputError(f"lexicon: language {language!r} is not known; expected one of {', '.join(LANGUAGES)}")
            for word, valence in words.items():
                if not isinstance(valence, (int, float)) or not -1 <= valence <= 1:
                    raise InputError(f"lexicon: {word!r} has the valence {valence!r}; expected a number from -1 to 1")

    def __len__(self) -> int:
        return sum(map(len, self.words.values()))

    def joined(self, other: Lexicon) -> Lexicon:
        """Return the words of both; where both have a word, that of the other one counts."""
        languages = dict.fromkeys([*self.words, *other.words])
        return Lexicon({each: {**self.words.get(each, {}), **other.words.get(each, {})} for each in languages})

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the words."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def to_json(self) -> str:
        """Return the lexicon as JSON, the same for the same words."""
        ordered = {language: dict(sorted(self.words[language].items())) for language in sorted(self.words)}
        return json.dumps(ordered, ensure_ascii=False, indent=0) + "\n"

    @classmethod
    def from_json(cls, content: str) -> Self:
        """Read what `to_json` gave.

        Raises:
            InputError: it is something else.
        """
        try:
            read: Any = json.loads(content)
            return cls({language: dict(words) for language, words in read.items()})
        except (ValueError, AttributeError, TypeError) as error:
            raise InputError(f"not a lexicon: {error}") from error


@cache
def built_in_lexicon() -> Lexicon:
    """Return the lists that come with Sentimo, written for it: about 2,000 words and phrases per language."""
    return Lexicon({language: _read(language) for language in LANGUAGES})


def _read(language: str) -> dict[str, float]:
    words: dict[str, float] = {}
    for line in files(__package__).joinpath("lexicons", f"{language}.txt").read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            valence, *entries = line.split()
            for entry in entries:
                for word, factor in _forms(entry) if language == "en" else [(entry, 1.0)]:
                    words.setdefault(word, round(float(valence) * factor, 3))
    return words


def _forms(entry: str) -> Iterator[tuple[str, float]]:
    """Yield the forms of an English entry and what they count: its own, and those that its flag stands for."""
    word, slash, flag = entry.rpartition("/")
    if not slash or flag not in ("v", "n", "a", "c"):
        yield entry.replace("_", " "), 1.0
        return
    word = word.replace("_", " ")
    yield word, 1.0
    stem = word[:-1] if word.endswith("e") else word
    changes_y = word.endswith("y") and word[-2] not in "aeiou"
    if flag in ("v", "n"):
        hisses = word.endswith(("s", "sh", "ch", "x", "z"))
        yield word[:-1] + "ies" if changes_y else word + ("es" if hisses else "s"), 1.0
    if flag == "v":
        yield word[:-1] + "ied" if changes_y else stem + "ed", 1.0
        yield (word if word.endswith("ee") else stem) + "ing", 1.0
    if flag == "a":
        yield _adverb(word), 1.0
    if flag == "c":
        yield (word[:-1] + "i" if changes_y else stem) + "er", 0.9
        yield (word[:-1] + "i" if changes_y else stem) + "est", 1.1


def _adverb(word: str) -> str:
    if word.endswith("ic"):
        return word + "ally"
    if word.endswith("le") and len(word) > 4:
        return word[:-1] + "y"
    if word.endswith("y"):
        return word[:-1] + "ily"
    return word + ("y" if word.endswith("ll") else "ly")
