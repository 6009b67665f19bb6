"""Two neighbours that change places: letters of a word, or Chinese characters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

from sentimo.evaluate.attack.pieces import is_han

_LEAST = 4  # letters; the first and the last stay, as readers need them


def swaps(parts: Sequence[str], place: int, dice: Random) -> Iterator[dict[int, str]]:
    """Yield a word with two inner letters exchanged, or a Chinese character exchanged with the next one."""
    piece = parts[place]
    if is_han(piece):
        follows = place + 2 < len(parts) and not parts[place + 1] and is_han(parts[place + 2])
        if follows and parts[place + 2] != piece:
            yield {place: parts[place + 2], place + 2: piece}
        return
    unlike = [at for at in range(1, len(piece) - 2) if piece[at] != piece[at + 1]]
    if len(piece) >= _LEAST and unlike:
        at = dice.choice(unlike)
        yield {place: piece[:at] + piece[at + 1] + piece[at] + piece[at + 2 :]}
