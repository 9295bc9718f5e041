PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: help demo test unit integration lint bench docs clean
help:  ## what can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

$(VENV)/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q --require-hashes -r constraints.txt
	$(BIN)/pip install -q --no-deps -e .
	touch $@

demo: $(VENV)/ready  ## the whole system against its own lab: no root, no Internet
	$(BIN)/mailtls demo

test: unit integration  ## all tests; installs the real servers that they need (Debian, root or sudo)

unit: $(VENV)/ready  ## the tests that need nothing but Python, under a minute
	$(BIN)/pytest tests --ignore tests/integration --ignore tests/bench

integration: $(VENV)/ready  ## the tests against Postfix, Exim, OpenSMTPD, Knot, Unbound and Prometheus
	if [ "$$(id -u)" = 0 ]; then sh tests/integration/install.sh; else sudo sh tests/integration/install.sh; fi
	if [ "$$(id -u)" = 0 ]; then $(BIN)/pytest tests/integration; else sudo $(BIN)/pytest tests/integration -p no:cacheprovider; fi

lint: $(VENV)/ready  ## ruff and mypy --strict
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(VENV)/ready  ## what a probe costs, beside a bare loop that does the same, in one run
	$(BIN)/python tests/bench/quick_probe.py

docs: $(VENV)/ready  ## write the generated pages of docs/ again
	$(BIN)/python -m mailtls.show.reference docs

clean:  ## remove what make made
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
