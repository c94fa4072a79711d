# Every target works on a fresh clone with Python 3.11 or later, pip 23.0 or later and make.
PYTHON ?= python3
VENV ?= .venv
# Tests run in so many processes: two cores wait for disks and servers a third of the time.
WORKERS ?= 4
# How much `make soak` repeats.
SOAK ?= 10
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# The pins are complete: nothing is resolved, whatever has been released since. What comes as source
# is built by the pinned tools in the environment itself.
INSTALL := $(PIP) install --no-deps --no-build-isolation
COVERAGE := $(BIN)/python -m coverage
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --upgrade --no-header
# Bytecode is kept, whatever the environment says: each program that a test starts would compile all.
export PYTHONDONTWRITEBYTECODE =
# The modules that say `# pure`, which tests/test_purity.py holds them to.
PURE = $(shell grep -rlx '# pure' src --include='*.py' | sed 's|^src|*|' | paste -sd,)

.PHONY: run test pure-coverage other-coverage check compile format bench soak lock clean

run: $(VENV)/run.stamp  ## start Digest on the example articles
	@$(BIN)/python examples/run.py

test: $(VENV)/dev.stamp  ## the gate: checks, tests, coverage
	@$(MAKE) --no-print-directory -j2 check compile
	@$(COVERAGE) erase
	$(COVERAGE) run -m pytest -n $(WORKERS) --dist worksteal
	@$(COVERAGE) combine --quiet
	@$(MAKE) --no-print-directory -j2 pure-coverage other-coverage

# Each is printed at its end, so that the two do not mix.
pure-coverage:
	@report=$$($(COVERAGE) report --fail-under=100 --include="$(PURE)"); failed=$$?; \
	printf 'Coverage of the pure core:\n%s\n' "$$report"; exit $$failed

other-coverage:
	@report=$$($(COVERAGE) report --fail-under=90 --omit="$(PURE)"); failed=$$?; \
	printf 'Coverage of services and adapters:\n%s\n' "$$report"; exit $$failed

check: $(VENV)/dev.stamp  ## format, lint, types, import rules; no tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The processes of the tests would each do it; what is wrong, the tests will tell.
compile: $(VENV)/dev.stamp  ## compile tests and program once, and have Hypothesis look at them
	-@$(BIN)/python -m pytest --collect-only -q >$(VENV)/compile.log 2>&1

format: $(VENV)/dev.stamp  ## mend what can be mended by machine
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/dev.stamp  ## each prints its unit and its ratio to a reference
	$(BIN)/python -m benchmarks.targets
	$(BIN)/python -m benchmarks.reading
	$(BIN)/python -m benchmarks.compose
	$(BIN)/python -m benchmarks.sending
	$(BIN)/python -m benchmarks.pages
	$(BIN)/python -m benchmarks.under_load
	$(BIN)/python -m benchmarks.sources

soak: $(VENV)/dev.stamp  ## long histories, large trees, many kills, long fuzzing: SOAK=10 of them
	SOAK_SIZE=$(SOAK) $(BIN)/python -m pytest -n $(WORKERS) -m soak --timeout 7200

lock: $(VENV)/dev.stamp  ## pin what pyproject.toml and requirements/*.in ask for
	$(LOCK) --extra postgresql pyproject.toml -o requirements/run.txt
	$(LOCK) -c requirements/run.txt requirements/build.in -o requirements/build.txt
	$(LOCK) -c requirements/run.txt -c requirements/build.txt \
		requirements/run.txt requirements/dev.in -o requirements/dev.txt

clean:  ## drop the environment and everything that can be made again
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage* htmlcov

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/run.stamp: requirements/build.txt requirements/run.txt pyproject.toml | $(BIN)/python
	@echo "Installing into $(VENV) (once, about a minute) …"
	@$(INSTALL) --require-hashes -r requirements/build.txt
	@$(INSTALL) --require-hashes -r requirements/run.txt
	@$(INSTALL) -e .
	@$(PIP) check
	@touch $@

$(VENV)/dev.stamp: requirements/dev.txt $(VENV)/run.stamp
	@echo "Installing the tools of the tests into $(VENV) …"
	@$(INSTALL) --require-hashes -r requirements/dev.txt
	@$(PIP) check
	@touch $@
