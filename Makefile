# `make help` lists all targets. Start with `make run` and `make test`.
.DEFAULT_GOAL := help
SHELL := /bin/sh
VENV := .venv
PY := $(VENV)/bin/python
# The first Python from 3.11 to 3.13 in PATH; PYTHON=… selects another.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(not ((3, 11) <= sys.version_info < (3, 14)))' 2>/dev/null \
	&& { echo $$p; break; }; done)
# Where it is set, each of the many processes of a test run would compile all modules again.
unexport PYTHONDONTWRITEBYTECODE
# Many tests wait for most of their time, so two cores have work for five processes (four left 13 % of them idle).
WORKERS ?= $(shell n=$$(nproc 2>/dev/null || getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1); [ "$$n" -lt 5 ] && echo 5 || echo "$$n")
RUNTIME := $(VENV)/.runtime-installed
DEV := $(VENV)/.dev-installed

.PHONY: docs docs-serve screenshots help run shell test test-fast coverage mutation check security release-check format e2e bench \
	migrate doctor page lock openapi clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  \033[1mmake %-13s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "Commands of an installation: $(VENV)/bin/gatehouse --help, or type gatehouse in make shell."

run: $(RUNTIME) ## install what is needed and start everything (Ctrl-C stops it)
	@exec $(PY) -m app dev $(ARGS)

shell: $(RUNTIME) ## open a shell that finds gatehouse, with completion
	@$(PY) -m app.cli.activated_shell

test: $(DEV) ## run all tests except the benchmarks
	@$(PY) -m pytest -n $(WORKERS) --dist loadgroup --ignore=tests/e2e $(ARGS)
	@# Playwright keeps an event loop running, so the browser tests have their own process. Two workers use all of two cores.
	@$(PY) -m pytest -n 2 --dist loadgroup tests/e2e $(ARGS)

test-fast: $(DEV) ## run the tests that the changed files touch; ARGS="--since main" compares with a branch
	@$(PY) -m tests.fast $(ARGS)

# What a test runs as another process is not measured, so everything has a test in this one.
coverage: $(DEV) ## measure app/core and component, with branches; fails below 100 %, and writes var/coverage/html
	@$(PY) -m pytest -n $(WORKERS) --dist loadgroup --cov --cov-report=term --cov-report=html \
		tests/app tests/apptest tests/component tests/db tests/remote_api tests/security \
		--ignore=tests/app/cli/test_scaffold.py --ignore=tests/security/test_removed_guards.py $(ARGS)

mutation: $(DEV) ## change the code in small ways, and print the changes that no test notices; ARGS=decision runs one slice
	@nice -n 10 $(PY) -m tests.mutation $(ARGS)

check: $(DEV) ## lint, types, import contracts, the documentation site, and secrets in files
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	$(VENV)/bin/lint-imports
	$(PY) -m tests.docs.website
	$(PY) -m tests.release secrets

security: $(DEV) ## run the tests that prove the security requirements, and print the table; ARGS="R05 R31" proves some
	@$(PY) -m tests.security.report --workers $(WORKERS) $(ARGS)

release-check: $(DEV) ## check secrets in files, licences and the wheel (built twice), and write var/release/sbom.json; ARGS=wheel a part
	@$(PY) -m tests.release $(ARGS)

format: $(DEV) ## format the code and fix what ruff can fix
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

e2e: $(DEV) ## run the browser tests only, and store screenshots in var/screenshots
	@REQUIRE_BROWSER=1 SCREENSHOTS=1 $(PY) -m pytest tests/e2e $(ARGS)

bench: $(DEV) ## measure against baselines and other libraries; prints ratios and writes var/bench.json
	@$(PY) -m tests.benchmarks $(ARGS)

migrate: $(RUNTIME) ## upgrade the database to this version
	@$(PY) -m app migrate

doctor: $(RUNTIME) ## check settings, database, provider and API
	@$(PY) -m app doctor

# Make exports what its command line sets, so the shell sees the values and not their text.
page: $(DEV) ## add a page: make page NAME=invoices REQUIRES=read:invoices
	@$(PY) -m app.cli.scaffold "$$NAME" "$$REQUIRES" --title "$$TITLE" --icon "$$ICON" --sentence "$$SENTENCE" --roles "$$ROLES"

docs: $(DEV) ## write the tables of the documentation and .env.example from the code
	@$(PY) -m tests.docs.tables

docs-serve: $(DEV) ## show the documentation site at http://localhost:8000, and rebuild it when a document changes
	@$(PY) -m tests.docs.website --serve

screenshots: $(DEV) ## photograph every page and state into var/screenshots, and the pictures of the docs; ARGS="--only 'people*'"
	@$(PY) -m tests.screenshots $(ARGS)

openapi: $(DEV) ## write docs/openapi.json from the code
	@$(PY) -m remote_api --write-openapi docs/openapi.json

lock: $(DEV) ## pin the dependencies again, with hashes
	$(VENV)/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 pyproject.toml --group build --extra postgres \
		--generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate -o requirements.lock
	$(VENV)/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 pyproject.toml --group dev --extra postgres \
		--constraint requirements.lock --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate -o requirements-dev.lock

clean: ## remove the virtual environment and caches (keeps var/, where your data is)
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist

# --- installation: the stamp is written only after success, so an incomplete environment is created again ---
$(VENV)/.made:
	@test -n "$(PYTHON)" || { echo "Gatehouse needs Python 3.11, 3.12 or 3.13, and none was found. Install one, or name it: make run PYTHON=/path/to/python3"; exit 2; }
	@rm -rf $(VENV)
	@echo "creating $(VENV) with $$($(PYTHON) --version) …"
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "Python could not create a virtual environment. On Debian and Ubuntu: apt install python3-venv"; exit 2; }
	@touch $@

$(RUNTIME): $(VENV)/.made requirements.lock pyproject.toml
	@echo "installing what Gatehouse needs …"
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock \
		&& $(PY) -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable . \
		|| { echo "The installation failed; the output of pip is above. To start again: make clean"; exit 2; }
	@echo "installed; the command is $(VENV)/bin/gatehouse"
	@touch $@

$(DEV): $(RUNTIME) requirements-dev.lock
	@echo "installing what the tests need …"
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock \
		|| { echo "The installation failed; the output of pip is above. To start again: make clean"; exit 2; }
	@touch $@
