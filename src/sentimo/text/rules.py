"""Rules over a lexicon: negation, degree, contrast, questions, exclamations; each that fires is told.

The constants are those of VADER where it has the rule, on its scale of -4 to 4 divided by 4. Degrees are factors
(`sentimo.text.cues`); in Chinese distances count characters, in English words.

Source: Hutto & Gilbert 2014, "VADER: A Parsimonious Rule-based Model for Sentiment Analysis of Social Media Text",
ICWSM, section 3.2, and its program.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sentimo.core.trace import Fired
from sentimo.text.cues import DEGREES, LATER_COUNTS, NEGATIONS
from sentimo.text.language import language_of
from sentimo.text.lexicon import Entries, Lexicon, Match, Token, built_in_lexicon, key_of, tokens_of

VERSION = 1
"""Of what the rules make of a text; a bundle that was made with another one is refused."""

NEGATION = -0.74
DAMPING = (1.0, 0.95, 0.9)  # of a degree word beside its word, one word away, and further
BEFORE_CONTRAST, AFTER_CONTRAST = 0.5, 1.5
CAPITALS, EXCLAMATION, MOST_EXCLAMATIONS = 0.733 / 4, 0.292 / 4, 4
NORM = 15.0  # valence = 4 s / sqrt((4 s)**2 + 15) for a sum s of effects

ASKED, SUPPOSED, CONCEDED, DRAWN_OUT, AFTER_DEGREE = 0.3, 0.5, 0.5, 1.2, 1.5
"""Factors of our own: in a question that can be answered with yes, in a condition, in what is conceded, of a word with
drawn-out letters, and of a degree that follows its word (好极了)."""

_SCOPE: Mapping[str, int] = {"en": 3, "zh": 5}
_DEGREE_SCOPE: Mapping[str, int] = {"en": 2, "zh": 3}
_CLOSE = frozenset(
    ("most", "more", "even", "less", "little", "bit", "such", "so", "too", "really", "还", "真", "好", "一点")
)
"""Degree words that count only right before their word: they have other uses."""
_STRESSES: Mapping[str, Mapping[str, float]] = {
    "en": {},
    "zh": dict.fromkeys(
        ("一点也", "一点都", "一点儿也", "一点儿都", "丝毫", "根本", "简直", "实在是", "特别特别", "非常非常"), 1.5
    ),
}
"""Further words of degree, which would be read as others."""
_AFTER: Mapping[str, tuple[str, ...]] = {
    "en": (),
    "zh": (
        "极了",
        "死了",
        "透了",
        "爆了",
        "坏了",
        "得很",
        "得要命",
        "得不行",
        "得不得了",
        "得要死",
        "到爆",
        "到家了",
        "到极点",
    ),
}
_CONCESSIONS: Mapping[str, tuple[str, ...]] = {
    "en": ("although", "though", "despite", "even though", "in spite of"),
    "zh": ("虽然", "尽管", "虽说", "虽", "即使", "即便"),
}
_SUPPOSITIONS: Mapping[str, tuple[str, ...]] = {
    "en": ("if", "unless", "wish", "would have been", "could have been", "should have been"),
    "zh": ("如果", "要是", "假如", "假若", "倘若", "若是", "的话", "除非", "早知道", "本来以为", "原以为"),
}
_ASKING: Mapping[str, tuple[str, ...]] = {
    "en": (
        "is",
        "are",
        "was",
        "were",
        "do",
        "does",
        "did",
        "can",
        "could",
        "will",
        "would",
        "should",
        "has",
        "have",
        "am",
    ),
    "zh": (
        "吗",
        "嘛",
        "么",
        "是不是",
        "好不好",
        "有没有",
        "能不能",
        "会不会",
        "可不可以",
        "行不行",
        "对不对",
        "是否",
        "能否",
    ),
}
_QUIET: Mapping[str, tuple[str, ...]] = {  # negations inside that turn nothing around
    "en": (
        "not only",
        "not just",
        "not to mention",
        "no wonder",
        "no one",
        "no matter",
        "why not",
        "not until",
        "no doubt",
    ),
    "zh": (
        "不仅",
        "不但",
        "不得不",
        "无不",
        "不无",
        "不禁",
        "莫非",
        "非但",
        "无非",
        "不由得",
        "没想到",
        "不愧",
        "不由自主",
    ),
}
_CLAUSE_ENDS = frozenset(",.;!?，。；！？、…:：\n()（）")
_SENTENCE_ENDS = frozenset(".!?。！？…;；")

FEATURES = (
    "valence",
    "positive mass",
    "negative mass",
    "strongest positive",
    "strongest negative",
    "negated",
    "intensified",
    "contrast",
    "question",
    "exclamation",
    "known words",
    "valence of the last sentence",
)
"""What `Reading.features` holds, each in [-1, 1]."""


@dataclass(frozen=True)
class Reading:
    """What the rules make of a text.

    Attributes:
        valence: From -1 (negative) to 1 (positive); 0 where no word of feeling was found.
        n_tokens: Its characters and words.
        n_feelings: The words of feeling among them.
        features: (12,) see `FEATURES`.
        trace: The rules that fired, in the order of the text.
    """

    valence: float
    n_tokens: int
    n_feelings: int
    features: tuple[float, ...]
    trace: tuple[Fired, ...]


@dataclass
class _Hit:
    """A word of feeling, and what the rules have made of it so far."""

    match: Match
    sentence: int
    effect: float
    is_negated: bool = False
    is_strengthened: bool = False


@dataclass(frozen=True)
class _Cues:
    """The cue words of a language, by what they do, as keys of entries."""

    negations: frozenset[tuple[str, ...]]
    degrees: Mapping[tuple[str, ...], float]
    after: frozenset[tuple[str, ...]]
    contrasts: frozenset[tuple[str, ...]]
    concessions: frozenset[tuple[str, ...]]
    suppositions: frozenset[tuple[str, ...]]
    asking: frozenset[tuple[str, ...]]
    words: tuple[str, ...]


class Rules:
    """Reads texts by a lexicon and the rules.

    A Chinese text is read by the Chinese words and, for English in it, by the English ones; any other text by the
    English words.

    Args:
        lexicon: The words of feeling; by default those that come with Sentimo.
    """

    def __init__(self, lexicon: Lexicon | None = None) -> None:
        self.lexicon = lexicon or built_in_lexicon()
        self._readers: dict[str, _Reader] = {}

    def read(self, text: str) -> Reading:
        """Return what a text says, and why."""
        language = "zh" if language_of(text) == "zh" else "en"
        if language not in self._readers:
            self._readers[language] = _Reader(self.lexicon, language)
        return self._readers[language].read(text)


@cache
def built_in_rules() -> Rules:
    """Return the rules over the lists that come with Sentimo."""
    return Rules()


class _Reader:
    """The rules of one language."""

    def __init__(self, lexicon: Lexicon, language: str) -> None:
        words = dict(lexicon.words.get("en", {}))
        if language == "zh":
            words |= lexicon.words.get("zh", {})
        self._valences = {key_of(word): valence for word, valence in words.items()}
        self._cues = _cues(language)
        self._entries = Entries([*words, *self._cues.words])
        self._language = language

    def read(self, text: str) -> Reading:
        tokens = tokens_of(text)
        matches = list(self._entries.find(tokens))
        sentences = _sentences(tokens, matches)
        trace: list[Fired] = []

        def tell(rule: str, match: Match, effect: float, target: str = "") -> None:
            start, end = _place(tokens, match)
            trace.append(Fired(rule, start, end, text[start:end], effect, target))

        hits = self._hits(text, tokens, matches, sentences, tell)
        contrasted = self._contrast(tokens, matches, sentences, hits, tell)
        asked = self._weaken(tokens, matches, sentences, hits, tell)
        total = sum(hit.effect for hit in hits)
        marks = sum(token.form == "!" for token in tokens)
        if marks and total:
            added = math.copysign(EXCLAMATION * min(marks, MOST_EXCLAMATIONS), total)
            total += added
            first = next(at for at, token in enumerate(tokens) if token.form == "!")
            tell("exclamation", Match(first, first + 1, ("!",), False), added)
        n_tokens = sum(not token.is_sign for token in tokens)
        features = _features(total, hits, n_tokens, contrasted=contrasted, asked=asked, marks=marks)
        trace.sort(key=lambda fired: (fired.start, fired.end))
        return Reading(_normed(total), n_tokens, len(hits), features, tuple(trace))

    def _hits(
        self, text: str, tokens: Sequence[Token], matches: Sequence[Match], sentences: Sequence[int], tell: Any
    ) -> list[_Hit]:
        """Return the words of feeling with what stands in their clause: degrees, negations, capitals."""
        cues, shouts = self._cues, text.isupper()
        hits: list[_Hit] = []
        clause, before = 0, list[Match]()  # of the clause: where it began, its cue words so far
        for number, match in enumerate(matches):
            if _ends_clause(tokens, clause, match.first):
                before = []
            clause = match.first
            if match.key in cues.after and hits and hits[-1].match.last == match.first:
                hits[-1].effect *= AFTER_DEGREE
                hits[-1].is_strengthened = True
                tell("degree", match, AFTER_DEGREE, _said(text, tokens, hits[-1].match))
                continue
            valence = self._valences.get(match.key, 0.0)
            follows = matches[number + 1] if number + 1 < len(matches) else None
            if match.key in cues.degrees and follows is not None and follows.first == match.last:
                valence = 0.0 if self._valences.get(follows.key) or follows.key in cues.degrees else valence
            if valence:
                hit = _Hit(match, sentences[match.first], valence)
                start, end = _place(tokens, match)
                tell("word", match, valence)
                self._apply(text, tokens, before, hit, tell)
                if match.is_drawn:
                    hit.effect *= DRAWN_OUT
                    hit.is_strengthened = True
                    tell("drawn out", match, DRAWN_OUT, text[start:end])
                if not shouts and end - start > 1 and text[start:end].isupper() and text[start:end].isascii():
                    added = math.copysign(CAPITALS, hit.effect)
                    hit.effect += added
                    hit.is_strengthened = True
                    tell("capitals", match, added, text[start:end])
                hits.append(hit)
            elif match.key in cues.degrees or match.key in cues.negations:
                before.append(match)
        return hits

    def _apply(self, text: str, tokens: Sequence[Token], before: Sequence[Match], hit: _Hit, tell: Any) -> None:
        """Let the cue words before a word of feeling change it."""
        if tokens[hit.match.first].is_sign:  # no word turns an emoji around
            return
        said, negated_at = _said(text, tokens, hit.match), -1
        near = [each for each in before if hit.match.first - each.last <= _SCOPE[self._language]]
        for each in near:
            if each.key in self._cues.negations:
                hit.effect *= NEGATION
                hit.is_negated = not hit.is_negated
                negated_at = each.first
                tell("negation", each, NEGATION, said)
        for each in near:
            far = hit.match.first - each.last
            factor = self._cues.degrees.get(each.key)
            if factor is None or far > (0 if each.key[0] in _CLOSE else _DEGREE_SCOPE[self._language] - 1):
                continue
            if 0 <= negated_at < each.first:  # "not very good" is not very bad
                continue
            factor = 1 + (factor - 1) * DAMPING[min(far, 2)]
            if each.is_drawn:
                factor *= DRAWN_OUT
            hit.effect *= factor
            hit.is_strengthened |= factor > 1
            tell("degree", each, factor, said)

    def _contrast(
        self, tokens: Sequence[Token], matches: Sequence[Match], sentences: Sequence[int], hits: list[_Hit], tell: Any
    ) -> bool:
        """Weigh what stands before and behind a contrast; the last one in a sentence counts."""
        last = {sentences[match.first]: match for match in matches if match.key in self._cues.contrasts}
        for sentence, match in last.items():
            opens = not any(
                each == sentence and not tokens[at].is_sign for at, each in enumerate(sentences[: match.first])
            )
            earlier = {sentence, sentence - 1} if opens else {sentence}  # "... . But ..."
            touched = False
            for hit in hits:
                if hit.sentence in earlier and hit.match.first < match.first:
                    hit.effect *= BEFORE_CONTRAST
                    touched = True
                elif hit.sentence == sentence and hit.match.first > match.first:
                    hit.effect *= AFTER_CONTRAST
                    touched = True
            if touched:
                tell("contrast", match, AFTER_CONTRAST)
        return bool(last)

    def _weaken(
        self, tokens: Sequence[Token], matches: Sequence[Match], sentences: Sequence[int], hits: list[_Hit], tell: Any
    ) -> bool:
        """Weaken what is asked, supposed or conceded; return whether anything is asked."""
        asked = False
        ends = {sentences[at]: at for at, token in enumerate(tokens) if token.form == "?"}
        for sentence, at in ends.items():
            inside = [match for match in matches if sentences[match.first] == sentence]
            first = next((place for place, each in enumerate(sentences) if each == sentence), 0)
            asks = [each for each in inside if each.key in self._cues.asking]
            if self._language == "en":
                asks = [each for each in asks if each.first == first]
            if asks:
                asked = True
                if _scale([hit for hit in hits if hit.sentence == sentence], ASKED):
                    tell("question", Match(at, at + 1, ("?",), False), ASKED)
        for match in matches:
            for rule, keys, factor in (
                ("condition", self._cues.suppositions, SUPPOSED),
                ("concession", self._cues.concessions, CONCEDED),
            ):
                if match.key in keys:
                    stop = next(
                        (at for at in range(match.last, len(tokens)) if tokens[at].form in _CLAUSE_ENDS), len(tokens)
                    )
                    start = match.first
                    if match.key == key_of("的话"):  # it closes its clause
                        start = next((at for at in range(match.first, 0, -1) if tokens[at - 1].form in _CLAUSE_ENDS), 0)
                    if _scale([hit for hit in hits if start <= hit.match.first < stop], factor):
                        tell(rule, match, factor)
        return asked


@cache
def _cues(language: str) -> _Cues:
    def keys(words: Sequence[str]) -> frozenset[tuple[str, ...]]:
        return frozenset(key_of(word) for word in words)

    degrees = {**DEGREES[language], **_STRESSES[language]}
    groups = (_AFTER, _CONCESSIONS, _SUPPOSITIONS, _ASKING)
    words = (
        *NEGATIONS[language],
        *degrees,
        *LATER_COUNTS[language],
        *_QUIET[language],
        *(word for group in groups for word in group[language]),
    )
    return _Cues(
        negations=keys(NEGATIONS[language]),
        degrees={key_of(word): factor for word, factor in degrees.items()},
        after=keys(_AFTER[language]),
        contrasts=keys(LATER_COUNTS[language]),
        concessions=keys(_CONCESSIONS[language]),
        suppositions=keys(_SUPPOSITIONS[language]),
        asking=keys(_ASKING[language]),
        words=words,
    )


def _sentences(tokens: Sequence[Token], matches: Sequence[Match]) -> list[int]:
    """Return the number of the sentence of each token; signs inside an entry, such as ":)", end none."""
    inside = {at for match in matches for at in range(match.first, match.last)}
    numbers, now, ended = [], 0, False
    for at, token in enumerate(tokens):
        ends = token.form in _SENTENCE_ENDS and at not in inside
        if ended and not ends:
            now, ended = now + 1, False
        ended = ended or ends
        numbers.append(now)
    return numbers


def _ends_clause(tokens: Sequence[Token], start: int, end: int) -> bool:
    return any(token.form in _CLAUSE_ENDS for token in tokens[start:end])


def _place(tokens: Sequence[Token], match: Match) -> tuple[int, int]:
    return tokens[match.first].start, tokens[match.last - 1].end


def _said(text: str, tokens: Sequence[Token], match: Match) -> str:
    start, end = _place(tokens, match)
    return text[start:end]


def _scale(hits: Sequence[_Hit], factor: float) -> bool:
    for hit in hits:
        hit.effect *= factor
    return bool(hits)


def _normed(total: float) -> float:
    return 4 * total / math.sqrt(16 * total * total + NORM)


def _features(
    total: float, hits: Sequence[_Hit], n_tokens: int, *, contrasted: bool, asked: bool, marks: int
) -> tuple[float, ...]:
    effects = [hit.effect for hit in hits]
    positive, negative = sum(each for each in effects if each > 0), -sum(each for each in effects if each < 0)
    n, last = max(1, len(hits)), max((hit.sentence for hit in hits), default=0)
    return (
        _normed(total),
        positive / (1 + positive),
        negative / (1 + negative),
        min(1.0, max(0.0, *effects, 0.0)),
        min(1.0, max(0.0, *(-each for each in effects), 0.0)),
        sum(hit.is_negated for hit in hits) / n,
        sum(hit.is_strengthened for hit in hits) / n,
        float(contrasted),
        float(asked),
        min(marks, MOST_EXCLAMATIONS) / MOST_EXCLAMATIONS,
        min(1.0, len(hits) / max(1, n_tokens)),
        _normed(sum(hit.effect for hit in hits if hit.sentence == last)),
    )


def is_negated(text: str, start: int) -> bool:
    """Return whether what begins at an offset of a text is turned around: a negation stands before it in its clause."""
    language = "zh" if language_of(text) == "zh" else "en"
    before = [token for token in tokens_of(text) if token.start < start]
    clause = max((at + 1 for at, token in enumerate(before) if token.form in _CLAUSE_ENDS), default=0)
    tokens = before[clause:]
    cues = _cues(language)
    negations = [each for each in _cue_entries(language).find(tokens) if each.key in cues.negations]
    return sum(len(tokens) - each.last <= _SCOPE[language] for each in negations) % 2 == 1


@cache
def _cue_entries(language: str) -> Entries:
    quiet = (word for word, valence in built_in_lexicon().words[language].items() if not valence)
    return Entries([*_cues(language).words, *quiet])
