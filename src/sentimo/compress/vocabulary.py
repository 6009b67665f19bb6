"""vocabulary: tokens that the given texts do not use are left out; their rows of the embedding table go with them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, numpy_helper
from tokenizers import Tokenizer

from sentimo.compress.derive import derive, plain_manifest
from sentimo.compress.graph import load_graph, replace_constants, save_graph
from sentimo.compress.material import Material, NotPossible
from sentimo.compress.token_model import Ids, kept_tokens, with_tokens
from sentimo.core.bundle import TORCH_WEIGHTS, Bundle
from sentimo.core.manifest import Manifest
from sentimo.engine.backends.onnx import GRAPH, TOKENIZER

_CONFIG = "config.json"


def vocabulary(source: Bundle, target: Path, material: Material) -> Bundle:
    """Write the bundle with fewer tokens; needs the graph and a corpus.

    A text whose tokens are all kept is cut into the same tokens and gets the same scores. Tokens that spell others
    (single characters, bytes) are kept, so nothing becomes unknown that was known.

    Source: Abdaoui et al. 2020, "Load What You Need", arXiv:2010.05609.
    """
    if not material.corpus:
        raise NotPossible("which tokens are needed is seen from texts, and none were given (--texts or --train)")

    def change(folder: Path) -> Manifest:
        stored = json.loads((folder / TOKENIZER).read_text("utf-8"))
        seen = tokens_of(folder / TOKENIZER, material.corpus)
        model = load_graph(source)
        tables = _tables(model)
        n_before = len(next(iter(tables.values())))
        old_ids = kept_tokens(stored, seen, always=_fixed_ids(source))
        ids: Ids = {old: new for new, old in enumerate(old_ids)}
        material.tell(f"vocabulary: {len(ids):,} of {n_before:,} tokens are kept")
        if len(ids) >= n_before:
            raise NotPossible("the texts use every token of the vocabulary")
        (folder / TOKENIZER).write_text(json.dumps(with_tokens(stored, ids), ensure_ascii=False), "utf-8")
        replace_constants(model, {name: values[old_ids] for name, values in tables.items()})
        save_graph(model, folder / GRAPH)
        if (folder / TORCH_WEIGHTS).is_file():
            _cut_torch_weights(folder, next(iter(tables.values())), old_ids, ids)
        return _with_ids(plain_manifest(source), ids)

    return derive(source, target, change, keep_torch_weights=True)


def tokens_of(tokenizer: Path, texts: Iterable[str]) -> set[int]:
    """Return the ids that occur in texts."""
    read = Tokenizer.from_file(str(tokenizer))
    read.no_truncation()
    encodings = read.encode_batch_fast(list(texts), add_special_tokens=False)
    return {each for encoding in encodings for each in encoding.ids}


def _tables(model: ModelProto) -> dict[str, NDArray[Any]]:
    """Return name -> rows of what the graph looks tokens up in: their embeddings, and in 8 bit the scales of these."""
    stored = {each.name: each for each in model.graph.initializer}
    readers = [node for node in model.graph.node if "input_ids" in node.input and node.op_type == "Gather"]
    names = [node.input[0] for node in readers]
    n_users = [sum(name in node.input for node in model.graph.node) for name in names]
    if not names or not stored.keys() >= set(names) or set(n_users) != {1}:
        raise NotPossible("the graph does not look its tokens up in tables of their own")
    return {name: numpy_helper.to_array(stored[name]) for name in names}


def _fixed_ids(source: Bundle) -> set[int]:
    settings = source.manifest.settings
    return {*settings["prefix"], *settings["suffix"], settings["pad_id"]}


def _with_ids(manifest: Manifest, ids: Mapping[int, int]) -> Manifest:
    given = manifest.settings
    moved = {name: [ids[each] for each in given[name]] for name in ("prefix", "suffix")}
    return replace(manifest, settings={**given, **moved, "pad_id": ids[given["pad_id"]]})


def _cut_torch_weights(folder: Path, table: NDArray[Any], old_ids: Sequence[int], ids: Mapping[int, int]) -> None:
    """Take the same rows out of the torch weights, and move the ids that the configuration names."""
    from safetensors.numpy import load_file, save_file

    weights = load_file(folder / TORCH_WEIGHTS)
    tables = [name for name, each in weights.items() if each.shape == table.shape and np.array_equal(each, table)]
    weights.update({name: weights[name][old_ids] for name in tables})
    save_file(weights, folder / TORCH_WEIGHTS, metadata={"format": "pt"})
    config: dict[str, Any] = json.loads((folder / _CONFIG).read_text("utf-8"))
    config["vocab_size"] = len(old_ids)
    for name, value in config.items():
        if name.endswith("_token_id") and isinstance(value, int):
            config[name] = ids.get(value)
    (folder / _CONFIG).write_text(json.dumps(config, indent=2) + "\n", "utf-8")
