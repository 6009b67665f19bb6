import pytest
import torch
from toy import MOODS, mood_examples

from sentimo.errors import RecipeError
from sentimo.train import precision
from sentimo.train.learner import Learner
from sentimo.train.sklearn import SentimoClassifier


@pytest.fixture
def learner(bert_base, recipe):
    """A learner of moods, three quarters of them good."""
    bad, good = mood_examples(16)[::2], mood_examples(16)[1::2]
    return Learner.build(recipe("mood"), bert_base, {"mood": MOODS}, {"mood": [*bad[:2], *good[:6]]})


def test_it_starts_from_how_frequent_labels_are(learner):
    # 6 of 8 rows are good, each label counted once more: 7/10
    scores = learner.predictor().predict(["the film"]).tasks["mood"].scores

    assert scores[0, 1] == pytest.approx(0.7, abs=0.1)


def test_a_predictor_made_before_training_answers_as_the_network_is_now(learner):
    before = learner.predictor()
    untrained = before.predict(["the film was bad"]).tasks["mood"].scores

    learner.fit(None)

    assert not torch.allclose(
        torch.tensor(before.predict(["the film was bad"]).tasks["mood"].scores), torch.tensor(untrained)
    )


@pytest.mark.parametrize("fast", [True, False], ids=["with bf16", "without"])
def test_a_quick_predictor_answers_in_the_precision_of_training_and_nearly_the_same(
    bert_base, recipe, monkeypatch, fast
):
    monkeypatch.setattr(precision, "has_fast_bf16", lambda device: fast)
    learner = Learner.build(recipe("mood", precision="auto"), bert_base, {"mood": MOODS}, {"mood": mood_examples(8)})
    texts = ["the film was bad", "what a good day"]

    exact, quick = (learner.predictor(quick=each).predict(texts).tasks["mood"].scores for each in (False, True))

    assert (exact != quick).any() == fast
    assert quick == pytest.approx(exact, abs=0.02)


def test_dev_rows_choose_the_epoch_and_without_them_there_are_no_figures(learner):
    with_dev = learner.fit({"mood": mood_examples(4)}).history
    without = learner.fit(None).history

    assert "main" in with_dev[0]
    assert "main" not in without[0]


def test_a_recipe_without_epochs_takes_those_of_its_rows(bert_base, recipe):
    rows = {"mood": mood_examples(160)}
    given, usual = (
        Learner.build(recipe("mood", batch_size=8, epochs=epochs), bert_base, {"mood": MOODS}, rows)
        for epochs in (1.5, None)
    )

    assert (given.recipe.epochs, usual.recipe.epochs) == (1.5, 15.0)  # 300 steps of 20 an epoch
    assert usual.plan().n_steps == 300


def test_an_objective_that_does_not_suit_is_refused(bert_base, recipe):
    with pytest.raises(RecipeError, match="objective 'bce' is for multi tasks"):
        Learner.build(
            recipe({"name": "mood", "objective": "bce"}), bert_base, {"mood": MOODS}, {"mood": mood_examples(4)}
        )


def test_the_scikit_learn_classifier_is_put_together_in_the_same_way(bert, monkeypatch):
    built = []
    build = Learner.build
    monkeypatch.setattr(Learner, "build", lambda *parts: built.append(parts) or build(*parts))
    rows = mood_examples(20)

    SentimoClassifier(str(bert), epochs=1).fit([each.document.text for each in rows], ["bad", "good"] * 10)

    assert len(built) == 1
