"""The programs behind docs/results.md: their arithmetic, and that they run on a bare machine."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parents[1]
BENCHMARKS = ROOT / "benchmarks"


def load(name):
    spec = importlib.util.spec_from_file_location(f"benchmarks_{name}", BENCHMARKS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def inference(monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    return load("inference")


@pytest.fixture(scope="module")
def results():
    return load("results")


def test_copies_replace_the_last_texts(inference):
    assert inference.repeated(["a", "b", "c", "d", "e", "f"], 1 / 3) == ["a", "b", "c", "d", "a", "b"]
    assert inference.repeated(["a", "b"], 0.0) == ["a", "b"]


def test_the_fastest_instructions_count(inference):
    assert inference.top({"fp32 avx2": 50.0, "fp32 avx512": 90.0, "int8 avx2": 99.0}) == {"fp32": 90.0, "int8": 99.0}


def test_texts_are_read_with_their_labels(inference, tmp_path):
    lines, plain = tmp_path / "a.jsonl", tmp_path / "a.txt"
    lines.write_text('{"text": "good", "label": "positive"}\n{"text": "差", "label": "negative"}\n', "utf-8")
    plain.write_text("good\n差\nmore\n", "utf-8")

    assert inference.read(lines, 10) == (["good", "差"], ["positive", "negative"])
    assert inference.read(plain, 2) == (["good", "差"], None)


def test_a_row_holds_rates_ratios_and_shares(inference):
    from sentimo.evaluate.speed.rounds import Lap

    def laps(seconds, cpu):
        return [Lap(100, 1000, seconds, cpu)] * 3

    named = {inference.pipeline_name(size): laps(10.0 / size, 20.0 / size) for size in inference.PIPELINE_BATCHES}
    named["ours"] = laps(0.1, 0.2)  # 1,000 texts/s, and a pipeline at best at batch 64: 640

    # half a GOP a text at 1,000 texts/s is 500 GOP/s: half of 1,000
    assert inference.speed("ours", named, 0.5, {"of the peak": 1000.0}) == {
        "engine": "ours",
        "texts/s": "1000",
        "texts per core-second": "500",
        "x HF pipeline, batch 1 (default)": "100.0 [100.0, 100.0]",
        "x HF pipeline, batch 64": "1.6 [1.6, 1.6]",
        "of the peak": "50%",
    }


def test_accuracy_is_compared_row_by_row(inference):
    def answers(labels):
        space = SimpleNamespace(labels=("no", "yes"))
        return SimpleNamespace(tasks={"t": SimpleNamespace(space=space, decide=lambda: labels)})

    run = inference.Run.__new__(inference.Run)
    run.labels = ["yes"] * 8 + ["no"] * 2
    run.chosen = SimpleNamespace(task="t")
    run.bundle = SimpleNamespace(manifest=SimpleNamespace(tasks=[]))

    found = run._accuracy(answers([1] * 10), answers([1] * 7 + [0] * 3))

    # 8 of 10 against 9 of 10: one row is lost with each 0 -> 1 of the last two, one is won
    assert found["accuracy"] == "0.8000"
    assert found["minus that of torch fp32"].startswith("-0.1000 [")


def test_the_page_shows_one_line_per_engine_and_no_empty_column(results):
    rows = [{"engine": "a", "texts/s": "5", "shares": ""}, {"engine": "b", "texts/s": "9", "padding": "1%"}]
    given = {"how": "ten texts", "rows": rows, "notes": ["c: left out."], "peaks in GOP/s": {"fp32 avx2": 98.4}}

    lines = list(results._table(given))

    assert lines[2:6] == ["| engine | texts/s | padding |", "| --- | --- | --- |", "| a | 5 |  |", "| b | 9 | 1% |"]
    assert "fp32 avx2 98" in lines[-3]
    assert lines[-1] == "c: left out."


def test_the_result_of_another_machine_keeps_its_machine(results):
    machine = {"processor": "Some CPU", "cores": 8, "instructions": ["amx_int8"], "versions": {"numpy": "9.9"}}

    record = results._record(results.EXPERIMENTS["latency"], {"rows": [], "machine": machine}, minutes=None)

    assert record["machine"] == "Some CPU, 8 cores (amx_int8)"
    assert record["versions"] == {"numpy": "9.9"}
    assert "machine" not in record["result"]


def test_the_result_of_another_machine_must_say_which(results, tmp_path, monkeypatch, capsys):
    printed = tmp_path / "printed.json"
    printed.write_text('{"rows": []}\n', "utf-8")
    monkeypatch.setattr(results, "RECORDS", tmp_path)
    monkeypatch.setattr(sys, "argv", ["results.py", "--given", f"latency-amx={printed}"])

    with pytest.raises(SystemExit):
        results.main()

    assert "does not say which machine" in capsys.readouterr().err
    assert not (tmp_path / "latency-amx.json").exists()


def test_a_record_names_no_folder_of_the_machine(results, tmp_path):
    printed = tmp_path / "printed.json"
    printed.write_text('{"notes": ["/home/me/models/en holds none, 5 texts/s, see https://a.org/b/c"]}\n', "utf-8")

    assert results._printed(str(printed)) == {"notes": ["en holds none, 5 texts/s, see https://a.org/b/c"]}


def test_the_page_says_that_tasks_without_labels_count_every_change(results):
    polarity = {"agreement": 0.99, "main": "macro_f1", "lost": 0.5}
    emotions = {"agreement": 0.965, "main": None, "lost": 3.5}
    candidate = {
        **{"candidate": "dynamic8", "tasks": {"polarity": polarity, "emotions": emotions}, "lost": 3.5, "notes": []},
        **{"megabytes": 23.94, "bulk_ratio": 2.268, "single_ratio": 1.512},
    }
    given = {
        **{"rows": {"calibration": 4, "judged": 6}, "original_megabytes": 23.83, "int8_instructions": "AMX"},
        **{"best": "dynamic8", "candidates": [candidate]},
    }

    lines = list(results._candidates(given))

    assert "4 rows to calibrate, 6 to judge" in lines[0]
    assert "Labels of emotions were not given: there every changed answer counts as lost." in lines
    assert lines[-1] == "| dynamic8 | 3.50 | 23.9 | x2.27 | x1.51 | 99.00% | 96.50% |"


@pytest.fixture
def small_run(inference, trained, tmp_path, monkeypatch):
    """Return a run of two engines on few texts; tests give it the rest."""
    from sentimo.evaluate.speed import peak

    texts = tmp_path / "texts.txt"
    texts.write_text("".join(f"the food was good {n}\n" for n in range(20)), "utf-8")
    monkeypatch.setattr(peak, "SHAPES", ((64, 64, 64),))
    monkeypatch.setattr(inference, "PIPELINE_BATCHES", (1, 8))
    monkeypatch.setattr(inference, "VARIANTS", inference.VARIANTS[:2])
    chosen = SimpleNamespace(
        **{"model": trained.bundle.path, "texts": texts, "rows": 20, "rounds": 1, "threads": 2},
        **{"also": [], "cascade": None, "task": None},
    )
    return inference.Run(chosen)


def test_a_profile_that_fails_does_not_lose_the_table(small_run, monkeypatch):
    def fail(folder, texts):
        raise AttributeError("no setter")

    monkeypatch.setattr("sentimo.evaluate.speed.profile.profile", fail)

    found = small_run.bulk()

    engines = {row["engine"]: row for row in found["rows"]}
    assert float(engines["onnxruntime"]["texts/s"]) > 0
    assert not any("peak" in name for row in found["rows"] for name in row)
    assert found["notes"] == ["Shares of the peak: left out. AttributeError: no setter"]


def test_a_model_without_torch_weights_has_a_latency_but_no_labels_to_compare(small_run):
    from sentimo.errors import SentimoError

    small_run.pipeline.has_weights = False

    with pytest.raises(SentimoError, match="no torch weights"):
        small_run.bulk()
    assert any("random weights" in note for note in small_run.single()["notes"])


def test_a_file_is_compared_with_memory_round_by_round(monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    from sentimo.evaluate.speed.rounds import Lap

    rounds = [(Lap(100, 0, 1.0, 2.0), Lap(100, 0, 2.0, 2.0)), (Lap(100, 0, 4.0, 2.0), Lap(100, 0, 4.0, 4.0))]

    assert load("files").compared(rounds) == {
        "rows/s": "38",  # (50 + 25) / 2
        "rows per CPU s": "38",
        "against memory": "x0.75 [0.50, 1.00]",
        "against memory, CPU": "x0.75 [0.50, 1.00]",
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("program", "options"), [("sparsity", []), ("files", ["--rows", "200,400", "--en", "5", "--zh", "50"])]
)
def test_what_they_print_becomes_a_table(results, program, options):
    command = [sys.executable, str(BENCHMARKS / f"{program}.py"), *options, "--json"]

    done = subprocess.run(command, capture_output=True, text=True, check=True)

    assert len(list(results._table(json.loads(done.stdout)))) >= 7


@pytest.mark.slow
@pytest.mark.parametrize("what", ["bulk", "single"])
def test_inference_is_measured_without_the_packages_of_the_command_line(what, trained, tmp_path):
    texts = tmp_path / "texts.jsonl"
    rows = [{"text": f"the food was good {n}", "label": "positive"} for n in range(40)]
    texts.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    arguments = [what, str(trained.bundle.path), str(texts), "--also", "none=nowhere", "--threads", "1", "--json"]
    program = (
        "import runpy, sys; sys.modules.update(dict.fromkeys(['typer', 'rich', 'pydantic', 'pyarrow']))\n"
        f"sys.argv[1:] = {[*arguments, '--rounds', '2']!r}\n"
        f"runpy.run_path({str(BENCHMARKS / 'inference.py')!r}, run_name='__main__')"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    engines = {row["engine"]: row for row in found["rows"]}
    assert {"HF pipeline, batch 1 (default)", "onnxruntime"} <= engines.keys()
    assert any("nowhere" in note for note in found["notes"])
    if what == "bulk":
        assert float(engines["onnxruntime"]["labels as in torch fp32"].rstrip("%")) > 97
        assert engines["onnxruntime"]["minus that of torch fp32"].startswith("0.0000 [")


@pytest.mark.slow
def test_start_up_is_measured():
    command = [sys.executable, str(BENCHMARKS / "start.py"), "--rounds", "1", "--json"]

    done = subprocess.run(command, capture_output=True, text=True, check=True)

    rows = {row["command"]: row for row in json.loads(done.stdout)["rows"]}
    assert float(rows["python -c pass"]["CPU s"].split()[0]) < float(
        rows["sentimo analyze 'I love it'"]["CPU s"].split()[0]
    )
