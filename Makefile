# `make demo` and `make test` are all that a fresh machine needs: Python 3.11 or newer, and make.

PYTHON ?= $(shell for python in python3.13 python3.12 python3.11 python3; do \
	command -v $$python >/dev/null 2>&1 && $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	2>/dev/null && echo $$python && break; done)
BIN := .venv/bin
# Tests keep their files in memory where there is room: a disk that stalls is waited for by every commit.
MEMORY := $(shell test -w /dev/shm && test "$$(df -Pm /dev/shm | awk 'NR == 2 { print $$4 }')" -ge 4096 && echo /dev/shm)
PYTEST := $(if $(MEMORY),PYTEST_DEBUG_TEMPROOT=$(MEMORY) )$(BIN)/python -m pytest -q

.PHONY: demo test test-postgresql test-faults test-real servers test-kit test-long test-web screenshots check bench docs format clean

demo: .venv/ready
	$(BIN)/hub demo

# Everything but what has a target of its own below: another database, faults and workers, real servers, the kit, the page.
PAGE := tests/web tests/users tests/cli/test_serve.py tests/cli/test_demo_page.py
FAULTY := tests/faults tests/models tests/engine tests/cluster
APART := $(addprefix --ignore ,$(PAGE) $(FAULTY) tests/testing) --ignore-glob '*_conformance.py'
test: .venv/ready
	$(PYTEST) -n 4 --dist worksteal $(APART) -m "not postgresql and not faults_long and not mutants and not real"

# The same tests on PostgreSQL, which comes with the development tools as a wheel, and those that need it.
test-postgresql: .venv/ready
	$(PYTEST) -n 4 --dist worksteal $(APART) -m "postgresql and not faults_long and not mutants and not real"

# What faults, frozen processes and the models lead to, and a table of it; several workers under each engine, and what a
# cluster lives through. `make test-faults FAULTS=mutants` breaks the program on purpose and wants the tests to notice;
# that takes some minutes more.
FAULTS ?= not mutants and not faults_long
test-faults: .venv/ready
	$(PYTEST) -n 3 --dist worksteal $(FAULTY) -m "$(FAULTS)" $(AGAIN)

# Servers that nobody here wrote, installed into .servers and started on loopback: what each was seen do, and which
# could not be installed here. The first run installs, which takes some minutes. It mostly waits, so it may go beside
# the others, and has a cache of its own for that: what failed last is not forgotten when another of them ends.
test-real: .venv/ready
	$(BIN)/python -m pytest -q -n 6 --dist loadgroup -o cache_dir=.pytest_cache/real tests/real $(REAL)

# The servers of test-real alone, so that it need not wait for them.
servers: .venv/ready
	PYTHONPATH=tests $(BIN)/python -m real.install

# The conformance kit: the kit itself, and our plugins under it.
test-kit: .venv/ready
	$(PYTEST) -n 4 --dist worksteal tests/testing tests/plugins/*_conformance.py -m "not faults_long and not mutants"

# What is worth its time before a release: ten thousand posts for each kind of settling, a crash at every step for the
# other kinds too, plugins in their second variants (another login, another paging, another form of feed) under the kit,
# plugins with mistakes, which it must find, and the worked example's own tests.
test-long: .venv/ready
	$(PYTEST) -n 3 tests -m "faults_long and not mutants"

# The page, its API and who may use it; then in Debian's chromium every page, on a phone and a desk, in the light and the
# dark, in both languages.
test-web: .venv/ready
	$(PYTEST) -n 3 $(PAGE) -m "not browser"
	$(PYTEST) -n 2 tests/web -m browser

# What docs/pages.md shows.
screenshots: .venv/ready
	PYTHONPATH=tests $(BIN)/python tools/screenshots.py

check: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/docs.py --check

bench: .venv/ready
	$(BIN)/python -m bench

docs: .venv/ready
	$(BIN)/python tools/docs.py

format: .venv/ready
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.venv/ready: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "crosshub needs Python 3.11 or newer; set PYTHON=/path/to/it" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

clean:
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info
