# Two commands do everything: `make demo` (install, clips, two verdicts with their models and reports) and `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# For instance PIP_ARGS='--extra-index-url <an index of CPU wheels>' where the CUDA build of torch is not wanted.
PIP_ARGS ?=
DEMO_DIR ?= work_dirs/demo

.PHONY: setup demo test lint docs dist clean

setup: $(VENV)/.installed

$(VENV)/.installed: setup.py constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip<27'
	$(BIN)/python -m pip install $(PIP_ARGS) --progress-bar off --quiet --constraint constraints.txt --editable '.[lite,test,docs]'
	touch $@

demo: setup
	$(BIN)/python tools/demo.py $(DEMO_DIR)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: setup lint
	$(BIN)/python -m pytest -n 2 --dist loadfile

docs: setup
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

dist: setup
	$(BIN)/python -m pip install $(PIP_ARGS) --progress-bar off --quiet --editable '.[release]'
	$(BIN)/cffconvert --validate
	rm -rf build dist
	$(BIN)/python -m build
	$(BIN)/twine check --strict dist/*

clean:
	rm -rf $(VENV) build dist site *.egg-info auxskd_mm/.mim .pytest_cache .mypy_cache .ruff_cache
