import json

import pytest

from sentimo.data.label_studio import answers_in, to_task
from sentimo.errors import DataError


def done(row, *choices, **about):
    return {"result": [{"type": "choices", "value": {"choices": list(choices)}}], "row": row, **about}


def exported(row, *annotations):
    return {"id": row + 100, "data": {"text": "a", "row": row}, "annotations": list(annotations)}


def test_a_task_holds_the_text_its_row_and_the_suggestion():
    task = to_task(3, "好看", ["joy"], 0.7)

    assert task["data"] == {"text": "好看", "row": 3}
    assert task["predictions"][0]["result"][0]["value"] == {"choices": ["joy"]}
    assert "predictions" not in to_task(3, "好看")
    assert json.loads(json.dumps(task)) == task


def test_an_export_gives_what_was_labelled():
    tasks = [exported(3, done(3, "joy")), exported(4), exported(5, done(5, "joy", "love"))]

    assert answers_in(tasks, "x.json") == [(3, "a", ["joy"]), (5, "a", ["joy", "love"])]


def test_the_last_annotation_that_was_not_cancelled_counts():
    tasks = [exported(3, done(3, "joy"), done(3, "fear"), done(3, "anger", was_cancelled=True))]

    assert answers_in(tasks, "x.json") == [(3, "a", ["fear"])]


def test_the_short_form_of_an_export_is_read():
    tasks = [{"row": 1, "text": "a", "label": "joy"}, {"row": 2, "text": "b", "label": {"choices": ["joy", "fear"]}}]

    assert answers_in([*tasks, {"row": 3, "text": "c"}], "x.json") == [(1, "a", ["joy"]), (2, "b", ["joy", "fear"])]


@pytest.mark.parametrize("content", [{"a": 1}, ["a"], None])
def test_another_file_is_refused(content):
    with pytest.raises(DataError, match=r"x.json: no export of Label Studio"):
        answers_in(content, "x.json")


def test_a_task_without_its_row_is_refused():
    with pytest.raises(DataError, match=r"x.json, task 1: it has no row"):
        answers_in([{"data": {"text": "a"}}], "x.json")
