"""Tiny bases, made in milliseconds and read from their folders as any base is."""

from __future__ import annotations

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from toy import MOODS, toy_recipe
from transformers import (
    BertConfig,
    BertModel,
    GPT2Config,
    GPT2LMHeadModel,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaModel,
)

from sentimo.core.labels import LabelSpace
from sentimo.train.encoder import open_base, quiet_transformers

VOCABULARY = """
    i you it we they this that the a an my your is was were are be very so too quite not never no and but or
    good great fine lovely happy superb warm kind quick clean bad awful poor sad angry rude slow dirty broken late
    film book hotel room phone food staff price screen battery service story music day night love like hate enjoy
    liked hated loved ##s ##ed ##ing ##ly ##er . , ! ?
"""
WORDS = VOCABULARY.split()
LETTERS = [mark + letter for letter in "abcdefghijklmnopqrstuvwxyz" for mark in ("", "##")]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


@pytest.fixture(autouse=True)
def one_thread():
    """Sums on one thread have one order. Before every test: whoever opens a torch model sets the number anew."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def bert(tmp_path_factory):
    """Folder of a BERT: WordPiece, 2 layers of width 32, 64 positions."""
    vocabulary = {word: position for position, word in enumerate([*SPECIAL, *dict.fromkeys([*WORDS, *LETTERS])])}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])]
    )
    names = {"unk_token": "[UNK]", "pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    return _saved(tmp_path_factory.mktemp("bert"), BertModel, config, tokenizer, names)


@pytest.fixture(scope="session")
def roberta(tmp_path_factory):
    """Folder of a RoBERTa: pad id 1, positions counted from 2, so that 34 positions hold 32 tokens."""
    vocabulary = {word: at for at, word in enumerate(["<s>", "<pad>", "</s>", "<unk>", *dict.fromkeys(WORDS)])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    names = {"unk_token": "<unk>", "pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>"}
    config = RobertaConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=34,
        pad_token_id=1,
    )
    return _saved(tmp_path_factory.mktemp("roberta"), RobertaModel, config, tokenizer, names)


@pytest.fixture(scope="session")
def gpt2(tmp_path_factory):
    """Folder of a GPT-2: byte-level BPE without merges, no padding token, no special tokens around a text."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: position for position, letter in enumerate([*letters, "<|endoftext|>"])}
    tokenizer = Tokenizer(models.BPE(vocabulary, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    names = {"eos_token": "<|endoftext|>", "bos_token": "<|endoftext|>", "unk_token": "<|endoftext|>"}
    config = GPT2Config(
        vocab_size=len(vocabulary), n_embd=32, n_layer=2, n_head=2, n_positions=64, bos_token_id=256, eos_token_id=256
    )
    return _saved(tmp_path_factory.mktemp("gpt2"), GPT2LMHeadModel, config, tokenizer, names)


@pytest.fixture(scope="session")
def bert_base(bert):
    return open_base(str(bert))


@pytest.fixture(scope="session")
def roberta_base(roberta):
    return open_base(str(roberta))


@pytest.fixture(scope="session")
def gpt2_base(gpt2):
    return open_base(str(gpt2))


@pytest.fixture
def recipe():
    """Builds a recipe; its tasks are given by name, or as mappings."""
    return toy_recipe


@pytest.fixture(scope="session")
def spaces():
    """Label spaces of all four kinds, by task name."""
    return {
        "mood": MOODS,
        "emotions": LabelSpace("emotions", ("anger", "joy", "fear"), "multi"),
        "stars": LabelSpace("stars", ("1", "2", "3", "4", "5"), "ordinal"),
        "intensity": LabelSpace("intensity", ("intensity",), "score", range=(0.0, 4.0)),
    }


def _saved(folder, kind, config, tokenizer, names):
    with torch.random.fork_rng(), quiet_transformers():
        torch.manual_seed(0)
        kind(config).save_pretrained(folder)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names).save_pretrained(folder)
    return folder
