.DEFAULT_GOAL := help
.PHONY: help setup demo test lint bench clean

BIN := .venv/bin

help: ## what there is
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup:
	@scripts/bootstrap

demo: setup ## start a real system here, check it against its runbook, drill it, show the report
	@$(BIN)/drillbook demo

test: setup lint ## set up and run the project's own tests
	@$(BIN)/pytest

lint: setup ## ruff, mypy --strict, import-linter
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

clean: ## remove the environment and every cache
	@rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
