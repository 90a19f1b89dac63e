# Each target sets up what it needs: `make report` and `make test` work in a fresh clone.
# uv is used where it is installed; otherwise the standard library's venv and pip.

PYTHON ?= python3
VENV   ?= .venv
BIN     = $(VENV)/bin
READY   = $(VENV)/.ready
CONDA   = --group dev --name segml --python-include "python>=3.11,<3.14" --no-header
UV     := $(shell command -v uv 2>/dev/null)
JAVA   := $(shell command -v java 2>/dev/null)
SPARK   = $(VENV)/.spark

ifdef UV
  PIP = VIRTUAL_ENV=$(abspath $(VENV)) uv pip install --quiet
else
  PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check
endif

.DEFAULT_GOAL := help
.PHONY: help setup report test test-fast coverage lint format lab bench lock environment clean

help:
	@echo "make report   run the default report on real orders and print the path of the HTML"
	@echo "make test     run the whole test suite"
	@echo "make coverage the same, and which lines no test runs"
	@echo "make lab      open the notebooks in JupyterLab"
	@echo "make lint     formatting, lint, types, layers, notebooks without outputs"
	@echo "make bench    time segml beside its peers"
	@echo "make environment  write environment.yml again from pyproject.toml"
	@echo "make lock     pin every version again from pyproject.toml (needs uv)"

setup: $(READY)

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "segml needs Python 3.11 or newer; set PYTHON=..., got: $$($(PYTHON) --version)"; exit 1; }
ifdef UV
	@test -x $(BIN)/python || uv venv --quiet --python $(PYTHON) $(VENV)
	@echo "installing into $(VENV) with uv" >&2
else
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) with pip (a few minutes, once)" >&2
endif
	@$(PIP) --require-hashes -r requirements.lock
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $(READY)

# PySpark is large: only the tests need it, and only where there is Java.
$(SPARK): requirements-spark.lock $(READY)
	@echo "installing PySpark for the tests" >&2
	@$(PIP) --require-hashes -r requirements-spark.lock
	@touch $(SPARK)

report: setup
	@$(BIN)/segml run params/cdnow.yml

test: setup $(if $(JAVA),$(SPARK))
	$(BIN)/python -m pytest -n 2 --dist loadfile

test-fast: setup $(if $(JAVA),$(SPARK))
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow"

coverage: setup $(if $(JAVA),$(SPARK))
	$(BIN)/python -m pytest -n 2 --dist loadfile --cov --cov-report=term:skip-covered

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/nbstripout --verify notebooks/*.ipynb

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lab: setup
	$(BIN)/jupyter lab --notebook-dir=. --LabApp.default_url=/lab/tree/notebooks

bench: setup
	@$(PIP) --group bench
	@for script in benchmarks/bench_*.py; do $(BIN)/python $$script || exit 1; done

lock:
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-annotate --no-header --quiet --upgrade -o requirements.lock
	echo "pyspark>=4.0" | uv pip compile - --universal --python-version 3.11 --constraint requirements.lock \
	  --generate-hashes --no-emit-index-url --no-annotate --no-header --quiet --upgrade -o requirements-spark.lock

environment: setup
	$(BIN)/pyproject2conda yaml $(CONDA) --overwrite force --output environment.yml

clean:
	rm -rf $(VENV) .coverage htmlcov .pytest_cache .mypy_cache .ruff_cache
