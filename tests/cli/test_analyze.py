import json

import pytest
import running

from sentimo.cli.analyze import analyze


@pytest.fixture(autouse=True)
def asked(fake_model):
    return fake_model


def invoke(*arguments, stdin=None):
    return running.invoke(analyze, *arguments, columns=100, stdin=stdin)


def objects(result):
    return [json.loads(line) for line in result.stdout.removesuffix("\n").split("\n")]


def test_json_is_one_object_a_text_in_order():
    result = invoke("good tea", "bad tea", "--json")

    assert [(row["text"], row["polarity"]["label"]) for row in objects(result)] == [
        ("good tea", "positive"),
        ("bad tea", "negative"),
    ]
    assert list(objects(result)[0]) == [
        "text",
        "language",
        "polarity",
        "intensity",
        "confidence",
        "coverage",
        "truncated",
        "tokens",
        "model",
    ]
    assert result.exit_code == 0


def test_without_arguments_the_lines_of_stdin_are_read():
    result = invoke("--json", stdin="﻿good tea\r\n\n差\n".encode())

    assert [row["text"] for row in objects(result)] == ["good tea", "", "差"]
    assert objects(result)[1]["error"] == "empty text"


def test_broken_bytes_on_stdin_are_replaced_and_counted():
    result = invoke("--json", stdin=b"good \xff \xef\xbf\xbd\n")

    assert objects(result)[0]["text"] == "good � �"
    assert "stdin: 1 broken character read as � (expected UTF-8 or GB18030)" in result.stderr


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "gb18030"])
def test_a_replacement_character_that_was_written_is_not_counted_as_broken(encoding):
    assert invoke("--json", stdin="好好好好 �\n".encode(encoding)).stderr == ""


def test_chinese_on_stdin_may_be_gb18030():
    assert objects(invoke("--json", stdin="物流太慢了，差评！\n".encode("gb18030")))[0]["text"] == "物流太慢了，差评！"


def test_signs_that_only_some_take_for_line_ends_do_not_cut_a_text():
    assert [row["text"] for row in objects(invoke("--json", stdin="good\u2028tea\x0c!\n"))] == ["good\u2028tea\x0c!"]


def test_no_text_at_all_is_misuse():
    result = invoke(stdin="\n  \n")

    assert result.exit_code == 2
    assert result.stderr == "sentimo: no text: give texts as arguments, or one a line on stdin\n"


def test_the_model_is_the_one_asked_for(asked):
    invoke("good", "--model", "models/mine")
    invoke("good")

    assert asked == ["models/mine", "auto"]


def test_the_panel_shows_text_labels_bars_and_model():
    lines = invoke("good tea").stdout.splitlines()

    assert "good tea" in lines[1]
    # softmax of (0, 2, 4): 0.016, 0.117, 0.867; the bar has 24 columns
    assert [line.strip("│ ").split()[-1] for line in lines[3:6]] == ["0.02", "0.12", "0.87"]
    assert [line.count("█") for line in lines[3:6]] == [0, 3, 21]
    assert "en · 2 tokens · [fake] abababababab" in lines[-1]


def test_a_chinese_text_gets_chinese_labels_beside_the_stored_ones():
    assert "正面 positive" in invoke("好").stdout


def test_a_text_without_an_answer_says_why():
    result = invoke("", "good")

    assert "no answer: empty text" in result.stdout
    assert "positive" in result.stdout
    assert "[fake]" in result.stdout.splitlines()[3]
    assert result.exit_code == 0
    assert objects(invoke(" ", "--json"))[0]["error"] == "empty text"


def test_a_text_cannot_steer_the_terminal_or_the_layout():
    shown = invoke("good [red]\x1b[31m \x07\x9b1m[/red] \u202egood").stdout

    assert "good [red]␛[31m ␇�1m[/red] �good" in shown
    assert "\x1b" not in shown


def test_half_a_surrogate_pair_is_shown_replaced():
    assert "good �" in invoke("good \ud83d").stdout


def test_a_long_text_is_cut_in_the_panel_and_its_windows_are_counted():
    shown = invoke("good " * 100).stdout

    assert "".join(shown.split("│")).count("good") == 60  # 300 characters, wrapped
    assert "…" in shown
    assert "all of it was read" in shown


def test_attention_that_a_model_does_not_have_is_told():
    assert "no attention head" in invoke("good", "--attention").stderr
    assert objects(invoke("good", "--attention", "--json"))[0]["attention"] == {}
