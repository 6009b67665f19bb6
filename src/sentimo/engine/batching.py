"""Batches of like length: no time is spent on padding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def batches(lengths: Sequence[int], max_tokens: int, max_items: int) -> Iterator[list[int]]:
    """Group items of like length.

    Args:
        lengths: Length of each item, in tokens.
        max_tokens: Most tokens in a batch, padding included; a longer item makes a batch of its own.
        max_items: Most items in a batch.

    Yields:
        Positions of the items of each batch, longest batch first. Every position occurs once.
    """
    batch: list[int] = []
    for position in sorted(range(len(lengths)), key=lambda each: -lengths[each]):
        if batch and (len(batch) == max_items or lengths[batch[0]] * (len(batch) + 1) > max_tokens):
            yield batch
            batch = []
        batch.append(position)
    if batch:
        yield batch
