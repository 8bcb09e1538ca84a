# 'make demo' and 'make test' set everything up by themselves: a virtual environment in .venv with
# the first Python from 3.11 on that works here (or name one: make demo PYTHON=python3.12).
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 \
	&& echo $$p && break; done)
BIN := .venv/bin
DEMO := demo
RUN := $(BIN)/python -m
HERE := --data $(DEMO)/data --models $(DEMO)/models
# What the tests themselves need, without what only lint and the newest Python need.
TEST_TOOLS := pytest pytest-timeout pytest-xdist "flask>=3" hypothesis psutil httpx playwright \
	axe-playwright-python

.PHONY: demo test lint bench bench-peers docs coverage dist release-check test-oldest lock licences \
	audit fuzz torture clean

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
	$(RUN) pytest -n auto --maxprocesses 4 --dist loadscope $(TEST)

lint: .venv/ready-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: .venv/ready
	$(RUN) pipelines.benchmark $(BENCH)

# Other programs' features in an environment of their own. What cannot be installed is left out.
bench-peers: .venv-peers/ready
	OMP_NUM_THREADS=1 .venv-peers/bin/python -m pipelines.benchmark peers $(BENCH)

# Drawn anew when the program has changed.
build/docs/figures: .venv/ready-dev pipelines/docs/__main__.py $(shell find audiogenre -name '*.py')
	@echo "--- figures of the gallery (a few minutes, until the program changes again)"
	@$(RUN) pipelines.docs
	@touch $@

docs: build/docs/figures
	NO_MKDOCS_2_WARNING=1 $(RUN) mkdocs build --quiet --strict
	@echo "site:    site/index.html"

# The whole suite once more, under observation: half as long again as 'make test'.
coverage: .venv/ready-dev
	$(RUN) pytest -n auto --maxprocesses 4 --dist loadscope --cov --cov-report=
	$(BIN)/coverage report --skip-covered --show-missing

dist: .venv/ready-release
	rm -rf build dist
	$(RUN) build

# Each Python that is here installs the wheel outside this folder and uses it.
release-check: dist
	$(BIN)/python .ci/release.py

# What setup.cfg promises to run with, on the oldest Python.
test-oldest: .venv/ready-release
	$(BIN)/uv pip compile --quiet --resolution lowest-direct --python-version 3.11 \
		--extra m4a --extra web --no-header --no-annotate setup.cfg --output-file build/oldest.txt
	$(BIN)/uv venv --quiet --clear --python 3.11 build/oldest
	VIRTUAL_ENV=build/oldest $(BIN)/uv pip install --quiet --constraint build/oldest.txt \
		--editable '.[m4a,web]' $(TEST_TOOLS)
	build/oldest/bin/python -m pytest -q -m 'not slow' -o filterwarnings=default -n auto

# Versions and hashes of everything that .ci/run tests with; 'make test' takes the newest instead.
lock: .venv/ready-release
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-emit-find-links --no-annotate --extra dev --extra docs --extra m4a \
		--extra web --custom-compile-command 'make lock' --upgrade setup.cfg --output-file requirements-dev.lock

licences: .venv/ready-dev
	$(BIN)/python .ci/licences.py $(CHECK)

# Known holes in what is locked, as PyPI lists them; it fails where that cannot be asked.
audit: .venv/ready-release
	$(BIN)/pip-audit --strict --disable-pip --require-hashes -r requirements-dev.lock

fuzz: .venv/ready
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[fuzz,m4a,web]'
	$(RUN) pipelines.fuzz $(FUZZ)

torture: .venv/ready-dev
	$(RUN) pipelines.torture $(TORTURE)

clean:
	rm -rf .venv .venv-peers $(DEMO) build dist site *.egg-info

.venv/ready: setup.cfg pyproject.toml
	@test -n "$(PYTHON)" || { echo "audiogenre needs Python 3.11 or newer with venv" \
		"(on Debian: apt-get install python3-venv)" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	@touch $@

.venv/ready-dev: .venv/ready
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev,docs,m4a,web]'
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps musicnn==0.1.0
	@touch $@

.venv/ready-release: .venv/ready-dev
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[release]'
	@mkdir -p build
	@touch $@

# pyAudioAnalysis asks for far more than its features need, and in versions that are gone.
.venv-peers/ready: setup.cfg pyproject.toml
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/pip install --quiet --disable-pip-version-check --editable .
	@for each in essentia opensmile python_speech_features audioflux "eyed3 pydub"; do \
		.venv-peers/bin/pip install --quiet --disable-pip-version-check $$each || true; done
	@.venv-peers/bin/pip install --quiet --disable-pip-version-check --no-deps pyAudioAnalysis || true
	@touch $@
