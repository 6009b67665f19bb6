"""A vocabulary of whole words or of characters, counted in the user's texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from typing import Literal

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

PAD, UNKNOWN = "[PAD]", "[UNK]"
PAD_ID, UNKNOWN_ID = 0, 1

Unit = Literal["words", "characters"]


def tokenizer_of(
    texts: Iterable[str], unit: Unit, *, size: int, least: int = 2, also: Collection[str] = ()
) -> Tokenizer:
    """Make a tokenizer from texts, without special tokens around a text.

    Texts are normalised (NFKC: full-width forms become half-width) and lower-cased. "words" are runs of letters and
    digits; Han characters and signs stand alone, so that Chinese is read by characters. "characters" are all single,
    blanks too.

    Args:
        texts: What to count.
        unit: What a token is.
        size: Tokens in all, with those for padding and for what is not known.
        least: How often a token must occur. Rarer ones are read as unknown, so that the vector for it is learnt.
        also: Words with vectors, the frequent first: those of the texts need not occur `least` times, and what is left
            of `size` is filled with the others.
    """
    tokenizer = Tokenizer(models.WordLevel({PAD: PAD_ID, UNKNOWN: UNKNOWN_ID}, unk_token=UNKNOWN))
    tokenizer.normalizer, tokenizer.pre_tokenizer = _parts(unit)
    counts: Counter[str] = Counter()
    for text in texts:
        plain = tokenizer.normalizer.normalize_str(text)
        counts.update(piece for piece, _ in tokenizer.pre_tokenizer.pre_tokenize_str(plain))
    known = sorted(
        (token for token in counts if counts[token] >= least or token in also),
        key=lambda token: (-counts[token], token),
    )
    rest = (token for token in also if token not in counts)
    vocabulary = {token: at for at, token in enumerate(dict.fromkeys([PAD, UNKNOWN, *known, *rest])) if at < size}
    tokenizer.model = models.WordLevel(vocabulary, unk_token=UNKNOWN)
    return tokenizer


def _parts(unit: Unit) -> tuple[normalizers.Normalizer, pre_tokenizers.PreTokenizer]:
    plain = [normalizers.NFKC(), normalizers.Lowercase()]
    if unit == "characters":
        joined = [normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip()]
        return normalizers.Sequence([*plain, *joined]), pre_tokenizers.Split(Regex("."), "isolated")
    alone = Regex(r"\p{Han}|\p{P}|\p{S}|\p{M}|[\p{Hiragana}\p{Katakana}\p{Hangul}]")
    cut = [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Split(alone, "isolated")]
    return normalizers.Sequence(plain), pre_tokenizers.Sequence(cut)
