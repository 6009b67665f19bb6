import dataclasses
import os
import shutil
import subprocess
import sys
from pathlib import Path
from threading import current_thread

import numpy as np
import onnx
import pytest
from onnx import TensorProto, external_data_helper

from sentimo.core.bundle import Bundle
from sentimo.core.labels import POLARITY_2
from sentimo.core.manifest import TaskSpec
from sentimo.engine.backends import open_backend
from sentimo.engine.backends.onnx import OnnxBackend
from sentimo.engine.predictor import Predictor
from sentimo.errors import BundleError, InputError


@pytest.fixture(scope="module")
def backend(tiny_bundle):
    return OnnxBackend.open(tiny_bundle)


@pytest.fixture
def unproven(monkeypatch):
    """Let damaged bundles be written: the fresh process would refuse them."""
    monkeypatch.setattr("sentimo.core.bundle._prove_in_fresh_process", lambda folder: None)


def logits(backend, *texts):
    return backend.run([each.windows[0].features for each in backend.prepare(texts)])


def test_the_catalogue_opens_it(tiny_bundle):
    assert isinstance(open_backend(tiny_bundle), OnnxBackend)


def test_logits_of_all_tasks_come_from_one_run(backend):
    found = logits(backend, "good food .", "awful staff")

    # Sums over the words, and the bias: see conftest.py.
    assert found["polarity"].tolist() == [[0, 2, 4], [4, 2, 0]]
    assert found["intensity"].tolist() == [[1], [1]]
    assert found["topics"].tolist() == [[2, -2], [-2, 2]]
    assert all(each.dtype == np.float32 for each in found.values())


def test_padding_does_not_change_an_answer(backend):
    alone = logits(backend, "good")["polarity"]
    beside = logits(backend, "good", "the food . " * 4)["polarity"][:1]

    assert beside.tolist() == alone.tolist()


def test_the_saved_bundle_answers_its_probes(tiny_bundle):
    bundle = Bundle.open(tiny_bundle.path)
    predictor = Predictor.load(tiny_bundle.path)
    answers = predictor.predict(bundle.probes().texts)
    found = {task: each.scores for task, each in answers.tasks.items()}

    assert bundle.probes().differences(found, predictor.spaces) == []


def test_a_model_changed_while_saving_is_not_kept(write_tiny, tmp_path):
    def turn_around(folder):
        graph = onnx.load(folder / "model.onnx")
        (bias,) = (each for each in graph.graph.initializer if each.name == "polarity.bias")
        bias.CopyFrom(onnx.numpy_helper.from_array(np.array([0, 0, 9], np.float32), bias.name))
        onnx.save(graph, folder / "model.onnx")

    with pytest.raises(BundleError, match="not kept: task 'polarity'"):
        write_tiny(tmp_path / "model", tamper=turn_around)

    assert list(tmp_path.iterdir()) == []


def test_attention_weights_stand_at_the_places_of_the_tokens(write_tiny, tmp_path, unproven):
    bundle = write_tiny(tmp_path / "model", attention=["polarity"])

    found = Predictor.load(bundle.path).attention("good food")

    # Four tokens with the special ones, equal weights of 1/4; the special ones are left out.
    assert found == {"polarity": [(0, 4, 0.25), (5, 9, 0.25)]}
    assert set(Predictor.load(bundle.path).analyze("good").tasks) == {"polarity", "intensity", "topics"}


def test_attention_to_a_long_text_is_told_window_by_window(write_tiny, tmp_path, unproven):
    bundle = write_tiny(tmp_path / "model", attention=["polarity"], max_tokens=6)

    places = [
        (start, end) for start, end, _ in Predictor.load(bundle.path).attention("the the the the food")["polarity"]
    ]

    # Windows of four tokens: [0, 4) and [3, 5); the fourth token is in both.
    assert places == [(0, 3), (4, 7), (8, 11), (12, 15), (12, 15), (16, 20)]


SETTINGS = {"prefix": [2], "suffix": [3], "pad_id": 0}


def replace(name, content):
    return lambda folder: (folder / name).write_bytes(content)


@pytest.mark.usefixtures("unproven")
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tamper": replace("model.onnx", b"no graph")}, r"model\.onnx cannot be run by onnxruntime"),
        ({"tamper": replace("tokenizer.json", b"{}")}, r"tokenizer\.json cannot be read as a tokenizer"),
        ({"tamper": lambda folder: (folder / "tokenizer.json").unlink()}, r"no file 'tokenizer\.json'"),
        ({"settings": {"prefix": [2]}}, "the manifest has no setting suffix, pad_id"),
        ({"tasks": [TaskSpec("mood", POLARITY_2)]}, "the graph has no output for mood"),
        ({"tasks": [TaskSpec("polarity", POLARITY_2)]}, "the graph gives 3 logits for the 2 labels of polarity"),
        ({"settings": {**SETTINGS, "prefix": 5}}, "the setting prefix is 5; expected a list of token ids"),
        ({"settings": {**SETTINGS, "suffix": "ab"}}, "the setting suffix is 'ab'"),
        ({"settings": {**SETTINGS, "prefix": [99999]}}, "99999 is no id of the tokenizer"),
        ({"settings": {**SETTINGS, "pad_id": "x"}}, "'x' is no id of the tokenizer"),
    ],
)
def test_a_bundle_whose_parts_do_not_fit_is_refused(write_tiny, tmp_path, changes, message):
    bundle = write_tiny(tmp_path / "model", **changes)

    with pytest.raises(BundleError, match=message):
        OnnxBackend.open(bundle)


@pytest.mark.usefixtures("unproven")
def test_a_graph_that_reads_a_file_outside_the_bundle_is_refused(write_tiny, tmp_path):
    (tmp_path / "secret").write_bytes(b"\0" * 12)

    def reach_out(folder):
        graph = onnx.load(folder / "model.onnx")
        (bias,) = (each for each in graph.graph.initializer if each.name == "polarity.bias")
        external_data_helper.set_external_data(bias, location="../secret")
        bias.ClearField("raw_data")
        bias.data_location = TensorProto.EXTERNAL
        (folder / "model.onnx").write_bytes(graph.SerializeToString())

    bundle = write_tiny(tmp_path / "model", tamper=reach_out)

    with pytest.raises(BundleError, match="cannot be run by onnxruntime"):
        OnnxBackend.open(bundle)


@pytest.mark.parametrize("threads", ["many", "-1", ""])
def test_a_number_of_threads_that_is_none_is_refused(tiny_bundle, monkeypatch, threads):
    monkeypatch.setenv("SENTIMO_THREADS", threads)

    with pytest.raises(InputError, match=f"SENTIMO_THREADS is '{threads}'; expected a number"):
        OnnxBackend.open(tiny_bundle)


def test_the_number_of_threads_may_be_set(tiny_bundle, monkeypatch):
    monkeypatch.setenv("SENTIMO_THREADS", "1")

    assert logits(OnnxBackend.open(tiny_bundle), "good")["polarity"].tolist() == [[0, 2, 4]]


def held(backend):
    """Return which sessions a backend holds: (for all cores, for one core)."""
    return backend._session is not None, backend._one_core is not None


def test_a_bulk_job_holds_the_weights_once(tiny_bundle):
    backend = OnnxBackend.open(tiny_bundle)
    features = [each.windows[0].features for each in backend.prepare(["good food .", "awful staff"])]

    assert backend.run_beside(features)["polarity"].tolist() == [[0, 2, 4], [4, 2, 0]]
    assert backend.run(features)["polarity"].tolist() == [[0, 2, 4], [4, 2, 0]]  # its last batch
    assert held(backend) == (False, True)

    backend.run(features)  # no bulk job any more
    assert held(backend) == (True, True)


def test_batches_alone_are_run_on_all_cores_at_once_and_after_a_bulk_job(tiny_bundle):
    backend = OnnxBackend.open(tiny_bundle)
    features = [each.windows[0].features for each in backend.prepare(["good"])]

    backend.run(features)
    assert held(backend) == (True, False)

    backend.run_beside(features)
    assert held(backend) == (True, True)


def test_the_session_for_one_core_is_opened_by_the_caller(tiny_bundle, monkeypatch):
    monkeypatch.setenv("SENTIMO_THREADS", "2")
    predictor, opened_by = Predictor.load(tiny_bundle.path), []
    backend = predictor._backend
    start = backend._open
    monkeypatch.setattr(backend, "_open", lambda threads: opened_by.append(current_thread()) or start(threads))

    predictor.predict([f"{at} " + "good " * 50 for at in range(100)])

    assert opened_by == [current_thread()]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are counted in /proc")
def test_texts_are_tokenised_on_as_many_cores_as_are_set(tiny_bundle):
    code = (
        "import os; from sentimo.core.bundle import Bundle; from sentimo.engine.backends.graph import open_reader; "
        f"reader = open_reader(Bundle.open({str(tiny_bundle.path)!r})); before = len(os.listdir('/proc/self/task')); "
        "reader.prepare(['good food'] * 100); print(len(os.listdir('/proc/self/task')) - before)"
    )

    def n_workers(**settings):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("RAYON")} | settings
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
        return int(done.stdout)

    assert n_workers(SENTIMO_THREADS="1") == 1
    assert n_workers(SENTIMO_THREADS="3") == 3
    assert n_workers(SENTIMO_THREADS="3", RAYON_NUM_THREADS="2") == 2  # the user's own word for this pool counts


@pytest.mark.parametrize(("settings", "precise"), [({}, True), ({"weight_bits": 8}, True), ({"weight_bits": 7}, False)])
def test_8_bit_products_are_exact_on_every_processor_and_fast_where_7_bits_cannot_overflow(
    tiny_bundle, settings, precise
):
    manifest = dataclasses.replace(tiny_bundle.manifest, settings={**tiny_bundle.manifest.settings, **settings})

    options = OnnxBackend.open(dataclasses.replace(tiny_bundle, manifest=manifest)).session_options()

    if precise:
        assert options.get_session_config_entry("session.x64quantprecision") == "1"
    else:
        with pytest.raises(RuntimeError):  # nothing was said
            options.get_session_config_entry("session.x64quantprecision")


@pytest.mark.slow
def test_the_built_in_english_model_answers_alike_on_an_old_processor():
    emulator = shutil.which("qemu-x86_64")
    if emulator is None:
        pytest.skip("no qemu-x86_64: apt-get install qemu-user")
    code = (
        f"import sys; sys.path[:0] = {sys.path}; from pathlib import Path; import sentimo;"
        "from sentimo.engine.predictor import Predictor;"
        "model = Predictor.load(Path(sentimo.__file__).parent / 'models/en');"
        "print(model.predict(['I love it', 'the soup was cold']).tasks['polarity'].scores.round(4).tolist())"
    )
    here, there = (
        subprocess.run([*before, sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        for before in ([], [emulator, "-cpu", "Haswell"])
    )

    assert here == there
