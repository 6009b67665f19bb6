"""A small bilingual data set, a tiny encoder that can read it, and one model trained from both."""

from __future__ import annotations

import csv
import json
import signal

import pytest

signal.signal(signal.SIGINT, signal.default_int_handler)  # `nohup make test &` starts without: Ctrl-C is tested

# polarity | stars | intensity | emotions (separated by spaces) | text
SENTENCES = """
positive | 5 | 0.9 | joy         | I love this hotel, the room was warm and the staff were kind
positive | 5 | 0.8 | joy         | what a lovely film, great story and great music
positive | 4 | 0.6 | joy         | the food was good and the price was fine
positive | 4 | 0.5 |             | a fine phone with a good battery
positive | 5 | 1.0 | joy surprise | wow, the best book I ever read, I am so happy
positive | 4 | 0.7 | joy         | superb service, we enjoyed the whole night
positive | 5 | 0.9 | surprise joy | I did not expect it, but the music was great
negative | 1 | 0.9 | anger       | I hate this phone, the screen was broken after a day
negative | 1 | 1.0 | anger       | awful service, the staff were rude and slow
negative | 2 | 0.7 | sadness     | the film was sad and the story was poor
negative | 2 | 0.6 | sadness     | a bad book, I am so sad about the price
negative | 1 | 0.8 | anger sadness | the room was dirty and nobody came, I am angry
negative | 2 | 0.5 |             | poor food, and not warm at all
negative | 1 | 0.9 | fear        | the night in this hotel was awful, I was so scared
neutral  | 3 | 0.1 |             | the parcel arrived on Tuesday
neutral  | 3 | 0.0 |             | the meeting is on Friday at noon
neutral  | 3 | 0.2 | surprise    | the phone has two screens and one battery
neutral  | 3 | 0.1 |             | there are ten rooms in the hotel
neutral  | 3 | 0.2 |             | the book has three hundred pages
neutral  | 3 | 0.1 |             | the film starts at nine in the evening
positive | 5 | 0.9 | joy         | 这家酒店真好，房间很温暖，服务热情
positive | 5 | 0.8 | joy         | 质量很好，物流也快，非常满意
positive | 4 | 0.6 | joy         | 味道不错，价格合适
positive | 4 | 0.5 |             | 手机很好用，电池不错
positive | 5 | 1.0 | joy surprise | 太惊喜了，这是我读过最好的书，真开心
positive | 4 | 0.7 | joy         | 服务很好，我们很喜欢这个晚上
positive | 5 | 0.9 | joy         | 音乐很好，故事很好，我喜欢
negative | 1 | 0.9 | anger       | 我讨厌这个手机，屏幕一天就坏了
negative | 1 | 1.0 | anger       | 服务太差了，员工态度恶劣，真生气
negative | 2 | 0.7 | sadness     | 电影很难过，故事很差
negative | 2 | 0.6 | sadness     | 书很差，价格让我难过
negative | 1 | 0.8 | anger sadness | 房间很脏，没有人来，我很生气
negative | 2 | 0.5 |             | 味道很差，一点也不热
negative | 1 | 0.9 | fear        | 酒店的晚上太可怕了，我很害怕
neutral  | 3 | 0.1 |             | 包裹星期二到了
neutral  | 3 | 0.0 |             | 会议在星期五中午
neutral  | 3 | 0.2 | surprise    | 手机有两个屏幕和一个电池
neutral  | 3 | 0.1 |             | 酒店有十个房间
neutral  | 3 | 0.2 |             | 这本书有三百页
neutral  | 3 | 0.1 |             | 电影晚上九点开始
"""
OPENINGS = {"en": ("", "well, ", "friends, "), "zh": ("", "说实话，", "朋友们，")}


def labelled_rows():
    """Return 120 rows, each a dictionary of all labels and the text."""
    rows = []
    for opening in range(3):
        for line in SENTENCES.strip().splitlines():
            polarity, stars, intensity, emotions, text = (cell.strip() for cell in line.split("|"))
            start = OPENINGS["en" if text.isascii() else "zh"][opening]
            labels = {"polarity": polarity, "stars": stars, "intensity": float(intensity), "emotions": emotions.split()}
            rows.append({"text": start + text, **labels})
    return rows


@pytest.fixture(scope="session")
def labelled(tmp_path_factory):
    """Folder with one file per task: polarity.csv, stars.csv, intensity.csv and emotions.jsonl."""
    folder, rows = tmp_path_factory.mktemp("labelled"), labelled_rows()
    for task in ("polarity", "stars", "intensity"):
        with (folder / f"{task}.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([["text", task], *([row["text"], row[task]] for row in rows)])
    lines = [json.dumps({"text": row["text"], "emotions": row["emotions"]}, ensure_ascii=False) for row in rows]
    (folder / "emotions.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    return folder


@pytest.fixture(scope="session")
def encoder(tmp_path_factory):
    """Folder of a BERT that knows every word and sign of the rows: 2 layers of width 128, 64 positions."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    from sentimo.train.encoder import quiet_transformers

    pieces = pre_tokenizers.BertPreTokenizer()
    normalizer = normalizers.BertNormalizer()
    words = {
        word for row in labelled_rows() for word, _ in pieces.pre_tokenize_str(normalizer.normalize_str(row["text"]))
    }
    vocabulary = {word: at for at, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *sorted(words)])}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, pieces
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])]
    )
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=256,
        max_position_embeddings=64,
    )
    folder = tmp_path_factory.mktemp("encoder")
    with torch.random.fork_rng(), quiet_transformers():
        torch.manual_seed(0)
        BertModel(config).save_pretrained(folder)
    names = {"unk_token": "[UNK]", "pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def multi_task(labelled, encoder):
    """A recipe with one task of each kind, each from its own file, on one thread."""
    from sentimo.train.recipe import parse_recipe

    return parse_recipe(
        {
            "name": "four tasks",
            "base": str(encoder),
            "tasks": [
                {"name": "polarity", "train": labelled / "polarity.csv", "space": "polarity-3"},
                {"name": "emotions", "train": labelled / "emotions.jsonl"},
                {"name": "stars", "train": labelled / "stars.csv", "kind": "ordinal"},
                {"name": "intensity", "train": labelled / "intensity.csv", "space": "intensity"},
            ],
            "max_tokens": 32,
            "batch_size": 8,
            "epochs": 3,
            "optimiser": {"learning_rate": 1e-3},
            "precision": "fp32",
            "threads": 1,
        }
    )


@pytest.fixture(scope="session")
def trained(multi_task, tmp_path_factory):
    """What training that recipe gave; nobody may change its bundle."""
    from sentimo.train.run import train

    return train(multi_task, tmp_path_factory.mktemp("models") / "four", about="Made for tests.")


@pytest.fixture(scope="session")
def n_grams(labelled, tmp_path_factory):
    """A saved n-gram model of polarity."""
    from sentimo.core.labels import POLARITY_3
    from sentimo.data.dataset import load_dataset
    from sentimo.data.reading import Reading
    from sentimo.train.baselines import fit_baseline
    from sentimo.train.tasks import TaskData

    reading = Reading("text", "polarity")
    rows = load_dataset([labelled / "polarity.csv"], reading, task="polarity", space=POLARITY_3).examples
    folder = tmp_path_factory.mktemp("n-grams") / "model"
    fitted = fit_baseline({"polarity": TaskData(POLARITY_3, rows, [], [])})
    return fitted.write(folder, name="n-grams", languages=("en", "zh"), provenance={})
