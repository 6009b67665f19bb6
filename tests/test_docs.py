"""What a user can type, choose or find in a file is on its page of docs/, and links lead somewhere."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path
from urllib.parse import unquote

import pytest
import typer
import yaml

from sentimo.cli import app
from sentimo.core.bundle import SAFE_ENDINGS, Probes
from sentimo.core.labels import KINDS, MAPPINGS, POLARITY_3, SPACES
from sentimo.core.manifest import Manifest, TaskSpec
from sentimo.core.predictions import RESERVED_NAMES
from sentimo.data.augment import AUGMENTERS
from sentimo.data.lexicons import FORMATS
from sentimo.data.readers import READERS
from sentimo.data.writers import WRITERS
from sentimo.engine.overrides import Overrides
from sentimo.evaluate.metrics import FIGURES
from sentimo.train.active import STRATEGIES
from sentimo.train.adapt import ADAPTERS
from sentimo.train.averages import AVERAGES
from sentimo.train.heads import HEADS
from sentimo.train.objectives import OBJECTIVES, WRAPPERS
from sentimo.train.objectives.step import Surroundings, TaskLosses
from sentimo.train.recipe import (
    Augment,
    EarlyStopping,
    FewShot,
    KnowledgeChoice,
    Optimiser,
    Recipe,
    Schedule,
    ScratchEncoder,
    Semi,
    TaskRecipe,
    Teacher,
    parse_recipe,
)
from sentimo.train.semi import SEMI
from sentimo.train.track import TRACKERS

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = [
    *(ROOT / name for name in ("README.md", "README.zh-CN.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted(DOCS.rglob("*.md")),
]
READMES = ("README.md", "README.zh-CN.md")
MANIFEST = Manifest("m", "linear", ("en",), (TaskSpec("polarity", POLARITY_3),), 128).to_dict()


def section(page, heading):
    """Return what stands under a heading, down to the next one of its level or a higher one."""
    text = page.read_text("utf-8")
    level = heading.split(" ")[0]
    found = re.search(rf"^{re.escape(heading)}\n(.*?)(?=^#{{1,{len(level)}}} |\Z)", text, re.S | re.M)
    assert found, f"{page.name} has no heading {heading!r}"
    return found[1]


def rows(text):
    """Return the cells of the tables in a text, headers and rules left out."""
    lines = [re.split(r"(?<!\\)\|", line)[1:-1] for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line] for line in lines]
    rules = [place for place, row in enumerate(cells) if set(row[0]) <= set("- ")]
    return [row for place, row in enumerate(cells) if place not in rules and place + 1 not in rules]


def codes(cell):
    """Return what stands in backquotes in a cell."""
    return re.findall(r"`([^`]+)`", cell)


def commands(group=None, name="sentimo"):
    """Yield (full name, command) of every command."""
    for each, command in (group or typer.main.get_command(app)).commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{name} {each}")
        else:
            yield f"{name} {each}", command


@pytest.mark.parametrize(
    ("part", "heading"),
    [
        (Recipe, "### The run"),
        (TaskRecipe, "### Tasks"),
        (Optimiser, "### Optimiser"),
        (Schedule, "### Schedule"),
        (EarlyStopping, "### Early stopping"),
        (Augment, "### Augment"),
        (ScratchEncoder, "### Encoders without pre-training"),
        (FewShot, "## Few labels"),
        (Teacher, "### Teacher"),
        (Semi, "## Texts without labels"),
    ],
)
def test_every_key_of_a_recipe_is_documented_with_its_default(part, heading):
    described = {codes(row[0])[0]: row[1] for row in rows(section(DOCS / "training.md", heading)) if len(row) == 3}

    assert described.keys() == part.model_fields.keys()
    for name, field in part.model_fields.items():
        if isinstance(field.default, str):
            assert codes(described[name])[0] == field.default
        elif isinstance(field.default, (int, float)) and not isinstance(field.default, bool):
            assert float(described[name]) == field.default


def test_every_key_of_knowledge_and_every_format_of_a_lexicon_is_documented():
    keys = {codes(row[0])[0] for row in rows(section(DOCS / "knowledge.md", "## In training"))}
    formats = {codes(row[0])[0] for row in rows(section(DOCS / "knowledge.md", "## Lists of others"))}

    assert keys == set(KnowledgeChoice.model_fields)
    assert formats == set(FORMATS)


def test_the_rules_of_the_knowledge_page_are_read():
    block = re.search(r"```yaml\n(.*?)```", (DOCS / "knowledge.md").read_text("utf-8"), re.S)[1]
    rules = Overrides.parse(yaml.safe_load(block))

    assert [rule.name for rule in rules.rules] == ["翻车", "refund, money back", "delays"]
    assert rules.prior.weight == 0.5


def test_every_head_is_documented_with_its_settings():
    described = {codes(name)[0]: settings for name, _, settings in rows(section(DOCS / "training.md", "### Heads"))}

    assert described.keys() == HEADS.keys()
    for name, where in HEADS.items():
        assert set(codes(described[name])) == settings_of(where) - {"width", "n_labels"}


def test_every_objective_is_documented_with_its_kinds_and_settings():
    table = rows(section(DOCS / "training.md", "### Objectives"))
    described = {codes(name)[0]: (kinds, settings) for name, kinds, settings, _ in table}

    assert described.keys() == OBJECTIVES.keys()
    for name, entry in OBJECTIVES.items():
        kinds, settings = described[name]
        assert kinds == ", ".join(entry.kinds)
        assert set(codes(settings)) == settings_of(entry.where)


def test_every_method_of_augmentation_is_documented_with_its_settings():
    table = rows(section(DOCS / "augmentation.md", "## Methods"))
    described = {codes(name)[0]: settings for name, _, _, settings in table}

    assert described.keys() == AUGMENTERS.keys()
    for name, where in AUGMENTERS.items():
        assert set(codes(described[name])) == settings_of(where)


def test_every_semi_supervised_method_is_documented_with_its_settings_and_their_defaults():
    table = [row for row in rows(section(DOCS / "training.md", "## Texts without labels")) if len(row) == 4]
    described = {codes(name)[0]: settings for name, _, settings, _ in table}

    assert described.keys() == SEMI.keys()
    for name, where in SEMI.items():
        assert set(codes(described[name])) == settings_of(where)
        for setting, default in re.findall(r"`(\w+)` \(([\w.]+)\)", described[name]):
            assert defaults_of(where)[setting] == yaml.safe_load(default)


def test_the_views_of_texts_without_labels_are_those_of_the_code():
    from sentimo.train.semi.consistency import DEFAULT_VIEWS

    listed = (DOCS / "training.md").read_text("utf-8").split("<!-- default-views -->\n")[1].split("\n")[0]

    assert yaml.safe_load(codes(listed)[0])["views"] == [dict(each) for each in DEFAULT_VIEWS]


def test_every_strategy_of_active_learning_is_documented():
    table = rows(section(DOCS / "labels.md", "## Which texts to label"))

    assert [codes(name)[0] for name, _ in table] == list(STRATEGIES)


def test_every_adaptation_is_documented_with_its_settings_and_rate():
    described = {codes(row[0])[0]: row for row in rows(section(DOCS / "adaptation.md", "## Methods"))}

    assert described.keys() == ADAPTERS.keys()
    for name, entry in ADAPTERS.items():
        _, _, settings, saved, factor = described[name]
        assert settings_of(entry.where) <= set(codes(settings))
        assert float(factor) == entry.rate_factor
        assert (saved == "in the graph") == (name in ("bottleneck", "prefix", "prompt"))


def test_every_average_is_documented_with_its_settings():
    table = rows(section(DOCS / "training.md", "### Average"))

    assert {codes(name)[0]: set(codes(settings)) for name, settings, _ in table} == {
        name: settings_of(where) for name, where in AVERAGES.items()
    }


def test_every_wrapper_is_documented_with_its_settings_and_its_work():
    table = rows(section(DOCS / "training.md", "### Around the objectives"))
    described = {codes(name)[0]: (settings, work) for name, settings, _, work in table}

    assert described.keys() == WRAPPERS.keys()
    for name, where in WRAPPERS.items():
        settings, work = described[name]
        module, kind = where.split(":")
        wrapper = getattr(import_module(module), kind)(TaskLosses({}, {}), Surroundings({}, {}))
        assert set(codes(settings)) == settings_of(where) - {"inner", "around"}
        assert work == f"{wrapper.passes:.2g} times"


def settings_of(where):
    """Return the names of the parameters of a class."""
    module, name = where.split(":")
    parameters = inspect.signature(getattr(import_module(module), name)).parameters.values()
    return {each.name for each in parameters if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)}


def defaults_of(where):
    """Return parameter -> default of a class."""
    module, name = where.split(":")
    return {
        each.name: each.default for each in inspect.signature(getattr(import_module(module), name)).parameters.values()
    }


def test_the_default_learning_rates_are_those_of_the_code():
    from sentimo.train.optim import DEFAULT_LEARNING_RATES

    table = [row for row in rows(section(DOCS / "training.md", "### Optimiser")) if len(row) == 4]

    described = {codes(row[0])[0]: [float(rate) for rate in row[1:]] for row in table}
    assert described == {name: list(rates.values()) for name, rates in DEFAULT_LEARNING_RATES.items()}


def test_the_recipes_of_the_training_guide_are_valid():
    blocks = re.findall(r"```yaml\n(.*?)```", (DOCS / "training.md").read_text("utf-8"), re.S)

    assert len(blocks) >= 3
    for block in blocks:
        recipe = yaml.safe_load(block)
        tasks = recipe.get("tasks", [{"name": "polarity"}])
        parse_recipe({**recipe, "tasks": [{"train": "a.csv", **task} for task in tasks]})


def test_the_default_space_of_a_search_is_documented():
    from sentimo.train.search_space import default_space

    text = (DOCS / "search.md").read_text("utf-8")
    table = {codes(row[0])[0]: row[1:3] for row in rows(section(DOCS / "search.md", "## What is searched"))}
    space = default_space(1.0)

    assert table.keys() == space.keys()
    for key in ("epochs", "dropout", "schedule.warmup", "optimiser.weight_decay", "optimiser.layer_decay"):
        assert [float(each) for each in table[key]] == [space[key].low, space[key].high]
    assert table["batch_size"][0] == "16, 32 or 64"
    block = yaml.safe_load(re.search(r"```yaml\n(.*?)```", text, re.S)[1])
    parse_recipe({"tasks": [{"name": "a", "train": "a.csv"}], **block})


def test_every_tracker_is_documented_with_its_settings():
    table = rows(section(DOCS / "training.md", "## Tracking"))
    described = {codes(name)[0]: set(codes(settings)) for name, settings, _ in table}

    assert described == {name: settings_of(where) for name, where in TRACKERS.items()}


@pytest.mark.parametrize(("name", "command"), list(commands()), ids=lambda each: each if isinstance(each, str) else "")
def test_every_command_is_documented_with_its_options(name, command):
    text = section(DOCS / "commands.md", f"## {name}")
    described = {option for row in rows(text) for option in codes(row[0])}
    options = [each for each in command.params if each.param_type_name == "option" and each.name != "help"]

    assert described == {spelling for each in options for spelling in each.opts}
    assert name in text
    assert "Example: " in command.help


@pytest.mark.parametrize("page", READMES)
def test_the_readmes_list_every_command_and_extra(page):
    described = {code for row in rows((ROOT / page).read_text("utf-8")) for code in codes(row[0])}
    names = {" ".join(name.split()[:2]) for name, _ in commands()}
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]

    assert described >= names | {f"sentimo[{extra}]" for extra in extras}


@pytest.mark.parametrize(
    "names",
    [READERS, WRITERS, KINDS, SPACES, MAPPINGS, RESERVED_NAMES],
    ids=["readers", "writers", "kinds", "spaces", "mappings", "keys"],
)
def test_every_name_of_the_data_formats_is_documented(names):
    text = (DOCS / "data-formats.md").read_text("utf-8")

    assert [name for name in names if f"`{name}`" not in text] == []


def test_the_labels_of_the_known_spaces_are_those_of_the_code():
    table = {codes(row[0])[0]: row for row in rows(section(DOCS / "data-formats.md", "### Known label spaces"))}

    for name, space in SPACES.items():
        assert table[name][1].startswith(space.kind)
        if space.kind != "score" and name != "goemotions-28":
            assert table[name][2] == ", ".join(space.labels)


def test_every_figure_is_documented_with_its_kinds():
    table = rows(section(DOCS / "evaluation.md", "## Figures"))

    described = {(codes(name)[0], kind) for name, kinds, *_ in table for kind in kinds.split(", ")}
    assert described == {(name, kind) for kind, names in FIGURES.items() for name in names}


@pytest.mark.parametrize(
    ("heading", "keys"),
    [
        ("## manifest.json", {"format", "version", "sentimo", "created", "files", *MANIFEST}),
        ("## manifest.json", MANIFEST["tasks"][0]),
        ("## manifest.json", MANIFEST["tasks"][0]["space"]),
        ("## probes.json", Probes((), {}).to_dict()),
    ],
    ids=["manifest", "task", "space", "probes"],
)
def test_every_key_of_a_bundle_is_documented(heading, keys):
    text = section(DOCS / "bundle-format.md", heading)

    assert [key for key in keys if f"`{key}`" not in text] == []


def test_the_files_a_bundle_may_hold_are_those_of_the_code():
    listed = (DOCS / "bundle-format.md").read_text("utf-8").split("<!-- safe-endings -->\n")[1].split("\n")[0]

    assert set(codes(listed)) == SAFE_ENDINGS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_within_the_repository_lead_somewhere(page):
    text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.S)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, anchor = link.partition("#")
        if "://" in link:
            continue
        target = page.parent / unquote(path) if path else page
        assert target.exists(), link
        if anchor:
            headings = re.findall(r"^#+ (.*)$", target.read_text("utf-8"), re.M)
            assert anchor in {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}, link


def test_the_fake_backend_of_the_python_page_answers():
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / "python.md").read_text("utf-8"), re.S)

    exec(next(block for block in blocks if "FakeBackend" in block), {})


@pytest.mark.slow
def test_the_corrected_example_of_the_chapter_runs(tmp_path):
    from sentimo.train.encoder import open_base

    name = "the-chapters-example-corrected"
    programs = [
        re.search(r"```python\n(.*?)```", (DOCS / page).read_text("utf-8"), re.S)[1]
        for page in (f"{name}.md", f"{name}.zh-CN.md")
    ]
    assert len({re.sub(r" *#.*", "", program) for program in programs}) == 1
    (tmp_path / "demo").symlink_to(ROOT / "demo")
    program = programs[0].replace('"bert-base-uncased"', repr(open_base("minilm").source))

    done = subprocess.run(
        [sys.executable, "-"], input=program, cwd=tmp_path, capture_output=True, encoding="utf-8", check=False
    )

    assert done.returncode == 0, done.stderr
    assert "macro avg" in done.stdout
    assert (tmp_path / "runs" / "plain" / "config.json").is_file()
