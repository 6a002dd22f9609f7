"""The write ledger: numbered writes through the system's own API, each remembered on disk and read back afterwards.

Every write is written down *before* it is sent and settled *after* its answer, as one line with one ``os.write`` each:
what the kernel has taken survives a ``kill -9`` of this process. A power cut is the machine's own death, not the
system's, so the file is flushed to the disk only every quarter of a second, off the event loop.

Lines are ``sent KEY SECONDS`` and ``acknowledged|refused|failed|unanswered KEY SECONDS DETAIL``, separated by tabs; the
body follows from the key, so the file alone is enough to judge by.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from drillbook.errors import ConfigError, Unreachable
from drillbook.judge.ledger import Fate, Stored, fate_of, tally
from drillbook.model.drill import WriteTally
from drillbook.model.policy import Route, WriteRoutes
from drillbook.places import write_whole

if TYPE_CHECKING:
    from drillbook.clients.http import Answer, HttpClient, Request

FLUSH_SECONDS: Final = 0.25
PAGE: Final = 1000
"""How many writes one page of the listing is asked for."""
SINGLE_READS_AT_ONCE: Final = 32
RETRY_SECONDS: Final = 0.5
_NO_SUCH_LISTING: Final = frozenset({400, 404, 405, 501})


def body_of(key: str) -> str:
    """The body that is written under a key: 64 hexadecimal digits that nothing else would store there."""
    return blake2b(key.encode(), digest_size=32).hexdigest()


def filled(route: Route, **values: str) -> Request:
    """The request of a route with its ``{names}`` filled in: escaped in the path, as they are in the body."""
    from drillbook.clients.http import Request

    path = route.path
    for name, value in values.items():
        path = path.replace(f"{{{name}}}", quote(value, safe=""))
    return Request(route.method, path, None if route.body is None else _filled(route.body, values))


def _filled(body: Any, values: Mapping[str, str]) -> Any:
    if isinstance(body, str):
        for name, value in values.items():
            body = body.replace(f"{{{name}}}", value)
        return body
    if isinstance(body, Mapping):
        return {key: _filled(inner, values) for key, inner in body.items()}
    return [_filled(inner, values) for inner in body] if isinstance(body, list) else body


class Ledger:
    """Writes with keys ``PREFIX000001``, ``PREFIX000002`` ..., and how each was answered."""

    def __init__(self, path: Path, prefix: str, routes: WriteRoutes) -> None:
        """``path``: the file, new. ``prefix`` must be this drill's alone. Raises ConfigError when it can't be made."""
        self.path, self.prefix, self.routes = path, prefix, routes
        self.fates: dict[str, Fate] = {}
        self.settled: dict[str, float] = {}
        """When each was answered, or sent where it wasn't yet, in the times that were noted."""
        try:
            self._handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise ConfigError(f"the write ledger {path} can't be made: {error.strerror}") from error

    async def write(self, http: HttpClient, at: float) -> Answer:
        """Send the next write and settle it. ``at``: the time to note. Doesn't raise for the network."""
        key = f"{self.prefix}{len(self.fates) + 1:06d}"
        self.note(Fate.SENT, key, at)
        answer = await http.send(filled(self.routes.write, key=key, body=body_of(key)))
        fate = Fate.UNANSWERED if answer.status is None else fate_of(answer.status)
        self.note(fate, key, at + answer.took, answer.problem if answer.status is None else str(answer.status))
        return answer

    @asynccontextmanager
    async def flushing(self) -> AsyncIterator[None]:
        """Flush the file to the disk every quarter of a second, and once more at the end, which closes it."""
        task = asyncio.create_task(self._flush_for_ever())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await asyncio.to_thread(os.fdatasync, self._handle)
            os.close(self._handle)

    def note(self, fate: Fate, key: str, at: float, detail: str = "") -> None:
        """Remember one line, for good once this returns."""
        self.fates[key], self.settled[key] = fate, at
        words = [fate.value, key, f"{at:.6f}", *([" ".join(detail.split())] if detail else [])]
        write_whole(self._handle, ("\t".join(words) + "\n").encode())

    async def _flush_for_ever(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            await asyncio.to_thread(os.fdatasync, self._handle)


def read_ledger(path: Path) -> dict[str, Fate]:
    """The fates in a ledger's file; a last line that was cut off counts as not written."""
    fates: dict[str, Fate] = {}
    for line in path.read_text().split("\n")[:-1]:
        word, key, *_ = line.split("\t")
        fates[key] = Fate(word)
    return fates


async def read_back(http: HttpClient, routes: WriteRoutes, prefix: str, keys: Iterable[str]) -> dict[str, Stored]:
    """Every stored write whose key begins with ``prefix``; linear in their number.

    By the listing, page by page; where the system has none, by one read per key of ``keys``, which can't see phantoms.
    Raises Unreachable when the system doesn't answer, or answers what can't be understood.
    """
    if routes.listing is not None:
        listed = await _listed(http, routes.listing, prefix)
        if listed is not None:
            return listed
    gate = asyncio.Semaphore(SINGLE_READS_AT_ONCE)
    wanted = list(keys)
    found = await asyncio.gather(*(_single(http, routes.read, key, gate) for key in wanted))
    return {key: stored for key, stored in zip(wanted, found, strict=True) if stored.copies}


async def read_tally(http: HttpClient, book: Ledger, seconds: float, backup_at: float | None = None) -> WriteTally:
    """What became of every write of ``book``; asked again for ``seconds`` while the system doesn't answer.

    ``backup_at``: from when on writes can't be in the backup that was restored; None where none was.

    Raises Unreachable after that.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while True:
        try:
            stored = await read_back(http, book.routes, book.prefix, book.fates)
            return tally(
                book.fates, stored, body_of, lambda key: backup_at is not None and book.settled[key] >= backup_at
            )
        except Unreachable:
            if loop.time() > deadline:
                raise
            await asyncio.sleep(RETRY_SECONDS)


async def _listed(http: HttpClient, listing: Route, prefix: str) -> dict[str, Stored] | None:
    """All pages of the listing; None where the system has no such listing after all."""
    found: dict[str, Stored] = {}
    after = ""
    while True:
        request = filled(listing, prefix=prefix)
        page = f"{'&' if '?' in request.path else '?'}limit={PAGE}" + (
            f"&after={quote(after, safe='')}" if after else ""
        )
        answer = await http.send(type(request)(request.method, request.path + page, request.json))
        if answer.status in _NO_SUCH_LISTING:
            return None
        document = _document(answer)
        items = document.get("items")
        if not isinstance(items, list):
            raise Unreachable(f"the writes can't be read back: {answer.request.path} answered without a list of items")
        for item in items:
            key, stored = _item(item, answer)
            if key.startswith(prefix):
                found[key] = found[key].with_more(stored) if key in found else stored
        following = document.get("next")
        if not following:
            return found
        if str(following) == after:
            raise Unreachable(f"{answer.request.path} does not move on: after {after!r} it names {following!r} as next")
        after = str(following)


async def _single(http: HttpClient, read: Route, key: str, gate: asyncio.Semaphore) -> Stored:
    async with gate:
        answer = await http.send(filled(read, key=key))
    if answer.status == 404:
        return Stored(0, ())
    return _item(_document(answer), answer)[1]


def _document(answer: Answer) -> dict[str, Any]:
    if answer.status != 200:
        said = answer.problem or f"HTTP {answer.status}"
        raise Unreachable(f"the writes can't be read back: {answer.request.path} answered {said}")
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        # No JSON, whatever the header says, or some that nobody could have meant.
        document = None
    if not isinstance(document, dict):
        raise Unreachable(f"the writes can't be read back: {answer.request.path} answered no JSON object")
    return document


def _item(item: Any, answer: Answer) -> tuple[str, Stored]:
    """One stored write: ``{"key", "body", "copies"}``; a missing ``copies`` is one."""
    if not isinstance(item, dict) or "key" not in item or "body" not in item:
        raise Unreachable(f"the writes can't be read back: {answer.request.path} answered an item without key and body")
    copies = item.get("copies", 1)
    if not isinstance(copies, int) or isinstance(copies, bool) or copies < 0:
        raise Unreachable(
            f"the writes can't be read back: {answer.request.path} answered an item whose copies are no number"
        )
    return str(item["key"]), Stored(copies, (str(item["body"]),))
