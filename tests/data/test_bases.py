from __future__ import annotations

from pathlib import Path

from sentimo.data.bases import ZH_SMALL, local_folder


def test_the_chinese_base_comes_with_sentimo():
    folder = local_folder(ZH_SMALL)

    assert folder is not None
    assert {"config.json", "model.int8.safetensors", "tokenizer.json", "README.md"} <= {
        each.name for each in folder.iterdir()
    }


def test_a_path_is_itself_and_a_hub_id_is_nowhere(tmp_path):
    assert local_folder(str(tmp_path)) == Path(tmp_path)
    assert local_folder("owner/name") is None
