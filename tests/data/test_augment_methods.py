import string
from random import Random

import pytest

from sentimo.core.documents import Document, Example
from sentimo.core.labels import POLARITY_3, LabelSpace
from sentimo.data.augment import AUGMENTERS
from sentimo.data.augment.delete import Delete
from sentimo.data.augment.dictionary import built_in_synonyms, read_synonyms
from sentimo.data.augment.dispute import disputed
from sentimo.data.augment.homophone import Homophone, common_characters
from sentimo.data.augment.insert import Insert
from sentimo.data.augment.keyboard import NEIGHBOURS, Keyboard
from sentimo.data.augment.rows import ORIGINAL, augment_examples
from sentimo.data.augment.shape import Shape, look_alikes
from sentimo.data.augment.surround import WORDS, Surround
from sentimo.data.augment.swap import Swap
from sentimo.data.augment.synonym import Synonym
from sentimo.errors import DataError, InputError
from sentimo.text.cues import NEGATIONS
from sentimo.text.lexicon import built_in_lexicon

ENGLISH = "The staff was NOT friendly, and the awful room wasn't clean; I never felt happy there"
CHINESE = "房间不干净，服务态度也没有很好，真的非常失望"
ODD = ["", "   ", "😀", "!!!", "2024", "ok", "好", "\ud800", "a" * 5000]
LIGHT = [Synonym, Insert, Swap, Delete, Keyboard, Homophone, Shape]
each_method = pytest.mark.parametrize("method", LIGHT, ids=lambda kind: kind.__name__)


def change(method, text, seed=0):
    return method.rewrite([text], [Random(seed)])[0]


def test_the_catalogue_names_every_method():
    listed = {where.rsplit(":")[-1] for where in AUGMENTERS.values()}

    assert listed == {kind.__name__ for kind in LIGHT} | {"Surround", "Mask", "BackTranslation"}


@each_method
@pytest.mark.parametrize("text", ODD)
def test_odd_texts_survive(method, text):
    assert isinstance(change(method(), text), str)


@each_method
@pytest.mark.parametrize("text", ["服务缺乏亮点", "这个难以接受", "房间缺少热水"])
def test_chinese_words_that_negate_stay_whole(method, text):
    negation = next(word for word in NEGATIONS["zh"] if len(word) > 1 and word in text)

    assert all(negation in change(method(share=0.9), text, seed) for seed in range(30))


@each_method
def test_the_same_draw_gives_the_same_text_whatever_stands_beside_it(method):
    alone = change(method(), CHINESE, 7)

    assert method().rewrite([ENGLISH, CHINESE], [Random(1), Random(7)])[1] == alone


@each_method
@pytest.mark.parametrize(("text", "language"), [(ENGLISH, "en"), (CHINESE, "zh")])
def test_negations_stay(method, text, language):
    strong = method(share=0.9)

    for seed in range(30):
        new = change(strong, text, seed).lower()
        for word in ("not", "wasn't", "never") if language == "en" else ("不", "没有"):
            assert new.count(word) >= text.lower().count(word)


@each_method
@pytest.mark.parametrize("share", [0, -0.1, 1.1])
def test_a_share_out_of_range_is_refused(method, share):
    with pytest.raises(ValueError, match="share is"):
        method(share=share)


@pytest.mark.parametrize(
    ("method", "text"),
    [
        (Synonym, ENGLISH),
        (Synonym, CHINESE),
        (Insert, ENGLISH),
        (Insert, CHINESE),
        (Swap, ENGLISH),
        (Swap, CHINESE),
        (Keyboard, ENGLISH),
        (Homophone, CHINESE),
        (Shape, CHINESE),
    ],
)
def test_each_method_changes_texts_of_its_language(method, text):
    assert any(change(method(share=0.3), text, seed) != text for seed in range(5))


@pytest.mark.parametrize(("method", "text"), [(Keyboard, CHINESE), (Homophone, ENGLISH), (Shape, ENGLISH)])
def test_texts_of_another_language_stay(method, text):
    assert change(method(share=0.9), text) == text


def test_synonyms_keep_case_and_what_stands_around_the_word():
    assert change(Synonym(), "It was AWFUL!") in {f"It was {w}!" for w in ("TERRIBLE", "HORRIBLE", "DREADFUL", "DIRE")}


def test_chinese_is_looked_up_as_the_longest_word(tmp_path):
    (tmp_path / "mine.csv").write_text("word,synonym\n满意,称心\n满意度,评分\n", "utf-8")
    mine = Synonym(dictionary=str(tmp_path / "mine.csv"), built_in=False)

    assert change(mine, "满意度很高") == "评分很高"


def test_a_dictionary_of_the_user_wins_over_the_built_in_list(tmp_path):
    (tmp_path / "mine.csv").write_text("word,synonym\nAwful,ghastly\n", "utf-8")

    assert change(Synonym(dictionary=str(tmp_path / "mine.csv")), "an awful film", 3) in (
        "an ghastly film",
        "an awful movie",
    )


def test_a_list_of_groups_is_read_and_groups_of_related_words_are_not(tmp_path):
    (tmp_path / "cilin.txt").write_text("Aa01A01= 人 士 人物\nAa01A02# 甲 乙\nAa01A03@ 丙\n", "utf-8")

    assert read_synonyms(tmp_path / "cilin.txt") == {"人": ("士", "人物"), "士": ("人", "人物"), "人物": ("人", "士")}


def test_a_dictionary_without_pairs_is_refused(tmp_path):
    (tmp_path / "mine.csv").write_text("word,synonym\nsame,same\n", "utf-8")

    with pytest.raises(DataError, match=r"no pair of words in it. Expected columns word and synonym"):
        read_synonyms(tmp_path / "mine.csv")


def test_words_of_the_built_in_lists_are_no_negations():
    negations = {word for words in NEGATIONS.values() for word in words}

    assert not negations & set(built_in_synonyms())
    assert len(built_in_synonyms()) > 600


LMF = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE LexicalResource SYSTEM "http://globalwordnet.github.io/schemas/WN-LMF-1.0.dtd">
<LexicalResource xmlns:dc="http://purl.org/dc/elements/1.1/">
  <Lexicon id="tiny" label="Tiny" language="en" email="a@b.c" license="CC0" version="1">
    <LexicalEntry id="tiny-parcel-n"><Lemma writtenForm="parcel" partOfSpeech="n"/>
      <Sense id="s1" synset="tiny-1-n"/></LexicalEntry>
    <LexicalEntry id="tiny-package-n"><Lemma writtenForm="package" partOfSpeech="n"/>
      <Sense id="s2" synset="tiny-1-n"/></LexicalEntry>
    <Synset id="tiny-1-n" ili="" partOfSpeech="n"/>
  </Lexicon>
</LexicalResource>
"""


@pytest.fixture
def wordnet(tmp_path, monkeypatch):
    wn = pytest.importorskip("wn")
    monkeypatch.setattr(wn.config, "data_directory", tmp_path / "wn")
    (tmp_path / "tiny.xml").write_text(LMF, "utf-8")
    wn.add(tmp_path / "tiny.xml", progress_handler=None)
    yield "tiny:1"
    for pool in (wn._db.pool,):
        for connection in pool.values():
            connection.close()
        pool.clear()


def test_a_wordnet_gives_synonyms(wordnet):
    assert change(Synonym(wordnet=wordnet, built_in=False), "The Parcel came late") == "The Package came late"


def test_an_unknown_wordnet_says_how_to_fetch_it(wordnet):
    with pytest.raises(InputError, match="python -m wn download nowhere:1"):
        Synonym(wordnet="nowhere:1")


def test_insert_adds_words_and_keeps_the_others_in_order():
    new = change(Insert(share=0.2), ENGLISH).split()
    rest = iter(new)

    assert len(new) > len(ENGLISH.split())
    assert all(word in rest for word in ENGLISH.split())


def test_nothing_is_put_between_a_negation_and_what_it_turns():
    for seed in range(30):
        assert "not good" in change(Insert(share=0.9), "not good, awful room, awful staff", seed)


def test_swap_keeps_every_word():
    for seed in range(10):
        assert sorted(change(Swap(), ENGLISH, seed)) == sorted(ENGLISH)


def test_delete_leaves_the_others_in_order_and_never_an_empty_text():
    for seed in range(20):
        rest = iter(ENGLISH)
        assert all(letter in rest for letter in change(Delete(share=0.5), ENGLISH, seed))
        assert change(Delete(share=1.0), "awful awful", seed)


def test_keys_have_their_neighbours():
    assert set(NEIGHBOURS["g"]) == set("fhtyvb")
    assert set(NEIGHBOURS) == set(string.ascii_lowercase)
    assert all(letter in NEIGHBOURS[other] for letter, near in NEIGHBOURS.items() for other in near)


def test_slips_keep_the_first_letter_and_about_the_length():
    for seed in range(50):
        new = change(Keyboard(), "Wonderful", seed)
        assert new[0] == "W"
        assert abs(len(new) - 9) <= 1
        assert new != "Wonderful"


def test_homophones_sound_alike():
    pypinyin = pytest.importorskip("pypinyin")

    for seed in range(10):
        new = change(Homophone(share=0.5), "今天心情特别糟糕", seed)
        pairs = list(zip("今天心情特别糟糕", new, strict=True))
        assert sum(old != other for old, other in pairs) >= 2
        assert all(pypinyin.pinyin(old) == pypinyin.pinyin(other) for old, other in pairs)


def test_common_characters_are_level_1_of_gb_2312():
    assert (len(common_characters()), common_characters()[0], common_characters()[-1]) == (3755, "啊", "座")


def test_look_alikes_are_each_others():
    table = look_alikes()

    assert table["己"] == "已巳"
    assert all(each in table[other] for each, others in table.items() for other in others)


def rows(*pairs):
    return [Example(Document(text), {"mood": label}) for text, label in pairs]


def test_new_rows_keep_labels_and_say_where_they_come_from():
    made = augment_examples(rows((ENGLISH, 0), (CHINESE, 2)), {"synonym": Synonym()}, weight=0.5)

    assert [each.targets["mood"] for each in made] == [0, 2]
    assert {each.source for each in made} == {"augmented"}
    assert [each.document.meta[ORIGINAL] for each in made] == [ENGLISH, CHINESE]
    assert [each.weight for each in made] == [0.5, 0.5]


def test_new_rows_depend_on_the_seed_and_not_on_the_order():
    data = rows((ENGLISH, 0), (CHINESE, 2), ("an awful film", 0))
    made = [
        {each.document.text for each in augment_examples(part, {"delete": Delete(0.3)}, seed=seed)}
        for part, seed in ((data, 1), (data[::-1], 1), (data, 2))
    ]

    assert made[0] == made[1] != made[2]


def test_texts_that_are_there_or_held_out_are_not_made():
    class Same:
        def rewrite(self, texts, draws):
            return ["Held out!" for _ in texts]

    data = rows((ENGLISH, 0), (CHINESE, 2))

    assert len(augment_examples(data, {"same": Same()}, copies=3)) == 1
    assert augment_examples(data, {"same": Same()}, avoid={"heldout"}) == []
    assert augment_examples([*data, *rows(("held out", 1))], {"same": Same()}) == []


def test_rows_that_are_augmented_are_not_written_anew():
    made = augment_examples(rows((ENGLISH, 0)), {"swap": Swap()})

    assert augment_examples(made, {"swap": Swap()}) == []


def test_a_strong_dispute_is_another_label_above_the_certainty():
    scores = [[0.85, 0.1, 0.05], [0.1, 0.75, 0.15], [float("nan")] * 3]
    multi = LabelSpace("moods", ("a", "b", "c"), "multi")
    score = LabelSpace("x", ("x",), "score", range=(0.0, 10.0))

    import numpy as np

    assert disputed(POLARITY_3, np.array(scores), [2, 2, 2], 0.8) == [True, False, False]
    assert disputed(multi, np.array(scores), [(0, 1), (2,), ()], 0.7) == [False, True, False]
    assert disputed(score, np.array([[9.0], [5.5]]), [3.0, 3.0], 0.8) == [True, False]


# ------------------------------------------------------------------------------------------------ surroundings


@pytest.mark.parametrize("text", [ENGLISH, CHINESE, "😀", "2024", "\ud800"])
def test_what_stands_around_a_text_leaves_it_whole(text):
    made = {change(Surround(), text, seed) for seed in range(200)}

    assert all(text in each and each != text for each in made)
    assert len(made) > 100


def test_surroundings_are_in_the_language_of_the_text():
    def around(text):
        return "".join(change(Surround(), text, seed).replace(text, "") for seed in range(300))

    assert "Subject" in around(ENGLISH)
    assert "评价" in around(CHINESE)
    assert not any("\u4e00" <= letter <= "\u9fff" for letter in around(ENGLISH))


@pytest.mark.parametrize("text", ["", "  "])
def test_nothing_is_put_around_nothing(text):
    assert change(Surround(), text) == text


def test_surroundings_take_no_side():
    words = [word for lists in WORDS.values() for each in lists.values() for word in each.replace("|", " ").split()]
    known = {word: valence for each in built_in_lexicon().words.values() for word, valence in each.items()}

    assert len(words) > 200
    assert not [word for word in words if known.get(word.lower())]
