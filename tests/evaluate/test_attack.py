"""Attacks find the words a model leans on, change them in ways that are told, and count what is left."""

from __future__ import annotations

import json
from random import Random
from types import SimpleNamespace

import numpy as np
import pytest

from sentimo.core.documents import Document, Example
from sentimo.core.labels import LabelSpace
from sentimo.core.predictions import TaskScores
from sentimo.errors import InputError
from sentimo.evaluate.attack import CHANGES
from sentimo.evaluate.attack.drops import drops
from sentimo.evaluate.attack.homophones import HOMOPHONES, homophones
from sentimo.evaluate.attack.pieces import changed, is_han, pieces, places
from sentimo.evaluate.attack.search import attack, parse_changes
from sentimo.evaluate.attack.swaps import swaps
from sentimo.evaluate.attack.typos import typos

MOODS = LabelSpace("moods", ("bad", "good"))
EMOTIONS = LabelSpace("emotions", ("anger", "joy"), "multi")


class Words:
    """Finds good what holds one of its words, the surer the more of them there are."""

    def __init__(self, *words, space=MOODS):
        self.words, self.space, self.asked = words, space, 0

    def predict(self, texts):
        self.asked += len(texts)
        found = [sum(text.count(word) for word in self.words) for text in texts]
        good = np.array([0.2 if not n else 1 - 0.4 / (n + 1) for n in found])
        good[[not text.strip() for text in texts]] = np.nan
        scores = np.column_stack([1 - good, good]).astype(np.float32)
        return SimpleNamespace(tasks={"mood": TaskScores(self.space, scores, None)})


def rows(*pairs):
    return [Example(Document(text), {"mood": target}) for text, target in pairs]


def variants(change, text):
    parts = pieces(text)
    ways = [way for place in places(parts) for way in change(parts, place, Random(1))]
    return ["".join(changed(parts, way)) for way in ways]


@pytest.mark.parametrize(
    "text", ["", "...", "It isn't bad, 真的不错!! 3 stars", "好", " a  b ", "naïve café", "日本語テキスト"]
)
def test_pieces_give_the_text_again_and_words_stand_at_odd_places(text):
    parts = pieces(text)

    assert "".join(parts) == text
    assert all(parts[place].isalpha() or "'" in parts[place] for place in places(parts))


def test_a_word_with_an_apostrophe_is_one_piece_and_a_chinese_character_is_one():
    parts = pieces("It isn't 不错")

    assert [parts[place] for place in places(parts)] == ["It", "isn't", "不", "错"]


def test_typos_keep_the_first_letter_and_leave_short_words_and_chinese_alone():
    assert variants(typos, "it 不错") == []
    found = variants(typos, "Good")
    assert len(found) == 3
    assert all(each[0] == "G" and each != "Good" and len(each) in (3, 4, 5) for each in found)


def test_swaps_exchange_inner_letters_or_neighbouring_characters():
    assert variants(swaps, "good") == []  # its inner letters are the same
    assert variants(swaps, "nice") == ["ncie"]
    assert variants(swaps, "很好，吃") == ["好很，吃"]


def test_drops_take_a_space_along():
    assert variants(drops, "a fine day") == ["fine day".rjust(9), "a day", "a fine"]
    assert variants(drops, "不错") == ["错", "不"]


def test_homophones_sound_alike_and_are_never_the_character_itself():
    assert variants(homophones, "nice") == []
    assert set(variants(homophones, "很")) == {"狠", "恨"}
    assert all(character not in others for character, others in HOMOPHONES.items())
    assert all(is_han(each) for others in HOMOPHONES.values() for each in others)


def test_all_homophones_share_a_syllable():
    pinyin = pytest.importorskip("pypinyin", reason="the readings of Chinese characters come from pypinyin")

    def readings(character):
        return set(pinyin.pinyin(character, heteronym=True, style=pinyin.Style.NORMAL)[0])

    wrong = [(one, each) for one, others in HOMOPHONES.items() for each in others if not readings(one) & readings(each)]
    assert wrong == []


def test_an_attack_changes_the_word_that_matters_and_counts_what_is_left():
    data = rows(("a lovely day at sea", 1), ("lovely and lovely and lovely", 1), ("a grey day", 0), ("so odd", 1))

    found = attack(Words("lovely"), "mood", data, changes=["typos"], n_bootstrap=50)

    # The first loses its only word; of the three of the second one may go; the third has no word to lose; the last is
    # wrong as it is.
    assert (found.n, found.clean.value, found.robust.value, found.lost.value) == (4, 0.75, 0.5, 0.25)
    assert found.robust.low <= 0.5 <= found.robust.high
    (misled,) = found.examples
    assert misled.text == "a lovely day at sea"
    assert [one for one, other in zip(misled.text.split(), misled.changed.split(), strict=True) if one != other] == [
        "lovely"
    ]
    assert found.share_changed == pytest.approx(1 / 5)


def test_more_words_may_be_changed_if_told_so():
    data = rows(("lovely and lovely and lovely", 1))

    assert attack(Words("lovely"), "mood", data, changes=["swaps"], most_changed=0.2).robust.value == 1.0
    assert attack(Words("lovely"), "mood", data, changes=["swaps"], most_changed=0.6).robust.value == 0.0


def test_chinese_is_attacked_by_sound():
    found = attack(Words("好"), "mood", rows(("这个很好", 1)), changes=["homophones"])

    assert found.robust.value == 0.0
    assert found.examples[0].changed[-1] in HOMOPHONES["好"]


def test_several_labels_are_right_or_wrong_together():
    found = attack(Words("lovely", space=EMOTIONS), "mood", rows(("a lovely day", (1,)), ("grey", (0,))), n_bootstrap=0)

    assert (found.clean.value, found.robust.value) == (1.0, 0.5)


def test_a_text_is_never_emptied():
    found = attack(Words("lovely"), "mood", rows(("lovely", 1), ("...", 0), ("", 0)), changes=["drops"])

    assert found.lost.value == 0.0


def test_the_seed_fixes_the_attack():
    data = rows(*[(f"a lovely day number {word}", 1) for word in ("one", "two", "three", "four")])

    first, again, other = (
        attack(Words("lovely"), "mood", data, most_rows=2, seed=seed).to_dict() for seed in (1, 1, 5)
    )

    assert first == again
    assert first != other
    assert first["n"] == 2
    json.dumps(first)


def test_names_are_read_and_a_wrong_one_is_refused():
    assert parse_changes("all") == tuple(CHANGES)
    assert parse_changes("swaps, typos") == ("swaps", "typos")
    with pytest.raises(InputError, match="attack 'typo' is not known.*Did you mean 'typos'"):
        parse_changes("typo")


def test_what_cannot_be_attacked_is_refused():
    score = LabelSpace("shade", ("dark", "light"), "multi")
    with pytest.raises(InputError, match="share of words to change is 0"):
        attack(Words(space=score), "mood", rows(("a", 1)), most_changed=0)
    with pytest.raises(InputError, match="no row has a target for task 'other'"):
        attack(Words(), "other", rows(("a", 1)))
