import json

import pytest
from running import invoke

from sentimo.cli.bench import bench
from sentimo.errors import BundleError, DataError
from sentimo.evaluate.speed import bench as benching
from sentimo.evaluate.speed import peak
from sentimo.evaluate.speed.bench import Bench


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(peak, "SHAPES", ((64, 64, 64),))
    monkeypatch.setattr(benching, "N_ROUNDS", 2)


@pytest.fixture
def no_fresh(monkeypatch):
    monkeypatch.setattr(Bench, "_start_fresh", lambda self: None)


@pytest.fixture
def reviews(tmp_path):
    path = tmp_path / "reviews.csv"
    rows = [f"{number},the food was good and the room number {number} was warm" for number in range(30)]
    path.write_text("\n".join(["id,review", *rows]) + "\n", "utf-8")
    return path


def test_the_json_holds_every_figure(trained, reviews):
    result = invoke(bench, reviews, "--model", trained.bundle.path, "--seconds", 1, "--rows", 20, "--alone", "--json")

    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert found.keys() == {"machine", "source", "models"}
    assert found["source"] == "reviews.csv"
    assert found["machine"]["threads"] >= 1
    (model,) = found["models"]
    assert model.keys() == {
        *("model", "runtime", "texts", "matrix_peak", "operations_per_token", "contenders", "profile", "notes"),
        "finished",
    }
    assert model["texts"]["n"] == 20
    (ours,) = model["contenders"]
    assert ours.keys() == {
        *("name", "n_texts", "texts_per_second", "tokens_per_second", "texts_per_cpu_second", "sentimo_times_faster"),
        *("work", "peak_share", "latency", "start", "agreement"),
    }
    assert ours["latency"].keys() == {"wall_ms", "cpu_ms", "n_texts"}
    assert ours["latency"]["wall_ms"].keys() == {"p50", "p95", "p99"}
    assert ours["start"]["cpu_seconds"] > 0
    assert ours["start"]["peak_mb"] > 20
    assert model["finished"]


def test_a_built_in_model_is_measured_on_texts_of_its_language(no_fresh):
    result = invoke(bench, "--model", "zh", "--seconds", 1, "--rows", 20, "--alone", "--json")

    (model,) = json.loads(result.stdout)["models"]
    assert model["model"]["name"] == "sentimo-zh"


def test_the_table_and_the_profile_are_for_people(trained, no_fresh):
    result = invoke(
        bench, "--model", trained.bundle.path, "--seconds", 1, "--rows", 20, "--alone", "--profile", columns=120
    )

    assert result.exit_code == 0
    for words in ("texts/s", "one text, CPU ms p99", "of fp32 matrix peak", "matrix products with weights"):
        assert words in result.stdout
    assert "Texts: those that come with Sentimo" in result.stderr


@pytest.mark.parametrize(("load", "expected"), [(1.6, True), (0.4, False)])
def test_a_busy_machine_is_told(trained, monkeypatch, load, expected):
    monkeypatch.setattr("os.getloadavg", lambda: (load, 0.0, 0.0))
    monkeypatch.setattr("sentimo.evaluate.speed.machine.usable_cores", lambda: 2)
    monkeypatch.setattr(Bench, "run", lambda self: None)

    result = invoke(bench, "--model", trained.bundle.path, "--alone")

    assert ("The machine was busy (load 1.6 on 2 cores)" in result.stderr) is expected


def test_the_built_in_models_answer_texts_of_their_language(no_fresh, monkeypatch):
    asked = []

    def note(self):
        asked.append((self.bundle.manifest.name, self._texts))

    monkeypatch.setattr(Bench, "run", note)
    result = invoke(bench, "--rows", 10, "--alone", "--json")

    assert result.exit_code == 0
    assert [bundle_name[:10] for bundle_name, _ in asked] == ["sentimo-en", "sentimo-zh"]
    assert all(text.isascii() or "😂" in text or "🎉" in text for text in asked[0][1])
    assert not any(text.isascii() for text in asked[1][1])


def test_ctrl_c_prints_what_is_there(trained, monkeypatch):
    def stop(self):
        raise KeyboardInterrupt

    monkeypatch.setattr(Bench, "run", stop)
    result = invoke(bench, "--model", trained.bundle.path, "--json", "--alone")

    assert result.exit_code == 130
    assert json.loads(result.stdout)["models"][0]["finished"] is False


def test_a_file_without_enough_texts_is_an_error(trained, tmp_path):
    path = tmp_path / "few.txt"
    path.write_text("one\n\ntwo\n", "utf-8")

    with pytest.raises(DataError, match="has 2 texts; at least 8"):
        invoke(bench, path, "--text", "text", "--model", trained.bundle.path)


def test_a_column_that_is_not_there_is_an_error(trained, reviews):
    with pytest.raises(DataError, match="no column 'reviw'"):
        invoke(bench, reviews, "--text", "reviw", "--model", trained.bundle.path)


def test_a_model_that_is_not_there_is_an_error(reviews, tmp_path):
    with pytest.raises(BundleError, match="no such model folder"):
        invoke(bench, reviews, "--model", tmp_path / "none")
