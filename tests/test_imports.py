"""Guards: who may import whom, and what a light start may load."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import sentimo

SOURCE = Path(sentimo.__file__).parent
MODULES = sorted(SOURCE.rglob("*.py"))

# A part imports itself and those before it.
ORDER = ["errors", "core", "text", "data", "engine", "evaluate", "train", "compress", "cli"]
TORCH = {"accelerate", "torch", "transformers"}
HEAVY = ["torch", "transformers", "onnxruntime", "openvino", "sklearn", "pandas", "pyarrow"]


def part_of(path):
    return path.relative_to(SOURCE).with_suffix("").parts[0]


def imported(path):
    """Return every module that a file names in an import, also inside functions."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            names.add(node.module)
    return names


PARTS = [path for path in MODULES if part_of(path) not in ("__init__", "__main__")]
each_module = pytest.mark.parametrize("path", PARTS, ids=lambda path: path.relative_to(SOURCE).as_posix())


def test_every_part_has_its_place_in_the_order():
    assert {part_of(path) for path in PARTS} == set(ORDER)


@each_module
def test_imports_go_one_way(path):
    allowed = ORDER[: ORDER.index(part_of(path)) + 1]
    used = {name.split(".")[1] for name in imported(path) if name.startswith("sentimo.")}

    assert used <= set(allowed)


@each_module
def test_torch_is_imported_only_to_train_compress_and_in_its_backend(path):
    used = {name.split(".")[0] for name in imported(path)}

    of_torch = path == SOURCE / "engine/backends/torch.py" or path.parent == SOURCE / "engine/networks"
    assert part_of(path) in ("train", "compress") or of_torch or not used & TORCH


def loaded_by(statement):
    """Return the heavy packages that a fresh interpreter holds after a statement."""
    code = f"import sys, json; {statement}; print(json.dumps([m for m in {HEAVY} if m in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize("statement", ["import sentimo", "import sentimo.cli", "from sentimo import SentimoError"])
def test_a_light_start_loads_nothing_heavy(statement):
    assert loaded_by(statement) == []


def test_predicting_loads_no_torch():
    statement = "import sentimo.engine.analyzer, sentimo.engine.backends.onnx, sentimo.engine.backends.linear"

    assert loaded_by(statement) == ["onnxruntime"]


def test_a_linear_model_needs_no_runtime():
    assert loaded_by("import sentimo.engine.analyzer, sentimo.engine.backends.linear") == []


@pytest.mark.parametrize("name", sentimo.__all__)
def test_every_public_name_can_be_imported(name):
    assert getattr(sentimo, name) is not None


def test_the_lists_of_public_names_agree():
    tree = ast.parse((SOURCE / "__init__.py").read_text("utf-8"))
    (block,) = (each for each in tree.body if isinstance(each, ast.If))
    typed = {alias.name for each in block.body for alias in each.names}

    assert set(sentimo.__all__) == {*sentimo._PUBLIC, "__version__"} == {*typed, "__version__"}
    assert dir(sentimo) == sorted(sentimo.__all__)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'sentimo' has no attribute 'Analyser'"):
        _ = sentimo.Analyser
