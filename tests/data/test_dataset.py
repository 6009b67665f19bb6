import json

import pytest

from sentimo.core.labels import EKMAN_7, MAPPINGS, POLARITY_3
from sentimo.data.dataset import Skipped, load_dataset
from sentimo.data.reading import Reading
from sentimo.errors import DataError, UnknownLabelError


@pytest.fixture
def file(tmp_path):
    def write(name, *lines):
        path = tmp_path / name
        path.write_text("\n".join((*lines, "")), encoding="utf-8")
        return path

    return write


def load(*paths, space=None, **reading):
    return load_dataset(list(paths), Reading("text", "label", **reading), task="mood", space=space)


def pairs(dataset):
    return [(each.document.text, each.targets["mood"]) for each in dataset.examples]


def test_rows_become_examples_with_targets_in_the_order_of_the_files(file):
    one = file("a.csv", "text,label", "好茶,positive", "cold tea,negative")
    two = file("b.tsv", "label\ttext", "neutral\tit is tea")

    dataset = load(one, two)

    assert pairs(dataset) == [("好茶", 2), ("cold tea", 0), ("it is tea", 1)]
    assert dataset.space.name == "polarity-3"
    assert dataset.skipped == []


def test_several_files_are_one_data_set_when_ids_are_counted(file):
    # 1..3 only together: the first file alone could be 0-based.
    one, two = file("a.csv", "text,label", "a,1", "b,2"), file("b.csv", "text,label", "c,3")

    assert pairs(load(one, two, space=POLARITY_3)) == [("a", 0), ("b", 1), ("c", 2)]


def test_rows_that_cannot_be_used_are_listed_with_number_and_reason(file):
    path = file("a.csv", "text,label", "good,positive", ",positive", "alone", "bad,", "bad,negative")

    dataset = load(path)

    assert pairs(dataset) == [("good", 1), ("bad", 0)]
    assert sorted(dataset.skipped, key=lambda each: each.number) == [
        Skipped(str(path), 2, "no text"),
        Skipped(str(path), 3, "1 cells, the header has 2 (line 4)"),
        Skipped(str(path), 4, "no label"),
    ]


def test_an_unknown_label_ends_the_reading_and_names_the_way_out(file):
    path = file("a.csv", "text,label", "good,positve")

    with pytest.raises(
        UnknownLabelError, match=r"a\.csv, row 1: label 'positve'.*Did you mean 'positive'\? Use --on-unknown skip"
    ):
        load(path, space=POLARITY_3)


def test_unknown_labels_can_be_skipped(file):
    dataset = load(file("a.csv", "text,label", "good,positive", "odd,strange"), space=POLARITY_3, on_unknown="skip")

    assert pairs(dataset) == [("good", 2)]
    assert "label 'strange' is not in label space" in dataset.skipped[0].reason


def test_a_score_that_does_not_fit_names_the_way_out(file):
    path = file("a.csv", "text,label", "good,0.5", "bad,worse", "so,0.1")

    with pytest.raises(DataError, match=r"row 2: 'worse' is not a number.*--on-unknown skip"):
        load(path, kind="score")


def test_texts_that_are_numbers_are_read_as_texts(file):
    path = file("a.jsonl", *(json.dumps(row) for row in ({"text": 42, "label": "a"}, {"text": "x", "label": "b"})))

    assert pairs(load(path)) == [("42", 0), ("x", 1)]


def test_a_mapping_leads_to_its_space(file):
    rows = [{"text": "thanks", "label": ["gratitude"]}, {"text": "both", "label": ["joy", "fear"]}]
    path = file("a.jsonl", *map(json.dumps, rows))

    dataset = load(path, space=EKMAN_7, mapping=MAPPINGS["goemotions-28 -> ekman-7"])

    assert pairs(dataset) == [("thanks", EKMAN_7.id_of("joy"))]
    assert [each.reason for each in dataset.skipped] == ["its labels fall into several of the mapped ones"]


def test_a_missing_column_is_told_with_its_file(file):
    one, two = file("a.csv", "text,label", "a,b"), file("b.csv", "text,lable", "a,b")

    with pytest.raises(DataError, match=r"b\.csv: no column 'label'.*Did you mean 'lable'"):
        load(one, two)


def test_several_labels_in_a_cell_are_cut_at_the_separator(file):
    dataset = load(file("a.csv", "text,label", "a,joy|fear", "b,joy"), separator="|")

    assert dataset.space.labels == ("fear", "joy")
    assert pairs(dataset) == [("a", (0, 1)), ("b", (1,))]
