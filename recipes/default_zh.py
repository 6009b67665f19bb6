"""Make the built-in Chinese model: gather the data, train recipes/default_zh.yaml, store it in 8 bit, judge it.

    python recipes/default_zh.py                  # all of it, or step by step:
    python recipes/default_zh.py gather           # one file per task, set and part -> runs/default-zh
    python recipes/default_zh.py train            # two and a half hours on two cores; --resume goes on
    python recipes/default_zh.py judge            # what was trained, on every test part
    python recipes/default_zh.py store            # in 8 bit, judged, with its card -> src/sentimo/models/zh
    python recipes/default_zh.py card             # the card alone, anew from the records of the stored model

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
from sentimo.text.normalise import folded

GRADED, EVERY = 24_000, 3  # one in so many rows of polarity also teaches intensity

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
    Source(
        "chnsenticorp",
        POLARITY,
        "hotel, notebook and book reviews",
        "copy Apache-2.0; not stated",
        among=TWO_WAYS,
        published="accuracy 0.943 BERT-base, 0.954 ERNIE (Sun et al. 2019; a quarter of the test texts stand in train)",
    ),
    Source("weibo-senti-subset", POLARITY, "Weibo, labels from emoticons that are in the text", among=TWO_WAYS),
    *(
        Source(folder, POLARITY, about, licence, MAPPINGS[f"{labels} -> polarity-3"])
        for folder, labels, about, licence, _ in MICROBLOGS
    ),
    Source(task=POLARITY, column="sentiment", **SERIES),
    Source(
        "eprstmt",
        POLARITY,
        "electronics reviews (FewCLUE)",
        "academic research",
        among=TWO_WAYS,
        trained=False,
        published="accuracy 0.737 fine-tuned, 0.885 P-tuning (RoBERTa, 32 examples), 0.900 people (FewCLUE)",
    ),
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
    graded = [each for each in graded_sentences(GRADED, SEED) if folded(each.text) not in MODEL.held_out]
    n = len(graded) // 10
    MODEL.write("polarity-graded-train", [Row(each.text, each.polarity) for each in graded[n:]])
    real = shuffled([row for source, row in learnt if source.task == POLARITY][::EVERY])
    real = [Row(row.text, 0.05 if row.label == "neutral" else intensity_by_marks(row.text)) for row in real]
    made = [Row(each.text, each.intensity) for each in graded]
    MODEL.write("intensity-dev", [*real[:MOST_DEV], *made[: min(n, MOST_DEV)]])
    MODEL.write("intensity-train", [*real[MOST_DEV:], *made[n:]])


ABOUT = """
Fine-tuned from [zh-small](../zh-small/README.md), 14.6 million weights, at most 256 tokens at once; weights are stored
in 8 bit and computed with in float, so answers are the same on every processor.

## Data, licences and figures

Figures of the model as it is here on the test part of each set, with 95 % bootstrap intervals. A set that does not tell
all labels apart (2 labels: no neutral rows; 6: no disgust) judges the model between its own: the probability of the
others is shared out. References are those known to us; with others' splits and training data they compare roughly.

| task | set | stated licence | learnt | labels | rows | accuracy | macro F1 | macro recall | ECE | published |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
{rows}

Several sets state no licence or are meant for research: ask their owners before you sell what is built on this model;
`sentimo train` makes one from labels of your own. No text of the sets is in this folder.

Left out of training, also of that of zh-small, is every text that stands in a dev or test part of any set above, also
where it differs only in width, letter case, spaces or punctuation ({left_out} texts of the train parts). So is,
of what this model learnt, every text whose copies have different labels, in one set or in several that teach the same
task. The review sets share hundreds of reviews; figures of models that were trained without this are higher for it.
More texts of training left out, by `sentimo train`, stand at the end.

SMP2020 and NLPCC 2013 labels become polarity and emotions by the mappings in `sentimo.core.labels` (happy and like are
joy and positive; surprise has no polarity and is left out of it). The labels of weibo-emotion-8 are those of NLPCC.

No Chinese set with intensities can be had. Intensity is taught by sentences of graded strength, made for it
(`recipes/graded_zh.py`: 好 < 很好 < 非常好 < 好极了), and by adverbs of degree, strong words and exclamation marks in
real texts. Its figures below measure that rule and not people's judgement. About 21,600 made sentences also teach
polarity: praise and blame with negation, contrast, comparison, wishes, conditions, reports, quotes, irony, slang,
marks, emoji, long stories, and facts and questions without a side. 6 % of all rows were also learnt from with a few
characters mistyped as others that sound alike, as many with others that look alike, and as many with something around
them that says nothing: a speaker, a heading, a number.

And it learnt {written} sentences, twice per epoch, that a large language model wrote one by one from a guide, with
their polarity and emotion (`recipes/written.md`): set phrases, irony and its sincere look-alikes, reported views,
events that tell a feeling without naming it, reviews, posts, chat, dialogue; some 1,380 of them on what an earlier
model had been found weak in. {written_dev} more were among those that the epoch was chosen and the confidence
calibrated on.

## Phenomena

`sentimo phenomena src/sentimo/models/zh`, sentences written one by one that nothing was trained on (see
docs/phenomena.md): {share}. Candidates for this model were looked at on them beside the dev rows, so the share
flatters a little. By group: {groups}.

What stands around the sentences of surroundings is none of the words that augmentation puts there. None of the
sentences made for training stands in the suite, nor does any
set phrase of their lists; a few frames that everybody uses (早知道…就, 但凡…也) stand in both. The makers of both knew
what language does and had seen what an earlier model got wrong. The writers of the sentences above had not seen
the suite; those of the last part were told what kinds of sentences an earlier model failed at. No sentence of
theirs shares eight characters in a row with it, but set phrases of the suite occur in them, and the same kind of
author wrote both. Sentences of the same kinds by others may be harder for it.

## Limits

- It knows reviews of hotels and goods, microblogs and lines of TV series. Expect less on news, legal, medical or
  financial texts, and little on classical Chinese. Texts in other languages are not for it.
- Dialogue (cped) is its weakest field: many lines mean nothing without those before them.
- Reviews taught it negative and positive, microblogs also neutral: a fact told in the style of a review is often given
  a side. Of the suite, 3 of 13 ironic sentences and 2 of 8 sincere ones get no side or the wrong one, and so do 6 of 19
  conditions and wishes and 8 of 14 good or bad events told plainly, as in news (股价暴跌18%) and requests for help
  (订单三个星期了还没发货).
- Denied displeasure (没有理由不高兴, 不能更喜欢了) is often read as blame, denied pleasure (喜欢不起来) as praise.
- Words around a text (张三：) no longer pull it far, but quotation marks, list numbers and order numbers still can.
- Complaints are read as anger or as disgust (厌恶: dislike, in the labels of NLPCC). Fear is rare in the data and often
  missed. Emotions describe the text, not its author.
- Words pull it along: 节哀顺变 is blame. Slang that praises (炸裂) is often missed. Degrees are often ranked wrong.
- Traditional characters are read as their simplified ones, one by one (OpenCC's table); wording of Taiwan or Hong Kong
  was not learnt.
- Some of its labelled microblogs and much of what zh-small read are from early 2020: words of the pandemic carry what
  people felt then.

## Not for

Judging or deciding about persons, by what they wrote or by what is written about them: words for groups of people carry
the weight that the data gives them. Diagnosis, counselling and anything else where a wrong answer harms somebody and
nobody looks.

## Compute

Two epochs in bf16 on two processor cores (AVX-512 with bf16, no AMX), two and a half hours. zh-small took 11.6 minutes
on one H100 before that.

The figures at the end are of the dev rows, by which the epoch was chosen and on which temperatures and thresholds were
fitted: those above are the ones to quote.

## In 8 bit

The network before and after, on dev rows that chose nothing, with thresholds that were not fitted on them:

{compressed}
"""


if __name__ == "__main__":
    MODEL.main(__doc__, gather, ABOUT)
