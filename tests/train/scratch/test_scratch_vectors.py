from __future__ import annotations

import gzip

import numpy as np
import pytest

from sentimo.errors import DataError, InputError
from sentimo.train.network import build_network
from sentimo.train.scratch import fingerprint
from sentimo.train.scratch.tokens import tokenizer_of
from sentimo.train.scratch.vectors import _neighbours, fill_vectors, learn_vectors, read_vectors


def test_neighbours_are_counted_by_their_distance():
    tokenizer = tokenizer_of(["a b c"], "words", size=10, least=1)
    a, b, c = (tokenizer.token_to_id(each) for each in "abc")

    counts = _neighbours(tokenizer, ["a b c", "a zebra"]).toarray()

    assert (counts[a, b], counts[b, a], counts[a, c], counts[b, c]) == (1.0, 1.0, 0.5, 1.0)
    assert counts[a, a] == 0.0
    assert counts[:2].sum() == 0.0  # unknown tokens are no neighbours


def test_words_of_like_use_get_like_vectors():
    # cat and dog stand in the same places, and so do red and blue
    texts = [f"the {pet} eats its food" for pet in ("cat", "dog")] * 20
    texts += [f"paint that wall {tint} please" for tint in ("red", "blue")] * 20
    tokenizer = tokenizer_of(texts, "words", size=50, least=1)

    vectors = learn_vectors(tokenizer, texts, width=4, seed=1)

    cat, dog, red, blue = (vectors[tokenizer.token_to_id(each)] for each in ("cat", "dog", "red", "blue"))
    assert cat @ dog > 0.9 < red @ blue
    assert abs(cat @ red) < 0.5 > abs(dog @ blue)
    assert vectors.shape == (tokenizer.get_vocab_size(), 4)
    assert np.isfinite(vectors).all()


def test_the_same_texts_give_the_same_vectors():
    texts = ["the cat eats", "the dog eats", "a dog sleeps"]
    tokenizer = tokenizer_of(texts, "words", size=50, least=1)

    first, again, other = (learn_vectors(tokenizer, texts, width=3, seed=seed) for seed in (1, 1, 2))

    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_text_of_one_word_teaches_nothing_and_does_no_harm():
    tokenizer = tokenizer_of(["good"], "words", size=50, least=1)

    assert np.isfinite(learn_vectors(tokenizer, ["good", ""], width=8, seed=1)).all()


@pytest.mark.parametrize("header", ["", "2 3\n"])
def test_the_text_format_of_vectors_is_read(header, tmp_path):
    path = tmp_path / "vectors.vec.gz"
    path.write_bytes(gzip.compress(f"{header}Good 1 0 -0.5\n好 0 2e-1 1\ngood 9 9 9\n".encode()))

    found = read_vectors(path)

    assert {word: vector.tolist() for word, vector in found.items()} == {
        "good": [1.0, 0.0, -0.5],
        "好": pytest.approx([0.0, 0.2, 1.0]),
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("good 1 2\nbad 1\n", r"line 2: 1 numbers after 'bad'; expected 2"),
        ("good 1 x\n", r"line 1: expected a word and numbers, found 'good 1 x'"),
        ("", r"no vectors found"),
    ],
)
def test_what_is_no_file_of_vectors_is_refused(content, message, tmp_path):
    path = tmp_path / "vectors.txt"
    path.write_text(content)

    with pytest.raises(InputError, match=message):
        read_vectors(path)


def test_words_without_a_vector_are_drawn_like_the_others():
    given = {str(number): np.array([5.0 + number % 2, -1.0], np.float32) for number in range(100)}

    vectors = fill_vectors(given, {**{word: at for at, word in enumerate(given)}, "new": 100}, seed=1)

    assert np.array_equal(vectors[:100], np.stack(list(given.values())))
    assert 3.0 < vectors[100, 0] < 8.0
    assert vectors[100, 1] == pytest.approx(-1.0)


def test_a_network_begins_with_the_vectors_of_a_file(make_base, tmp_path, recipe, spaces):
    path = tmp_path / "vectors.txt"
    path.write_text("film 1 2 3\nbook 4 5 6\nzebra 7 8 9\n")

    base = make_base("textcnn", vectors=str(path))
    network = build_network(base, {"mood": spaces["mood"]}, recipe())

    found = network.encoder.embeddings.weight
    assert found[base.tokenizer.convert_tokens_to_ids("zebra")].tolist() == [7, 8, 9]
    assert found.shape[1] == 3


def test_a_network_begins_with_vectors_learnt_from_a_corpus(make_base, tmp_path):
    path = tmp_path / "corpus.txt"
    path.write_text("the zebra was good\nthe zebra was bad\n")

    plain, base = make_base("bilstm"), make_base("bilstm", corpus=[str(path)])

    assert plain.vectors is None
    assert base.vectors.shape == (base.config.vocab_size, 16)
    assert "zebra" in base.tokenizer.get_vocab()
    assert fingerprint(plain) != fingerprint(base)


def test_a_corpus_that_is_not_there_is_told(make_base):
    with pytest.raises(DataError, match=r"nowhere.txt"):
        make_base("bilstm", corpus=["nowhere.txt"])
