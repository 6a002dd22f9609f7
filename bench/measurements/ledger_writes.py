"""How fast the write ledger can go: every write on disk before it is sent, and settled after its answer."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

from bench.ground import Ground
from bench.loopback import serving
from bench.measurement import Measurement
from drillbook.clients.http import HttpClient, open_http
from drillbook.clients.reach import Endpoint
from drillbook.drills.ledger import Ledger
from drillbook.judge.ledger import Fate
from drillbook.model.policy import Route, WriteRoutes

WRITES = 500
AT_ONCE = 20
ROUNDS = 10


def take(_: Ground) -> list[float]:
    with serving() as server:
        return asyncio.run(_rounds(server.port))


async def _rounds(port: int) -> list[float]:
    routes = WriteRoutes(
        Route("POST", "/writes", body={"key": "{key}", "body": "{body}"}), Route("GET", "/writes/{key}")
    )
    async with open_http(Endpoint("127.0.0.1", port, "127.0.0.1", False, "bench"), timeout=5) as http:
        with tempfile.TemporaryDirectory() as folder:
            book = Ledger(Path(folder) / "writes.tsv", "bench:", routes)
            async with book.flushing():
                rates = [await _round(book, http) for _ in range(ROUNDS)]
    if set(book.fates.values()) != {Fate.ACKNOWLEDGED}:
        raise RuntimeError("expected every write to be acknowledged")
    return rates


async def _round(book: Ledger, http: HttpClient) -> float:
    """Writes per second."""
    begun = time.perf_counter()

    async def some() -> None:
        for _ in range(WRITES // AT_ONCE):
            await book.write(http, time.perf_counter() - begun)

    await asyncio.gather(*(some() for _ in range(AT_ONCE)))
    return WRITES / (time.perf_counter() - begun)


MEASUREMENT = Measurement("ledger-writes", "acknowledged writes in the write ledger", "/s", 500.0, take, at_least=True)
