"""The front door: one model, or the built-in ones with each text sent to the model of its language."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Self, overload

import sentimo
from sentimo.core.joining import join_predictions
from sentimo.core.labels import LabelSpace
from sentimo.core.predictions import ModelId, Prediction, Predictions
from sentimo.core.trace import Fired
from sentimo.engine.answers import listed, readable
from sentimo.engine.overrides import Overrides, overrides_of
from sentimo.engine.predictor import Predictor
from sentimo.engine.work import Work
from sentimo.errors import BundleError, InputError
from sentimo.text.language import language_of

AUTO, LANGUAGES, LEXICON = "auto", ("en", "zh"), "lexicon"
"""Names of what comes with Sentimo: the models by language, each of them, and words and rules alone."""
BUILT_IN = Path(sentimo.__file__).parent / "models"


class Analyzer:
    """Answers texts: polarity, intensity, emotions, or whatever tasks the model was trained for.

    Args:
        models: Language -> model folder. A text goes to the model of its language, any other to the first one.
        max_windows: Most windows read of one text; None reads all of it.
        rules: Rules of the user that move the answers, or their file.
        how: What else `Predictor.load` takes: backend, precision, cache_bytes, base.

    Example:
        >>> Analyzer.load().analyze("I love it").polarity.label
        'positive'
    """

    def __init__(
        self,
        models: Mapping[str, Path],
        *,
        max_windows: int | None = None,
        rules: Overrides | str | Path | None = None,
        **how: Any,
    ) -> None:
        if not models:
            raise InputError("an Analyzer needs at least one model")
        if max_windows is not None and max_windows < 1:
            raise InputError(f"max_windows is {max_windows}; expected 1 or more, or None to read every text to its end")
        self._models, self._how = dict(models), {"max_windows": max_windows, **how}
        self._loaded: dict[str, Predictor] = {}
        self._rules = overrides_of(rules)
        if self._rules is not None:
            self._rules.check(self.spaces)  # a label that one of the models has is enough

    @classmethod
    def load(cls, model: str | Path = AUTO, *, max_windows: int | None = None, **how: Any) -> Self:
        """Open a model folder, or built-in models: "auto" (each text goes to that of its language), "en" or "zh".

        Args:
            model: The folder, or one of those names; a folder of such a name is reached as "./zh" or as a `Path`.
            max_windows: Most windows read of one text; None reads all of it.
            how: What else is taken: rules, and by `Predictor.load` backend, precision, cache_bytes, base.

        Raises:
            BundleError: there is no bundle, or it is damaged, too new or not trusted.
            InputError: `model` is no path, max_windows is below 1, or there is no such backend or precision.
            MissingExtraError: the backend is not installed.
        """
        analyzer = cls(model_folders(model), max_windows=max_windows, **how)
        if len(analyzer._models) == 1:
            analyzer._predictor(next(iter(analyzer._models)))  # a wrong folder is told at once
        return analyzer

    @cached_property
    def spaces(self) -> Mapping[str, LabelSpace]:
        """Task -> label space, over all models (opens them)."""
        return {task: space for each in self._models for task, space in self._predictor(each).spaces.items()}

    @property
    def model(self) -> ModelId | None:
        """The one model that answers; None where there are several."""
        return self._predictor(next(iter(self._models))).model if len(self._models) == 1 else None

    @property
    def identity(self) -> tuple[Mapping[str, str], ...]:
        """What the answers depend on, see `Predictor.identity` (opens all models)."""
        known = tuple(known for each in self._models for known in self._predictor(each).identity)
        return (*known, {"rules": self._rules.digest}) if self._rules else known

    @property
    def work(self) -> Work:
        """What its models have done so far, together."""
        return sum((each.work for each in self._loaded.values()), Work())

    @overload
    def analyze(self, texts: str) -> Prediction: ...  # type: ignore[overload-overlap]  # a str is a Sequence[str]
    @overload
    def analyze(self, texts: Sequence[str]) -> Predictions: ...
    def analyze(self, texts: str | Sequence[str]) -> Prediction | Predictions:
        """Answer one text (a `Prediction`) or many (`Predictions`, in the order given)."""
        if isinstance(texts, (str, bytes)) or not isinstance(texts, Iterable):
            prediction: Prediction = self.predict([texts])[0]  # no text: it has an error
            return prediction
        return self.predict(texts)

    def predict(self, texts: Sequence[str]) -> Predictions:
        """Answer many texts, in the order given; a text without an answer has an error instead.

        Raises:
            InputError: `texts` is one string.
        """
        texts = listed(texts)
        rows_of: dict[str, list[int]] = {}
        first = next(iter(self._models))
        for row, text in enumerate(texts):
            rows_of.setdefault(self._language(text), []).append(row)
        parts = [
            (rows, self._predictor(language).predict([texts[row] for row in rows]))
            for language, rows in rows_of.items()
        ]
        if len(parts) == 1:
            found = parts[0][1]
        else:
            found = join_predictions(parts, len(texts)) if parts else self._predictor(first).predict([])
        return self._rules.apply(found) if self._rules else found

    def attention(self, text: str) -> dict[str, list[tuple[int, int, float]]]:
        """Return where the attention heads of the text's model look; see `Predictor.attention`."""
        return self._predictor(self._language(text)).attention(text)

    def explain_rules(self, text: str) -> tuple[Fired, ...]:
        """Return what a lexicon model found in a text, rule by rule; empty for any other model."""
        return self._predictor(self._language(text)).explain_rules(text)

    def _language(self, text: str) -> str:
        """Return the key of the model that a text goes to."""
        first = next(iter(self._models))
        language = language_of(readable(text)[0]) if len(self._models) > 1 else first
        return language if language in self._models else first

    def _predictor(self, language: str) -> Predictor:
        if language not in self._loaded:
            self._loaded[language] = Predictor.load(self._models[language], **self._how)
        return self._loaded[language]


def model_folders(model: str | Path) -> dict[str, Path]:
    """Return language -> folder of the models that a name means; one alone answers any language.

    Raises:
        InputError: `model` is no path.
        BundleError: the name of built-in models, and this installation carries none of them.
    """
    if not isinstance(model, (str, Path)):
        raise InputError(f"a model is a folder, 'auto', 'en' or 'zh'; found {type(model).__name__}")
    if isinstance(model, Path) or model not in (AUTO, *LANGUAGES, LEXICON):
        return {"any": Path(model)}
    names = LANGUAGES if model == AUTO else (model,)
    found = {name: BUILT_IN / name for name in names if (BUILT_IN / name).is_dir()}
    if not found:
        raise BundleError(
            f"this installation carries no built-in model ({', '.join(names)}); name a model folder with --model"
        )
    return found
