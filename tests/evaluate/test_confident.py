import numpy as np
import pytest

from sentimo.evaluate.confident import suspect

# Mean score of the own label: of label 0 (0.9 + 0.8 + 0.1) / 3 = 0.6, of label 1 (0.7 + 0.9 + 0.35) / 3 = 0.65.
LABELS = np.array([0, 0, 0, 1, 1, 1])
ZERO = np.array([0.9, 0.8, 0.1, 0.3, 0.1, 0.65])
SCORES = np.stack([ZERO, 1 - ZERO], axis=1)


def test_rows_confidently_of_another_label_are_suspicious_the_surest_first():
    found = suspect(LABELS, SCORES)

    # Row 2 has 0.9 >= 0.65 for label 1, row 5 has 0.65 >= 0.6 for label 0; own scores 0.1 and 0.35.
    assert found.suspicious.tolist() == [2, 5]
    assert found.counts.tolist() == [[2, 1], [1, 2]]
    assert found.own.tolist() == pytest.approx([0.9, 0.8, 0.1, 0.7, 0.9, 0.35])


def test_right_labels_are_not_suspicious():
    labels = SCORES.argmax(axis=1)

    assert suspect(labels, SCORES).suspicious.tolist() == []


def test_a_label_without_rows_is_suggested_to_nobody_confidently():
    scores = np.array([[0.4, 0.2, 0.4], [0.2, 0.3, 0.5], [0.1, 0.7, 0.2]])

    assert suspect(np.array([0, 1, 1]), scores).counts[:, 2].tolist() == [0, 0, 0]


def test_a_separate_implementation_finds_the_same_rows():
    count = pytest.importorskip("cleanlab.count")
    draw = np.random.default_rng(3)
    truth = draw.integers(0, 4, 2000)
    logits = draw.normal(size=(2000, 4)) + 3 * np.eye(4)[truth]
    scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = np.where(draw.random(2000) < 0.1, draw.integers(0, 4, 2000), truth)

    found = suspect(labels, scores)

    joint, issues = count.compute_confident_joint(labels, scores, calibrate=False, return_indices_of_off_diagonals=True)
    assert np.abs(found.counts - joint).max() <= 1  # it takes scores 1e-6 below a threshold, too
    wrong = set(np.flatnonzero(labels != truth))
    ours, theirs = (len(wrong & set(rows)) / len(rows) for rows in (found.suspicious.tolist(), issues))
    assert ours >= theirs
