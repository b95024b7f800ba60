# The two commands: `make run` shows the main job done, `make test` passes. Nothing else is needed first.
# Everything is installed into .venv; delete it to start over.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
RUN    := $(VENV)/.run-ready
DEV    := $(VENV)/.dev-ready
JOBS   ?= $(shell nproc 2>/dev/null || echo 2)
ARGS   ?=

.PHONY: run up test test-cluster check format bench fuzz lock clean

run: $(RUN)            ## the platform, with a sample study taken through it
	$(BIN)/cauce demo $(ARGS)

up: $(RUN)             ## the platform
	$(BIN)/cauce up $(ARGS)

test: $(DEV)           ## every test that needs no server of its own
	$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup -m "not cluster" $(ARGS)

test-cluster: $(DEV)   ## the tests that talk to real servers and tools (installs them on Debian, as root)
	sh tools/install-servers
	$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup --durations 15 -m cluster $(ARGS)

check: $(DEV)          ## format, lint, types, import contracts, dependencies
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/deptry src
	$(BIN)/mypy

format: $(DEV)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(DEV)          ## benchmarks: intake beside Orthanc where it is installed, results, exercises
	$(BIN)/python -m benchmarks $(ARGS)

fuzz: $(DEV)           ## damaged files through everything that reads what strangers send; ARGS="600" seconds
	$(BIN)/python -m tests.fuzz $(ARGS)

lock: $(DEV)           ## renew the locked dependencies
	$(BIN)/python tools/lock.py

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .import_linter_cache build dist

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
	  || { echo "Cauce needs Python 3.11 to 3.13; $(PYTHON) is another. Try: make run PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV) \
	  || { rm -rf $(VENV); echo "No virtual environment could be made. On Debian: apt-get install python3-venv"; exit 1; }

$(RUN): requirements/runtime.txt pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/runtime.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

$(DEV): requirements/dev.txt $(RUN)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@
