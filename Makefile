# Two commands for everybody: `make demo` and `make test`. The rest is for those who work on Longshore.
.PHONY: help demo test check format lint types bench lock clean
.DEFAULT_GOAL := help
SHELL := /bin/sh
FIRST = $$(tools/pythons | head -n 1)

help: ## what there is
	@grep -E '^[a-z]+:.*##' Makefile | sed 's/:.*## /\t/' | expand -t 10

demo: ## sets up and runs the demo: parse every file of the standard library in two workers (DEMO="FOLDER --workers 3" for more)
	@set -e; venv=$$(tools/venv "$(FIRST)" run); "$$venv/bin/longshore" demo $(DEMO)

test: ## sets up and runs all tests, on Python 3.11 and on the newest Python found (PYTEST="-k unique" for some)
	@set -e; tools/pythons | while read -r python; do \
	  venv=$$(tools/venv "$$python" test); \
	  echo "== $$("$$venv/bin/python" --version), Django $$("$$venv/bin/python" -m django --version)"; \
	  "$$venv/bin/python" -m pytest -q -n 2 --dist loadgroup $(PYTEST) </dev/null; \
	done
	@set -e; python=$$(tools/pythons 3.12); if [ -n "$$python" ]; then \
	  venv=$$(tools/venv "$$python" django60); \
	  echo "== $$("$$venv/bin/python" --version), Django $$("$$venv/bin/python" -m django --version): tests/django"; \
	  "$$venv/bin/python" -m pytest -q -n 2 tests/django $(PYTEST) </dev/null; \
	else echo "== Django 6.0 left out: no Python 3.12 or later was found"; fi

check: format lint types ## everything CI would say: format, lint, import contracts, types, tests
	@$(MAKE) --no-print-directory test

format: ## whether the code is formatted
	@set -e; venv=$$(tools/venv "$(FIRST)" dev); "$$venv/bin/ruff" format --check .

lint: ## ruff and the import contracts
	@set -e; venv=$$(tools/venv "$(FIRST)" dev); "$$venv/bin/ruff" check .; "$$venv/bin/lint-imports"

types: ## mypy strict, and pyright on what users see
	@set -e; venv=$$(tools/venv "$(FIRST)" dev); "$$venv/bin/mypy"; "$$venv/bin/pyright" --pythonpath "$$venv/bin/python"

bench: ## the benchmarks (minutes)
	@set -e; venv=$$(tools/venv "$(FIRST)" dev); "$$venv/bin/python" -m benchmarks $(BENCH)

lock: ## write down the versions now installed for tests and lint (those of Django, one a Python, are written by hand)
	@set -e; venv=$$(tools/venv "$(FIRST)" dev); "$$venv/bin/python" -m pip freeze --exclude-editable | grep -v -e ' @ ' -e '^Django==' >constraints.new; \
	  grep -A9 '^# Written by hand' constraints.txt >>constraints.new; mv constraints.new constraints.txt

clean: ## remove what the above made
	rm -rf .venv-* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
