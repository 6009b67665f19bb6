"""What an average of weights does: follow the steps, and stand in for the weights while they are judged or kept."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn


class Average(ABC):
    """A running mean of the weights that learn."""

    def __init__(self) -> None:
        self._n_steps = 0
        self._mean: dict[str, Tensor] = {}
        self._taken = 0

    @abstractmethod
    def share(self, step: int, taken: int) -> float | None:
        """Return how much the weights after a step (counted from 1) count against the mean so far.

        Args:
            step: Which.
            taken: Weights that are in the mean already.

        Returns:
            From above 0 to 1; None leaves them out.
        """

    @property
    def n_steps(self) -> int:
        """Steps of the whole run."""
        return self._n_steps

    @property
    def has_begun(self) -> bool:
        """Whether any weights were taken up: before, there is no mean to judge or keep."""
        return self._taken > 0

    def begin(self, n_steps: int) -> None:
        """Get ready for a run of so many steps."""
        self._n_steps, self._mean, self._taken = n_steps, {}, 0

    @torch.no_grad()
    def after_step(self, network: nn.Module, step: int) -> None:
        """Take up the weights after a step."""
        share = self.share(step, self._taken)
        if share is None:
            return
        learning = {name: each.detach() for name, each in network.named_parameters() if each.requires_grad}
        if not self._taken:
            self._mean = {name: each.float().clone() for name, each in learning.items()}
        for name, each in learning.items():
            self._mean[name].lerp_(each.float(), share)
        self._taken += 1

    @contextmanager
    def shown(self, network: nn.Module) -> Iterator[None]:
        """While this lasts, the network has the mean weights; before the first was taken up, its own."""
        own = {name: each.detach().clone() for name, each in network.named_parameters() if name in self._mean}
        self._put(network, self._mean)
        try:
            yield
        finally:
            self._put(network, own)

    @staticmethod
    @torch.no_grad()
    def _put(network: nn.Module, weights: Mapping[str, Tensor]) -> None:
        for name, each in network.named_parameters():
            if name in weights:
                each.copy_(weights[name])

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint needs: plain values and tensors."""
        return {"mean": self._mean, "taken": self._taken}

    def load_state(self, network: nn.Module, state: Mapping[str, Any]) -> None:
        """Take up what `state` gave."""
        device = next(network.parameters()).device
        self._mean = {name: each.to(device) for name, each in state["mean"].items()}
        self._taken = state["taken"]
