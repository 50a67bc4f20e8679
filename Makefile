# Every target makes the environment it needs first; with nothing to do that takes a fraction of a second.
# Needs Python 3.11, 3.12 or 3.13 with pip, and make.

PYTHON ?= $(shell for p in python3.11 python3 python3.12 python3.13; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null \
	&& command -v $$p && break; done)
ifeq ($(strip $(PYTHON)),)
$(error Python 3.11, 3.12 or 3.13 is needed and none was found; set PYTHON=/path/to/python)
endif

BIN := .venv/bin

.PHONY: setup setup-run demo test test-fast fuzz attacks lint format bench serve help
.DEFAULT_GOAL := help

help:            ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

setup:           ## environments with packages, tests and tools, one per Python minor found
	@$(PYTHON) tools/setup.py test

setup-run:
	@$(PYTHON) tools/setup.py run

demo: setup-run  ## compile real programs through a service on this machine, verify, run and time them
	@$(BIN)/python tools/demo.py

serve: setup-run ## start the service on loopback with embedded defaults
	@$(BIN)/pyvorin-server up

test: setup      ## every test, on every supported minor found
	@$(BIN)/python tools/test.py

test-fast: setup ## the quick tier, below a minute
	@$(BIN)/python tools/test.py --fast

COUNT ?= 20000
SHARD ?= 1/1
fuzz: setup      ## COUNT random programs, CPython against native; goes on where it was stopped (SHARD=i/k)
	@$(BIN)/python -m tests.compiler.fuzz --count $(COUNT) --shard $(SHARD) --seed 1 --force \
		--resume build/fuzz/$(subst /,-of-,$(SHARD)).json
	@HYPOTHESIS_PROFILE=fuzz $(BIN)/python tools/test.py -m fuzz

attacks: setup   ## try to break every promised control
	@$(BIN)/python -m tests.attacks
	@$(BIN)/python tools/test.py -m attack $(filter-out tests/attacks tests/conftest.py,$(wildcard tests/*))

lint: setup      ## formatting, lint rules, types, import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/mypy tools/*.py bench/*.py
	$(BIN)/lint-imports --config importlinter.toml

format: setup    ## apply formatting and safe fixes
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench:           ## ours beside CPython, PyPy, Numba, mypyc, Cython and C, in one run
	@$(PYTHON) tools/setup.py bench
	@$(BIN)/python bench/run.py $(ONLY)
