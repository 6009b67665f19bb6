"""Knowledge of a lexicon beside what an encoder learns: rule features, let in through a gate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from sentimo.core.bundle import Bundle
from sentimo.data.lexicons import LexiconFile, read_lexicon
from sentimo.engine.knowledge import N_COLUMNS, STEPS, Knowledge, knowledge_of
from sentimo.errors import BundleError, RecipeError
from sentimo.text.lexicon import Lexicon, built_in_lexicon

if TYPE_CHECKING:  # recipes need pydantic, which a machine that only measures may lack
    from sentimo.train.recipe import Recipe


class GatedFusion(nn.Module):
    """Adds what the rules say of a text to each of its token vectors, as far as a gate lets it through.

    ``h_t + z * tanh(P f)`` with the gate ``z = sigmoid(G [mean_t h_t, f])``, one for each of the d dimensions: where
    the encoder has seen enough, the gate learns to close. Every pooling of the tokens (mean, first, last, attention,
    max) is moved by the same vector, so any head can stand on it.

    Args:
        width: Width d of the encoder's output.

    Shape:
        hidden (b, t, d); mask (b, t); features (b, 12), see `sentimo.text.rules.FEATURES`. Result (b, t, d).

    Source: Arevalo et al. 2017, "Gated Multimodal Units for Information Fusion", arXiv:1702.01992, section 3.1. There
    the gate weighs one side against the other; here the encoder's side always passes.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.project = nn.Linear(N_COLUMNS, width)
        self.gate = nn.Linear(width + N_COLUMNS, width)

    def forward(self, hidden: Tensor, mask: Tensor, features: Tensor) -> Tensor:
        """Return the token vectors with the knowledge in them."""
        features, shown = features.to(hidden.dtype), mask.unsqueeze(-1).to(hidden.dtype)
        mean = (hidden * shown).sum(dim=1) / shown.sum(dim=1)
        gate = torch.sigmoid(self.gate(torch.cat([mean, features], dim=-1)))
        moved: Tensor = hidden + (gate * torch.tanh(self.project(features))).unsqueeze(1)
        return moved


def split(input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return features (b, 12), ids (b, t) and mask (b, t) of windows with knowledge before their ids."""
    features = input_ids[:, :N_COLUMNS].float() / STEPS
    return features, input_ids[:, N_COLUMNS:], attention_mask[:, N_COLUMNS:]


def knowledge_for(recipe: Recipe) -> Knowledge | None:
    """Return what the networks of a recipe know beside the tokens, None without `knowledge`.

    A recipe that keeps the heads of its base keeps what that knows.

    Raises:
        DataError: the lexicon file cannot be read.
        RecipeError: the recipe wants knowledge, and the heads that it keeps have none.
    """
    choice = recipe.knowledge
    if recipe.keep_heads:
        try:
            kept = knowledge_of(Bundle.open(recipe.base))
        except BundleError as error:
            raise RecipeError(f"keep_heads: the base must be a Sentimo model: {error}") from error
        if kept is None and choice is not None:
            raise RecipeError("knowledge: the heads of the base were trained without it; leave out keep_heads")
        return kept
    if choice is None:
        return None
    lexicon = built_in_lexicon() if choice.built_in else Lexicon({})
    if choice.file is not None:
        lexicon = lexicon.joined(read_lexicon(LexiconFile(choice.file, choice.format, choice.language)))
    return Knowledge(lexicon)
