"""Several processes train one network: here two on a CPU (gloo), as they are started for several GPUs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sentimo.core.bundle import PROBE_TEXTS
from sentimo.engine.predictor import Predictor
from sentimo.train.recipe import dump_recipe
from sentimo.train.track.history import read_history

pytestmark = (
    pytest.mark.slow
)  # process groups need free ports and both cores; one start in a dozen failed without a word

SCRIPT = """
import json, sys
sys.path.insert(0, {here!r})
import torch
from toy import Toy
from accelerate import PartialState
from sentimo.train.encoder import open_base

torch.set_num_threads(1)
toy = Toy(open_base({base!r}), n_rows=36, epochs=2, dropout=0.0, **{settings!r}).fit()  # each would draw its own
if PartialState().is_main_process:
    weights = {{name: value.double().sum().item() for name, value in toy.weights.items()}}
    print(json.dumps({{"n": PartialState().num_processes, "weights": weights, "history": toy.history}}), flush=True)
PartialState().destroy_process_group()
"""


RESUMED = """
import json, sys
sys.path.insert(0, {here!r})
from pathlib import Path
import torch
from toy import Toy
from accelerate import PartialState
from sentimo.train.checkpoint import Checkpoints
from sentimo.train.encoder import open_base

torch.set_num_threads(1)
base, settings = open_base({base!r}), {{"n_rows": 36, "epochs": 2, "dropout": 0.3}}
whole = Toy(base, **settings).fit()
folder = Checkpoints(Path({folder!r}), "toy")
calls = []

def broken(network):
    calls.append(network)
    if len(calls) == 2:
        raise RuntimeError("the light went out")
    return {{"main": float(len(calls))}}

try:
    Toy(base, **settings, checkpoint_minutes=0).fit(evaluate=broken, checkpoints=folder)
except RuntimeError:
    pass
again = Toy(base, **settings).fit(checkpoints=folder, resume=True)
same = all(torch.equal(value, again.weights[name]) for name, value in whole.weights.items())
PartialState().wait_for_everyone()
if PartialState().is_main_process:
    print(json.dumps({{"n": PartialState().num_processes, "same": same}}), flush=True)
PartialState().destroy_process_group()
"""


def trained(script, n):
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(n)]
    environment = {**os.environ, "ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*launch, str(script)], capture_output=True, text=True, check=False, env=environment, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


SETTINGS = {
    "plain": {},
    "adalora": {"adapt": {"name": "adalora", "dropout": 0.0}},
    "wrapped": {"objective": ["fgm", "rdrop"]},
    "both": {"adapt": {"name": "lora", "dropout": 0.0}, "objective": ["fgm"]},
}


def test_two_processes_resume_with_the_dropout_of_each(bert, tmp_path):
    script = tmp_path / "run.py"
    folder = str(tmp_path / "toy.checkpoint")
    script.write_text(RESUMED.format(here=str(Path(__file__).parent), base=str(bert), folder=folder), "utf-8")

    assert trained(script, 2) == {"n": 2, "same": True}


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_two_processes_end_with_the_weights_of_one(settings, bert, tmp_path):
    # 36 rows in batches of 8: the last one has 4, and each process learns from every other row
    script = tmp_path / "run.py"
    script.write_text(SCRIPT.format(here=str(Path(__file__).parent), base=str(bert), settings=settings), "utf-8")

    one, two = trained(script, 1), trained(script, 2)

    assert (one["n"], two["n"]) == (1, 2)
    assert two["weights"] == pytest.approx(one["weights"], abs=1e-3)
    assert [each["main"] for each in two["history"]] == [each["main"] for each in one["history"]]


@pytest.fixture(scope="module")
def recipe_file(multi_task, tmp_path_factory):
    """Two tasks over different texts, batches that two processes cannot halve, and small micro-batches."""
    recipe = multi_task.model_copy(
        update={
            "tasks": [multi_task.tasks[0], multi_task.tasks[3]],
            "batch_size": 7,
            "micro_tokens": 64,
            "epochs": 2.0,
            "dropout": 0.0,
            "baseline": False,
        }
    )
    path = tmp_path_factory.mktemp("recipe") / "recipe.yaml"
    path.write_text(dump_recipe(recipe), "utf-8")
    return path


def launched(recipe_file, output, n, *options):
    """Train from the command line as docs/scale.md tells, in n processes."""
    command = [sys.executable, "-m", "accelerate.commands.accelerate_cli", "launch", "--cpu", "--num_processes", str(n)]
    command += ["--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0"]
    command += ["--num_cpu_threads_per_process", "1", "-m", "sentimo", "train", str(recipe_file), "-o", str(output)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, *options], capture_output=True, text=True, check=False, env=environment, timeout=500
    )
    assert done.returncode == 0, done.stderr
    return done


def test_a_whole_run_in_two_processes_makes_the_model_of_one(recipe_file, tmp_path):
    done = launched(recipe_file, tmp_path / "two", 2, "--json")
    launched(recipe_file, tmp_path / "one", 1, "--json")

    assert done.stdout.count("\n") == 1  # one process prints
    one, two = (Predictor.load(tmp_path / name) for name in ("one", "two"))
    for task in ("polarity", "intensity"):
        first, second = (each.predict(PROBE_TEXTS).tasks[task].scores for each in (one, two))
        assert second == pytest.approx(first, abs=2e-3)
    histories = [read_history(tmp_path / name) for name in ("one", "two")]
    losses = [[each["loss"] for each in history.steps] for history in histories]
    assert losses[1] == pytest.approx(losses[0], abs=1e-3)  # means over all processes, written once
    assert len(losses[0]) == histories[0].end["step"]
