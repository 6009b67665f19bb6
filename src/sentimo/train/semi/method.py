"""What a method that learns from texts without labels can do in a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import nn

from sentimo.core.labels import LabelSpace
from sentimo.errors import RecipeError
from sentimo.train.catalogue import build
from sentimo.train.objectives.step import Surroundings
from sentimo.train.recipe import Recipe
from sentimo.train.semi import SEMI


class SemiMethod:
    """A method that changes nothing; those in the catalogue say what they do otherwise.

    Attributes:
        name: As in the catalogue.
        rounds: How often a model labels the texts before the model that is kept learns; those that do so are
            `sentimo.train.semi.pseudo.Pseudo`.
        reads_texts: Whether the texts themselves are training rows, without labels.
        needs_labels: Whether the task must have labels of which a model can be sure: not a score.
    """

    name = ""
    rounds = 0
    reads_texts = False
    needs_labels = False

    def check(self, spaces: Mapping[str, LabelSpace]) -> None:
        """Raise RecipeError where no task can learn from texts in this way."""
        if self.needs_labels and all(space.kind == "score" for space in spaces.values()):
            raise RecipeError(
                f"semi {self.name}: {', '.join(spaces)} is a score, of which no model says how sure it is. Use method "
                "uda, or leave semi out."
            )

    def drawn(self, shares: Sequence[float] | None, has_label: Sequence[bool]) -> list[float] | None:
        """Return how often each row is drawn in an epoch, relative to the others; None draws each once.

        Args:
            shares: The same without the method.
            has_label: Of each row.
        """
        return None if shares is None else list(shares)

    def wrap(self, inner: nn.Module, around: Surroundings, seed: int) -> nn.Module:
        """Return the objective of a step, within what the texts add to it."""
        return inner


def semi_method(recipe: Recipe) -> SemiMethod:
    """Return the method of a recipe; one that changes nothing where it has none.

    Raises:
        RecipeError: a setting is not known, or its value is refused.
        InputError, DataError: what a method of augmentation needs is not there.
    """
    if recipe.semi is None:
        return SemiMethod()
    settings = dict(recipe.semi.model_extra or {})
    if recipe.semi.views:
        settings["views"] = recipe.semi.views
    found: SemiMethod = build(SEMI[recipe.semi.method], f"semi {recipe.semi.method!r}", **settings)
    return found


def refuse_semi(recipe: Recipe, what: str) -> None:
    """Raise RecipeError where a recipe has texts without labels and `what` learns from labels alone."""
    if recipe.semi is not None:
        raise RecipeError(f"{what} learns from labelled rows alone; leave `semi` out of the recipe (--set semi=null)")
