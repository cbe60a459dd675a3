# Every target sets up what it needs: a virtual environment in .venv, pinned, nothing outside it.
PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --no-input

.PHONY: demo test check format clean

demo: $(VENV)/.local
	$(BIN)/nightdrop demo

test: $(VENV)/.dev
	$(BIN)/python -m pytest

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) demo build dist

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.local: pyproject.toml infra/constraints.txt | $(VENV)/bin/python
	$(PIP) install --quiet --constraint infra/constraints.txt --editable '.[local]'
	touch $@

$(VENV)/.dev: pyproject.toml infra/constraints.txt | $(VENV)/bin/python
	$(PIP) install --quiet --constraint infra/constraints.txt --editable '.[dev]'
	touch $@ $(VENV)/.local
