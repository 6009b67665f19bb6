from __future__ import annotations

import pytest

from sentimo.data.lexicons import FORMATS, LexiconFile, read_lexicon
from sentimo.errors import DataError


def written(tmp_path, content, name="list.txt", encoding="utf-8"):
    path = tmp_path / name
    path.write_bytes(content.encode(encoding))
    return path


SAMPLES = {
    "csv": ("word,valence\ngood,0.5\nbad,-0.5\n", "list.csv", {"en": {"good": 0.5, "bad": -0.5}}),
    "vader": (
        "good\t1.9\t0.9434\t[2, 1, 1, 3, 2, 4, 2, 2, 1, 1]\n:(\t-1.9\t1.13578\t[-2, -3, -2, 0, -1, -1]\n",
        "vader_lexicon.txt",
        {"en": {"good": 0.475, ":(": -0.475}},
    ),
    "afinn": ("abandon\t-2\nbreathtaking\t5\n", "AFINN-111.txt", {"en": {"abandon": -0.4, "breathtaking": 1.0}}),
    "nrc-vad": (
        "Word\tValence\tArousal\tDominance\nlove\t1.000\t0.519\t0.673\ntable\t0.52\t0.2\t0.4\nawful\t0.1\t0.6\t0.4\n",
        "NRC-VAD-Lexicon.txt",
        {"en": {"love": 1.0, "awful": -0.8}},
    ),
    "hownet": (
        "中文正面评价词语\t3730\n\n不败之地\n爱不释手 \n",
        "正面评价词语（中文）.txt",
        {"zh": {"不败之地": 0.6, "爱不释手": 0.6}},
    ),
    "dutir": (
        "词语,词性种类,词义数,词义序号,情感分类,强度,极性\n脏乱,adj,1,1,NN,9,2\n糟报,adj,1,1,NN,5,0\n英明,adj,1,1,PH,3,1\n",
        "dutir.csv",
        {"zh": {"脏乱": -1.0, "英明": 0.3333}},
    ),
    "boson": (
        "最尼玛 -6.70400012637\n好 2.0\n的 0.01\n",
        "BosonNLP_sentiment_score.txt",
        {"zh": {"最尼玛": -1.0, "好": 0.4}},
    ),
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_seen_and_scaled(name, tmp_path):
    content, file, words = SAMPLES[name]
    path = written(tmp_path, content, file)

    assert read_lexicon(path).words == words
    assert read_lexicon(LexiconFile(path, name)).words == words


def test_lists_in_gbk_are_read(tmp_path):
    path = written(
        tmp_path, "中文负面情感词语\t2\n" + "\n".join(["讨厌", "憎恨", "伤心", "难过"] * 20) + "\n", "负面.txt", "gbk"
    )

    assert read_lexicon(path).words["zh"]["讨厌"] == -0.6


def test_a_folder_of_hownet_is_read_whole(tmp_path):
    written(tmp_path, "好\n", "正面情感词语.txt")
    written(tmp_path, "坏\n", "负面情感词语.txt")
    written(tmp_path, "很\n", "程度级别词语.txt")

    assert read_lexicon(tmp_path).words == {"zh": {"好": 0.6, "坏": -0.6}}


def test_the_second_version_of_nrc_vad_is_seen_by_its_signs(tmp_path):
    path = written(tmp_path, "term\tvalence\tarousal\tdominance\nlove\t1.0\t0.5\t0.6\nawful\t-0.8\t0.6\t0.4\n")

    assert read_lexicon(path).words == {"en": {"love": 1.0, "awful": -0.8}}


def test_words_listed_twice_get_the_mean(tmp_path):
    path = written(tmp_path, "word,polarity,strength\n骄傲,positive,5\n骄傲,negative,3\n", "list.csv")

    assert read_lexicon(path).words == {"zh": {"骄傲": 0.2}}


@pytest.mark.parametrize(
    ("content", "format", "says"),
    [
        ("good\t3\nbad\tmuch\n", "afinn", "line 2: 'much' is no number"),
        ("good\t9\n", "afinn", "line 1: 'good' has the valence 1.8 after scaling"),
        ("good\n", "vader", "line 1: 'good'; expected 2 cells or more"),
        ("word,colour\ngood,red\n", "csv", "expected word and valence"),
        ("word,polarity\ngood,nice\n", "csv", "line 2: polarity 'nice'"),
        ("词语,强度,极性\n好,5,7\n", "dutir", "line 2: 极性 '7'"),
        ("good\nbad\n", "hownet", "neither its name nor its first line"),
        ("some prose, without any order\nin it\n", None, "the format cannot be seen; say which: csv"),
        ("", None, "empty"),
        ("word,valence\n", None, "no word in it"),
        ("good\t3\n", "afin", "Did you mean 'afinn'"),
    ],
)
def test_bad_files_are_told(content, format, says, tmp_path):
    with pytest.raises(DataError, match=says):
        read_lexicon(LexiconFile(written(tmp_path, content), format))


def test_a_spreadsheet_is_told_what_to_do(tmp_path):
    with pytest.raises(DataError, match="save it as CSV"):
        read_lexicon(written(tmp_path, "PK", "dutir.xlsx"))


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(DataError, match="nowhere.txt: cannot be read"):
        read_lexicon(tmp_path / "nowhere.txt")
