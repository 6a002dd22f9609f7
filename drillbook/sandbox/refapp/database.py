"""The pool of database connections: few, replaced when broken, and honest about what was committed.

A connection that fails is closed and never used again, and the caller hears of it. Nothing is tried a second time here:
after a COMMIT without an answer nobody knows whether the row is there, and a silent second attempt would double it.
"""

from __future__ import annotations

import asyncio
import os
import select
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from drillbook.sandbox.names import find_address
from drillbook.sandbox.refapp import log
from drillbook.sandbox.refapp.backoff import Backoff
from drillbook.sandbox.refapp.schema import ensure_schema
from drillbook.sandbox.refapp.settings import DatabaseSettings

if TYPE_CHECKING:
    from psycopg import AsyncConnection

    type Connection = AsyncConnection[tuple[Any, ...]]

CONNECT_SECONDS: Final = 2.0
FREE_SECONDS: Final = 2.0
"""The longest wait for a free connection."""


class DatabaseUnavailable(Exception):
    """No answer from the database, or none in time; what was asked may or may not have been done."""


class Database:
    """Lends out connections, ``settings.pool_size`` at most at a time."""

    def __init__(self, settings: DatabaseSettings, application: str) -> None:
        self.settings = settings
        self._application = application
        self._free = asyncio.Semaphore(settings.pool_size)
        self._idle: list[Connection] = []
        self._held: list[Connection] = []
        self._backoff = Backoff()
        self._driver: asyncio.Future[Any] | None = None
        self.in_use = 0

    @property
    def open_connections(self) -> int:
        """How many connections there are now, idle ones included."""
        return self.in_use + len(self._idle) + len(self._held)

    def load_driver(self) -> None:
        """Begin to load the driver, which takes longer than the rest of the start: call it once one listens."""
        self._driver = asyncio.get_running_loop().run_in_executor(None, import_module, "psycopg")

    @asynccontextmanager
    async def connection(self, seconds: float | None = None) -> AsyncIterator[Connection]:
        """A connection for ``seconds`` at most, else for as long as the settings say.

        Raises DatabaseUnavailable when there is none, or when it breaks.
        """
        seconds = self.settings.seconds if seconds is None else seconds
        psycopg = await self._loaded_driver()
        try:
            async with asyncio.timeout(min(seconds, FREE_SECONDS)):
                await self._free.acquire()
        except TimeoutError as error:
            raise DatabaseUnavailable(f"none of {self.settings.pool_size} connections became free in time") from error
        connection = None
        self.in_use += 1
        try:
            connection = self._idle_connection() or await self._connect(min(seconds, CONNECT_SECONDS))
            with _cut_after(connection, seconds):
                yield connection
        except psycopg.Error as error:
            if connection is not None:
                _drop(connection)
            raise DatabaseUnavailable(_sentence(error)) from error
        finally:
            self.in_use -= 1
            self._free.release()
            if connection is not None:
                self._take_back(connection)

    async def ping(self, seconds: float) -> None:
        """Have the database answer a question. Raises DatabaseUnavailable when it doesn't."""
        async with self.connection(seconds) as connection:
            await connection.execute("SELECT 1")

    async def until_there(self) -> None:
        """Return once the database has answered, its tables made."""
        while True:
            try:
                return await self.ping(CONNECT_SECONDS)
            except DatabaseUnavailable:
                await asyncio.sleep(0.25)

    async def hold(self, count: int) -> None:
        """Keep ``count`` connections open beside the pool, idle, as a service does that forgets to close them."""
        while len(self._held) > count:
            await self._held.pop().close()
        while len(self._held) < count:
            await self._loaded_driver()
            self._held.append(await self._connect(CONNECT_SECONDS))

    async def close(self) -> None:
        """Close what is idle or held."""
        for connection in [*self._idle, *self._held]:
            await connection.close()
        self._idle.clear()
        self._held.clear()

    async def _loaded_driver(self) -> Any:
        if self._driver is None:
            self.load_driver()
        assert self._driver is not None
        return await asyncio.shield(self._driver)

    def _idle_connection(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if not connection.closed and not _has_something_to_say(connection):
                return connection
            _drop(connection)
        return None

    def _take_back(self, connection: Connection) -> None:
        # 0 is IDLE: no transaction is open, nothing is on the way. Anything else is left to the server to clean up.
        if connection.closed or connection.info.transaction_status != 0:
            _drop(connection)
        else:
            self._idle.append(connection)

    async def _connect(self, seconds: float) -> Connection:
        import psycopg

        if self._backoff.remaining:
            raise DatabaseUnavailable(f"no connection: {self._backoff.reason}")
        wanted = self.settings
        try:
            async with asyncio.timeout(seconds):
                connection = await psycopg.AsyncConnection.connect(
                    host=wanted.host,
                    hostaddr=await find_address(wanted.host),
                    port=wanted.port,
                    dbname=wanted.name,
                    user=wanted.user,
                    password=wanted.password,
                    application_name=self._application,
                    sslmode="prefer",
                    gssencmode="disable",
                    autocommit=True,
                    prepare_threshold=None,
                )
            with _cut_after(connection, seconds):
                await _with_schema(connection)
        except (psycopg.Error, OSError) as error:
            # TimeoutError is an OSError, and so is a name that nobody knows.
            reason = _sentence(error) or f"no answer within {seconds:g} s"
            self._backoff.failed(reason)
            log.warning("database is not available", reason=reason)
            raise DatabaseUnavailable(f"no connection: {reason}") from error
        self._backoff.succeeded()
        return connection


async def _with_schema(connection: Connection) -> None:
    try:
        await ensure_schema(connection)
    except BaseException:
        _drop(connection)
        raise


class _cut_after:  # noqa: N801 - reads as a function in a with statement
    """Cut a connection's line after ``seconds``, so that whoever waits for it hears at once.

    Cancelling the wait instead would have the driver ask a server that doesn't answer to stop working.
    """

    def __init__(self, connection: Connection, seconds: float) -> None:
        self._connection = connection
        self._seconds = seconds

    def __enter__(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._seconds, _cut, self._connection)

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()


def _cut(connection: Connection) -> None:
    if not connection.closed:
        with socket.socket(fileno=os.dup(connection.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)


def _drop(connection: Connection) -> None:
    """Close at once, from outside a coroutine too."""
    connection.pgconn.finish()


def _has_something_to_say(connection: Connection) -> bool:
    """Whether the server sent anything unasked: of an idle connection, that it is closed."""
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN | select.POLLHUP | select.POLLERR)
    return bool(poll.poll(0))


def _sentence(error: BaseException) -> str:
    """An error in one line, as a log wants it."""
    return " ".join(str(error).split())
