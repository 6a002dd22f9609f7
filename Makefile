.DEFAULT_GOAL := help
.PHONY: help setup demo prove test slow robustness kill9 conformance lint bench soak lock clean

BIN := .venv/bin
# Tests of real processes wait half of their time: one more than there are cores, and no crowd on large machines.
PROCESSES := $(shell cores=$$(nproc); [ $$cores -ge 4 ] && echo 4 || echo $$((cores + 1)))

help: ## what there is
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup:
	@scripts/bootstrap
	@scripts/prometheus

demo: setup ## start a real system here, check it against its runbook, drill it, show the report
	@$(BIN)/drillbook demo

prove: setup ## see every check of a system fail once: SYSTEM=rag7 for another than solar
	@$(BIN)/drillbook prove $(or $(SYSTEM),solar) $(ARGS)

test: setup ## set up, check the style and the types, and run the project's own tests
	@lint=$$(mktemp) && trap 'rm -f "$$lint"' EXIT; \
	$(MAKE) --no-print-directory lint >"$$lint" 2>&1 & linting=$$!; \
	$(BIN)/pytest -n $(PROCESSES) --dist loadfile --no-loadscope-reorder -m "not slow" $(ARGS); tested=$$?; \
	wait $$linting; linted=$$?; cat "$$lint"; \
	[ $$linted -eq 0 ] || echo "make test: the lint above failed" >&2; \
	[ $$tested -eq 0 ] && [ $$linted -eq 0 ]

slow: setup ## the tests that make test leaves out because they take long
	@$(BIN)/pytest -m slow

robustness: setup ## kills, a full disk, many of everything, a thousand cycles
	@$(BIN)/pytest -s tests/robustness

kill9: setup ## kill N=200 drills with -9 at random moments, recover, and compare with what was before
	@DRILLBOOK_KILLS=$(or $(N),200) $(BIN)/pytest -m slow tests/drills/test_kill9.py $(ARGS)

conformance: setup ## Kubernetes' behaviour, on the sandbox or with ARGS="--kubeconfig FILE" on a real cluster
	@$(BIN)/pytest tests/conformance $(ARGS)

lint: setup ## ruff, mypy --strict, import-linter
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: setup ## measure what is promised about speed and size, print a table
	@$(BIN)/python -m bench

soak: setup ## check a healthy system RUNS=200 times in a row: whatever doesn't pass is a false alarm
	@$(BIN)/python -m bench.soak --runs $(or $(RUNS),200)

lock: ## pin every dependency again, with hashes
	@$(BIN)/uv pip compile --quiet --python-version 3.12 --universal --generate-hashes --no-emit-index-url --no-header requirements-uv.in -o requirements-uv.lock
	@$(BIN)/uv pip compile --quiet --python-version 3.12 --universal --generate-hashes --no-emit-index-url --no-header pyproject.toml --group dev --group bench -o requirements.lock

clean: ## remove the environment and every cache
	@rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
