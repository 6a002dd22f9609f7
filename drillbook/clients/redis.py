"""Redis (and Valkey): one connection, every step with a time-out, and only commands that read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from drillbook.clients.reach import Endpoint
from drillbook.clients.secrets import Secret
from drillbook.clients.wording import cause_of
from drillbook.errors import Unreachable

if TYPE_CHECKING:
    from redis.asyncio import Redis

_CREDENTIALS: Final = ("NOAUTH", "WRONGPASS", "NOPERM", "Authentication", "invalid username-password", "AUTH")


class CacheNotServing(Unreachable):
    """Nothing answers where the server should listen, or it says that it serves nobody now."""


class CacheRefusal(Unreachable):
    """The server answers, and doesn't do this for this client: whether it serves others is not known by that."""


class Cache:
    """An open session."""

    def __init__(self, client: Redis, endpoint: Endpoint, timeout: float) -> None:
        """Use ``open_redis``."""
        self._client: Any = client
        self._timeout = timeout
        self.endpoint = endpoint

    async def ping(self) -> bool:
        """Whether the server says PONG."""
        return bool(await self._answer(self._client.execute_command("PING")))

    async def info(self) -> Mapping[str, Any]:
        """What the server says of itself: ``connected_clients``, ``maxclients``, ``rejected_connections`` ..."""
        found: Mapping[str, Any] = await self._answer(self._client.info())
        return found

    async def config(self, name: str) -> str | None:
        """The value in force of one setting; None where the server has none of that name."""
        found = await self._answer(self._client.config_get(name))
        values = {str(_text(key)).lower(): _text(value) for key, value in dict(found).items()}
        return values.get(name.lower())

    async def _answer(self, asked: Awaitable[Any]) -> Any:
        """Raises CacheNotServing or CacheRefusal with the server's own words."""
        from redis.exceptions import AuthenticationError, BusyLoadingError, RedisError, ResponseError

        try:
            async with asyncio.timeout(self._timeout):
                return await asked
        except TimeoutError as error:
            told = f"Redis at {self.endpoint} did not answer within {self._timeout:g} s"
            raise CacheNotServing(told) from error
        except (RedisError, OSError) as error:
            told = f"Redis at {self.endpoint} can't be used: {cause_of(error.__cause__ or error)}"
            refused = isinstance(error, AuthenticationError | ResponseError) or any(
                word in str(error) for word in _CREDENTIALS
            )
            kind = CacheRefusal if refused and not isinstance(error, BusyLoadingError) else CacheNotServing
            raise kind(told) from None


@asynccontextmanager
async def open_redis(
    endpoint: Endpoint, *, user: str | None = None, password: Secret | None = None, timeout: float = 5.0
) -> AsyncIterator[Cache]:
    """A session of one connection, which is opened by its first command."""
    from redis.asyncio import Redis
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    client = Redis(
        host=endpoint.address,
        port=endpoint.port,
        username=user,
        password=password.reveal() if password else None,
        socket_connect_timeout=timeout,
        socket_timeout=timeout,
        retry=Retry(NoBackoff(), 0),
        single_connection_client=True,
    )
    try:
        yield Cache(client, endpoint, timeout)
    finally:
        await client.aclose()


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
