import json
import shutil

import pytest
from running import invoke

from sentimo.cli.models import models
from sentimo.engine.analyzer import Analyzer
from sentimo.errors import InputError


def test_the_built_in_models_are_listed_with_size_and_digest():
    result = invoke(models, "list", "--json")

    found = {each["name"]: each for each in json.loads(result.stdout)}
    assert {"en", "zh", "zh-small"} <= found.keys()
    assert found["en"]["tasks"]["polarity"] == "polarity-3"
    assert found["zh-small"]["kind"] == "base"
    assert all(len(found[name]["digest"]) == 64 and found[name]["megabytes"] > 1 for name in ("en", "zh-small"))


def test_one_of_them_can_be_named_and_answers_alone():
    chinese = Analyzer.load("zh")

    assert {each.model.name for each in chinese.predict(["I love it", "很好"])} == {"sentimo-zh"}
    assert chinese.spaces.keys() == {"polarity", "intensity", "emotions"}


def test_without_a_command_they_are_shown():
    assert {"│ en", "│ zh"} <= {line[:4] for line in invoke(models, columns=120).stdout.splitlines()}
    assert invoke(models, "--json").stdout == invoke(models, "list", "--json").stdout


def test_the_models_of_a_folder_are_listed_and_damaged_ones_say_why(trained, tmp_path):
    for name in ("whole", "hurt"):
        shutil.copytree(trained.bundle.path, tmp_path / "a" / name)
    (tmp_path / "a" / "hurt" / "report.json").write_text("{}")
    shutil.copytree(trained.bundle.path, tmp_path / "a" / "hurt" / "members" / "1")  # as an ensemble holds it

    result = invoke(models, "list", tmp_path, "--json")

    hurt, whole = json.loads(result.stdout)
    assert whole["digest"] == trained.bundle.digest
    assert "report.json" in hurt["problem"]
    assert "report.json" in invoke(models, "list", tmp_path, columns=200).stdout


def test_an_empty_folder_says_what_to_do_next(tmp_path):
    assert "sentimo models pull" in invoke(models, "list", tmp_path).stderr
    with pytest.raises(InputError, match="no such folder"):
        invoke(models, "list", tmp_path / "none")


def test_pull_tells_what_came_and_what_is_next(trained, tmp_path):
    result = invoke(models, "pull", trained.bundle.path, "-o", tmp_path / "copy")

    assert f"sentimo analyze --model {tmp_path / 'copy'}" in result.stderr
    assert "polarity: negative, neutral, positive" in result.stderr
