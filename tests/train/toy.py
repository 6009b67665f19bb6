"""A small task and a run over it that are the same in every process."""

from __future__ import annotations

import os
import signal
import sys
from functools import partial
from pathlib import Path

import torch

from sentimo.core.documents import Document, Example
from sentimo.core.labels import LabelSpace
from sentimo.train.batching import padded
from sentimo.train.checkpoint import Checkpoints
from sentimo.train.encoder import open_base
from sentimo.train.loop import fit
from sentimo.train.network import build_network
from sentimo.train.objectives.cross_entropy import CrossEntropy
from sentimo.train.objectives.step import Surroundings
from sentimo.train.recipe import parse_recipe
from sentimo.train.rows import to_rows
from sentimo.train.weighting import wrap

GOOD = ["good", "great", "fine", "lovely", "happy", "superb", "warm", "kind"]
BAD = ["bad", "awful", "poor", "sad", "angry", "rude", "slow", "dirty"]
THINGS = ["film", "book", "hotel", "room", "phone", "food"]

MOODS = LabelSpace("moods", ("bad", "good"))


def mood_examples(n, task="mood"):
    """n texts of differing length with a word of praise or blame, in turn."""
    made = []
    for at in range(n):
        word = (BAD, GOOD)[at % 2][at // 2 % len(GOOD)]
        made.append(Example(Document(f"the {THINGS[at % 5]} was {word}{' and so on' * (at % 3)}"), {task: at % 2}))
    return made


def toy_recipe(*tasks, **settings):
    """A recipe for small networks; its tasks are given by name, or as mappings."""
    parts = [{"train": "made-up.csv", **({"name": each} if isinstance(each, str) else each)} for each in tasks]
    usual = {"precision": "fp32", "max_tokens": 32, "epochs": 1, "batch_size": 8}
    return parse_recipe({"tasks": parts or [{"name": "mood", "train": "made-up.csv"}], **usual, **settings})


class Striking(torch.nn.Module):
    """Cross entropy that does something else first, on its n-th call (from 1)."""

    def __init__(self, call, strike):
        super().__init__()
        self.call, self.strike, self.calls = call, strike, 0

    def forward(self, logits, targets):
        self.calls += 1
        if self.calls == self.call:
            self.strike()
        return CrossEntropy()(logits, targets)


class Toy:
    """What `fit` takes, for the mood task on a tiny base."""

    def __init__(self, base, n_rows=36, **settings):
        self.recipe = toy_recipe(**{"optimiser": {"learning_rate": 2e-3}, **settings})
        self.base = base
        self.network = build_network(base, {"mood": MOODS}, self.recipe)
        self.rows = to_rows(mood_examples(n_rows), {"mood": MOODS}, base, self.recipe.max_tokens)
        self.result = None

    def fit(self, objective=None, evaluate="accuracy", **arguments):
        evaluate = self.accuracy if evaluate == "accuracy" else evaluate
        objectives = {"mood": objective or CrossEntropy()}
        arguments = {"wrap": self.wrap, **arguments}
        self.result = fit(self.network, objectives, self.rows, self.recipe, evaluate=evaluate, **arguments)
        return self

    def wrap(self, inner):
        texts = [f"he said {each.document.text}" for each in mood_examples(len(self.rows))]  # for clp: names someone
        encode = partial(self.base.encode, max_tokens=self.recipe.max_tokens)
        return wrap(self.recipe, inner, Surroundings({"mood": MOODS}, {"mood": 1.0}, texts, encode))

    def accuracy(self, network):
        network.eval()
        with torch.no_grad():
            logits = network(*padded(self.rows.ids, torch.device("cpu")))["mood"]
        return {"main": (logits.argmax(dim=1) == self.rows.targets["mood"]).double().mean().item()}

    @property
    def weights(self):
        return {name: value.clone() for name, value in self.network.state_dict().items()}

    @property
    def history(self):
        """The epochs without the time they took."""
        return [{name: value for name, value in each.items() if name != "seconds"} for each in self.result.history]


def main(base, folder, kill_at):
    """Train with a checkpoint after every step until the process is killed."""
    torch.set_num_threads(1)
    toy = Toy(open_base(base), epochs=2, checkpoint_minutes=0)
    checkpoints = Checkpoints(Path(folder), "toy")
    toy.fit(Striking(int(kill_at), lambda: os.kill(os.getpid(), signal.SIGKILL)), checkpoints=checkpoints)


if __name__ == "__main__":
    main(*sys.argv[1:])
