# One door to everything: `make` lists the targets. Each of them first makes .venv, if it is not up to date.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.up-to-date
WORKERS ?= auto
PYTEST := $(BIN)/pytest -q -n $(WORKERS) --dist loadfile --max-worker-restart=0
export PIP_DISABLE_PIP_VERSION_CHECK := 1

MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.PHONY: help setup demo restaurants test check check-long bench bench-peers bench-tools bench-lab agentdojo format clean

help:  ## what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(STAMP) _sandbox _xfoil  ## make .venv with everything in it (does nothing when it is up to date)
	@:

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "firm needs Python 3.11 or newer; say which: make PYTHON=python3.12 setup" >&2; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV) >/dev/null 2>&1 || $(MAKE) _venv_package
	@echo "installing into $(VENV) (the first time takes a minute or two)"
	@$(BIN)/pip install -q -e '.[dev]' -c constraints.txt
	@touch $@

.PHONY: _venv_package
_venv_package:
	@rm -rf $(VENV)
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -qq && apt-get install -y -qq python3-venv >/dev/null && $(PYTHON) -m venv $(VENV); \
	else \
		echo "$(PYTHON) -m venv does not work here; on Debian and Ubuntu: sudo apt-get install python3-venv" >&2; \
		exit 1; \
	fi

.PHONY: _sandbox
_sandbox:
	@if command -v bwrap >/dev/null && command -v git >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		{ apt-get update -qq && apt-get install -y -qq bubblewrap git >/dev/null; } || \
			echo "could not install bubblewrap and git; tests that need them are skipped" >&2; \
	else \
		echo "no bubblewrap or no git here; on Debian and Ubuntu: sudo apt-get install bubblewrap git" >&2; \
	fi

.PHONY: _xfoil
_xfoil:
	@if command -v xfoil >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		{ apt-get update -qq && apt-get install -y -qq xfoil >/dev/null; } || \
			echo "could not install xfoil; the wing will rest on a surrogate's word" >&2; \
	else \
		echo "no xfoil here; on Debian and Ubuntu: sudo apt-get install xfoil" >&2; \
	fi

demo: setup  ## one order, from a customer's words to the invoice, killed on the way; ARGS='--language zh' or '--no-model'
	@$(BIN)/python examples/order/demo.py $(ARGS)

restaurants: setup  ## three hundred agents look for a table at once; ARGS='--kill' or '--embedded'
	@$(BIN)/python examples/restaurants/dinner.py $(ARGS)

test: setup  ## the tests
	@$(PYTEST)

check: setup  ## all that must hold: format, lint, types, tests (layers and docs among them)
	@$(BIN)/ruff format --check --quiet . || { echo "not formatted; run: make format" >&2; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --no-error-summary
	@$(PYTEST)

check-long: check  ## check, then the slow tests: seed sweeps, kill -9 loops, full disks
	@FIRM_CRASH_LOOPS=200 FIRM_SIM_SEEDS=20000 $(PYTEST) -m slow -o faulthandler_timeout=7200

bench: setup  ## measure, side by side: every bench/*.py prints JSON, a table shows it
	@mkdir -p bench/out
	@for script in bench/*.py; do \
		name=$$(basename $$script .py); \
		case $$name in bench|bare*|bfcl|*peers*|table|tool_choice) continue;; esac; \
		echo "measuring $$name" >&2; \
		$(BIN)/python $$script > bench/out/$$name.json || exit 1; \
	done
	@$(BIN)/python bench/table.py bench/out/*.json

bench-peers: setup  ## the same calls and agents through other people's clients, which it installs into .venv-peers*
	@test -x .venv-peers/bin/pip || { $(PYTHON) -m venv .venv-peers && echo '*' > .venv-peers/.gitignore; }
	@.venv-peers/bin/pip install -q -e . orjson 'openai[aiohttp]' 'pydantic-ai-slim[openai]'
	@mkdir -p bench/out && .venv-peers/bin/python bench/peers.py > bench/out/peers.json
	@$(BIN)/python bench/peers_agents.py > bench/out/peers_agents.json
	@$(BIN)/python bench/table.py bench/out/peers.json bench/out/peers_agents.json

bench-tools: setup  ## which tool the embedded models choose, with right arguments; takes hours and goes on where it was stopped
	@mkdir -p bench/out && $(BIN)/python bench/tool_choice.py > bench/out/tool_choice.json
	@$(BIN)/python bench/table.py bench/out/tool_choice.json

bench-lab: setup  ## how often the lab finds what is known, on all seeds, beside OpenEvolve with chance for a model; takes hours
	@test -x .venv-peers-lab/bin/pip || { $(PYTHON) -m venv .venv-peers-lab && echo '*' > .venv-peers-lab/.gitignore; }
	@.venv-peers-lab/bin/pip install -q openevolve scipy
	@mkdir -p bench/out && $(BIN)/python bench/lab.py --full > bench/out/lab_full.json
	@{ .venv-peers-lab/bin/python bench/peers_lab.py --idle 1000 && .venv-peers-lab/bin/python bench/peers_lab.py; } \
		> bench/out/peers_lab.json
	@$(BIN)/python bench/table.py bench/out/lab_full.json bench/out/peers_lab.json

agentdojo: setup  ## replay published attacks through the gate; prints the tables, writes docs/security.md
	@$(BIN)/python -m tests.security.agentdojo

format: setup  ## put the code into shape
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --quiet --fix --exit-zero .

clean:  ## remove what was made (.venv, caches, the demo's home)
	@rm -rf $(VENV) .venv-peers .venv-peers-agents .venv-peers-lab .demo .dinner bench/out dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
