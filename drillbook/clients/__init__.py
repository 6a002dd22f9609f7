"""The only imports of SDKs: Kubernetes, HTTP, TLS, PostgreSQL, Redis. Everything has a time-out; nothing is global."""
