"""Kubernetes behaviour, told by commands that run against any cluster."""
