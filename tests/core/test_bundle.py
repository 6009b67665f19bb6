import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from sentimo.core.bundle import Bundle, Probes, check_outside_models, check_target, write_bundle
from sentimo.core.labels import POLARITY_2, LabelSpace
from sentimo.core.manifest import Manifest, TaskSpec
from sentimo.core.predictions import ModelId
from sentimo.engine.backends.linear import LinearBackend, LinearModel, TaskWeights
from sentimo.engine.predictor import Predictor
from sentimo.errors import BundleError, InputError

TEXTS = ("好", "差", "ok")
TASK = TaskSpec("polarity", POLARITY_2, temperature=2.0)
MANIFEST = Manifest("tiny", "linear", ("zh",), (TASK,), 16, {"a": 1}, {"seed": 13})
MODEL = LinearModel(
    ("h差", "h好"),
    np.ones(2, np.float32),
    {"polarity": TaskWeights.quantised(np.array([[2.0, 0.0], [0.0, 2.0]]), np.zeros(2))},
)


def answers():
    predictor = Predictor(LinearBackend(MODEL, max_tokens=16), [TASK], ModelId("tiny", ""))
    return {"polarity": predictor.predict(TEXTS).tasks["polarity"].scores}


def write(target, *, fill=MODEL.save, scores=None, **settings):
    return write_bundle(target, MANIFEST, fill, Probes(TEXTS, scores or answers()), **settings)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A folder written and proven once; tests that change it take a copy."""
    return write(tmp_path_factory.mktemp("saved") / "model").path


@pytest.fixture
def model(saved, tmp_path):
    return shutil.copytree(saved, tmp_path / "model")


@pytest.fixture
def unproven(monkeypatch):
    """Spare the fresh process where a test is about something else."""
    monkeypatch.setattr("sentimo.core.bundle._prove_in_fresh_process", lambda folder: None)


def edit_manifest(folder, **changes):
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **changes}), "utf-8")


def listed(folder, **changes):
    return {**json.loads((folder / "manifest.json").read_text("utf-8"))["files"], **changes}


# Writing


def test_what_was_written_is_read_back(saved):
    bundle = Bundle.open(saved)

    assert bundle.manifest == MANIFEST
    assert bundle.probes().texts == TEXTS
    assert bundle.probes().differences(answers(), {"polarity": POLARITY_2}) == []


def test_a_written_model_answers_as_before(saved):
    assert Predictor.load(saved).predict(TEXTS).tasks["polarity"].scores == pytest.approx(answers()["polarity"])


def test_the_digest_names_exactly_this_model(saved, model):
    assert Bundle.open(model).digest == Bundle.open(saved).digest

    edit_manifest(model, name="other")

    assert Bundle.open(model).digest != Bundle.open(saved).digest


def test_a_manifest_survives_json():
    several = replace(
        MANIFEST,
        tasks=(TASK, TaskSpec("topics", LabelSpace("topics", ("a", "b"), "multi"), 1.5, (0.25, 0.75))),
    )

    assert Manifest.from_dict(json.loads(json.dumps(several.to_dict()))) == several


def test_nothing_but_the_bundle_is_left(tmp_path, unproven):
    write(tmp_path / "models" / "mine")

    assert [path.name for path in (tmp_path / "models").iterdir()] == ["mine"]


def test_a_model_that_answers_differently_after_saving_is_not_kept(tmp_path):
    wrong = answers()
    wrong["polarity"] = wrong["polarity"][:, ::-1]

    with pytest.raises(BundleError, match=r"not kept: task 'polarity': .* apart on '好'"):
        write(tmp_path / "model", scores=wrong)

    assert list(tmp_path.iterdir()) == []


def test_a_model_that_cannot_be_opened_is_not_kept(tmp_path):
    with pytest.raises(BundleError, match=r"not kept: .*no file 'vocabulary\.txt'"):
        write(tmp_path / "model", fill=lambda folder: None)

    assert list(tmp_path.iterdir()) == []


def test_a_failing_save_leaves_the_old_model_as_it_was(model, tmp_path):
    before = Bundle.open(model).digest

    with pytest.raises(BundleError, match="not kept"):
        write(model, fill=lambda folder: None, overwrite=True)

    assert Bundle.open(model).digest == before
    assert list(tmp_path.iterdir()) == [model]


def test_an_error_while_the_files_are_written_leaves_nothing(tmp_path):
    def fill(folder):
        MODEL.save(folder)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "model", fill=fill)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("unproven")
def test_the_old_model_comes_back_when_the_new_one_cannot_be_moved(model, tmp_path, monkeypatch):
    before = Bundle.open(model).digest
    rename = type(model).rename

    def refuse_new(self, target):
        if self.name.endswith(".tmp"):
            raise OSError("disk trouble")
        return rename(self, target)

    monkeypatch.setattr(type(model), "rename", refuse_new)
    with pytest.raises(OSError, match="disk trouble"):
        write(model, overwrite=True)

    assert Bundle.open(model).digest == before
    assert list(tmp_path.iterdir()) == [model]


@pytest.mark.parametrize("name", ["weights.pkl", "pytorch_model.bin", "modeling.py", "weights", "run.sh", "w.JSON"])
def test_files_that_could_run_code_are_not_saved(tmp_path, name):
    with pytest.raises(BundleError, match="can run code"):
        write(tmp_path / "model", fill=lambda folder: (folder / name).write_bytes(b""))

    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_working_folder_does_not_spoil_the_proof(tmp_path, monkeypatch):
    (tmp_path / "numpy.py").write_text("raise RuntimeError('not the numpy you want')\n", "utf-8")
    monkeypatch.chdir(tmp_path)

    write("model")

    assert Bundle.open("model").manifest == MANIFEST


# Where a bundle may be written


@pytest.mark.usefixtures("unproven")
def test_a_model_is_replaced_only_on_demand(model):
    with pytest.raises(BundleError, match=r"already holds a model.*--overwrite"):
        write(model)

    write(model, overwrite=True)


@pytest.mark.usefixtures("unproven")
def test_an_empty_folder_may_be_filled(tmp_path):
    (tmp_path / "model").mkdir()

    assert write(tmp_path / "model").manifest == MANIFEST


@pytest.mark.parametrize("overwrite", [False, True])
def test_what_is_not_a_model_is_never_replaced(tmp_path, overwrite):
    photos, note, link = tmp_path / "photos", tmp_path / "note", tmp_path / "link"
    photos.mkdir()
    (photos / "cat.jpg").write_bytes(b"cat")
    note.write_text("remember", "utf-8")
    link.symlink_to(photos)

    for taken in (photos, note, link):
        with pytest.raises(BundleError, match="is not a model folder; it is left as it is"):
            check_target(taken, overwrite=overwrite)


def test_a_link_to_a_model_is_not_replaced(model, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(model)

    with pytest.raises(BundleError, match="left as it is"):
        check_target(link, overwrite=True)


# Opening what is damaged or not trusted


def test_a_changed_byte_is_noticed(model):
    path = model / "coef.polarity.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)

    with pytest.raises(BundleError, match=r"coef\.polarity\.npy has changed since the bundle was saved"):
        Bundle.open(model)


def test_a_missing_file_is_named(model):
    (model / "idf.npy").unlink()

    with pytest.raises(BundleError, match=r"listed files are missing: idf\.npy"):
        Bundle.open(model)


@pytest.mark.parametrize("name", ["more.json", "sub/more.json", "weights.pkl"])
def test_a_file_that_is_not_listed_is_named(model, name):
    (model / name).parent.mkdir(exist_ok=True)
    (model / name).write_text("{}", "utf-8")

    with pytest.raises(BundleError, match=f"does not list: {name}"):
        Bundle.open(model)


def test_hidden_files_of_the_system_are_passed_over(model):
    (model / ".DS_Store").write_bytes(b"\0")

    Bundle.open(model)


def test_a_listed_pickle_is_refused(model):
    (model / "weights.pkl").write_bytes(b"\x80")
    edit_manifest(model, files=listed(model, **{"weights.pkl": "0" * 64}))

    with pytest.raises(BundleError, match=r"files of kind '\.pkl' can run code"):
        Bundle.open(model)


@pytest.mark.parametrize("name", ["../secret.json", "sub/../../secret.json", "/etc/hosts.txt", "..\\secret.json"])
def test_a_listed_file_outside_the_bundle_is_refused(model, name):
    (model.parent / "secret.json").write_text("{}", "utf-8")
    edit_manifest(model, files=listed(model, **{name: "0" * 64}))

    with pytest.raises(BundleError, match="lies outside the bundle"):
        Bundle.open(model)


@pytest.mark.parametrize("name", ["idf.npy", "manifest.json", "sub"])
def test_a_link_is_refused(model, name):
    elsewhere = model.parent / "elsewhere"
    if (model / name).exists():
        (model / name).rename(elsewhere)
    else:
        elsewhere.mkdir()
    (model / name).symlink_to(elsewhere)

    with pytest.raises(BundleError, match=f"{name} is a link"):
        Bundle.open(model)


def test_a_newer_format_asks_for_an_upgrade_however_it_is_laid_out(model):
    content = {"format": "sentimo-bundle", "version": 2, "parts": []}
    (model / "manifest.json").write_text(json.dumps(content), "utf-8")

    with pytest.raises(BundleError, match=r"bundle format 2; .* reads format 1.* pip install -U sentimo"):
        Bundle.open(model)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not json",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b"null",
        b'{"format": "other", "version": 1, "files": {}}',
        b'{"format": "sentimo-bundle", "version": 1, "files": ["a.json"]}',
        b'{"format": "sentimo-bundle", "version": 1, "files": {"a.json": 1}}',
        b"[" * 100_000,
    ],
    ids=lambda content: content[:16],
)
def test_what_is_not_a_manifest_is_refused(model, content):
    (model / "manifest.json").write_bytes(content)

    with pytest.raises(BundleError, match="cannot be read as the manifest of a bundle"):
        Bundle.open(model)


SPEC = TASK.to_dict()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"backend": "tensorflow"}, "unknown backend 'tensorflow'; this version runs onnx, linear, torch"),
        ({"tasks": [{"name": "polarity"}]}, "'space'"),
        ({"tasks": []}, "expected at least one"),
        ({"tasks": [SPEC, SPEC]}, "each once"),
        ({"tasks": [{**SPEC, "name": "confidence"}]}, "cannot be called confidence"),
        ({"tasks": [{**SPEC, "temperature": 0}]}, "temperature 0.0; expected a number above 0"),
        ({"tasks": [{**SPEC, "temperature": float("nan")}]}, "temperature nan"),
        ({"tasks": [{**SPEC, "thresholds": [0.5]}]}, "1 thresholds for 2 labels"),
        ({"tasks": [{**SPEC, "space": {**SPEC["space"], "kind": "many"}}]}, "kind 'many'"),
        ({"max_tokens": "many"}, "max_tokens is 'many'; expected a whole number"),
        ({"max_tokens": 0}, "max_tokens is 0; expected a whole number, 1 or more"),
        ({"settings": 7}, "not iterable"),
    ],
)
def test_a_manifest_that_makes_no_sense_is_refused(model, changes, message):
    edit_manifest(model, **changes)

    with pytest.raises(BundleError, match=f"cannot be understood: .*{message}"):
        Bundle.open(model)


def test_a_path_without_a_model_says_what_is_there(tmp_path):
    (tmp_path / "file").write_text("x", "utf-8")

    with pytest.raises(BundleError, match="no such model folder"):
        Bundle.open(tmp_path / "nowhere")
    for path in (tmp_path, tmp_path / "file"):
        with pytest.raises(BundleError, match=r"is not a model folder: it has no manifest\.json"):
            Bundle.open(path)


def test_only_listed_files_are_given_out(saved):
    with pytest.raises(BundleError, match=r"no file 'secret\.txt'; it lists .*idf\.npy"):
        Bundle.open(saved).file("secret.txt")


# Parts


def test_a_task_needs_a_temperature_above_zero_and_a_threshold_per_label():
    with pytest.raises(InputError, match=r"temperature -1\.0"):
        TaskSpec("polarity", POLARITY_2, temperature=-1.0)
    with pytest.raises(InputError, match="3 thresholds for 2 labels"):
        TaskSpec("polarity", POLARITY_2, thresholds=(0.1, 0.2, 0.3))


@pytest.mark.parametrize(
    ("found", "sentences"),
    [
        ({"polarity": [[0.5, 0.5], [0.25, 0.75]]}, []),
        ({"polarity": [[0.5005, 0.4995], [0.25, 0.75]]}, []),
        ({"polarity": [[0.5, 0.5], [0.375, 0.625]]}, ["task 'polarity': 0.12 apart on 'second'"]),
        ({"polarity": [[0.5, 0.5], [np.nan, 0.75]]}, ["task 'polarity': nan apart on 'second'"]),
        ({"polarity": [[0.5, 0.5]]}, ["task 'polarity': scores of shape (1, 2), expected (2, 2)"]),
        ({}, ["task 'polarity' is missing"]),
    ],
)
def test_probes_tell_where_answers_differ(found, sentences):
    probes = Probes(("first", "second"), {"polarity": np.array([[0.5, 0.5], [0.25, 0.75]])})
    answered = {task: np.array(scores) for task, scores in found.items()}

    assert probes.differences(answered, {"polarity": POLARITY_2}) == sentences


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", None),
        ("languages", ["zh", 3]),
        ("max_tokens", "16"),
        ("tasks", [{**TASK.to_dict(), "name": 5}]),
        ("tasks", [{**TASK.to_dict(), "space": {**POLARITY_2.to_dict(), "labels": [0, 1]}}]),
        ("tasks", [{**TASK.to_dict(), "thresholds": [float("nan"), 0.5]}]),
        ("tasks", [{**TASK.to_dict(), "temperature": 0}]),
    ],
)
def test_a_manifest_of_other_types_is_refused(model, name, value):
    edit_manifest(model, **{name: value})

    with pytest.raises(BundleError, match="cannot be understood"):
        Bundle.open(model)


def test_a_probe_without_an_answer_is_stored_and_compared_as_such():
    probes = Probes(("one", "two"), {"polarity": np.array([[0.5, 0.5], [np.nan, np.nan]])})
    stored = Probes.from_dict(json.loads(json.dumps(probes.to_dict(), allow_nan=False)))
    spaces = {"polarity": POLARITY_2}

    assert stored.differences(probes.scores, spaces) == []
    assert stored.differences({"polarity": np.array([[0.5, 0.5], [0.5, 0.5]])}, spaces) != []


@pytest.mark.parametrize(("top", "n_sentences"), [(1.0, 1), (100.0, 0)])
def test_scores_differ_by_their_share_of_the_range(top, n_sentences):
    stars = LabelSpace("stars", ("stars",), "score", range=(0.0, top))

    found = Probes(("one",), {"stars": np.array([[0.5]])}).differences({"stars": np.array([[0.55]])}, {"stars": stars})

    assert len(found) == n_sentences


def test_a_copy_holds_all_files_but_the_probes_and_what_is_left_out(tmp_path):
    for name in ("probes.json", "a.txt", "b.npy", "deep/c.txt"):
        (tmp_path / "from" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "from" / name).write_text(name)
    bundle = Bundle(tmp_path / "from", MANIFEST, "", dict.fromkeys(("probes.json", "a.txt", "b.npy", "deep/c.txt"), ""))
    (tmp_path / "to").mkdir()

    bundle.copy_to(tmp_path / "to", leave_out=["*.npy"])

    copied = {path.relative_to(tmp_path / "to").as_posix() for path in (tmp_path / "to").rglob("*") if path.is_file()}
    assert copied == {"a.txt", "deep/c.txt"}
    assert (tmp_path / "to" / "deep" / "c.txt").read_text() == "deep/c.txt"


def test_nothing_is_written_into_a_model_folder(tmp_path):
    model = tmp_path / "model"
    model.mkdir()
    (model / "manifest.json").write_text('{"format": "sentimo-bundle"}', "utf-8")

    with pytest.raises(BundleError, match=r"would lie in the model folder .*model"):
        check_outside_models(model / "answers.csv")
    check_outside_models(tmp_path / "answers.csv")
