import numpy as np
import pytest
import torch

from sentimo.core.documents import Document, Example
from sentimo.core.labels import LabelSpace
from sentimo.train.network import build_network
from sentimo.train.priors import prior_logits, rows_telling, start_from_priors

MOODS = LabelSpace("mood", ("bad", "good"))
EMOTIONS = LabelSpace("emotions", ("anger", "joy", "fear"), "multi")
STARS = LabelSpace("stars", ("stars",), "score", range=(1.0, 5.0))


def test_a_single_label_starts_at_its_log_frequency():
    # 6 of 8 rows are good; each label counted once more: 3/10 and 7/10
    assert prior_logits(MOODS, [0] * 2 + [1] * 6) == pytest.approx(np.log([0.3, 0.7]))


def test_a_multi_label_starts_at_its_log_odds():
    # joy in 3 of 4 rows: (3 + 1) / (1 + 1); fear in none: 1 / 5
    assert prior_logits(EMOTIONS, [(1,), (1,), (0, 1), ()]) == pytest.approx(np.log([2 / 4, 4 / 2, 1 / 5]))


def test_a_score_starts_at_its_mean():
    # mean 2 of 1..5 is a quarter of the way: log(0.25 / 0.75)
    assert prior_logits(STARS, [1.0, 2.0, 3.0]) == pytest.approx(np.log([1 / 3]))


def test_rows_that_do_not_tell_a_label_apart_do_not_make_it_rare():
    rows = [Example(Document("a film"), {"emotions": (0,)}, among={"emotions": (0, 1)})] * 3
    rows += [Example(Document("a film"), {"emotions": (2,)})]

    telling = rows_telling(EMOTIONS, "emotions", rows)

    assert telling.tolist() == [4, 4, 1]
    found = prior_logits(EMOTIONS, [each.targets["emotions"] for each in rows], telling)
    assert found == pytest.approx(np.log([4 / 2, 1 / 5, 2 / 1]))


@pytest.mark.parametrize("pooling", ["native", "mean"])
def test_an_untrained_network_answers_how_frequent_labels_are(bert_base, recipe, pooling):
    spaces = {"mood": MOODS, "emotions": EMOTIONS}
    network = build_network(bert_base, spaces, recipe("mood", "emotions", pooling=pooling))

    rows = {
        task: [Example(Document("a film"), {task: target}) for target in targets]
        for task, targets in {"mood": [0, 1, 1, 1], "emotions": [(1,), (1,)]}.items()
    }
    start_from_priors(network, spaces, rows)

    with torch.no_grad():
        logits = network.eval()(torch.ones(1, 4, dtype=torch.int64), torch.ones(1, 4, dtype=torch.int64))
    assert logits["mood"][0].softmax(0).tolist() == pytest.approx([2 / 6, 4 / 6], abs=0.1)
    assert logits["emotions"][0].sigmoid().tolist() == pytest.approx([0.25, 0.75, 0.25], abs=0.1)
