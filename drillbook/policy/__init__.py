"""YAML and waivers into records; every error names file, line and field."""

from drillbook.policy.environments import load_environment
from drillbook.policy.loading import load_policy
from drillbook.policy.waivers import load_waivers

__all__ = ["load_environment", "load_policy", "load_waivers"]
