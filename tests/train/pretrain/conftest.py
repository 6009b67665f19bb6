"""A tiny vocabulary and a few packed rows."""

from __future__ import annotations

import pytest
import torch

from sentimo.train.pretrain.corpus import packed
from sentimo.train.pretrain.encoder import Shape
from sentimo.train.pretrain.objectives import Special
from sentimo.train.pretrain.vocabulary import train_vocabulary

DOCUMENTS = [
    f"{opening}{sentence}"
    for opening in ("", "说实话，", "朋友们，", "today: ")
    for sentence in (
        "这家酒店真好，房间很温暖",
        "服务太差了，真生气",
        "the room was warm 😀",
        "包裹星期二到了",
        "价格合适，味道不错",
    )
]


@pytest.fixture(scope="session")
def vocabulary():
    return train_vocabulary(DOCUMENTS, size=520, characters=240)


@pytest.fixture(scope="session")
def shape(vocabulary):
    return Shape(vocabulary.get_vocab_size(), width=32, layers=2, heads=4, inner=48, positions=48)


@pytest.fixture
def special():
    return Special()


@pytest.fixture(scope="session")
def rows(vocabulary):
    return packed(DOCUMENTS * 8, vocabulary, 48)


@pytest.fixture(autouse=True)
def _same_start():
    torch.manual_seed(13)
