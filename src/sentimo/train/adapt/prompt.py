"""Prompt tuning."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from peft import PromptEmbedding, PromptTuningConfig
from torch import Tensor, nn

from sentimo.train.adapt.adaptation import Adaptation
from sentimo.train.encoder import Base

_CHILD = "prompt_embeddings"


class Prompt(Adaptation):
    """Puts learnt vectors before the words of every text; the encoder itself does not change.

    They stand behind the special tokens that begin a text, so that a first token stays the first, and what the encoder
    says of them is not pooled. They take positions from the text and cost time at every answer, and they learn slowly:
    the method was made for models with billions of weights, and on small encoders others do better.

    Args:
        n_tokens: Number of vectors, 1 or more.
        text: Words whose vectors they start from, repeated or cut to fit. Default: words drawn from the vocabulary.

    Raises:
        ValueError: n_tokens is below 1.

    Source: Lester, Al-Rfou & Constant 2021, "The Power of Scale for Parameter-Efficient Prompt Tuning",
    arXiv:2104.08691, section 2.
    See also: Prefix, which steers every layer.
    """

    def __init__(self, n_tokens: int = 20, text: str | None = None) -> None:
        if n_tokens < 1:
            raise ValueError(f"n_tokens is {n_tokens}; expected 1 or more")
        self.n_tokens, self.text = n_tokens, text

    def apply(self, encoder: nn.Module, base: Base) -> None:
        """Put the vectors into the input."""
        words = encoder.get_input_embeddings()  # type: ignore[operator]
        config = PromptTuningConfig(num_virtual_tokens=self.n_tokens, token_dim=words.embedding_dim)
        config.num_transformer_submodules, config.prompt_tuning_init = 1, "SAMPLE_VOCAB"
        prompt = PromptEmbedding(config, words)
        ids = base.tokenizer(self.text, add_special_tokens=False)["input_ids"] if self.text else []
        if ids:
            repeated = (ids * (self.n_tokens // len(ids) + 1))[: self.n_tokens]
            with torch.no_grad():
                prompt.embedding.weight.copy_(words.weight[repeated])
        encoder.add_module(_CHILD, prompt)
        insert = _Insert(len(base.prefix), self.n_tokens)
        encoder.register_forward_pre_hook(insert.put, with_kwargs=True)
        encoder.register_forward_hook(insert.take)

    def extra_tokens(self) -> int:
        """Return the number of vectors."""
        return self.n_tokens


class _Insert:
    """Puts the vectors behind the first tokens of the input, and takes their places out of the output."""

    def __init__(self, at: int, n: int) -> None:
        self.at, self.n = at, n

    def put(self, encoder: nn.Module, args: Any, kwargs: Any) -> tuple[tuple[()], dict[str, Any]]:
        given = inspect.signature(encoder.forward).bind_partial(*args, **kwargs).arguments
        given |= given.pop("kwargs", {})
        ids, mask = given.pop("input_ids"), given["attention_mask"]
        places = torch.arange(self.n, device=ids.device)
        prompt: Tensor = encoder.get_submodule(_CHILD)(places).unsqueeze(0).expand(ids.shape[0], -1, -1)
        words: Tensor = encoder.get_input_embeddings()(ids)  # type: ignore[operator]
        given["inputs_embeds"] = torch.cat([words[:, : self.at], prompt.to(words.dtype), words[:, self.at :]], dim=1)
        given["attention_mask"] = torch.cat([mask.new_ones(mask.shape[0], self.n), mask], dim=1)
        if (types := given.get("token_type_ids")) is not None:
            own = types.new_zeros(types.shape[0], self.n)
            given["token_type_ids"] = torch.cat([types[:, : self.at], own, types[:, self.at :]], dim=1)
        return (), given

    def take(self, _: nn.Module, __: Any, output: Any) -> Any:
        hidden: Tensor = output.last_hidden_state
        output.last_hidden_state = torch.cat([hidden[:, : self.at], hidden[:, self.at + self.n :]], dim=1)
        return output
