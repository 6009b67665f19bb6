"""Characters read as others, inside a tokenizer: one pass over a text, whatever their number."""

from __future__ import annotations

import struct
from collections import defaultdict, deque
from collections.abc import Mapping
from itertools import count
from typing import Any

from tokenizers import Tokenizer, normalizers

_ENDS, _VALUE = 1 << 8, 1 << 31  # bits of a unit: a key ends here; it holds no byte but a place
_OFFSET = 10  # first bit of the distance to a unit's children


def read_as(tokenizer: Tokenizer, characters: Mapping[str, str]) -> None:
    """Let a tokenizer read characters as others, after all else that its normaliser does.

    A character that is read as one without a token is left as it is: bytes either way, and its own tell more. The
    places of tokens stay those of the text as it was written.

    Args:
        tokenizer: Changed in place.
        characters: Character -> the one that it is read as.
    """
    known = tokenizer.get_vocab()
    table = compiled({one: other for one, other in characters.items() if other in known})
    before = [tokenizer.normalizer] if tokenizer.normalizer else []
    tokenizer.normalizer = normalizers.Sequence([*before, normalizers.Precompiled(table)])


def compiled(strings: Mapping[str, str]) -> bytes:
    """Return a table of replacements as SentencePiece stores it: size of a trie in bytes, the trie, the new strings.

    The trie is a double array of 32-bit units (Yata, darts-clone). Child c of the unit at p stands at
    ``p ^ offset ^ c``, with its byte c in the low bits; where a key ends, child 0 is the place of the new string.

    Args:
        strings: String -> what takes its place; no key is empty, and none holds a zero byte.
    """
    trie: dict[int, Any] = {}
    texts = bytearray()
    for key, value in sorted(strings.items()):
        node = trie
        for byte in key.encode():
            node = node.setdefault(byte, {})
        node[0] = len(texts)
        texts += value.encode() + b"\0"
    units: defaultdict[int, int] = defaultdict(int, {0: 0})
    bases: set[int] = set()  # two units with one base would have each other's children
    first = 1  # below it all is taken
    waiting = deque([(0, trie)])
    while waiting:
        at, node = waiting.popleft()
        base = next(
            base for base in count(first) if base not in bases and all(base ^ child not in units for child in node)
        )
        bases.add(base)
        units[at] |= (at ^ base) << _OFFSET | (_ENDS if 0 in node else 0)
        for child, below in node.items():
            units[base ^ child] = child or below | _VALUE
            if child:
                waiting.append((base ^ child, below))
        while first in units:
            first += 1
    size = max(units) // 256 * 256 + 256  # whole blocks: any child of any unit lies inside
    trie_bytes = struct.pack(f"<{size}I", *(units[at] for at in range(size)))
    return struct.pack("<I", len(trie_bytes)) + trie_bytes + bytes(texts)
