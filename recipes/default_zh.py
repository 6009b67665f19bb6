"""A Chinese encoder with polarity, intensity and emotions: gather the data, train recipes/default_zh.yaml, judge it.

    python recipes/default_zh.py gather           # one file per task, set and part -> runs/default-zh
    python recipes/default_zh.py train            # minutes on a GPU, hours on two cores; --resume goes on
    python recipes/default_zh.py judge            # on every test part

The data folder is taken from SENTIMO_DATA (default: ../shared/data beside the repository). Every text of a dev or test
part of any Chinese set is left out of training, also where it differs only in width, letter case, spaces or
punctuation: the sets share many reviews with each other.
"""

from __future__ import annotations

from pathlib import Path

from defaults import MOST_DEV, SEED, Default, Row, Source, shuffled
from graded_zh import graded_sentences, intensity_by_marks

from sentimo.core.labels import EKMAN_7, MAPPINGS, POLARITY_3
from sentimo.core.predictions import EMOTIONS, POLARITY

GRADED, EVERY = 12_000, 3  # one in so many rows of polarity also teaches intensity

TWO_WAYS = ("negative", "positive")
SIX = tuple(label for label in EKMAN_7.labels if label != "disgust")
CPED_EMOTIONS = {
    "neutral": "neutral",
    "anger": "anger",
    "depress": "sadness",
    "sadness": "sadness",
    "happy": "joy",
    "relaxed": "joy",
    "grateful": "joy",
    "astonished": "surprise",
    "worried": "fear",
    "fear": "fear",
    "disgust": "disgust",
}
"""CPED's emotions in Ekman's groups; "other" positive and negative ones have none."""

SMP, NLPCC = "copy Apache-2.0; the set: shared task, research", "copy MIT; the set: shared task, research"
MICROBLOGS = (  # folder, labels, about, licence, emotions it tells apart
    ("smp2020-ewect-usual", "smp2020-6", "Weibo, general (SMP2020-EWECT)", SMP, SIX),
    ("smp2020-ewect-virus", "smp2020-6", "Weibo, COVID-19 (SMP2020-EWECT)", SMP, SIX),
    ("nlpcc2013-emotion", "nlpcc2013-8", "Weibo sentences (NLPCC 2013)", NLPCC, None),
)
SERIES = {"folder": "cped", "about": "lines of TV series (Chen et al. 2022)", "licence": "Apache-2.0; research"}
SOURCES = (
    Source("chnsenticorp-hotel", POLARITY, "hotel reviews (Tan & Zhang 2008)", among=TWO_WAYS),
    Source("online-shopping-10", POLARITY, "reviews of ten kinds of goods", among=TWO_WAYS),
    Source("chnsenticorp", POLARITY, "hotel, notebook and book reviews", "copy Apache-2.0; not stated", among=TWO_WAYS),
    Source("weibo-senti-subset", POLARITY, "Weibo, labels from emoticons that are in the text", among=TWO_WAYS),
    *(
        Source(folder, POLARITY, about, licence, MAPPINGS[f"{labels} -> polarity-3"])
        for folder, labels, about, licence, _ in MICROBLOGS
    ),
    Source(task=POLARITY, column="sentiment", **SERIES),
    Source("eprstmt", POLARITY, "electronics reviews (FewCLUE)", "academic research", among=TWO_WAYS, trained=False),
    *(
        Source(folder, EMOTIONS, about, licence, MAPPINGS[f"{labels} -> ekman-7"], among=among)
        for folder, labels, about, licence, among in MICROBLOGS
    ),
    # Its eight labels are those of NLPCC 2013.
    Source("weibo-emotion-8", EMOTIONS, "Weibo", "copy MIT; research", MAPPINGS["nlpcc2013-8 -> ekman-7"]),
    Source(task=EMOTIONS, mapping=CPED_EMOTIONS, **SERIES),
)

MODEL = Default("zh", Path(__file__).with_suffix(".yaml"), {POLARITY: POLARITY_3, EMOTIONS: EKMAN_7}, SOURCES)


def gather() -> None:
    """Write the sets, and graded sentences and real texts with a weak intensity."""
    learnt = MODEL.gather()
    graded = list(graded_sentences(GRADED, SEED))
    n = len(graded) // 10
    MODEL.write("polarity-graded-train", [Row(each.text, each.polarity) for each in graded[n:]])
    real = shuffled([row for source, row in learnt if source.task == POLARITY][::EVERY])
    real = [Row(row.text, 0.05 if row.label == "neutral" else intensity_by_marks(row.text)) for row in real]
    made = [Row(each.text, each.intensity) for each in graded]
    MODEL.write("intensity-dev", [*real[:MOST_DEV], *made[: min(n, MOST_DEV)]])
    MODEL.write("intensity-train", [*real[MOST_DEV:], *made[n:]])


if __name__ == "__main__":
    MODEL.main(__doc__, gather)
