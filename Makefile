# Nothing but Python 3.11 or newer is needed: both targets set themselves up in .venv, once.
PYTHON ?= python3
SAMPLE ?= model
BIN := .venv/bin

.PHONY: demo test fast lint setup stubs screenshots clean

demo: .venv/.installed  ## record a sample and open its replay (SAMPLE=inplace_saved for another)
	@$(BIN)/gradviz demo $(SAMPLE)

# Tests run even where lint finds something, so that one run tells all; either fails it.
test: setup  ## everything: style, types, contracts, tests
	@$(MAKE) --no-print-directory lint; lint=$$?; $(BIN)/python -m pytest && exit $$lint

fast: setup  ## tests without a browser, in seconds
	$(BIN)/python -m pytest -m "not browser and not slow"

lint: setup  ## style, types, and who may know whom
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

setup: .venv/.installed-dev  ## everything that a developer needs

stubs: setup  ## the types of what the tables of ops make, for editors; after a change of the tables
	$(BIN)/python -m gradviz.engine.stubs

screenshots: setup  ## the page of every sample, in both themes and at three sizes, into screenshots/
	$(BIN)/python -m tests.ui.shots --out screenshots

clean:  ## take back what these targets made
	rm -rf screenshots .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

# pip first: dependency groups need 25.1. The stamps are made last, so that a broken-off set-up is begun again.
.venv/.installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and f"gradviz needs Python 3.11 or newer; $(PYTHON) is {sys.version.split()[0]}: make PYTHON=python3.12")'
	@echo "setting up .venv (once; a minute or two)"
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

.venv/.installed-dev: .venv/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group dev
	@touch $@
