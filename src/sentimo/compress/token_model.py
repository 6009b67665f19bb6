"""The vocabulary inside a ``tokenizer.json``: which tokens must stay, and the file with the others left out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any

from sentimo.compress.material import NotPossible

Ids = dict[int, int]
"""Old id -> new id of the tokens that stay."""

Stored = Mapping[str, Any]
"""What ``tokenizer.json`` holds."""


def kept_tokens(stored: Stored, seen: set[int], *, always: set[int]) -> list[int]:
    """Return the ids that stay, ascending.

    These are the tokens seen, added and special ones, those that cannot be spelt with single characters, those single
    characters, and for byte-pair encoding the parts that kept tokens are merged from.

    Args:
        stored: The tokenizer.
        seen: Ids in the texts.
        always: Ids that must stay for another reason.

    Raises:
        NotPossible: a tokenizer of a kind whose tokens cannot be left out.
    """
    tokens = _tokens(stored)
    known = {token: number for number, token in tokens.items()}
    special = {each["id"] for each in stored.get("added_tokens", ())}
    unknown = stored["model"].get("unk_token")
    kept = seen | always | special | {known[unknown]} if unknown in known else seen | always | special
    if isinstance(number := stored["model"].get("unk_id"), int):
        kept.add(number)
    for number, token in tokens.items():
        parts = list(_spelling(stored["model"], token))
        if parts == [token] or not all(part in known for part in parts):
            kept.add(number)
    if stored["model"]["type"] == "BPE":
        kept |= _merged_from(stored["model"], {tokens[number] for number in kept if number in tokens}, known)
    return sorted(kept)


def with_tokens(stored: Stored, ids: Ids) -> dict[str, Any]:
    """Return the tokenizer with the tokens of `ids` alone, under their new ids."""
    made = deepcopy(dict(stored))
    model = made["model"]
    if model["type"] == "Unigram":
        model["vocab"] = [model["vocab"][old] for old in sorted(ids) if old < len(model["vocab"])]
        if isinstance(model.get("unk_id"), int):
            model["unk_id"] = ids[model["unk_id"]]
    else:
        model["vocab"] = {token: ids[number] for token, number in model["vocab"].items() if number in ids}
    if model["type"] == "BPE":
        left = model["vocab"]
        pairs = [(each, _pair(each)) for each in model["merges"]]
        model["merges"] = [each for each, (a, b) in pairs if a in left and b in left and _joined(model, a, b) in left]
    for each in made.get("added_tokens") or ():
        each["id"] = ids[each["id"]]
    _move_ids(made.get("post_processor"), ids)
    if made.get("padding"):
        made["padding"]["pad_id"] = ids[made["padding"]["pad_id"]]
    return made


def _tokens(stored: Stored) -> dict[int, str]:
    """Return id -> token of the model's own vocabulary."""
    model = stored["model"]
    if model["type"] == "Unigram":
        return {number: token for number, (token, _) in enumerate(model["vocab"])}
    if model["type"] in ("WordPiece", "BPE"):
        return {number: token for token, number in model["vocab"].items()}
    raise NotPossible(f"a {model['type']} tokenizer knows whole words only; without its token a word would be unknown")


def _spelling(model: Mapping[str, Any], token: str) -> Iterator[str]:
    """Yield the smallest tokens that a token would be cut into; a token for a byte (<0x0A>) is one itself."""
    if model.get("byte_fallback") and re.fullmatch("<0x[0-9A-F]{2}>", token):
        yield token
        return
    mark = model.get("continuing_subword_prefix") or ""
    if model["type"] == "Unigram" or not mark:
        yield from token
    elif token.startswith(mark) and token != mark:
        yield from (mark + sign for sign in token.removeprefix(mark))
    else:
        yield from (sign if not place else mark + sign for place, sign in enumerate(token))


def _merged_from(model: Mapping[str, Any], kept: set[str], known: Mapping[str, int]) -> set[int]:
    """Return the ids of all parts that kept tokens are merged from, step by step."""
    parts: dict[str, list[tuple[str, str]]] = {}
    for each in model["merges"]:
        pair = _pair(each)
        parts.setdefault(_joined(model, *pair), []).append(pair)
    open_tokens, closed = list(kept), set(kept)
    while open_tokens:
        for pair in parts.get(open_tokens.pop(), ()):
            new = set(pair) - closed
            closed |= new
            open_tokens += new
    return {known[token] for token in closed if token in known}


def _pair(merge: str | Sequence[str]) -> tuple[str, str]:
    first, second = merge.split(" ") if isinstance(merge, str) else merge
    return first, second


def _joined(model: Mapping[str, Any], first: str, second: str) -> str:
    return first + second.removeprefix(model.get("continuing_subword_prefix") or "")


def _move_ids(processor: Any, ids: Ids) -> None:
    """Give the special tokens of a post-processor their new ids, in place."""
    if not processor:
        return
    for each in processor.get("processors", ()):
        _move_ids(each, ids)
    for each in (processor.get("special_tokens") or {}).values():  # TemplateProcessing
        each["ids"] = [ids[number] for number in each["ids"]]
    for name in ("sep", "cls"):  # BertProcessing, RobertaProcessing: [token, id]
        if name in processor:
            processor[name][1] = ids[processor[name][1]]
