"""Models of others: from a hub, a mirror or a folder to a Sentimo model, or to a base that needs no network."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from tokenizers import Tokenizer

from sentimo.core.bundle import MANIFEST, PROBE_TEXTS, Bundle, Probes, check_target, move_bundle, write_bundle
from sentimo.core.labels import EMOTION_SPACES, SENTIMENT_5, Kind, LabelSpace
from sentimo.core.manifest import Manifest, TaskSpec
from sentimo.core.predictions import ModelId
from sentimo.data.targets import infer_space
from sentimo.engine.backends.onnx import GRAPH, TOKENIZER, OnnxBackend
from sentimo.engine.base_weights import weight_files
from sentimo.engine.inventory import built_in
from sentimo.engine.predictor import Predictor
from sentimo.errors import BundleError, InputError
from sentimo.train.backend import network_backend, reader_of
from sentimo.train.card import model_card
from sentimo.train.encoder import Base, load_encoder, open_base, quiet_transformers
from sentimo.train.export import check_parity, export_onnx, save_tokenizer
from sentimo.train.network import NativeNetwork

_WANTED = ("*.json", "*.safetensors", "*.txt", "*.model", "*.onnx", "*.npy", "*.md", "*.yaml", "1_Pooling/*")
_USUAL = {"neg": "negative", "neu": "neutral", "pos": "positive"}
_STARS = re.compile(r"(\d)[ _-]?stars?")
_NAMELESS = re.compile(r"label_\d+")


@dataclass(frozen=True)
class Pulled:
    """What a model of others became.

    Attributes:
        path: Its folder.
        kind: ``model``: a Sentimo model, to be asked; ``base``: an encoder to train on.
        spaces: Task -> label space of a model; empty for a base.
        notes: What there is to know about it, in sentences.
    """

    path: Path
    kind: Literal["model", "base"]
    spaces: Mapping[str, LabelSpace]
    notes: tuple[str, ...]


def pull(
    source: str,
    output: str | Path,
    *,
    task: str | None = None,
    labels: Sequence[str] | None = None,
    revision: str | None = None,
    max_tokens: int = 256,
    overwrite: bool = False,
    tell: Callable[[str], None] = lambda sentence: None,
) -> Pulled:
    """Fetch a model and write it as one of ours.

    A Sentimo model is copied and proven. A sequence classifier of transformers becomes a Sentimo model: its outputs are
    put into the order of a known label space where its labels are those of one, and the exported graph must answer as
    the network does. Any other encoder becomes a folder that ``base:`` of a recipe takes. Code that comes with a model
    is never run, and weights are read from safetensors alone.

    Args:
        source: Hub id, or a folder. The environment variable HF_ENDPOINT names a mirror.
        output: Folder to make.
        task: Name of the task of a classifier; by default seen from its labels.
        labels: Names of its outputs in order, where it has none or others are wanted.
        revision: Branch, tag or commit on the hub.
        max_tokens: Most tokens read at once; longer texts are read in windows.
        overwrite: Replace a model that is in `output`.
        tell: Shows a sentence.

    Raises:
        BundleError: `output` is taken, or a Sentimo model is damaged.
        InputError: the model cannot be had, read or turned into one of ours.
        TrainingError: the exported graph answers otherwise than the network.
    """
    output = Path(output)
    _check_output(output, source, overwrite)
    with TemporaryDirectory() as place:
        folder = _folder(source, revision, Path(place), tell)
        if (folder / MANIFEST).is_file():
            return _copied(folder, output, overwrite)
        _check_weights(source, folder)
        base = open_base(str(folder))
        if any(name.endswith("ForSequenceClassification") for name in base.config.architectures or ()):
            return _classifier(_Asked(source, revision, output, task, labels, max_tokens, overwrite), base, tell)
        return _encoder(source, base, output)


def _folder(source: str, revision: str | None, place: Path, tell: Callable[[str], None]) -> Path:
    if Path(source).expanduser().is_dir():
        return Path(source).expanduser()
    if source.startswith((".", "/", "~")) or source.count("/") > 1:
        raise InputError(f"{source}: no such folder. A model on the hub is named owner/model.")
    if own := next((each for each in built_in() if each.name == source), None):
        option = "--model" if own.kind == "model" else "--base"
        raise InputError(
            f"{source} needs no fetching: Sentimo knows it by that name. Use it as it is: {option} {source}"
        )
    tell(f"fetching {source}")
    try:
        return Path(snapshot_download(source, revision=revision, local_dir=place, allow_patterns=list(_WANTED)))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        reason = str(error).strip().splitlines()[0].removeprefix("Got: ").rstrip(".")
        raise InputError(
            f"{source} cannot be fetched: {reason}. Check the name (owner/model) and the network; behind a firewall "
            "set HF_ENDPOINT to a mirror; for models that need a login set HF_TOKEN."
        ) from error


def _check_weights(source: str, folder: Path) -> None:
    if not (folder / "config.json").is_file():
        raise InputError(f"{source} is no model of transformers: it has no config.json")
    if not any(folder.glob("*.safetensors")):
        raise InputError(
            f"{source} has no weights in safetensors. Older formats (.bin, .h5) can run code when they are read, and "
            "are not. Its page may have a converted revision: give it as --revision, refs/pr/1 say."
        )


def _copied(folder: Path, output: Path, overwrite: bool) -> Pulled:
    Bundle.open(folder)
    output.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".pull-", dir=output.parent) as place:
        draft = Path(place) / "model"
        shutil.copytree(folder, draft, ignore=shutil.ignore_patterns(".*"))  # of the hub's own
        own = Predictor.load(draft)
        assert own.bundle is not None  # it was opened from a folder
        probes = own.bundle.probes()
        told = {task: each.scores for task, each in own.predict(probes.texts).tasks.items()}
        if gaps := probes.differences(told, own.spaces):
            raise BundleError(f"{folder} answers otherwise here than where it was saved: {'; '.join(gaps)}")
        digest, spaces = own.bundle.digest, dict(own.spaces)
        del own
        move_bundle(draft, output, overwrite=overwrite)
    return Pulled(output, "model", spaces, (f"the same model, digest {digest[:12]}",))


def _encoder(source: str, base: Base, output: Path) -> Pulled:
    encoder: Any = load_encoder(base, None)  # proves that the weights are those of the configuration
    output.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".pull-", dir=output.parent) as place:
        draft = Path(place) / "base"
        with quiet_transformers():
            encoder.save_pretrained(draft)
        save_tokenizer(base, draft)
        if (pooling := Path(base.source) / "1_Pooling").is_dir():
            shutil.copytree(pooling, draft / "1_Pooling")
        if output.exists():  # what may be replaced, see `_check_output`
            output.rename(Path(place) / "old")
        draft.rename(output)
    return Pulled(output, "base", {}, (f"{source} is an encoder without an answer of its own: a base to train on",))


def _check_output(output: Path, source: str, overwrite: bool) -> None:
    """Raise BundleError where the output may not be written; a base may be replaced as a model may."""
    is_base = (output / "config.json").is_file() and bool(weight_files(output)) and not (output / MANIFEST).is_file()
    if not (overwrite and is_base):
        check_target(output, overwrite=overwrite, read=[source] if Path(source).is_dir() else [])
    elif Path(source).is_dir() and output.resolve() == Path(source).resolve():
        raise BundleError(f"{output} is the base that is read here; it is kept. Write the new one to another folder.")


@dataclass(frozen=True)
class _Asked:
    source: str
    revision: str | None
    output: Path
    task: str | None
    labels: Sequence[str] | None
    max_tokens: int
    overwrite: bool


def _classifier(asked: _Asked, base: Base, tell: Callable[[str], None]) -> Pulled:
    if not base.has_native_head:
        raise InputError(f"{asked.source}: classifiers on {base.config.model_type} cannot be turned into a model yet")
    names = _names(asked, base)
    kind: Kind = "multi" if base.config.problem_type == "multi_label_classification" else "single"
    space = _space(names, asked.task or "label", kind)
    task = asked.task or _task(space)
    network = NativeNetwork(base, {task: space}, None).eval()
    order = [names.index(label) for label in space.labels]
    layer, _ = network.outputs()[task]
    with torch.no_grad():  # the head's outputs, put into the order of the label space
        layer.weight.copy_(layer.weight[order].clone())
        if layer.bias is not None:
            layer.bias.copy_(layer.bias[order].clone())
    specs = (TaskSpec(task, space),)
    max_tokens = base.most_tokens(asked.max_tokens)
    told = Predictor(network_backend(network, base, max_tokens), specs, ModelId(asked.source, ""))
    expected = told.predict(PROBE_TEXTS)
    manifest = Manifest(
        name=asked.source.rstrip("/").rsplit("/", 1)[-1],
        backend="onnx",
        languages=(),
        tasks=specs,
        max_tokens=max_tokens,
        settings={"prefix": base.prefix, "suffix": base.suffix, "pad_id": base.pad_id},
        provenance={"pulled": asked.source, "revision": asked.revision or "main", "torch": torch.__version__},
    )
    note = f"Its confidence is that of {asked.source}, not calibrated on your rows. Judge it on some: sentimo evaluate."
    tell("exporting to ONNX and comparing with the network")

    def fill(folder: Path) -> None:
        network.save(folder)
        save_tokenizer(base, folder)
        export_onnx(network, folder, [task])
        reader = reader_of(base, max_tokens, Tokenizer.from_file(str(folder / TOKENIZER)))
        graph = Predictor(OnnxBackend(folder / GRAPH, reader), specs, ModelId(asked.source, ""))
        check_parity(expected, graph.predict(PROBE_TEXTS))
        (folder / "README.md").write_text(model_card(manifest, {}, notes=[note]), "utf-8")

    write_bundle(
        asked.output,
        manifest,
        fill,
        Probes(PROBE_TEXTS, {task: expected.tasks[task].scores}),
        overwrite=asked.overwrite,
    )
    return Pulled(asked.output, "model", {task: space}, (note,))


def _names(asked: _Asked, base: Base) -> list[str]:
    """Return the names of a classifier's outputs, in their order."""
    found = [str(base.config.id2label[at]).strip() for at in range(base.config.num_labels)]
    if asked.labels:
        if len(asked.labels) != len(found) or len(set(asked.labels)) != len(found):
            raise InputError(f"--labels: {len(asked.labels)} names; {asked.source} has {len(found)} outputs: {found}")
        return list(asked.labels)
    if base.config.num_labels < 2 or base.config.problem_type == "regression":
        raise InputError(f"{asked.source} gives a number, whose range and meaning it does not tell; it cannot be used")
    stars = [_STARS.fullmatch(name.casefold()) for name in found]
    if len(found) == len(SENTIMENT_5) and all(stars):
        return [SENTIMENT_5.labels[int(star[1]) - 1] for star in stars if star]
    if any(_NAMELESS.fullmatch(name.casefold()) for name in found):
        raise InputError(
            f"{asked.source} does not name its {len(found)} outputs. Its page may; give them in that order, such as "
            "--labels negative,neutral,positive"
        )
    return [_USUAL.get(name.casefold(), name) for name in found]


def _space(names: list[str], task: str, kind: Kind) -> LabelSpace:
    """Return the known space that has these labels, whatever their order and case, or a new one in their order."""
    known = infer_space(names, task, kind=kind)
    if set(names) == set(SENTIMENT_5.labels):
        return SENTIMENT_5
    by_case = {label.casefold(): label for label in known.labels}
    if known.name != task and all(name.casefold() in by_case for name in names):
        names[:] = [by_case[name.casefold()] for name in names]
        return known
    return LabelSpace(task, tuple(names), kind)


def _task(space: LabelSpace) -> str:
    if space.name in EMOTION_SPACES:
        return "emotions"
    return "polarity" if space.name in ("polarity-2", "polarity-3", "sentiment-5") else "label"
