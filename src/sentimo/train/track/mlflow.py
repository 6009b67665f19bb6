"""Figures to MLflow: a database file beside the model, or any server."""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from sentimo.errors import MissingExtraError
from sentimo.train.track import Event, Run, named

_TAG = "sentimo.run"
_LONGEST = 500  # signs of a parameter; MLflow refuses longer values on some stores


class MLflow:
    """Logs a run with MLflow.

    Args:
        uri: Tracking URI, such as ``http://host:5000`` or ``sqlite:///runs.db``. None takes ``MLFLOW_TRACKING_URI`` or,
            where that is not set, the SQLite file ``tracking/mlflow.db`` beside the model. Folders (``file:...``) still
            work where ``MLFLOW_ALLOW_FILE_STORE=true`` is set: MLflow keeps them for what is already there.
        experiment: Experiment the run belongs to; made when there is none.

    Raises:
        MissingExtraError: a package is not installed.

    Source: https://mlflow.org/docs/latest/ml/tracking
    """

    def __init__(self, uri: str | None = None, experiment: str = "sentimo") -> None:
        if find_spec("mlflow") is None or find_spec("sqlalchemy") is None:
            raise MissingExtraError("track: mlflow", "track")
        self._uri, self._experiment = uri, experiment

    def open(self, run: Run, step: int) -> None:
        """Start the run, or go on with the one that has its id as a tag."""
        import os

        with _own_warnings():
            from mlflow import MlflowClient

            run.folder.mkdir(parents=True, exist_ok=True)
            beside = f"sqlite:///{(run.folder / 'mlflow.db').resolve()}"
            self._client: Any = MlflowClient(self._uri or os.environ.get("MLFLOW_TRACKING_URI") or beside)
            found = self._client.get_experiment_by_name(self._experiment)
            experiment = found.experiment_id if found else self._create(run)
            earlier = self._client.search_runs([experiment], f"tags.`{_TAG}` = '{run.id}'") if step else []
            if earlier:
                self._id = earlier[0].info.run_id
                self._client.update_run(self._id, status="RUNNING")
                return
            self._id = self._client.create_run(experiment, run_name=run.name, tags={_TAG: run.id}).info.run_id
            for key, value in run.parameters.items():
                self._client.log_param(self._id, key, str(value)[:_LONGEST])

    def log(self, event: Event, step: int, figures: Mapping[str, float]) -> None:
        """Log metrics at their step."""
        from mlflow.entities import Metric

        at = int(time.time() * 1000)
        with _own_warnings():
            metrics = [Metric(name, value, at, step) for name, value in named(event, figures).items()]
            self._client.log_batch(self._id, metrics=metrics)

    def close(self, *, finished: bool) -> None:
        """Set the state of the run."""
        with _own_warnings():
            self._client.set_terminated(self._id, "FINISHED" if finished else "KILLED")

    def _create(self, run: Run) -> str:
        # Only a store of ours gets its artifacts beside it; a server knows its own place.
        own = None if self._uri else (run.folder / "mlflow-artifacts").resolve().as_uri()
        return str(self._client.create_experiment(self._experiment, artifact_location=own))


@contextmanager
def _own_warnings() -> Iterator[None]:
    """Keep notes on tables, and what MLflow's own code is warned of (deprecated parts of SQLAlchemy), from the user."""
    logger = logging.getLogger("mlflow.store.db.utils")
    before = logger.level
    logger.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)
