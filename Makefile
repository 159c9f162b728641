# `make demo` and `make test` work on a fresh machine with make and Python 3.11 to 3.14.
# Everything else is installed into .venv: what the demo needs from requirements.lock, then, for the tests and linters,
# requirements-dev.lock.

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.installed
DEV_READY := $(VENV)/.installed-dev
WALK_READY := $(VENV)/.installed-walk

# The first interpreter of a supported version; `make PYTHON=/path/to/python demo` overrides it.
SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	command -v $$p >/dev/null 2>&1 && $$p -c '$(SUPPORTED)' 2>/dev/null \
	&& echo $$p && break; done)

.PHONY: demo ui ui-readonly test test-matrix soak walk screenshots dist bench bench-compare lint lock clean

demo: $(READY)
	@$(BIN)/stagenorm demo

# PORT: another port than 3000, or than 3001 for readers.
ui: $(READY)
	@$(BIN)/stagenorm ui $(if $(PORT),--port $(PORT))

# The same pages for readers of reports: nothing can be started there. Runs with or without `make ui`.
ui-readonly: $(READY)
	@$(BIN)/stagenorm ui --read-only $(if $(PORT),--port $(PORT))

# TESTS: files, directories or options of pytest, instead of everything.
test: $(DEV_READY)
	$(BIN)/python -m pytest -n 2 --dist worksteal $(TESTS)

# On every supported Python and PostgreSQL that this machine has; `make test-matrix TESTS=DIRECTORY` for a part.
test-matrix:
	.ci/matrix $(TESTS)

# At least 1,000 seeded kills, the slow ends of the hostile values, and thousands of random histories (bounded to 10
# minutes; STAGENORM_HISTORIES, STAGENORM_HISTORIES_MINUTES and STAGENORM_HISTORIES_SEED), and the properties of spellings
# and reports over 1,000 random examples each, those of plans, runs, rollbacks, figures and backups over 80 to 400. It
# also has the cases that `make test` leaves out because each takes seconds. Not part of `make test`.
LAWS := $(addprefix stagenorm_pipeline_tests/engine/, inventory/test_inventory.py plan/test_plan.py \
	apply/test_apply_law.py rollback/test_rollback.py rollback/test_rollback_law.py verify/test_exact_figures.py \
	backup/test_backup.py postgres/test_server_times.py)
soak: $(DEV_READY)
	$(BIN)/python -m pytest -m soak -s --hypothesis-profile=thorough
	$(BIN)/python -m pytest -n 2 --hypothesis-profile=thorough stagenorm_pipeline_tests/vocabulary stagenorm_pipeline_tests/report $(LAWS)

# The Dagster UI in headless Chromium, used like a person would; screenshots in STAGENORM_WALK_SCREENSHOTS.
walk: $(WALK_READY)
	$(BIN)/python -m pytest -m walk -s

# The pictures of README.md, from the demo. Without Chromium it says what to install, and the old pictures stay.
screenshots: $(WALK_READY)
	$(BIN)/python -m stagenorm_pipeline_tests.walk.screenshots docs/images

# The sdist, and the wheel that is built from it.
dist: $(READY)
	rm -rf dist
	$(BIN)/python -m hatchling build --target sdist
	tar -xzf dist/*.tar.gz -C dist
	cd dist/stagenorm_pipeline-*/ && $(abspath $(BIN))/python -m hatchling build --target wheel --directory $(abspath dist)
	rm -r dist/stagenorm_pipeline-*/

# Compare stagenorm with other ways at 100,000 and 1,000,000 rows; `make bench BENCH="--rows 10000000 --rounds 1"` for more.
bench: $(READY)
	$(BIN)/python -m benchmarks $(BENCH)

# docs/commands.md, from the help of the commands.
.PHONY: docs
docs: $(DEV_READY)
	$(BIN)/python -m stagenorm_pipeline_tests.support.commands_page

# Compare this tree's ratios with another revision's, in rounds in turns: `make bench-compare REV=main`.
bench-compare: $(READY)
	@test -n "$(REV)" || { echo "Name the revision to compare with: make bench-compare REV=main"; exit 1; }
	$(BIN)/python -m benchmarks.compare $(REV) $(BENCH)

lint: $(DEV_READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

# --no-deps: the lock is complete, so pip resolves nothing. --no-compile: compiling takes as long as installing, and
# the demo imports a small part of it. The rest is compiled in the background, for the first `make ui`.
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-compile

# --no-build-isolation: the build backend is in the lock too.
$(READY): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" && $(PYTHON) -c '$(SUPPORTED)' || { \
	echo "stagenorm needs Python 3.11 to 3.14: install one, or name it with make PYTHON=/path/to/python"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) --require-hashes -r requirements.lock
	$(INSTALL) --no-build-isolation --editable .
	@touch $@
	@nice $(BIN)/python -m compileall -q -x '/tests/' $(VENV)/lib >/dev/null 2>&1 &

$(DEV_READY): $(READY) requirements-dev.lock
	$(INSTALL) --require-hashes -r requirements-dev.lock
	@touch $@

$(WALK_READY): $(DEV_READY) requirements-walk.lock
	$(INSTALL) --require-hashes -r requirements-walk.lock
	@touch $@

COMPILE := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url

# Run it after a change of pyproject.toml. The locks hold versions and hashes for every platform, from Python 3.11 on.
lock: $(DEV_READY)
	$(BIN)/python -m pip install --quiet uv
	$(COMPILE) --extra demo --extra build pyproject.toml --output-file requirements.lock
	$(COMPILE) --group dev --constraint requirements.lock --output-file requirements-dev.lock
	$(COMPILE) --group walk --constraint requirements.lock --constraint requirements-dev.lock --output-file requirements-walk.lock
	$(COMPILE) --extra build --constraint requirements.lock pyproject.toml --output-file deploy/requirements.lock

clean:
	rm -rf $(VENV) .stagenorm
