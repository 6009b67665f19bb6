"""Try candidates, measure them, keep the best one that passes the gate."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sentimo.compress import TRIED, load_candidate, parse_chain
from sentimo.compress.derive import answering_bytes, derive
from sentimo.compress.gate import Gate
from sentimo.compress.material import MOST_TRAIN, Material
from sentimo.compress.report import compression_card
from sentimo.compress.thresholds import Thresholds, carried_over, decided_by, fitted, written_with
from sentimo.compress.trial import Trial, judge
from sentimo.core.bundle import Bundle, check_target
from sentimo.core.documents import Example
from sentimo.core.manifest import Manifest
from sentimo.core.predictions import Predictions
from sentimo.data.split import split_examples
from sentimo.engine.backends.onnx import GRAPH
from sentimo.engine.cpu import int8_instructions
from sentimo.engine.predictor import Predictor
from sentimo.errors import CompressionError, DataError, InputError, Interrupted, MissingExtraError, SentimoError
from sentimo.evaluate.speed.ratio import ROUNDS, measure_speed
from sentimo.text.normalise import folded

CARD, RECORD = "README.md", "compression.json"

Rows = Mapping[str, Sequence[Example]]


@dataclass(frozen=True)
class Outcome:
    """What a run found.

    Attributes:
        trials: What was measured, in the order tried.
        left_out: Chain -> why it could not be made or measured.
        best: The one that was kept, or None.
        confirmed: The same one, judged on rows that chose nothing.
        bundle: Where it lies, or None.
        n_calibration, n_judged, n_confirmed: Labelled rows used to make candidates, to choose one, and to judge that
            one again.
        processor: Its instructions for 8-bit products, or None.
        megabytes: Size of the original.
    """

    trials: tuple[Trial, ...]
    left_out: Mapping[str, str]
    best: Trial | None
    confirmed: Trial | None
    bundle: Bundle | None
    n_calibration: int
    n_judged: int
    n_confirmed: int
    processor: str | None
    megabytes: float

    def to_dict(self) -> dict[str, Any]:
        """Return a plain dictionary for JSON."""
        return {
            "best": self.best.chain if self.best else None,
            "digest": self.bundle.digest if self.bundle else None,
            "confirmed": self.confirmed.judged() if self.confirmed else None,
            "rows": {"calibration": self.n_calibration, "judged": self.n_judged, "confirmed": self.n_confirmed},
            "int8_instructions": self.processor,
            "original_megabytes": round(self.megabytes, 2),
            "candidates": [each.to_dict() for each in self.trials],
            "left_out": dict(self.left_out),
        }


def compress(
    model: str | Path,
    output: str | Path,
    dev: Rows,
    gate: Gate,
    *,
    train: Sequence[str] = (),
    most_train: int = MOST_TRAIN,
    corpus: Sequence[str] = (),
    only: Sequence[str] = (),
    seed: int = 13,
    rounds: int = ROUNDS,
    overwrite: bool = False,
    show: Callable[[str, int, int], None] = lambda chain, done, all_of_them: None,
    step: Callable[[int, int], None] = lambda done, steps: None,
) -> Outcome:
    """Make a smaller or faster model and keep it if it is good enough.

    The labelled rows are split in three. One third calibrates, measures importance and fits bounds, and sets the
    thresholds of multi-label tasks: the original's are fitted there, a candidate's are those by which it gives each
    label as often there. One third judges the candidates; and one judges the candidate that was chosen once more: being
    the best of many on the second third is partly luck there. A candidate that cannot be made or run is left out with
    the reason. What is kept gives each label to as many of all labelled texts as the original as it came.

    Args:
        model: The original.
        output: Folder to make. Nothing is written there unless a candidate passes.
        dev: Task -> labelled rows that the model was not trained on.
        gate: What the result must keep to.
        train: Texts to learn from; the original's answers are the targets. Those of the labelled rows are left out.
        most_train: As many of them are drawn.
        corpus: Texts whose tokens a smaller vocabulary keeps, beside those of `train` and of the calibration rows.
        only: Chains to try, such as ``("dynamic8", "vocabulary+dynamic8")``; all usual ones by default.
        seed: Of the thirds and of everything drawn.
        rounds: Rounds of timing.
        overwrite: Replace a model that is already in `output`.
        show: Told which chain is next, how many are done, and how many there are.
        step: Told the steps of learning done, and their number.

    Raises:
        InputError: too few labelled rows, or a chain that does not exist.
        BundleError: the model cannot be opened, or `output` is taken.
        CompressionStopped: Ctrl-C; it holds what was measured.
    """
    output = Path(output)
    check_target(output, overwrite=overwrite, read=(model,))
    chains = list(dict.fromkeys("+".join(parse_chain(each)) for each in (only or TRIED)))
    source = Bundle.open(model)
    source.check_whole("compression")
    if GRAPH not in source.files:
        raise InputError(
            f"{source.path} is a {source.manifest.backend} model without a graph; only encoders can be compressed"
        )
    _check_libraries(chains)
    calibration, choice, confirmation = thirds(dev, seed)
    labelled = {folded(each.document.text) for rows in dev.values() for each in rows}
    train = [text for text in train if folded(text) not in labelled]
    has_corpus = bool(corpus or train)
    calibration_texts = [each.document.text for rows in calibration.values() for each in rows]
    material = Material(
        rows=calibration,
        train=tuple(train),
        most_train=most_train,
        corpus=(*corpus, *train, *calibration_texts) if has_corpus else (),
        max_drop=gate.max_drop,
        seed=seed,
        step=step,
    )
    original = Predictor.load(source.path)
    cuts = fitted(original, calibration)
    calibrated = decided_by(original.predict(_thresholds_texts(original, calibration)), cuts)
    before = decided_by(original.predict(_texts(choice)), cuts)
    trials: list[Trial] = []
    left_out: dict[str, str] = {}

    def outcome(best: Trial | None = None, confirmed: Trial | None = None) -> Outcome:
        return Outcome(
            trials=tuple(trials),
            left_out=left_out,
            best=best,
            confirmed=confirmed,
            bundle=None,
            n_calibration=_n_rows(calibration),
            n_judged=_n_rows(choice),
            n_confirmed=_n_rows(confirmation),
            processor=int8_instructions(),
            megabytes=answering_bytes(source) / 1e6,
        )

    output.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{output.name}.", dir=output.parent, ignore_cleanup_errors=True) as folder:
        workshop = _Workshop(source, Path(folder), material)
        try:
            for number, chain in enumerate(chains):
                show(chain, number, len(chains))
                try:
                    made, notes = workshop.make(tuple(chain.split("+")))
                    trials.append(
                        _tried(chain, made, notes, source, original, calibrated, before, choice, seed, rounds)
                    )
                except Exception as error:  # whatever a library raises: the others may still be good
                    left_out[chain] = _reason(error)
            best = gate.best(trials)
            if best is None:
                return outcome()
            found = outcome(best, _confirmed(best, original, cuts, calibrated, confirmation, seed))
        except KeyboardInterrupt:
            raise CompressionStopped(outcome()) from None
        return replace(
            found,
            bundle=_keep(best, original.predict(_thresholds_texts(original, dev)), output, found, gate, overwrite),
        )


def _check_libraries(chains: Sequence[str]) -> None:
    """Raise MissingExtraError where every chain lacks a library: that is told before anything is tried."""
    missing: list[MissingExtraError] = []
    for chain in chains:
        try:
            for name in parse_chain(chain):
                load_candidate(name)
        except MissingExtraError as error:
            missing.append(error)
        except Exception:  # whatever a library raises is told beside the candidate
            continue
    if missing and len(missing) == len(chains):
        raise missing[0]


def thirds(dev: Rows, seed: int) -> tuple[dict[str, list[Example]], ...]:
    """Split labelled rows in three: to make candidates with, to choose one, to judge that one by; they share no text.

    Raises:
        InputError: there are too few rows.
    """
    found: tuple[dict[str, list[Example]], ...] = ({}, {}, {})
    placed: dict[str, int] = {}
    for task, rows in dev.items():
        try:
            parts = split_examples(rows, task, fractions=(1 / 3, 1 / 3, 1 / 3), seed=seed, placed=placed)
        except DataError as error:
            raise InputError(f"the dev rows cannot be split in three: {error}") from error
        for number, members in enumerate(parts):
            found[number][task] = members
            placed |= {folded(each.document.text): number for each in members}
    if not dev:
        raise InputError("compression needs labelled rows: without them nobody knows what a smaller model got wrong")
    return found


class CompressionStopped(Interrupted):
    """Ctrl-C while candidates were tried.

    Attributes:
        outcome: What was measured until then.
    """

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(f"stopped after {len(outcome.trials)} candidates were measured; nothing was written")
        self.outcome = outcome


def refusal(outcome: Outcome, gate: Gate) -> CompressionError:
    """Return the error that says that nothing passed and what came nearest."""
    near = gate.nearest(outcome.trials)
    if near is None:
        reasons = "; ".join(dict.fromkeys(outcome.left_out.values()))
        return CompressionError(f"no candidate could be made, so nothing was written ({reasons})")
    return CompressionError(
        f"no candidate passes, so nothing was written. {near.chain} came nearest: it "
        f"{' and '.join(gate.refusals(near))}. Loosen --max-drop or --min-speedup, or give --train so that candidates "
        "can learn."
    )


class _Workshop:
    """Makes chains; what two chains begin with is made once."""

    def __init__(self, source: Bundle, folder: Path, material: Material) -> None:
        self._folder, self._material = folder, material
        self._made: dict[tuple[str, ...], tuple[Bundle, tuple[str, ...]]] = {(): (source, ())}

    def make(self, chain: tuple[str, ...]) -> tuple[Bundle, tuple[str, ...]]:
        if chain not in self._made:
            source, notes = self.make(chain[:-1])
            told: list[str] = []
            target = self._folder / "+".join(chain)
            bundle = load_candidate(chain[-1])(source, target, replace(self._material, tell=told.append))
            self._made[chain] = bundle, (*notes, *told)
        return self._made[chain]


def _tried(
    chain: str,
    made: Bundle,
    notes: tuple[str, ...],
    source: Bundle,
    original: Predictor,
    calibrated: Predictions,
    before: Predictions,
    rows: Rows,
    seed: int,
    rounds: int,
) -> Trial:
    candidate = Predictor.load(made.path)
    tasks = judge(before, _answers(candidate, calibrated, rows), rows, seed=seed)
    size = answering_bytes(made)
    return Trial(
        chain=chain,
        tasks=tasks,
        n_rows=len(before.texts),
        megabytes=size / 1e6,
        size_ratio=answering_bytes(source) / size,
        speed=measure_speed(original, candidate, before.texts, rounds=rounds),
        notes=notes,
        path=made.path,
    )


def _confirmed(
    best: Trial, original: Predictor, cuts: Thresholds, calibrated: Predictions, rows: Rows, seed: int
) -> Trial:
    before = decided_by(original.predict(_texts(rows)), cuts)
    tasks = judge(before, _answers(Predictor.load(best.path), calibrated, rows), rows, seed=seed)
    return replace(best, tasks=tasks, n_rows=len(before.texts))


def _answers(candidate: Predictor, calibrated: Predictions, rows: Rows) -> Predictions:
    """Return the answers to the texts of rows; labels are given as often as the original gave them in `calibrated`."""
    thresholds = carried_over(calibrated, candidate.predict(calibrated.texts))
    return decided_by(candidate.predict(_texts(rows)), thresholds)


def _thresholds_texts(model: Predictor, rows: Rows) -> list[str]:
    """Return the texts by which thresholds are carried over: none where no task has any."""
    return _texts(rows) if any(space.kind == "multi" for space in model.spaces.values()) else []


def _texts(rows: Rows) -> list[str]:
    return list(dict.fromkeys(each.document.text for members in rows.values() for each in members))


def _n_rows(rows: Rows) -> int:
    return sum(map(len, rows.values()))


def _reason(error: Exception) -> str:
    if isinstance(error, SentimoError):
        return str(error)
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"


def _keep(best: Trial, before: Predictions, output: Path, outcome: Outcome, gate: Gate, overwrite: bool) -> Bundle:
    """Write the best candidate; `before` are the original's answers to all labelled rows."""
    made = Bundle.open(best.path)
    thresholds = carried_over(before, Predictor.load(made.path).predict(before.texts))

    def change(folder: Path) -> Manifest:
        card = folder / CARD
        about = card.read_text("utf-8").rstrip() + "\n\n" if card.is_file() else f"# {made.manifest.name}\n\n"
        card.write_text(about + compression_card(outcome, gate), "utf-8")
        record = {"gate": vars(gate), **outcome.to_dict()}
        (folder / RECORD).write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n", "utf-8")
        provenance = {**made.manifest.provenance, "compressed": best.chain}
        return replace(written_with(made.manifest, thresholds), provenance=provenance)

    return derive(made, output, change, overwrite=overwrite)
