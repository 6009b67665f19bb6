"""The programs behind docs/results.md: their arithmetic, and that they run on a bare machine."""

from __future__ import annotations

import importlib.util
import json
import shlex
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


@pytest.fixture
def workshop(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "path", [*sys.path])
    module = load("workshop")
    monkeypatch.setattr(module, "RUNS", tmp_path)
    return module


def test_tables_of_methods_tell_the_command_that_made_them(results):
    stored = [file for file in results.RECORDS.glob("workshop-*.json") if file.stem in results.EXPERIMENTS]
    for file in stored:
        record, command = json.loads(file.read_text("utf-8")), results.EXPERIMENTS[file.stem].command
        family = results.FAMILIES[command[2]]
        methods = command[command.index("--only") + 1].split(",") if "--only" in command else list(family.methods)

        assert record["command"] == shlex.join(command)
        assert {row["method"] for row in record["result"]["rows"]} == {"plain", *methods}, file.stem
    assert len(stored) > 10


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


def a_run(macro_f1, rare, seconds, **more):
    figures = {"macro_f1": macro_f1, "accuracy": 0.9, "recall": {"joy": 0.8, "fear": rare}}
    how = {"support": {"joy": 90, "fear": 10}, "share": None, "notes": [], "cpu_seconds": seconds, "gigabytes": 1.0}
    return figures | how | more


def test_an_interval_is_that_of_students_t(workshop):
    # mean 2, deviation 1, t of 2 degrees of freedom 4.3027: 4.3027 / sqrt(3) = 2.4842
    assert workshop.interval([1.0, 2.0, 3.0], 3) == "2.000 ± 2.484"
    assert workshop.interval([0.5]) == "0.5000"


def test_a_method_is_compared_with_plain_training_seed_by_seed(workshop):
    plain = [a_run(0.80, 0.5, 10.0, robust=0.2), a_run(0.60, 0.7, 20.0, robust=0.2)]
    runs = [a_run(0.82, 0.6, 15.0, robust=0.3), a_run(0.62, 0.8, 40.0, robust=0.3)]

    found = workshop.line("better", runs, plain, attacked=True)

    assert found["points of F1"] == "2.00 ± 0.00"  # both seeds won two points, though the seeds are far apart
    assert found["recall of the rarest (fear)"].startswith("0.7000 ±")
    assert found["accuracy under attack"] == "0.3000 ± 0.0000"
    assert found["points under attack"] == "10.00 ± 0.00"
    assert found["CPU time"] == "x1.75"  # the mean of 1.5 and 2
    assert "accuracy under attack" not in workshop.line("better", runs, plain)
    assert "points of F1" not in workshop.line("plain", plain, plain)


def test_a_stored_run_counts_as_long_as_its_recipe_is_the_same(workshop, monkeypatch):
    made = []
    monkeypatch.setattr(workshop.Job, "_train", lambda job, threads: made.append(job.changes) or a_run(0.8, 0.5, 1.0))
    family = workshop.Family({})

    def run(changes, seed=1):
        job = workshop.Job("adversarial", family, "emotion-6", "fgm", changes, seed)
        job.place.mkdir(parents=True, exist_ok=True)
        return job.run(1)

    for changes, seed in (({"objective": "fgm"}, 1), ({"objective": "fgm"}, 1), ({"objective": "pgd"}, 1), ({}, 2)):
        run(changes, seed)

    assert made == [{"objective": "fgm"}, {"objective": "pgd"}, {}]


@pytest.mark.parametrize(
    ("changes", "seeds"),
    [({"combine": "mean", "members": [1, 4]}, [1, 4]), ({"epochs": 9, "teacher": {"models": "{plain}"}}, [2])],
)
def test_a_model_is_made_again_where_those_it_is_made_from_learn_otherwise(changes, seeds, workshop, monkeypatch):
    made = []
    for name in ("_combine", "_train"):
        monkeypatch.setattr(workshop.Job, name, lambda self, threads: made.append(self.of) or {"macro_f1": 0.5})

    def run(plain):
        family = workshop.Family({}, plain=plain, rest=5)  # with rest: one place, whatever is plain
        job = workshop.Job("a", family, "emotion-6", "mean", changes, 2)
        job.place.mkdir(parents=True, exist_ok=True)
        job.run(1)

    for plain in ({}, {}, {"epochs": 5}):
        run(plain)

    assert [[each["seed"] for each in of] for of in made] == [seeds, seeds]
    assert made[0] != made[1]


def test_a_recipe_names_the_teacher_and_the_texts_of_its_own_seed(workshop):
    family = workshop.FAMILIES["distil"]
    job = workshop.Job("distil", family, "emotion-6", "textcnn taught", family.methods["textcnn taught"], 2)

    assert job.recipe["teacher"] == {"models": "plain-2", "text": "rest.txt"}
    assert (job.recipe["base"], job.recipe["epochs"], job.recipe["seed"]) == ("textcnn", 10, 2)


def test_a_table_says_which_bases_learnt_for_how_long(workshop):
    families = workshop.FAMILIES

    own = workshop.described(families["knowledge-textcnn"], families["knowledge-textcnn"].methods, ["sst2"], 3)
    students = workshop.described(families["distil"], families["distil"].methods, ["emotion-6"], 3)
    small = workshop.described(families["imbalance"], families["imbalance"].methods, ["emotion-6"], 3)
    few = workshop.described(families["few-shot"], families["few-shot"].methods, ["hotel"], 10)

    assert own.startswith("1,000 labelled rows, up to 2,000 test rows; textcnn, 10 epochs; seeds 1 to 3:")
    assert "; minilm, 3 epochs; textcnn alone and textcnn taught: textcnn, 10 epochs; static alone" in students
    assert "; minilm, 10 epochs; seeds 1 to 3:" in small  # as many as a thousand rows get by default
    assert few.startswith("16 rows of each label")
    assert "; zh-small, 25 epochs; pairs then texts and lexicon heads then texts: 2 epochs; texts without" in few


def test_the_page_shows_one_line_per_engine_and_no_empty_column(results):
    rows = [{"engine": "a", "texts/s": "5", "shares": ""}, {"engine": "b", "texts/s": "9", "padding": "1%"}]
    given = {"how": "ten texts", "rows": rows, "notes": ["c: left out."], "peaks in GOP/s": {"fp32 avx2": 98.4}}

    lines = list(results._table(given))

    assert lines[2:6] == ["| engine | texts/s | padding |", "| --- | --- | --- |", "| a | 5 |  |", "| b | 9 | 1% |"]
    assert "fp32 avx2 98" in lines[-3]
    assert lines[-1] == "c: left out."


def test_the_page_says_at_a_glance_what_every_method_brings(results):
    plain = {"set": "en/sst2", "method": "plain", "CPU time": "x1.00"}
    lora = {**plain, "method": "lora", "points of F1": "-0.20 ± 2.90", "CPU time": "x1.19", "weights that learn": "1%"}
    given = {
        "Training methods: adapt": {
            "how": "4,000 labelled rows, up to 2,000 test rows; minilm, 3 epochs; seeds",
            "rows": [plain, lora],
        }
    }

    lines = list(results._glance(given))

    assert (
        lines[-1]
        == "| adapt | en/sst2 | 4,000 | minilm, 3 epochs | lora | -0.20 ± 2.90 | x1.19 | weights that learn: 1% |"
    )
    assert lines[-2].startswith("| --- |")


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
