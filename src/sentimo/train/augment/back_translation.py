"""Texts are translated into another language and back."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

from sentimo.errors import InputError
from sentimo.text.language import language_of
from sentimo.train.encoder import quiet_transformers

_TEXTS_AT_ONCE = 16


class _Translator(NamedTuple):
    tokenizer: Any
    network: Any


class BackTranslation:
    """Translate texts there and back with sequence-to-sequence models; one of the best ways back is drawn.

    Any model that transformers opens as `AutoModelForSeq2SeqLM` will do: two Marian models (such as
    `Helsinki-NLP/opus-mt-en-zh` and its way back), or one model of many languages (NLLB, M2M-100, mBART) with `codes`.

    Args:
        there: Model into the other language: a folder or a hub id.
        back: Model back. Default: `there`, for a model of many languages.
        codes: Codes of the language of the texts and of the other one, as a model of many languages names them, such as
            ``[eng_Latn, fra_Latn]``.
        language: "en" or "zh": only texts in it are translated. Default: all.
        beams: Ways back to draw from, at least 1.
        max_tokens: Longest translation; longer texts are left as they are.

    Raises:
        ValueError: a value is out of range.
        InputError: a model cannot be opened, or does not know a code (when the first text is written anew).

    Source: Sennrich et al. 2016, "Improving Neural Machine Translation Models with Monolingual Data"; as augmentation:
        Yu et al. 2018, "QANet", section 3.
    """

    def __init__(
        self,
        there: str = "",
        back: str | None = None,
        codes: Sequence[str] | None = None,
        language: str | None = None,
        beams: int = 4,
        max_tokens: int = 128,
    ) -> None:
        if not there:
            raise ValueError("give there: a folder or hub id of a translation model")
        if codes is not None and len(codes) != 2:
            raise ValueError(f"codes are {list(codes)}; expected two: of the texts, and of the other language")
        if back is None and codes is None:
            raise ValueError("give back: a model for the way back; or codes, where `there` knows both ways")
        if language not in (None, "en", "zh"):
            raise ValueError(f"language is {language!r}; expected en or zh")
        if beams < 1 or max_tokens < 1:
            raise ValueError(f"beams {beams} and max_tokens {max_tokens}: expected at least 1")
        self._names = there, back or there
        self._codes = tuple(codes) if codes else (None, None)
        self._language, self._beams, self._max_tokens = language, beams, max_tokens

    def rewrite(self, texts: Sequence[str], draws: Sequence[Random]) -> list[str]:
        """Return the texts after both translations."""
        found = list(texts)
        meant = [row for row, text in enumerate(texts) if self._language in (None, language_of(text))]
        for start in range(0, len(meant), _TEXTS_AT_ONCE):
            rows = meant[start : start + _TEXTS_AT_ONCE]
            ways = self._there_and_back([texts[row] for row in rows])
            for row, found_ways in zip(rows, ways, strict=True):
                if found_ways:
                    found[row] = draws[row].choice(found_ways)
        return found

    @cached_property
    def _models(self) -> tuple[_Translator, _Translator]:
        there, back = self._names
        first = _open(there)
        return first, first if back == there else _open(back)

    def _there_and_back(self, texts: list[str]) -> list[list[str]]:
        """Return the ways back of each text, different from it and from each other; none of one that is too long."""
        first, second = self._models
        own, other = self._codes
        foreign = self._translate(first, texts, own, other, 1)
        ways = self._translate(second, [each[0] if each else "" for each in foreign], other, own, self._beams)
        return [
            [way for way in dict.fromkeys(found) if way and way != text] if there else []
            for text, there, found in zip(texts, foreign, ways, strict=True)
        ]

    def _translate(
        self, model: _Translator, texts: list[str], source: str | None, target: str | None, n: int
    ) -> list[list[str]]:
        """Return the n best translations of each text, none of an empty or a too long one, "" for one that is cut."""
        tokenizer, network = model
        how: dict[str, Any] = {}
        if source is not None and target is not None:
            tokenizer.src_lang = source
            how["forced_bos_token_id"] = _code_id(tokenizer, target)
        lengths = [len(ids) for ids in tokenizer(texts)["input_ids"]]
        rows = [row for row, text in enumerate(texts) if text.strip() and lengths[row] <= self._max_tokens]
        found: list[list[str]] = [[] for _ in texts]
        if not rows:
            return found
        read = tokenizer([texts[row] for row in rows], padding=True, return_tensors="pt")
        with torch.inference_mode(), quiet_transformers():
            ids = network.generate(
                input_ids=read["input_ids"],
                attention_mask=read["attention_mask"],
                num_beams=max(n, 1),
                num_return_sequences=n,
                do_sample=False,
                max_new_tokens=self._max_tokens,
                **how,
            )
        ways = [way.strip() for way in tokenizer.batch_decode(ids, skip_special_tokens=True)]
        ends = (ids[:, 1:] == tokenizer.eos_token_id).any(dim=1).tolist()  # others are cut; many start with that token
        ways = [way if end else "" for way, end in zip(ways, ends, strict=True)]
        for place, row in enumerate(rows):
            found[row] = ways[place * n : (place + 1) * n]
        return found


def _open(name: str) -> _Translator:
    local = Path(name).is_dir()
    try:
        with quiet_transformers():
            tokenizer = AutoTokenizer.from_pretrained(name, local_files_only=local, trust_remote_code=False)
            network = AutoModelForSeq2SeqLM.from_pretrained(name, local_files_only=local, trust_remote_code=False)
    except (OSError, ValueError, KeyError, ImportError, RuntimeError, SafetensorError) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"augment 'back_translation': {name!r} cannot be opened: {first} Give the folder or hub id of a "
            "sequence-to-sequence model."
        ) from error
    return _Translator(tokenizer, network.float().eval())


def _code_id(tokenizer: Any, code: str) -> int:
    if hasattr(tokenizer, "get_lang_id"):  # M2M-100
        return int(tokenizer.get_lang_id(code))
    found = tokenizer.convert_tokens_to_ids(code)
    if found is None or found == tokenizer.unk_token_id:
        raise InputError(f"augment 'back_translation': the model does not know the language code {code!r}")
    return int(found)
