"""Exponential moving average of the weights."""

from __future__ import annotations

from sentimo.train.averages.average import Average


class Ema(Average):
    """Old weights fade: the mean follows with a lag of about ``1 / (1 - decay)`` steps, shorter at the start.

    Args:
        decay: Share of the mean that is left after a step, from 0 to below 1; 0.99 follows the last hundred steps.

    Source: Polyak & Juditsky 1992, "Acceleration of Stochastic Approximation by Averaging"; Morales-Brotons, Vogels &
        Hendrikx 2024, arXiv:2411.18704, section 2. The growing decay at the start is that of TensorFlow's
        ``ExponentialMovingAverage(num_updates)``.
    """

    def __init__(self, decay: float = 0.99) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"decay is {decay}; expected a number from 0 to below 1")
        super().__init__()
        self.decay = decay

    def share(self, step: int, taken: int) -> float:
        """Return what is not left of the mean."""
        return 1 - min(self.decay, (1 + taken) / (10 + taken))
