from __future__ import annotations

import json
from dataclasses import replace

import onnx
import pytest
import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from sentimo.compress.material import Material, NotPossible
from sentimo.compress.network import open_network
from sentimo.compress.token_model import kept_tokens, with_tokens
from sentimo.compress.vocabulary import vocabulary
from sentimo.compress.weights8 import quantize_bundle
from sentimo.core.bundle import PROBE_TEXTS, Probes, write_bundle
from sentimo.core.labels import LabelSpace
from sentimo.core.manifest import Manifest, TaskSpec
from sentimo.core.predictions import ModelId
from sentimo.engine.predictor import Predictor
from sentimo.train.backend import network_backend
from sentimo.train.encoder import open_base, quiet_transformers
from sentimo.train.export import export_onnx, save_tokenizer
from sentimo.train.network import build_network
from sentimo.train.recipe import parse_recipe

WORDS = ["good", "bad", "film", "hotel", "the", "was", "very", "not", "lovely", "room", "##ly"]
LETTERS = [mark + letter for letter in "abcdefghijklmnopqrstuvwxyz" for mark in ("", "##")]
CORPUS = ["the film was good", "not very good"]
PROSE = [
    "the film was good and the hotel was lovely",
    "the room was bad, not very good at all",
    "good rooms, bad films",
]


def wordpiece():
    vocabulary = {word: at for at, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS, *LETTERS])}
    made = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    made.normalizer, made.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    made.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]"])
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])]
    )
    return made


def byte_pairs():
    made = Tokenizer(models.BPE())
    made.pre_tokenizer, made.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    made.train_from_iterator(
        PROSE * 5, trainers.BpeTrainer(vocab_size=330, initial_alphabet=alphabet, show_progress=False)
    )
    return made


def unigram():
    made = Tokenizer(models.Unigram())
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.train_from_iterator(
        PROSE * 5,
        trainers.UnigramTrainer(vocab_size=60, unk_token="<unk>", special_tokens=["<unk>"], show_progress=False),
    )
    return made


@pytest.mark.parametrize("kind", [wordpiece, byte_pairs, unigram])
def test_texts_of_kept_tokens_are_cut_as_before_and_nothing_becomes_unknown(kind):
    old = kind()
    stored = json.loads(old.to_str())
    seen = {each for text in PROSE[:1] for each in old.encode(text, add_special_tokens=False).ids}

    ids = kept_tokens(stored, seen, always=set())
    new = Tokenizer.from_str(json.dumps(with_tokens(stored, {each: at for at, each in enumerate(ids)})))

    assert len(ids) == new.get_vocab_size() < old.get_vocab_size()
    assert new.encode(PROSE[0]).tokens == old.encode(PROSE[0]).tokens
    for text in (*PROSE, "zebra films"):
        unknown = {"[UNK]", "<unk>"}
        known_before = unknown.isdisjoint(old.encode(text).tokens)
        assert not known_before or unknown.isdisjoint(new.encode(text).tokens), text
        assert new.decode(new.encode(text).ids).replace(" ##", "") != ""


def test_special_tokens_keep_their_work_under_new_ids():
    old = wordpiece()
    stored = json.loads(old.to_str())
    ids = kept_tokens(stored, {stored["model"]["vocab"]["room"]}, always=set())

    new = Tokenizer.from_str(json.dumps(with_tokens(stored, {each: at for at, each in enumerate(ids)})))

    assert new.encode("room").tokens == ["[CLS]", "room", "[SEP]"]
    assert new.token_to_id("hotel") is None
    assert new.encode("hotel").tokens == ["[CLS]", "h", "##o", "##t", "##e", "##l", "[SEP]"]


def test_a_tokenizer_of_whole_words_is_refused():
    stored = json.loads(Tokenizer(models.WordLevel({"a": 0, "[UNK]": 1}, unk_token="[UNK]")).to_str())

    with pytest.raises(NotPossible, match="whole words only"):
        kept_tokens(stored, {0}, always=set())


# ---------------------------------------------------------------------------------------------- a bundle


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A bundle with weights drawn at random, whose tokenizer has letters beside its words."""
    folder = tmp_path_factory.mktemp("base")
    config = BertConfig(
        vocab_size=4 + len(WORDS) + len(LETTERS),
        hidden_size=64,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    with torch.random.fork_rng(), quiet_transformers():
        torch.manual_seed(0)
        BertModel(config).save_pretrained(folder)
    names = {"unk_token": "[UNK]", "pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    PreTrainedTokenizerFast(tokenizer_object=wordpiece(), **names).save_pretrained(folder)
    base = open_base(str(folder))
    spaces = {"mood": LabelSpace("moods", ("bad", "good"))}
    network = build_network(base, spaces, parse_recipe({"tasks": [{"name": "mood", "train": "-"}], "pooling": "mean"}))
    tasks = tuple(TaskSpec(*each) for each in spaces.items())
    settings = {"prefix": list(base.prefix), "suffix": list(base.suffix), "pad_id": base.pad_id}
    manifest = Manifest("tiny", "onnx", ("en",), tasks, 32, settings)
    answers = Predictor(network_backend(network, base, 32), tasks, ModelId("tiny", "")).predict(PROBE_TEXTS)

    def fill(into):
        network.save(into)
        save_tokenizer(base, into)
        export_onnx(network, into, list(spaces))

    probes = Probes(PROBE_TEXTS, {"mood": answers.tasks["mood"].scores})
    return write_bundle(tmp_path_factory.mktemp("bundle") / "tiny", manifest, fill, probes)


def test_texts_whose_tokens_are_kept_get_the_same_scores(source, tmp_path):
    told = []
    smaller = vocabulary(source, tmp_path / "small", Material({}, corpus=CORPUS, tell=told.append))

    assert told == ["vocabulary: 62 of 67 tokens are kept"]  # gone: bad, hotel, lovely, room, ##ly
    kept = ["the film was good", "not very good", "good, not very", "films"]
    before, after = (Predictor.load(each.path).predict(kept).tasks["mood"].scores for each in (source, smaller))
    assert after == pytest.approx(before, abs=1e-6)
    assert Predictor.load(smaller.path).predict(["a lovely hotel"]).errors == (None,)


def test_a_table_that_is_stored_in_8_bit_is_cut_with_its_scales(source, tmp_path):
    small = quantize_bundle(source.path, tmp_path / "8-bit")

    smaller = vocabulary(small, tmp_path / "small", Material({}, corpus=CORPUS))

    tables = {each.name: each for each in onnx.load(smaller.file("model.onnx")).graph.initializer}
    for part in ("rows", "row_scale"):
        (name,) = (name for name in tables if name.endswith(f"word_embeddings.weight.{part}"))
        assert tables[name].dims[0] == 62
    before, after = (Predictor.load(each.path).predict(CORPUS).tasks["mood"].scores for each in (small, smaller))
    assert after == pytest.approx(before, abs=1e-6)


def test_the_torch_weights_follow(source, tmp_path):
    smaller = vocabulary(source, tmp_path / "small", Material({}, corpus=CORPUS))

    network, base = open_network(smaller)
    answers = [
        Predictor(backend, smaller.manifest.tasks, ModelId("", "")).predict(["not very good"]).tasks["mood"].scores
        for backend in (network_backend(network, base, 32), Predictor.load(smaller.path)._backend)
    ]
    assert answers[0] == pytest.approx(answers[1], abs=1e-5)
    assert base.config.vocab_size == 62
    assert replace(base, name="").pad_id == smaller.manifest.settings["pad_id"]


def test_without_texts_nobody_knows_which_tokens_are_needed(source, tmp_path):
    with pytest.raises(NotPossible, match="none were given"):
        vocabulary(source, tmp_path / "small", Material({}))
