"""Marks of rows, as a model folder keeps them: what must not judge it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from sentimo.core.documents import Document, Example
from sentimo.errors import DataError
from sentimo.train.marks import MEMBERS, PARTS, Marks, learnt_note, mark, without_learnt
from sentimo.train.remarks import on_rows_that_taught


def rows(*texts):
    return [Example(Document(text), {"mood": 0}) for text in texts]


@pytest.fixture
def model(tmp_path):
    (tmp_path / "model").mkdir()
    learnt = {mark(each) for each in rows("a good day", "so bad")}
    (tmp_path / "model" / PARTS).write_text(Marks(learnt).to_json(), "utf-8")
    return tmp_path / "model"


def test_rows_that_a_model_has_learnt_do_not_judge_it(model, tmp_path):
    dev = {"mood": rows("A good day!", "new", "newer"), "other": rows("newest")}

    found, told = without_learnt(dev, [model, tmp_path])

    assert [each.document.text for each in found["mood"]] == ["new", "newer"]
    assert len(found["other"]) == 1
    assert told == [f"mood: 1 of 3 rows were left out, {model} has learnt them"]


def test_an_ensemble_has_learnt_what_its_members_have(model, tmp_path):
    for place, text in (("1", "a good day"), ("2", "warm")):
        (tmp_path / "both" / MEMBERS / place).mkdir(parents=True)
        content = Marks({mark(each) for each in rows(text)}).to_json()
        (tmp_path / "both" / MEMBERS / place / PARTS).write_text(content, "utf-8")

    assert Marks.read(tmp_path / "both").learnt == {mark(each) for each in rows("a good day", "warm")}


def test_a_run_tells_where_base_or_teacher_has_learnt_what_judges_it(model):
    parts = {"dev": {"mood": rows("so bad", "new")}, "judged": {"mood": rows("newer", "a good day", "So bad.")}}
    material = SimpleNamespace(**parts, has_test=True)
    recipe = SimpleNamespace(teacher=SimpleNamespace(models=[model]))

    told = list(on_rows_that_taught(recipe, SimpleNamespace(source=""), material))

    assert told == [
        f"the teacher ({model}) has learnt 1 of 2 dev rows: figures on them look better than they are",
        f"the teacher ({model}) has learnt 2 of 3 test rows: figures on them look better than they are",
    ]
    alone = SimpleNamespace(teacher=None)
    (of_base,) = on_rows_that_taught(
        alone, SimpleNamespace(source=str(model)), SimpleNamespace(**parts, has_test=False)
    )
    assert of_base.startswith(f"the base ({model}) has learnt 1 of 2 dev rows")


def test_a_task_whose_rows_were_all_learnt_is_refused(model):
    with pytest.raises(DataError, match="all 2 rows of task 'mood' were learnt by a model that they should judge"):
        without_learnt({"mood": rows("so bad", "a good day")}, [model])


def test_a_model_that_has_learnt_some_of_its_judges_says_so(model, tmp_path):
    assert learnt_note(rows("so bad", "new"), model).startswith("1 of 2 rows taught this model")
    assert learnt_note(rows("new"), model) == ""
    assert learnt_note(rows("so bad"), tmp_path) == ""  # a folder that tells nothing
