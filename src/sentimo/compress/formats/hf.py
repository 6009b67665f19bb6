"""A folder that transformers loads: as a sequence classification where it has one, else the encoder and our heads."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoModelForSequenceClassification

from sentimo.compress.formats import TOKENIZER_FILES, Runner
from sentimo.core.bundle import HEADS_CONFIG, HEADS_FILE, TORCH_WEIGHTS, Bundle
from sentimo.engine.backends.onnx import GRAPH
from sentimo.engine.calibration import calibrated
from sentimo.errors import InputError
from sentimo.train.encoder import open_base, quiet_transformers
from sentimo.train.network import HeadedNetwork, load_network

README = "README.md"


def export_hf(bundle: Bundle, target: Path) -> Runner:
    """Write config.json, model.safetensors and the tokenizer; temperatures are multiplied into the last layers.

    A model with transformers' own head loads in ``AutoModelForSequenceClassification``; several tasks give their
    logits in a row, labels named ``task/label``. Heads of Sentimo's own (mean pooling, attention) have no class in
    transformers: then ``AutoModel`` loads the encoder, ``heads.safetensors`` holds the heads, and README.md the lines
    of torch that apply them.

    Raises:
        InputError: the bundle holds no torch weights, or its heads are attention heads.
    """
    if TORCH_WEIGHTS not in bundle.files:
        what = "a graph alone, as compressed models do" if GRAPH in bundle.files else "n-grams"
        raise InputError(
            f"{bundle.path} holds {what}; format hf needs the torch weights of an encoder ({TORCH_WEIGHTS})"
        )
    base = open_base(str(bundle.path))
    network = load_network(base, {task.name: task.space for task in bundle.manifest.tasks})
    own_heads = isinstance(network, HeadedNetwork)
    if isinstance(network, HeadedNetwork) and network.weighing:
        weighing = ", ".join(network.weighing)
        raise InputError(
            f"{bundle.path}: attention heads ({weighing}) have no counterpart in transformers; use format onnx"
        )
    with torch.no_grad():
        for task in bundle.manifest.tasks:
            layer, part = network.outputs()[task.name]  # type: ignore[operator]
            if task.space.range is None:
                layer.weight[part] /= task.temperature
                layer.bias[part] /= task.temperature
    target.mkdir(parents=True, exist_ok=True)
    network.save(target)  # type: ignore[operator]
    for name in TOKENIZER_FILES:
        if name in bundle.files:
            shutil.copyfile(bundle.file(name), target / name)
    (target / README).write_text(_readme(bundle, own_heads=own_heads), "utf-8")
    return _headed(bundle, target) if own_heads else _native(bundle, target)


def _native(bundle: Bundle, folder: Path) -> Runner:
    with quiet_transformers():
        model = AutoModelForSequenceClassification.from_pretrained(folder, local_files_only=True).eval()

    @torch.no_grad()
    def run(ids: NDArray[np.int64], mask: NDArray[np.int64]) -> Mapping[str, NDArray[np.float32]]:
        logits = model(input_ids=torch.from_numpy(ids), attention_mask=torch.from_numpy(mask)).logits.numpy()
        found, start = {}, 0
        for task in bundle.manifest.tasks:
            found[task.name] = calibrated(task.space, logits[:, start : start + len(task.space)])
            start += len(task.space)
        return found

    return run


def _headed(bundle: Bundle, folder: Path) -> Runner:
    """Run the lines of the README: what is proven is what users are told to write."""
    names: dict[str, Any] = {"folder": str(folder)}
    with quiet_transformers():
        exec(_lines(bundle), names)

    def run(ids: NDArray[np.int64], mask: NDArray[np.int64]) -> Mapping[str, NDArray[np.float32]]:
        logits = names["logits"](torch.from_numpy(ids), torch.from_numpy(mask))
        return {task.name: calibrated(task.space, logits[task.name].numpy()) for task in bundle.manifest.tasks}

    return run


def _lines(bundle: Bundle) -> str:
    settings = json.loads(bundle.file(HEADS_CONFIG).read_text("utf-8"))
    pooling = {task: each["pooling"] for task, each in settings.items()}
    return f"""import torch
from safetensors.torch import load_file
from transformers import AutoModel, AutoTokenizer

encoder = AutoModel.from_pretrained(folder).eval()
tokenizer = AutoTokenizer.from_pretrained(folder)
heads = load_file(f"{{folder}}/{HEADS_FILE}")
pooling = {pooling!r}


@torch.no_grad()
def logits(input_ids, attention_mask):
    hidden = encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
    mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
    last = attention_mask.sum(1) - 1
    pooled = {{
        "mean": (hidden * mask).sum(1) / mask.sum(1),
        "first": hidden[:, 0],
        "last": hidden[torch.arange(len(hidden)), last],
    }}
    return {{
        task: torch.nn.functional.linear(pooled[how], heads[f"{{task}}.output.weight"], heads[f"{{task}}.output.bias"])
        for task, how in pooling.items()
    }}
"""


def _readme(bundle: Bundle, *, own_heads: bool) -> str:
    tasks = "\n".join(
        f"| {task.name} | {task.space.kind} | {', '.join(task.space.labels)} |" for task in bundle.manifest.tasks
    )
    how = (
        f"`AutoModel` loads the encoder; the heads are in `{HEADS_FILE}`:\n\n```python\n{_lines(bundle)}```"
        if own_heads
        else "`AutoModelForSequenceClassification` and `AutoTokenizer` load this folder. Several tasks give their "
        "logits in a row, labels named `task/label`."
    )
    return (
        f"# {bundle.manifest.name}\n\nWritten by `sentimo export --format hf` from bundle {bundle.digest[:12]}.\n\n"
        f"| task | kind | labels |\n| --- | --- | --- |\n{tasks}\n\n{how}\n\n"
        "Softmax (single, ordinal) or sigmoid (multi, score) of the logits gives calibrated scores: temperatures are "
        "inside the weights. Thresholds of multi-label tasks are not; without them each label counts from 0.5.\n"
    )
