# Every target makes the environment it needs first; with nothing to do that takes a fraction of a second.
# Needs Python 3.11, 3.12 or 3.13 with pip, and make.

PYTHON ?= $(shell for p in python3.11 python3 python3.12 python3.13; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null \
	&& command -v $$p && break; done)
ifeq ($(strip $(PYTHON)),)
$(error Python 3.11, 3.12 or 3.13 is needed and none was found; set PYTHON=/path/to/python)
endif

BIN := .venv/bin

.PHONY: setup setup-run demo test test-fast fuzz attacks soak lint format bench bench-ours bench-blockers bench-service serve help
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

test-fast: setup ## the quick tier: nothing slow, randomised or attacking; baseline only
	@$(BIN)/python tools/test.py --fast

COUNT ?= 20000
SEED ?= 1
fuzz: setup      ## COUNT random programs, CPython against native, shared by the minors; goes on where it was stopped
	@mkdir -p build/fuzz; set -- .venv/bin/python $(wildcard .venvs/*/bin/python); minors=$$#; shard=0; \
	for python; do shard=$$((shard + 1)); $$python -m tests.compiler.fuzz --count $(COUNT) --seed $(SEED) \
		--shard $$shard/$$minors --resume build/fuzz/$(SEED)-$$shard-of-$$minors.json & pids="$$pids $$!"; done; \
	failed=0; for pid in $$pids; do wait $$pid || failed=1; done; exit $$failed
	@HYPOTHESIS_PROFILE=fuzz $(BIN)/python tools/test.py -m fuzz

attacks: setup   ## try to break every promised control
	@$(BIN)/python -m tests.attacks
	@$(BIN)/python tools/test.py -m attack $(filter-out tests/attacks tests/conftest.py,$(wildcard tests/*))

JOBS ?= 10000
soak: setup      ## JOBS jails in a row, one in five hostile, two at a time; what piles up is reported
	@$(BIN)/python -m tests.soak --jobs $(JOBS)

lint: setup      ## formatting, lint rules, types, import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/mypy tools/*.py bench/*.py
	$(BIN)/lint-imports --config importlinter.toml

format: setup    ## apply formatting and safe fixes
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench:           ## ours beside CPython, PyPy, six compilers and C, in one run
	@$(PYTHON) tools/setup.py bench
	@$(BIN)/python bench/run.py $(ONLY)

bench-ours:      ## only CPython, ours and C; ONLY="sieve lu" for some programs
	@$(PYTHON) tools/setup.py bench
	@$(BIN)/python bench/run.py --ours $(ONLY)

bench-blockers: setup-run ## what keeps the benchmark's functions from native code, by programs
	@$(BIN)/python bench/blockers.py $(ONLY)

bench-service: setup ## signed requests a second, audit entries, cold and known compilations
	@$(BIN)/python bench/service_requests.py
	@$(BIN)/python bench/service_latency.py
