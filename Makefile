# Two commands do everything on a fresh machine with Python >= 3.11 and make: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
CHECKED := src tests recipes benchmarks

.PHONY: demo test test-all check fix results clean

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Sentimo needs Python 3.11 or newer; try make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV) || { apt-get install -y python3-venv && $(PYTHON) -m venv $(VENV); }
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	touch $(READY)

demo: $(READY)  ## the main job: doctor, train, evaluate, analyze, predict (about two minutes)
	@sh demo/run.sh $(BIN)

check: $(READY)  ## format, lint, types
	$(BIN)/ruff format --check $(CHECKED)
	$(BIN)/ruff check $(CHECKED)
	$(BIN)/python -m mypy

test: check  ## the default suite
	$(BIN)/python -m pytest -m 'not slow'

test-all: check  ## everything, minutes long; real data where SENTIMO_DATA (default ../shared/data) is there
	$(BIN)/python -m pytest

fix: $(READY)
	$(BIN)/ruff format $(CHECKED)
	$(BIN)/ruff check --fix $(CHECKED)

results: $(READY)  ## run every recipe behind docs/results.md again (hours)
	$(BIN)/python benchmarks/results.py

clean:
	rm -rf $(VENV) runs .mypy_cache .ruff_cache .pytest_cache
