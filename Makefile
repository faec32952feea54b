# Every target sets up what it needs first; with nothing changed that takes a fraction of a second.
#   make setup [PYTHON=python3.12]     make sim [ARGS="--robots so101"]     make test [ARGS="-k gate"]
SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?=
ARGS ?=
WORKERS ?= 2
# The first that starts: a shim of pyenv is there for every version that it has, and starts only those that are chosen.
DRIVER := $(shell for each in $(PYTHON) python3 python3.12 python3.13 python3.14 python3.11 python3.10; do \
  "$$each" -c '' 2>/dev/null && command -v "$$each" && break; done)
SETUP := $(DRIVER) tools/setup.py $(if $(PYTHON),--python $(PYTHON))
IN_GRAPH := source install/setup.bash &&

.PHONY: help setup setup-learning build sim test test-fast test-core test-long coverage demo-learning mutation bench docs lint clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /  make \1\t/' | expand -t 24

setup:  ## environment, ROS 2 (a sourced one, else wheels) and build; then: source install/setup.bash
	@$(if $(DRIVER),,echo 'no Python found; sudo apt install python3, or: make setup PYTHON=/path/to/python3' >&2; exit 1)
	@$(SETUP)

setup-learning:  ## set-up plus LeRobot and torch (several gigabytes)
	@$(SETUP) --learning

build: setup  ## bring install/ up to date after an interface, a new file or CMakeLists.txt changed

sim: setup  ## a simulated robot with its safety supervisor
	@$(IN_GRAPH) exec strands-robots sim $(ARGS)

test: setup-learning  ## all tests but the long ones; sets up LeRobot and torch as well
	@$(IN_GRAPH) exec python tools/run_tests.py --workers $(WORKERS) -m 'not long' $(ARGS)

test-fast: setup  ## the core's own tests in under a minute: no graph, no simulated world, no LeRobot
	@$(IN_GRAPH) exec python -m pytest -q -n $(WORKERS) --dist loadfile --part=rest -m 'not long and not learning and not graph and not slow' $(ARGS)

test-core: setup  ## the tests that need neither LeRobot nor torch
	@$(IN_GRAPH) exec python tools/run_tests.py --workers $(WORKERS) -m 'not long and not learning' $(ARGS)

test-long: setup-learning  ## the tests that take minutes each: stress, many kills, floods
	@$(IN_GRAPH) HYPOTHESIS_PROFILE=search exec python -m pytest -m long $(ARGS)

demo-learning: setup-learning  ## record a scripted pick, train ACT with LeRobot, and count how often it succeeds
	@$(IN_GRAPH) exec python tools/demo_learning.py $(ARGS)

coverage: setup-learning  ## branch coverage of the tests without graphs, as coverage.xml and a table
	@$(IN_GRAPH) exec python -m pytest -q --part=rest -m 'not long and not graph' --cov=strands_robots --cov-branch --cov-report=xml --cov-report=term $(ARGS)

mutation: setup  ## which changes of the stop and audit code no test notices; make mutation ARGS="latch"
	@$(IN_GRAPH) python -m pip install --quiet --requirement requirements/mutation.txt && exec python tools/mutation.py $(ARGS)

bench: setup  ## all benchmarks, or make bench ARGS=benchmarks/bench_stop.py
	@$(IN_GRAPH) for file in $(or $(ARGS),benchmarks/bench_*.py); do python $$file || exit; done

lint: setup  ## format, rules, spelling, pins and types
	@$(IN_GRAPH) ruff format --check --quiet . && ruff check --quiet . && codespell . && python tools/check_pins.py && mypy

docs:  ## the documentation site, into site/
	@cmp -s requirements/docs.txt .venv-docs/requirements.txt || { $(DRIVER) -m venv .venv-docs && \
	  .venv-docs/bin/python -m pip install -q --disable-pip-version-check -r requirements/docs.txt && \
	  cp requirements/docs.txt .venv-docs/requirements.txt; }
	@NO_MKDOCS_2_WARNING=1 .venv-docs/bin/mkdocs build --strict --quiet && echo "site       $(CURDIR)/site/index.html"

clean:  ## remove build, install and the memory of the set-up; .venv stays
	@rm -rf build install log .setup .pytest_cache .mypy_cache .ruff_cache
