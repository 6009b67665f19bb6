from __future__ import annotations

import math

import numpy as np
import pytest

from sentimo.core.documents import Document, Example
from sentimo.core.labels import LabelSpace
from sentimo.core.predictions import ModelId, Predictions, TaskScores
from sentimo.errors import RecipeError
from sentimo.train import calibrate
from sentimo.train.calibrate import Answers, ask, check_metric, dev_figures, fit_specs

MOODS = LabelSpace("moods", ("bad", "good"))
EMOTIONS = LabelSpace("emotions", ("anger", "joy"), "multi")
INTENSITY = LabelSpace("intensity", ("intensity",), "score", range=(0.0, 4.0))

# One of four sure answers is wrong, so the best probability is 3/4: softmax((z, 0) / T) = 3/4 where z / T = ln 3.
SURE = np.array([[4.0, 0.0]] * 4)
THREE_OF_FOUR = [0, 0, 0, 1]
BEST_T = 4 / math.log(3)


class Table:
    """A model that knows the scores of some texts; any other has no answer."""

    def __init__(self, **tasks):
        self.tasks = tasks
        self.asked = []

    def predict(self, texts):
        self.asked.append(list(texts))
        n = len(texts)
        tasks = {}
        for name, (space, known) in self.tasks.items():
            scores = [known.get(text, [math.nan] * len(space)) for text in texts]
            tasks[name] = TaskScores(space, np.array(scores, np.float32))
        return Predictions(
            texts=tuple(texts),
            tasks=tasks,
            languages=("en",) * n,
            tokens=np.ones(n, np.int64),
            coverage=np.ones(n),
            models=(ModelId("table", ""),) * n,
            errors=(None,) * n,
            windows=((),) * n,
        )


def labelled(task, **targets):
    return [Example(Document(text), {task: target}) for text, target in targets.items()]


def test_logits_are_the_logarithms_of_softmax_scores():
    model = Table(mood=(MOODS, {"a": [0.25, 0.75], "b": [0.5, 0.5]}))

    answers = ask(model, {"mood": labelled("mood", a=1, b=0)})["mood"]

    assert answers.logits == pytest.approx(np.log([[0.25, 0.75], [0.5, 0.5]]))
    assert answers.targets == [1, 0]


def test_logits_are_the_log_odds_of_sigmoid_scores():
    # ln(0.75 / 0.25) = ln 3
    model = Table(emotions=(EMOTIONS, {"a": [0.75, 0.5]}))

    answers = ask(model, {"emotions": labelled("emotions", a=(0,))})["emotions"]

    assert answers.logits == pytest.approx(np.array([[math.log(3), 0.0]]), abs=1e-6)


def test_a_score_stays_what_it_is():
    model = Table(intensity=(INTENSITY, {"a": [2.5]}))

    answers = ask(model, {"intensity": labelled("intensity", a=3.0)})["intensity"]

    assert answers.logits.tolist() == [[2.5]]
    assert answers.scores(7.0).tolist() == [[2.5]]


def test_scores_of_zero_and_one_give_finite_logits():
    model = Table(mood=(MOODS, {"a": [0.0, 1.0]}), emotions=(EMOTIONS, {"a": [0.0, 1.0]}))

    answers = ask(model, {"mood": labelled("mood", a=0), "emotions": labelled("emotions", a=(1,))})

    assert all(np.isfinite(each.logits).all() for each in answers.values())


def test_rows_without_an_answer_are_left_out():
    model = Table(mood=(MOODS, {"a": [0.4, 0.6]}))

    answers = ask(model, {"mood": labelled("mood", unread=0, a=1)})["mood"]

    assert (answers.logits.shape, answers.targets) == ((1, 2), [1])


def test_a_text_of_several_tasks_is_asked_once():
    model = Table(mood=(MOODS, {"a": [0.4, 0.6], "b": [0.5, 0.5]}), emotions=(EMOTIONS, {"a": [0.5, 0.5]}))

    ask(model, {"mood": labelled("mood", a=1, b=0), "emotions": labelled("emotions", a=())})

    assert model.asked == [["a", "b"]]


@pytest.fixture
def no_prior(monkeypatch):
    monkeypatch.setattr(calibrate, "SPREAD", math.inf)


def test_few_rows_that_are_all_right_do_not_make_a_model_much_surer():
    # Four rows by a margin of 4, all right: without a prior the temperature would fall to the end of its range, 0.05.
    (spec,) = fit_specs({"mood": Answers(MOODS, SURE, [int(SURE[0].argmax())] * 4)})

    assert 0.8 < spec.temperature < 1.0


@pytest.mark.usefixtures("no_prior")
def test_the_temperature_makes_answers_as_sure_as_they_are_right():
    (spec,) = fit_specs({"mood": Answers(MOODS, SURE, THREE_OF_FOUR)})

    assert spec.temperature == pytest.approx(BEST_T, rel=1e-3)
    assert Answers(MOODS, SURE, THREE_OF_FOUR).scores(spec.temperature)[0] == pytest.approx([0.75, 0.25], abs=1e-3)


@pytest.mark.usefixtures("no_prior")
def test_thresholds_are_fitted_on_the_calibrated_scores():
    # All 20 rows hold joy's log-odds of 4; three of four have it, so T = 4 / ln 3 and the scores become 3/4. Anger's
    # log-odds are -4, one of four has it: 1/4 after calibration, which reaches F1 = 2/5 only below 1/4.
    logits = np.array([[-4.0, 4.0]] * 20)
    answers = Answers(EMOTIONS, logits, [(1,), (1,), (1,), (0,)] * 5)

    (spec,) = fit_specs({"emotions": answers})

    assert spec.temperature == pytest.approx(BEST_T, rel=1e-3)
    assert spec.thresholds == pytest.approx((0.125, 0.5), abs=1e-3)  # the middle of 0 and 1/4; 0.5 cuts nothing


@pytest.mark.parametrize(
    ("space", "logits", "targets"),
    [
        (INTENSITY, np.array([[1.0], [3.0]]), [2.0, 3.0]),
        (MOODS, np.zeros((0, 2)), []),
        (EMOTIONS, np.zeros((0, 2)), []),
    ],
)
def test_where_there_is_nothing_to_fit_nothing_changes(space, logits, targets):
    (spec,) = fit_specs({"task": Answers(space, logits, targets)})

    assert (spec.temperature, spec.thresholds) == (1.0, None)


def test_main_is_the_mean_of_the_main_figures_of_the_tasks():
    moods = Answers(MOODS, np.array([[2.0, 0.0], [0.0, 2.0]]), [0, 1])  # all right: macro F1 1
    scores = Answers(INTENSITY, np.array([[1.0], [2.0], [3.0]]), [3.0, 2.0, 1.0])  # upside down: Pearson -1

    figures = dev_figures({"mood": moods, "intensity": scores}, "main")

    assert figures == {
        "main": pytest.approx(0.0),
        "mood.macro_f1": 1.0,
        "mood.accuracy": 1.0,
        "intensity.pearson": pytest.approx(-1.0),
    }


def test_the_watched_metric_is_among_the_figures():
    moods = Answers(MOODS, np.array([[2.0, 0.0], [0.0, 2.0]]), [0, 1])

    assert dev_figures({"mood": moods}, "mood.mcc")["mood.mcc"] == pytest.approx(1.0)


def test_rare_labels_are_judged_with_thresholds_of_their_own():
    # Every score is below 0.5, but those of the rows with the label are higher: cut between them, all is right.
    logits = np.log([[0.3 / 0.7, 0.1 / 0.9], [0.1 / 0.9, 0.3 / 0.7]])

    assert dev_figures({"emotions": Answers(EMOTIONS, logits, [(0,), (1,)])}, "main")["main"] == 1.0


@pytest.mark.parametrize("metric", ["main", "mood.accuracy", "emotions.subset_accuracy", "intensity.spearman"])
def test_a_known_metric_is_taken(metric):
    check_metric(metric, {"mood": MOODS, "emotions": EMOTIONS, "intensity": INTENSITY})


@pytest.mark.parametrize(
    ("metric", "nearest"),
    [("mood.acuracy", "mood.accuracy"), ("accuracy", "mood.accuracy"), ("moods.macro_f1", "mood.macro_f1")],
)
def test_an_unknown_metric_is_refused_with_the_nearest(metric, nearest):
    with pytest.raises(RecipeError, match=f"early_stopping.metric '{metric}' .* Did you mean '{nearest}'"):
        check_metric(metric, {"mood": MOODS})


@pytest.mark.parametrize("metric", ["mood.ece", "mood.brier", "intensity.mae", "mood.macro_auroc"])
def test_a_figure_where_lower_is_better_or_that_may_be_undefined_is_refused(metric):
    with pytest.raises(RecipeError, match="is not a dev figure where higher is better"):
        check_metric(metric, {"mood": MOODS, "intensity": INTENSITY})
