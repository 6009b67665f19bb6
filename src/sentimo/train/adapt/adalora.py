"""AdaLoRA."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from peft import AdaLoraConfig
from peft.tuners.adalora.layer import RankAllocator
from torch import Tensor, nn

from sentimo.errors import RecipeError
from sentimo.train.adapt.injection import Injected, injected
from sentimo.train.adapt.layers import chosen_layers
from sentimo.train.encoder import Base

_ADAPTER = "default"  # what peft calls an adapter that has no name


class AdaLora(Injected):
    """LoRA that starts with too much rank everywhere and gives up what matters least: ``W x + B diag(E) A x``.

    While the run goes on, the singular values E whose triplets (E, and their vectors in A and B) move the loss least,
    over all layers together, are set to 0, until `rank` per layer are left on average: some layers keep many, some
    none. Weights are kept as the best only from then on. The ranks that came out are in the report.

    Args:
        rank: Average rank per layer at the end, 1 or more.
        start: Rank of every layer at the start, above `rank`. Default: half as much again, and 2 more at least.
        alpha: Strength of the product, above 0. Default: four times `start`.
        dropout: Share of the inputs of A set to 0 while training, in [0, 1).
        targets: Which linear layers: "all" of the transformer layers, or ends of names, such as [query, value].
        warm: Share of the steps before the first rank is given up.
        settle: Share of the steps after the last one.
        every: Steps between two reallocations.
        orthogonality: Strength of ``|A A' - 1| + |B' B - 1|``, the mean over the layers, in the loss, 0 or more:
            vectors that are alike would share what matters. The paper squares the norms, peft does not.

    Raises:
        ValueError: a setting is out of its range.

    Source: Zhang et al. 2023, "AdaLoRA", arXiv:2303.10512: the parametrisation and penalty in section 3.1, eq. 3-4;
    importance in 3.2, eq. 8-10 (what peft computes); the budget in 3.3, eq. 12.
    """

    def __init__(
        self,
        rank: int = 8,
        start: int | None = None,
        alpha: float | None = None,
        dropout: float = 0.05,
        targets: str | Sequence[str] = "all",
        warm: float = 0.15,
        settle: float = 0.3,
        every: int = 5,
        orthogonality: float = 0.1,
    ) -> None:
        start = max(rank + 2, rank * 3 // 2) if start is None else start
        if not 1 <= rank < start:
            raise ValueError(f"rank is {rank} and start {start}; expected 1 or more, and a start above it")
        if alpha is not None and alpha <= 0:
            raise ValueError(f"alpha is {alpha}; expected a number above 0")
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout is {dropout}; expected a number from 0 to below 1")
        if warm < 0 or settle < 0 or warm + settle >= 1:
            raise ValueError(f"warm is {warm} and settle {settle}; expected shares that leave steps between them")
        if every < 1 or orthogonality < 0:
            raise ValueError(f"every is {every} and orthogonality {orthogonality}; expected at least 1 and 0")
        self.rank, self.start, self.alpha, self.dropout = rank, start, alpha or 4.0 * start, dropout
        self.targets, self.warm, self.settle = targets, warm, settle
        self.every, self.orthogonality = every, orthogonality
        self._kept: dict[str, list[bool]] | None = None

    def apply(self, encoder: nn.Module, base: Base) -> None:
        """Put the triplets beside the chosen layers."""
        names = chosen_layers(encoder, self.targets, "adapt adalora, targets")
        if self.start > base.width:
            raise RecipeError(
                f"adapt adalora: ranks start at {self.start}; above {base.width}, the width of base {base.name!r}, "
                "they add nothing"
            )
        self._config = self.inject(
            encoder,
            AdaLoraConfig,
            names,
            init_r=self.start,
            target_r=self.rank,
            lora_alpha=self.alpha,
            lora_dropout=self.dropout,
            deltaT=self.every,
            total_step=1 << 30,  # begin() sets it
        )
        self._encoder = encoder

    def begin(self, n_steps: int) -> None:
        """Lay the reallocations over the run.

        Raises:
            RecipeError: the run is too short for one.
        """
        self._kept = None
        first, last = int(self.warm * n_steps), n_steps - int(self.settle * n_steps)
        if last - first < 2:
            raise RecipeError(
                f"adapt adalora: {n_steps} steps are too few to move rank; train longer, or use adapt lora"
            )
        self._config.total_step, self._config.tinit, self._config.tfinal = n_steps, first, n_steps - last
        self._last = last
        self._allocator = RankAllocator(self._encoder, self._config, _ADAPTER)

    def penalty(self) -> Tensor | None:
        """Return the mean distance of the vectors of all layers from being orthogonal, times its strength."""
        if not self.orthogonality:
            return None
        gaps = []
        for _, layer in injected(self._encoder):
            right, left = layer.lora_A[_ADAPTER], layer.lora_B[_ADAPTER]
            one = torch.eye(right.shape[0], device=right.device)
            gaps += [torch.linalg.norm(right @ right.T - one), torch.linalg.norm(left.T @ left - one)]
        return self.orthogonality * torch.stack(gaps).mean()

    def after_step(self, step: int) -> None:
        """Weigh the triplets and give up some of them."""
        if step <= self._last:
            _, kept = self._allocator.update_and_allocate(self._encoder, step, force_mask=step == self._last)
            self._kept = kept if step == self._last else None
        elif self._kept is not None:
            self._allocator.mask_using_rank_pattern(self._encoder, self._kept)

    @property
    def is_settled(self) -> bool:
        """Whether the last rank has been given up."""
        return self._kept is not None

    def state(self) -> dict[str, Any]:
        """Return how much each triplet mattered so far, and which are kept."""
        allocator = self._allocator
        return {
            "kept": self._kept,
            "ipt": allocator.ipt,
            "exp_avg_ipt": allocator.exp_avg_ipt,
            "exp_avg_unc": allocator.exp_avg_unc,
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` gave."""
        device = next(self._encoder.parameters()).device
        self._kept = state["kept"]
        for name in ("ipt", "exp_avg_ipt", "exp_avg_unc"):
            setattr(self._allocator, name, {key: value.to(device) for key, value in state[name].items()})

    @torch.no_grad()
    def compact(self, encoder: nn.Module) -> None:
        """Leave out the triplets that were given up, but one of each layer, and put every E into its A."""
        for _, layer in injected(encoder):
            right, scale, left = (getattr(layer, part)[_ADAPTER] for part in ("lora_A", "lora_E", "lora_B"))
            kept = scale.flatten() != 0
            kept[0] |= not kept.any()
            layer.lora_A[_ADAPTER] = nn.Parameter((right * scale)[kept])
            layer.lora_E[_ADAPTER] = nn.Parameter(torch.ones_like(scale[kept]))
            layer.lora_B[_ADAPTER] = nn.Parameter(left[:, kept])

    def describe(self, encoder: nn.Module) -> dict[str, Any]:
        """Return layer -> rank at the end."""
        ranks = {name: int((layer.lora_E[_ADAPTER] != 0).sum()) for name, layer in injected(encoder)}
        return {"start": self.start, "mean_rank": round(sum(ranks.values()) / len(ranks), 2), "ranks": ranks}
