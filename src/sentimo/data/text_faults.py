"""Faults that can be seen in a text by itself: broken encoding, left-over markup; and texts unlike the others."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from sentimo.data.diagnosis import Finding, Lengths, Sample, counted, quoted

_BEFORE = 15  # characters shown before a fault
_MINORITY = 0.1  # share of rows below which a language stands out
_LANGUAGES = {"en": "Latin script (en)", "zh": "Chinese (zh)", "other": "another script"}

# What the bytes 80-BF of UTF-8 become when read as Latin-1 or Windows-1252.
_TAIL = "[\x80-\xbf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]"
_MOJIBAKE = re.compile(
    # UTF-8 read as Latin-1: é is Ã©, an apostrophe â€™, п Ð¿, 你 ä½ and a no-break space that may be gone.
    rf"[ÂÃ]{_TAIL}|â[€\x80]|(?:[ÐÑ]{_TAIL}){{2}}|[ä-é]{_TAIL}{{2}}|ä½"
    r"|锟斤拷|鈥[檚檛檓]"  # UTF-8 read as GBK: U+FFFD twice; the apostrophe of it's, don't, I'm
)
_MARKUP = re.compile(
    r"</?(?:a|b|br|div|em|font|h[1-6]|i|img|li|ol|p|script|span|strong|table|td|tr|u|ul)(?:\s[^<>]*)?/?>"
    r"|&(?:amp|apos|gt|lt|nbsp|quot|#\d+|#x[0-9a-f]+);",
    re.IGNORECASE,
)
_BROKEN: Mapping[str, tuple[re.Pattern[str], str, str]] = {
    "replacement-character": (
        re.compile("\ufffd"),
        "characters that were lost in decoding or cut in two (U+FFFD)",
        "Export the file again as UTF-8, or name its encoding with --encoding.",
    ),
    "nul": (re.compile("\x00"), "NUL characters", "Remove them; often the file is UTF-16: name it with --encoding."),
    "missing-value": (
        re.compile(r"\A\s*(?:nan|none|null|<na>)\s*\Z", re.IGNORECASE),
        "nothing but nan, None or null, which programs write where a text is missing",
        "Delete those rows, or leave the cells empty; they would be learnt as texts.",
    ),
    "mojibake": (
        _MOJIBAKE,
        "characters of a wrong encoding (such as Ã© for é)",
        "Export the file again as UTF-8, or name its encoding with --encoding.",
    ),
}


def find_broken_text(samples: Sequence[Sample]) -> Iterator[Finding]:
    """Yield encoding faults and names of nothing (warnings) and left-over HTML (a note)."""
    for code, (pattern, what, mend) in _BROKEN.items():
        if found := _matching(samples, pattern):
            yield Finding("warning", code, f"{counted(len(found), 'text')} with {what}", mend, quoted(found))
    if found := _matching(samples, _MARKUP):
        message = f"{counted(len(found), 'text')} with left-over HTML tags or entities"
        yield Finding("note", "markup", message, "Strip tags and decode entities; they use up tokens.", quoted(found))


def _matching(samples: Sequence[Sample], pattern: re.Pattern[str]) -> list[Sample]:
    """Return the rows whose text has the pattern, each text cut so that it begins shortly before."""
    found = ((sample, pattern.search(sample.text)) for sample in samples)
    return [_from(sample, match.start() - _BEFORE) for sample, match in found if match]


def _from(sample: Sample, start: int) -> Sample:
    return sample if start <= 0 else sample._replace(text="…" + sample.text[start:])


def find_long_texts(samples: Sequence[Sample], n_tokens: Sequence[int], lengths: Lengths) -> Iterator[Finding]:
    """Yield a note when texts are over the limit."""
    if not lengths.over:
        return
    longest_first = sorted(range(len(samples)), key=lambda row: -n_tokens[row])
    n = sum(count > lengths.limit for count in n_tokens)
    yield Finding(
        "note",
        "long-texts",
        f"{counted(n, 'text')} ({lengths.over:.1%}) over {lengths.limit} tokens: cut in training, not in prediction",
        "If what matters stands late in the text, raise --max-tokens (slower) or cut texts into parts.",
        quoted(samples[row] for row in longest_first[: min(n, 3)]),
    )


def find_language_mix(samples: Sequence[Sample], languages: Sequence[str]) -> Iterator[Finding]:
    """Yield a note for each language of less than a tenth of the rows."""
    for language, name in _LANGUAGES.items():
        found = [sample for sample, each in zip(samples, languages, strict=True) if each == language]
        if 0 < len(found) < _MINORITY * len(samples):
            message = f"{counted(len(found), 'text')} ({len(found) / len(samples):.1%}) in {name}, unlike the others"
            mend = "Keep them if the model should read them; else leave them out, and judge each language by itself."
            yield Finding("note", "language-mix", message, mend, quoted(found))
