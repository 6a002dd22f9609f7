"""``app.database.engine``, as runbooks import it into a line of Python: connections to the service's own database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from drillbook.sandbox.names import cluster_address
from drillbook.sandbox.refapp.database import CONNECT_SECONDS
from drillbook.sandbox.refapp.settings import read

if TYPE_CHECKING:
    from psycopg import Connection


class Engine:
    """What hands out connections; making it opens none, as with the engines that services have."""

    def connect(self) -> Connection[tuple[object, ...]]:
        """A connection, closed at the end of a ``with``; psycopg's errors where there is none."""
        import psycopg

        wanted = read("backend").database
        return psycopg.connect(
            host=wanted.host,
            hostaddr=cluster_address(wanted.host),
            port=wanted.port,
            dbname=wanted.name,
            user=wanted.user,
            password=wanted.password,
            connect_timeout=int(CONNECT_SECONDS),
            gssencmode="disable",
        )


engine: Final = Engine()
"""The one that ``from app.database import engine`` gives."""
