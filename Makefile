PYTHON ?= python3
VENV ?= .venv
PROFILE ?= fast
BIN = $(VENV)/bin
WHEELS ?= dist/wheels
ENGINE ?= docker
IMAGE ?= mailtls
WORKERS ?= 2
INTEGRATION = tests/integration --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder

unexport PYTHONDONTWRITEBYTECODE  # each worker, and each daemon that a test starts, would compile everything again

.PHONY: help demo test unit lab integration lint bench simulation docs dashboards wheels image clean
help:  ## what can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 13

$(VENV)/ready: pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || \
	  { echo 'mailtls needs Python 3.11 or newer, and there is no $(PYTHON). Name one: make PYTHON=python3.11' >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "mailtls needs Python 3.11 or newer, and $(PYTHON) is $$($(PYTHON) -V 2>&1). Name another: make PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo 'mailtls needs venv and ensurepip for $(PYTHON); on Debian and Ubuntu: sudo apt install python3-venv' >&2; exit 1; }
	@echo 'Installing what mailtls needs into $(VENV), from PyPI, once; pip is silent for about a minute.'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q --require-hashes -r constraints.txt
	$(BIN)/pip install -q --no-deps -e .
	touch $@

# Certificates of every odd kind, and schemas, for the tests; they are large, so who only looks at the demonstration goes without.
$(VENV)/vectors: $(VENV)/ready tests/trust/vectors-constraints.txt tests/deploy/schemas-constraints.txt
	$(BIN)/pip install -q --no-deps --require-hashes -r tests/trust/vectors-constraints.txt -r tests/deploy/schemas-constraints.txt
	touch $@

demo: $(VENV)/ready  ## the whole system against its own lab: no root, and after the first time no Internet
	$(BIN)/mailtls demo

test: unit lab integration  ## all tests; installs the real servers that they need (Debian, root or sudo)

unit: $(VENV)/vectors  ## the tests of each part, which need nothing but Python; up to three minutes on two cores
	$(BIN)/pytest tests --ignore tests/whole --ignore tests/integration --ignore tests/bench --numprocesses auto --dist loadfile --hypothesis-profile $(PROFILE)

lab: $(VENV)/ready  ## the whole program: the daemon against its lab, on the clock, and the command in a process of its own; minutes, mostly waiting
	$(BIN)/pytest tests/whole --numprocesses 4 --dist worksteal

integration: $(VENV)/vectors  ## the tests against Postfix, Exim, OpenSMTPD, Knot, Unbound, nginx, Prometheus and PostgreSQL
	if [ "$$(id -u)" = 0 ]; then sh tests/integration/install.sh; else sudo sh tests/integration/install.sh; fi
	if [ "$$(id -u)" = 0 ]; then $(BIN)/pytest $(INTEGRATION); else sudo $(BIN)/pytest $(INTEGRATION) -p no:cacheprovider; fi

lint: $(VENV)/ready  ## ruff and mypy --strict
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(VENV)/ready  ## what a visit, a raw hello, an enumeration and the public site cost, beside what they are compared with; installs the peers (Debian)
	$(BIN)/python tests/bench/quick_probe.py
	$(BIN)/python tests/bench/raw_hellos.py
	$(BIN)/python -m tests.bench.public_site
	if [ "$$(id -u)" = 0 ]; then sh tests/integration/install.sh; else sudo sh tests/integration/install.sh; fi
	if [ "$$(id -u)" = 0 ]; then $(BIN)/python tests/bench/enumeration.py; else sudo $(BIN)/python tests/bench/enumeration.py; fi

simulation: $(VENV)/ready  ## a simulated year of a thousand endpoints: is what is told of regressions true? minutes on one core
	$(BIN)/python tests/bench/simulation.py

docs: $(VENV)/ready  ## write the generated pages of docs/ again
	$(BIN)/python -m mailtls.show.reference docs

dashboards: $(VENV)/ready  ## write grafana/dashboards/ again
	$(BIN)/python -m grafana.write

wheels:  ## what a server installs from, without the Internet: mailtls and all that it needs, each held against its hash, in dist/wheels
	rm -rf $(WHEELS) build
	$(PYTHON) -m venv build/pip
	build/pip/bin/pip download -q --require-hashes --dest $(WHEELS) -r constraints.txt
	build/pip/bin/pip wheel -q --no-deps --wheel-dir $(WHEELS) .
	rm -rf build

image:  ## a container's image, by ENGINE=docker, podman or buildah; IMAGE= is its name, BASE= another Debian 12 than debian:12-slim
	$(ENGINE) build --file deploy/container/Containerfile --tag $(IMAGE) $(if $(BASE),--build-arg BASE=$(BASE)) \
	  --build-arg VERSION=$$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml) $(ENGINE_FLAGS) .

clean:  ## remove what make made
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
