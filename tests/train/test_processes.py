"""Several processes train one network: here two on a CPU (gloo), as they are started for several GPUs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

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
settings = {{"n_rows": 36, "epochs": 2, "dropout": 0.0}}  # each process would draw its own
toy = Toy(open_base({base!r}), **settings, objective={objective!r}).fit()
if PartialState().is_main_process:
    weights = {{name: value.double().sum().item() for name, value in toy.weights.items()}}
    print(json.dumps({{"n": PartialState().num_processes, "weights": weights, "history": toy.history}}), flush=True)
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


@pytest.mark.parametrize("objective", [[], ["fgm", "rdrop"]], ids=["plain", "wrapped"])
def test_two_processes_end_with_the_weights_of_one(bert, tmp_path, objective):
    # 36 rows in batches of 8: the last one has 4, and each process learns from every other row
    script = tmp_path / "run.py"
    script.write_text(SCRIPT.format(here=str(Path(__file__).parent), base=str(bert), objective=objective), "utf-8")

    one, two = trained(script, 1), trained(script, 2)

    assert (one["n"], two["n"]) == (1, 2)
    assert two["weights"] == pytest.approx(one["weights"], abs=1e-3)
    assert [each["main"] for each in two["history"]] == [each["main"] for each in one["history"]]
