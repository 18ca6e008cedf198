# The first two targets are all there is to set up: they make .venv, install pinned packages, do the job.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
# Clean output: no progress bars of pip, no warnings about its own version.
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input install --quiet

.PHONY: run test pytest ui check bench study install lock clean

run: $(STAMP)  ## materialise baseline, star_filter and repo_dedup
	$(BIN)/opencoder-dag run

test: $(STAMP)  ## linter, formatter, types and all tests
	@$(MAKE) --no-print-directory --jobs 2 check pytest

# Two processes take file after file, in the order that tests/conftest.py says.
pytest: $(STAMP)
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

ui: $(STAMP)  ## open Dagster and MLflow
	$(BIN)/opencoder-dag ui

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(STAMP)  ## list the benchmarks; each says at its head what it needs and compares
	@for file in benchmarks/*.py; do \
	    echo "$(BIN)/python -m benchmarks.$$(basename $$file .py)  $$(head -1 $$file | tr -d '\"')"; done

study: $(STAMP)  ## the ablations at a scale that can show an effect
	OPENCODER_SCALE=study OPENCODER_SEEDS=3 OPENCODER_SOURCE_BYTES=40000000 $(BIN)/opencoder-dag run \
	    baseline star_filter repo_dedup no_high_quality_anneal one_stage_sft mixed_sft wcl_schedule causal_packing

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if (3, 11) <= v < (3, 14) else f"Python 3.11 to 3.13 is needed, $(PYTHON) is {v.major}.{v.minor}: make PYTHON=python3.12")'
	test -d .venv || $(PYTHON) -m venv .venv
	@echo "Installing pinned packages into .venv (some minutes the first time)"
	$(PIP) --constraint constraints.txt torch
	$(PIP) --constraint constraints.txt --editable '.[dev]'
	@echo "Compiling the loops"
	$(BIN)/python -m opencoder_dag.precompile
	touch $@

lock: $(STAMP)  ## write down the versions that are installed now
	(echo "# Exact versions of everything, tried together; made with 'make lock'."; \
	$(BIN)/python -m pip list --format=freeze --exclude-editable \
	| grep -v -E '^(pip|setuptools|wheel)==' | sed 's/+cpu$$//') > constraints.txt

clean:
	rm -rf .venv artifacts
