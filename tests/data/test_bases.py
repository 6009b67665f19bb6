from __future__ import annotations

from pathlib import Path

import pytest
from tokenizers import Tokenizer

from sentimo.data.bases import ZH_SMALL, local_folder
from sentimo.engine.analyzer import BUILT_IN


def test_the_chinese_base_comes_with_sentimo():
    folder = local_folder(ZH_SMALL)

    assert folder is not None
    assert {"config.json", "model.int8.safetensors", "tokenizer.json", "README.md"} <= {
        each.name for each in folder.iterdir()
    }


@pytest.mark.parametrize("name", ["zh-small", "zh"])
def test_traditional_characters_are_read_as_simplified_ones(name):
    tokenizer = Tokenizer.from_file(str(BUILT_IN / name / "tokenizer.json"))

    assert (
        tokenizer.encode("這間餐廳的服務真的很差，嚇壞了！").ids
        == tokenizer.encode("这间餐厅的服务真的很差，吓坏了！").ids
    )
    assert tokenizer.encode("乾隆").ids != tokenizer.encode("干隆").ids  # simplified text uses 乾, too


def test_a_path_is_itself_and_a_hub_id_is_nowhere(tmp_path):
    assert local_folder(str(tmp_path)) == Path(tmp_path)
    assert local_folder("owner/name") is None
