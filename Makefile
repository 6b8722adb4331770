PYTHON ?= $(shell command -v python3.11 || echo python3)
BIN := .venv/bin
# constraints.txt holds what was tested with Python 3.11; other versions take the newest that setup.cfg allows.
PINS := $(shell $(PYTHON) -c 'import sys; print("constraints.txt" * (sys.version_info[:2] == (3, 11)))')
# What pip builds from source, gluonnlp, it builds in an environment of its own: the option --constraint does not reach it,
# the variable does, and from pip 25.3 on another one.
.venv/installed .venv-docs/installed: export PIP_CONSTRAINT := $(PINS)
.venv/installed .venv-docs/installed: export PIP_BUILD_CONSTRAINT := $(PINS)

.PHONY: help venv demo test peers soak bench article article-full docs clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

venv: .venv/installed ## make the environment .venv, once

.venv/installed: setup.cfg constraints.txt
	@$(PYTHON) -c 'import sys; (3, 9) <= sys.version_info < (3, 13) or sys.exit(f"needs Python 3.9 to 3.12, and $(PYTHON) is {sys.version.split()[0]}; name another, as in make PYTHON=python3.11 $(MAKECMDGOALS)")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	touch $@

demo: venv ## train and evaluate on an embedded data set
	$(BIN)/python train.py --dataset digits --epochs 40 --batch-size 32 --output runs/demo --force
	$(BIN)/python evaluate.py runs/demo

test: venv ## run the whole test suite
	$(BIN)/python -m ruff check .
	# A process a core, each with one thread: threads of several processes would wait for each other.
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --dist worksteal

peers: .venv-peers/installed ## make the environment of PyTorch and Keras, .venv-peers, once

.venv-peers/installed: benchmarks/peers.txt
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/python -m pip install --quiet --disable-pip-version-check --requirement benchmarks/peers.txt
	touch $@

soak: venv ## kill trainings 100 times, try every reader on 20,000 damaged files, watch memory (about four hours)
	OMP_NUM_THREADS=1 $(BIN)/python tests/soak/kills.py --kills 100
	OMP_NUM_THREADS=1 $(BIN)/python tests/fuzz/soak.py
	OMP_NUM_THREADS=1 $(BIN)/python tests/soak/endurance.py --minutes 120

bench: venv peers ## time a training step and a forward pass beside PyTorch and Keras, alone on the machine
	$(BIN)/python benchmarks/side_by_side.py

article: venv peers ## examine the article's claims in the quick form and write their pages; runs that are there are kept
	$(BIN)/gluon-lstm reproduce --quick --seeds 5 --output docs/article --chinese docs/zh/article
	$(BIN)/python benchmarks/tables.py

article-full: venv peers ## the same in the full form, on MNIST, corpora and longer sequences, which takes many hours
	$(BIN)/gluon-lstm reproduce --output docs/article-full --chinese docs/zh/article-full
	$(BIN)/python benchmarks/tables.py

docs: .venv-docs/installed ## build the documentation site in build/docs, warnings as errors
	.venv-docs/bin/python -m sphinx -E -W --keep-going --quiet -d build/docs-cache docs build/docs
	@echo "site: build/docs/index.html"

.venv-docs/installed: setup.cfg constraints.txt
	$(PYTHON) -m venv .venv-docs
	.venv-docs/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[docs]'
	touch $@

clean: ## delete the environments and the site
	rm -rf .venv .venv-peers .venv-docs build/docs build/docs-cache
