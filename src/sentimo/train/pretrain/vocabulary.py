"""A vocabulary of characters for Chinese, pieces for everything else, and bytes for what is left."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

PAD, UNKNOWN, FIRST, LAST, MASK = SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
"""In the order of their ids, from 0."""

EMOJI = "".join(map(chr, (*range(0x1F600, 0x1F645), *range(0x1F440, 0x1F450), *range(0x1F491, 0x1F4AB)))) + (
    "❤♥☺☹✌✨⭐🌹🎂🎉🎁🔥🙄🙏🙌🤔🤗🤝🤢🤣🤩🤪🤬🤭🤮🤯🥰🥱🥲🥳🥺🧡💯👏🌚🌝🐶🐷"
)
"""Signs of feeling that get a token of their own even where the corpus lacks them."""

_BYTES = tuple(f"<0x{byte:02X}>" for byte in range(256))
_SPLIT = r"\s+|[\p{Han}]|\p{N}|\p{P}|\p{S}|\p{M}|[\p{Hiragana}\p{Katakana}\p{Hangul}]"


def train_vocabulary(texts: Iterable[str], *, size: int, characters: int) -> Tokenizer:
    """Make a tokenizer.

    Han characters, digits, punctuation and emoji are tokens of their own; words of letters are cut into pieces (byte
    pair encoding); what has no token falls into its UTF-8 bytes, so nothing is ever unknown. Texts are normalised
    (NFKC: full-width forms become half-width; variation selectors of emoji are dropped) and lower-cased.

    Args:
        texts: What to count; held in memory as counts only.
        size: Tokens in all, special tokens and 256 bytes included.
        characters: How many of them are single characters, by frequency; the rest are pieces of words.

    Source: Sennrich et al. 2016, arXiv:1508.07909 (pieces); byte fallback as in SentencePiece.
    """
    normalizer, splitter = _normalizer(), _splitter()
    signs: Counter[str] = Counter()
    words: Counter[str] = Counter()
    for text in texts:
        plain = normalizer.normalize_str(text)
        signs.update(plain)
        words.update(piece for piece, _ in splitter.pre_tokenize_str(plain) if len(piece) > 1)
    frequent = (sign for sign, _ in signs.most_common() if not sign.isspace())
    alphabet = list(dict.fromkeys(chain(map(chr, range(33, 65)), map(chr, range(91, 127)), EMOJI, frequent)))
    alphabet = alphabet[:characters]
    known = set(alphabet)
    fixed = [*SPECIAL_TOKENS, *_BYTES]
    trainer = trainers.BpeTrainer(
        vocab_size=size - len(_BYTES) - len(SPECIAL_TOKENS),
        initial_alphabet=alphabet,
        limit_alphabet=characters,
        show_progress=False,
        min_frequency=2,
    )
    learner = Tokenizer(models.BPE())
    learner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    learner.train_from_iterator(
        chain(alphabet, chain.from_iterable([word] * n for word, n in words.items() if set(word) <= known)), trainer
    )
    return _assembled(learner, fixed, normalizer, splitter)


def special_ids(tokenizer: Tokenizer) -> tuple[int, ...]:
    """Return the ids of the special tokens, in the order of `SPECIAL_TOKENS`."""
    vocabulary = tokenizer.get_vocab()
    return tuple(vocabulary[token] for token in SPECIAL_TOKENS)


def _assembled(
    learner: Tokenizer, fixed: Sequence[str], normalizer: normalizers.Normalizer, splitter: pre_tokenizers.PreTokenizer
) -> Tokenizer:
    learnt = json.loads(learner.to_str())["model"]
    order = sorted(learnt["vocab"], key=learnt["vocab"].__getitem__)
    vocabulary = {token: place for place, token in enumerate(dict.fromkeys([*fixed, *order]))}
    merges = [tuple(each) if isinstance(each, list) else tuple(each.split(" ")) for each in learnt["merges"]]
    model = models.BPE(vocabulary, merges, unk_token=UNKNOWN, byte_fallback=True, fuse_unk=False)
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = splitter
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
    tokenizer.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in SPECIAL_TOKENS])
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{FIRST} $A {LAST}",
        pair=f"{FIRST} $A {LAST} $B {LAST}",
        special_tokens=[(token, vocabulary[token]) for token in (FIRST, LAST)],
    )
    return tokenizer


def _normalizer() -> normalizers.Normalizer:
    return normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Lowercase(), normalizers.Replace(Regex("[\ufe0e\ufe0f\u200d]"), "")]
    )


def _splitter() -> pre_tokenizers.PreTokenizer:
    return pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Split(Regex(_SPLIT), "isolated")])
