"""What a pre-trained encoder makes of texts, as features of a pool: fewer labels are needed than with n-grams."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sentimo.data.bases import local_folder
from sentimo.engine.base_weights import weight_files, weights_digest
from sentimo.engine.batching import batches
from sentimo.train.batching import padded
from sentimo.train.encoder import load_encoder, open_base

_MOST_TOKENS = 128  # the rest of a text seldom changes which one to label next
_TOKENS_AT_ONCE = 4096


def encoder_features(
    texts: Sequence[str], base: str, *, cache: Path | None = None, tell: Callable[[int], None] = lambda done: None
) -> Any:
    """Return the mean vector of each text (n, width), each dimension made as wide as the others, rows of length 1.

    Args:
        texts: All texts of the pool.
        base: As `sentimo.train.encoder.open_base` takes it; the folder of a model of one's own is one.
        cache: File (.npz) to keep the vectors in, and to take them from if they are of these texts and this base.
        tell: Told how many texts are read.

    Returns:
        A scipy CSR matrix.

    Raises:
        InputError: the base cannot be opened.
    """
    from scipy.sparse import csr_matrix  # type: ignore[import-untyped]

    found = _cached(texts, base, cache, tell)
    found = (found - found.mean(axis=0)) / np.maximum(found.std(axis=0), 1e-6)
    return csr_matrix(found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-6))


def _cached(texts: Sequence[str], base: str, cache: Path | None, tell: Callable[[int], None]) -> NDArray[np.float32]:
    folder = local_folder(base)
    name = weights_digest(folder) if folder and weight_files(folder) else base  # a folder may be trained anew
    key = hashlib.sha256("\0".join([name, *texts]).encode("utf-8", "surrogatepass")).hexdigest()
    if cache is not None and cache.is_file():
        with np.load(cache) as kept:
            if str(kept["key"]) == key:
                found: NDArray[np.float32] = kept["vectors"]
                return found
    if cache is not None:
        cache.parent.mkdir(parents=True, exist_ok=True)  # before the work, not after it
    vectors = _mean_vectors(texts, base, tell)
    if cache is not None:
        part = cache.with_name(f"{cache.name}.part")
        with part.open("wb") as file:
            np.savez(file, key=key, vectors=vectors)
        part.replace(cache)
    return vectors


@torch.inference_mode()
def _mean_vectors(texts: Sequence[str], name: str, tell: Callable[[int], None]) -> NDArray[np.float32]:
    base = open_base(name)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    encoder: Any = load_encoder(base, None).eval().to(device)
    ids = base.encode(texts, base.most_tokens(_MOST_TOKENS))
    found = np.zeros((len(ids), base.width), dtype=np.float32)
    done = 0
    for part in batches([len(each) for each in ids], _TOKENS_AT_ONCE, len(ids)):
        tokens, mask = padded([ids[row] for row in part], device)
        hidden = encoder(input_ids=tokens, attention_mask=mask).last_hidden_state
        weight = mask.unsqueeze(-1)
        found[part] = ((hidden * weight).sum(dim=1) / weight.sum(dim=1)).float().cpu().numpy()
        done += len(part)
        tell(done)
    return found
