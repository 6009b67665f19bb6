"""Base encoders: found by alias, hub id or folder; their configuration, tokenizer and special tokens."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from huggingface_hub import hf_hub_download
from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, LocalEntryNotFoundError
from numpy.typing import NDArray
from safetensors import SafetensorError
from torch import from_numpy, nn, no_grad, tensor
from transformers import AutoConfig, AutoModel, AutoModelForSequenceClassification, AutoTokenizer
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    MODEL_FOR_MASKED_LM_MAPPING_NAMES,
    MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES,
)
from transformers.utils import logging as hf_logging

from sentimo.data.bases import MINILM, local_folder
from sentimo.engine.base_weights import WEIGHTS_8_BIT, read_weights
from sentimo.engine.knowledge import Knowledge
from sentimo.engine.networks import MODEL_TYPES, register
from sentimo.engine.predictor import readable
from sentimo.errors import InputError
from sentimo.train.signs import read_signs

register()

MINILM_HUB_ID = "sentence-transformers/all-MiniLM-L6-v2"

_TEXTS_AT_ONCE = 4096  # encodings hold far more than their ids

# Beside those with "roberta" in their name, these number positions from pad_token_id + 1.
_POSITIONS_AFTER_PADDING = ("camembert", "data2vec-text", "ibert", "longformer", "luke", "mpnet")


@dataclass(frozen=True)
class Base:
    """A base model before training: where it lies and what it is.

    Attributes:
        name: As the user named it.
        source: Folder or hub id to load from; empty where the base is made anew and lies nowhere yet.
        config: Its transformers configuration.
        tokenizer: Its fast tokenizer (a transformers object).
        prefix, suffix: Ids of the special tokens around a text.
        pad_id: Id that fills short rows.
        pooling: How its authors pool tokens, "mean" or "first", where it is a sentence-transformers model; else None.
        is_decoder: Whether it reads left to right only (GPT-type): the last token has seen the whole text.
        has_weights: False draws them at random when it is loaded: as fast, for measuring where there are none.
        vectors: (vocabulary, embedding width) what the token vectors of drawn weights begin with; None draws them too.
        knowledge: What stands before the ids of every text, see `sentimo.engine.knowledge`; None: nothing.
    """

    name: str
    source: str
    config: Any
    tokenizer: Any
    prefix: tuple[int, ...]
    suffix: tuple[int, ...]
    pad_id: int
    is_decoder: bool
    pooling: str | None = None
    has_weights: bool = True
    vectors: NDArray[Any] | None = None
    knowledge: Knowledge | None = None

    @property
    def width(self) -> int:
        """Width of its output."""
        return int(self.config.hidden_size)

    @property
    def is_from_scratch(self) -> bool:
        """Whether it is an encoder of our own that starts without pre-training, see `sentimo.train.scratch`."""
        return self.config.model_type in MODEL_TYPES

    @property
    def has_native_head(self) -> bool:
        """Whether transformers has a sequence classification of this encoder."""
        return not self.is_decoder and self.config.model_type in MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES

    def most_tokens(self, wanted: int) -> int:
        """Return `wanted`, or what the encoder's positions allow where that is less."""
        positions = getattr(self.config, "max_position_embeddings", None)
        if not positions or positions < 0:
            return wanted
        kind = self.config.model_type
        spare = self.pad_id + 1 if "roberta" in kind or kind in _POSITIONS_AFTER_PADDING else 0
        return min(wanted, int(positions) - spare)

    def encode(self, texts: Sequence[str], max_tokens: int) -> list[list[int]]:
        """Return the token ids of each text, special tokens included, cut to `max_tokens`.

        A text without any token, possible where there are no special ones, becomes one padding token.
        """
        room = max_tokens - len(self.prefix) - len(self.suffix)
        rows: list[list[int]] = []
        for start in range(0, len(texts), _TEXTS_AT_ONCE):
            whole = [readable(text)[0] for text in texts[start : start + _TEXTS_AT_ONCE]]
            encodings = self.tokenizer.backend_tokenizer.encode_batch_fast(whole, add_special_tokens=False)
            cut = [[*self.prefix, *each.ids[:room], *self.suffix] or [self.pad_id] for each in encodings]
            if self.knowledge is not None:
                lengths = [len(each.ids) for each in encodings]
                parts = [self._read(text, n, room) for text, n in zip(whole, lengths, strict=True)]
                cut = [[*self.knowledge.columns(part), *ids] for part, ids in zip(parts, cut, strict=True)]
            rows += cut
        return rows

    def _read(self, text: str, n_tokens: int, room: int) -> str:
        """Return the part of a text that its first tokens hold: what the engine reads as its first window."""
        if n_tokens <= room:
            return text
        offsets = self.tokenizer.backend_tokenizer.encode(text, add_special_tokens=False).offsets
        return text[offsets[0][0] : offsets[room - 1][1]]


def open_base(name: str) -> Base:
    """Find a base model and open its configuration and tokenizer, which reads emoji as words if it knows none.

    Args:
        name: "minilm", "zh-small", a folder, or a hub id. A folder never touches the network; the mirror in HF_ENDPOINT
            is used for hub ids. Code that comes with a model is never run.

    Raises:
        InputError: it cannot be found or read, or has no fast tokenizer.
    """
    source = _source(name)
    local = Path(source).is_dir()
    if not local and (source.startswith((".", "~")) or Path(source).is_absolute() or len(Path(source).parts) > 2):
        raise InputError(f"base model {name!r}: there is no such folder. A hub id looks like `owner/name`.")
    with quiet_transformers():
        try:
            config = AutoConfig.from_pretrained(source, local_files_only=local, trust_remote_code=False)
            tokenizer = AutoTokenizer.from_pretrained(source, local_files_only=local, trust_remote_code=False)
        except (OSError, ValueError, KeyError, ImportError) as error:
            raise InputError(
                f"base model {name!r} cannot be opened: {_first_line(error)}. Give minilm, zh-small, a folder with "
                "config.json and a tokenizer, or a hub id (behind a firewall set HF_ENDPOINT to a mirror)."
            ) from error
    if not getattr(tokenizer, "is_fast", False):
        raise InputError(f"base model {name!r} has no fast tokenizer (tokenizer.json); Sentimo's engine needs one")
    if len(tokenizer) <= len(tokenizer.all_special_ids):
        raise InputError(f"base model {name!r} has a tokenizer without words; is tokenizer.json missing?")
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.backend_tokenizer.no_padding()
    read_signs(tokenizer)
    prefix, suffix = _special_tokens(tokenizer)
    pad_id = next((each for each in (tokenizer.pad_token_id, tokenizer.eos_token_id) if each is not None), 0)
    is_decoder = (
        config.model_type in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
        and config.model_type not in MODEL_FOR_MASKED_LM_MAPPING_NAMES
    )
    pooling = getattr(config, "natural_pooling", None) or _own_pooling(source)
    return Base(name, source, config, tokenizer, prefix, suffix, pad_id, is_decoder, pooling)


def load_encoder(base: Base, dropout: float | None) -> nn.Module:
    """Load the weights of the encoder without any head."""
    with quiet_transformers():
        return _load(AutoModel, base, dropout=dropout)


def load_native(base: Base, labels: Sequence[str], dropout: float | None) -> nn.Module:
    """Load the encoder with transformers' own sequence classification, one logit per label."""
    names = dict(enumerate(labels))
    with quiet_transformers():
        return _load(
            AutoModelForSequenceClassification,
            base,
            dropout=dropout,
            num_labels=len(labels),
            id2label=names,
            label2id={label: position for position, label in names.items()},
        )


@contextmanager
def quiet_transformers() -> Any:
    """Keep transformers from printing load reports and bars of its own."""
    level, bars = hf_logging.get_verbosity(), hf_logging.is_progress_bar_enabled()
    hf_logging.set_verbosity(logging.CRITICAL)
    hf_logging.disable_progress_bar()
    try:
        yield
    finally:
        hf_logging.set_verbosity(level)
        if bars:
            hf_logging.enable_progress_bar()


def _load(auto: Any, base: Base, dropout: float | None, **settings: Any) -> nn.Module:
    config = _config(base, settings)
    for name in vars(config):
        if dropout is not None and ("dropout" in name or name.endswith("pdrop")) and _is_number(getattr(config, name)):
            setattr(config, name, dropout)
    if getattr(config, "pad_token_id", None) is None:
        config.pad_token_id = base.pad_id
    if not base.has_weights:
        drawn: nn.Module = auto.from_config(config).float()
        if base.vectors is not None:
            with no_grad():
                drawn.get_input_embeddings().weight.copy_(tensor(base.vectors))  # type: ignore[operator]
        return drawn
    try:
        model, report = pretrained(auto, base, config)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise InputError(f"the weights of base model {base.name!r} cannot be loaded: {_first_line(error)}") from error
    # A new head lacks a few weights; a file of another architecture lacks them all, and would start from noise.
    missing, n_weights = report["missing_keys"], len(model.state_dict())
    if len(missing) > n_weights / 2:
        raise InputError(
            f"the weights of base model {base.name!r} are not those of a {config.model_type}: {len(missing)} of "
            f"{n_weights} are missing, such as {min(missing)}. Check model_type in its config.json."
        )
    encoder: nn.Module = model.float()
    return encoder


def pretrained(auto: Any, base: Base, config: Any) -> tuple[Any, Mapping[str, Any]]:
    """Return a network with the weights of a base, and transformers' report of what it missed in them."""
    folder = Path(base.source)
    if (folder / WEIGHTS_8_BIT).is_file():
        # All of them in one type: transformers casts the network to that of the first.
        weights = {name: from_numpy(np.array(values, np.float32)) for name, values in read_weights(folder).items()}
        kind = auto._model_mapping[type(config)]
        found = kind.from_pretrained(None, config=config, state_dict=weights, output_loading_info=True)
    else:
        found = auto.from_pretrained(
            base.source,
            config=config,
            local_files_only=folder.is_dir(),
            trust_remote_code=False,
            output_loading_info=True,
        )
    model, report = found
    return model, report


def _config(base: Base, settings: Mapping[str, Any]) -> Any:
    if not base.source:
        return deepcopy(base.config)
    return AutoConfig.from_pretrained(
        base.source, local_files_only=Path(base.source).is_dir(), trust_remote_code=False, **settings
    )


def _source(name: str) -> str:
    folder = local_folder(name)
    return str(folder) if folder else MINILM_HUB_ID if name == MINILM else name


def _own_pooling(source: str) -> str | None:
    """Return the pooling in the configuration of a sentence-transformers model, None for any other."""
    name = "1_Pooling/config.json"
    path = Path(source) / name
    if not Path(source).is_dir():
        try:
            path = Path(hf_hub_download(source, name))
        except EntryNotFoundError as error:
            # Not cached, and no network to ask: of one model we know it by heart.
            unknown = isinstance(error, LocalEntryNotFoundError)
            return "mean" if unknown and source == MINILM_HUB_ID else None
        except (OSError, HfHubHTTPError) as error:
            raise InputError(
                f"base model {source!r}: {name} cannot be had: {_first_line(error)}. Try again."
            ) from error
    if not path.is_file():
        return None
    try:
        modes = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise InputError(f"base model {source!r}: {path} is damaged: {error}") from error
    return "mean" if modes.get("pooling_mode_mean_tokens") else "first" if modes.get("pooling_mode_cls_token") else None


def _special_tokens(tokenizer: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the ids that the tokenizer puts before and after a text."""
    plain = tokenizer("a", add_special_tokens=False)["input_ids"]
    whole = tokenizer("a", add_special_tokens=True)["input_ids"]
    start = next((at for at in range(len(whole)) if whole[at : at + len(plain)] == plain), 0)
    return tuple(whole[:start]), tuple(whole[start + len(plain) :])


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
