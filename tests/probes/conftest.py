"""The PostgreSQL that the clients' tests have too."""

from tests.clients.conftest import authority, postgres

__all__ = ["authority", "postgres"]
