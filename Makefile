# Every target sets up what it needs: a virtual environment in .venv, pinned, nothing outside it.
PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --no-input

.PHONY: demo dist unit test deep test-all check format simulate storm fuzz bench lock clean

demo: $(VENV)/.local
	$(BIN)/nightdrop demo

# Tests start hundreds of processes, which would compile every module without bytecode beside it.
export PYTHONDONTWRITEBYTECODE :=

# The long files stand first in the order of collection, so that no worker begins one at the end.
PYTEST := $(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

unit: $(VENV)/.dev
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal tests/unit

test: $(VENV)/.dev
	$(PYTEST) -rs

# The same with all examples and seeds, four times as many.
deep: $(VENV)/.dev
	DEEP=1 $(PYTEST) -rs

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The suite under every interpreter that is at hand.
test-all:
	for version in 3.10 3.11 3.12 3.13; do \
	  python=python$$version; \
	  if ! $$python -c pass 2>/dev/null && command -v pyenv >/dev/null; then \
	    found=$$(pyenv versions --bare | grep "^$$version\." | tail -n 1); \
	    python=$${found:+$$(pyenv prefix $$found)/bin/python}; \
	  fi; \
	  if [ -n "$$python" ] && $$python -c pass 2>/dev/null; then \
	    echo "== Python $$version"; \
	    $(MAKE) test PYTHON=$$python VENV=.venv-$$version || exit 1; \
	  else echo "== Python $$version is not here: skipped"; fi; \
	done

# The function against simulated services and clocks, on the logs in SQLite and in OBS.
simulate: $(VENV)/.dev
	$(BIN)/python -m tests.faults.simulation.run 20000
	$(BIN)/python -m tests.faults.simulation.run 5000 objects
	$(BIN)/python -m tests.faults.simulation.run 5000 rollouts
	$(BIN)/python -m tests.faults.simulation.run 500 rollouts objects

# Real processes under faults, and cuts of power under SQLite, in full.
storm: $(VENV)/.dev
	DEEP=1 STORM=full POWER_CUTS=400 $(BIN)/python -m pytest tests/faults

# Every fuzz target for its share of FUZZ_SECONDS, guided by coverage where atheris has a wheel.
FUZZ_SECONDS ?= 600
fuzz: $(VENV)/.dev
	$(PIP) install --quiet --require-hashes --requirement infra/requirements-fuzz.txt
	set -- tests/fuzz/fuzz_*.py; for file; do \
	  $(BIN)/python -m tests.fuzz.$$(basename $$file .py) $$(($(FUZZ_SECONDS) / $$#)) || exit 1; \
	done

# Nightdrop beside its peers and the floor, then what each part costs.
bench: $(VENV)/.dev
	$(BIN)/python -m tests.benchmarks.side_by_side.measure
	set -- tests/benchmarks/*.py; for file; do \
	  $(BIN)/python -m tests.benchmarks.$$(basename $$file .py) || exit 1; \
	done

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The wheel and the source distribution, into dist/.
dist: $(VENV)/.local
	$(BIN)/hatchling build -d dist

clean:
	rm -rf $(VENV) demo demo-* build dist

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

# Each file that pip takes has a hash here, build tools included; the checkout itself has none.
define install
	@echo 'Installing what $(1) pins; a first time takes minutes.'
	$(PIP) install --quiet --require-hashes --requirement infra/requirements-build.txt
	$(PIP) install --quiet --require-hashes --no-build-isolation --requirement $(1)
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
endef

$(VENV)/.local: pyproject.toml infra/requirements-build.txt infra/requirements-local.txt | $(VENV)/bin/python
	$(call install,infra/requirements-local.txt)
	touch $@

$(VENV)/.dev: pyproject.toml infra/requirements-build.txt infra/constraints.txt | $(VENV)/bin/python
	$(call install,infra/constraints.txt)
	touch $@ $(VENV)/.local

# The pins and hashes anew, after a change of pyproject.toml; needs uv, which nothing else does.
LOCKED := uv pip compile --quiet --universal --python-version 3.10 --generate-hashes \
	--no-emit-index-url --no-annotate --custom-compile-command 'make lock'
lock:
	$(LOCKED) --output-file infra/constraints.txt --extra dev pyproject.toml
	$(LOCKED) --output-file infra/requirements-local.txt --constraints infra/constraints.txt --extra local pyproject.toml
	$(LOCKED) --output-file infra/requirements-build.txt --constraints infra/constraints.txt infra/requirements-build.in
	$(LOCKED) --output-file infra/requirements-fuzz.txt infra/requirements-fuzz.in
