"""Open a bundle in this fresh process and ask its probes: ``python -m sentimo.engine.prove FOLDER``."""

from __future__ import annotations

import sys

from sentimo.engine.predictor import Predictor
from sentimo.errors import SentimoError


def main(folder: str) -> int:
    """Return 0 when the bundle answers its probes as stored; else 1, with the differences on stderr."""
    try:
        predictor = Predictor.load(folder, backend="auto", precision="exact")
        assert predictor.bundle is not None  # load() sets it
        probes = predictor.bundle.probes()
        predictions = predictor.predict(probes.texts)
        wrong = probes.differences(
            {task: scores.scores for task, scores in predictions.tasks.items()}, predictor.spaces
        )
    except SentimoError as error:
        wrong = [str(error)]
    for sentence in wrong:
        sys.stderr.write(sentence + "\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
