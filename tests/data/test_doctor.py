import json

import pytest

from sentimo.core.labels import INTENSITY, POLARITY_2, POLARITY_3
from sentimo.data.doctor import examine
from sentimo.data.reading import Reading
from sentimo.errors import DataError

GOOD = [
    "What a lovely bag, my sister wants one now",
    "Fast delivery and a friendly driver",
    "The soup was hot and full of flavour",
    "Best concert I have been to in years",
    "Our room looked out over the sea",
    "He fixed my laptop within an hour",
    "Soft cotton, true to size, washes well",
    "The kids laughed from start to finish",
    "Battery easily lasts two full days",
    "Great value, I would buy it again",
    "Staff remembered our names at breakfast",
    "A clever plot with an ending I did not see coming",
]
BAD = [
    "The zip broke on the second day",
    "Nobody answers the phone there",
    "Cold fries and a very rude waiter",
    "Two weeks late and the box was torn",
    "Walls so thin we heard every word",
    "Screen flickers, support does not care",
    "It shrank to half its size in warm water",
    "Boring from the first page onwards",
    "Charged me twice and refuses a refund",
    "Smells of glue, went straight into the bin",
    "The app crashes whenever I open a photo",
    "Never again, what a waste of an evening",
]
CLEAN = [(text, "positive") for text in GOOD] + [(text, "negative") for text in BAD]


def write(path, rows):
    """Write (text, label) rows, or raw lines, as JSON Lines: labels keep their types, texts any character."""
    lines = [row if isinstance(row, str) else json.dumps({"text": row[0], "label": row[1]}) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return [path]


@pytest.fixture
def examined(tmp_path):
    def run(train, dev=None, test=None, **options):
        splits = {"train": train, "dev": dev, "test": test}
        paths = {name: write(tmp_path / f"{name}.jsonl", rows) for name, rows in splits.items() if rows is not None}
        cells = {name: options.pop(name) for name in ("kind", "mapping", "on_unknown") if name in options}
        return examine(paths, Reading("text", "label", **cells), **options)

    return run


def found(diagnosis, code):
    """Return the only finding of a code."""
    (finding,) = [each for each in diagnosis.findings if each.code == code]
    return finding


def codes(diagnosis):
    return [(each.level, each.code) for each in diagnosis.findings]


def test_a_clean_file_has_no_findings(examined):
    diagnosis = examined(CLEAN)

    assert diagnosis.findings == ()
    assert diagnosis.ok


def test_a_clean_file_is_described(examined):
    diagnosis = examined(CLEAN, dev=[("It was fine, I suppose", "positive")])

    assert (diagnosis.rows, diagnosis.usable) == ({"train": 24, "dev": 1}, {"train": 24, "dev": 1})
    assert (diagnosis.kind, diagnosis.space, diagnosis.imbalance) == ("single", "polarity-2", 1.0)
    assert diagnosis.languages == {"en": 25}
    assert [(row.label, row.rows, row.share) for row in diagnosis.labels] == [
        ("negative", {"train": 12, "dev": 0}, {"train": 0.5, "dev": 0.0}),
        ("positive", {"train": 12, "dev": 1}, {"train": 0.5, "dev": 1.0}),
    ]


def test_every_finding_says_what_to_do_in_one_line(examined):
    diagnosis = examined([*CLEAN, ("", "positive"), ("No label", None), ("na\ufffdve <br> fun", "postive"), "oops"])

    assert len(diagnosis.findings) >= 5
    assert all(each.mend and "\n" not in each.mend + each.message for each in diagnosis.findings)


def test_findings_come_errors_first(examined):
    levels = [level for level, _ in codes(examined([*CLEAN, ("", "positive"), ("<br>", "x")], space=POLARITY_2))]

    assert levels == sorted(levels, key=["error", "warning", "note"].index)
    assert levels[0] == "error"


def test_to_dict_is_plain_json(examined):
    diagnosis = examined([*CLEAN, ("half \ud83d emoji", "p\ud83d")])

    written = json.dumps(diagnosis.to_dict(), ensure_ascii=False, allow_nan=False).encode()

    assert json.loads(written)["ok"] is True


# Rows


def test_unreadable_rows_are_told_with_their_reason(examined):
    finding = found(examined([*CLEAN, "{not json"]), "unreadable-rows")

    assert (finding.level, finding.message) == ("warning", "1 row that cannot be read")
    assert finding.examples[0].startswith("train.jsonl, row 25: not JSON")


@pytest.mark.parametrize("text", ["", "   ", None])
def test_rows_without_a_text_are_told(examined, text):
    diagnosis = examined([*CLEAN, (text, "positive")])

    assert codes(diagnosis) == [("warning", "empty-text")]
    assert found(diagnosis, "empty-text").examples == ("train.jsonl, row 25",)


def test_a_split_without_usable_rows_is_an_error(examined):
    assert codes(examined(CLEAN, dev=[("", "positive")])) == [("error", "no-rows"), ("warning", "empty-text")]


def test_an_empty_file_is_an_error_and_not_a_crash(tmp_path):
    (tmp_path / "a.csv").write_text("text,label\n", encoding="utf-8")

    diagnosis = examine({"train": [tmp_path / "a.csv"]}, Reading("text", "label"))

    assert codes(diagnosis) == [("error", "no-rows")]
    assert diagnosis.lengths is None


def test_too_few_rows_to_split_are_an_error(examined):
    assert ("error", "too-few-rows") in codes(examined(CLEAN[:1] + CLEAN[-1:]))


def test_few_rows_are_enough_with_files_held_out(examined):
    diagnosis = examined(CLEAN[:1] + CLEAN[-1:], dev=CLEAN[1:2], test=CLEAN[2:3])

    assert diagnosis.ok


def test_a_file_that_breaks_off_is_an_error_about_the_place(tmp_path, monkeypatch):
    monkeypatch.setattr("sentimo.data.readers.csv._MOST_CHARACTERS", 1000)  # instead of a cell of 64 MB
    rows = [f'"{text}",{label}' for text, label in CLEAN]
    (tmp_path / "a.csv").write_text("\n".join(["text,label", *rows, '"' + "x" * 1001]), encoding="utf-8")

    diagnosis = examine({"train": [tmp_path / "a.csv"]}, Reading("text", "label"))

    assert "a quote opened and never closed" in found(diagnosis, "broken-file").message
    assert diagnosis.usable == {"train": 24}


def test_a_missing_column_is_refused_with_the_nearest_one(tmp_path):
    with pytest.raises(DataError, match=r"no column 'labels'.*Did you mean 'label'"):
        examine({"train": write(tmp_path / "a.jsonl", CLEAN)}, Reading("text", "labels"))


def test_files_of_one_name_are_told_apart_by_their_folder(tmp_path):
    (tmp_path / "more").mkdir()
    paths = [*write(tmp_path / "a.jsonl", CLEAN), *write(tmp_path / "more" / "a.jsonl", [(" ", "positive")])]

    finding = found(examine({"train": paths}, Reading("text", "label")), "empty-text")

    assert finding.examples == (f"{tmp_path / 'more' / 'a.jsonl'}, row 1",)


# Labels


@pytest.mark.parametrize("cell", [None, "", " "])
def test_rows_without_a_label_are_told(examined, cell):
    diagnosis = examined([*CLEAN, ("Hard to say", cell)])

    assert codes(diagnosis) == [("warning", "no-label")]
    assert diagnosis.usable == {"train": 24}


def test_an_unknown_label_comes_with_the_nearest_known_one(examined):
    diagnosis = examined([*CLEAN, ("I like it", "postive")], space=POLARITY_2)

    finding = found(diagnosis, "unknown-label")
    assert "'postive' (1 row, nearest 'positive')" in finding.message
    assert finding.examples == ("train.jsonl, row 25: I like it",)
    assert not diagnosis.ok


def test_a_label_that_only_dev_has_is_an_error(examined):
    diagnosis = examined(CLEAN, dev=[("Hm, no idea", "neutral")])

    message = found(diagnosis, "unknown-label").message
    assert message.startswith("1 row with a label that train (negative, positive) does not have: 'neutral'")


def test_a_label_that_looks_mistyped_is_told(examined):
    finding = found(examined([*CLEAN, ("I like it", "postive")]), "label-typo")

    assert finding.message == "labels that look mistyped: 'postive' (1 row) beside 'positive' (12 rows)"


@pytest.mark.parametrize("other", ["Positive", "POSITIVE", "ｐositive"])
def test_labels_that_differ_only_in_case_or_width_are_told(examined, other):
    finding = found(examined([*CLEAN, ("I like it", other)]), "label-spelling")

    assert finding.level == "warning"
    assert "'positive' (12 rows)" in finding.message
    assert f"{other!r} (1 row)" in finding.message


def test_labels_in_other_case_fit_a_given_space(examined):
    assert examined([*CLEAN, ("I like it", "Positive")], space=POLARITY_2).findings == ()


def test_one_label_only_is_an_error(examined):
    assert codes(examined(CLEAN[:12])) == [("error", "one-label")]


def test_one_label_only_of_a_given_space_is_an_error(examined):
    assert ("error", "one-label") in codes(examined(CLEAN[:12], space=POLARITY_2))


def test_an_empty_label_column_is_an_error(examined):
    assert codes(examined([(text, None) for text, _ in CLEAN])) == [("error", "no-labels")]


def test_a_label_with_few_rows_is_told(examined):
    diagnosis = examined([*CLEAN, ("Neither here nor there", "neutral"), ("Arrived on Tuesday", "neutral")])

    assert found(diagnosis, "rare-label").message == "labels with fewer than 5 rows: 'neutral' (2 rows)"
    assert diagnosis.ok


def test_a_label_of_a_given_space_without_rows_is_told(examined):
    assert codes(examined(CLEAN, space=POLARITY_3)) == [("warning", "absent-label")]


def test_an_imbalance_above_ten_to_one_is_told_with_a_remedy(examined):
    rows = [(f"{number} {text}", "positive") for number in range(5) for text in GOOD] + CLEAN[12:17]
    # 60 positive rows for 5 negative ones
    finding = found(examined(rows), "imbalance")

    assert finding.message.startswith("12 rows of 'positive' for one of 'negative'")
    assert "`imbalance: sampling`" in finding.mend


def test_an_imbalance_of_ten_to_one_is_accepted(examined):
    rows = [(f"{number} {text}", "positive") for number in range(5) for text in GOOD][:50] + CLEAN[12:17]

    assert "imbalance" not in [code for _, code in codes(examined(rows))]


def test_several_labels_in_a_single_label_task_are_an_error(examined):
    rows = [*CLEAN, ("Good and bad", ["positive", "negative"])]

    finding = found(examined(rows, kind="single"), "several-labels")

    assert (finding.level, finding.message) == ("error", "1 row with several labels in a task that takes one")


def test_lists_of_labels_are_counted_one_by_one(examined):
    rows = [(text, [label, "review"]) for text, label in CLEAN]

    diagnosis = examined(rows)

    assert diagnosis.kind == "multi"
    assert {row.label: row.rows["train"] for row in diagnosis.labels} == {"negative": 12, "positive": 12, "review": 24}


def test_labels_that_a_mapping_leaves_out_are_a_note(examined):
    diagnosis = examined([*CLEAN, ("Wow", "surprise")], mapping={"positive": "good", "negative": "bad"})

    assert codes(diagnosis) == [("note", "unmapped-label")]
    assert [row.label for row in diagnosis.labels] == ["bad", "good"]


# Numbers as labels


@pytest.mark.parametrize(("first", "base"), [(0, "0-based"), (1, "1-based")])
def test_numbers_as_labels_say_from_where_they_count(examined, first, base):
    rows = [(text, first + (label == "positive")) for text, label in CLEAN]

    finding = found(examined(rows), "number-labels")

    assert finding.message == f"labels are the numbers {first}, {first + 1}, {base}; stored as ids 0 to 1"


@pytest.mark.parametrize("first", [0, 1])
def test_numbers_for_a_given_space_say_what_they_stand_for(examined, first):
    rows = [(text, str(first + (label == "positive"))) for text, label in CLEAN]

    diagnosis = examined(rows, space=POLARITY_2)

    message = found(diagnosis, "number-labels").message
    assert message.endswith(f"{first}-based ids of 'polarity-2': {first} is 'negative', {first + 1} is 'positive'")
    assert diagnosis.labels[1].rows == {"train": 12}


def test_splits_whose_numbers_count_from_different_places_are_told(examined):
    train = [(text, 1 + (label == "positive")) for text, label in CLEAN]

    diagnosis = examined(train, dev=[("It was fine", 1), ("So bad", 0)], space=POLARITY_2)

    assert "from 1 in train, from 0 in dev" in found(diagnosis, "ids-disagree").message


def test_files_on_different_scales_are_told(tmp_path):
    texts = [f"{word} {noun}" for word in ("lovely", "awful", "so so") for noun in ("bag", "soup", "room", "phone")]
    paths = [
        *write(tmp_path / "a.jsonl", [(text, 1 + at % 5) for at, text in enumerate(texts)]),
        *write(tmp_path / "b.jsonl", [(f"{text} again", at % 5) for at, text in enumerate(texts)]),
    ]

    finding = found(examine({"train": paths}, Reading("text", "label")), "scales-disagree")

    assert finding.message == "the labels run from 1 to 5 in a.jsonl, 0 to 4 in b.jsonl"


def test_joined_labels_and_missing_values_are_told(examined):
    words = ("joy", "fear", "love", "anger")
    rows = [(f"text {a} {b}", f"{a}|{b}") for a in words for b in words if a != b]

    diagnosis = examined([*rows, ("odd", "NaN"), *((f"single {word}", word) for word in words)])

    assert "--separator '|' reads them as 5 labels" in found(diagnosis, "joined-labels").mend
    assert "'NaN' (1 row)" in found(diagnosis, "missing-value").message


def test_an_ambiguous_id_is_not_taken_for_several_labels(examined):
    rows = [(text, 1 + at % 2) for at, (text, _) in enumerate(CLEAN)]

    finding = found(examined(rows, space=POLARITY_3), "ambiguous-id")

    assert "may count the labels from 0 or from 1" in finding.message


def test_a_word_among_numbers_is_told(examined):
    rows = [(text, str(at / 10)) for at, (text, _) in enumerate(CLEAN)] + [("Hard to say", "n/a"), ("No idea", "n/a")]

    finding = found(examined(rows), "mixed-numbers")

    assert finding.message == "the labels are numbers, but for 'n/a' (2 rows)"


# Scores


def scored(values):
    return [(text, value) for (text, _), value in zip(CLEAN, values, strict=True)]


def test_scores_say_their_range(examined):
    diagnosis = examined(scored([at / 23 for at in range(24)]), dev=[("It was fine", 0.5)])

    assert codes(diagnosis) == [("note", "score")]
    assert found(diagnosis, "score").message == "scores from 0 to 1, read in the range 0 to 1"
    assert diagnosis.imbalance is None
    # 23 steps of 1/23: 0..4 lie below 0.2, 5..9 below 0.4, 10..13 below 0.6, 14..18 below 0.8, 19..23 to 1
    assert [row.rows["train"] for row in diagnosis.labels] == [5, 5, 4, 5, 5]
    assert [row.label for row in diagnosis.labels][::4] == ["0 to 0.2", "0.8 to 1"]


def test_a_score_that_is_no_number_is_an_error(examined):
    rows = [*scored([at / 23 for at in range(24)]), ("Hard to say", "high")]

    finding = found(examined(rows, kind="score"), "not-a-number")

    assert finding.message == "1 score that cannot be read as a number"
    assert finding.examples == ("train.jsonl, row 25: high | Hard to say",)


def test_a_score_out_of_the_range_of_train_is_an_error(examined):
    diagnosis = examined(scored([at / 23 for at in range(24)]), dev=[("Hard to say", 7.5)])

    assert not diagnosis.ok
    assert found(diagnosis, "out-of-range").examples == ("dev.jsonl, row 1: 7.5 | Hard to say",)


@pytest.mark.parametrize("options", [{}, {"kind": "score"}, {"space": INTENSITY}])
def test_a_constant_score_is_an_error(examined, options):
    diagnosis = examined(scored([0.5] * 24), **options)

    assert found(diagnosis, "one-label").level == "error"


# Copies


def test_duplicates_within_a_split_are_told(examined):
    diagnosis = examined([*CLEAN, (GOOD[0].upper() + "!", "positive")])

    finding = found(diagnosis, "duplicates")
    assert codes(diagnosis) == [("warning", "duplicates")]
    assert finding.message == "1 row of train (4.0%) with the text of an earlier row"
    assert finding.examples[0].startswith("train.jsonl, rows 1 and 25: WHAT A LOVELY BAG")


def test_one_duplicate_among_many_rows_is_only_a_note(examined):
    rows = [(f"{at} {text}", label) for at in range(5) for text, label in CLEAN]

    assert ("note", "duplicates") in codes(examined([*rows, rows[0]]))  # 1 of 121 rows, below 1 %


def test_one_text_with_two_labels_is_told(examined):
    finding = found(examined([*CLEAN, (GOOD[1], "negative")]), "conflicting-labels")

    assert finding.level == "warning"
    assert finding.examples[0].startswith("train.jsonl, row 2 (positive) and train.jsonl, row 25 (negative): Fast")


def test_an_emoticon_makes_another_text(examined):
    rows = [*CLEAN, ("Well :)", "positive"), ("Well :(", "negative")]

    assert "conflicting-labels" not in [code for _, code in codes(examined(rows))]


def test_near_scores_of_one_text_do_not_conflict(examined):
    rows = scored([at / 23 for at in range(24)])

    assert "conflicting-labels" not in dict(map(reversed, codes(examined([*rows, (GOOD[0], 0.2)]))))
    assert "conflicting-labels" in dict(map(reversed, codes(examined([*rows, (GOOD[0], 0.9)]))))


def test_a_text_in_two_splits_leaks(examined):
    diagnosis = examined(CLEAN, dev=[CLEAN[0], ("Not my thing", "negative")], test=[(BAD[0].lower(), "negative")])

    finding = found(diagnosis, "leakage")
    assert (finding.level, finding.message) == (
        "warning",
        "texts stand in several splits: 1 row of dev (50.0%) in train, 1 row of test (100.0%) in train",
    )
    assert finding.examples[0].startswith("train.jsonl, row 1 and dev.jsonl, row 1: What a lovely")
    assert diagnosis.ok


def test_a_leak_of_all_training_texts_is_an_error(examined):
    assert found(examined(CLEAN, dev=CLEAN), "leakage").level == "error"


def test_near_duplicates_within_a_split_are_a_note(examined):
    diagnosis = examined([*CLEAN, (GOOD[0] + "adays", "positive")])

    finding = found(diagnosis, "near-duplicates")
    assert codes(diagnosis) == [("note", "near-duplicates")]
    assert finding.message == "2 texts of train with a near-copy in the same split"
    # without spaces and signs 33 letters have 29 5-grams, 5 more letters 34: 29 / 34 = 0.85
    assert finding.examples[0].startswith("train.jsonl, rows 1 and 25 (85% alike): What a lovely")
    assert len(finding.examples) == 1


def test_near_duplicates_across_splits_are_a_warning(examined):
    diagnosis = examined(CLEAN, test=[(GOOD[0] + "adays", "positive"), ("Not my thing", "negative")])

    finding = found(diagnosis, "near-leakage")
    assert codes(diagnosis) == [("warning", "near-leakage")]
    assert finding.message == "texts with a near-copy in another split: 1 text of test in train"
    assert finding.examples[0].startswith("train.jsonl, row 1 and test.jsonl, row 1 (85% alike)")


def test_copies_are_found_without_a_label_space(examined):
    diagnosis = examined([*CLEAN[:12], CLEAN[0]])

    assert codes(diagnosis) == [("error", "one-label"), ("warning", "duplicates")]


# Texts


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("A na\ufffdve film", "replacement-character"),
        ("A na\x00ve film", "nul"),
        ("Half an emoji \ud83d", "replacement-character"),
        ("The cafÃ© was closed", "mojibake"),
    ],
)
def test_encoding_faults_are_warnings(examined, text, code):
    diagnosis = examined([*CLEAN, (text, "negative")])

    assert codes(diagnosis) == [("warning", code)]
    assert found(diagnosis, code).examples[0].startswith("train.jsonl, row 25: ")


def test_left_over_markup_is_a_note(examined):
    assert codes(examined([*CLEAN, ("Nice<br/>but dear", "positive")])) == [("note", "markup")]


def test_texts_over_the_limit_are_a_note(examined):
    diagnosis = examined(CLEAN, max_tokens=9)

    # only the text about the plot has more than 9 words: 11
    finding = found(diagnosis, "long-texts")
    assert finding.message == "1 text (4.2%) over 9 tokens: cut in training, not in prediction"
    assert finding.examples[0].startswith("train.jsonl, row 12: A clever plot")


def test_a_token_counter_replaces_the_rough_count(examined):
    lengths = examined(CLEAN, lengths=lambda texts: [100] * (len(texts) - 1) + [200]).lengths

    # 1 of 24 texts is over 128
    assert (lengths.median, lengths.longest, lengths.exact) == (100, 200, True)
    assert lengths.over == pytest.approx(1 / 24)


def test_a_few_texts_in_another_language_are_a_note(examined):
    diagnosis = examined([*CLEAN, ("物流太慢了", "negative"), ("Не работает", "negative")])

    assert codes(diagnosis) == [("note", "language-mix"), ("note", "language-mix")]
    assert diagnosis.languages == {"en": 24, "zh": 1, "other": 1}


def test_two_languages_in_like_parts_are_no_finding(examined):
    chinese = ["物流太慢了", "质量很差，不推荐", "包装破了", "客服态度不好", "屏幕有坏点"]

    assert examined([*CLEAN, *((text, "negative") for text in chinese)]).findings == ()
