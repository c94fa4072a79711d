# Every target works on a fresh clone with Python 3.11 or later, pip and make.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
COVERAGE := $(BIN)/python -m coverage
# The pure modules, as the import rules in pyproject.toml name them.
PURE = $(shell $(BIN)/python -c "import tomllib; \
	rules = tomllib.load(open('pyproject.toml', 'rb'))['tool']['importlinter']['contracts']; \
	names = next(rule['source_modules'] for rule in rules if 'source_modules' in rule); \
	print(','.join('*/' + name.replace('.', '/') + '.py' for name in names))")

.PHONY: run test check format bench kill lock clean

run: .venv/run.stamp  ## start Digest on the example articles
	@$(BIN)/digest --config config/digest.toml run

test: check  ## the gate: checks, tests, coverage
	@$(COVERAGE) erase
	$(COVERAGE) run -m pytest
	@$(COVERAGE) combine --quiet
	@echo "Coverage of the pure core:"
	@$(COVERAGE) report --fail-under=100 --include="$(PURE)"
	@echo "Coverage of services and adapters:"
	@$(COVERAGE) report --fail-under=90 --omit="$(PURE)"

check: .venv/dev.stamp  ## format, lint, types, import rules; no tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/dev.stamp  ## mend what can be mended by machine
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/dev.stamp  ## each prints its unit and its ratio to a reference
	$(BIN)/python -m benchmarks.file_to_feed
	$(BIN)/python -m benchmarks.scan
	$(BIN)/python -m benchmarks.compose
	$(BIN)/python -m benchmarks.sending
	$(BIN)/python -m benchmarks.pages

kill: .venv/dev.stamp  ## kill daemons with -9, 200 times, and see that everybody got their mail
	$(BIN)/python -m tests.end_to_end.kills --kills 200 --readers 2000

lock: .venv/dev.stamp  ## pin what pyproject.toml and requirements/dev.in ask for
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--upgrade --no-header --extra postgresql pyproject.toml -o requirements/run.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--upgrade --no-header -c requirements/run.txt requirements/run.txt requirements/dev.in -o requirements/dev.txt

clean:  ## drop the environment and everything that can be made again
	rm -rf .venv dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage* htmlcov

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/run.stamp: requirements/run.txt pyproject.toml | .venv/bin/python
	@echo "Installing into .venv (once, about a minute) …"
	@$(PIP) install --require-hashes -r requirements/run.txt
	@$(PIP) install --no-deps -e .
	@touch $@

.venv/dev.stamp: requirements/dev.txt .venv/run.stamp
	@echo "Installing the tools of the tests into .venv …"
	@$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@
