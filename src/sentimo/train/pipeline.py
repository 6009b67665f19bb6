"""The Hugging Face pipeline of a bundle: what most people run today, and what our speed is measured against."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel, TextClassificationPipeline
from transformers.modeling_outputs import SequenceClassifierOutput
from transformers.utils import logging as hf_logging

from sentimo.core.bundle import TORCH_WEIGHTS, Bundle
from sentimo.engine.knowledge import knowledge_of
from sentimo.errors import BundleError
from sentimo.train.encoder import open_base, quiet_transformers
from sentimo.train.network import load_network


class BundledClassifier(PreTrainedModel):  # type: ignore[misc]
    """The network of a bundle as a transformers model: the logits of all tasks in a row.

    Args:
        network: As `load_network` returns it.
        labels: Names of the logits.
    """

    _supports_sdpa = True  # the encoder decides; without this transformers refuses its fast attention

    def __init__(self, network: nn.Module, labels: Sequence[str]) -> None:
        encoder: Any = network.encoder
        super().__init__(encoder.config)
        self.network = network
        self.config.id2label = dict(enumerate(labels))  # the pipeline names the label of the largest logit

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None) -> Any:
        """Return what a sequence classification of transformers returns."""
        logits = self.network(input_ids, attention_mask).values()
        return SequenceClassifierOutput(logits=torch.cat(list(logits), dim=-1))


class HuggingFacePipeline:
    """``transformers.pipeline("text-classification")`` with the network of a bundle, on the CPU, in fp32.

    A bundle without torch weights (an 8-bit copy) has the same network with random weights: as fast, but its labels
    mean nothing.

    Attributes:
        has_weights: Whether the weights are those of the bundle.

    Raises:
        BundleError: the bundle tells no architecture that transformers knows (a linear model), or has knowledge.
    """

    def __init__(self, bundle: Bundle) -> None:
        if "config.json" not in bundle.files:
            raise BundleError(f"{bundle.path} holds no config.json, so no Hugging Face model can be built from it")
        self._bundle, self.has_weights = bundle, TORCH_WEIGHTS in bundle.files
        if knowledge_of(bundle) is not None:
            raise BundleError(f"{bundle.path} reads texts by a lexicon too, which no Hugging Face pipeline does")
        base = replace(open_base(str(bundle.path)), has_weights=self.has_weights)
        spaces = {task.name: task.space for task in bundle.manifest.tasks}
        names = [f"{task}/{label}" for task, space in spaces.items() for label in space.labels]
        hf_logging.disable_progress_bar()  # for good: whoever measures wants no bar of weights being loaded
        with quiet_transformers():
            model = BundledClassifier(load_network(base, spaces), names).eval()
            self._pipeline = TextClassificationPipeline(model=model, tokenizer=base.tokenizer, device="cpu")

    def answer(self, texts: Sequence[str], batch_size: int = 1) -> list[dict[str, Any]]:
        """Ask the pipeline as its documentation does; a text longer than the model reads is cut."""
        most = self._bundle.manifest.max_tokens
        answers: list[dict[str, Any]] = self._pipeline(
            list(texts), batch_size=batch_size, truncation=True, max_length=most
        )
        return answers

    def fresh_command(self, text: str) -> list[str]:
        """Return a command that opens the pipeline in a new process and asks it one text."""
        program = (
            "import sys; from sentimo.core.bundle import Bundle; from sentimo.train import pipeline; "
            "pipeline.HuggingFacePipeline(Bundle.open(sys.argv[1])).answer([sys.argv[2]])"
        )
        return [sys.executable, "-c", program, str(self._bundle.path), text]
