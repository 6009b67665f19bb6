"""Encoders without pre-training: the vocabulary, and if wished the vectors, come from the user's own texts.

The networks are `sentimo.engine.networks`. What is made here lies nowhere until the model is saved; the same texts give
the same base, so that a run can be resumed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace

from sentimo.data.reading import read_texts
from sentimo.engine.networks import NETWORKS, network_class
from sentimo.train.encoder import Base, open_base
from sentimo.train.knowledge import knowledge_for
from sentimo.train.recipe import Recipe, ScratchEncoder
from sentimo.train.scratch.tokens import PAD, PAD_ID, UNKNOWN, tokenizer_of
from sentimo.train.scratch.vectors import fill_vectors, learn_vectors, read_vectors


def base_of(recipe: Recipe, texts: Iterable[str]) -> Base:
    """Return the base of a recipe: one that is opened, or for an encoder without pre-training one made from texts.

    Args:
        recipe: The recipe.
        texts: The training texts.

    Raises:
        InputError: the base cannot be opened, or a file of vectors or texts cannot be read.
    """
    if recipe.base not in NETWORKS:
        base = open_base(recipe.base)
    else:
        base = _made(recipe.base, recipe.encoder or ScratchEncoder(), list(texts), recipe.seed)
    return replace(base, knowledge=knowledge_for(recipe))


def fingerprint(base: Base) -> str:
    """Return the SHA-256 of what was made from texts and of the words it knows: a resumed run must find the same.

    Empty for a base that was opened and reads tokens alone.
    """
    known = base.knowledge.lexicon.digest if base.knowledge else ""
    if base.source:
        return known
    digest = hashlib.sha256(base.tokenizer.backend_tokenizer.to_str().encode())
    if base.vectors is not None:
        digest.update(str(base.vectors.shape).encode())
    return digest.hexdigest() + known


def _made(name: str, settings: ScratchEncoder, texts: Sequence[str], seed: int) -> Base:
    from transformers import PreTrainedTokenizerFast

    corpus = [text for path in settings.corpus for text in read_texts(path).texts]
    given = read_vectors(settings.vectors) if settings.vectors else {}
    tokenizer = tokenizer_of(
        [*texts, *corpus], settings.tokens, size=settings.vocabulary, least=settings.least_count, also=given
    )
    width = len(next(iter(given.values()))) if given else settings.width
    vectors = None
    if given:
        vectors = fill_vectors(given, tokenizer.get_vocab(), seed=seed)
    elif corpus:
        vectors = learn_vectors(tokenizer, [*texts, *corpus], width=width, seed=seed)
    windows = {"windows": tuple(settings.windows)} if settings.windows else {}
    config = network_class(name).config_class(
        vocab_size=tokenizer.get_vocab_size(),
        embedding_size=width,
        hidden_size=settings.hidden,
        num_hidden_layers=settings.layers,
        pad_token_id=PAD_ID,
        **windows,
    )
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token=PAD, unk_token=UNKNOWN)
    return Base(
        name,
        "",
        config,
        fast,
        prefix=(),
        suffix=(),
        pad_id=PAD_ID,
        is_decoder=False,
        pooling=config.natural_pooling,
        has_weights=False,
        vectors=vectors,
    )
