"""The sandbox's API server: Kubernetes' own paths, verbs, errors and streams, over the store."""
