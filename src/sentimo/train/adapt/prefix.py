"""Prefix tuning."""

from __future__ import annotations

from typing import Any

import torch
from peft import PrefixEncoder, PrefixTuningConfig
from torch import Tensor, nn
from torch.nn.functional import pad
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS, sdpa_mask
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from sentimo.errors import RecipeError
from sentimo.train.adapt.adaptation import Adaptation
from sentimo.train.encoder import Base

_ATTENTION = "sentimo_prefix"
_CHILD = "prefix"


class Prefix(Adaptation):
    """Gives every attention learnt keys and values to look at, before those of the text.

    The text keeps its positions. The prefix stays in the graph; it costs a few per cent of the time of an answer.

    Args:
        n_tokens: Number of learnt keys, and of values, per layer; 1 or more. They start from those that words drawn
            from the vocabulary have in the base (section 7.4 of the source: better than random where data is scarce).
        projection: Learn them through a small network of their own per layer (section 4.3 of the source) that starts at
            random; it does not cost time afterwards.

    Raises:
        ValueError: n_tokens is below 1.

    Source: Li & Liang 2021, "Prefix-Tuning", arXiv:2101.00190, section 4; for classification in every layer: Liu et al.
    2022, "P-Tuning v2", arXiv:2110.07602.
    """

    def __init__(self, n_tokens: int = 10, projection: bool = False) -> None:
        if n_tokens < 1:
            raise ValueError(f"n_tokens is {n_tokens}; expected 1 or more")
        self.n_tokens, self.projection = n_tokens, projection

    def apply(self, encoder: nn.Module, base: Base) -> None:
        """Give every attention of the encoder its prefix.

        Raises:
            RecipeError: its attention cannot be given one.
        """
        if base.most_tokens(self.n_tokens) < self.n_tokens:
            raise RecipeError(
                f"adapt prefix: n_tokens is {self.n_tokens}; base {base.name!r} has "
                f"{base.most_tokens(self.n_tokens)} positions. 10 to 100 are usual."
            )
        ALL_ATTENTION_FUNCTIONS.register(_ATTENTION, _attend)
        ALL_MASK_ATTENTION_FUNCTIONS.register(_ATTENTION, _mask)
        seen = _Seen()
        try:
            encoder.set_attn_implementation(_ATTENTION)  # type: ignore[operator]
            n_words = min(len(base.tokenizer), encoder.get_input_embeddings().num_embeddings)  # type: ignore[operator]
            seen.look(encoder, torch.randint(n_words, (1, self.n_tokens)))
        except (ValueError, ImportError) as error:
            raise RecipeError(f"adapt prefix: {error}") from error
        if not seen.found:
            raise RecipeError(
                f"adapt prefix: the attention of {base.config.model_type} cannot be given a prefix; use adapt lora"
            )
        for attention, (keys, values) in seen.found.items():
            attention.add_module(_CHILD, self._prefix(keys, values))

    def _prefix(self, keys: Tensor, values: Tensor) -> nn.Module:
        """Return a prefix that starts from keys and values (heads, n_tokens, width of a head)."""
        width = keys.shape[0] * keys.shape[2]
        config = PrefixTuningConfig(
            num_virtual_tokens=self.n_tokens,
            token_dim=width,
            num_layers=1,
            encoder_hidden_size=width,
            prefix_projection=self.projection,
        )
        prefix: nn.Module = PrefixEncoder(config)
        if not self.projection:
            flat = torch.stack([keys, values]).permute(2, 0, 1, 3)
            prefix.load_prompt_embeddings(flat.reshape(self.n_tokens, 2 * width))  # type: ignore[operator]
        return prefix


class _Seen:
    """The attention modules of an encoder, with the keys and values they saw."""

    def __init__(self) -> None:
        self.found: dict[nn.Module, tuple[Tensor, Tensor]] = {}

    @torch.no_grad()
    def look(self, encoder: nn.Module, ids: Tensor) -> None:
        was_training = encoder.training
        encoder.eval()
        _watching.append(self)
        try:
            encoder(input_ids=ids, attention_mask=torch.ones_like(ids))
        finally:
            _watching.remove(self)
            encoder.train(was_training)


_watching: list[_Seen] = []


def _attend(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor, **settings: Any
) -> tuple[Tensor, None]:
    """Attend to the prefix of the module, if it has one, and to the text; what transformers calls."""
    for each in _watching:
        each.found[module] = (key[0], value[0])
    settings["is_causal"] = False  # the mask says all
    prefix = getattr(module, _CHILD, None)
    if prefix is not None:
        batch, heads, _, width = key.shape
        n = prefix.embedding.num_embeddings
        both: Tensor = prefix(torch.arange(n, device=key.device))
        keys, values = both.view(n, 2, heads, width).permute(1, 2, 0, 3).to(key.dtype)
        key = torch.cat([keys.expand(batch, -1, -1, -1), key], dim=2)
        value = torch.cat([values.expand(batch, -1, -1, -1), value], dim=2)
        visible = True if attention_mask.dtype == torch.bool else 0.0
        attention_mask = pad(attention_mask, (n, 0), value=visible)
    found: tuple[Tensor, None] = sdpa_attention_forward(module, query, key, value, attention_mask, **settings)
    return found


def _mask(*args: Any, **settings: Any) -> Any:
    """Return a mask that is written out, always: one that is left out would not hide the future behind a prefix."""
    return sdpa_mask(*args, **{**settings, "allow_is_causal_skip": False, "allow_is_bidirectional_skip": False})
