.DEFAULT_GOAL := help
python = .venv/bin/python

.PHONY: help
help:  ## this list
	@awk '/^[a-z-]+:.*##/ { name = $$0; sub(/:.*/, "", name); sub(/.*## */, ""); printf "%-14s %s\n", name, $$0 }' \
	 $(MAKEFILE_LIST)

.PHONY: venv
venv:
	@sh demo/python.sh

.PHONY: demo
demo: venv  ## a NetBox on this machine that reads a fabric every minute; Ctrl-C ends it
	@$(python) -m demo

.PHONY: demo-check
demo-check: venv  ## the demo without a person: two scheduled syncs, a change seen; exits 0 when all is well
	@$(python) -m demo.check

.PHONY: env
env:  ## .env with random secrets for docker-compose, once
	@sh docker/env.sh

# Workers of pytest-xdist: one more than cores, as what waits for processes leaves a core to others.
workers ?= $(shell expr $$(nproc) + 1)
parallel = $(python) -m pytest -n $(workers) --dist worksteal
system_tests = tests/e2e tests/kube tests/network tests/security tests/fuzz tests/demo tests/unit

.PHONY: test
test: venv  ## unit and component tests and one story of real processes, in parallel (5 minutes on 2 cores)
	@$(parallel) $(ARGS)

.PHONY: test-system
test-system: venv  ## real processes, a real Kubernetes API server, ill networks, security, long properties, the demo's parts
	@HEDGEHOG_PROPERTIES=long $(python) -m pytest -n $(workers) --dist loadgroup --no-loadscope-reorder \
	 -o 'testpaths=$(system_tests)' $(ARGS)

# Within a class tests share what they begin with: other orders inside of it are tried, and others of the classes.
.PHONY: test-random
test-random: venv  ## make test five times, each time in another order, beside four busy loops (an hour)
	@$(python) -m tests.busy 4 5 $(parallel) --random-order-bucket=class $(ARGS)

.PHONY: test-all
test-all: test test-system  ## both

.PHONY: test-browser
test-browser: venv  ## the pages in a real Chromium: an administrator's day, what viewers see, accessibility (6 minutes)
	@$(python) -m pytest -c tests/browser/pytest.ini tests/browser $(ARGS)

.PHONY: pictures
pictures: venv  ## pictures of the pages with the same Chromium: all in .cache/pictures, a few in docs/pictures
	@HEDGEHOG_PICTURES=.cache/pictures $(python) -m pytest -c tests/browser/pytest.ini tests/browser/test_4_pictures.py $(ARGS)

.PHONY: test-compose
test-compose: venv  ## the deployment on a real Docker engine, faults included (half an hour)
	@$(python) -m pytest -c tests/compose/pytest.ini tests/compose $(ARGS)

.PHONY: test-faults
test-faults: venv  ## processes and servers killed at random, 20 rounds (5 minutes); HEDGEHOG_ROUNDS=200 is the long form, HEDGEHOG_SEED=8 another order
	@$(python) -m pytest -c tests/faults/pytest.ini tests/faults $(ARGS)

.PHONY: matrix
matrix: venv  ## on other versions of NetBox, Python, PostgreSQL and Redis: what docs/compatibility.md shows (15 minutes)
	@$(python) -m tests.matrix $(ARGS)

.PHONY: fuzz
fuzz: venv  ## looks for bytes that break a promise, with atheris where PyPI has it for this machine (2 minutes)
	@$(python) -m tests.fuzz $(ARGS)

.PHONY: soak
soak: venv  ## fifty fabrics, a fault every minute, for HEDGEHOG_SOAK_MINUTES (30); writes benchmarks/SOAK.md
	@$(python) -m pytest -c tests/soak/pytest.ini tests/soak $(ARGS)

.PHONY: lint
lint: venv  ## ruff, what may import what, mypy, migrations up to date
	@$(python) -m ruff check .
	@.venv/bin/lint-imports
	@$(python) -m mypy
	@NETBOX_CONFIGURATION=demo.configuration HEDGEHOG_DEVELOPER=1 PYTHONPATH=. PYTHONWARNINGS=ignore \
	 HEDGEHOG_DATABASE_URL=postgresql://nobody@127.0.0.1:1/none HEDGEHOG_REDIS_URL=redis://127.0.0.1:1 \
	 .venv/bin/netbox makemigrations --check netbox_hedgehog

.PHONY: bench
bench: venv  ## what runs, schedules and watches cost, each against its baseline; writes benchmarks/RESULTS.md (half an hour; ARGS=NAME: a part of it)
	@$(python) -m benchmarks $(ARGS)

.PHONY: schema-check
schema-check: venv  ## one real migrate of an empty database (minutes), compared with the short way of tests and demo
	@$(python) -m demo.schema compare
