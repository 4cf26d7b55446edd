# `make` prints this help. Each target does its own set-up.
SHELL := /bin/sh
BIN := .venv/bin
READY := .venv/.ready
MEMBERS := spine tact services/ledger services/stager services/notifier services/contact-log

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-all check bench contracts kafka lock migration format clean

help: ## print this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## make .venv with pinned dependencies and the `tact` command

$(READY): requirements.lock requirements-dev.lock $(MEMBERS:%=%/pyproject.toml) dev/setup
	@dev/setup $(MEMBERS)

demo: $(READY) ## play 2,000 loans through 105 days on this machine, print what happened, end
	@$(BIN)/tact demo --exit

test: $(READY) ## the tests, with Kafka where Java and Maven or a broker are to be had
	@$(BIN)/pytest -m "not long"

test-all: $(READY) ## also the long ones: kill matrix on Kafka, three brokers, 10,000 examples
	@HYPOTHESIS_PROFILE=nightly $(BIN)/pytest --timeout 3600

check: $(READY) ## format, lint, types, imports, generated files
	@$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy && $(BIN)/lint-imports --verbose > /dev/null \
	  && $(BIN)/python dev/generate_contracts.py --check

bench: $(READY) ## day close, staging, sends, an opening, intake, relay and latency beside bare loops of this machine
	@$(BIN)/python -m dev.bench

contracts: $(READY) ## generate contracts/ from the code
	@$(BIN)/python dev/generate_contracts.py

kafka: $(READY) ## start Apache Kafka from Maven's jars (BROKERS=1 or 3) until Ctrl-C
	@$(BIN)/python -m tact.kafka_server --brokers $(or $(BROKERS),1)

migration: $(READY) ## a new migration of a service: make migration s=ledger m="add a column"
	@$(BIN)/python dev/new_migration.py "$(s)" "$(m)"

format: $(READY) ## format and fix what can be fixed
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

lock: $(READY) ## pin the newest dependencies with hashes
	@$(BIN)/uv pip compile --generate-hashes --universal --python-version 3.11 --no-header --no-annotate --no-emit-index-url --quiet --upgrade requirements.in -o requirements.lock
	@$(BIN)/uv pip compile --generate-hashes --universal --python-version 3.11 --no-header --no-annotate --no-emit-index-url --quiet --upgrade requirements-dev.in -o requirements-dev.lock

clean: ## remove .venv, .tact and caches
	@rm -rf .venv .tact .pytest_cache .mypy_cache .ruff_cache .hypothesis
