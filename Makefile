# Every task of the project. `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

# Another Python: make run PYTHON=python3.13
PYTHON ?= python3
# Arguments for pytest: make test ARGS="tests/visit -k clock"
ARGS ?=
# Seconds after which `make test` is stopped (pytest then still says how far it came).
TEST_SECONDS ?= 2700
# Seconds for each target of `make fuzz`.
FUZZ_SECONDS ?= 120

BIN := .venv/bin
define NEED_PYTHON
@command -v $(PYTHON) >/dev/null || { echo "There is no $(PYTHON) here: install Python 3.11 or newer, or name it, as in: make run PYTHON=python3.12" >&2; exit 1; }
@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed, and $(PYTHON) is %d.%d: install it, or name it, as in: make run PYTHON=python3.12" % sys.version_info[:2])'
@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "$(PYTHON) cannot make virtual environments: install its venv package (Debian: apt-get install python3-venv)" >&2; exit 1; }
endef
PIP := $(BIN)/pip --disable-pip-version-check --quiet install --no-input
LOCK := --quiet --generate-hashes --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
	--strip-extras --no-header --allow-unsafe

.PHONY: help run test test-long fuzz check check-lint check-types check-js check-texts format bench lock clean \
	deps-run deps-test deps-node tools

help: ## Say what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

run: deps-run ## Install and start everything on this machine (Ctrl-C stops it; the data stays in ./var)
	@exec $(BIN)/python -IS server/die_with_parent.py TERM $$PPID $(BIN)/python -m server dev

test: deps-test tools ## Run the tests (under 15 minutes)
	@tests/rig/run_js.sh
	@TEST_SECONDS=$(TEST_SECONDS) tests/rig/run_py.sh $(ARGS)

test-long: deps-test tools ## Run the tests with their full counts (hours)
	@TEST_LONG=1 tests/rig/install_tools.sh
	@tests/rig/run_js.sh
	@TEST_LONG=1 $(BIN)/python -m pytest $(ARGS)

fuzz: deps-test ## Fuzz what the network gives to the relay (FUZZ_SECONDS=120 for each target; Linux on x86-64)
	@$(PIP) --require-hashes -r tests/fuzz/requirements.txt
	@for target in $$($(BIN)/python -m tests.fuzz.targets); do echo "== $$target"; $(BIN)/python -m tests.fuzz $$target -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1; done

check: check-lint check-types check-js check-texts ## Lint, types of Python and JavaScript, texts without a translation

check-lint: deps-test
	$(BIN)/ruff check --output-format concise .

check-types: deps-test
	$(BIN)/mypy

check-js: deps-node
	node_modules/.bin/tsc -p tsconfig.json

check-texts: deps-run
	$(BIN)/python -m server.strings

format: deps-test ## Let ruff lay out the Python code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: deps-test tools ## Run every benchmark (ARGS=--quick for under 50 s each)
	@for file in bench/[a-z]*.py; do echo "== $$file"; $(BIN)/python "$$file" $(ARGS); done

lock: ## Pin the dependencies of pyproject.toml again, with hashes (UPGRADE=1 takes newer ones)
	$(NEED_PYTHON)
	@[ -x .lock/bin/pip-compile ] || { $(PYTHON) -m venv .lock && .lock/bin/pip --quiet install pip-tools; }
	.lock/bin/pip-compile $(LOCK) $(if $(UPGRADE),--upgrade) -o requirements.txt pyproject.toml
	.lock/bin/pip-compile $(LOCK) $(if $(UPGRADE),--upgrade) --extra test -c requirements.txt -o requirements-dev.txt pyproject.toml
	.lock/bin/pip-compile $(LOCK) $(if $(UPGRADE),--upgrade) -o tests/fuzz/requirements.txt tests/fuzz/requirements.in
	npm install --package-lock-only --omit-lockfile-registry-resolved --no-audit --no-fund

clean: ## Remove what make has installed and what tools have cached (never ./var: that is data)
	rm -rf .venv .lock node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

tools:
	@tests/rig/install_tools.sh

# Stamps: what was installed last is newer than the list it came from.
deps-run: .venv/.installed
deps-test: .venv/.installed-test
deps-node: node_modules/.installed

.venv/bin/python:
	$(NEED_PYTHON)
	@$(PYTHON) -m venv .venv

.venv/.installed: requirements.txt | .venv/bin/python
	@echo "Installing what the service needs ..."
	@$(PIP) --require-hashes -r requirements.txt
	@touch $@

.venv/.installed-test: requirements-dev.txt .venv/.installed
	@echo "Installing what the tests need ..."
	@$(PIP) --require-hashes -r requirements-dev.txt
	@touch $@

node_modules/.installed: package.json package-lock.json
	@command -v npm >/dev/null || { echo "The type check of the JavaScript needs Node.js 20 or newer with npm." >&2; exit 1; }
	@echo "Installing the type checker for JavaScript ..."
	@npm ci --no-audit --no-fund --loglevel=error
	@touch $@
