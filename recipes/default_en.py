"""Make the built-in English model: gather the data, train recipes/default_en.yaml, let it compute in 8 bit, judge it.

    python recipes/default_en.py                  # all of it, or step by step:
    python recipes/default_en.py gather           # one file per task, set and part -> runs/default-en
    python recipes/default_en.py train            # under three hours on two cores with AVX-512 bf16; --resume goes on
    python recipes/default_en.py judge            # what was trained, on every test part
    python recipes/default_en.py store            # in 8 bit, judged, with its card -> src/sentimo/models/en
    python recipes/default_en.py card             # the card alone, anew from the records of the stored model

The data folder is taken from SENTIMO_DATA (default: ../shared/data beside the repository). Every text of a dev or test
part of any English set is left out of training, also where it differs only in letter case, spaces or punctuation.
"""

from __future__ import annotations

from pathlib import Path

from defaults import MOST_DEV, SEED, Default, Row, Source
from graded_en import graded_sentences

from sentimo.core.labels import EKMAN_7, GOEMOTIONS_28, INTENSITY, MAPPINGS, POLARITY_3
from sentimo.core.predictions import EMOTIONS, POLARITY
from sentimo.text.normalise import folded

GRADED = 24_000
TWO_WAYS = ("negative", "positive")
FIVE = ("anger", "fear", "joy", "sadness", "surprise")
NO_TEST = {"test": "dev", "licence": "task terms: research"}

SST, SERIES = "film reviews (Socher et al. 2013)", "lines of the TV series Friends (Poria et al. 2019)"
EMOBANK, REDDIT = "news, blogs, fiction, letters (Buechel & Hahn 2017)", "Reddit comments (Demszky et al. 2020)"

SOURCES = (
    Source(
        "tweeteval-sentiment",
        POLARITY,
        "tweets (Rosenthal et al. 2017; Barbieri et al. 2020)",
        "task and Twitter terms: research",
        published="macro recall 0.713 RoBERTa-base, 0.726 retrained on tweets (Barbieri et al. 2020)",
    ),
    Source("sst5", POLARITY, SST, mapping=MAPPINGS["sentiment-5 -> polarity-3"]),
    Source(
        "sst2",
        POLARITY,
        f"{SST}, sentences and phrases",
        among=TWO_WAYS,
        train=("train_phrases",),
        published="accuracy 0.935 BERT-base (Devlin et al. 2019, GLUE's test part)",
    ),
    Source("airline-tweets", POLARITY, "tweets to airlines (CrowdFlower 2015)", "CC BY-NC-SA 4.0"),
    Source(
        "financial-phrasebank",
        POLARITY,
        "financial news (Malo et al. 2014)",
        "CC BY-NC-SA 3.0",
        published="accuracy 0.86, macro F1 0.84 FinBERT (Araci 2019; another split)",
    ),
    Source("meld", POLARITY, SERIES, "copy GPL-3.0; research", column="sentiment"),
    Source("sst5", "intensity", SST, column="intensity", scale=lambda share: abs(2 * share - 1)),
    Source(
        "emobank", "intensity", EMOBANK, "CC BY-SA 4.0", column="valence", scale=lambda valence: abs(valence - 3) / 2
    ),
    Source(
        "semeval2018-valence",
        "intensity",
        "tweets (Mohammad et al. 2018); dev part",
        column="valence",
        scale=lambda share: abs(2 * share - 1),
        **NO_TEST,
    ),
    Source(
        "goemotions",
        EMOTIONS,
        REDDIT,
        "Apache-2.0",
        MAPPINGS["goemotions-28 -> ekman-7"],
        column="labels",
        published="macro F1 0.64 BERT-base (Demszky et al. 2020; several labels per text)",
    ),
    Source("meld", EMOTIONS, SERIES, "copy GPL-3.0; research"),
    Source(
        "emotion-6",
        EMOTIONS,
        "tweets, labels from hashtags (Saravia et al. 2018)",
        "research and education only",
        {**{label: label for label in FIVE}, "love": "joy"},
        among=FIVE,
    ),
    Source(
        "goemotions",
        "goemotions",
        REDDIT,
        "Apache-2.0",
        column="labels",
        most_dev=6_000,  # thresholds of rare labels need them
        published="macro F1 0.46 BERT-base (Demszky et al. 2020)",
    ),
)

MODEL = Default(
    "en",
    Path(__file__).with_suffix(".yaml"),
    {POLARITY: POLARITY_3, "intensity": INTENSITY, EMOTIONS: EKMAN_7, "goemotions": GOEMOTIONS_28},
    SOURCES,
    compression="qat8",
    seeds=(13, 14),
)


def gather() -> None:
    """Write the sets, and graded sentences."""
    MODEL.gather()
    graded = [each for each in graded_sentences(GRADED, SEED) if folded(each.text) not in MODEL.held_out]
    MODEL.write("polarity-graded-train", [Row(each.text, each.polarity) for each in graded[MOST_DEV:]])
    MODEL.write("intensity-graded-train", [Row(each.text, each.intensity) for each in graded[MOST_DEV:]])
    MODEL.write("intensity-graded-dev", [Row(each.text, each.intensity) for each in graded[:MOST_DEV]])


ABOUT = """
Fine-tuned from all-MiniLM-L6-v2 (Apache-2.0; Wang et al. 2020, Reimers & Gurevych 2019), 22.7 million weights, at most
128 tokens at once. It computes products in 8 bit, with fixed ranges, so that no answer depends on the processor or on
what else is in its batch; the network learnt to live with that, and the table under "In 8 bit" shows what is lost.

## Data, licences and figures

Figures of the model as it is here on the test part of each set, with 95 % bootstrap intervals. A set that does not tell
all labels apart (2 labels: no neutral rows; 5: no disgust, no neutral) judges the model between its own: the
probability of the others is shared out. References are those known to us; with others' splits they compare roughly.

| task | set | stated licence | learnt | labels | rows | accuracy | macro F1 | macro recall | ECE | published |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
{rows}

Several sets state no licence or are for research or non-commercial use: ask their owners before you sell what is built
on this model; `sentimo train` makes one from labels of your own. No text of the sets is in this folder.

Left out of training is every text that stands in a dev or test part of any set above, or of another English set of the
same collection, also where it differs only in letter case, spaces or punctuation ({left_out} texts of the train parts),
and every text whose copies have different labels, in one set or in several that teach the same task.

SST-5's classes fold to three. Emotions are Ekman's six and neutral, by GoEmotions' official grouping; texts whose
labels fall into several groups were left out of this task. Love in emotion-6 is joy, as in that grouping. Intensity is
the distance from neutral, whatever the sign: ``|2 i - 1|`` of SST-5's class i in 0..1 and of valence in 0..1,
``|v - 3| / 2`` of EmoBank's valence v in 1..5.

Beside them it learnt 23,300 sentences made for it (`recipes/graded_en.py`): words of praise and blame with adverbs of
degree, negation, contrast, comparison, wishes, conditions, reports, quotes, irony, slang, marks, emoji, long stories,
and facts and questions without a side; a tenth of them with misspelt words. 6 % of all rows were learnt from once more
with a few words mistyped, and once more with something around them that says nothing: a speaker, a heading, a number.
And it learnt {written} sentences, twice per epoch, that a large language model wrote one by one from a guide, with
their polarity and emotion (`recipes/written.md`): idioms, irony and its sincere look-alikes, reported views, events
that tell a feeling without naming it, reviews, posts, chat, dialogue; some 1,080 of them on what an earlier model had
been found weak in. About 1,000 are critics' sentences typed as SST is. {written_dev} more were among those that the
epoch was chosen and the confidence calibrated on.

## Phenomena

`sentimo phenomena src/sentimo/models/en`, sentences written one by one that nothing was trained on (see
docs/phenomena.md): {share}. Candidates for this model were looked at on them beside the dev rows, so the share flatters
a little. By group: {groups}.

What stands around the sentences of surroundings is none of the words that augmentation puts there. None of the
sentences made for training stands in the suite, nor does any set phrase of
their lists; a few frames that everybody uses stand in both. The makers of both knew what language does and had seen
what an earlier model got wrong. The writers of the sentences above had not seen the suite; those of the last part were
told what kinds of sentences an earlier model failed at. No sentence of theirs shares six words in a row with it, but
idioms of the suite occur in them, and the same kind of author wrote both. Sentences of the same kinds by others may be
harder for it.

## Limits

- It knows tweets, film reviews, financial news, Reddit comments and lines of one TV series. Expect less on legal and
  medical texts. Texts in other languages and scripts get an answer too: it means nothing.
- Four of 13 ironic sentences of the suite are missed, and 6 of 14 good or bad events told plainly get no side or the
  wrong one. Praise by denial (you won't find a kinder vet) is often read as blame, praise of a rival (the old one was
  better) as praise of the thing. A joke, a name, slang or a sum of praise and blame may have an emotion that does not
  fit its polarity, and strong blame (absolutely terrible) is often read as fear.
- Its 28 emotions are five points of macro F1 behind `minilm` fine-tuned on GoEmotions alone (0.545, docs/results.md).
  The dev rows of intensity are a third made sentences; on ratings by people see the table above.
- Emotions describe the text, not its author. Annotators of GoEmotions agree moderately; rare emotions (grief, pride,
  relief) rest on few rows. Dialogue (meld) is its weakest field: many lines mean nothing without those before them.

## Not for

Judging or deciding about persons, by what they wrote or by what is written about them: groups of people and names were
not balanced in the data. Diagnosis, counselling and anything else where a wrong answer harms somebody and nobody looks.

## Compute

Two epochs in bf16 on two processor cores (AVX-512 bf16) with one seed and two with another, 80 minutes each. The
weights of both were averaged (Wortsman et al. 2022): on the dev rows that was better than either at polarity and
GoEmotions, between them at emotions, last at intensity. No difference is sure. Learning to compute in 8 bits took 20
minutes more.

The figures at the end are of the dev rows, by which the epoch was chosen and on which temperatures and thresholds were
fitted: those above are the ones to quote.

## In 8 bit

The network before and after, on dev rows that chose nothing, with thresholds that were not fitted on them:

{compressed}
"""


if __name__ == "__main__":
    MODEL.main(__doc__, gather, ABOUT)
