"""The only imports of SDKs: Kubernetes, HTTP, TLS, PostgreSQL, Redis. Everything has a time-out; nothing is global."""

from drillbook.clients.lazy_package import open_late

open_late("kubernetes")
