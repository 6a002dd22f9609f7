"""The embedded default: a Kubernetes API on loopback whose pods are real processes."""
