"""The Hugging Face pipeline of a bundle: what most people run today, and what our speed is measured against."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import AutoModel, AutoModelForSequenceClassification, PreTrainedModel, TextClassificationPipeline
from transformers.modeling_outputs import SequenceClassifierOutput
from transformers.utils import logging as hf_logging

from sentimo.core.bundle import HEADS_CONFIG, HEADS_FILE, TORCH_WEIGHTS, Bundle
from sentimo.core.labels import LabelSpace
from sentimo.errors import BundleError
from sentimo.train.catalogue import build
from sentimo.train.encoder import Base, open_base, quiet_transformers
from sentimo.train.heads import HEADS


class BundledClassifier(PreTrainedModel):  # type: ignore[misc]
    """The network of a bundle as a transformers model: the logits of all tasks in a row.

    Args:
        encoder: A transformers encoder, or its own sequence classification where the bundle has no heads of ours.
        heads: Task -> head; empty where the encoder classifies.
    """

    _supports_sdpa = True  # the encoder decides; without this transformers refuses its fast attention

    def __init__(self, encoder: Any, heads: Mapping[str, nn.Module]) -> None:
        super().__init__(encoder.config)
        self.encoder, self.heads = encoder, nn.ModuleList(heads.values())

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None) -> Any:
        """Return what a sequence classification of transformers returns."""
        given = {} if token_type_ids is None else {"token_type_ids": token_type_ids}
        found = self.encoder(input_ids=input_ids, attention_mask=attention_mask, **given)
        if not self.heads:
            return found
        logits = [head(found.last_hidden_state, attention_mask) for head in self.heads]
        return SequenceClassifierOutput(logits=torch.cat(logits, dim=-1))


class HuggingFacePipeline:
    """``transformers.pipeline("text-classification")`` with the network of a bundle, on the CPU, in fp32.

    A bundle without torch weights (an 8-bit copy) has the same network with random weights: as fast, but its labels
    mean nothing.

    Attributes:
        has_weights: Whether the weights are those of the bundle.

    Raises:
        BundleError: the bundle tells no architecture that transformers knows (a linear model).
    """

    def __init__(self, bundle: Bundle) -> None:
        if "config.json" not in bundle.files:
            raise BundleError(f"{bundle.path} holds no config.json, so no Hugging Face model can be built from it")
        self._bundle, base = bundle, open_base(str(bundle.path))
        self.has_weights = TORCH_WEIGHTS in bundle.files
        spaces = {task.name: task.space for task in bundle.manifest.tasks}
        hf_logging.disable_progress_bar()  # for good: whoever measures wants no bar of weights being loaded
        with quiet_transformers():
            model = _model(bundle, base, spaces, self.has_weights).eval()
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


def _model(bundle: Bundle, base: Base, spaces: Mapping[str, LabelSpace], has_weights: bool) -> BundledClassifier:
    ours = HEADS_CONFIG in bundle.files
    auto = AutoModel if ours else AutoModelForSequenceClassification
    torch.manual_seed(13)
    if has_weights:
        encoder = auto.from_pretrained(bundle.path, local_files_only=True, dtype=torch.float32)
    else:
        encoder = auto.from_config(base.config)
    if ours:  # the pipeline names the label of the largest logit
        names = [f"{task}/{label}" for task, space in spaces.items() for label in space.labels]
        encoder.config.id2label = dict(enumerate(names))
    return BundledClassifier(encoder, _heads(bundle, base.width, spaces) if ours else {})


def _heads(bundle: Bundle, width: int, spaces: Mapping[str, LabelSpace]) -> dict[str, nn.Module]:
    """Return task -> head, as `HeadedNetwork.save` wrote them."""
    stored = json.loads(bundle.file(HEADS_CONFIG).read_text("utf-8"))
    weights = load_file(bundle.file(HEADS_FILE)) if HEADS_FILE in bundle.files else {}
    heads: dict[str, nn.Module] = {}
    for task, space in spaces.items():
        settings = dict(stored[task])
        name = settings.pop("name")
        head = heads[task] = build(HEADS[name], f"head {name!r}", width, len(space), **settings)
        own = {key.removeprefix(f"{task}."): value for key, value in weights.items() if key.startswith(f"{task}.")}
        if own:
            head.load_state_dict(own)
    return heads
