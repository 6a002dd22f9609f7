"""YAML and waivers into records; every error names file, line and field."""

from drillbook.policy.environments import load_environment
from drillbook.policy.given_limits import with_given_limits
from drillbook.policy.loading import load_policy
from drillbook.policy.requirements import load_requirements
from drillbook.policy.waivers import load_waivers

__all__ = ["load_environment", "load_policy", "load_requirements", "load_waivers", "with_given_limits"]
