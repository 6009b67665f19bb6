"""Networks: one encoder, several heads, one forward pass."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from sentimo.core.bundle import FUSION_FILE, HEADS_CONFIG, HEADS_FILE, Bundle
from sentimo.core.labels import LabelSpace
from sentimo.engine.knowledge import N_COLUMNS
from sentimo.errors import BundleError, RecipeError
from sentimo.train.adapt.build import adapt
from sentimo.train.catalogue import build
from sentimo.train.encoder import Base, load_encoder, load_native, quiet_transformers
from sentimo.train.heads import HEADS
from sentimo.train.knowledge import GatedFusion, split

if TYPE_CHECKING:  # recipes need pydantic, which a machine that only measures may lack
    from sentimo.train.recipe import Recipe

_HEAD = "head_"  # before the task in torch's names: a task may be called like a method of nn.Module, "type" say


class NativeNetwork(nn.Module):
    """All heads linear: transformers' own sequence classification, whose logits are those of all tasks in a row.

    What it saves loads in plain ``AutoModelForSequenceClassification``; labels are named ``task/label``.
    """

    def __init__(self, base: Base, spaces: Mapping[str, LabelSpace], dropout: float | None) -> None:
        super().__init__()
        names = [f"{task}/{label}" for task, space in spaces.items() for label in space.labels]
        self.encoder = load_native(base, names if len(spaces) > 1 else [n.split("/", 1)[1] for n in names], dropout)
        self._sizes = {task: len(space) for task, space in spaces.items()}

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> dict[str, Tensor]:
        """Return task -> logits."""
        logits = self.encoder(input_ids=input_ids, attention_mask=attention_mask).logits
        return dict(zip(self._sizes, logits.split(list(self._sizes.values()), dim=-1), strict=True))

    def outputs(self) -> dict[str, tuple[nn.Linear, slice]]:
        """Return task -> the last layer and which of its outputs are the task's logits."""
        n = sum(self._sizes.values())
        layers = [each for each in self.encoder.modules() if isinstance(each, nn.Linear) and each.out_features == n]
        ends = list(accumulate(self._sizes.values()))
        return {
            task: (layers[-1], slice(end - size, end))
            for (task, size), end in zip(self._sizes.items(), ends, strict=True)
        }

    def save(self, folder: Path) -> None:
        """Write the weights as safetensors in the Hugging Face layout."""
        with quiet_transformers():
            self.encoder.save_pretrained(folder)  # type: ignore[operator]


class HeadedNetwork(nn.Module):
    """An encoder and heads of our own. The encoder saves in the Hugging Face layout, the heads beside it."""

    def __init__(
        self,
        base: Base,
        spaces: Mapping[str, LabelSpace],
        settings: Mapping[str, Mapping[str, Any]],
        dropout: float | None,
    ) -> None:
        super().__init__()
        self.encoder = load_encoder(base, dropout)
        if pooler := getattr(self.encoder, "pooler", None):
            pooler.requires_grad_(False)  # nothing reads it, and several processes wait for every gradient
        self._settings = {task: dict(each) for task, each in settings.items()}
        heads = {}
        for task, each in self._settings.items():
            name, width, n_labels = each["name"], base.width, len(spaces[task])
            options = {key: value for key, value in each.items() if key != "name"}
            heads[_HEAD + task] = build(HEADS[name], f"head {name!r}", width, n_labels, **options)
        self.heads = nn.ModuleDict(heads)

    @property
    def weighing(self) -> tuple[str, ...]:
        """The tasks whose heads weigh tokens."""
        heads = self.heads.items()
        return tuple(name.removeprefix(_HEAD) for name, head in heads if hasattr(head, "weights"))

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> dict[str, Tensor]:
        """Return task -> logits."""
        return self._ask(self._hidden(input_ids, attention_mask), attention_mask)

    def read(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return task -> logits, and task -> weight of each token (b, t) for the heads that weigh tokens."""
        return self._read(self._hidden(input_ids, attention_mask), attention_mask)

    def _read(self, hidden: Tensor, attention_mask: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        weights = {
            name.removeprefix(_HEAD): head.weights(hidden, attention_mask)  # type: ignore[operator]
            for name, head in self.heads.items()
            if hasattr(head, "weights")
        }
        return self._ask(hidden, attention_mask), weights

    def outputs(self) -> dict[str, tuple[nn.Linear, slice]]:
        """Return task -> the last layer and which of its outputs are the task's logits."""
        return {name.removeprefix(_HEAD): (head.output, slice(None)) for name, head in self.heads.items()}  # type: ignore[misc]

    def _hidden(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        hidden: Tensor = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        return hidden

    def _ask(self, hidden: Tensor, attention_mask: Tensor) -> dict[str, Tensor]:
        return {name.removeprefix(_HEAD): head(hidden, attention_mask) for name, head in self.heads.items()}

    def save(self, folder: Path) -> None:
        """Write the encoder in the Hugging Face layout, the heads beside it."""
        from safetensors.torch import save_file

        with quiet_transformers():
            self.encoder.save_pretrained(folder)  # type: ignore[operator]
        heads = {name.removeprefix(_HEAD): value.contiguous() for name, value in self.heads.state_dict().items()}
        save_file(heads, folder / HEADS_FILE)
        (folder / HEADS_CONFIG).write_text(json.dumps(self._settings, indent=1), "utf-8")


class FusedNetwork(HeadedNetwork):
    """An encoder, a gate through which the knowledge of a lexicon comes, and heads of our own.

    Its rows of ids begin with the columns of `sentimo.engine.knowledge`.

    Attributes:
        n_columns: How many these are.
    """

    n_columns = N_COLUMNS

    def __init__(
        self,
        base: Base,
        spaces: Mapping[str, LabelSpace],
        settings: Mapping[str, Mapping[str, Any]],
        dropout: float | None,
    ) -> None:
        super().__init__(base, spaces, settings, dropout)
        self.fusion = GatedFusion(base.width)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> dict[str, Tensor]:
        """Return task -> logits."""
        features, ids, mask = split(input_ids, attention_mask)
        return self._ask(self.fusion(self._hidden(ids, mask), mask, features), mask)

    def read(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return task -> logits, and task -> weight of each column and token (b, 12 + t), 0 for columns."""
        features, ids, mask = split(input_ids, attention_mask)
        logits, weights = self._read(self.fusion(self._hidden(ids, mask), mask, features), mask)
        return logits, {task: nn.functional.pad(each, (N_COLUMNS, 0)) for task, each in weights.items()}

    def save(self, folder: Path) -> None:
        """Write the weights of the gate beside encoder and heads."""
        from safetensors.torch import save_file

        super().save(folder)
        save_file({name: value.contiguous() for name, value in self.fusion.state_dict().items()}, folder / FUSION_FILE)


def build_network(base: Base, spaces: Mapping[str, LabelSpace], recipe: Recipe) -> nn.Module:
    """Return the network of a recipe: base weights, new heads, what is frozen frozen, what is adapted adapted.

    Args:
        base: The base model.
        spaces: Task -> label space, in the order of the recipe.
        recipe: The recipe; its seed draws the new heads.
    """
    torch.manual_seed(recipe.seed)
    pooling = choose_pooling(base, recipe)
    network: nn.Module
    if pooling == "native":
        network = NativeNetwork(base, spaces, recipe.dropout)
    else:
        kind = FusedNetwork if base.knowledge is not None else HeadedNetwork
        network = kind(base, spaces, _head_settings(recipe, pooling), recipe.dropout)
    freeze(network, recipe)
    adapt(network, base, recipe.adapt)
    return network


def load_network(base: Base, spaces: Mapping[str, LabelSpace], recipe: Recipe | None = None) -> nn.Module:
    """Return the network that `save` wrote to the folder of a base, with its weights where it has any.

    Args:
        base: The base opened from that folder.
        spaces: Task -> label space, in the order of the bundle.
        recipe: Where it has a dropout, that counts instead of the one it was saved with.
    """
    from safetensors.torch import load_file

    folder, dropout = Path(base.source), recipe.dropout if recipe else None
    if not (folder / HEADS_CONFIG).is_file():
        return NativeNetwork(base, spaces, dropout).eval()
    kind = FusedNetwork if (folder / FUSION_FILE).is_file() else HeadedNetwork
    settings = json.loads((folder / HEADS_CONFIG).read_text("utf-8"))
    for task in recipe.tasks if recipe else ():
        share = (task.head.model_extra or {}).get("dropout", dropout)
        settings[task.name] |= {} if share is None else {"dropout": share}
    network = kind(base, spaces, settings, dropout)
    if base.has_weights:
        weights = load_file(folder / HEADS_FILE)
        network.heads.load_state_dict({_HEAD + name: value for name, value in weights.items()})
        if isinstance(network, FusedNetwork):
            network.fusion.load_state_dict(load_file(folder / FUSION_FILE))
    return network.eval()


def load_heads_too(base: Base, spaces: Mapping[str, LabelSpace], recipe: Recipe) -> nn.Module:
    """Return the network of a Sentimo model, encoder and heads as they were learnt, ready to learn on.

    Args:
        base: The base opened from the folder of the model.
        spaces: Task -> label space, in the order of the recipe.
        recipe: Says what is frozen, what is adapted, and the dropout.

    Raises:
        RecipeError: the folder is no such model, or of other tasks or labels.
    """
    try:
        tasks = Bundle.open(base.source).manifest.tasks
    except BundleError as error:
        raise RecipeError(f"keep_heads: the base must be a Sentimo model: {error}") from error
    found = [(each.name, each.space.labels, each.space.kind) for each in tasks]
    wanted = [(name, space.labels, space.kind) for name, space in spaces.items()]
    if found != wanted:
        raise RecipeError(
            f"keep_heads: {base.source} answers {_tasks(found)}; the recipe has {_tasks(wanted)}. Heads can be kept "
            "only for the same tasks and labels in the same order."
        )
    torch.manual_seed(recipe.seed)
    network = load_network(base, spaces, recipe)
    freeze(network, recipe)
    adapt(network, base, recipe.adapt)
    return network


def _tasks(tasks: Sequence[tuple[str, Sequence[str], str]]) -> str:
    return "; ".join(f"{name} ({kind}: {', '.join(labels)})" for name, labels, kind in tasks)


def _head_settings(recipe: Recipe, pooling: str) -> dict[str, dict[str, Any]]:
    """Return what ``heads.json`` holds: task -> name and settings of its head."""
    settings = {}
    for task in recipe.tasks:
        given = dict(task.head.model_extra or {})
        name = task.head.name
        if name == "linear" and pooling == "attention" and "pooling" not in given:
            name = "attention"
        elif name == "linear":
            given = {"pooling": pooling, **given}
        if recipe.dropout is not None:
            given = {"dropout": recipe.dropout, **given}
        settings[task.name] = {"name": name, **given}
    return settings


def choose_pooling(base: Base, recipe: Recipe) -> str:
    """Return how linear heads see a text: "native", "mean", "max", "attention", "first" or "last".

    Raises:
        RecipeError: the recipe wants "native" and transformers has no sequence classification of the base.
    """
    if recipe.pooling == "native" and not base.has_native_head:
        raise RecipeError(
            f"pooling native: base {base.name!r} ({base.config.model_type}) has no sequence classification that reads "
            "the whole text; use pooling auto"
        )
    if recipe.pooling != "auto":
        return recipe.pooling
    if base.is_decoder:
        return "last"
    if base.pooling:
        return base.pooling
    only_plain = all(task.head.is_plain for task in recipe.tasks)
    return "native" if base.has_native_head and only_plain and recipe.knowledge is None else "mean"


def freeze(network: nn.Module, recipe: Recipe) -> None:
    """Stop the frozen parts of the encoder from learning; heads always learn."""
    n_layers = int(network.encoder.config.num_hidden_layers)  # type: ignore[union-attr, arg-type]
    if recipe.train_last is not None and recipe.train_last > n_layers:
        raise RecipeError(f"train_last is {recipe.train_last}; the base has {n_layers} layers")
    for name, parameter in network.named_parameters():
        depth = depth_of(name, n_layers, network)
        if depth is None:
            continue
        if recipe.train_last is not None:
            parameter.requires_grad = depth > n_layers - recipe.train_last
        elif recipe.freeze == "encoder" or (recipe.freeze == "embeddings" and depth == 0):
            parameter.requires_grad = False


def depth_of(name: str, n_layers: int, network: nn.Module) -> int | None:
    """Return where in the encoder a parameter lies: 0 embeddings, 1..n_layers, None for what follows (pooler, head).

    What belongs to all layers (a last norm, ALBERT's one layer that runs n times) counts as the last one.
    """
    if "pooler" in name or not name.startswith(_encoder_name(network) + "."):
        return None
    stack = _layer_stack(network, n_layers)
    if name.startswith(stack + "."):
        return int(name[len(stack) + 1 :].split(".")[0]) + 1
    return 0 if "embed" in name or ".wte." in name or ".wpe." in name else n_layers


def layers_of(network: nn.Module) -> list[nn.Module]:
    """Return the layers of the encoder, the lowest first; none where it has no stack of them."""
    stack = _layer_stack(network, int(network.encoder.config.num_hidden_layers))  # type: ignore[union-attr, arg-type]
    return next((list(each.children()) for name, each in network.named_modules() if name == stack), [])


def _encoder_name(network: nn.Module) -> str:
    base = network.encoder.base_model  # type: ignore[union-attr]
    return next(str(name) for name, module in network.named_modules() if module is base)


def _layer_stack(network: nn.Module, n_layers: int) -> str:
    for name, module in network.named_modules():
        if isinstance(module, nn.ModuleList) and len(module) == n_layers:
            return str(name)
    return "\0"  # no stack found: nothing is taken for a layer
