"""Requests and responses, and the table of routes: HTTP without any I/O."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

JSON: Final = "application/json"
MOST_HEADERS: Final = 100


class HttpError(Exception):
    """Becomes an answer with that status and a JSON body ``{"error": sentence}``."""

    def __init__(self, status: int, sentence: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.status, self.sentence, self.headers = status, sentence, dict(headers or {})


@dataclass(slots=True)
class Request:
    """One request; header names are in lower case."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    version: str
    body: bytes = b""
    route: str = "unmatched"
    """The template that matched, so that a metric's labels don't grow with the keys."""
    parameters: dict[str, str] = field(default_factory=dict)

    @property
    def keep_alive(self) -> bool:
        """Whether the client wants the connection to stay open."""
        wish = self.headers.get("connection", "").lower()
        return wish != "close" if self.version == "HTTP/1.1" else wish == "keep-alive"

    def json_object(self) -> dict[str, Any]:
        """The body as a JSON object; HttpError 400 on anything else."""
        try:
            document = json.loads(self.body)
        except ValueError as error:
            raise HttpError(400, f"the body: expected a JSON object, found no JSON ({error})") from error
        if not isinstance(document, dict):
            raise HttpError(400, f"the body: expected a JSON object, found {type(document).__name__}")
        return document


@dataclass(frozen=True, slots=True)
class Response:
    """One answer."""

    status: int
    body: bytes = b""
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)

    def encode(self, *, with_body: bool, close: bool) -> bytes:
        """The bytes to send."""
        lines = [f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}"]
        headers = {"Content-Type": self.content_type, "Content-Length": str(len(self.body)), **self.headers}
        headers["Connection"] = "close" if close else "keep-alive"
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + (self.body if with_body else b"")


def answer(status: int, document: object, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer."""
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    return Response(status, body + b"\n", headers=headers or {})


def page(text: str) -> Response:
    """An HTML answer."""
    return Response(200, text.encode(), "text/html; charset=utf-8")


def parse_head(head: bytes) -> Request:
    """Request line and headers, without the empty line after them. HttpError 400, 431 or 505 when they are wrong."""
    first, *rest = head.decode("latin-1").split("\r\n")
    parts = first.split(" ")
    if len(parts) != 3 or not parts[0].isalpha() or not parts[1].startswith(("/", "http://", "https://", "*")):
        raise HttpError(400, "the request line: expected METHOD PATH HTTP/1.1")
    method, target, version = parts
    if version not in {"HTTP/1.0", "HTTP/1.1"}:
        raise HttpError(505, "expected HTTP/1.1 or HTTP/1.0")
    if len(rest) > MOST_HEADERS:
        raise HttpError(431, f"expected {MOST_HEADERS} headers or fewer, found {len(rest)}")
    headers: dict[str, str] = {}
    for line in rest:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise HttpError(400, "a header: expected NAME: VALUE")
        headers[name.lower()] = value.strip()
    path, _, query = re.sub(r"^https?://[^/]*", "", target).partition("?")
    return Request(method, unquote(path), dict(parse_qsl(query, keep_blank_values=True)), headers, version)


type Handler = Callable[[Request], Awaitable[Response]]


class Routes:
    """Methods and path templates, ``/orders/{key}``, and what answers them."""

    def __init__(self) -> None:
        self._table: list[tuple[str, str, re.Pattern[str], Handler]] = []

    def add(self, method: str, template: str, handler: Handler) -> None:
        """Let ``handler`` answer; a name in braces takes one part of the path."""
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template)
        self._table.append((method, template, re.compile(pattern), handler))

    def find(self, request: Request) -> Handler:
        """The handler, with the request's route and parameters set. HttpError 404 or 405."""
        allowed: set[str] = set()
        method = "GET" if request.method == "HEAD" else request.method
        for known, template, pattern, handler in self._table:
            match = pattern.fullmatch(request.path)
            if match is None:
                continue
            request.route, request.parameters = template, match.groupdict()
            if known == method:
                return handler
            allowed.add(known)
        if allowed:
            raise HttpError(405, f"{request.path} takes {', '.join(sorted(allowed))}", {"Allow": ", ".join(allowed)})
        raise HttpError(404, f"there is nothing at {request.path}")
