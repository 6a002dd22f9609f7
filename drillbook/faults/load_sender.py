"""Sends requests at a steady rate and counts the answers: the program that load-spike runs in a pod of its own.

``python -c`` gets this file as it is, in an image that has Python and nothing else, so it imports the standard library
alone. Arrivals are open-loop: a request is due at its time, however long others take. It ends by itself, after
``seconds`` or ``most`` requests, and every second it prints one line of JSON with what came back.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from dataclasses import dataclass, field

ANSWER_SECONDS = 10.0
LATE_SECONDS = 1.0
"""A request that is later than that is left out, so that a pod that was stopped goes on without a burst."""
MOST_OPEN = 2_000
"""Requests without an answer yet: more of them would be more files than a container may open."""
TELL_SECONDS = 1.0


@dataclass
class Tally:
    """What came back."""

    answered: Counter[str] = field(default_factory=Counter)
    """By status."""
    unanswered: int = 0
    left_out: int = 0

    def line(self, seconds: float) -> str:
        """``{"answered": {"200": 93}, "unanswered": 0, "left_out": 0, "seconds": 2.0}``."""
        return json.dumps(
            {
                "answered": dict(sorted(self.answered.items())),
                "unanswered": self.unanswered,
                "left_out": self.left_out,
                "seconds": round(seconds, 1),
            }
        )


async def ask(host: str, port: int, path: str, tally: Tally) -> None:
    """One GET on a connection of its own, as a new user makes it; the answer is read to its end."""
    words = (
        f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUser-Agent: drillbook-load-spike\r\nConnection: close\r\n\r\n"
    )
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(words.encode("ascii"))
                await writer.drain()
                version, status, *_ = (await reader.readline()).decode("latin-1").split()
                while await reader.read(65_536):
                    pass
            finally:
                writer.close()
    except (OSError, TimeoutError, ValueError):
        tally.unanswered += 1
        return
    if version.startswith("HTTP/") and status.isdigit():
        tally.answered[status] += 1
    else:
        tally.unanswered += 1


async def send(host: str, port: int, path: str, rate: float, seconds: float, most: int, tally: Tally) -> None:
    """``rate`` requests per second, for ``seconds`` at most and ``most`` in all; returns when all have ended."""
    loop = asyncio.get_running_loop()
    begun, open_now = loop.time(), set[asyncio.Task[None]]()
    for number in range(min(most, round(rate * seconds))):
        due = begun + number / rate
        await asyncio.sleep(max(0.0, due - loop.time()))
        if loop.time() - begun >= seconds:
            break
        if loop.time() - due > LATE_SECONDS or len(open_now) >= MOST_OPEN:
            tally.left_out += 1
            continue
        task = asyncio.create_task(ask(host, port, path, tally))
        open_now.add(task)
        task.add_done_callback(open_now.discard)
    await asyncio.gather(*open_now)


async def tell(tally: Tally) -> None:
    """Print what came back, for ever."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    while True:
        await asyncio.sleep(TELL_SECONDS)
        print(tally.line(loop.time() - begun), flush=True)


async def main(host: str, port: str, path: str, rate: str, seconds: str, most: str) -> None:
    """Send, and tell meanwhile and at the end."""
    tally, loop = Tally(), asyncio.get_running_loop()
    begun, telling = loop.time(), asyncio.create_task(tell(tally))
    await send(host, int(port), path, float(rate), float(seconds), int(most), tally)
    telling.cancel()
    print(tally.line(loop.time() - begun), flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
