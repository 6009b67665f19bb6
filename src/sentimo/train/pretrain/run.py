"""Pre-training as a whole: files of plain text to a folder that `--base` opens."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor

from sentimo.errors import InputError, Interrupted, TrainingError
from sentimo.train.encoder import Base, load_encoder, open_base
from sentimo.train.precision import choose_precision
from sentimo.train.pretrain.corpus import is_held_out, lines, write_rows
from sentimo.train.pretrain.encoder import Shape
from sentimo.train.pretrain.extend import extend
from sentimo.train.pretrain.loop import Log, Plan, measure, pretrain
from sentimo.train.pretrain.objectives import OBJECTIVES, Special, continuations
from sentimo.train.pretrain.save import HEAD, save_base
from sentimo.train.pretrain.start import begin_with
from sentimo.train.pretrain.vocabulary import FIRST, LAST, MASK, PAD, SPECIAL_TOKENS, train_vocabulary
from sentimo.train.progress import Progress

_LARGEST_VOCABULARY = 1 << 16  # packed rows hold ids in two bytes
_PREPARED, _STATE, _HEAD_STATE, _BEFORE = "prepared.json", "state.pt", "head.pt", "before.json"


@dataclass(frozen=True)
class Pretraining:
    """The choices of a run.

    Attributes:
        base: Encoder to go on from; None learns a vocabulary and starts anew.
        objective: Key of `OBJECTIVES`.
        epochs: Times the corpus is read.
        rows: Packed rows per step.
        length: Tokens of a row, and the longest piece of a document.
        learning_rate: At its highest, after a twentieth of the steps. The default suits 32 rows, from a base or anew:
            ELECTRA-small was learnt at 5e-4 with 128 (arXiv:2003.10555, appendix A), BERT at 1e-4 with 256, and Adam's
            rate goes by the root of the batch (Malladi et al. 2022, arXiv:2205.10287).
        vocabulary: Tokens of a new vocabulary.
        extend: Most tokens that a base's vocabulary gets in addition.
        width, layers: Of an encoder that starts anew.
        held_out: Share of the documents that are kept to measure on.
        seed: Of all that is drawn.
    """

    base: str | None = None
    objective: str = "mlm"
    epochs: float = 3.0
    rows: int = 32
    length: int = 128
    learning_rate: float = 2e-4
    vocabulary: int = 10_000
    extend: int = 0
    width: int = 384
    layers: int = 6
    held_out: float = 0.02
    seed: int = 13

    def __post_init__(self) -> None:
        if self.objective not in OBJECTIVES:
            raise InputError(f"objective {self.objective!r} is not known; choose one of {', '.join(OBJECTIVES)}")
        if self.base is None and self.extend:
            raise InputError("a vocabulary that is made anew needs no extension; leave out extend or give a base")
        smallest = len(SPECIAL_TOKENS) + 256
        if not smallest < self.vocabulary < _LARGEST_VOCABULARY:
            raise InputError(f"vocabulary {self.vocabulary}: expected {smallest + 1} to {_LARGEST_VOCABULARY - 1}")
        if not 0.0 < self.held_out <= 0.5:
            raise InputError(f"held_out {self.held_out}: expected a share above 0, at most 0.5")
        if self.width % 32:
            raise InputError(f"width {self.width}: expected a multiple of 32, the width of an attention head")
        if min(self.epochs, self.rows, self.layers, self.width) <= 0 or self.length < 16:
            raise InputError("epochs, rows, layers and width must be positive, and length at least 16")


@dataclass(frozen=True)
class Outcome:
    """What a run gave.

    Attributes:
        folder: The new base.
        before, after: Held-out figures; see `objectives`. Of a base, `before` is what it says once the new head on top
            of it has been learnt while the encoder stood still; of a new encoder, chance.
        steps: Steps made.
        n_new_tokens: Tokens that the vocabulary got in addition.
        log: Lines of the loop.
    """

    folder: Path
    before: Log
    after: Log
    steps: int
    n_new_tokens: int
    log: list[Log]

    def to_dict(self) -> dict[str, Any]:
        """Return a plain dictionary for JSON."""
        return {**asdict(self), "folder": str(self.folder)}


def run(
    settings: Pretraining,
    texts: Sequence[Path],
    output: Path,
    *,
    resume: bool = False,
    overwrite: bool = False,
    console: Console | None = None,
) -> Outcome:
    """Pre-train an encoder.

    The corpus is read from disk document by document, tokenised once, and the packed rows lie in
    ``<output>.checkpoint`` until the end: it may be larger than memory.

    Args:
        settings: The choices.
        texts: Files of documents, see `corpus.lines`.
        output: Folder to make.
        resume: Go on with an interrupted run.
        overwrite: Replace a base that is already there.
        console: Where notes and progress go; None shows nothing.

    Raises:
        InputError: the base does not fit, a file cannot be read, or the output is taken.
        TrainingError: there is nothing to resume, or a run of other settings is in the way; too little text.
        Interrupted: Ctrl-C; `resume` goes on.
    """
    _check_output(output, overwrite=overwrite)
    work = output.parent / f"{output.name}.checkpoint"
    fingerprint = _fingerprint(settings, texts)
    progress = Progress(console)
    _check_work(work, fingerprint, resume=resume)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    base = None if settings.base is None else _fitting(open_base(settings.base))
    length = settings.length if base is None else base.most_tokens(settings.length)
    try:
        tokenizer, pieces = _prepared(work, fingerprint, settings, base, texts, progress)
        rows, held_out = (_rows(work / f"{part}.u16", length) for part in ("rows", "held-out"))
        if not len(rows) or not len(held_out):
            raise TrainingError(
                f"{len(rows)} rows to learn from and {len(held_out)} held out: give more text, or hold out a larger "
                "share"
            )
    except (InputError, TrainingError):
        if not resume:  # nothing was learnt that could be gone on with
            shutil.rmtree(work, ignore_errors=True)
        raise
    model, has_head = _model(settings, base, tokenizer, pieces, length)
    plan = _plan(settings, len(rows), device)
    progress.note(
        f"{len(rows):,} rows of {length} tokens, {len(held_out):,} held out; {plan.steps:,} steps of {plan.rows} rows"
    )
    try:
        before = _before(work, model, plan, rows, held_out, device, learn_head=base is not None and not has_head)
        progress.note(f"before: {_shown(before)}")
        log = _learnt(model, rows, held_out, plan, device, work / _STATE, progress)
    except Interrupted as stop:
        done = str(stop).partition(";")[0]
        raise Interrupted(f"{done}; the same command with --resume goes on from there") from None
    after = {name.removeprefix("held_out_"): value for name, value in log[-1].items() if name != "step"}
    progress.note(f"after: {_shown(after)}")
    found = Outcome(output, before, after, plan.steps, len(pieces), log)
    record = {"settings": asdict(settings), "texts": [path.name for path in texts], **found.to_dict()}
    head = model.guess if settings.objective == "mlm" else None
    new = output.parent / f".{output.name}.new"
    shutil.rmtree(new, ignore_errors=True)
    save_base(new, model.encoder, tokenizer, {**record, "folder": output.name}, head)
    shutil.rmtree(output, ignore_errors=True)
    new.rename(output)
    shutil.rmtree(work)
    return found


def _learnt(
    model: Any,
    rows: NDArray[np.uint16],
    held_out: NDArray[np.uint16],
    plan: Plan,
    device: torch.device,
    checkpoint: Path,
    progress: Progress,
) -> list[Log]:
    def show(line: Log) -> None:
        if "loss" in line:
            progress.step(int(line["step"]), line["loss"])

    with progress:
        progress.plan(plan.steps, 0)
        return pretrain(model, rows, held_out, plan, device=device, checkpoint=checkpoint, on_log=show)


def _check_output(output: Path, *, overwrite: bool) -> None:
    if not output.exists() or (output.is_dir() and not any(output.iterdir())):
        return
    if not (output.is_dir() and (output / "pretraining.json").is_file()):
        raise InputError(f"{output} exists and is not a base of ours; it is left as it is. Choose another folder.")
    if not overwrite:
        raise InputError(f"{output} already holds a base. Choose another folder, or replace it with --overwrite.")


def _check_work(work: Path, fingerprint: str, *, resume: bool) -> None:
    if resume and not work.is_dir():
        raise TrainingError(f"nothing to resume: no checkpoint in {work}. Start without --resume.")
    if not resume and work.exists():
        raise TrainingError(
            f"{work} holds the checkpoint of an earlier run. Go on with --resume, or delete it to start anew."
        )
    stored = work / _PREPARED
    if resume and stored.is_file() and json.loads(stored.read_text("utf-8"))["fingerprint"] != fingerprint:
        raise TrainingError(
            f"{work} is the checkpoint of a run with other settings or texts. Resume with those it was started with, "
            "or delete it to start anew."
        )


def _fingerprint(settings: Pretraining, texts: Sequence[Path]) -> str:
    files = [[path.name, path.stat().st_size if path.is_file() else -1] for path in texts]
    return hashlib.sha256(json.dumps([asdict(settings), files]).encode()).hexdigest()


def _fitting(base: Base) -> Base:
    """Return the base if `PackedBert` computes what it does.

    Raises:
        InputError: it does not; says why.
    """
    config, tokenizer = base.config, base.tokenizer
    wanted = {"model_type": "bert", "hidden_act": "gelu", "layer_norm_eps": 1e-12}
    for name, value in wanted.items():
        if (found := getattr(config, name, None)) != value:
            raise InputError(
                f"base {base.name!r} cannot be pre-trained further here: its {name} is {found!r}, expected {value!r}. "
                "Take a BERT-type encoder, such as minilm, zh-small or bert-base-chinese."
            )
    vocabulary = tokenizer.get_vocab()
    ids = [vocabulary.get(token) for token in SPECIAL_TOKENS]
    if None in ids or base.prefix != (vocabulary[FIRST],) or base.suffix != (vocabulary[LAST],):
        raise InputError(
            f"base {base.name!r} has other special tokens than {' '.join(SPECIAL_TOKENS)} (a text between {FIRST} and "
            f"{LAST}); pre-training needs those"
        )
    if len(vocabulary) >= _LARGEST_VOCABULARY:
        raise InputError(
            f"base {base.name!r} has {len(vocabulary):,} tokens; pre-training takes at most {_LARGEST_VOCABULARY - 1:,}"
        )
    return base


def _documents(texts: Sequence[Path], settings: Pretraining, *, held_out: bool) -> Iterator[str]:
    documents = chain.from_iterable(map(lines, texts))
    return (each for each in documents if is_held_out(each, settings.held_out) == held_out)


def _prepared(
    work: Path, fingerprint: str, settings: Pretraining, base: Base | None, texts: Sequence[Path], progress: Progress
) -> tuple[Tokenizer, dict[int, list[int]]]:
    """Return the tokenizer and which pieces new tokens stand for; write the packed rows, unless they are there."""
    stored, file = work / _PREPARED, work / "tokenizer.json"
    if stored.is_file():
        known = json.loads(stored.read_text("utf-8"))["pieces"]
        return Tokenizer.from_file(str(file)), {int(new): old for new, old in known.items()}
    work.mkdir(parents=True, exist_ok=True)
    pieces: dict[int, list[int]] = {}
    if base is None:
        progress.note("learning a vocabulary")
        characters = settings.vocabulary * 7 // 10
        learning = _documents(texts, settings, held_out=False)
        tokenizer = train_vocabulary(learning, size=settings.vocabulary, characters=characters)
    else:
        tokenizer = Tokenizer.from_str(base.tokenizer.backend_tokenizer.to_str())
        if settings.extend:
            most = min(settings.extend, _LARGEST_VOCABULARY - 1 - len(base.tokenizer))
            tokenizer, pieces = extend(tokenizer, _documents(texts, settings, held_out=False), most)
            progress.note(f"{len(pieces):,} new tokens")
    progress.note("reading the corpus")
    length = settings.length if base is None else base.most_tokens(settings.length)
    for part in ("rows", "held-out"):
        documents = _documents(texts, settings, held_out=part == "held-out")
        write_rows(work / f"{part}.u16", documents, tokenizer, length)
    tokenizer.save(str(file))
    stored.write_text(json.dumps({"fingerprint": fingerprint, "pieces": pieces}), "utf-8")
    return tokenizer, pieces


def _rows(path: Path, length: int) -> NDArray[np.uint16]:
    if not path.stat().st_size:
        return np.empty((0, length), np.uint16)
    return np.memmap(path, np.uint16, "r").reshape(-1, length)


def _model(
    settings: Pretraining, base: Base | None, tokenizer: Tokenizer, pieces: Mapping[int, Sequence[int]], length: int
) -> tuple[Any, bool]:
    """Return the objective with its encoder begun, and whether what guesses tokens was learnt before."""
    vocabulary = tokenizer.get_vocab()
    ids = [vocabulary[token] for token in SPECIAL_TOKENS]
    special = Special(vocabulary[PAD], vocabulary[FIRST], vocabulary[LAST], vocabulary[MASK], max(ids) + 1)
    n_tokens = tokenizer.get_vocab_size(with_added_tokens=True)
    torch.manual_seed(settings.seed)
    if base is None:
        heads, inner = settings.width // 32, 4 * settings.width
        shape = Shape(n_tokens, settings.width, settings.layers, heads, inner, max(length, 256))
        return OBJECTIVES[settings.objective](
            shape, special, continues=continuations(tokenizer, shape.vocabulary)
        ), False
    config = base.config
    shape = Shape(
        max(n_tokens, config.vocab_size),
        config.hidden_size,
        config.num_hidden_layers,
        config.num_attention_heads,
        config.intermediate_size,
        config.max_position_embeddings,
    )
    model: Any = OBJECTIVES[settings.objective](shape, special, continues=continuations(tokenizer, shape.vocabulary))
    weights = load_encoder(base, None).state_dict()
    begin_with(model.encoder, weights, vocabulary, base.tokenizer.get_vocab(), seed=settings.seed)
    words = model.encoder.embeddings.word_embeddings.weight.data
    for new, old in pieces.items():
        words[new] = words[list(old)].mean(dim=0)
    return model, _begin_head(model, base)


def _begin_head(model: Any, base: Base) -> bool:
    """Copy what guesses tokens from the folder of a base that was pre-trained here; new tokens keep their bias of 0."""
    path = Path(base.source) / HEAD
    if not path.is_file() or not hasattr(model, "guess") or hasattr(model, "generator"):
        return False
    stored: dict[str, Tensor] = load_file(path)
    own = model.guess.state_dict()
    for name, value in stored.items():
        if own[name].shape[1:] != value.shape[1:] or len(own[name]) < len(value):
            return False
        own[name][: len(value)] = value
    model.guess.load_state_dict(own)
    return True


def _plan(settings: Pretraining, n_rows: int, device: torch.device) -> Plan:
    rows = min(settings.rows, n_rows)
    steps = max(1, round(settings.epochs * (n_rows // rows)))
    return Plan(
        steps,
        rows=rows,
        learning_rate=settings.learning_rate,
        seed=settings.seed,
        log_every=max(1, steps // 200),
        precision=choose_precision("auto", device),
        compile=device.type == "cuda",
    )


def _before(
    work: Path,
    model: Any,
    plan: Plan,
    rows: NDArray[np.uint16],
    held_out: NDArray[np.uint16],
    device: torch.device,
    *,
    learn_head: bool,
) -> Log:
    """Return the held-out figures before; what stands on a base and is new learns first, above an encoder at rest.

    Without that, the figures would tell of the new head, not of the base.
    """
    stored = work / _BEFORE
    if stored.is_file():
        if (work / _HEAD_STATE).is_file():
            model.load_state_dict(torch.load(work / _HEAD_STATE, map_location="cpu", weights_only=True))
        return json.loads(stored.read_text("utf-8"))  # type: ignore[no-any-return]
    if learn_head:
        own = model.encoder
        own.requires_grad_(False)
        first = Plan(**{**vars(plan), "steps": max(50, plan.steps // 4), "learning_rate": 1e-3, "weight_decay": 0.0})
        pretrain(model, rows, held_out[:1], first, device=device)
        own.requires_grad_(True)
        torch.save(model.state_dict(), work / _HEAD_STATE)
    before = measure(model.to(device), held_out, plan, device)
    stored.write_text(json.dumps(before), "utf-8")
    return before


def _shown(figures: Log) -> str:
    return ", ".join(f"{name} {value:.3f}" for name, value in figures.items())
