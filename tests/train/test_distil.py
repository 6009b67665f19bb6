"""A student learns what its teachers answer, and how they get there."""

from __future__ import annotations

import json
import math
import signal

import pytest
import torch
from test_wrappers import AROUND, Sum, batch_of, loss_at, plain
from torch import nn
from toy import MOODS, Striking, toy_recipe
from transformers import AutoTokenizer, BertConfig, BertModel

from sentimo.core.documents import Document, Example
from sentimo.core.labels import POLARITY_3, LabelSpace
from sentimo.engine.predictor import Predictor
from sentimo.errors import Interrupted, RecipeError
from sentimo.text.normalise import folded
from sentimo.train.checkpoint import Checkpoints
from sentimo.train.divergence import divergence
from sentimo.train.encoder import open_base, quiet_transformers
from sentimo.train.learner import Learner
from sentimo.train.loop import fit
from sentimo.train.objectives.cross_entropy import CrossEntropy
from sentimo.train.objectives.distil import Distil
from sentimo.train.objectives.step import Surroundings, TaskLosses
from sentimo.train.prepare import Stock
from sentimo.train.recipe import Teacher, dump_recipe, load_recipe, parse_recipe
from sentimo.train.run import train
from sentimo.train.teacher import Lesson, Teachers, unlabelled_texts

UNSEEN = [
    "the hotel was great and the staff were kind",
    "这本书很好，我很开心",
    "the screen was broken",
    "服务很差，真生气",
]


@pytest.fixture(scope="module")
def small(encoder, tmp_path_factory):
    """Folder of a BERT with the words of the teacher's, half as wide, one layer, one head."""
    folder = tmp_path_factory.mktemp("small")
    tokenizer = AutoTokenizer.from_pretrained(encoder)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        num_hidden_layers=1,
        num_attention_heads=1,
        intermediate_size=128,
        max_position_embeddings=64,
    )
    with torch.random.fork_rng(), quiet_transformers():
        torch.manual_seed(0)
        BertModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def learner(small, trained):
    """Builds a learner of polarity, from eight labelled texts and four without a label."""

    def build(**teacher):
        given = {"models": str(trained.bundle.path), **teacher}
        recipe = toy_recipe("polarity", teacher=given, epochs=3, batch_size=4, optimiser={"learning_rate": 2e-3})
        rows = [Example(Document(f"the room {at} was fine"), {"polarity": at % 3}) for at in range(8)]
        return Learner.build(recipe, open_base(str(small)), {"polarity": POLARITY_3}, {"polarity": rows}, UNSEEN)

    return build


def equal(weights, others):
    return weights.keys() == others.keys() and all(torch.equal(weights[name], others[name]) for name in weights)


# By hand. z = 0.7 for tokens 1 and 2.


def test_answers_are_learnt_beside_labels_by_their_weight():
    wanted = {"mood": torch.tensor([[0.0, 2.0]])}
    lesson = Lesson(Teacher(models=["a"], weight=0.75, temperature=2.0), wanted)

    found = Distil(plain(), AROUND, lesson, nn.Identity())(Sum(), batch_of([[1, 2]]))

    apart = divergence(MOODS, torch.tensor([[0.0, 0.7]]), wanted["mood"], 2.0).item()
    assert found.loss.item() == pytest.approx(0.25 * loss_at(0.7) + 0.75 * apart, rel=1e-5)


def test_a_task_that_the_teacher_does_not_have_is_learnt_whole():
    class Both(Sum):
        def forward(self, ids, mask):
            mood = super().forward(ids, mask)["mood"]
            return {"mood": mood, "taught": mood}

    factors = {"mood": 1.0, "taught": 1.0}
    around = Surroundings(dict.fromkeys(factors, MOODS), factors)
    inner = TaskLosses({task: CrossEntropy() for task in factors}, factors)
    lesson = Lesson(Teacher(models=["a"], weight=1.0), {"taught": torch.tensor([[0.0, 0.7]])})
    one = {task: torch.ones(1, dtype=torch.int64) for task in factors}
    batch = batch_of([[1, 2]], targets=one, has={task: each.bool() for task, each in one.items()})

    found = Distil(inner, around, lesson, nn.Identity())(Both(), batch)

    # of the task taught only the answers count, and they are those of the teacher
    assert found.loss.item() == pytest.approx(loss_at(0.7), rel=1e-5)


def test_rows_without_a_label_learn_from_the_teacher_and_rows_it_left_open_from_the_label():
    wanted = {"mood": torch.tensor([[0.0, 2.0], [math.nan, math.nan]])}
    lesson = Lesson(Teacher(models=["a"], weight=0.5, temperature=1.0), wanted)
    batch = batch_of([[1, 2], [1, 2]], has={"mood": torch.tensor([False, True])})

    found = Distil(plain(), AROUND, lesson, nn.Identity())(Sum(), batch)

    apart = divergence(MOODS, torch.tensor([[0.0, 0.7]]), wanted["mood"][:1]).item()
    assert found.loss.item() == pytest.approx(0.5 * apart + 0.5 * loss_at(0.7), rel=1e-5)


def test_a_label_that_a_set_does_not_tell_apart_is_left_out_of_the_teachers_answer_too():
    wanted = {"mood": torch.tensor([[0.0, 2.0]])}
    batch = batch_of([[1, 2]], unknown={"mood": torch.tensor([[True, False]])})

    found = Distil(plain(), AROUND, Lesson(Teacher(models=["a"]), wanted), nn.Identity())(Sum(), batch)

    assert found.loss.item() == pytest.approx(0.0, abs=1e-6)  # one label is left, and both are sure of it


# Teachers


def test_several_teachers_answer_by_their_mean(trained):
    path = trained.bundle.path
    alone, twice = (Teachers(Teacher(models=[path] * n), {"polarity": POLARITY_3}) for n in (1, 2))
    direct = Predictor.load(path).predict(UNSEEN).tasks["polarity"]

    assert alone.predict(UNSEEN).tasks["polarity"].scores == pytest.approx(direct.scores, abs=1e-6)
    assert twice.predict(UNSEEN).tasks["polarity"].scores == pytest.approx(direct.scores, abs=1e-6)


def test_labels_in_another_order_are_put_in_that_of_the_student(trained):
    turned = LabelSpace("turned", tuple(reversed(POLARITY_3.labels)))
    direct = Predictor.load(trained.bundle.path).predict(UNSEEN).tasks["polarity"]

    found = Teachers(Teacher(models=[trained.bundle.path]), {"polarity": turned}).predict(UNSEEN).tasks["polarity"]

    assert found.scores == pytest.approx(direct.scores[:, ::-1], abs=1e-6)


def test_a_teacher_of_other_labels_or_tasks_is_refused(trained):
    teacher = Teacher(models=[trained.bundle.path])

    with pytest.raises(RecipeError, match=r"task 'polarity' is single with negative, neutral, positive; the student's"):
        Teachers(teacher, {"polarity": MOODS})
    with pytest.raises(RecipeError, match=r"no task of mood is one of every teacher .* has polarity, emotions"):
        Teachers(teacher, {"mood": MOODS})


def test_layers_are_learnt_from_a_teacher_with_the_same_tokens_only(trained, bert_base, tmp_path):
    settings = Teacher(models=[trained.bundle.path], hidden=1.0)
    with pytest.raises(RecipeError, match="cuts texts into other tokens than base"):
        Teachers(settings, {"polarity": POLARITY_3}).lesson(UNSEEN, bert_base)
    two = settings.model_copy(update={"models": [trained.bundle.path] * 2})
    with pytest.raises(RecipeError, match="from a single teacher only"):
        Teachers(two, {"polarity": POLARITY_3}).lesson(UNSEEN, bert_base)


@pytest.mark.parametrize(
    ("settings", "teacher", "said"),
    [
        ({"adapt": "prompt"}, {"hidden": 1.0}, "the student has adapt prompt, which stands among its tokens"),
        ({"knowledge": "lexicon"}, {"attention": 1.0}, "the student has knowledge, which stands among its tokens"),
        ({"adapt": "prefix"}, {"attention": 1.0}, "the student has adapt prefix, and attention to it has no match"),
    ],
)
def test_layers_that_read_more_than_the_tokens_are_not_matched(settings, teacher, said, trained, small):
    recipe = toy_recipe(
        "polarity", base=str(small), teacher={"models": str(trained.bundle.path), **teacher}, **settings
    )
    rows = [Example(Document("good film"), {"polarity": 2})]
    base = Stock().base(recipe, [])
    learner = Learner.build(recipe, base, {"polarity": POLARITY_3}, {"polarity": rows})

    with pytest.raises(RecipeError, match=said):
        learner.plan()


def test_texts_without_labels_are_read_once_and_known_ones_left_out(tmp_path):
    path = tmp_path / "texts.csv"
    path.write_text("text\ngood film\nGood film!\nbad film\nsad film\n", "utf-8")

    assert unlabelled_texts(Teacher(models=["a"], text=[path]), {folded("Sad film")}) == ["good film", "bad film"]


# Learning


@pytest.mark.parametrize("teacher", [{}, {"hidden": 1.0}, {"attention": 1.0}, {"hidden": 1.0, "attention": 1.0}])
def test_the_student_comes_to_answer_as_the_teacher_does(learner, teacher):
    made = learner(weight=1.0, **teacher)

    def apart():
        found = torch.from_numpy(made.predictor().predict(UNSEEN).tasks["polarity"].scores)
        return divergence(POLARITY_3, found.log(), made.around.lesson.wanted["polarity"][8:]).mean().item()

    before = apart()
    made.fit(None)

    assert apart() < 0.7 * before


def test_the_map_between_widths_learns(learner):
    made, kept = learner(hidden=1.0), []

    def wrap(inner):
        kept.append(made.wrap(inner))
        return kept[0]

    fit(made.network, made.objectives, made.rows, made.recipe, evaluate=None, wrap=wrap)

    assert (kept[0].project.in_features, kept[0].project.out_features) == (64, 128)
    assert not torch.equal(kept[0].project.weight, made.wrap(plain()).project.weight)


@pytest.mark.parametrize("objective", [[], ["fgm"]], ids=["alone", "fgm"])
def test_an_interrupted_student_goes_on_to_the_same_weights(learner, tmp_path, objective):
    checkpoints = Checkpoints(tmp_path / "student.checkpoint", "student")

    def run(resume=False, stop=None):
        made = learner(hidden=1.0, attention=1.0)
        recipe = parse_recipe({**made.recipe.model_dump(), "objective": objective})
        object.__setattr__(made, "recipe", recipe)
        objectives = {"polarity": stop} if stop else made.objectives
        saved = checkpoints if stop or resume else None
        fit(
            made.network,
            objectives,
            made.rows,
            recipe,
            evaluate=None,
            wrap=made.wrap,
            checkpoints=saved,
            resume=resume,
        )
        return made.network.state_dict()

    undisturbed = run()
    with pytest.raises(Interrupted):
        run(stop=Striking(4, lambda: signal.raise_signal(signal.SIGINT)))

    assert equal(run(resume=True), undisturbed)


def test_a_run_reports_what_is_kept_of_the_teacher_and_how_much_faster_the_student_is(
    trained, multi_task, small, tmp_path
):
    texts = tmp_path / "texts.txt"
    texts.write_text("\n".join(UNSEEN) + "\n", "utf-8")
    recipe = parse_recipe(
        {
            **multi_task.model_dump(),
            "base": str(small),
            "epochs": 1,
            "baseline": False,
            "teacher": {"models": str(trained.bundle.path), "text": str(texts), "hidden": 0.5},
        }
    )

    result = train(recipe, tmp_path / "student")

    record = json.loads(result.bundle.file("report.json").read_text("utf-8"))
    notes = "\n".join(record["notes"])
    assert set(result.beside) == {"untuned", "teacher"}
    own, before = (each.tasks["polarity"].figures["macro_f1"].value for each in (result.teacher, trained.test))
    assert own == pytest.approx(before, abs=1e-6)
    for task in recipe.tasks:
        assert f"{task.name}: " in notes
    assert "% of the teacher's macro F1 is kept" in notes
    assert "times as fast as the teacher" in notes
    saved = load_recipe(result.bundle.file("recipe.yaml"))
    assert saved.teacher.models[0].resolve() == trained.bundle.path.resolve()
    assert saved.teacher.text[0].resolve() == texts.resolve()


# The recipe


def test_a_teacher_is_a_folder_several_or_a_mapping(tmp_path):
    for given in ("models/big", ["models/big"], {"models": "models/big"}):
        assert [str(each) for each in toy_recipe(teacher=given).teacher.models] == ["models/big"]
    path = tmp_path / "recipe.yaml"
    path.write_text(dump_recipe(toy_recipe(teacher=["a", "b"])), "utf-8")
    assert load_recipe(path).teacher.models == [tmp_path / "a", tmp_path / "b"]


@pytest.mark.parametrize(
    ("teacher", "words"),
    [
        ({"models": []}, "teacher.models"),
        ({"models": "a", "temprature": 2}, "unknown key 'teacher.temprature'. Did you mean 'temperature'"),
        ({"models": "a", "weight": 1.5}, "teacher.weight"),
    ],
)
def test_a_wrong_teacher_is_refused(teacher, words):
    with pytest.raises(RecipeError, match=words):
        toy_recipe(teacher=teacher)
