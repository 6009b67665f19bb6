import json

import pytest
import running

from sentimo.cli.augment import augment
from sentimo.errors import InputError

TEXTS = [f"The {thing} was {word}" for thing in ("film", "hotel", "staff", "房间") for word in ("awful", "excellent")]


@pytest.fixture
def reviews(tmp_path):
    path = tmp_path / "reviews.csv"
    lines = [f"{number},{text},{'bad' if 'awful' in text else 'good'}" for number, text in enumerate(TEXTS)]
    path.write_text("\n".join(["id,review,mood", *lines]) + "\n", "utf-8")
    return path


def invoke(*arguments):
    return running.invoke(augment, *arguments)


def options_of(path):
    return (path, "--text", "review", "--label", "mood", "-m", "synonym")


def test_new_rows_are_shown_beside_what_they_were_made_from(reviews):
    result = invoke(*options_of(reviews), "--show", "2")

    assert result.exit_code == 0
    assert "The film was awful" in result.stdout
    assert "augmented rows added (synonym 8)" in result.stderr


def test_a_method_that_suits_no_row_is_told(tmp_path):
    (tmp_path / "english.csv").write_text("text,mood\nan awful film,bad\na lovely film,good\n", "utf-8")

    result = invoke(tmp_path / "english.csv", "-m", "homophone")

    assert "homophone made no new row: it is for texts in zh" in " ".join(result.stderr.split())


def test_the_file_holds_all_rows_with_their_columns_and_what_new_ones_come_from(reviews, tmp_path):
    invoke(*options_of(reviews), "-o", tmp_path / "more.jsonl", "--check", "none")

    rows = [json.loads(line) for line in (tmp_path / "more.jsonl").read_text("utf-8").splitlines()]
    assert [row["review"] for row in rows[:8]] == TEXTS
    assert len(rows) == 16
    assert rows[8]["augmented_from"] == TEXTS[0]
    assert (rows[8]["id"], rows[8]["mood"], rows[8]["augmented_by"]) == ("0", "bad", "synonym")
    assert rows[0]["augmented_from"] is None


def test_the_same_seed_writes_the_same_file(reviews, tmp_path):
    for name, seed in (("a.csv", 5), ("b.csv", 5), ("c.csv", 6)):
        invoke(*options_of(reviews), "-m", "swap", "-o", tmp_path / name, "--seed", seed)

    a, b, c = ((tmp_path / name).read_bytes() for name in ("a.csv", "b.csv", "c.csv"))
    assert a == b != c


def test_json_counts(reviews):
    found = json.loads(invoke(*options_of(reviews), "--json", "--set", "synonym.share=0.5").stdout)

    assert (found["rows"], found["added"], found["dropped"]) == (8, 8, 0)
    assert len(found["examples"]) == 5


def test_a_file_that_is_there_is_left_alone(reviews, tmp_path):
    (tmp_path / "more.csv").write_text("mine")

    with pytest.raises(InputError, match="is there already"):
        invoke(*options_of(reviews), "-o", tmp_path / "more.csv")


def test_a_setting_names_a_method_that_was_asked_for(reviews):
    with pytest.raises(InputError, match="expected METHOD.KEY=VALUE for one of synonym"):
        invoke(*options_of(reviews), "--set", "swap.share=0.5")


def test_the_help_has_an_example():
    assert "Example: sentimo" in invoke("--help").stdout
