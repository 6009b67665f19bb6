"""The suites that come with Sentimo: what is promised of their sentences."""

import importlib
import os
import re
import unicodedata
from collections import Counter
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from sentimo.core.labels import EKMAN_7, POLARITY_3
from sentimo.data.augment.surround import WORDS
from sentimo.evaluate.phenomena.expectations import Emotion, Polarity, Rising, Same
from sentimo.evaluate.phenomena.suite import BUILT_IN, built_in_suite, load_suite
from sentimo.evaluate.speed.texts import SENTENCES
from sentimo.text.language import language_of

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("SENTIMO_DATA", ROOT.parent / "shared" / "data"))

CHINESE = Tokenizer.from_file(str(ROOT / "src" / "sentimo" / "models" / "zh" / "tokenizer.json"))
FUNCTION_WORDS = frozenset(re.findall(r"\w+", "a an and at for i in is it me my of so that the they to up was we you"))

each_language = pytest.mark.parametrize("language", BUILT_IN)


def texts_of(language):
    return [text for case in built_in_suite(language).cases for text in case.texts]


def plain(text):
    """Return the text without width, case, blanks, and signs at its end."""
    return re.sub(r"\s+|[。.!?,，~]+$", "", unicodedata.normalize("NFKC", text).lower())


def runs(text, language, n):
    """Return all runs of n words or simplified Chinese characters, and the whole text; marks make no difference."""
    known = text if language == "en" else CHINESE.normalizer.normalize_str(text)
    folded = unicodedata.normalize("NFKC", known).lower().replace("\u2019", "'")
    joined = re.sub(r"\s+(?=n't\b|'(?:s|re|ve|ll|d|m)\b)", "", folded)  # "does n't", as some tokenisers have it
    units = re.findall(r"[a-z0-9']+" if language == "en" else r"\w", joined)
    return {tuple(units[at : at + n]) for at in range(len(units) - n + 1)} | {("whole", *units)}


@each_language
def test_there_are_enough_sentences_and_groups(language):
    cases = built_in_suite(language).cases
    sizes = Counter(case.group for case in cases)

    assert len(cases) >= 320
    assert len(sizes) >= 20
    assert min(sizes.values()) >= 12


@each_language
def test_no_sentence_occurs_twice(language):
    texts = texts_of(language)

    assert [text for text, n in Counter(texts).items() if n > 1] == []


@each_language
def test_sentences_are_of_their_language(language):
    elsewhere = [text for text in texts_of(language) if language_of(unicodedata.normalize("NFKC", text)) != language]

    assert elsewhere == []


@each_language
def test_polarities_are_balanced(language):
    cases = built_in_suite(language).cases
    counts = Counter(case.expect for case in cases if isinstance(case.expectation, Polarity))

    one = counts["positive"] + counts["negative"] + counts["neutral"]
    assert 0.33 < counts["positive"] / one < 0.42
    assert 0.33 < counts["negative"] / one < 0.42
    assert counts["neutral"] / one > 0.2


@each_language
def test_every_kind_of_expectation_is_there(language):
    cases = built_in_suite(language).cases
    kinds = Counter(type(case.expectation) for case in cases)
    rising = Counter(case.expectation.measure for case in cases if isinstance(case.expectation, Rising))
    emotions = Counter(case.expectation.labels[0] for case in cases if isinstance(case.expectation, Emotion))

    assert min(kinds[each] for each in (Polarity, Emotion, Rising, Same)) >= 10
    assert min(rising["positivity"], rising["intensity"]) >= 8
    assert set(emotions.values()) == {4}
    assert len(emotions) == 6


@each_language
def test_no_group_but_facts_and_names_can_be_won_with_one_polarity(language):
    by_group = {}
    for case in built_in_suite(language).cases:
        if isinstance(case.expectation, Polarity):
            by_group.setdefault(case.group, set()).add(case.expect)

    assert [group for group, expected in by_group.items() if len(expected) == 1] == ["facts", "names"]


def test_both_languages_have_the_same_groups_but_for_spelling():
    english, chinese = ({case.group for case in built_in_suite(each).cases} for each in ("en", "zh"))

    assert english ^ chinese == {"informal", "traditional"}


@each_language
def test_no_sentence_is_one_of_those_that_measure_speed(language):
    assert set(map(plain, texts_of(language))) & set(map(plain, SENTENCES[language])) == set()


def taught(language, name, monkeypatch):
    """Return the phrases of a list of the recipe that makes sentences of known side."""
    monkeypatch.syspath_prepend(ROOT / "recipes")
    found = getattr(importlib.import_module(f"graded_{language}_words"), name)
    separator = ", " if language == "en" else None
    return [each for part in (found.values() if isinstance(found, dict) else [found]) for each in part.split(separator)]


@pytest.mark.parametrize(
    "name", ["CLICHES", "GOOD_NEWS", "BAD_NEWS", "MISHAPS", "LUCK", "NUISANCES", "JOYS", "DOINGS", "SLANG"]
)
def test_no_english_turn_of_phrase_that_is_taught_stands_in_the_suite(name, monkeypatch):
    """However it is inflected, and whatever stands between its words."""

    def stems(text):
        words = set(re.findall(r"[a-z]+", text.lower())) - FUNCTION_WORDS
        return {re.sub(r"(ed|ing|es|s|e)$", "", each) for each in words}

    judged = [stems(text) for text in texts_of("en")]
    phrases = taught("en", name, monkeypatch)

    assert len(phrases) > 5
    assert [each for each in phrases if any(stems(each) <= sentence for sentence in judged)] == []


@pytest.mark.parametrize("name", ["EVENT_FRAMES", "TREAT_FRAMES"])
def test_no_english_frame_of_irony_that_is_taught_is_one_of_the_suite(name, monkeypatch):
    """Word for word, where it has three words or more beside its place."""
    monkeypatch.syspath_prepend(ROOT / "recipes")
    frames = [
        re.findall(r"[a-z]+", part.lower())
        for frame in getattr(importlib.import_module("graded_en_words"), name)
        for part in frame.split("{e}")
    ]
    judged = [f" {' '.join(re.findall(r'[a-z]+', text.lower()))} " for text in texts_of("en")]

    assert len(frames) > 20
    assert [each for each in frames if len(each) > 2 and any(f" {' '.join(each)} " in text for text in judged)] == []


@pytest.mark.parametrize("name", ["CLICHES", "MISHAPS", "LUCK", "NUISANCES", "JOYS", "DOINGS", "SLANG"])
def test_no_chinese_turn_of_phrase_that_is_taught_stands_in_the_suite(name, monkeypatch):
    phrases = taught("zh", name, monkeypatch)

    assert len(phrases) > 5
    assert [each for each in phrases if any(each in text for text in texts_of("zh"))] == []


def test_no_chinese_frame_of_irony_that_is_taught_is_one_of_the_suite(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "recipes")
    frames = importlib.import_module("graded_zh_words").EVENT_FRAMES
    parts = [part.strip("，。！？") for frame in frames for part in frame.split("{e}")]

    assert len(frames) > 20
    assert [each for each in parts if len(each) > 2 and any(each in text for text in texts_of("zh"))] == []


@each_language
def test_what_stands_around_a_sentence_is_not_what_augmentation_puts_there(language):
    """Words before a colon, senders, and the marks of its frames."""
    words = WORDS[language]
    listed = "|".join(re.escape(word) for kind in ("name", "role", "heading") for word in words[kind].split())
    taught = re.compile(
        rf"(?i)\b(?:{listed})[\w ]{{0,2}}[:：]|(?:{words['sender']})|[“「\"]|^\W?\d+[.、] |\[\d\d:|RT @|回复@"
    )
    texts = [text for case in built_in_suite(language).cases if case.group == "surroundings" for text in case.texts]

    assert [text for text in texts if taught.search(text)] == []


@each_language
def test_no_sentence_of_the_suite_is_made_for_training(language, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "recipes")
    graded, module = importlib.import_module("graded"), importlib.import_module(f"graded_{language}")
    first, drawn = texts_of(language)[0], []
    made = iter([first.upper(), "never seen before", "nor this"])
    monkeypatch.setattr(
        module, "_dressed", lambda draw, each: drawn.append(each) or graded.Graded(next(made), "x", 0.5)
    )

    assert [each.text for each in module.graded_sentences(2, seed=1)] == ["never seen before", "nor this"]
    assert len(drawn) == 3


@each_language
def test_no_sentence_written_or_made_for_training_shares_a_long_run_with_the_suite(language, monkeypatch):
    """Of six words, or of eight Chinese characters."""
    monkeypatch.syspath_prepend(ROOT / "recipes")
    n = 6 if language == "en" else 8
    judged = {run for text in texts_of(language) for run in runs(text, language, n)}
    written = importlib.import_module("written").written_sentences(language)
    made = list(importlib.import_module(f"graded_{language}").graded_sentences(5_000, seed=13))
    parts = (*written, made)

    assert [len(part) > 500 for part in parts] == [True, True, True]
    assert [each.text for part in parts for each in part if runs(each.text, language, n) & judged] == []


@each_language
def test_sentences_that_were_written_for_training_have_labels_of_their_tasks(language, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "recipes")
    rows = [row for part in importlib.import_module("written").written_sentences(language) for row in part]

    assert {row.polarity for row in rows} == set(POLARITY_3.labels)
    assert {row.emotion for row in rows} == {"", *EKMAN_7.labels}
    assert [text for text, n in Counter(plain(row.text) for row in rows).items() if n > 1] == []


@pytest.mark.slow
@pytest.mark.skipif(not DATA.is_dir(), reason=f"no data in {DATA}; SENTIMO_DATA names another folder")
@each_language
def test_no_sentence_stands_in_a_data_set(language):
    import pyarrow.parquet as pq
    import pyarrow.types as kinds

    ours, found, n = set(map(plain, texts_of(language))), [], 0
    for path in sorted((DATA / language).rglob("*.parquet")):
        table = pq.read_table(path)
        for name in (
            each.name for each in table.schema if kinds.is_string(each.type) or kinds.is_large_string(each.type)
        ):
            texts = [text for text in table[name].to_pylist() if text]
            found += [f"{path}: {text}" for text in texts if plain(text) in ours]
            n += len(texts)

    assert n > 100_000
    assert found == []


@pytest.mark.slow
@pytest.mark.skipif(not DATA.is_dir(), reason=f"no data in {DATA}; SENTIMO_DATA names another folder")
@each_language
def test_no_sentence_that_was_written_for_training_takes_from_a_held_out_text(language, monkeypatch):
    """Not eight words in a row, not twenty Chinese characters (proverbs have up to sixteen)."""
    import pyarrow.parquet as pq

    monkeypatch.syspath_prepend(ROOT / "recipes")
    n = 8 if language == "en" else 20
    rows = [row.text for part in importlib.import_module("written").written_sentences(language) for row in part]
    ours = {run: text for text in rows for run in runs(text, language, n) if run[0] != "whole"}
    held = [path for part in ("dev", "test") for path in (DATA / language).rglob(f"{part}.parquet")]
    texts = {text for path in held for text in pq.read_table(path, columns=["text"])["text"].to_pylist() if text}

    assert len(texts) > 10_000
    assert [(ours[run], text) for text in texts for run in runs(text, language, n) & ours.keys()] == []


@each_language
def test_every_group_is_documented(language):
    page = (ROOT / "docs" / "phenomena.md").read_text("utf-8")
    described = set(re.findall(r"^\| `([\w-]+)`(?: \(\w+\))? \|", page.split("## What the figures")[0], re.M))

    assert described >= {case.group for case in built_in_suite(language).cases}


def test_the_suite_on_the_page_can_be_read(tmp_path):
    page = (ROOT / "docs" / "phenomena.md").read_text("utf-8")
    path = tmp_path / "page.csv"
    path.write_text(re.search(r"```csv\n(.*?)```", page, re.S)[1], "utf-8")

    assert [len(case.texts) for case in load_suite(path).cases] == [1, 1, 1, 1, 2, 2]
