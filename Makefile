# Two commands do everything: `make demo` (install, clips, two verdicts with their models and reports) and `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# For instance PIP_ARGS='--extra-index-url <an index of CPU wheels>' where the CUDA build of torch is not wanted.
PIP_ARGS ?=
DEMO_DIR ?= work_dirs/demo

FLOOR ?= .venv-floor
# Unit tests of what other versions change, one training from end to end and one pack.
FLOOR_TESTS := tests/test_compat.py tests/test_plain_data.py tests/functional tests/models tests/hooks tests/evaluation \
	tests/datasets tests/zoo/test_export.py tests/integration/test_tools.py tests/integration/test_pack_videos.py

.PHONY: setup demo test test-floor lint docs dist clean

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

# torchcodec needs FFmpeg's shared libraries before Python starts: PyAV's, beside any that are installed.
test: setup lint
	$(BIN)/python tools/misc/link_ffmpeg.py $(VENV)/ffmpeg
	LD_LIBRARY_PATH=$(abspath $(VENV))/ffmpeg$${LD_LIBRARY_PATH:+:$$LD_LIBRARY_PATH} $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

# Once per release, in an environment of its own (7 GB), with the oldest Python that setup.py allows as PYTHON.
test-floor: $(FLOOR)/.installed
	$(FLOOR)/bin/python -m pytest -n 2 --dist loadfile $(FLOOR_TESTS)

$(FLOOR)/.installed: setup.py constraints-floor.txt
	$(PYTHON) -m venv $(FLOOR)
	$(FLOOR)/bin/python -m pip install --quiet --upgrade 'pip<27'
	$(FLOOR)/bin/python -m pip install $(PIP_ARGS) --progress-bar off --quiet --requirement constraints-floor.txt
	$(FLOOR)/bin/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

docs: setup
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

dist: setup
	$(BIN)/python -m pip install $(PIP_ARGS) --progress-bar off --quiet --editable '.[release]'
	$(BIN)/cffconvert --validate
	rm -rf build dist
	$(BIN)/python -m build
	$(BIN)/twine check --strict dist/*

clean:
	rm -rf $(VENV) $(FLOOR) build dist site *.egg-info auxskd_mm/.mim .pytest_cache .mypy_cache .ruff_cache
