"""two-precision: an 8-bit graph that answers first, the exact one beside it for the texts of which it is not sure."""

from __future__ import annotations

from pathlib import Path

from sentimo.compress.derive import derive, open_draft, plain_manifest
from sentimo.compress.dynamic8 import multiply_dynamically
from sentimo.compress.graph import load_graph, save_graph
from sentimo.compress.material import Material, NotPossible
from sentimo.compress.weights16 import store_in_16_bit
from sentimo.core.bundle import Bundle
from sentimo.core.manifest import Manifest
from sentimo.engine.backends.onnx import GRAPH
from sentimo.engine.certainty import fit_bound
from sentimo.engine.cpu import int8_instructions
from sentimo.engine.runtime import FAST_BITS, FAST_GRAPH, RERUN_BELOW

FAST_FILE = "model.int8.onnx"
AGREEMENT = 0.999
"""Share of the calibration rows whose final answer must be that of the exact graph."""


def two_precision(source: Bundle, target: Path, material: Material) -> Bundle:
    """Write the bundle with two graphs and the bounds between them; needs the graph and labelled rows.

    The fast graph is that of `dynamic8`. The exact one stores its weights in 16 bit and computes in float. For each
    task the bound is the smallest at which 99.9 % of the calibration rows get the exact answer
    (`sentimo.engine.certainty.fit_bound`). The two graphs share no weights: stored in 8 and 16 bit they have none
    in common.
    """
    if not material.texts:
        raise NotPossible("two-precision fits its bounds on texts, and there are none")

    def change(folder: Path) -> Manifest:
        plain = plain_manifest(source)
        save_graph(multiply_dynamically(load_graph(source)), folder / GRAPH)
        fast = open_draft(folder, plain).predict(material.texts)
        (folder / GRAPH).rename(folder / FAST_FILE)
        model = load_graph(source)
        store_in_16_bit(model)
        save_graph(model, folder / GRAPH)
        exact = open_draft(folder, plain).predict(material.texts)
        bounds = {}
        for task in plain.tasks:
            bound = fit_bound(task, fast.tasks[task.name].scores, exact.tasks[task.name].scores, AGREEMENT)
            bounds[task.name] = round(bound.value, 6)
            material.tell(
                f"two-precision: {task.name} is asked again below a margin of {bound.value:.3f}, "
                f"{bound.asked:.1%} of {len(material.texts)} calibration texts"
            )
        return plain_manifest(
            source, **{FAST_GRAPH: FAST_FILE, RERUN_BELOW: bounds, FAST_BITS: 8 if int8_instructions() else 7}
        )

    return derive(source, target, change)
