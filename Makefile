# 'make demo' and 'make test' set everything up by themselves: a virtual environment in .venv with
# the first Python from 3.11 on that works here (or name one: make demo PYTHON=python3.12).
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 \
	&& echo $$p && break; done)
BIN := .venv/bin
DEMO := demo
RUN := $(BIN)/python -m
HERE := --data $(DEMO)/data --models $(DEMO)/models

.PHONY: demo test lint bench torture clean

demo: .venv/ready
	@echo "--- synthetic clips in eight invented genres (about a minute)"
	@$(RUN) audiogenre.download $(HERE)
	@echo "--- features of every clip"
	@$(RUN) audiogenre.extract $(HERE)
	@echo "--- a classifier, and the answer without looking to compare it with"
	@$(RUN) audiogenre.fit --features extracted $(HERE)
	@$(RUN) audiogenre.fit --features extracted --model majority $(HERE) -q
	@$(RUN) audiogenre.compare extracted-full extracted-full-majority $(HERE)
	@echo "--- what are these three clips?"
	@$(RUN) audiogenre.predict extracted-full $(HERE) \
		$$(find $(DEMO)/data/raw -name '*-005-0-*.mp3' | sort | awk 'NR % 3 == 1')
	@echo "--- done"
	@echo "card:    $(DEMO)/models/extracted-full/README.md"
	@echo "figures: $(DEMO)/models/extracted-full/figures/"

test: .venv/ready-dev
	$(RUN) pytest -n auto --maxprocesses 4 --dist loadscope

lint: .venv/ready-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: .venv/ready
	$(RUN) pipelines.benchmark $(BENCH)

torture: .venv/ready-dev
	$(RUN) pipelines.torture $(TORTURE)

clean:
	rm -rf .venv $(DEMO) build dist *.egg-info

.venv/ready: setup.cfg pyproject.toml
	@test -n "$(PYTHON)" || { echo "audiogenre needs Python 3.11 or newer with venv" \
		"(on Debian: apt-get install python3-venv)" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	@touch $@

.venv/ready-dev: .venv/ready
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev,m4a,web]'
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps musicnn==0.1.0
	@touch $@
