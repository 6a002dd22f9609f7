"""YAML and waivers into records; every error names file, line and field."""

from drillbook.policy.environments import load_environment
from drillbook.policy.given_limits import with_given_limits
from drillbook.policy.loading import load_policy
from drillbook.policy.waivers import load_waivers

__all__ = ["load_environment", "load_policy", "load_waivers", "with_given_limits"]
