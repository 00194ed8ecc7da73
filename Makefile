# Everything a fresh machine needs: `make run` and `make test`. `make help` lists the rest.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/installed

# Where `make run` serves; each may be set on the command line or in the environment.
API_PORT ?= 8000
BENTO_PORT ?= 3000
MLFLOW_PORT ?= 5000
export API_PORT BENTO_PORT MLFLOW_PORT

# What we start asks no hub and reports to nobody.
export MLFLOW_DISABLE_TELEMETRY := true
export FEAST_USAGE := False
export BENTOML_DO_NOT_TRACK := True
export DO_NOT_TRACK := true
export HF_HUB_OFFLINE := 1

.DEFAULT_GOAL := help

.PHONY: help ports run stop test lint check bench lock clean

help: ## List the targets.
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

run: ports $(INSTALLED) ## Set up what is missing, do the main job, keep everything serving. SOURCE=<url> names the shop.
	@exec $(BIN)/python -m walk up

# Before anything is installed, which takes minutes; later `walk up` asks, and knows what runs already.
# Without a Python there is nothing to ask with, and install.sh says so.
ports:
	@[ -e $(INSTALLED) ] || ! command -v "$(PYTHON)" >/dev/null || "$(PYTHON)" walk/ports.py $(or $(BOOKSHELF_HOST),127.0.0.1) \
		API_PORT=$(API_PORT) BENTO_PORT=$(BENTO_PORT) MLFLOW_PORT=$(MLFLOW_PORT)

stop: ## Stop what `make run` serves.
	@[ ! -x $(BIN)/python ] || $(BIN)/python -m walk stop

# A file of tests stays whole: its servers and homes are made once for all of it.
test: $(INSTALLED) ## The whole suite, the walk included, on two cores.
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

lint: $(INSTALLED) ## Lint, types and import rules.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .
	$(BIN)/lint-imports

check: lint ## What `lint` does, and the fast tests.
	$(BIN)/python -m pytest -m 'not slow'

bench: $(INSTALLED) ## Side-by-side measurements; prints ratios.
	$(BIN)/python -m benchmarks

lock: ## Resolve pyproject.toml afresh into requirements.lock.
	./lock.sh "$(PYTHON)"

clean: stop ## Remove the environment, all state and all caches.
	rm -rf .venv var mlruns data build *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTALLED): requirements.lock pyproject.toml install.sh
	@./install.sh "$(PYTHON)"
