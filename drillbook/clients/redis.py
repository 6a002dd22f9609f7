"""Redis (and Valkey): one connection, every step with a time-out."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from drillbook.clients.reach import Endpoint
from drillbook.clients.secrets import Secret
from drillbook.clients.wording import cause_of
from drillbook.errors import Unreachable


async def redis_info(endpoint: Endpoint, *, password: Secret | None = None, timeout: float = 5.0) -> Mapping[str, Any]:
    """What the server says of itself (INFO): ``connected_clients``, ``maxclients``, ``rejected_connections`` ...

    Raises Unreachable with the server's own words.
    """
    from redis.asyncio import Redis
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff
    from redis.exceptions import RedisError

    client = Redis(
        host=endpoint.address,
        port=endpoint.port,
        password=password.reveal() if password else None,
        socket_connect_timeout=timeout,
        socket_timeout=timeout,
        retry=Retry(NoBackoff(), 0),
    )
    try:
        async with asyncio.timeout(timeout):
            info: Mapping[str, Any] = await client.info()
    except TimeoutError as error:
        raise Unreachable(f"Redis at {endpoint} did not answer within {timeout:g} s") from error
    except (RedisError, OSError) as error:
        raise Unreachable(f"Redis at {endpoint} can't be used: {cause_of(error.__cause__ or error)}") from None
    finally:
        await client.aclose()
    return info
