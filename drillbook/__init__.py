"""Drillbook: holds a running system to its operations runbook, and drills the recoveries that it promises."""

__version__ = "0.1.0"
