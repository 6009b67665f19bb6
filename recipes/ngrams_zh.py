"""Train the built-in Chinese model: polarity and emotions from n-grams, a few megabytes, no encoder.

    SENTIMO_DATA=../shared/data python recipes/default_zh.py [folder]

Every text of a dev or test part of any Chinese set is left out of training, also where it differs only in width, letter
case, spaces or punctuation: the sets share many reviews with each other.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sentimo.core.documents import Example
from sentimo.core.labels import EKMAN_7, MAPPINGS, POLARITY_2, POLARITY_3, LabelSpace
from sentimo.core.predictions import EMOTIONS, POLARITY, Predictions, TaskScores
from sentimo.data.dataset import load_dataset
from sentimo.data.reading import Reading
from sentimo.engine.analyzer import BUILT_IN
from sentimo.engine.predictor import Predictor
from sentimo.evaluate.report import Report, evaluate
from sentimo.text.normalise import folded
from sentimo.train.baselines import Baseline, fit_baseline
from sentimo.train.tasks import TaskData

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("SENTIMO_DATA", ROOT.parent / "shared" / "data")) / "zh"
NAME, SEED = "sentimo-zh-ngrams", 13
MAX_FEATURES = 150_000  # 300,000 change no accuracy below by 0.01 and double the size
SPACES: Mapping[str, LabelSpace] = {POLARITY: POLARITY_3, EMOTIONS: EKMAN_7}


@dataclass(frozen=True)
class Source:
    """A data set as rows of one task.

    Attributes:
        folder: Its folder.
        task: What its labels answer.
        about: What it holds.
        licence: As far as it is stated.
        mapping: Name of the mapping from its labels to the task's (`sentimo.core.labels.MAPPINGS`); None: the same.
        label: Its label column.
        trained: Whether the model learns from it; the others only judge.
        two_way: Whether it has no neutral rows; then the model is judged between negative and positive.
    """

    folder: str
    task: str
    about: str
    licence: str = "not stated"
    mapping: str | None = None
    label: str = "label"
    trained: bool = True
    two_way: bool = False


SMP_LICENCE = "copy Apache-2.0; the set: shared task, research"
MICROBLOGS = (  # folder, labels, about, licence
    ("smp2020-ewect-usual", "smp2020-6", "Weibo, general (SMP2020-EWECT)", SMP_LICENCE),
    ("smp2020-ewect-virus", "smp2020-6", "Weibo, COVID-19 (SMP2020-EWECT)", SMP_LICENCE),
    ("nlpcc2013-emotion", "nlpcc2013-8", "Weibo sentences (NLPCC 2013)", "copy MIT; the set: shared task, research"),
)
SOURCES = (
    Source("chnsenticorp-hotel", POLARITY, "hotel reviews (Tan & Zhang 2008)", two_way=True),
    Source("online-shopping-10", POLARITY, "reviews of ten kinds of goods", two_way=True),
    Source(
        "chnsenticorp",
        POLARITY,
        "hotel, notebook and book reviews",
        "copy Apache-2.0; the set: not stated",
        two_way=True,
    ),
    Source("weibo-senti-subset", POLARITY, "Weibo, labels from emoticons that are still in the text", two_way=True),
    *(Source(name, POLARITY, about, licence, f"{labels} -> polarity-3") for name, labels, about, licence in MICROBLOGS),
    Source("eprstmt", POLARITY, "electronics reviews (FewCLUE)", "academic research", trained=False, two_way=True),
    Source("cped", POLARITY, "lines of TV series", "Apache-2.0; research", label="sentiment", trained=False),
    *(Source(name, EMOTIONS, about, licence, f"{labels} -> ekman-7") for name, labels, about, licence in MICROBLOGS),
    # Its eight labels are those of NLPCC 2013.
    Source("weibo-emotion-8", EMOTIONS, "Weibo", "copy MIT; corpora: research", "nlpcc2013-8 -> ekman-7"),
)


class TwoWay:
    """A model judged between negative and positive: the probability of neutral is shared out."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor

    def predict(self, texts: Sequence[str]) -> Predictions:
        """Answer texts in the space polarity-2."""
        predictions = self._predictor.predict(texts)
        scores = predictions.tasks[POLARITY].scores[:, [0, 2]]
        scores = scores / scores.sum(axis=1, keepdims=True)
        return replace(predictions, tasks={POLARITY: TaskScores(POLARITY_2, scores)})


def read(source: Source, part: str) -> list[Example]:
    """Return the rows of a part of a set that have a label of the task."""
    mapping = MAPPINGS[source.mapping] if source.mapping else None
    path = DATA / source.folder / f"{part}.parquet"
    space = POLARITY_2 if source.two_way and part == "test" else SPACES[source.task]
    reading = Reading("text", source.label, mapping=mapping)
    return load_dataset([path], reading, task=source.task, space=space).examples


def distinct(examples: Sequence[Example], task: str, without: set[str]) -> Iterator[Example]:
    """Yield one example per text, none whose copies disagree and none that stands in `without`."""
    answers: dict[str, set[object]] = {}
    for each in examples:
        answers.setdefault(folded(each.document.text), set()).add(each.targets[task])
    seen = set(without)
    for each in examples:
        key = folded(each.document.text)
        if key not in seen and len(answers[key]) == 1:
            seen.add(key)
            yield each


def load() -> dict[str, TaskData]:
    """Return the rows of both tasks: nothing to learn from stands in a dev or test part, no dev row in a test part."""
    texts = {
        part: {folded(each.document.text) for source in SOURCES for each in read(source, part)}
        for part in ("dev", "test")
    }
    data = {}
    for task, space in SPACES.items():
        sources = [source for source in SOURCES if source.task == task and source.trained]
        train = [each for source in sources for each in read(source, "train")]
        dev = [each for source in sources for each in read(source, "dev")]
        data[task] = TaskData(
            space,
            train=list(distinct(train, task, texts["dev"] | texts["test"])),
            dev=list(distinct(dev, task, texts["test"])),
            test=[],
        )
    return data


def judge(baseline: Baseline) -> dict[str, Report]:
    """Return "task, set" -> report on the set's test part."""
    predictor = baseline.predictor(NAME)
    return {
        report_name(source): evaluate(
            TwoWay(predictor) if source.two_way else predictor,
            {source.task: read(source, "test")},
            title=source.about,
            data=f"{source.folder}/test",
            seed=SEED,
        )
        for source in SOURCES
    }


def report_name(source: Source) -> str:
    """Return the key of a source's report."""
    return f"{source.task}, {source.folder}"


def card(data: Mapping[str, TaskData], reports: Mapping[str, Report]) -> str:
    """Return the model card as Markdown."""
    rows = ", ".join(f"{task} {len(each.train):,} ({len(each.dev):,} dev)" for task, each in data.items())
    figures = "\n".join(figure_row(source, reports[report_name(source)]) for source in SOURCES)
    return CARD.format(name=NAME, rows=rows, figures=figures, n_features=f"{MAX_FEATURES:,}", seed=SEED)


def figure_row(source: Source, report: Report) -> str:
    """Return a row of the card's table."""
    found = report.tasks[source.task]
    figures = [str(found.figures[name]) for name in ("accuracy", "macro_f1", "ece")]
    learnt = "yes" if source.trained else "no"
    cells = [source.task, f"{source.folder}: {source.about}", source.licence, learnt, str(len(found.space)), *figures]
    return f"| {' | '.join(cells)} |"


CARD = """# {name}

The Chinese model that comes with Sentimo: polarity (negative, neutral, positive) and emotions (Ekman's six and neutral)
of reviews and microblogs. It is linear in n-grams, needs no word segmenter and no encoder, and answers in milliseconds.
It is the light stand-in until a fine-tuned encoder takes its place; expect it to be weaker than one.

## Data, licences and figures

Figures are those of the saved 8-bit weights on the test part of each set, with 95 % bootstrap intervals. Where a set
has no neutral rows (2 labels) the model is judged between negative and positive. Macro F1 runs over all labels that the
model gives: in the SMP2020 sets, which have no disgust, each answer "disgust" counts against it.

| task | set | licence | learnt from | labels | accuracy | macro F1 | ECE |
| --- | --- | --- | --- | --- | --- | --- | --- |
{figures}

Several sets state no licence or are meant for research: ask their owners before you sell what is built on this model.
No text of them is part of it; its vocabulary holds strings of one to three characters and short words.

Rows learnt from: {rows}. Left out of them is every text that stands in a dev or test part of any set above, also where
it differs only in width, letter case, spaces or punctuation, and every text whose copies have different labels. The
sets share many reviews; figures published on chnsenticorp, whose own parts overlap, are higher for that reason.

SMP2020 and NLPCC 2013 labels become polarity and emotions by the mappings in `sentimo.core.labels` (happy and like are
joy and positive; surprise has no polarity and is left out of it). The labels of weibo-emotion-8 are those of NLPCC.

## Limits

- It counts n-grams: irony, long-range negation ("不是说不好") and comparison are beyond it.
- Reviews taught it negative and positive, microblogs also neutral: a factual sentence in the style of a review is often
  given a side. On dialogue (cped, not learnt from) it is poor.
- Disgust and fear are rare in the data and often missed. Traditional characters and classical Chinese are hardly known.
- Words for groups of people carry the weight that the data gives them; do not judge persons by its answers.

## How it was made

`python recipes/default_zh.py`: TF-IDF of character 1-3-grams, words, word pieces and signs ({n_features} n-grams),
multinomial logistic regression (C = 8), 8-bit weights, temperature fitted on dev, seed {seed}. All figures, label by
label: `report.json`.
"""


def main(target: Path) -> None:
    """Train, judge and save the model."""
    data = load()
    baseline = fit_baseline(data, seed=SEED, max_features=MAX_FEATURES)
    reports = judge(baseline)

    def add_card(folder: Path) -> None:
        figures = {name: report.to_dict() for name, report in reports.items()}
        (folder / "report.json").write_text(json.dumps(figures, ensure_ascii=False) + "\n", "utf-8")
        (folder / "README.md").write_text(card(data, reports), "utf-8")

    provenance = {
        "recipe": "recipes/default_zh.py",
        "sets": {task: [each.folder for each in SOURCES if each.task == task and each.trained] for task in SPACES},
        "rows": {task: [len(each.train), len(each.dev)] for task, each in data.items()},
    }
    bundle = baseline.write(target, name=NAME, languages=("zh",), provenance=provenance, overwrite=True, extra=add_card)
    for name, report in reports.items():
        for task in report.tasks.values():
            print(f"{name}: accuracy {task.figures['accuracy']}, macro F1 {task.figures['macro_f1']}")
    print(f"{bundle.path} {bundle.digest[:12]}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else BUILT_IN / "zh")
