"""Where a runbook contradicts itself: each family of rules in a file of its own, computed from the policy's entries."""

from drillbook.policy.lint.between import lint_between
from drillbook.policy.lint.finding import Finding
from drillbook.policy.lint.rules import lint

__all__ = ["Finding", "lint", "lint_between"]
