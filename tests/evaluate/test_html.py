from html.parser import HTMLParser

import numpy as np
import pytest

from sentimo.core.labels import EKMAN_7, INTENSITY, LabelSpace
from sentimo.errors import MissingExtraError
from sentimo.evaluate.html import write_html
from sentimo.evaluate.metrics import score_task
from sentimo.evaluate.report import Report

EVIL = "</script><script>alert(1)</script>"


class Page(HTMLParser):
    """Collects what a browser would fetch and the tags it would see."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.fetched = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.fetched += [value for name, value in attrs if name in ("src", "href")]


def page_of(tmp_path, space, targets, scores, **words):
    task = score_task(space, targets, np.array(scores), n_bootstrap=20)
    named = {"title": "T", "model": "M", "digest": "d", "data": "x.csv", **words}
    report = Report(**named, n_rows=task.n, n_skipped=0, tasks={space.name: task})
    write_html(report, tmp_path / "report.html")
    return (tmp_path / "report.html").read_text(encoding="utf-8")


def test_the_page_fetches_nothing_and_holds_three_charts(tmp_path):
    text = page_of(tmp_path, EKMAN_7, [0, 1, 3], np.eye(7)[[0, 1, 4]])

    assert Page(text).fetched == []
    assert text.count("plotly-graph-div") == 3


def test_chinese_names_are_in_the_page(tmp_path):
    assert "anger 愤怒" in page_of(tmp_path, EKMAN_7, [0, 1], np.eye(7)[[0, 1]])


def test_nothing_the_user_names_becomes_markup(tmp_path):
    plain = page_of(tmp_path, LabelSpace("s", ("a", "b")), [0, 1], np.eye(2))
    evil = page_of(tmp_path, LabelSpace(EVIL, (EVIL, "b")), [0, 1], np.eye(2), title=EVIL, model=EVIL, data=EVIL)

    assert Page(evil).tags == Page(plain).tags
    assert EVIL not in evil


def test_a_score_task_has_figures_and_no_charts(tmp_path):
    text = page_of(tmp_path, INTENSITY, [0.1, 0.9], [[0.2], [0.8]])

    assert "Pearson" in text
    assert "plotly-graph-div" not in text


def test_a_multi_task_has_thresholds_and_no_confusion(tmp_path):
    text = page_of(tmp_path, LabelSpace("t", ("a", "b"), "multi"), [(0,), ()], [[0.9, 0.1], [0.2, 0.3]])

    assert "<th>threshold</th>" in text
    assert text.count("plotly-graph-div") == 2


def test_without_plotly_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("sentimo.evaluate.html.find_spec", lambda name: None)

    with pytest.raises(MissingExtraError, match=r"sentimo\[report\]"):
        page_of(tmp_path, INTENSITY, [0.1, 0.9], [[0.2], [0.8]])
