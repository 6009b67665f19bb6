"""two-precision: an 8-bit graph that answers first, the exact one beside it for the texts of which it is not sure."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

from sentimo.compress.derive import derive, open_draft
from sentimo.compress.dynamic8 import multiply_dynamically
from sentimo.compress.graph import load_graph, save_graph, weight_bits
from sentimo.compress.material import Material, NotPossible
from sentimo.compress.weights16 import store_in_16_bit
from sentimo.core.bundle import Bundle
from sentimo.core.manifest import Manifest, TaskSpec
from sentimo.engine.backends import FAST_BITS, GRAPH
from sentimo.engine.backends.onnx import WEIGHTS_8_BIT
from sentimo.engine.cascade import CONFIDENCE
from sentimo.engine.certainty import Bound, Scores, fit_bound
from sentimo.engine.runtime import FAST_GRAPH, RERUN_BELOW
from sentimo.errors import InputError

FAST_FILE = "model.int8.onnx"
AGREEMENT = 0.999
"""Share of the calibration rows whose final answer must be that of the exact graph."""


def two_precision(source: Bundle, target: Path, material: Material) -> Bundle:
    """Write the bundle with two graphs and the bounds between them; needs the graph and labelled rows.

    The fast graph is that of `dynamic8`. The exact one computes in float; its weights stay as they are where they are
    stored in 8 bit, and are stored in 16 bit otherwise. For each task the bound is the smallest at which 99.9 % of the
    texts get the exact answer, with 90 % confidence where there are enough calibration rows to tell
    (`sentimo.engine.certainty.fit_bound`). The two graphs share no weights.
    """
    if not material.texts:
        raise NotPossible("two-precision fits its bounds on texts, and there are none")

    def change(folder: Path) -> Manifest:
        manifest = source.manifest
        save_graph(multiply_dynamically(load_graph(source)), folder / FAST_FILE)
        if manifest.settings.get("weights") != WEIGHTS_8_BIT:
            model = load_graph(source)
            store_in_16_bit(model)
            save_graph(model, folder / GRAPH)
        exact = open_draft(folder, manifest).predict(material.texts)
        fast = open_draft(folder, manifest, FAST_FILE).predict(material.texts)
        bounds = {}
        for task in manifest.tasks:
            bound = _bound(task, fast.tasks[task.name].scores, exact.tasks[task.name].scores, material)
            bounds[task.name] = math.ceil(bound.value * 1e6) / 1e6  # never below the bound
            material.tell(
                f"two-precision: {task.name} is asked again below a margin of {bound.value:.3f}, "
                f"{bound.asked:.1%} of {len(material.texts)} calibration texts"
            )
        settings = {FAST_GRAPH: FAST_FILE, RERUN_BELOW: bounds, FAST_BITS: weight_bits()}
        return replace(manifest, settings={**manifest.settings, **settings})

    return derive(source, target, change)


def _bound(task: TaskSpec, fast: Scores, exact: Scores, material: Material) -> Bound:
    confidence = 0.0 if task.space.kind == "score" else CONFIDENCE  # a score has no labels that could turn
    try:
        return fit_bound(task, fast, exact, AGREEMENT, confidence=confidence)
    except InputError as error:  # too few rows to tell: then these rows alone agree as wanted
        material.tell(f"two-precision: {error}")
        return fit_bound(task, fast, exact, AGREEMENT)
