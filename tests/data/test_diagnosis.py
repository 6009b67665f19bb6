import pytest

from sentimo.data.diagnosis import Diagnosis, Finding, counted, listed, shown


@pytest.mark.parametrize(
    ("text", "beginning"),
    [
        ("short", "short"),
        ("exactly 10", "exactly 10"),
        ("eleven long", "eleven lo…"),
        ("两行\n  文字", "两行 文字"),
        ("一二三四五", "一二三四五"),  # ten columns
        ("一二三四五六", "一二三四…"),
        ("a\x00b\ud83dc\x1b", "a␀b�c␛"),
        ("x" * 9 + " " * 90, "x" * 9 + "…"),
    ],
)
def test_a_shown_text_is_one_line_of_at_most_ten_columns(text, beginning):
    assert shown(text, 10) == beginning


def test_a_long_list_is_cut():
    assert listed(["a", "b", "c"], 2) == "a, b and 1 more"
    assert listed(["a", "b"], 2) == "a, b"


def test_numbers_come_with_their_noun():
    assert (counted(1, "row"), counted(2000, "row")) == ("1 row", "2,000 rows")


@pytest.mark.parametrize(("level", "ok"), [("error", False), ("warning", True), ("note", True)])
def test_only_an_error_makes_a_diagnosis_not_ok(level, ok):
    diagnosis = Diagnosis({}, {}, {}, None, None, (), None, None, (Finding(level, "code", "message", "mend"),))

    assert diagnosis.ok is ok
    assert diagnosis.to_dict()["ok"] is ok
