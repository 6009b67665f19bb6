"""A pre-trained encoder as a folder that transformers, and `--base`, open."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.numpy import save_file as save_arrays
from safetensors.torch import save_file
from tokenizers import Tokenizer
from torch import nn

from sentimo.core.bundle import TORCH_WEIGHTS
from sentimo.engine.base_weights import WEIGHTS_8_BIT, packed, read_weights
from sentimo.train.pretrain.encoder import PackedBert
from sentimo.train.pretrain.vocabulary import FIRST, LAST, MASK, PAD, UNKNOWN, special_ids

LOG = "pretraining.json"


HEAD = "mlm_head.safetensors"
"""What guesses hidden tokens; pre-training that goes on from the folder starts with it."""


def save_base(
    folder: Path, encoder: PackedBert, tokenizer: Tokenizer, record: dict[str, Any], head: nn.Module | None = None
) -> None:
    """Write configuration, weights (fp16), tokenizer and the record of the run.

    Tokens are pooled by their mean (``1_Pooling/config.json`` as sentence-transformers writes it): no token was
    trained to stand for the text.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pad_id = special_ids(tokenizer)[0]
    _write(folder / "config.json", encoder.shape.to_config(pad_id))
    weights = {
        name: value.detach().to("cpu", torch.float16).contiguous() for name, value in encoder.state_dict().items()
    }
    save_file(weights, folder / TORCH_WEIGHTS, {"format": "pt"})
    if head is not None:
        save_file({name: value.detach().cpu().contiguous() for name, value in head.state_dict().items()}, folder / HEAD)
    tokenizer.save(str(folder / "tokenizer.json"))
    names = {"pad_token": PAD, "unk_token": UNKNOWN, "cls_token": FIRST, "sep_token": LAST, "mask_token": MASK}
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": encoder.shape.positions, **names}
    _write(folder / "tokenizer_config.json", settings)
    (folder / "1_Pooling").mkdir(exist_ok=True)
    pooling = {"word_embedding_dimension": encoder.shape.width, "pooling_mode_mean_tokens": True}
    _write(folder / "1_Pooling" / "config.json", pooling | {"pooling_mode_cls_token": False})
    _write(folder / LOG, record)


def store_in_8_bit(folder: Path) -> None:
    """Store the weights of a base in half of the room: matrices in 8 bit with one scale per row.

    `--base` opens it as before; transformers and pre-training that goes on want the 16 bits.
    """
    save_arrays(packed(read_weights(folder)), folder / WEIGHTS_8_BIT)
    (folder / TORCH_WEIGHTS).unlink()


def _write(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", "utf-8")
