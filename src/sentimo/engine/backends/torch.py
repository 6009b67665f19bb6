"""The torch weights of a bundle (extra "train"): for bundles without a graph, and to hold other backends against."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sentimo.core.bundle import FUSION_FILE, HEADS_CONFIG, HEADS_FILE, TORCH_WEIGHTS, Bundle
from sentimo.engine.backends import Prepared
from sentimo.engine.backends.graph import open_reader
from sentimo.engine.backends.tokens import TokenReader
from sentimo.engine.knowledge import N_COLUMNS, STEPS
from sentimo.engine.networks import register
from sentimo.engine.threads import n_threads
from sentimo.errors import BundleError, MissingExtraError

try:
    import torch
    from torch import Tensor, nn
except ImportError:
    raise MissingExtraError("backend 'torch'", "train") from None


class TorchBackend:
    """Runs a network in evaluation mode.

    Args:
        network: ``(input_ids (b, t), attention_mask (b, t)) -> task -> logits (b, n_labels)``.
        reader: What makes windows of token ids.
    """

    streams = 1  # torch uses all cores for one batch

    def __init__(self, network: nn.Module, reader: TokenReader) -> None:
        self._network, self._reader = network, reader

    @property
    def batch_tokens(self) -> int:
        """Tokens in a batch: few where caches are small, many where a GPU is to be filled."""
        return 512 if next(self._network.parameters()).device.type == "cpu" else 16384

    @classmethod
    def open(cls, bundle: Bundle, *, max_windows: int | None = None) -> Self:
        """Open the weights and the tokenizer of a bundle.

        Raises:
            BundleError: it holds no torch weights, or they cannot be loaded.
            InputError: SENTIMO_THREADS is no number.
            MissingExtraError: transformers is not installed.
        """
        torch.set_num_threads(n_threads())
        if TORCH_WEIGHTS not in bundle.files:
            raise BundleError(f"{bundle.path} holds no torch weights ({TORCH_WEIGHTS}); open it without a backend")
        return cls(_BundleNetwork(bundle), open_reader(bundle, max_windows=max_windows))

    def prepare(self, texts: Sequence[str]) -> list[Prepared]:
        """Return each text as windows of token ids."""
        return self._reader.prepare(texts)

    @torch.no_grad()
    def run(self, features: Sequence[list[int]]) -> dict[str, NDArray[np.float32]]:
        """Return task -> logits (len(features), n_labels)."""
        self._network.eval()
        device = next(self._network.parameters()).device
        ids, mask = (torch.from_numpy(each).to(device) for each in self._reader.pad(features))
        return {task: logits.float().cpu().numpy() for task, logits in self._network(ids, mask).items()}

    run_beside = run


class _BundleNetwork(nn.Module):
    """The network that training saved: an encoder in the Hugging Face layout, with its own heads or ours beside it.

    What the heads compute is `sentimo.train.heads`, and the gate of knowledge `sentimo.train.knowledge`, which
    prediction may not import; tests hold them together.
    """

    def __init__(self, bundle: Bundle) -> None:
        super().__init__()
        self._sizes = {task.name: len(task.space) for task in bundle.manifest.tasks}
        self._heads: Mapping[str, Any] = {}
        if HEADS_CONFIG in bundle.files:
            self._heads = json.loads(bundle.file(HEADS_CONFIG).read_text("utf-8"))
        self.encoder = _load(bundle, "AutoModel" if self._heads else "AutoModelForSequenceClassification")
        if self._heads:
            from safetensors.torch import load_file

            for name, value in load_file(bundle.file(HEADS_FILE)).items():
                self.register_buffer(name.replace(".", "/"), value)  # torch keeps dots for itself
        self._fuses = FUSION_FILE in bundle.files
        if self._fuses:
            for name, value in load_file(bundle.file(FUSION_FILE)).items():
                self.register_buffer(f"/{name.replace('.', '/')}", value)  # no task begins with a slash

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> dict[str, Tensor]:
        """Return task -> logits."""
        known = input_ids[:, :N_COLUMNS].float() / STEPS
        if self._fuses:
            input_ids, attention_mask = input_ids[:, N_COLUMNS:], attention_mask[:, N_COLUMNS:]
        found = self.encoder(input_ids=input_ids, attention_mask=attention_mask)
        if not self._heads:
            return dict(zip(self._sizes, found.logits.split(list(self._sizes.values()), dim=-1), strict=True))
        hidden = found.last_hidden_state
        hidden = self._fused(hidden, attention_mask, known) if self._fuses else hidden
        return {task: self._head(task, hidden, attention_mask) for task in self._sizes}

    def _fused(self, hidden: Tensor, mask: Tensor, known: Tensor) -> Tensor:
        def through(name: str, given: Tensor) -> Tensor:
            return given @ self.get_buffer(f"/{name}/weight").T + self.get_buffer(f"/{name}/bias")

        mean = (hidden * mask.unsqueeze(-1)).sum(dim=1) / mask.sum(dim=1, keepdim=True)
        gate = torch.sigmoid(through("gate", torch.cat([mean, known], dim=-1)))
        return hidden + (gate * torch.tanh(through("project", known))).unsqueeze(1)

    def _head(self, task: str, hidden: Tensor, mask: Tensor) -> Tensor:
        def weight(name: str) -> Tensor:
            return self.get_buffer(f"{task}/{name.replace('.', '/')}")

        settings = self._heads[task]
        if settings["name"] == "attention":
            projected = torch.tanh(hidden @ weight("project.weight").T + weight("project.bias"))
            relevance = (projected @ weight("relevance.weight").T).squeeze(-1).masked_fill(mask == 0, -torch.inf)
            pooled = (relevance.softmax(dim=-1).unsqueeze(1) @ hidden).squeeze(1)
        elif settings["pooling"] == "mean":
            pooled = (hidden * mask.unsqueeze(-1)).sum(dim=1) / mask.sum(dim=1, keepdim=True)
        elif settings["pooling"] == "max":
            pooled = hidden.masked_fill(mask.unsqueeze(-1) == 0, -torch.inf).max(dim=1).values
        elif settings["pooling"] == "first":
            pooled = hidden[:, 0]
        else:
            pooled = hidden[torch.arange(len(hidden)), mask.sum(dim=1) - 1]
        return pooled @ weight("output.weight").T + weight("output.bias")


def _load(bundle: Bundle, kind: str) -> Any:
    try:
        import transformers
    except ImportError:
        raise MissingExtraError("backend 'torch'", "train") from None
    register()
    logging.getLogger("transformers").setLevel(logging.ERROR)
    try:
        auto = getattr(transformers, kind)
        model = auto.from_pretrained(bundle.path, local_files_only=True, trust_remote_code=False, use_safetensors=True)
    except (OSError, ValueError, RuntimeError) as error:
        raise BundleError(f"the torch weights of {bundle.path} cannot be loaded: {error}") from error
    return model.float()
