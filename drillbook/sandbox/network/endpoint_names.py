"""A name server for the ingress alone: which ready pods stand behind a Service, answered anew each time.

The ingress asks over and over, so that pods come and go without its configuration being loaded again, which
would end connections that clients keep open. It answers address queries for ``<service>.<namespace>.endpoints.`` and
nothing else.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Mapping, Sequence
from typing import Final, cast

from drillbook.sandbox.kinds import ENDPOINTS
from drillbook.sandbox.store import Store

DOMAIN: Final = "endpoints"
_HEADER: Final = struct.Struct("!6H")
_ANSWER: Final = 0x8400
_NO_SUCH_NAME: Final = 3
_ADDRESS, _INTERNET = 1, 1
_SHORTEST: Final = _HEADER.size + 5
_MOST: Final = 28
"""Addresses in one answer: more don't fit into the 512 bytes that every resolver takes."""


class EndpointNames(asyncio.DatagramProtocol):
    """Serves the names over UDP."""

    def __init__(self, store: Store, stand_ins: Mapping[str, str] | None = None) -> None:
        """``stand_ins``: addresses to tell in place of a pod's own."""
        self._store = store
        self._stand_ins = {} if stand_ins is None else stand_ins
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        reply = answer(data, self._addresses)
        if reply and self._transport:
            self._transport.sendto(reply, addr)

    def _addresses(self, name: str) -> Sequence[str]:
        service, _, rest = name.partition(".")
        namespace, _, domain = rest.partition(".")
        endpoints = self._store.get(ENDPOINTS, namespace, service) if domain == DOMAIN else None
        found = [
            self._stand_ins.get(address["ip"], address["ip"])
            for subset in (endpoints or {}).get("subsets") or ()
            for address in subset.get("addresses") or ()
        ]
        return found[:_MOST]


def name_of(namespace: str, service: str) -> str:
    """The name under which the ready pods of a Service are found."""
    return f"{service}.{namespace}.{DOMAIN}."


def answer(query: bytes, addresses_of: object) -> bytes | None:
    """The reply to a DNS query; None for what is no query."""
    if len(query) < _SHORTEST:
        return None
    number, flags, questions, *_ = _HEADER.unpack_from(query)
    if flags & 0x8000 or questions != 1:
        return None
    labels, position = [], _HEADER.size
    while position < len(query) and (length := query[position]):
        if length > 63:
            return None
        labels.append(query[position + 1 : position + 1 + length].decode("ascii", errors="replace").lower())
        position += 1 + length
    if position + 5 > len(query):
        return None
    kind, class_ = struct.unpack_from("!HH", query, position + 1)
    question = query[_HEADER.size : position + 5]
    known = addresses_of(".".join(labels)) if callable(addresses_of) else ()
    chosen = known if (kind, class_) == (_ADDRESS, _INTERNET) else ()
    records = b"".join(
        struct.pack("!HHHIH4s", 0xC00C, _ADDRESS, _INTERNET, 0, 4, bytes(int(part) for part in address.split(".")))
        for address in chosen
    )
    code = 0 if known else _NO_SUCH_NAME
    asked_flags = flags & 0x0100  # recursion desired, echoed
    return _HEADER.pack(number, _ANSWER | asked_flags | code, 1, len(chosen), 0, 0) + question + records
