"""The notebooks run from top to bottom, and hold no output of an earlier run."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def test_there_are_notebooks():
    assert {"quick_start", "own_data", "few_shot", "chinese"} <= {path.stem for path in NOTEBOOKS}


@each_notebook
def test_a_notebook_is_stored_without_output(path):
    for cell in json.loads(path.read_text("utf-8"))["cells"]:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


@pytest.mark.slow  # two of them train a model: about a minute each on a quiet machine
@pytest.mark.timeout(2000)
@pytest.mark.filterwarnings("default")  # the kernel's own machinery warns, and our code runs in another process
@each_notebook
def test_a_notebook_runs(path, tmp_path, monkeypatch):
    import nbformat
    from nbclient import NotebookClient

    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    notebook = nbformat.read(path, as_version=4)

    NotebookClient(notebook, timeout=1500, kernel_name="python3", resources={"metadata": {"path": tmp_path}}).execute()

    shown = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    assert shown
    assert not [each for each in shown if each.output_type == "error"]
    assert "Traceback" not in json.dumps(shown)
