"""Startup, readiness and liveness probes: looks at a container at a steady pace, and counts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from drillbook.sandbox.kinds import Object

EAGER_FIRST: Final = 0.05
EAGER_LONGEST: Final = 0.5
"""Until a container first answers, it is looked at more often than its period says: only a success of these extra
looks counts, so that nothing starts later than it must and no threshold is reached sooner."""

NOTICED: Final = 1.0
"""A kubelet takes about so long to notice that a container has started, so no liveness probe comes sooner."""

type Look = Callable[[], Awaitable[str | None]]
"""Looks once: None when all is well, else what was wrong, in the kubelet's words."""


@dataclass(frozen=True, slots=True)
class Pace:
    """When to look, and how often before it counts."""

    delay: float
    period: float
    timeout: float
    successes: int
    failures: int

    @classmethod
    def of(cls, probe: Object) -> Pace:
        return cls(
            float(probe.get("initialDelaySeconds", 0)),
            float(probe.get("periodSeconds", 10)),
            float(probe.get("timeoutSeconds", 1)),
            int(probe.get("successThreshold", 1)),
            int(probe.get("failureThreshold", 3)),
        )


async def follow(
    pace: Pace,
    look: Look,
    *,
    eager: bool,
    on_well: Callable[[], None],
    on_unwell: Callable[[], None],
    on_failure: Callable[[str], None],
) -> None:
    """Look until cancelled. ``on_failure`` hears of each failed look, the other two when a threshold is reached."""
    loop = asyncio.get_running_loop()
    await asyncio.sleep(pace.delay if eager else max(NOTICED, pace.delay))
    if eager:
        await _first_success(look, loop.time() + pace.period)
    well = unwell = 0
    due = loop.time()
    while True:
        wrong = await look()
        if wrong is None:
            well, unwell = well + 1, 0
            if well >= pace.successes:
                on_well()
        else:
            well, unwell = 0, unwell + 1
            on_failure(wrong)
            if unwell >= pace.failures:
                on_unwell()
        due = max(due + pace.period, loop.time())
        await asyncio.sleep(due - loop.time())


async def _first_success(look: Look, until: float) -> None:
    """Return at the first success, or when the first ordinary look is due."""
    loop, wait = asyncio.get_running_loop(), EAGER_FIRST
    while loop.time() < until and await look() is not None:
        await asyncio.sleep(min(wait, max(0.0, until - loop.time())))
        wait = min(EAGER_LONGEST, wait * 1.5)


async def http(host: str, port: int, action: Object, timeout: float) -> str | None:
    """GET a path of the pod: 200 to 399 is well."""
    path = str(action.get("path") or "/")
    scheme = str(action.get("scheme") or "HTTP").lower()
    target = str(action.get("host") or host)
    url = f"{scheme}://{target}:{port}{path}"
    try:
        async with asyncio.timeout(timeout):
            status = await _status_of(scheme, target, port, path, action)
    except TimeoutError:
        return f'Get "{url}": context deadline exceeded (Client.Timeout exceeded while awaiting headers)'
    except OSError as error:
        return f'Get "{url}": dial tcp {target}:{port}: {_reason(error)}'
    except ValueError as error:
        return f'Get "{url}": {error}'
    return None if 200 <= status < 400 else f"HTTP probe failed with statuscode: {status}"


async def tcp(host: str, port: int, timeout: float) -> str | None:
    """Open a connection and close it."""
    try:
        async with asyncio.timeout(timeout):
            _, writer = await asyncio.open_connection(host, port)
    except TimeoutError:
        return f"dial tcp {host}:{port}: i/o timeout"
    except OSError as error:
        return f"dial tcp {host}:{port}: {_reason(error)}"
    writer.close()
    return None


async def _status_of(scheme: str, host: str, port: int, path: str, action: Object) -> int:
    import ssl

    context = None
    if scheme == "https":  # a kubelet doesn't verify either
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    reader, writer = await asyncio.open_connection(host, port, ssl=context)
    try:
        headers = {"Host": f"{host}:{port}", "User-Agent": "kube-probe/1.34", "Accept": "*/*", "Connection": "close"}
        headers |= {h["name"]: h["value"] for h in action.get("httpHeaders") or ()}
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        writer.write(f"GET {path} HTTP/1.1\r\n{head}\r\n".encode())
        line = await reader.readline()
        await reader.read()
    finally:
        writer.close()
    parts = line.split()
    if len(parts) < 2 or not parts[0].startswith(b"HTTP/") or not parts[1].isdigit():
        raise ValueError("EOF" if not line else "malformed HTTP response")
    return int(parts[1])


def _reason(error: OSError) -> str:
    return f"connect: {(error.strerror or str(error)).lower()}"
