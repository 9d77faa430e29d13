# `make` alone lists what there is. Needed: make and Python 3.11 or newer.

PYTHON ?= python3
PORT ?= 8000
PIP = .venv/bin/python -m pip install --quiet --disable-pip-version-check
MANAGE = .venv/bin/python manage.py

.DEFAULT_GOAL := help
.PHONY: help demo install test test-quick coverage matrix check docs screenshots bench client secret-key
.DELETE_ON_ERROR:

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile

demo: .venv/.site .state/secret-key ## build, migrate, create the demo users and serve; PORT=8000
	@DEBUG=1 $(MANAGE) migrate --no-input --verbosity 0
	@DEBUG=1 $(MANAGE) demo_users
	@printf '\n  Live Toasts: http://127.0.0.1:%s/\n' $(PORT)
	@printf '  Sign in as alice, bob or admin; the password is the name. Ctrl-C ends it.\n\n'
	@DEBUG=1 exec .venv/bin/daphne -b 127.0.0.1 -p $(PORT) core.asgi:application

install: .venv/.dev .state/secret-key ## .venv with everything for development and tests

test: install client ## every test; ARGS='-k name' goes to pytest
	.ci/need chromium
	.ci/need firefox
	.ci/need ip
	.ci/need mariadb
	.ci/need nginx
	.ci/need redis
	.ci/need systemd
	.venv/bin/python -m tests $(ARGS)

test-quick: install ## the tests for the minute between two edits: SQLite, no server, no browser
	.ci/need redis
	.venv/bin/python -m tests quick $(ARGS)

coverage: install ## what `make test-quick` runs of toasts/; fails below the floor in pyproject.toml
	.ci/need redis
	.venv/bin/python -m tests coverage $(ARGS)

matrix: install ## the tests on every Python and Django there is; ARGS='-s lowest' goes to nox
	.ci/need redis
	.venv/bin/nox $(ARGS)

check: install client ## lint, format and types of both languages, contracts, migrations, bundle
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	DATABASE_URL=sqlite://:memory: $(MANAGE) makemigrations --check --dry-run
	npm run --silent lint
	npm run --silent format:check
	npm run --silent types
	npm run --silent check-stale

docs: .venv/.docs ## build the documentation, which the site then serves under /docs/
	.venv/bin/python -m sphinx -W --keep-going -q -b html -d build/doctrees docs build/docs

screenshots: install ## take the pictures of README and docs anew
	.ci/need chromium
	.venv/bin/python -m tests.screenshots

bench: install ## print the benchmark tables
	.venv/bin/python -m tests.bench

client: node_modules/.package-lock.json

secret-key: .state/secret-key ## keep a random SECRET_KEY in .state/, for sites that set none

.state/secret-key:
	@mkdir -p $(@D)
	@umask 077 && $(PYTHON) -c 'import secrets; print(secrets.token_urlsafe(50))' > $@

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo 'Python 3.11 or newer is needed. Name one: make PYTHON=python3.13 ...' >&2; exit 1; }
	@.ci/need venv $(PYTHON)
	$(PYTHON) -m venv .venv

.venv/.site: requirements/site.txt | .venv/bin/python
	$(PIP) -r requirements/site.txt
	@touch $@

.venv/.docs: requirements/site.txt requirements/docs.txt | .venv/bin/python
	$(PIP) -r requirements/docs.txt
	@touch $@ .venv/.site

.venv/.dev: requirements/site.txt requirements/docs.txt requirements/dev.txt | .venv/bin/python
	$(PIP) -r requirements/dev.txt
	@touch $@ .venv/.site .venv/.docs

node_modules/.package-lock.json: package-lock.json
	.ci/need node
	npm ci --no-audit --no-fund
	@touch $@
