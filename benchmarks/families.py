"""What benchmarks/workshop.py compares: the methods of each family, and the data and base that they are tried on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Changes = dict[str, Any]
"""Recipe key -> value that differs from plain fine-tuning. The key "task" holds those of the task."""


@dataclass(frozen=True)
class Setting:
    """Data and base.

    Attributes:
        attack: Changes of texts that attacks may make.
    """

    folder: str
    base: str
    attack: str


@dataclass(frozen=True)
class Family:
    """Methods that are compared with each other and with plain fine-tuning.

    Attributes:
        methods: Name -> what it changes. In strings {plain} is the plain model of the same seed, {rest} the training
            texts that are not learnt from with a label, {domain} a base that has read them. The key "combine" makes
            an ensemble of plain models instead.
        set: Where, of SETS.
        zh: A Chinese one, where the methods are not bound to a language.
        rows: Labelled rows to learn from.
        per_label: As many of each label instead.
        plain: What plain fine-tuning differs in from the defaults.
        attacked: Whether the models are attacked as well.
        rest: Most texts without a label that are learnt from.
        seeds: Runs of every method, from seed 1 on.
        members: Plain models in an ensemble: those of seeds s, s + n, s + 2n and so on of n seeds.
    """

    methods: dict[str, Changes]
    set: str = "emotion-6"
    zh: str | None = "smp2020"
    rows: int = 4_000
    per_label: int | None = None
    plain: Changes = field(default_factory=dict)
    attacked: bool = False
    rest: int | None = None
    seeds: int = 3
    members: int = 1


_ENGLISH, _CHINESE = "typos,swaps", "homophones,swaps"  # drops may take away what a label rests on
SETS = {
    "emotion-6": Setting("en/emotion-6", "minilm", _ENGLISH),
    "smp2020": Setting("zh/smp2020-ewect-usual", "zh-small", _CHINESE),
    "sst2": Setting("en/sst2", "minilm", _ENGLISH),
    "hotel": Setting("zh/chnsenticorp-hotel", "zh-small", _CHINESE),
    "airline": Setting("en/airline-tweets", "minilm", _ENGLISH),
}

_ADAPTERS = ("lora", "adalora", "ia3", "bitfit", "bottleneck", "prefix", "prompt")
_WRAPPERS = ("fgm", "pgd", "freelb", "vat", "smart", "rdrop")
_IMBALANCE = ("weights", "sampling", "logit-adjustment", "focal")
_AUGMENT = ("synonym", "insert", "swap", "delete")
_TWICE: dict[str, Changes] = {"twice the epochs": {"epochs": 20}}  # as many steps as with a copy of every row
_COMBINE = ("mean", "weighted", "vote", "stack", "soup", "greedy-soup")
_SEMI = ("pseudo", "uda", "fixmatch")
_STUDENT: Changes = {"base": "textcnn", "epochs": 10, "early_stopping": {"patience": 10}}
_THEN_TEXTS: Changes = {
    "semi": {"method": "pseudo", "certainty": 0.5, "text": "{rest}"},
    "epochs": 2,
    "batch_size": 32,
}
_TAUGHT: Changes = {"teacher": {"models": "{plain}", "text": "{rest}"}}

FAMILIES = {
    "adapt": Family({name: {"adapt": name} for name in _ADAPTERS} | {"heads only": {"freeze": "encoder"}}),
    "adversarial": Family(
        {
            **{name: {"objective": name} for name in _WRAPPERS},
            "fgm at 4 %": {"objective": {"name": "fgm", "epsilon": 0.04}},  # default: 2 %
            "fgm and rdrop": {"objective": ["fgm", "rdrop"]},
        },
        attacked=True,
    ),
    "augment": Family(
        {
            **{name: {"augment": name} for name in (*_AUGMENT, "keyboard")},
            "mask": {"augment": {"name": "mask", "base": "{domain}"}},
            "synonym and delete": {"augment": ["synonym", "delete"]},
            **_TWICE,
        },
        zh=None,
        rows=1_000,
    ),
    "augment-zh": Family(
        {name: {"augment": name} for name in (*_AUGMENT, "homophone", "shape")} | _TWICE,
        set="smp2020",
        zh=None,
        rows=1_000,
    ),
    "epochs": Family({f"{n} epochs": {"epochs": n} for n in (3, 6, 20)}, rows=1_000),
    "imbalance": Family({name: {"task": {"imbalance": name}} for name in _IMBALANCE}, rows=1_000),
    "average": Family({name: {"average": name} for name in ("ema", "swa")}, rows=1_000),
    "composed": Family(
        {"all of them": {"adapt": "lora", "objective": ["fgm", "rdrop"], "augment": ["synonym"]}}, rows=1_000
    ),
    "few-shot": Family(
        {
            "pairs": {"few_shot": True},
            "pairs then texts": {"few_shot": True, **_THEN_TEXTS},
            "heads": {"few_shot": {"pairs": 0}},
            "lexicon": {"knowledge": "lexicon"},
            "lexicon pairs": {"knowledge": "lexicon", "few_shot": True},
            "lexicon heads": {"knowledge": "lexicon", "few_shot": {"pairs": 0}},
            "lexicon heads then texts": {"knowledge": "lexicon", "few_shot": {"pairs": 0}, **_THEN_TEXTS},
        },
        set="sst2",
        zh="hotel",
        per_label=16,
        rest=3_000,
        seeds=5,
        plain={"epochs": 25, "batch_size": 8, "early_stopping": {"patience": 25}},
    ),
    "distil": Family(
        {
            **{f"{base} alone": {**_STUDENT, "base": base} for base in ("textcnn", "static")},
            **{f"{base} taught": {**_STUDENT, **_TAUGHT, "base": base} for base in ("textcnn", "static")},
        }
    ),
    "domain": Family({"pre-trained": {"base": "{domain}"}}, set="airline", zh=None, rows=1_000),
    "semi": Family(
        {name: {"semi": {"method": name, "text": "{rest}"}} for name in _SEMI},
        set="sst2",
        rows=300,
        rest=3_000,
        plain={"epochs": 10},
    ),
    "knowledge": Family({"lexicon": {"knowledge": "lexicon"}}, set="sst2", zh="hotel", rows=1_000),
    "knowledge-textcnn": Family(
        {"lexicon": {"knowledge": "lexicon"}}, set="sst2", zh="hotel", rows=1_000, plain=_STUDENT
    ),
    "ensemble": Family({name: {"combine": name} for name in _COMBINE}, rows=1_000, members=3),
}
