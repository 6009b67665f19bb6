"""Averages of the weights along a run: what is judged and kept is a mean of what the optimiser came by.

A new one is one file and one line here. Its class takes its settings and does what
`sentimo.train.averages.average.Average` says.
"""

from __future__ import annotations

from collections.abc import Mapping

AVERAGES: Mapping[str, str] = {
    "ema": "sentimo.train.averages.ema:Ema",
    "swa": "sentimo.train.averages.swa:Swa",
}
