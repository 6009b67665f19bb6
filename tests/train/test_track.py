"""Where the figures of a run go: metrics.jsonl always, TensorBoard, W&B and MLflow when asked."""

from __future__ import annotations

import json
import math
import signal
import time

import pytest
import torch
from toy import Striking, Toy, toy_recipe

from sentimo.errors import InputError, Interrupted, MissingExtraError, RecipeError, TrainingError
from sentimo.train.batching import epoch_batches
from sentimo.train.check import check_parts
from sentimo.train.checkpoint import Checkpoints
from sentimo.train.track import Run
from sentimo.train.track.chart import bounds, chart
from sentimo.train.track.history import find_histories, read_history
from sentimo.train.track.metrics import METRICS, MetricsFile, read_metrics
from sentimo.train.track.mlflow import MLflow
from sentimo.train.track.recorder import Recorder, build_trackers, flat, recorder_for
from sentimo.train.track.tensorboard import TensorBoard
from sentimo.train.track.wandb import WeightsAndBiases


@pytest.fixture
def run(tmp_path):
    return Run("a1b2c3", "mine", tmp_path / "tracking", {"epochs": 2.0, "optimiser.name": "adamw"})


@pytest.fixture
def checkpoints(tmp_path):
    return Checkpoints(tmp_path / "toy.checkpoint", "toy")


class Noting:
    """A tracker that notes what it is told, and fails when asked to."""

    def __init__(self, fails_at=math.inf):
        self.lines, self.closed, self.fails_at = [], None, fails_at

    def open(self, run, step):
        self.opened = (run.id, step)

    def log(self, event, step, figures):
        if len(self.lines) >= self.fails_at:
            raise ConnectionError("no route to host")
        self.lines.append((event, step, dict(figures)))

    def close(self, *, finished):
        self.closed = finished


def followed(base, recorder, objective=None, **settings):
    """Train the toy with a recorder."""
    with recorder:
        return Toy(base, **{"epochs": 2, **settings}).fit(
            objective, recorder=recorder, checkpoints=settings.get("checkpoints")
        )


# ---------------------------------------------------------------------------------------------- the recorder


def test_every_step_and_epoch_of_a_short_run_is_told(bert_base, run):
    noting = Noting()
    toy = followed(bert_base, Recorder(run, {"noting": noting}))

    steps = [(step, figures) for event, step, figures in noting.lines if event == "step"]
    epochs = [(step, figures) for event, step, figures in noting.lines if event == "epoch"]
    assert [step for step, _ in steps] == list(range(1, 11))
    assert [step for step, _ in epochs] == [5, 10]
    assert [figures for _, figures in epochs] == toy.result.history
    # 36 rows in batches of 8: four of 8 and one of 4
    sizes = [len(batch) for batch in epoch_batches([len(ids) for ids in toy.rows.ids], 8, toy.recipe.seed, epoch=0)]
    mean = sum(figures["loss"] * n for (_, figures), n in zip(steps[:5], sizes, strict=True)) / 36
    assert mean == pytest.approx(toy.history[0]["loss"], abs=1e-5)
    assert noting.closed is True


def test_a_long_run_tells_means_over_several_steps():
    noting = Noting()
    recorder = Recorder(Run("x", "x", None, {}), {"noting": noting})
    recorder.begin(400)
    recorder.step(1, 1.0, 8, 1e-3)
    recorder.step(2, 4.0, 4, 2e-3)

    # (8 * 1 + 4 * 4) / 12 = 2
    assert noting.lines == [("step", 2, {"loss": 2.0, "learning_rate": 2e-3})]


def test_the_learning_rate_told_is_the_one_that_the_step_was_made_with(bert_base, run):
    noting = Noting()
    followed(bert_base, Recorder(run, {"n": noting}), schedule={"name": "linear", "warmup": 0.0}, epochs=1)

    rates = [figures["learning_rate"] for event, _, figures in noting.lines if event == "step"]
    assert rates == pytest.approx([0.01 * share for share in (1.0, 0.8, 0.6, 0.4, 0.2)])  # heads: 5 times 2e-3


def test_a_tracker_that_fails_is_left_out_and_the_run_goes_on(bert_base, run):
    failing, other, told = Noting(fails_at=3), Noting(), []
    followed(bert_base, Recorder(run, {"failing": failing, "other": other}, told.append))

    assert told == ["track: failing failed and is left out from here on: ConnectionError: no route to host"]
    assert (len(failing.lines), len(other.lines)) == (3, 12)
    assert (failing.closed, other.closed) == (None, True)


def test_a_tracker_that_cannot_start_stops_the_run_before_anything_is_learnt(bert_base, run, tmp_path):
    class Shut(Noting):
        def open(self, run, step):
            raise ConnectionError("refused")

    with pytest.raises(TrainingError, match="track: shut cannot be started: ConnectionError: refused"):
        followed(bert_base, Recorder(run, {"shut": Shut()}))


def test_a_stopped_run_is_closed_as_not_finished(bert_base, run):
    noting = Noting()
    with pytest.raises(Interrupted):
        followed(bert_base, Recorder(run, {"n": noting}), Striking(3, lambda: signal.raise_signal(signal.SIGINT)))

    assert noting.closed is False


def test_tracking_changes_nothing_of_what_is_learnt(bert_base, run):
    plain = Toy(bert_base, epochs=2).fit().weights
    tracked = followed(bert_base, Recorder(run, {"t": TensorBoard(), "w": WeightsAndBiases()})).weights

    assert all(torch.equal(plain[name], tracked[name]) for name in plain)


def test_the_metrics_of_a_resumed_run_are_those_of_an_undisturbed_one(
    bert_base, run, checkpoints, tmp_path, monkeypatch
):
    monkeypatch.setattr("sentimo.train.track.recorder.MOST_LINES", 5)  # 10 steps: a line every second one
    whole, cut = tmp_path / "whole.jsonl", tmp_path / "cut.jsonl"
    followed(bert_base, Recorder(run, {"m": MetricsFile(whole)}))

    with Recorder(run, {"m": MetricsFile(cut)}) as recorder, pytest.raises(Interrupted):
        Toy(bert_base, epochs=2).fit(
            Striking(7, lambda: signal.raise_signal(signal.SIGINT)), recorder=recorder, checkpoints=checkpoints
        )
    with cut.open("a", encoding="utf-8") as file:  # what a run killed after its checkpoint leaves
        file.write('{"event": "step", "step": 8, "loss": 99.0}\n{"event": "st')
    with Recorder(run, {"m": MetricsFile(cut)}) as recorder:
        Toy(bert_base, epochs=2).fit(recorder=recorder, checkpoints=checkpoints, resume=True)

    first, second = (
        [
            {name: value for name, value in line.items() if name not in ("seconds", "started")}
            for line in read_metrics(path)
        ]
        for path in (whole, cut)
    )
    assert first == second
    assert [line["step"] for line in first if line["event"] == "step"] == [2, 4, 6, 8, 10]


# ---------------------------------------------------------------------------------------------- the trackers


def told(tracker, run, step=0, losses=(0.9, 0.5)):
    """Open a tracker, tell it a few losses and an epoch, and close it."""
    tracker.open(run, step)
    for at, loss in enumerate(losses, step + 1):
        tracker.log("step", at, {"loss": loss})
    tracker.log("epoch", step + len(losses), {"main": 0.75})
    tracker.close(finished=True)


def test_tensorboard_reads_the_curves_and_a_resumed_run_hides_what_it_does_again(run):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    told(TensorBoard(), run, losses=(0.9, 0.8, 0.7))
    told(TensorBoard(), run, step=2, losses=(0.6,))

    found = EventAccumulator(str(run.folder / "tensorboard" / "mine")).Reload()
    assert [(each.step, round(each.value, 4)) for each in found.Scalars("step/loss")] == [(1, 0.9), (2, 0.8), (3, 0.6)]
    assert found.Scalars("epoch/main")[-1].value == 0.75
    assert b"| optimiser.name | adamw |" in found.Tensors("recipe/text_summary")[0].tensor_proto.string_val[0]


def test_mlflow_keeps_parameters_and_curves_in_a_database_beside_the_model(run):
    from mlflow import MlflowClient

    random = torch.get_rng_state()
    told(MLflow(), run)
    told(MLflow(), run, step=2, losses=(0.4,))
    assert torch.equal(torch.get_rng_state(), random)  # what is learnt does not depend on it

    client = MlflowClient(f"sqlite:///{run.folder / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("sentimo")
    (found,) = client.search_runs([experiment.experiment_id])  # the resumed run is the same one
    assert found.info.status == "FINISHED"
    assert found.data.params == {"epochs": "2.0", "optimiser.name": "adamw"}
    history = client.get_metric_history(found.info.run_id, "step/loss")
    assert [(each.step, each.value) for each in history] == [(1, 0.9), (2, 0.5), (3, 0.4)]


def test_mlflow_still_writes_folders_where_they_are_allowed(run, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    told(MLflow(uri=(tmp_path / "mlruns").as_uri(), experiment="mine"), run)

    (metric,) = (tmp_path / "mlruns").rglob("metrics/step/loss")
    assert [line.split()[1:] for line in metric.read_text("utf-8").splitlines()] == [["0.9", "1"], ["0.5", "2"]]


def test_mlflow_says_why_a_store_cannot_be_had(run, tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_ALLOW_FILE_STORE", raising=False)
    recorder = Recorder(run, {"mlflow": MLflow(uri=(tmp_path / "mlruns").as_uri())})

    with pytest.raises(TrainingError, match="track: mlflow cannot be started: .*maintenance mode"):
        recorder.begin(10)


def test_wandb_writes_an_offline_run_that_can_be_sent_later(run):
    told(WeightsAndBiases(project="reviews"), run)

    (folder,) = (run.folder / "wandb").glob("offline-run-*-a1b2c3")
    wanted = (b"reviews", b"step/loss", b"epoch/main", b"optimiser.name")
    for _ in range(300):  # another process writes it, soon after the run is finished
        content = (folder / "run-a1b2c3.wandb").read_bytes()
        if all(each in content for each in wanted):
            break
        time.sleep(0.1)
    assert [each for each in wanted if each not in content] == []


def test_the_default_of_every_tracker_sends_nothing(run):
    assert WeightsAndBiases()._mode == "offline"
    assert MLflow()._uri is None


# ---------------------------------------------------------------------------------------------- the recipe


def test_names_and_settings_of_trackers_come_from_the_recipe():
    recipe = toy_recipe(track=["tensorboard", {"name": "wandb", "project": "reviews"}])
    trackers = build_trackers(recipe)

    assert list(trackers) == ["tensorboard", "wandb"]
    assert trackers["wandb"]._project == "reviews"
    assert build_trackers(toy_recipe(track="mlflow")).keys() == {"mlflow"}


@pytest.mark.parametrize(
    ("track", "message"),
    [
        (["tensorbord"], "tracker 'tensorbord' is not known .* Did you mean 'tensorboard'?"),
        ([{"name": "wandb", "projct": "a"}], "track: wandb has no setting 'projct'. Did you mean 'project'?"),
        ([{"name": "wandb", "mode": "on"}], "track: wandb: mode 'on' is not one of offline, online"),
        (["mlflow", "mlflow"], "track names mlflow more than once"),
    ],
)
def test_a_wrong_tracker_is_refused_before_anything_is_read(track, message):
    with pytest.raises(RecipeError, match=message):
        check_parts(toy_recipe({"name": "mood", "train": "no-such.csv", "kind": "single"}, track=track))


@pytest.mark.parametrize("name", ["tensorboard", "wandb", "mlflow"])
def test_a_tracker_whose_package_is_missing_says_how_to_get_it(name, monkeypatch):
    monkeypatch.setattr(f"sentimo.train.track.{name}.find_spec", lambda package: None)

    with pytest.raises(MissingExtraError, match=rf"track: {name} .*pip install 'sentimo\[track\]'"):
        build_trackers(toy_recipe(track=[name]))


def test_who_is_told_does_not_make_another_run(tmp_path):
    one, two = (
        Checkpoints.beside(tmp_path / "m", toy_recipe(track=track), "data").fingerprint
        for track in ([], ["tensorboard"])
    )

    assert one == two


def test_a_recipe_lies_flat_for_trackers():
    found = flat(toy_recipe("mood", track=["tensorboard"]))

    assert (found["tasks.0.name"], found["optimiser.learning_rate"], found["batch_size"]) == ("mood", None, 8)
    assert not any(key.startswith("track") for key in found)


# ---------------------------------------------------------------------------------------------- a whole run


def test_the_metrics_of_a_run_end_in_its_bundle(trained):
    lines = read_metrics(trained.bundle.file(METRICS))

    assert lines[0]["event"] == "run"
    assert lines[0]["parameters"]["base"] == trained.bundle.manifest.provenance["base"]
    assert [line["main"] for line in lines if line["event"] == "epoch"] == [
        each["main"] for each in trained.fit.history
    ]
    assert lines[-1]["event"] == "end"
    report = trained.test.tasks["polarity"]
    assert lines[-1]["polarity.macro_f1"] == report.figures["macro_f1"].value
    assert not list(trained.bundle.path.parent.glob(f"*{METRICS}"))  # none is left beside it


def test_a_resumed_run_keeps_its_id(tmp_path):
    recipe = toy_recipe()
    with recorder_for(recipe, tmp_path / "mine", resume=False, tell=print) as first:
        first.begin(10)
        first.step(1, 0.5, 8, 1e-3)
    again = recorder_for(recipe, tmp_path / "mine", resume=True, tell=print)
    anew = recorder_for(recipe, tmp_path / "mine", resume=False, tell=print)

    assert again._run.id == first._run.id != anew._run.id


# ---------------------------------------------------------------------------------------------- reading back


def test_a_run_is_read_from_its_model_folder_or_from_beside_it(trained, tmp_path):
    saved = read_history(trained.bundle.path)
    (tmp_path / f"mine.{METRICS}").write_bytes(trained.bundle.file(METRICS).read_bytes())
    going_on = read_history(tmp_path / "mine")

    assert (saved.name, saved.state, going_on.state) == ("four", "done", "open")
    assert saved.best["epoch"] == trained.fit.best_epoch + 1
    assert saved.curve("main") == going_on.curve("main")
    assert len(saved.curve("loss")) == trained.fit.n_steps
    assert [each.path for each in find_histories(tmp_path)] == [tmp_path / f"mine.{METRICS}"]


def test_a_folder_without_figures_says_what_was_expected(tmp_path):
    with pytest.raises(InputError, match="no figures of a run, neither .*metrics.jsonl nor"):
        read_history(tmp_path / "nothing")
    with pytest.raises(InputError, match="no such folder"):
        find_histories(tmp_path / "nothing")
    (tmp_path / METRICS).write_text(json.dumps({"event": "other"}) + "\n", "utf-8")
    with pytest.raises(InputError, match="does not start with the line of a run"):
        read_history(tmp_path / METRICS)
    assert find_histories(tmp_path) == []


def test_a_chart_goes_up_where_the_curve_does():
    rising = chart([(0, 0.0), (9, 1.0)], width=5, height=2, across=(0, 9), up=(0.0, 1.0))

    assert len(rising) == 3
    assert rising[0].startswith("       1 │")
    assert rising[1].startswith("       0 │")
    top, bottom = (line.split("│")[1] for line in rising[:2])
    assert top[0] == "⠀" != top[-1]
    assert bottom[-1] == "⠀" != bottom[0]
    assert rising[2].strip().startswith("└0")


def test_charts_share_their_axes():
    assert bounds([[(0, 0.5), (4, 0.25)], [(2, 1.0), (8, math.nan)]]) == ((0, 4), (0.25, 1.0))
    assert bounds([[]]) == ((0.0, 1.0), (0.0, 1.0))
