import json

import pytest
import running

from sentimo.cli.label import label
from sentimo.data.dataset import load_dataset
from sentimo.data.reading import Reading
from sentimo.errors import DataError, InputError, UnknownLabelError

TEXTS = [f"the {thing} was {word}" for thing in ("film", "room", "food") for word in ("awful", "lovely", "fine")]


@pytest.fixture
def pool(tmp_path):
    path = tmp_path / "pool.csv"
    path.write_text("\n".join(["id,text", *(f"{at},{text}" for at, text in enumerate(TEXTS)), "9,the film was fine"]))
    return path


@pytest.fixture
def ask(pool, tmp_path, monkeypatch):
    """Runs the command, with answers to what it asks; they end as if the terminal were closed."""

    def run(*arguments, answers=(), data=pool):
        left = iter(answers)

        def typed(prompt):
            answer = next(left, EOFError())
            if isinstance(answer, BaseException):
                raise answer
            return answer

        monkeypatch.setattr("builtins.input", typed)
        return running.invoke(
            label, data, "--labels", "bad,good", "-o", tmp_path / "labels.jsonl", "--text", "text", *arguments
        )

    return run


def lines(tmp_path):
    return [json.loads(line) for line in (tmp_path / "labels.jsonl").read_text("utf-8").splitlines()]


def test_answers_by_number_name_and_beginning_are_kept(ask, tmp_path):
    result = ask(answers=["1", "good", "b", "s", "q"])

    assert [each["label"] for each in lines(tmp_path)] == ["bad", "good", "bad", None]
    assert "3 texts are labelled" in result.stderr


def test_a_text_cannot_steer_the_terminal(ask, tmp_path):
    (tmp_path / "odd.csv").write_text("text\nthe film \x1b[2J was fine\nthe film was awful\n")

    result = ask(answers=["1", "2"], data=tmp_path / "odd.csv")

    assert "the film ␛[2J was fine" in result.stderr
    assert "\x1b" not in result.stderr


def test_a_stop_loses_nothing_and_the_same_command_goes_on(ask, tmp_path):
    ask(answers=["1", "2", "1"])  # the terminal goes away
    before = lines(tmp_path)
    result = ask("--batch", "3", answers=["1"] * 6)

    rows = [each["row"] for each in lines(tmp_path)]
    assert lines(tmp_path)[:3] == before
    assert sorted(rows) == list(range(1, 10))  # the copy of a text is not asked for
    assert "Every text has an answer." in result.stderr


def test_ctrl_c_ends_as_well(ask, tmp_path):
    result = ask(answers=["1", KeyboardInterrupt()])

    assert result.exit_code == 0
    assert len(lines(tmp_path)) == 1


def test_the_last_answer_can_be_undone(ask, tmp_path):
    ask(answers=["1", "u", "2", "q"])

    assert [each["label"] for each in lines(tmp_path)] == ["good"]


def test_what_is_no_answer_is_asked_again(ask, tmp_path):
    result = ask(answers=["7", "x", "1,2", "", "2", "q"])

    assert [each["label"] for each in lines(tmp_path)] == ["good"]
    assert result.stderr.count("is no answer here") == 4


def test_several_labels_or_none(ask, tmp_path):
    ask("--several", answers=["1,2", "", "q"])

    assert [each["label"] for each in lines(tmp_path)] == [["bad", "good"], []]


def test_once_two_labels_are_known_the_model_suggests(ask):
    result = ask("--batch", "2", answers=["1", "2", "q"])

    assert "%]" in result.stderr


def test_the_answers_are_a_training_file(ask, tmp_path):
    ask(answers=["1", "2", "s", "u", "1", "q"])

    data = load_dataset([tmp_path / "labels.jsonl"], Reading(text="text", label="label"), task="label")

    assert [each.targets["label"] for each in data.examples] == [0, 1, 0]


def test_texts_are_written_answered_elsewhere_and_taken(ask, tmp_path):
    written = [json.loads(line) for line in ask("--ask", "4").stdout.splitlines()]
    for each, answer in zip(written, ("bad", "good", None, "bad"), strict=True):
        each["label"] = answer
    (tmp_path / "done.jsonl").write_text("\n".join(map(json.dumps, written)) + "\n", "utf-8")

    result = ask("--answers", tmp_path / "done.jsonl")

    assert "3 labels taken" in result.stderr
    assert [each["label"] for each in lines(tmp_path)] == ["bad", "good", "bad"]
    assert not {each["row"] for each in lines(tmp_path)} & {
        json.loads(line)["row"] for line in ask("--ask", "4").stdout.splitlines()
    }


def test_rows_are_counted_as_in_the_file(ask, tmp_path):
    (tmp_path / "gaps.csv").write_text('text\none\n""\nthree\n', "utf-8")

    asked = ask("--ask", "2", data=tmp_path / "gaps.csv")

    assert {each["row"]: each["text"] for each in map(json.loads, asked.stdout.splitlines())} == {1: "one", 3: "three"}


def test_label_studio_there_and_back(ask, tmp_path):
    tasks = json.loads(ask("--ask", "3", "--format", "label-studio").stdout)
    for task in tasks:
        task["annotations"] = [{"result": [{"type": "choices", "value": {"choices": ["good"]}}]}]
    (tmp_path / "export.json").write_text(json.dumps(tasks), "utf-8")

    ask("--answers", tmp_path / "export.json")

    assert [(each["row"], each["label"]) for each in lines(tmp_path)] == [(t["data"]["row"], "good") for t in tasks]


@pytest.mark.parametrize(
    ("answer", "error", "told"),
    [
        ({"row": 2, "label": "god"}, UnknownLabelError, "Did you mean 'good'"),
        ({"row": 99, "label": "good"}, DataError, "there is no row 99"),
        ({"row": 2, "text": "of another file", "label": "good"}, DataError, "row 2 is an answer to 'of another file'"),
        ({"row": 2, "label": ["good", "bad"]}, DataError, "2 labels, one is wanted"),
        ({"row": 0, "label": "good"}, DataError, "there is no row 0"),
        ({"label": "good"}, DataError, "line 2: no answer. Expected a line of --ask with a label"),
    ],
)
def test_answers_that_do_not_fit_are_refused_and_none_is_kept(ask, tmp_path, answer, error, told):
    (tmp_path / "done.jsonl").write_text(json.dumps({"row": 1, "label": "bad"}) + "\n" + json.dumps(answer), "utf-8")

    with pytest.raises(error, match=told):
        ask("--answers", tmp_path / "done.jsonl")
    assert not (tmp_path / "labels.jsonl").exists()


def test_an_unknown_strategy_is_refused(ask):
    with pytest.raises(InputError, match="strategy 'marge' is not known"):
        ask("--strategy", "marge")


def test_the_help_has_an_example():
    assert "Example: sentimo" in running.invoke(label, "--help").stdout
