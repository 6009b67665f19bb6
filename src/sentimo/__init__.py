"""Sentimo: sentiment and emotion for English and Chinese text.

    >>> from sentimo import Analyzer
    >>> Analyzer.load().analyze("I love it").polarity.label
    'positive'

Names are loaded on first use, so ``import sentimo`` stays light (no torch, no onnxruntime).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_PUBLIC = {
    "Analyzer": "sentimo.engine.analyzer",
    "Predictor": "sentimo.engine.predictor",
    "Predictions": "sentimo.core.predictions",
    "Prediction": "sentimo.core.predictions",
    "LabelSpace": "sentimo.core.labels",
    "Document": "sentimo.core.documents",
    "Example": "sentimo.core.documents",
    "Bundle": "sentimo.core.bundle",
    "SentimoClassifier": "sentimo.train.sklearn",
    "Recipe": "sentimo.train.recipe",
    "SentimoError": "sentimo.errors",
}

__all__ = [
    "Analyzer",
    "Bundle",
    "Document",
    "Example",
    "LabelSpace",
    "Prediction",
    "Predictions",
    "Predictor",
    "Recipe",
    "SentimoClassifier",
    "SentimoError",
    "__version__",
]

if TYPE_CHECKING:
    from sentimo.core.bundle import Bundle
    from sentimo.core.documents import Document, Example
    from sentimo.core.labels import LabelSpace
    from sentimo.core.predictions import Prediction, Predictions
    from sentimo.engine.analyzer import Analyzer
    from sentimo.engine.predictor import Predictor
    from sentimo.errors import SentimoError
    from sentimo.train.recipe import Recipe
    from sentimo.train.sklearn import SentimoClassifier


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'sentimo' has no attribute {name!r}")
    try:
        module = import_module(_PUBLIC[name])
    except ModuleNotFoundError as error:
        if not _PUBLIC[name].startswith("sentimo.train"):
            raise
        from sentimo.errors import MissingExtraError

        raise MissingExtraError(f"sentimo.{name} ({error.name})", "train") from None
    return getattr(module, name)


def __dir__() -> list[str]:
    return sorted(__all__)
