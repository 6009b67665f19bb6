"""What is likely to spoil a run and can be seen before it starts."""

from __future__ import annotations

from collections.abc import Iterator

from sentimo.train.encoder import Base
from sentimo.train.optim import usual_rate
from sentimo.train.recipe import Recipe
from sentimo.train.rows import Rows

MOST_UNKNOWN = 0.05
"""Share of unknown tokens that is told. Texts in the language of a tokenizer have well below 1 % of them."""

MOST_TIMES_DEFAULT = 10
"""Times the default learning rate that is told: encoders forget what they know from about there on."""


def cautions(recipe: Recipe, base: Base, rows: Rows) -> Iterator[str]:
    """Yield a sentence for each thing that looks wrong: what was found, and what to do."""
    unknown = base.tokenizer.unk_token_id
    n_tokens = sum(len(ids) for ids in rows.ids)
    share = sum(ids.count(unknown) for ids in rows.ids) / n_tokens if unknown is not None and n_tokens else 0.0
    if share > MOST_UNKNOWN and not base.is_from_scratch:  # its vocabulary was counted in these texts
        yield (
            f"caution: base {base.name!r} does not know {share:.0%} of the tokens of the training texts; it was made "
            "for another language or script. Choose a base that reads these texts."
        )
    usual = usual_rate(recipe, base)
    rate = recipe.optimiser.learning_rate or usual
    if rate > MOST_TIMES_DEFAULT * usual and recipe.freeze != "encoder":
        yield (
            f"caution: learning rate {rate:g} is {rate / usual:.0f} times the usual one for {recipe.optimiser.name} "
            f"and this base ({usual:g}); the encoder may forget what it knows"
        )
